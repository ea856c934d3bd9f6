// SPDX-License-Identifier: GPL-2.0
/*
 * csvctl cluster: the ownership table as a whole.
 *
 * A table is read from the kernel with its generation and put back with it, so
 * that two administrators do not undo each other's changes.
 */
#define _GNU_SOURCE
#include <netinet/in.h>
#include "nl.h"
#include "print.h"
#include "tablefile.h"

#define CLUSTER_RETRIES	10

static void cluster_copy(char *to, size_t size, const struct nlattr *from)
{
	snprintf(to, size, "%s", nl_str(from));
}

static void cluster_get_addr(const struct nlattr *attr, struct sockaddr_storage *addr)
{
	if (mnl_attr_get_payload_len(attr) == 16) {
		addr->ss_family = AF_INET6;
		nl_bytes(attr, &((struct sockaddr_in6 *)addr)->sin6_addr, 16);
	} else {
		addr->ss_family = AF_INET;
		nl_bytes(attr, &((struct sockaddr_in *)addr)->sin_addr, 4);
	}
}

static int cluster_get_node(const struct nlattr *nest, struct tablefile *tf)
{
	struct csv_table_node *node = tablefile_add_node(tf);
	struct nlattr *tb[NL_ATTRS];
	const struct nlattr *attr;

	if (!node)
		return csvctl_error("out of memory");
	nl_parse_nested(nest, tb);
	node->id = nl_uint(tb[CSVFS_A_NODE_ID]);
	cluster_copy(node->name, sizeof(node->name), tb[CSVFS_A_NODE_NAME]);
	mnl_attr_for_each_nested(attr, nest) {
		if (mnl_attr_get_type(attr) != CSVFS_A_NODE_ADDR ||
		    node->nr_addrs == CSV_ADDRS_MAX)
			continue;
		cluster_get_addr(attr, &node->addrs[node->nr_addrs]);
		tablefile_set_port(&node->addrs[node->nr_addrs++],
				   nl_uint(tb[CSVFS_A_NODE_PORT]));
	}
	return CSVCTL_OK;
}

static int cluster_get_volume(const struct nlattr *nest, struct tablefile *tf)
{
	struct csv_table_volume *volume = tablefile_add_volume(tf);
	struct nlattr *tb[NL_ATTRS];

	if (!volume)
		return csvctl_error("out of memory");
	nl_parse_nested(nest, tb);
	volume->id = nl_uint(tb[CSVFS_A_VOLUME_ID]);
	nl_bytes(tb[CSVFS_A_VOLUME_UUID], volume->uuid, sizeof(volume->uuid));
	cluster_copy(volume->name, sizeof(volume->name), tb[CSVFS_A_VOLUME_NAME]);
	cluster_copy(volume->device, sizeof(volume->device), tb[CSVFS_A_VOLUME_DEVICE]);
	cluster_copy(volume->fstype, sizeof(volume->fstype), tb[CSVFS_A_VOLUME_FSTYPE]);
	volume->owner = nl_uint(tb[CSVFS_A_VOLUME_OWNER]);
	volume->epoch = nl_uint(tb[CSVFS_A_VOLUME_EPOCH]);
	return CSVCTL_OK;
}

static int cluster_get_access(const struct nlattr *nest, struct tablefile *tf)
{
	struct csv_table_access *access = tablefile_add_access(tf);
	struct nlattr *tb[NL_ATTRS];

	if (!access)
		return csvctl_error("out of memory");
	nl_parse_nested(nest, tb);
	access->node = nl_uint(tb[CSVFS_A_ACCESS_NODE]);
	access->volume = nl_uint(tb[CSVFS_A_ACCESS_VOLUME]);
	access->access = nl_uint(tb[CSVFS_A_ACCESS_ACCESS]);
	cluster_copy(access->device, sizeof(access->device), tb[CSVFS_A_ACCESS_DEVICE]);
	return CSVCTL_OK;
}

