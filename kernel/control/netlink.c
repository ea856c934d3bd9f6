// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs control plane: what the family's commands do, but for the table.
 *
 * A dump takes no mutex of the control plane: it must work while a volume is
 * being brought online. It walks by an index, and a table that comes into force
 * in between marks it as inconsistent (NLM_F_DUMP_INTR).
 */
#include <linux/in.h>
#include <linux/in6.h>
#include <net/genetlink.h>
#include <net/sock.h>
#include "../stats.h"
#include "../transport/transport.h"
#include "../wire/wire.h"
#include "control.h"
#include "volume.h"
#include "nl_gen.h"

static bool csv_netlink_up;		/* the family is registered */

static int csv_nl_put_addr(struct sk_buff *skb, int attr, const struct sockaddr_storage *ss)
{
	const struct sockaddr_in6 *sin6 = (const struct sockaddr_in6 *)ss;
	const struct sockaddr_in *sin = (const struct sockaddr_in *)ss;

	if (ss->ss_family == AF_INET6)
		return nla_put(skb, attr, sizeof(sin6->sin6_addr), &sin6->sin6_addr);
	return nla_put(skb, attr, sizeof(sin->sin_addr), &sin->sin_addr);
}

/**
 * csv_nl_put_addrs() - the addresses of a node and their port
 * @skb: the message
 * @addr: attribute of an address
 * @port: attribute of the port
 * @node: node
 *
 * Return: 0 or -EMSGSIZE.
 */
int csv_nl_put_addrs(struct sk_buff *skb, int addr, int port, const struct csv_table_node *node)
{
	const struct sockaddr_in6 *first = (const struct sockaddr_in6 *)&node->addrs[0];
	u32 i;

	for (i = 0; i < node->nr_addrs; i++) {
		if (csv_nl_put_addr(skb, addr, &node->addrs[i]))
			return -EMSGSIZE;
	}
	/* where IPv4 has it, too */
	return nla_put_u16(skb, port, ntohs(first->sin6_port));
}

/**
 * csv_nl_put_head() - begin a message of a dump
 * @skb: the dump's buffer
 * @cb: the dump
 * @cmd: what is dumped
 *
 * Return: for genlmsg_end() and genlmsg_cancel(); NULL when the buffer is full.
 */
void *csv_nl_put_head(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd)
{
	void *head = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				 &csvfs_nl_family, NLM_F_MULTI, cmd);

	if (head)
		genl_dump_check_consistent(cb, head);
	return head;
}

/**
 * csv_nl_dump_result() - what a dump callback returns
 * @skb: the dump's buffer
 * @err: why it stopped: -EMSGSIZE (full) or -ENOENT (at the end)
 *
 * Return: bytes used to be called again, 0 at the end, or an error.
 */
int csv_nl_dump_result(struct sk_buff *skb, int err)
{
	if (err == -EMSGSIZE)
		return skb->len ?: -EMSGSIZE;
	if (err == -ENOENT)
		return skb->len;
	return err;
}

/* What a dump shows of the table, which the dump does not hold while it asks others. */
struct csv_nl_row {
	struct csv_table_node node;
	struct csv_table_volume volume;
	char device[CSV_PATH_MAX + 1];
	char owner[CSV_NAME_MAX + 1];
	u8 access;
};

/* Copy node @n and volume @v (by index, -1 for none). -ENOENT behind the last. */
static int csv_nl_get_row(struct csv_net *cn, struct netlink_callback *cb, int n, int v,
			  struct csv_nl_row *row)
{
	const struct csv_table_node *owner;
	const struct csv_table *table;
	int err = -ENOENT;

	memset(row, 0, sizeof(*row));
	rcu_read_lock();
	table = rcu_dereference(cn->table);
	cb->seq = (table ? table->generation : 0) + 1;
	if (!table || n >= (int)table->nr_nodes || v >= (int)table->nr_volumes)
		goto out;
	if (n >= 0)
		row->node = table->nodes[n];
	if (v >= 0) {
		row->volume = table->volumes[v];
		owner = csv_table_find_node(table, row->volume.owner);
		if (owner)
			strscpy(row->owner, owner->name, sizeof(row->owner));
	}
	if (n >= 0 && v >= 0) {
		row->access = csv_table_access(table, row->node.id, row->volume.id);
		strscpy(row->device, csv_table_device(table, row->node.id, row->volume.id),
			sizeof(row->device));
	}
	err = 0;
out:
	rcu_read_unlock();
	return err;
}

