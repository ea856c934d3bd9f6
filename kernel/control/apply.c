// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs control plane: one table follows another.
 *
 * The table is a value that is never changed in place. A new one is checked by
 * itself, against the one in force, and against what this node is just doing;
 * then it is published, and peers and volumes follow it, in this order: who is
 * fenced has no connection any more when its layouts are ended.
 *
 * Readers use RCU. Everybody who changes something holds control_mutex.
 */
#include <linux/mm.h>
#include <linux/netlink.h>
#include <linux/slab.h>
#include "../transport/transport.h"
#include "control.h"

static_assert(CSV_TABLE_TRANSPORTS == CSV_TRANSPORT_COUNT);

#define CSV_LEAVER_FRESH	10000	/* ms: what it has said last is not older */

struct csv_table csv_table_empty;

/**
 * csv_table_alloc() - an empty table with room
 * @nr_nodes: how many nodes it will have
 * @nr_volumes: how many volumes
 * @nr_access: how many access entries
 *
 * Return: a zeroed table whose counts are set, or NULL.
 */
struct csv_table *csv_table_alloc(u32 nr_nodes, u32 nr_volumes, u32 nr_access)
{
	struct csv_table *table = kzalloc(sizeof(*table), GFP_KERNEL);

	if (!table)
		return NULL;
	table->nr_nodes = nr_nodes;
	table->nr_volumes = nr_volumes;
	table->nr_access = nr_access;
	table->nodes = kvcalloc(nr_nodes, sizeof(*table->nodes), GFP_KERNEL);
	table->volumes = kvcalloc(nr_volumes, sizeof(*table->volumes), GFP_KERNEL);
	table->access = kvcalloc(nr_access, sizeof(*table->access), GFP_KERNEL);
	if (!table->nodes || !table->volumes || !table->access) {
		csv_table_free(table);
		return NULL;
	}
	return table;
}

/**
 * csv_table_free() - free a table that nobody reads
 * @table: never published, or unpublished a grace period ago; may be NULL
 */
void csv_table_free(struct csv_table *table)
{
	if (!table)
		return;
	kvfree(table->nodes);
	kvfree(table->volumes);
	kvfree(table->access);
	kfree(table);
}

static void csv_table_free_rcu(struct rcu_head *rcu)
{
	csv_table_free(container_of(rcu, struct csv_table, rcu));
}

static void csv_table_retire(struct csv_table *table)
{
	if (table && table != &csv_table_empty)
		call_rcu(&table->rcu, csv_table_free_rcu);
}

/*
 * This node leaves the table, or ends all its sessions for another transport, and with them
 * what it has asked for: nothing of the cluster may be in use here.
 */
static int csv_table_check_local(struct csv_net *cn, const struct csv_table *old,
				 const struct csv_table *new, struct netlink_ext_ack *extack)
{
	bool leaves = !csv_table_find_node(new, cn->local_id);
	u32 i;

	if (!cn->local_id || (!leaves && old->transport == new->transport))
		return 0;
	for (i = 0; i < old->nr_volumes; i++) {
		const struct csv_table_volume *volume = &old->volumes[i];
		struct csv_volume_info info = {};

		if (csv_volume_get_info(cn, volume->id, &info))
			continue;
		if (info.online || info.mounted) {
			NL_SET_ERR_MSG_FMT(extack, "this node would %s, but uses %s: stop that",
					   leaves ? "leave" : "change its transport", volume->name);
			return -EBUSY;
		}
	}
	return 0;
}

/*
 * A node leaves the table: whoever brings a volume online later would not ask it. So it
 * must have said that it uses none, of those that leave with it, too: they may come back.
 */
static int csv_table_check_leavers(struct csv_net *cn, const struct csv_table *old,
				   const struct csv_table *new, struct netlink_ext_ack *extack)
{
	u32 i, j;

	/* this node leaves itself, and has no volumes then; or is not one yet, and knows nobody */
	if (!new->nr_nodes || !cn->local_id || !cn->key_len)
		return 0;
	for (i = 0; i < old->nr_nodes; i++) {
		const struct csv_table_node *node = &old->nodes[i], *is;

		/* another one with its id is no more asked than none */
		is = csv_table_find_node(new, node->id);
		if (node->fenced || node->id == cn->local_id ||
		    (is && !strcmp(is->name, node->name)))
			continue;
		for (j = 0; j < old->nr_volumes; j++) {
			struct csv_state_report report;

			if (csv_state_get(cn, node->id, old->volumes[j].id, &report)) {
				NL_SET_ERR_MSG_FMT(extack,
						   "%s never told of %s: apply the table there, or fence it if off",
						   node->name, old->volumes[j].name);
				return -EBUSY;
			}
			/* it might have begun since */
			if (report.age_ms > CSV_LEAVER_FRESH) {
				NL_SET_ERR_MSG_FMT(extack,
						   "%s has not been heard lately: connect it, or fence it if off",
						   node->name);
				return -EBUSY;
			}
			if (!(report.flags & (CSV_STATE_ONLINE | CSV_STATE_MOUNTED)))
				continue;
			NL_SET_ERR_MSG_FMT(extack, "%s uses %s: stop that, or mark the node fenced",
					   node->name, old->volumes[j].name);
			return -EBUSY;
		}
	}
	return 0;
}

