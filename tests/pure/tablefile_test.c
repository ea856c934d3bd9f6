// SPDX-License-Identifier: GPL-2.0
/*
 * The table file: every error with its line, and that what is written is read
 * back as it was.
 */
// sources: ../../userspace/tablefile.c ../../userspace/tablefmt.c ../../userspace/print.c
// sources: ../../kernel/control/table.c ../../kernel/control/lookup.c
// flags: -I../../userspace
#include "../../userspace/tablefile.h"
#include "test.h"

#define HEAD	"cluster lab transport tcp\n"
#define NODES	HEAD "node n1 id 1 address 10.77.0.1\n" \
		"node n2 id 2 address fd77::2,10.77.0.2 port 99\n"
#define UUID	"12345678-1234-1234-1234-123456789abc"
#define SMALL	"uuid 00000000-0000-0000-0000-000000000001\n"
#define DATA	"volume data uuid " UUID " device /dev/vda"

/* A file, and what is said of it: "line text" ... */
static const struct tablefile_case {
	const char *text;
	const char *errors[8];
} tablefile_cases[] = {
	{ NODES DATA " owner n1 epoch 7\naccess data n2 block device /dev/x\n", {} },
	{ "# a comment\n\n\t \t\ncluster lab#1\n", { "4 cluster: a name is" } },
	{ HEAD "  # indented\n", {} },
	{ "cluster lab", {} },
	{ HEAD "access data n2 block\nnode n2 id 2 address ::3 # later\n" DATA, {} },
	{ "", { "0 a line names the cluster" } },
	{ HEAD HEAD, { "2 the cluster was named in line 1" } },
	{ "cluster\n", { "1 the name of a cluster is missing" } },
	{ "cluster lab digest on transport tcp\n", {} },
	{ "cluster lab digest maybe\n", { "1 digest maybe: it is on or off" } },
	{ "cluster lab transport smoke\n", { "1 transport smoke: it is tcp or loop" } },
	{ "cluster lab colour red\n", { "1 colour is not known here" } },
	{ HEAD "bogus\n", { "2 bogus: a line starts with" } },
	{ HEAD "node\n", { "2 the name of a node is missing", "2 id is missing",
			   "2 address is missing" } },
	{ HEAD "node n1 id x address 1.2.3\n", { "2 id x: ids are numbers", "2 address 1.2.3:" } },
	{ HEAD "node n1 id 1 id 2 address 10.0.0.1\n", { "2 id is there twice" } },
	{ HEAD "node n1 id\n", { "2 id what?", "2 id is missing", "2 address is missing" } },
	{ HEAD "node n1 id 1 address 10.0.0.1,fd77::1,10.0.0.2,10.0.0.3\n", {} },
	{ HEAD "node n1 id 1 address 10.0.0.1,10.0.0.1\n",
	  { "2 node n1: an address is there twice" } },
	{ HEAD "node n1 id 1 address 10.0.0.1,\n", { "2 address : neither IPv4 nor IPv6" } },
	{ HEAD "node n1 id 1 address 10.0.0.1,x,10.0.0.2\n", { "2 address x: neither" } },
	{ HEAD "node n1 id 1 address 10.0.0.1,10.0.0.2,10.0.0.3,10.0.0.4,10.0.0.5\n",
	  { "2 address: a node has at most 4" } },
	{ HEAD "node n1 id 1 address 10.0.0.1 port 0\n", { "2 port 0: ports are" } },
	{ HEAD "node n1 id 1 address 10.0.0.1 port 65536\n", { "2 port 65536: ports are" } },
	{ HEAD "node n1 id 4294967296 address 10.0.0.1\n", { "2 id 4294967296" } },
	{ NODES "node n2 id 3 address 10.77.0.1\n",
	  { "4 node n2: an address and its port are those of node n1",
	    "4 node n2 is there twice" } },
	{ NODES DATA " owner n9 epoch 0\n",
	  { "4 epoch 0: epochs are", "4 no line names a node n9" } },
	{ NODES "volume data uuid 123 device dev/vda type zfs\n",
	  { "4 uuid 123: not as blkid", "4 volume data: a device is an absolute path",
	    "4 volume data: type zfs is neither" } },
	{ NODES "volume data\n", { "4 uuid is missing", "4 device is missing" } },
	{ NODES DATA "\naccess data n1\naccess data n1 sideways\naccess none n1 file\n",
	  { "5 not access VOLUME NODE", "6 access sideways: it is",
	    "7 no line names a volume none" } },
	{ NODES DATA " owner n1\naccess data n1 file\naccess data n2 file\n"
	  "access data n2 block\n",
	  { "5 access data n1: the owner reaches its disk itself",
	    "7 access data n2 is there twice" } },
	{ HEAD "node \x01 id 1 address 10.0.0.1\n", { "2 not a line of text" } },
	{ HEAD "a b c d e f g h i j k l m n o p q r s t u v w x y z 1 2 3 4 5 6 7 8\n",
	  { "2 more than 32 words" } },
};