static int cluster_get_row(struct nlattr **tb, void *ctx)
{
	struct tablefile *tf = ctx;

	if (tb[CSVFS_A_TABLE_GENERATION]) {
		tf->table.generation = nl_uint(tb[CSVFS_A_TABLE_GENERATION]);
		tf->table.transport = nl_uint(tb[CSVFS_A_TABLE_TRANSPORT]);
		tf->table.data_digest = nl_uint(tb[CSVFS_A_TABLE_DATA_DIGEST]);
		cluster_copy(tf->table.cluster, sizeof(tf->table.cluster),
			     tb[CSVFS_A_TABLE_CLUSTER]);
	}
	if (tb[CSVFS_A_TABLE_NODE])
		return cluster_get_node(tb[CSVFS_A_TABLE_NODE], tf);
	if (tb[CSVFS_A_TABLE_VOLUME])
		return cluster_get_volume(tb[CSVFS_A_TABLE_VOLUME], tf);
	if (tb[CSVFS_A_TABLE_ACCESS])
		return cluster_get_access(tb[CSVFS_A_TABLE_ACCESS], tf);
	return CSVCTL_OK;
}

/* The table in force; without one, a table without a cluster's name. */
int cluster_get_table(struct tablefile *tf)
{
	tablefile_init(tf, "table in force");
	return nl_dump(CSVFS_CMD_TABLE_GET, cluster_get_row, tf);
}

static void cluster_put_addr(struct nlmsghdr *nlh, const struct sockaddr_storage *addr)
{
	if (addr->ss_family == AF_INET6)
		mnl_attr_put(nlh, CSVFS_A_NODE_ADDR, 16,
			     &((const struct sockaddr_in6 *)addr)->sin6_addr);
	else
		mnl_attr_put(nlh, CSVFS_A_NODE_ADDR, 4,
			     &((const struct sockaddr_in *)addr)->sin_addr);
}

static void cluster_put_node(struct nlmsghdr *nlh, const struct csv_table_node *node)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, CSVFS_A_TABLE_NODE);
	u32 i;

	mnl_attr_put_u32(nlh, CSVFS_A_NODE_ID, node->id);
	mnl_attr_put_strz(nlh, CSVFS_A_NODE_NAME, node->name);
	for (i = 0; i < node->nr_addrs; i++)
		cluster_put_addr(nlh, &node->addrs[i]);
	mnl_attr_put_u16(nlh, CSVFS_A_NODE_PORT, tablefile_get_port(&node->addrs[0]));
	mnl_attr_nest_end(nlh, nest);
}

static void cluster_put_volume(struct nlmsghdr *nlh, const struct csv_table_volume *volume)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, CSVFS_A_TABLE_VOLUME);

	mnl_attr_put(nlh, CSVFS_A_VOLUME_UUID, sizeof(volume->uuid), volume->uuid);
	mnl_attr_put_strz(nlh, CSVFS_A_VOLUME_NAME, volume->name);
	mnl_attr_put_strz(nlh, CSVFS_A_VOLUME_DEVICE, volume->device);
	mnl_attr_put_strz(nlh, CSVFS_A_VOLUME_FSTYPE, volume->fstype);
	mnl_attr_put_u32(nlh, CSVFS_A_VOLUME_OWNER, volume->owner);
	mnl_attr_put_u32(nlh, CSVFS_A_VOLUME_EPOCH, volume->epoch);
	mnl_attr_nest_end(nlh, nest);
}

static void cluster_put_access(struct nlmsghdr *nlh, const struct csv_table_access *access)
{
	struct nlattr *nest = mnl_attr_nest_start(nlh, CSVFS_A_TABLE_ACCESS);

	mnl_attr_put_u32(nlh, CSVFS_A_ACCESS_NODE, access->node);
	mnl_attr_put_u32(nlh, CSVFS_A_ACCESS_VOLUME, access->volume);
	mnl_attr_put_u8(nlh, CSVFS_A_ACCESS_ACCESS, access->access);
	if (access->device[0])
		mnl_attr_put_strz(nlh, CSVFS_A_ACCESS_DEVICE, access->device);
	mnl_attr_nest_end(nlh, nest);
}