static int csv_table_may_follow(struct csv_net *cn, const struct csv_table *old,
				const struct csv_table *new, struct netlink_ext_ack *extack)
{
	struct csv_table_error error;
	int err;
	u32 i;

	if (!old)
		return 0;
	err = csv_table_check_change(old, new, &error);
	if (err) {
		NL_SET_ERR_MSG_FMT(extack, "%s", error.msg);
		return err;
	}
	err = csv_table_check_local(cn, old, new, extack);
	if (!err)
		err = csv_table_check_leavers(cn, old, new, extack);
	for (i = 0; !err && i < old->nr_volumes; i++) {
		const struct csv_table_volume *was = &old->volumes[i];
		const struct csv_table_volume *is = csv_table_find_volume(new, was->id);

		if (!is || memcmp(was, is, sizeof(*was)))
			err = csv_volume_may_change(cn, was, is, extack);
	}
	return err;
}

static void csv_table_publish(struct csv_net *cn, struct csv_table *table)
{
	if (table)
		table->generation = ++csv_net_control(cn)->generation;
	rcu_assign_pointer(cn->table, table);
}

/* Peers and volumes go back to @old after @new could not be put in force. */
static void csv_table_restore(struct csv_net *cn, struct csv_table *old,
			      const struct csv_table *new, bool volumes)
{
	rcu_assign_pointer(cn->table, old);
	if (csv_node_apply(cn, new, old ? old : &csv_table_empty, NULL))
		pr_warn("peers do not follow the old table: apply one again\n");
	if (volumes && csv_volume_apply(cn, new, old ? old : &csv_table_empty))
		pr_warn("volumes do not follow the old table: apply one again\n");
}

/* Consumes @new. */
static int csv_table_replace(struct csv_net *cn, struct csv_table *new,
			     struct netlink_ext_ack *extack)
{
	struct csv_table *old = csv_table_locked(cn);
	bool volumes = false;
	int err;

	err = csv_table_may_follow(cn, old, new, extack);
	if (err) {
		csv_table_free(new);
		return err;
	}
	csv_table_publish(cn, new);
	err = csv_node_apply(cn, old, new, extack);
	if (!err) {
		volumes = true;
		err = csv_volume_apply(cn, old, new);
		if (err)
			NL_SET_ERR_MSG(extack, "a volume cannot follow the table: see dmesg");
	}
	if (err) {
		csv_table_restore(cn, old, new, volumes);
		csv_table_retire(new);
		return err;
	}
	csv_state_prune(cn, new);
	csv_event_send(cn, CSV_EVENT_TABLE, 0, 0, new->generation, 0, 0, "table in force");
	csv_table_retire(old);
	return 0;
}

static void csv_table_keep_marks(const struct csv_table *old, struct csv_table *new)
{
	u32 i;

	for (i = 0; i < new->nr_nodes; i++) {
		const struct csv_table_node *was = csv_table_find_node(old, new->nodes[i].id);

		/* another machine under its id is not off */
		new->nodes[i].fenced = was && was->fenced && !strcmp(was->name, new->nodes[i].name);
	}
}

/**
 * csv_table_apply() - put a new table in force
 * @cn: this node
 * @table: consumed either way; if it says compare, its generation is that of the table that
 *	it is to replace, 0 for none
 * @extack: what is wrong
 *
 * It is checked by itself, against the old one, and against what this node is just doing; then
 * it is published, and peers and volumes follow. The fenced marks of the old table are kept:
 * they are changed by csv_node_set() alone.
 *
 * Context: process. Takes csv_net.control_mutex; may wait for the answer of another node.
 * Return: 0, or an error with the old table in force: -EINVAL: it breaks a rule; -EBUSY: it
 * changes what is in use; -EAGAIN: it was to replace another generation; -EINTR: killed; or why
 * peers or volumes cannot follow it.
 */
