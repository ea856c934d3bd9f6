// SPDX-License-Identifier: GPL-2.0
/*
 * The rules of the ownership table: what each breach is called, and which
 * tables may follow each other.
 */
// sources: ../../kernel/control/table.c ../../kernel/control/lookup.c
#ifndef __KERNEL__
#include <netinet/in.h>
#include "control/table.h"
#endif
#include "test.h"

#define TABLE_NODES	80
#define TABLE_VOLUMES	300
#define TABLE_ACCESS	64

/* A table with room for everything that the cases put into it. */
static struct table_box {
	struct csv_table table;
	struct csv_table_node nodes[TABLE_NODES];
	struct csv_table_volume volumes[TABLE_VOLUMES];
	struct csv_table_access access[TABLE_ACCESS];
} table_old, table_new;

static void table_set_addr(struct csv_table_node *node, u32 ip, u16 port)
{
	struct sockaddr_in *sin = (struct sockaddr_in *)&node->addrs[0];

	memset(node->addrs, 0, sizeof(node->addrs));
	node->nr_addrs = 1;
	sin->sin_family = AF_INET;
	sin->sin_addr.s_addr = htonl(ip);
	sin->sin_port = htons(port);
}

static struct csv_table_node *table_add_node(struct table_box *box, u32 id, const char *name)
{
	struct csv_table_node *node = &box->nodes[box->table.nr_nodes++];

	node->id = id;
	strcpy(node->name, name);
	table_set_addr(node, 0x0a4d0000 + id, CSV_PORT);
	return node;
}

static struct csv_table_volume *table_add_volume(struct table_box *box, const char *name,
						 u32 number, u32 owner, u32 epoch)
{
	struct csv_table_volume *volume = &box->volumes[box->table.nr_volumes++];

	strcpy(volume->name, name);
	memset(volume->uuid, 0x5a, sizeof(volume->uuid));
	memcpy(volume->uuid, &number, sizeof(number));
	volume->id = csv_table_volume_id(volume->uuid);
	strcpy(volume->device, "/dev/vda");
	strcpy(volume->fstype, "xfs");
	volume->owner = owner;
	volume->epoch = epoch;
	return volume;
}

static struct csv_table_access *table_add_access(struct table_box *box, u32 node, u32 volume,
						 u8 how)
{
	struct csv_table_access *access = &box->access[box->table.nr_access++];

	access->node = node;
	access->volume = volume;
	access->access = how;
	return access;
}

/* Two nodes, volume "data" of n1 at epoch 5, one block entry: nothing is wrong. */
static void table_make(struct table_box *box)
{
	u32 data;

	memset(box, 0, sizeof(*box));
	box->table.nodes = box->nodes;
	box->table.volumes = box->volumes;
	box->table.access = box->access;
	strcpy(box->table.cluster, "lab");
	table_add_node(box, 2, "n2");
	table_add_node(box, 1, "n1");
	data = table_add_volume(box, "data", 1, 1, 5)->id;
	table_add_access(box, 2, data, CSV_ACCESS_BLOCK);
}

/* Every case breaks one rule of table_make()'s table. */
static void table_break_cluster(struct table_box *box)
{
	strcpy(box->table.cluster, "a b");
}

static void table_break_transport(struct table_box *box)
{
	box->table.transport = CSV_TABLE_TRANSPORTS;
}

static void table_break_node_name(struct table_box *box)
{
	strcpy(box->nodes[1].name, "n/1");
}

static void table_break_node_dash(struct table_box *box)
{
	strcpy(box->nodes[1].name, "-n");
}

static void table_break_node_long(struct table_box *box)
{
	memset(box->nodes[1].name, 'x', sizeof(box->nodes[1].name));
}

static void table_break_node_id(struct table_box *box)
{
	box->nodes[0].id = 0;
	box->table.nr_access = 0;
}

static void table_break_node_id_twice(struct table_box *box)
{
	table_set_addr(table_add_node(box, 1, "n3"), 0x0a4d0009, 1);
}

static void table_break_node_name_twice(struct table_box *box)
{
	table_add_node(box, 3, "n1");
}

static void table_break_addr_none(struct table_box *box)
{
	memset(box->nodes[0].addrs, 0, sizeof(box->nodes[0].addrs));
}