static unsigned int tablefile_read_text(struct tablefile *tf, const char *text)
{
	FILE *in = fmemopen((void *)(*text ? text : " "), *text ? strlen(text) : 1, "r");
	unsigned int count;

	tablefile_init(tf, "test");
	count = tablefile_read(tf, in);
	fclose(in);
	return count;
}

static bool tablefile_said(const struct tablefile *tf, const char *expected)
{
	unsigned int i, line = strtoul(expected, NULL, 10);
	const char *text = strchr(expected, ' ') + 1;

	for (i = 0; i < tf->nr_errors; i++) {
		if (tf->errors[i].line == line && strstr(tf->errors[i].msg, text))
			return true;
	}
	printf("# not said: %s\n", expected);
	return false;
}

CSV_TEST(tablefile_test_errors)
{
	struct tablefile tf;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(tablefile_cases); i++) {
		const struct tablefile_case *c = &tablefile_cases[i];
		unsigned int count = tablefile_read_text(&tf, c->text);

		for (j = 0; j < ARRAY_SIZE(c->errors) && c->errors[j]; j++)
			CSV_EXPECT_TRUE(tablefile_said(&tf, c->errors[j]));
		if (!CSV_EXPECT_EQ(count, j)) {
			printf("# %s", c->text);
			tablefile_print_errors(&tf, stdout);
		}
		for (j = 1; j < tf.nr_errors; j++)
			CSV_EXPECT_TRUE(tf.errors[j - 1].line <= tf.errors[j].line);
		tablefile_free(&tf);
	}
}

CSV_TEST(tablefile_test_values)
{
	const struct csv_table_volume *data;
	struct tablefile tf;

	CSV_ASSERT_EQ(tablefile_read_text(&tf, tablefile_cases[0].text), 0);
	data = csv_table_find_volume_name(&tf.table, "data");
	CSV_ASSERT_TRUE(data);
	CSV_EXPECT_EQ(data->owner, 1);
	CSV_EXPECT_EQ(data->epoch, 7);
	CSV_EXPECT_EQ(data->uuid[15], 0xbc);
	CSV_EXPECT_TRUE(!strcmp(data->fstype, "xfs"));
	CSV_EXPECT_EQ(tablefile_get_port(&tf.table.nodes[0].addrs[0]), CSV_PORT);
	CSV_EXPECT_EQ(tablefile_get_port(&tf.table.nodes[1].addrs[0]), 99);
	CSV_EXPECT_EQ(tf.table.nodes[1].nr_addrs, 2);
	CSV_EXPECT_EQ(tablefile_get_port(&tf.table.nodes[1].addrs[1]), 99);
	CSV_EXPECT_EQ(csv_table_access(&tf.table, 2, data->id), CSV_ACCESS_BLOCK);
	CSV_EXPECT_TRUE(!strcmp(csv_table_device(&tf.table, 2, data->id), "/dev/x"));
	tablefile_free(&tf);
}

CSV_TEST(tablefile_test_lines)
{
	struct csv_table_error error = { .kind = 'n' };
	struct tablefile tf;

	CSV_ASSERT_EQ(tablefile_read_text(&tf, HEAD "node b id 9 address 10.0.0.9\n"
					  "node a id 1 address 10.0.0.1\n" DATA "\n"
					  "access data b file\n"), 0);
	error.index = 0;				/* by id: a */
	CSV_EXPECT_EQ(tablefile_line(&tf, &error), 3);
	error.index = 1;
	CSV_EXPECT_EQ(tablefile_line(&tf, &error), 2);
	error.kind = 'a';
	error.index = 0;
	CSV_EXPECT_EQ(tablefile_line(&tf, &error), 5);
	error.kind = 'c';
	CSV_EXPECT_EQ(tablefile_line(&tf, &error), 1);
	tablefile_free(&tf);
}

CSV_TEST(tablefile_test_round_trip)
{
	char *once = NULL, *twice = NULL;
	struct tablefile tf;
	size_t size;
	FILE *out;

	CSV_ASSERT_EQ(tablefile_read_text(&tf, NODES DATA " owner n2 epoch 3 type ext4\n"
					  "volume a device /dev/a " SMALL "access a n1 none\n"), 0);
	out = open_memstream(&once, &size);
	tablefile_write(&tf.table, out);
	fclose(out);
	tablefile_free(&tf);

	CSV_ASSERT_EQ(tablefile_read_text(&tf, once), 0);
	out = open_memstream(&twice, &size);
	tablefile_write(&tf.table, out);
	fclose(out);
	tablefile_free(&tf);
	CSV_EXPECT_TRUE(!strcmp(once, twice));
	CSV_EXPECT_TRUE(strstr(once, "volume a ") < strstr(once, "volume data "));
	CSV_EXPECT_TRUE(strstr(once, "volume data uuid " UUID
			       " device /dev/vda type ext4 owner n2 epoch 3\n"));
	free(once);
	free(twice);
}

CSV_SUITE(tablefile,
	  CSV_CASE(tablefile_test_errors),
	  CSV_CASE(tablefile_test_values),
	  CSV_CASE(tablefile_test_lines),
	  CSV_CASE(tablefile_test_round_trip));