/* Push a checked table; @again: somebody else was faster than its generation. */
int cluster_put_table(struct tablefile *tf, bool *again)
{
	const struct csv_table *table = &tf->table;
	struct nlmsghdr *nlh;
	int err, ret;
	u32 i;

	/* more than what each object takes: every string, and 8 bytes an attribute */
	nlh = nl_begin(CSVFS_CMD_TABLE_APPLY, 1024 + sizeof(*table->nodes) * table->nr_nodes +
		       (sizeof(*table->volumes) + 128) * table->nr_volumes +
		       (sizeof(*table->access) + 128) * table->nr_access);
	if (!nlh)
		return CSVCTL_KERNEL;
	mnl_attr_put_u32(nlh, CSVFS_A_TABLE_GENERATION, table->generation);
	mnl_attr_put_strz(nlh, CSVFS_A_TABLE_CLUSTER, table->cluster);
	mnl_attr_put_u8(nlh, CSVFS_A_TABLE_TRANSPORT, table->transport);
	mnl_attr_put_u8(nlh, CSVFS_A_TABLE_DATA_DIGEST, table->data_digest);
	for (i = 0; i < table->nr_nodes; i++)
		cluster_put_node(nlh, &table->nodes[i]);
	for (i = 0; i < table->nr_volumes; i++)
		cluster_put_volume(nlh, &table->volumes[i]);
	for (i = 0; i < table->nr_access; i++)
		cluster_put_access(nlh, &table->access[i]);
	ret = nl_do(nlh, &err);
	*again = err == EAGAIN;
	return ret;
}

static int cluster_give_up(void)
{
	csvctl_error("the table keeps changing: try again");
	return CSVCTL_KERNEL;
}

int cluster_edit_table(int (*edit)(struct tablefile *tf, void *ctx), void *ctx)
{
	unsigned int attempt;
	bool again = true;
	int ret = CSVCTL_OK;

	for (attempt = 0; again && attempt < CLUSTER_RETRIES; attempt++) {
		struct tablefile tf;

		again = false;
		ret = cluster_get_table(&tf);
		if (!ret && !tf.table.cluster[0])
			ret = csvctl_error("no table is in force: csvctl cluster apply FILE first");
		if (!ret)
			ret = edit(&tf, ctx);
		if (!ret && tablefile_check(&tf)) {
			tablefile_print_errors(&tf, stderr);
			ret = CSVCTL_USAGE;
		}
		if (!ret)
			ret = cluster_put_table(&tf, &again);
		tablefile_free(&tf);
	}
	return again ? cluster_give_up() : ret;
}

/* Whether @tf may follow the table in force; tells more than an extack can. */
static int cluster_check_change(struct tablefile *tf)
{
	struct csv_table_error error;
	struct tablefile old;
	unsigned int line;
	int ret;

	ret = cluster_get_table(&old);
	if (!ret && old.table.cluster[0] && !csv_table_check(&old.table, &error) &&
	    csv_table_check_change(&old.table, &tf->table, &error)) {
		line = tablefile_line(tf, &error);
		if (line)
			fprintf(stderr, "%s:%u: %s\n", tf->name, line, error.msg);
		else
			fprintf(stderr, "%s: %s\n", tf->name, error.msg);
		ret = CSVCTL_KERNEL;
	}
	tf->table.generation = old.table.generation;
	tablefile_free(&old);
	return ret;
}

static int cluster_apply(int argc, char **argv)
{
	unsigned int attempt;
	struct tablefile tf;
	bool again = true;
	FILE *in = stdin;
	int ret;

	if (argc != 1)
		return csvctl_usage("cluster apply takes one file, or - for standard input");
	if (strcmp(argv[0], "-")) {
		in = fopen(argv[0], "re");
		if (!in)
			return csvctl_error("%s: %s", argv[0], strerror(errno));
	}
	tablefile_init(&tf, in == stdin ? "<stdin>" : argv[0]);
	ret = tablefile_read(&tf, in) ? CSVCTL_USAGE : CSVCTL_OK;
	if (in != stdin)
		fclose(in);
	if (ret) {
		tablefile_print_errors(&tf, stderr);
		again = false;
	}
	for (attempt = 0; !ret && again && attempt < CLUSTER_RETRIES; attempt++) {
		again = false;
		ret = cluster_check_change(&tf);
		if (!ret)
			ret = cluster_put_table(&tf, &again);
		if (again)
			ret = CSVCTL_OK;
	}
	tablefile_free(&tf);
	return again && !ret ? cluster_give_up() : ret;
}