static void table_break_addr_any(struct table_box *box)
{
	table_set_addr(&box->nodes[0], 0, 7791);
}

static void table_break_addr_multicast(struct table_box *box)
{
	table_set_addr(&box->nodes[0], 0xe0000001, 7791);
}

static void table_break_addr_port(struct table_box *box)
{
	table_set_addr(&box->nodes[0], 0x0a4d0001, 0);
}

static void table_break_addr_link_local(struct table_box *box)
{
	struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)&box->nodes[0].addrs[0];

	memset(sin6, 0, sizeof(*sin6));
	sin6->sin6_family = AF_INET6;
	sin6->sin6_port = htons(1);
	sin6->sin6_addr.s6_addr[0] = 0xfe;
	sin6->sin6_addr.s6_addr[1] = 0x80;
	sin6->sin6_addr.s6_addr[15] = 1;
}

static void table_break_addr_twice(struct table_box *box)
{
	table_set_addr(table_add_node(box, 3, "n3"), 0x0a4d0001, CSV_PORT);
}

static void table_break_addrs_none(struct table_box *box)
{
	box->nodes[0].nr_addrs = 0;
}

static void table_break_addrs_many(struct table_box *box)
{
	box->nodes[0].nr_addrs = CSV_ADDRS_MAX + 1;
}

static void table_add_addr(struct csv_table_node *node, const struct csv_table_node *from)
{
	node->addrs[node->nr_addrs++] = from->addrs[0];
}

static void table_break_addrs_same(struct table_box *box)
{
	table_add_addr(&box->nodes[0], &box->nodes[0]);
}

static void table_break_addrs_other(struct table_box *box)
{
	struct csv_table_node *node = table_add_node(box, 3, "n3");

	table_add_addr(node, &box->nodes[0]);
}

static void table_break_volume_name(struct table_box *box)
{
	box->volumes[0].name[0] = '\0';
}

static void table_break_uuid_none(struct table_box *box)
{
	memset(box->volumes[0].uuid, 0, 16);
}

static void table_break_uuid_id(struct table_box *box)
{
	box->volumes[0].id ^= 1;
	box->table.nr_access = 0;
}

static void table_break_uuid_twice(struct table_box *box)
{
	table_add_volume(box, "other", 1, 0, 1);
}

static void table_break_volume_twice(struct table_box *box)
{
	table_add_volume(box, "data", 2, 0, 1);
}

static void table_break_device(struct table_box *box)
{
	strcpy(box->volumes[0].device, "dev/vda");
}

static void table_break_device_blank(struct table_box *box)
{
	strcpy(box->volumes[0].device, "/dev/v da");
}

static void table_break_fstype(struct table_box *box)
{
	strcpy(box->volumes[0].fstype, "btrfs");
}

static void table_break_owner(struct table_box *box)
{
	box->volumes[0].owner = 9;
}

static void table_break_epoch(struct table_box *box)
{
	box->volumes[0].epoch = 0;
}

static void table_break_access_node(struct table_box *box)
{
	box->access[0].node = 9;
}

static void table_break_access_volume(struct table_box *box)
{
	box->access[0].volume ^= 1;
}

static void table_break_access_how(struct table_box *box)
{
	box->access[0].access = CSV_ACCESS_COUNT;
}

static void table_break_access_owner(struct table_box *box)
{
	box->access[0].node = 1;
}

static void table_break_access_twice(struct table_box *box)
{
	table_add_access(box, 2, box->volumes[0].id, CSV_ACCESS_FILE);
}

static void table_break_access_device(struct table_box *box)
{
	strcpy(box->access[0].device, "x");
}

static void table_break_nodes(struct table_box *box)
{
	u32 id;

	for (id = 3; box->table.nr_nodes <= CSV_NODES_MAX; id++)
		table_add_node(box, id, "x");
}

static void table_break_volumes(struct table_box *box)
{
	u32 number;

	for (number = 3; box->table.nr_volumes <= CSV_VOLUMES_MAX; number++)
		table_add_volume(box, "x", number, 0, 1);
}