static int csv_nl_put_peer(struct sk_buff *skb, struct csv_net *cn, u32 node)
{
	struct csv_peer *peer = csv_peer_get(cn, node);
	struct csv_peer_info info = {};

	if (!peer)
		return 0;
	csv_peer_get_info(peer, &info);
	csv_peer_put(peer);
	info.error[sizeof(info.error) - 1] = '\0';
	if (nla_put_u8(skb, CSVFS_A_PEER_CONNECTED, info.connected) ||
	    (info.connected && csv_nl_put_addr(skb, CSVFS_A_PEER_VIA, &info.via)) ||
	    nla_put_u8(skb, CSVFS_A_PEER_AGREES, csv_state_agreement(cn, node)) ||
	    nla_put_uint(skb, CSVFS_A_PEER_INCARNATION, info.incarnation) ||
	    (info.last_heard_ms != ~0ULL &&
	     nla_put_uint(skb, CSVFS_A_PEER_AGE, info.last_heard_ms)) ||
	    nla_put_uint(skb, CSVFS_A_PEER_BYTES_SENT, info.bytes_sent) ||
	    nla_put_uint(skb, CSVFS_A_PEER_BYTES_RECEIVED, info.bytes_received) ||
	    nla_put_uint(skb, CSVFS_A_PEER_MSGS_SENT, info.msgs_sent) ||
	    nla_put_uint(skb, CSVFS_A_PEER_MSGS_RECEIVED, info.msgs_received) ||
	    nla_put_uint(skb, CSVFS_A_PEER_RECONNECTS, info.reconnects) ||
	    nla_put_uint(skb, CSVFS_A_PEER_RESENDS, info.resends) ||
	    nla_put_uint(skb, CSVFS_A_PEER_BAD_FRAMES, info.bad_frames) ||
	    nla_put_uint(skb, CSVFS_A_PEER_AUTH_FAILURES, info.auth_failures) ||
	    (info.error[0] && nla_put_string(skb, CSVFS_A_PEER_ERROR, info.error)))
		return -EMSGSIZE;
	return 0;
}

static int csv_nl_put_node_row(struct sk_buff *skb, struct csv_net *cn,
			       const struct csv_table_node *node)
{
	if (nla_put_u32(skb, CSVFS_A_PEER_ID, node->id) ||
	    nla_put_string(skb, CSVFS_A_PEER_NAME, node->name) ||
	    csv_nl_put_addrs(skb, CSVFS_A_PEER_ADDR, CSVFS_A_PEER_PORT, node) ||
	    nla_put_u8(skb, CSVFS_A_PEER_FENCED, node->fenced))
		return -EMSGSIZE;
	if (node->id != READ_ONCE(cn->local_id))
		return csv_nl_put_peer(skb, cn, node->id);
	if (nla_put_flag(skb, CSVFS_A_PEER_LOCAL) ||
	    nla_put_uint(skb, CSVFS_A_PEER_INCARNATION, cn->incarnation) ||
	    (READ_ONCE(cn->key_len) && nla_put_flag(skb, CSVFS_A_PEER_KEY_SET)) ||
	    (!list_empty(&cn->listeners) && nla_put_flag(skb, CSVFS_A_PEER_LISTENING)))
		return -EMSGSIZE;
	return 0;
}

int csvfs_nl_node_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct csv_net *cn = csv_net_get(sock_net(skb->sk));
	struct csv_nl_row row;
	int err;

	for (;; cb->args[0]++) {
		void *head;

		err = csv_nl_get_row(cn, cb, cb->args[0], -1, &row);
		if (err)
			break;
		head = csv_nl_put_head(skb, cb, CSVFS_CMD_NODE_GET);
		err = head ? csv_nl_put_node_row(skb, cn, &row.node) : -EMSGSIZE;
		if (err) {
			if (head)
				genlmsg_cancel(skb, head);
			break;
		}
		genlmsg_end(skb, head);
	}
	return csv_nl_dump_result(skb, err);
}

