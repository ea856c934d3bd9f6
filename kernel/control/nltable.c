// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs control plane: the ownership table to and from netlink.
 *
 * A table comes in one message. Its objects lie side by side at the top of the
 * message: inside one nest they would have to fit into 64 KiB.
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <net/genetlink.h>
#include <net/sock.h>
#include "control.h"
#include "nl_gen.h"

static int csv_nl_get_addr(const struct nlattr *ip, u16 port, struct sockaddr_storage *ss,
			   struct netlink_ext_ack *extack)
{
	if (nla_len(ip) == sizeof(struct in_addr)) {
		struct sockaddr_in *sin = (struct sockaddr_in *)ss;

		sin->sin_family = AF_INET;
		sin->sin_port = htons(port);
		memcpy(&sin->sin_addr, nla_data(ip), sizeof(sin->sin_addr));
		return 0;
	}
	if (nla_len(ip) == sizeof(struct in6_addr)) {
		struct sockaddr_in6 *sin6 = (struct sockaddr_in6 *)ss;

		sin6->sin6_family = AF_INET6;
		sin6->sin6_port = htons(port);
		memcpy(&sin6->sin6_addr, nla_data(ip), sizeof(sin6->sin6_addr));
		return 0;
	}
	NL_SET_ERR_MSG_ATTR(extack, ip, "an address has 4 or 16 bytes");
	return -EINVAL;
}

static int csv_nl_get_node(const struct nlattr *nest, struct csv_table_node *node,
			   struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CSVFS_A_NODE_PORT + 1];
	const struct nlattr *attr;
	int rem, err;

	err = nla_parse_nested(tb, CSVFS_A_NODE_PORT, nest, csvfs_node_nl_policy, extack);
	if (err)
		return err;
	if (NL_REQ_ATTR_CHECK(extack, nest, tb, CSVFS_A_NODE_ID) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, CSVFS_A_NODE_NAME) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, CSVFS_A_NODE_ADDR) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, CSVFS_A_NODE_PORT)) {
		NL_SET_ERR_MSG(extack, "a node needs an id, a name, an address and a port");
		return -EINVAL;
	}
	node->id = nla_get_u32(tb[CSVFS_A_NODE_ID]);
	nla_strscpy(node->name, tb[CSVFS_A_NODE_NAME], sizeof(node->name));
	nla_for_each_nested_type(attr, CSVFS_A_NODE_ADDR, nest, rem) {
		if (node->nr_addrs == CSV_ADDRS_MAX) {
			NL_SET_ERR_MSG_ATTR_FMT(extack, attr, "a node has at most %u addresses",
						CSV_ADDRS_MAX);
			return -E2BIG;
		}
		err = csv_nl_get_addr(attr, nla_get_u16(tb[CSVFS_A_NODE_PORT]),
				      &node->addrs[node->nr_addrs++], extack);
		if (err)
			return err;
	}
	return 0;
}

static int csv_nl_get_volume(const struct nlattr *nest, struct csv_table_volume *volume,
			     struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CSVFS_A_VOLUME_EPOCH + 1];
	int err;

	err = nla_parse_nested(tb, CSVFS_A_VOLUME_EPOCH, nest, csvfs_volume_nl_policy, extack);
	if (err)
		return err;
	if (NL_REQ_ATTR_CHECK(extack, nest, tb, CSVFS_A_VOLUME_UUID) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, CSVFS_A_VOLUME_NAME) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, CSVFS_A_VOLUME_DEVICE) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, CSVFS_A_VOLUME_FSTYPE) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, CSVFS_A_VOLUME_EPOCH)) {
		NL_SET_ERR_MSG(extack, "a volume needs a uuid, name, device, type and epoch");
		return -EINVAL;
	}
	memcpy(volume->uuid, nla_data(tb[CSVFS_A_VOLUME_UUID]), sizeof(volume->uuid));
	volume->id = csv_table_volume_id(volume->uuid);
	nla_strscpy(volume->name, tb[CSVFS_A_VOLUME_NAME], sizeof(volume->name));
	nla_strscpy(volume->device, tb[CSVFS_A_VOLUME_DEVICE], sizeof(volume->device));
	nla_strscpy(volume->fstype, tb[CSVFS_A_VOLUME_FSTYPE], sizeof(volume->fstype));
	volume->epoch = nla_get_u32(tb[CSVFS_A_VOLUME_EPOCH]);
	if (tb[CSVFS_A_VOLUME_OWNER])
		volume->owner = nla_get_u32(tb[CSVFS_A_VOLUME_OWNER]);
	return 0;
}

