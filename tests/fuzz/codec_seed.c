// SPDX-License-Identifier: GPL-2.0
/* The first corpus of codec_fuzz.c: every message once, and a header. */
// sources: ../../kernel/wire/codec.c ../../kernel/wire/message.c
#include <limits.h>
#include "shim.h"
#include "wire/wire.h"

static int codec_seed_write(const char *dir, const char *name, const char *kind, u8 what, u16 op,
			    const void *buf, int len)
{
	u8 head[3] = { what, op & 0xff, op >> 8 };
	char path[PATH_MAX];
	FILE *file;

	if (len < 0)
		return 1;
	snprintf(path, sizeof(path), "%s/seed-%s-%s", dir, name, kind);
	file = fopen(path, "w");
	if (!file || fwrite(head, sizeof(head), 1, file) != 1 ||
	    (len && fwrite(buf, len, 1, file) != 1) || fclose(file)) {
		perror(path);
		return 1;
	}
	return 0;
}

int main(int argc, char **argv)
{
	static const struct csv_args args = {
		.cred = { .uid = 1000, .gid = 100, .caps = 1, .umask = 022, .ngroups = 2,
			  .groups = { 4, 27 } },
		.fh = { .len = 8, .type = 1, .data = { 1, 2, 3, 4, 5, 6, 7, 8 } },
		.fh2 = { .len = 5, .type = 0x81, .data = { 9, 8, 7, 6, 5 } },
		.name = { .str = "first", .len = 5 },
		.name2 = { .str = "second", .len = 6 },
		.flags = 1,
		.mode = 0100644,
		.offset = 4096,
		.length = 65536,
		.count = 4096,
		.seq = 7,
		.setattr = { .valid = CSV_SET_ALL, .mode = 0644, .size = 5,
			     .atime = { 1700000000, 1 }, .mtime = { 1700000000, 2 } },
		.attr = { .seq = 9, .ino = 128, .size = 4096, .blocks = 8, .mode = 0100644,
			  .nlink = 1, .mtime = { 1700000000, 999999999 } },
		.fsinfo = { .maxbytes = 1ull << 62, .blocksize = 4096, .lbs = 512 },
	};
	static u8 buf[CSV_WIRE_HDR_MAX] __aligned(8);
	struct csv_wire_hdr *hdr = (struct csv_wire_hdr *)buf;
	unsigned int op;
	int err = 0;

	if (argc != 2) {
		fprintf(stderr, "usage: %s folder\n", argv[0]);
		return 2;
	}
	for (op = 0; op < CSV_OP_COUNT; op++) {
		const char *name = csv_wire_op_name(op);

		err |= codec_seed_write(argv[1], name, "req", 0, op, buf,
					csv_wire_put_req(op, &args, buf, sizeof(buf)));
		err |= codec_seed_write(argv[1], name, "rsp", 1, op, buf,
					csv_wire_put_rsp(op, &args, buf, sizeof(buf)));
	}
	err |= codec_seed_write(argv[1], "attr", "dirent", 2, 0, buf,
				csv_wire_put_attr(&args.attr, &args.fh, buf, sizeof(buf)));
	memset(buf, 0, sizeof(buf));
	hdr->type = CSV_MSG_REQ;
	hdr->doff = 6;
	csv_wire_seal(hdr, 48);
	err |= codec_seed_write(argv[1], "header", "req", 3, 0, buf, 48);
	return err;
}