/* The id of a node that is given by name or id. */
static int csv_nl_find_node(struct csv_net *cn, struct genl_info *info, u32 *id)
{
	const struct csv_table_node *node = NULL;
	const struct csv_table *table;
	const char *name;

	if (info->attrs[CSVFS_A_PEER_ID]) {
		*id = nla_get_u32(info->attrs[CSVFS_A_PEER_ID]);
		return 0;
	}
	if (GENL_REQ_ATTR_CHECK(info, CSVFS_A_PEER_NAME)) {
		NL_SET_ERR_MSG(info->extack, "which node? give a name or an id");
		return -EINVAL;
	}
	name = nla_data(info->attrs[CSVFS_A_PEER_NAME]);
	rcu_read_lock();
	table = rcu_dereference(cn->table);
	if (table)
		node = csv_table_find_node_name(table, name);
	if (node)
		*id = node->id;
	rcu_read_unlock();
	if (node)
		return 0;
	NL_SET_ERR_MSG_FMT(info->extack, "no node %s in the table: apply one that has it first",
			   name);
	return -ENOENT;
}

int csvfs_nl_node_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct csv_net *cn = csv_net_get(genl_info_net(info));
	struct csv_node_change change = { .fenced = -1 };
	struct nlattr **attrs = info->attrs;
	u8 key[CSV_KEY_MAX];
	int err;

	err = csv_nl_find_node(cn, info, &change.id);
	if (err)
		return err;
	change.local = attrs[CSVFS_A_PEER_LOCAL];
	change.reset = attrs[CSVFS_A_PEER_RESET];
	if (attrs[CSVFS_A_PEER_FENCED])
		change.fenced = nla_get_u8(attrs[CSVFS_A_PEER_FENCED]);
	if (attrs[CSVFS_A_PEER_KEY] && attrs[CSVFS_A_PEER_KEY_SERIAL]) {
		NL_SET_ERR_MSG(info->extack, "give a key or the serial of one, not both");
		return -EINVAL;
	}
	if (attrs[CSVFS_A_PEER_KEY]) {
		change.key = nla_data(attrs[CSVFS_A_PEER_KEY]);
		change.key_len = nla_len(attrs[CSVFS_A_PEER_KEY]);
	} else if (attrs[CSVFS_A_PEER_KEY_SERIAL]) {
		err = csv_node_read_key(nla_get_s32(attrs[CSVFS_A_PEER_KEY_SERIAL]), key,
					info->extack);
		if (err < 0)
			return err;
		change.key = key;
		change.key_len = err;
	}
	if (!change.local && !change.reset && !change.key && change.fenced < 0) {
		NL_SET_ERR_MSG(info->extack, "nothing to set: local, key, fenced or reset");
		return -EINVAL;
	}
	err = csv_node_set(cn, &change, info->extack);
	memzero_explicit(key, sizeof(key));
	return err;
}

/* The part of a row that tells what the volume does on the node. */
static int csv_nl_put_report(struct sk_buff *skb, const struct csv_state_report *report)
{
	if (nla_put_u8(skb, CSVFS_A_STATE_STATE, report->state) ||
	    nla_put_u8(skb, CSVFS_A_STATE_INFO, report->info) ||
	    nla_put_u8(skb, CSVFS_A_STATE_ACCESS, report->access) ||
	    nla_put_uint(skb, CSVFS_A_STATE_FILE_REASONS, report->file_reasons) ||
	    nla_put_uint(skb, CSVFS_A_STATE_BLOCK_REASONS, report->block_reasons) ||
	    nla_put_u32(skb, CSVFS_A_STATE_EPOCH, report->epoch) ||
	    nla_put_u8(skb, CSVFS_A_STATE_ONLINE, !!(report->flags & CSV_STATE_ONLINE)) ||
	    nla_put_u8(skb, CSVFS_A_STATE_MOUNTED, !!(report->flags & CSV_STATE_MOUNTED)) ||
	    (report->age_ms != ~0ULL && nla_put_uint(skb, CSVFS_A_STATE_AGE, report->age_ms)))
		return -EMSGSIZE;
	return 0;
}