static const struct table_case {
	void (*breach)(struct table_box *box);
	char kind;
	u32 index;
	const char *text;		/* a part of what is said */
} table_cases[] = {
	{ table_break_cluster, 'c', 0, "cluster: a name is" },
	{ table_break_transport, 'c', 0, "transport 2 is not known" },
	{ table_break_node_name, 'n', 1, "node 1: a name is" },
	{ table_break_node_dash, 'n', 1, "node 1: a name is" },
	{ table_break_node_long, 'n', 1, "node 1: a name is" },
	{ table_break_node_id, 'n', 0, "node n2: ids start at 1" },
	{ table_break_node_id_twice, 'n', 2, "node n3: id 1 is that of node n1" },
	{ table_break_node_name_twice, 'n', 2, "node n1 is there twice" },
	{ table_break_addr_none, 'n', 0, "node n2: no IPv4 or IPv6 address" },
	{ table_break_addr_any, 'n', 0, "the unspecified address" },
	{ table_break_addr_multicast, 'n', 0, "multicast" },
	{ table_break_addr_port, 'n', 0, "without a port" },
	{ table_break_addr_link_local, 'n', 0, "link-local" },
	{ table_break_addr_twice, 'n', 2, "are those of node n1" },
	{ table_break_addrs_none, 'n', 0, "node n2: it needs 1 to 4 addresses, not 0" },
	{ table_break_addrs_many, 'n', 0, "node n2: it needs 1 to 4 addresses, not 5" },
	{ table_break_addrs_same, 'n', 0, "node n2: an address is there twice" },
	{ table_break_addrs_other, 'n', 2, "an address and its port are those of node n2" },
	{ table_break_volume_name, 'v', 0, "a name is" },
	{ table_break_uuid_none, 'v', 0, "no uuid" },
	{ table_break_uuid_id, 'v', 0, "not that of its uuid" },
	{ table_break_uuid_twice, 'v', 1, "volume other: its uuid is that of volume data" },
	{ table_break_volume_twice, 'v', 1, "volume data is there twice" },
	{ table_break_device, 'v', 0, "absolute path" },
	{ table_break_device_blank, 'v', 0, "without blanks" },
	{ table_break_fstype, 'v', 0, "type btrfs is neither xfs nor ext4" },
	{ table_break_owner, 'v', 0, "its owner 9 is no node" },
	{ table_break_epoch, 'v', 0, "epochs start at 1" },
	{ table_break_access_node, 'a', 0, "9 is no node" },
	{ table_break_access_volume, 'a', 0, "is no volume" },
	{ table_break_access_how, 'a', 0, "none of none, direct, block, file" },
	{ table_break_access_owner, 'a', 0, "access data n1: the owner reaches its disk itself" },
	{ table_break_access_twice, 'a', 1, "access data n2 is there twice" },
	{ table_break_access_device, 'a', 0, "absolute path" },
	{ table_break_nodes, 'c', 0, "65 nodes are more than 64" },
	{ table_break_volumes, 'c', 0, "257 volumes are more than 256" },
};

CSV_TEST(table_test_rules)
{
	struct csv_table_error error;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(table_cases); i++) {
		const struct table_case *c = &table_cases[i];

		table_make(&table_new);
		c->breach(&table_new);
		CSV_EXPECT_EQ(csv_table_check(&table_new.table, &error), -EINVAL);
		CSV_EXPECT_EQ(error.kind, c->kind);
		CSV_EXPECT_EQ(error.index, c->index);
		CSV_EXPECT_TRUE(strstr(error.msg, c->text));
	}
}

static void table_count(void *ctx, const struct csv_table_error *error)
{
	(*(unsigned int *)ctx)++;
	(void)error;
}

CSV_TEST(table_test_every_error)
{
	unsigned int count = 0;

	table_make(&table_new);
	table_break_cluster(&table_new);
	table_break_addr_any(&table_new);
	table_break_epoch(&table_new);
	table_break_fstype(&table_new);
	table_break_access_twice(&table_new);
	CSV_EXPECT_EQ(csv_table_check_each(&table_new.table, table_count, &count), 5);
	CSV_EXPECT_EQ(count, 5);
}