static int csv_nl_get_access(const struct nlattr *nest, struct csv_table_access *access,
			     struct netlink_ext_ack *extack)
{
	struct nlattr *tb[CSVFS_A_ACCESS_DEVICE + 1];
	int err;

	err = nla_parse_nested(tb, CSVFS_A_ACCESS_DEVICE, nest, csvfs_access_nl_policy, extack);
	if (err)
		return err;
	if (NL_REQ_ATTR_CHECK(extack, nest, tb, CSVFS_A_ACCESS_NODE) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, CSVFS_A_ACCESS_VOLUME) ||
	    NL_REQ_ATTR_CHECK(extack, nest, tb, CSVFS_A_ACCESS_ACCESS)) {
		NL_SET_ERR_MSG(extack, "an access entry needs a node, a volume and the access");
		return -EINVAL;
	}
	access->node = nla_get_u32(tb[CSVFS_A_ACCESS_NODE]);
	access->volume = nla_get_u32(tb[CSVFS_A_ACCESS_VOLUME]);
	access->access = nla_get_u8(tb[CSVFS_A_ACCESS_ACCESS]);
	if (tb[CSVFS_A_ACCESS_DEVICE])
		nla_strscpy(access->device, tb[CSVFS_A_ACCESS_DEVICE], sizeof(access->device));
	return 0;
}

static u32 csv_nl_count(struct genl_info *info, int type)
{
	const struct nlattr *attr;
	u32 count = 0;
	int rem;

	nla_for_each_attr_type(attr, type, genlmsg_data(info->genlhdr),
			       genlmsg_len(info->genlhdr), rem)
		count++;
	return count;
}

/* An empty table with room for what the message holds. */
static struct csv_table *csv_nl_alloc_table(struct genl_info *info)
{
	u32 nodes = csv_nl_count(info, CSVFS_A_TABLE_NODE);
	u32 volumes = csv_nl_count(info, CSVFS_A_TABLE_VOLUME);
	u32 access = csv_nl_count(info, CSVFS_A_TABLE_ACCESS);
	struct csv_table *table;

	if (nodes > CSV_NODES_MAX || volumes > CSV_VOLUMES_MAX ||
	    access > CSV_NODES_MAX * CSV_VOLUMES_MAX) {
		NL_SET_ERR_MSG_FMT(info->extack, "a table has at most %u nodes and %u volumes",
				   CSV_NODES_MAX, CSV_VOLUMES_MAX);
		return ERR_PTR(-E2BIG);
	}
	table = csv_table_alloc(nodes, volumes, access);
	return table ?: ERR_PTR(-ENOMEM);
}

static int csv_nl_get_table(struct genl_info *info, struct csv_table *table)
{
	u32 nodes = 0, volumes = 0, access = 0;
	const struct nlattr *attr;
	int rem, err = 0;

	nla_strscpy(table->cluster, info->attrs[CSVFS_A_TABLE_CLUSTER], sizeof(table->cluster));
	if (info->attrs[CSVFS_A_TABLE_TRANSPORT])
		table->transport = nla_get_u8(info->attrs[CSVFS_A_TABLE_TRANSPORT]);
	if (info->attrs[CSVFS_A_TABLE_DATA_DIGEST])
		table->data_digest = nla_get_u8(info->attrs[CSVFS_A_TABLE_DATA_DIGEST]);
	if (info->attrs[CSVFS_A_TABLE_GENERATION]) {
		table->generation = nla_get_u32(info->attrs[CSVFS_A_TABLE_GENERATION]);
		table->compare = true;
	}
	nla_for_each_attr(attr, genlmsg_data(info->genlhdr), genlmsg_len(info->genlhdr), rem) {
		switch (nla_type(attr)) {
		case CSVFS_A_TABLE_NODE:
			err = csv_nl_get_node(attr, &table->nodes[nodes++], info->extack);
			break;
		case CSVFS_A_TABLE_VOLUME:
			err = csv_nl_get_volume(attr, &table->volumes[volumes++], info->extack);
			break;
		case CSVFS_A_TABLE_ACCESS:
			err = csv_nl_get_access(attr, &table->access[access++], info->extack);
			break;
		}
		if (err)
			return err;
	}
	return 0;
}