static int csv_nl_put_local_state(struct sk_buff *skb, struct csv_net *cn,
				  const struct csv_nl_row *row)
{
	struct csv_volume_info info = {};
	struct csv_state_report report = { .epoch = row->volume.epoch, .access = row->access };

	if (!csv_volume_get_info(cn, row->volume.id, &info)) {
		report.epoch = info.epoch;
		report.state = info.state;
		report.info = info.info;
		report.access = info.access;
		report.flags = (info.online ? CSV_STATE_ONLINE : 0) |
			       (info.mounted ? CSV_STATE_MOUNTED : 0);
		report.file_reasons = info.file_reasons;
		report.block_reasons = info.block_reasons;
	}
	if (nla_put_flag(skb, CSVFS_A_STATE_LOCAL) ||
	    nla_put_uint(skb, CSVFS_A_STATE_OPENS, info.opens) ||
	    nla_put_uint(skb, CSVFS_A_STATE_LAYOUTS, info.layouts))
		return -EMSGSIZE;
	return csv_nl_put_report(skb, &report);
}

static int csv_nl_put_state(struct sk_buff *skb, struct csv_net *cn, const struct csv_nl_row *row)
{
	const struct csv_table_volume *volume = &row->volume;
	struct csv_state_report report;

	if (nla_put_u32(skb, CSVFS_A_STATE_VOLUME, volume->id) ||
	    nla_put_string(skb, CSVFS_A_STATE_NAME, volume->name) ||
	    nla_put(skb, CSVFS_A_STATE_UUID, sizeof(volume->uuid), volume->uuid) ||
	    nla_put_u32(skb, CSVFS_A_STATE_NODE, row->node.id) ||
	    nla_put_string(skb, CSVFS_A_STATE_NODE_NAME, row->node.name) ||
	    nla_put_string(skb, CSVFS_A_STATE_DEVICE, row->device) ||
	    nla_put_u32(skb, CSVFS_A_STATE_OWNER, volume->owner) ||
	    (row->owner[0] && nla_put_string(skb, CSVFS_A_STATE_OWNER_NAME, row->owner)))
		return -EMSGSIZE;
	if (row->node.id == READ_ONCE(cn->local_id))
		return csv_nl_put_local_state(skb, cn, row);
	if (csv_state_get(cn, row->node.id, volume->id, &report))
		report.access = row->access;	/* never heard: what the table says */
	return csv_nl_put_report(skb, &report);
}

int csvfs_nl_volume_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct csv_net *cn = csv_net_get(sock_net(skb->sk));
	int err, volume = cb->args[0], node = cb->args[1];
	struct csv_nl_row *row;

	row = kmalloc(sizeof(*row), GFP_KERNEL);
	if (!row)
		return -ENOMEM;
	for (;;) {
		void *head;

		err = csv_nl_get_row(cn, cb, node, volume, row);
		if (err && node) {
			node = 0;			/* the next volume, if there is one */
			volume++;
			continue;
		}
		if (err)
			break;
		head = csv_nl_put_head(skb, cb, CSVFS_CMD_VOLUME_GET);
		err = head ? csv_nl_put_state(skb, cn, row) : -EMSGSIZE;
		if (err) {
			if (head)
				genlmsg_cancel(skb, head);
			break;
		}
		genlmsg_end(skb, head);
		node++;
	}
	cb->args[0] = volume;
	cb->args[1] = node;
	kfree(row);
	return csv_nl_dump_result(skb, err);
}

