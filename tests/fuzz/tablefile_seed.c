// SPDX-License-Identifier: GPL-2.0
/* The first corpus of tablefile_fuzz.c: one file with everything, and a small one. */
#include "shim.h"

static const char *const tablefile_seeds[] = {
	"cluster lab transport tcp\n",
	"# all of it\ncluster lab transport loop\nnode n1 id 1 address 10.77.0.1\n"
	"node n2 id 2 address fd77::2,10.77.0.2 port 7792\n"
	"volume data uuid 12345678-1234-1234-1234-123456789abc device /a owner n1 epoch 3\n"
	"volume b uuid 00000000-0000-0000-0000-000000000001 device /b type ext4\n"
	"access data n2 direct device /dev/mapper/x\naccess b n1 none\naccess b n2 file\n",
};

int main(int argc, char **argv)
{
	char path[4096];
	unsigned int i;
	FILE *out;

	if (argc != 2)
		return 1;
	for (i = 0; i < ARRAY_SIZE(tablefile_seeds); i++) {
		snprintf(path, sizeof(path), "%s/seed-%u", argv[1], i);
		out = fopen(path, "w");
		if (!out || fputs(tablefile_seeds[i], out) < 0 || fclose(out))
			return 1;
	}
	return 0;
}