int csvfs_nl_table_apply_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct csv_table *table;
	int err;

	if (GENL_REQ_ATTR_CHECK(info, CSVFS_A_TABLE_CLUSTER)) {
		NL_SET_ERR_MSG(info->extack, "a table needs the name of its cluster");
		return -EINVAL;
	}
	table = csv_nl_alloc_table(info);
	if (IS_ERR(table))
		return PTR_ERR(table);
	err = csv_nl_get_table(info, table);
	if (err) {
		csv_table_free(table);
		return err;
	}
	return csv_table_apply(csv_net_get(genl_info_net(info)), table, info->extack);
}

static int csv_nl_put_node(struct sk_buff *skb, const struct csv_table_node *node)
{
	struct nlattr *nest = nla_nest_start(skb, CSVFS_A_TABLE_NODE);
	int err;

	if (!nest ||
	    nla_put_u32(skb, CSVFS_A_NODE_ID, node->id) ||
	    nla_put_string(skb, CSVFS_A_NODE_NAME, node->name))
		return -EMSGSIZE;
	err = csv_nl_put_addrs(skb, CSVFS_A_NODE_ADDR, CSVFS_A_NODE_PORT, node);
	if (!err)
		nla_nest_end(skb, nest);
	return err;
}

static int csv_nl_put_volume(struct sk_buff *skb, const struct csv_table_volume *volume)
{
	struct nlattr *nest = nla_nest_start(skb, CSVFS_A_TABLE_VOLUME);

	if (!nest ||
	    nla_put_u32(skb, CSVFS_A_VOLUME_ID, volume->id) ||
	    nla_put(skb, CSVFS_A_VOLUME_UUID, sizeof(volume->uuid), volume->uuid) ||
	    nla_put_string(skb, CSVFS_A_VOLUME_NAME, volume->name) ||
	    nla_put_string(skb, CSVFS_A_VOLUME_DEVICE, volume->device) ||
	    nla_put_string(skb, CSVFS_A_VOLUME_FSTYPE, volume->fstype) ||
	    nla_put_u32(skb, CSVFS_A_VOLUME_OWNER, volume->owner) ||
	    nla_put_u32(skb, CSVFS_A_VOLUME_EPOCH, volume->epoch))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

static int csv_nl_put_access(struct sk_buff *skb, const struct csv_table_access *access)
{
	struct nlattr *nest = nla_nest_start(skb, CSVFS_A_TABLE_ACCESS);

	if (!nest ||
	    nla_put_u32(skb, CSVFS_A_ACCESS_NODE, access->node) ||
	    nla_put_u32(skb, CSVFS_A_ACCESS_VOLUME, access->volume) ||
	    nla_put_u8(skb, CSVFS_A_ACCESS_ACCESS, access->access) ||
	    (access->device[0] &&
	     nla_put_string(skb, CSVFS_A_ACCESS_DEVICE, access->device)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* Message @index of the dump: the head, then every object. -ENOENT behind the last. */
static int csv_nl_put_table(struct sk_buff *skb, const struct csv_table *table,
			    unsigned long index)
{
	if (!index--) {
		if (nla_put_u32(skb, CSVFS_A_TABLE_GENERATION, table ? table->generation : 0) ||
		    (table && nla_put_string(skb, CSVFS_A_TABLE_CLUSTER, table->cluster)) ||
		    (table && nla_put_u8(skb, CSVFS_A_TABLE_TRANSPORT, table->transport)) ||
		    (table && nla_put_u8(skb, CSVFS_A_TABLE_DATA_DIGEST, table->data_digest)))
			return -EMSGSIZE;
		return 0;
	}
	if (!table)
		return -ENOENT;
	if (index < table->nr_nodes)
		return csv_nl_put_node(skb, &table->nodes[index]);
	index -= table->nr_nodes;
	if (index < table->nr_volumes)
		return csv_nl_put_volume(skb, &table->volumes[index]);
	index -= table->nr_volumes;
	if (index < table->nr_access)
		return csv_nl_put_access(skb, &table->access[index]);
	return -ENOENT;
}

int csvfs_nl_table_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct csv_net *cn = csv_net_get(sock_net(skb->sk));
	const struct csv_table *table;
	int err;

	rcu_read_lock();
	table = rcu_dereference(cn->table);
	cb->seq = (table ? table->generation : 0) + 1;
	do {
		void *head = csv_nl_put_head(skb, cb, CSVFS_CMD_TABLE_GET);

		err = head ? csv_nl_put_table(skb, table, cb->args[0]) : -EMSGSIZE;
		if (err) {
			if (head)
				genlmsg_cancel(skb, head);
			break;
		}
		genlmsg_end(skb, head);
		cb->args[0]++;
	} while (!err);
	rcu_read_unlock();
	return csv_nl_dump_result(skb, err);
}