/* The id of a volume that is given by @name or @id; both attributes may be absent. */
static int csv_nl_find_volume(struct csv_net *cn, const struct nlattr *name,
			      const struct nlattr *id, u32 *out, struct netlink_ext_ack *extack)
{
	const struct csv_table_volume *volume = NULL;
	const struct csv_table *table;

	if (!name && !id) {
		NL_SET_ERR_MSG(extack, "which volume? give its name");
		return -EINVAL;
	}
	rcu_read_lock();
	table = rcu_dereference(cn->table);
	if (table && id)
		volume = csv_table_find_volume(table, nla_get_u32(id));
	else if (table)
		volume = csv_table_find_volume_name(table, nla_data(name));
	if (volume)
		*out = volume->id;
	rcu_read_unlock();
	if (volume)
		return 0;
	if (id)
		NL_SET_ERR_MSG_FMT(extack, "no volume %#x in the table (csvctl volume show)",
				   nla_get_u32(id));
	else
		NL_SET_ERR_MSG_FMT(extack, "no volume %s in the table (csvctl volume show)",
				   (const char *)nla_data(name));
	return -ENOENT;
}

static int csv_nl_find_state(struct csv_net *cn, struct genl_info *info, u32 *id)
{
	return csv_nl_find_volume(cn, info->attrs[CSVFS_A_STATE_NAME],
				  info->attrs[CSVFS_A_STATE_VOLUME], id, info->extack);
}

int csvfs_nl_volume_online_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct csv_net *cn = csv_net_get(genl_info_net(info));
	u32 id;

	return csv_nl_find_state(cn, info, &id) ?: csv_volume_online(cn, id, info->extack);
}

int csvfs_nl_volume_offline_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct csv_net *cn = csv_net_get(genl_info_net(info));
	bool force = info->attrs[CSVFS_A_STATE_FORCE];
	u32 id;

	return csv_nl_find_state(cn, info, &id) ?: csv_volume_offline(cn, id, force, info->extack);
}

int csvfs_nl_volume_redirect_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct csv_net *cn = csv_net_get(genl_info_net(info));
	u32 id;

	if (GENL_REQ_ATTR_CHECK(info, CSVFS_A_STATE_MODE)) {
		NL_SET_ERR_MSG(info->extack, "redirect to what? file, block or off");
		return -EINVAL;
	}
	return csv_nl_find_state(cn, info, &id) ?:
	       csv_volume_redirect(cn, id, nla_get_u8(info->attrs[CSVFS_A_STATE_MODE]),
				   info->extack);
}

/* Rows of a volume in the dump: its bytes, then every operation of every route. */
#define CSV_NL_STAT_ROWS	(1 + CSV_ROUTE_COUNT * CSV_OP_COUNT)

static int csv_nl_put_stat(struct sk_buff *skb, const struct csv_table_volume *volume,
			   unsigned int route, unsigned int op, const struct csv_stat *stat)
{
	if (nla_put_u32(skb, CSVFS_A_STAT_VOLUME, volume->id) ||
	    nla_put_string(skb, CSVFS_A_STAT_NAME, volume->name) ||
	    nla_put_u8(skb, CSVFS_A_STAT_ROUTE, route) ||
	    nla_put_u16(skb, CSVFS_A_STAT_OP, op) ||
	    nla_put_string(skb, CSVFS_A_STAT_OP_NAME, csv_wire_op_name(op)) ||
	    nla_put_uint(skb, CSVFS_A_STAT_COUNT, stat->count) ||
	    nla_put_uint(skb, CSVFS_A_STAT_ERRORS, stat->errors) ||
	    nla_put_uint(skb, CSVFS_A_STAT_BYTES, stat->bytes) ||
	    nla_put(skb, CSVFS_A_STAT_HIST, sizeof(stat->hist), stat->hist))
		return -EMSGSIZE;
	return 0;
}

static int csv_nl_put_stat_bytes(struct sk_buff *skb, struct csv_volume *vol,
				 const struct csv_table_volume *volume)
{
	u64 disk[2], wire[2], reasons[CSV_REASON_COUNT];

	csv_stats_fill_bytes(vol, disk, wire);
	csv_stats_fill_reasons(vol, reasons);
	if (nla_put_u32(skb, CSVFS_A_STAT_VOLUME, volume->id) ||
	    nla_put_string(skb, CSVFS_A_STAT_NAME, volume->name) ||
	    nla_put_uint(skb, CSVFS_A_STAT_DISK_READ, disk[0]) ||
	    nla_put_uint(skb, CSVFS_A_STAT_DISK_WRITTEN, disk[1]) ||
	    nla_put_uint(skb, CSVFS_A_STAT_WIRE_RECEIVED, wire[0]) ||
	    nla_put_uint(skb, CSVFS_A_STAT_WIRE_SENT, wire[1]) ||
	    nla_put(skb, CSVFS_A_STAT_FILE_REASONS, sizeof(reasons), reasons))
		return -EMSGSIZE;
	return 0;
}