CSV_TEST(table_test_sorted)
{
	struct csv_table *table = &table_new.table;
	struct csv_table_error error;
	u32 i, data;

	table_make(&table_new);
	for (i = 2; i < 100; i++) {
		char name[8];

		snprintf(name, sizeof(name), "v%u", i);
		table_add_volume(&table_new, name, i, 0, 1);
	}
	data = table_new.volumes[0].id;
	table_add_access(&table_new, 1, data, CSV_ACCESS_NONE);
	strcpy(table_add_access(&table_new, 1, table_new.volumes[7].id, CSV_ACCESS_FILE)->device,
	       "/dev/own");
	CSV_ASSERT_EQ(csv_table_check(table, &error), 0);
	CSV_EXPECT_EQ(table->nodes[0].id, 1);
	CSV_EXPECT_EQ(table->nodes[1].id, 2);
	for (i = 1; i < table->nr_volumes; i++)
		CSV_EXPECT_TRUE(table->volumes[i - 1].id < table->volumes[i].id);
	for (i = 0; i < table->nr_volumes; i++)
		CSV_EXPECT_TRUE(csv_table_find_volume(table, table->volumes[i].id) ==
				&table->volumes[i]);
	CSV_EXPECT_TRUE(!csv_table_find_volume(table, data ^ 1));
	CSV_EXPECT_EQ(csv_table_find_volume_name(table, "data")->id, data);
	CSV_EXPECT_EQ(csv_table_find_node_name(table, "n2")->id, 2);
	CSV_EXPECT_TRUE(!csv_table_find_node(table, 3));

	CSV_EXPECT_EQ(csv_table_access(table, 1, data), CSV_ACCESS_NONE);
	CSV_EXPECT_EQ(csv_table_access(table, 2, data), CSV_ACCESS_BLOCK);
	CSV_EXPECT_EQ(csv_table_access(table, 2, csv_table_find_volume_name(table, "v9")->id),
		      CSV_ACCESS_DIRECT);
	CSV_EXPECT_EQ(csv_table_access(table, 3, data), CSV_ACCESS_NONE);
	CSV_EXPECT_TRUE(!strcmp(csv_table_device(table, 2, data), "/dev/vda"));
	CSV_EXPECT_TRUE(!strcmp(csv_table_device(table, 1,
						 csv_table_find_volume_name(table, "v8")->id),
				"/dev/own"));
	CSV_EXPECT_TRUE(!strcmp(csv_table_device(table, 1, data ^ 1), ""));
}

/* Whether @new may follow table_make()'s table: NULL, or a part of what is said. */
static const struct table_change {
	const char *text;
	u32 epoch, owner, number;
	const char *fstype, *cluster, *name, *node;
} table_changes[] = {
	{ NULL, 5, 1, 1, "xfs", "lab", "data", "n1" },
	{ NULL, 6, 1, 1, "xfs", "lab", "data", "n1" },
	{ NULL, 6, 0, 1, "xfs", "lab", "data", "n1" },
	{ NULL, 6, 1, 2, "xfs", "lab", "data", "n1" },
	{ NULL, 6, 1, 1, "ext4", "lab", "data", "n1" },
	{ NULL, 5, 1, 1, "xfs", "lab", "renamed", "n1" },
	{ "volume data: epoch 4 is older than 5 in force", 4, 1, 1, "xfs", "lab", "data", "n1" },
	{ "volume renamed: epoch 4 is older", 4, 1, 1, "xfs", "lab", "renamed", "n1" },
	{ "volume data: epoch 4 is older", 4, 1, 2, "xfs", "lab", "data", "n1" },
	{ "volume data: another owner needs an epoch above 5", 5, 0, 1, "xfs", "lab", "data",
	  "n1" },
	{ "volume data: another uuid needs", 5, 1, 2, "xfs", "lab", "data", "n1" },
	{ "volume data: another type needs", 5, 1, 1, "ext4", "lab", "data", "n1" },
	{ "this node is in cluster lab", 6, 1, 1, "xfs", "other", "data", "n1" },
	{ "node nx: id 1 is n1's, the owner of volume data", 6, 1, 1, "xfs", "lab", "data",
	  "nx" },
};