int csv_table_apply(struct csv_net *cn, struct csv_table *table,
		    struct netlink_ext_ack *extack)
{
	struct csv_table_error error;
	u32 expected = table->generation;
	struct csv_table *old;
	int err;

	err = csv_table_check(table, &error);
	if (err) {
		NL_SET_ERR_MSG_FMT(extack, "%s", error.msg);
		csv_table_free(table);
		return err;
	}
	if (mutex_lock_killable(&cn->control_mutex)) {
		csv_table_free(table);
		return -EINTR;
	}
	old = csv_table_locked(cn);
	if (table->compare && expected != (old ? old->generation : 0)) {
		NL_SET_ERR_MSG(extack, "the table has changed meanwhile: read it and try again");
		csv_table_free(table);
		err = -EAGAIN;
	} else {
		if (old)
			csv_table_keep_marks(old, table);
		err = csv_table_replace(cn, table, extack);
	}
	mutex_unlock(&cn->control_mutex);
	return err;
}

/**
 * csv_table_fence() - put a copy of the table in force, with another fenced mark
 * @cn: this node, which has a table
 * @node: id of the node
 * @fenced: its mark
 * @extack: what is wrong
 *
 * When it returns, a node that was marked has no connection to this one, and holds nothing of
 * the volumes that are online here. The old table goes away: do not use pointers into it.
 *
 * Context: csv_net.control_mutex is held. Waits for what the node had asked for.
 * Return: 0, or an error with the old table in force.
 */
int csv_table_fence(struct csv_net *cn, u32 node, bool fenced, struct netlink_ext_ack *extack)
{
	const struct csv_table *old = csv_table_locked(cn);
	struct csv_table *new;
	u32 i;

	lockdep_assert_held(&cn->control_mutex);
	new = csv_table_alloc(old->nr_nodes, old->nr_volumes, old->nr_access);
	if (!new)
		return -ENOMEM;
	memcpy(new->cluster, old->cluster, sizeof(new->cluster));
	new->transport = old->transport;
	new->data_digest = old->data_digest;
	memcpy(new->nodes, old->nodes, array_size(old->nr_nodes, sizeof(*old->nodes)));
	memcpy(new->volumes, old->volumes, array_size(old->nr_volumes, sizeof(*old->volumes)));
	memcpy(new->access, old->access, array_size(old->nr_access, sizeof(*old->access)));
	for (i = 0; i < new->nr_nodes; i++) {
		if (new->nodes[i].id == node)
			new->nodes[i].fenced = fenced;
	}
	return csv_table_replace(cn, new, extack);
}

/**
 * csv_table_withdraw() - the namespace ends: volumes, peers, listener and table go
 * @cn: this node
 *
 * What is still online is set offline by force.
 *
 * Context: process. Takes csv_net.control_mutex; waits for what goes on with the peers.
 */
void csv_table_withdraw(struct csv_net *cn)
{
	struct csv_table *old;

	mutex_lock(&cn->control_mutex);
	old = csv_table_locked(cn);
	rcu_assign_pointer(cn->table, &csv_table_empty);
	/* peers first: what is recalled from them ends with their connections */
	csv_node_stop(cn);
	if (old && csv_volume_apply(cn, old, &csv_table_empty))
		pr_warn("a volume does not end with its network namespace\n");
	RCU_INIT_POINTER(cn->table, NULL);
	csv_state_prune(cn, NULL);
	mutex_unlock(&cn->control_mutex);
	csv_table_retire(old);
}

/**
 * csv_table_data_digest_net() - whether messages are to carry a digest of their data
 * @cn: this node
 *
 * Two nodes agree on it when they shake hands: one that wants it is enough.
 *
 * Context: any.
 * Return: what the table in force says; false while there is none.
 */
bool csv_table_data_digest_net(struct csv_net *cn)
{
	const struct csv_table *table;
	bool wanted;

	rcu_read_lock();
	table = rcu_dereference(cn->table);
	wanted = table && table->data_digest;
	rcu_read_unlock();
	return wanted;
}

/**
 * csv_table_digest_net() - the digest of the table in force
 * @cn: this node
 * @digest: csv_table_digest() of it; zeros while there is none
 *
 * HELLO and keepalives tell it to the other nodes, which compare it with their own.
 *
 * Context: any.
 */
void csv_table_digest_net(struct csv_net *cn, u8 digest[16])
{
	const struct csv_table *table;

	rcu_read_lock();
	table = rcu_dereference(cn->table);
	if (table)
		csv_table_digest(table, digest);
	else
		memset(digest, 0, 16);
	rcu_read_unlock();
}