/* Row @index of @vol, nothing where nothing was counted. */
static int csv_nl_put_stat_row(struct sk_buff *skb, struct netlink_callback *cb,
			       struct csv_volume *vol, const struct csv_table_volume *volume,
			       unsigned int index)
{
	unsigned int route = 0, op = 0;
	struct csv_stat stat;
	void *head;
	int err;

	if (index) {
		route = (index - 1) / CSV_OP_COUNT;
		op = (index - 1) % CSV_OP_COUNT;
		if (csv_stats_fill(vol, route, op, &stat) || !stat.count)
			return 0;
	}
	head = csv_nl_put_head(skb, cb, CSVFS_CMD_STAT_GET);
	if (!head)
		return -EMSGSIZE;
	if (index)
		err = csv_nl_put_stat(skb, volume, route, op, &stat);
	else
		err = csv_nl_put_stat_bytes(skb, vol, volume);
	if (err)
		genlmsg_cancel(skb, head);
	else
		genlmsg_end(skb, head);
	return err;
}

int csvfs_nl_stat_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct csv_net *cn = csv_net_get(sock_net(skb->sk));
	struct csv_nl_row *row;
	int err;

	row = kmalloc(sizeof(*row), GFP_KERNEL);
	if (!row)
		return -ENOMEM;
	for (err = 0; !err; cb->args[0]++, cb->args[1] = 0) {
		struct csv_volume *vol;

		err = csv_nl_get_row(cn, cb, -1, cb->args[0], row);
		if (err)
			break;
		vol = csv_volume_get(cn, row->volume.id);
		if (!vol)
			continue;
		while (!err && cb->args[1] < CSV_NL_STAT_ROWS) {
			err = csv_nl_put_stat_row(skb, cb, vol, &row->volume, cb->args[1]);
			if (!err)
				cb->args[1]++;
		}
		csv_volume_put(vol);
		if (err)
			break;
	}
	kfree(row);
	return csv_nl_dump_result(skb, err);
}

int csvfs_nl_stat_reset_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct csv_net *cn = csv_net_get(genl_info_net(info));
	struct nlattr *name = info->attrs[CSVFS_A_STAT_NAME];
	struct nlattr *id = info->attrs[CSVFS_A_STAT_VOLUME];
	struct csv_volume *vol;
	unsigned long index;
	u32 only = 0;
	int err;

	if (name || id) {
		err = csv_nl_find_volume(cn, name, id, &only, info->extack);
		if (err)
			return err;
	}
	mutex_lock(&cn->control_mutex);
	xa_for_each(&cn->volumes, index, vol) {
		if (!only || index == only)
			csv_stats_reset(vol);
	}
	mutex_unlock(&cn->control_mutex);
	return 0;
}

/**
 * csv_netlink_listened() - whether it is worth making an event
 * @net: where the listeners would be
 *
 * Return: false, too, while there is no family.
 */
bool csv_netlink_listened(struct net *net)
{
	return READ_ONCE(csv_netlink_up) &&
	       genl_has_listeners(&csvfs_nl_family, net, CSVFS_NLGRP_EVENTS);
}

/**
 * csv_netlink_init() - register the family
 *
 * Return: 0 or an error.
 */
int csv_netlink_init(void)
{
	int err = genl_register_family(&csvfs_nl_family);

	WRITE_ONCE(csv_netlink_up, !err);
	return err;
}

/**
 * csv_netlink_exit() - unregister the family; no command runs any more then
 */
void csv_netlink_exit(void)
{
	WRITE_ONCE(csv_netlink_up, false);
	genl_unregister_family(&csvfs_nl_family);
}