static int cluster_export(int argc, char **argv)
{
	struct csv_table_error error;
	struct tablefile tf;
	int ret;

	if (argc)
		return csvctl_usage("\"%s\" behind cluster export", argv[0]);
	ret = cluster_get_table(&tf);
	if (!ret) {
		if (tf.table.cluster[0])
			csv_table_check(&tf.table, &error);	/* as the kernel has it: sorted */
		tablefile_write(&tf.table, stdout);
	}
	tablefile_free(&tf);
	return ret;
}

static void cluster_show_json(const struct csv_table *table)
{
	char addr[INET6_ADDRSTRLEN], uuid[37];
	u32 i, j;

	json_open(NULL, '{');
	json_str("cluster", table->cluster);
	json_str("transport", name_transport(table->transport));
	json_bool("digest", table->data_digest);
	json_uint("generation", table->generation);
	json_open("nodes", '[');
	for (i = 0; i < table->nr_nodes; i++) {
		const struct csv_table_node *node = &table->nodes[i];

		json_open(NULL, '{');
		json_str("name", node->name);
		json_uint("id", node->id);
		json_open("addresses", '[');
		for (j = 0; j < node->nr_addrs; j++) {
			tablefile_format_addr(&node->addrs[j], addr, sizeof(addr));
			json_str(NULL, addr);
		}
		json_close(']');
		json_uint("port", tablefile_get_port(&node->addrs[0]));
		json_close('}');
	}
	json_close(']');
	json_open("volumes", '[');
	for (i = 0; i < table->nr_volumes; i++) {
		const struct csv_table_volume *volume = &table->volumes[i];
		const struct csv_table_node *owner = csv_table_find_node(table, volume->owner);

		format_uuid(volume->uuid, uuid);
		json_open(NULL, '{');
		json_str("name", volume->name);
		json_uint("id", volume->id);
		json_str("uuid", uuid);
		json_str("device", volume->device);
		json_str("type", volume->fstype);
		if (owner)
			json_str("owner", owner->name);
		json_uint("epoch", volume->epoch);
		json_close('}');
	}
	json_close(']');
	json_open("access", '[');
	for (i = 0; i < table->nr_access; i++) {
		const struct csv_table_access *access = &table->access[i];
		const struct csv_table_volume *volume;
		const struct csv_table_node *node;

		volume = csv_table_find_volume(table, access->volume);
		node = csv_table_find_node(table, access->node);
		if (!volume || !node)
			continue;
		json_open(NULL, '{');
		json_str("volume", volume->name);
		json_str("node", node->name);
		json_str("access", name_access(access->access));
		if (access->device[0])
			json_str("device", access->device);
		json_close('}');
	}
	json_close(']');
	json_close('}');
}

/* The table for people: what the file says, with what the file leaves out. */
static int cluster_show(int argc, char **argv)
{
	struct csv_table_error error;
	struct tablefile tf;
	int ret;

	if (argc)
		return csvctl_usage("\"%s\" behind cluster show", argv[0]);
	ret = cluster_get_table(&tf);
	if (!ret && tf.table.cluster[0])
		csv_table_check(&tf.table, &error);
	if (!ret && print_json) {
		cluster_show_json(&tf.table);
	} else if (!ret) {
		if (tf.table.cluster[0])
			printf("# generation %u: %u nodes, %u volumes\n", tf.table.generation,
			       tf.table.nr_nodes, tf.table.nr_volumes);
		tablefile_write(&tf.table, stdout);
	}
	tablefile_free(&tf);
	return ret;
}

static const struct csvctl_cmd cluster_verbs[] = {
	{ "show", cluster_show },
	{ "apply", cluster_apply },
	{ "export", cluster_export },
	{ NULL, NULL }
};

int csvctl_cluster(int argc, char **argv)
{
	return csvctl_run(cluster_verbs, "cluster verb", argc, argv);
}