CSV_TEST(table_test_change)
{
	struct csv_table_error error;
	unsigned int i;

	table_make(&table_old);
	CSV_ASSERT_EQ(csv_table_check(&table_old.table, &error), 0);
	for (i = 0; i < ARRAY_SIZE(table_changes); i++) {
		const struct table_change *c = &table_changes[i];
		struct csv_table_volume *volume;
		int ret;

		table_make(&table_new);
		table_new.table.nr_volumes = 0;
		table_new.table.nr_access = 0;
		strcpy(table_new.table.cluster, c->cluster);
		strcpy(table_new.nodes[1].name, c->node);
		volume = table_add_volume(&table_new, c->name, c->number, c->owner, c->epoch);
		strcpy(volume->fstype, c->fstype);
		CSV_ASSERT_EQ(csv_table_check(&table_new.table, &error), 0);
		CSV_EXPECT_EQ(csv_table_check_change(NULL, &table_new.table, &error), 0);
		ret = csv_table_check_change(&table_old.table, &table_new.table, &error);
		CSV_EXPECT_EQ(ret, c->text ? -EINVAL : 0);
		if (c->text)
			CSV_EXPECT_TRUE(strstr(error.msg, c->text));
	}

	/* everything goes, and another cluster may come */
	table_make(&table_new);
	table_new.table.nr_nodes = 0;
	table_new.table.nr_volumes = 0;
	table_new.table.nr_access = 0;
	CSV_EXPECT_EQ(csv_table_check_change(&table_old.table, &table_new.table, &error), 0);
	table_make(&table_old);
	strcpy(table_old.table.cluster, "other");
	CSV_EXPECT_EQ(csv_table_check_change(&table_new.table, &table_old.table, &error), 0);
}

static u32 table_digest_word(void)
{
	struct csv_table_error error;
	u8 digest[16];
	u32 word;

	if (csv_table_check(&table_new.table, &error))
		return 0;
	csv_table_digest(&table_new.table, digest);
	memcpy(&word, digest, sizeof(word));
	return word;
}

CSV_TEST(table_test_digest)
{
	u32 same;

	table_make(&table_new);
	same = table_digest_word();
	CSV_EXPECT_TRUE(same);

	/* not part of it */
	table_make(&table_new);
	table_new.nodes[0].fenced = true;
	table_new.access[0].access = CSV_ACCESS_FILE;
	strcpy(table_new.volumes[0].device, "/dev/other");
	table_new.table.generation = 9;
	CSV_EXPECT_EQ(table_digest_word(), same);

	/* part of it */
	table_make(&table_new);
	table_new.volumes[0].epoch++;
	CSV_EXPECT_TRUE(table_digest_word() != same);
	table_make(&table_new);
	table_new.volumes[0].owner = 0;
	CSV_EXPECT_TRUE(table_digest_word() != same);
	table_make(&table_new);
	table_set_addr(&table_new.nodes[0], 0x0a4d0002, 1);
	CSV_EXPECT_TRUE(table_digest_word() != same);
	table_make(&table_new);
	table_add_addr(&table_new.nodes[0], &table_new.nodes[0]);
	CSV_EXPECT_TRUE(table_digest_word() != same);
	table_make(&table_new);
	strcpy(table_new.nodes[0].name, "n3");
	CSV_EXPECT_TRUE(table_digest_word() != same);
	table_make(&table_new);
	strcpy(table_new.table.cluster, "lac");
	CSV_EXPECT_TRUE(table_digest_word() != same);
	table_make(&table_new);
	table_new.table.transport = 1;
	CSV_EXPECT_TRUE(table_digest_word() != same);
	table_make(&table_new);
	table_new.table.data_digest = true;
	CSV_EXPECT_TRUE(table_digest_word() != same);
}

/* The numbers that other nodes compute, whatever their byte order. */
CSV_TEST(table_test_volume_id)
{
	static const u8 uuid[16] = {
		0x12, 0x34, 0x56, 0x78, 0x12, 0x34, 0x12, 0x34,
		0x12, 0x34, 0x12, 0x34, 0x56, 0x78, 0x9a, 0xbc,
	};

	CSV_EXPECT_EQ(csv_table_volume_id(uuid), 0x6da7ce24);
}

CSV_SUITE(table,
	  CSV_CASE(table_test_rules),
	  CSV_CASE(table_test_every_error),
	  CSV_CASE(table_test_sorted),
	  CSV_CASE(table_test_change),
	  CSV_CASE(table_test_digest),
	  CSV_CASE(table_test_volume_id));
