// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs control plane: this node's identity, and the other nodes of the table.
 *
 * Peers and the listener exist while this node knows who it is (an id that the
 * table has) and has the cluster's key. A fenced node has no peer: it cannot
 * come back before an administrator takes the mark away.
 *
 * The transport reads csv_net.key while it shakes hands, under no lock: a
 * handshake that sees half a key fails, and is tried again.
 */
#include <linux/key.h>
#include <linux/key-type.h>
#include <linux/netlink.h>
#include <linux/string.h>
#include <keys/user-type.h>
#include "../transport/transport.h"
#include "control.h"

/* This node's entry if it may talk to others. */
static const struct csv_table_node *csv_node_local(struct csv_net *cn,
						   const struct csv_table *table)
{
	if (!table || !cn->local_id || !cn->key_len)
		return NULL;
	return csv_table_find_node(table, cn->local_id);
}

static bool csv_node_has_moved(const struct csv_table *old, const struct csv_table_node *node)
{
	const struct csv_table_node *was = old ? csv_table_find_node(old, node->id) : NULL;

	return !was || was->nr_addrs != node->nr_addrs ||
	       memcmp(was->addrs, node->addrs, sizeof(node->addrs));
}

static void csv_node_drop_peer(struct csv_net *cn, u32 id)
{
	struct csv_peer *peer = xa_erase(&cn->peers, id);

	if (peer)
		csv_peer_destroy(peer);
}

static int csv_node_add_peer(struct csv_net *cn, const struct csv_table *table,
			     const struct csv_table_node *node)
{
	struct csv_peer *peer;
	int err;

	err = xa_reserve(&cn->peers, node->id, GFP_KERNEL);
	if (err)
		return err;
	peer = csv_peer_create(cn, node->id, node->name, table->transport, node->addrs,
			       node->nr_addrs);
	if (IS_ERR_OR_NULL(peer)) {
		xa_release(&cn->peers, node->id);
		return peer ? PTR_ERR(peer) : -ENOMEM;
	}
	xa_store(&cn->peers, node->id, peer, GFP_KERNEL);	/* reserved: cannot fail */
	return 0;
}

/* Whether a table was made from another one to mark a node as fenced, or not any more. */
static bool csv_node_marks_only(const struct csv_table *old, const struct csv_table *new)
{
	u32 i;

	if (old->nr_nodes != new->nr_nodes)
		return false;
	for (i = 0; i < new->nr_nodes; i++) {
		if (old->nodes[i].id == new->nodes[i].id &&
		    old->nodes[i].fenced != new->nodes[i].fenced)
			return true;
	}
	return false;
}

static int csv_node_listen(struct csv_net *cn, const struct csv_table *old,
			   const struct csv_table *new, const struct csv_table_node *local,
			   struct netlink_ext_ack *extack)
{
	unsigned int at = 0;
	bool marks = old && csv_node_marks_only(old, new);
	int err;

	if (!list_empty(&cn->listeners)) {
		if (old && old->transport == new->transport && !csv_node_has_moved(old, local))
			return 0;
		csv_listener_stop(cn);
	}
	err = csv_listener_start(cn, new->transport, local->addrs, local->nr_addrs, &at);
	if (err && marks) {
		/* a dead node is fenced all the same */
		pr_warn("cannot listen on %pISpc: error %d\n", &local->addrs[at], err);
		return 0;
	}
	if (err == -EADDRNOTAVAIL)
		NL_SET_ERR_MSG_FMT(extack, "no interface has %pISpc: add the address, apply again",
				   &local->addrs[at]);
	else if (err)
		NL_SET_ERR_MSG_FMT(extack, "cannot listen on %pISpc: error %d", &local->addrs[at],
				   err);
	return err;
}

/**
 * csv_node_apply() - let peers and the listener follow a table
 * @cn: this node
 * @old: the table that they follow now, NULL for none
 * @new: the one to follow; may be @old after the identity has changed
 * @extack: what is wrong
 *
 * Context: csv_net.control_mutex is held.
 * Return: 0, or an error with some of them moved: apply @old again.
 */
int csv_node_apply(struct csv_net *cn, const struct csv_table *old,
		   const struct csv_table *new, struct netlink_ext_ack *extack)
{
	const struct csv_table_node *local = csv_node_local(cn, new);
	struct csv_peer *peer;
	unsigned long id;
	u32 i;
	int err;

	lockdep_assert_held(&cn->control_mutex);
	if (!local) {
		csv_node_stop(cn);
		return 0;
	}
	err = csv_node_listen(cn, old, new, local, extack);
	if (err)
		return err;

	xa_for_each(&cn->peers, id, peer) {
		const struct csv_table_node *node = csv_table_find_node(new, id);

		if (!node || node == local || node->fenced || !old ||
		    old->transport != new->transport)
			csv_node_drop_peer(cn, id);
		else if (csv_node_has_moved(old, node))
			csv_peer_move(peer, node->addrs, node->nr_addrs);
		else if (old->data_digest != new->data_digest)
			csv_peer_reset(peer);	/* agreed on in the handshake */
	}
	for (i = 0; i < new->nr_nodes; i++) {
		const struct csv_table_node *node = &new->nodes[i];

		if (node == local || node->fenced || xa_load(&cn->peers, node->id))
			continue;
		err = csv_node_add_peer(cn, new, node);
		if (err) {
			NL_SET_ERR_MSG_FMT(extack, "node %s: no connection can be made: error %d",
					   node->name, err);
			return err;
		}
	}
	return 0;
}

/**
 * csv_node_stop() - end all connections
 * @cn: this node
 *
 * Context: csv_net.control_mutex is held.
 */
void csv_node_stop(struct csv_net *cn)
{
	struct csv_peer *peer;
	unsigned long id;

	lockdep_assert_held(&cn->control_mutex);
	xa_for_each(&cn->peers, id, peer)
		csv_node_drop_peer(cn, id);
	csv_listener_stop(cn);
}

/* Whether some volume is in use here, which ties this node to its id. */
static bool csv_node_busy(struct csv_net *cn, const struct csv_table *table)
{
	u32 i;

	for (i = 0; table && i < table->nr_volumes; i++) {
		struct csv_volume_info info = {};

		if (!csv_volume_get_info(cn, table->volumes[i].id, &info) &&
		    (info.online || info.mounted))
			return true;
	}
	return false;
}

static int csv_node_set_identity(struct csv_net *cn, const struct csv_node_change *change,
				 struct netlink_ext_ack *extack)
{
	const struct csv_table *table = csv_table_locked(cn);
	bool rekeyed = change->key && cn->key_len;
	bool renamed = change->local && cn->local_id != change->id;
	unsigned int old_len = cn->key_len;
	u32 old_id = cn->local_id;
	struct csv_peer *peer;
	unsigned long id;
	u8 old_key[CSV_KEY_MAX];
	int err = 0;

	if (renamed && cn->local_id && csv_node_busy(cn, table)) {
		NL_SET_ERR_MSG(extack, "a volume is used here: unmount it, take it offline");
		return -EBUSY;
	}
	memcpy(old_key, cn->key, sizeof(old_key));
	if (renamed) {
		csv_node_stop(cn);
		cn->local_id = change->id;
	}
	if (change->key) {
		memset(cn->key, 0, sizeof(cn->key));
		memcpy(cn->key, change->key, change->key_len);
		cn->key_len = change->key_len;
	}
	if (table)
		err = csv_node_apply(cn, table, table, extack);
	if (!err && renamed && table)
		err = csv_volume_apply(cn, table, table);
	if (err) {
		csv_node_stop(cn);
		cn->local_id = old_id;
		memcpy(cn->key, old_key, sizeof(old_key));
		cn->key_len = old_len;
		if (table && csv_node_apply(cn, table, table, NULL))
			pr_warn("peers do not follow the old identity: set it again\n");
	} else if (rekeyed) {
		xa_for_each(&cn->peers, id, peer)
			csv_peer_reset(peer);
	}
	memzero_explicit(old_key, sizeof(old_key));
	return err;
}

static int csv_node_set_fenced(struct csv_net *cn, const struct csv_table_node *node, bool fenced,
			       struct netlink_ext_ack *extack)
{
	struct csv_peer_info info = {};
	struct csv_peer *peer;
	u32 id = node->id;	/* the table that has it goes away */
	int err;

	if (node->fenced == fenced)
		return 0;
	if (fenced && id == cn->local_id) {
		NL_SET_ERR_MSG(extack, "this node cannot fence itself: do it on another one");
		return -EINVAL;
	}
	peer = csv_peer_get(cn, id);
	if (peer) {
		csv_peer_get_info(peer, &info);
		csv_peer_put(peer);
	}
	if (fenced && info.connected) {
		NL_SET_ERR_MSG_FMT(extack, "%s is connected: switch it off first", node->name);
		return -EBUSY;
	}
	err = csv_table_fence(cn, id, fenced, extack);
	if (!err)
		csv_event_send(cn, CSV_EVENT_NODE, id, 0, fenced, 0, 0,
			       fenced ? "fenced" : "not fenced any more");
	return err;
}

/* Of the local node: all of its connections, and its listener. */
static int csv_node_reset(struct csv_net *cn, u32 node, struct netlink_ext_ack *extack)
{
	const struct csv_table *table = csv_table_locked(cn);
	struct csv_peer *peer;
	unsigned long id;
	int err = 0;

	if (node == cn->local_id && list_empty(&cn->listeners)) {
		err = csv_node_apply(cn, table, table, extack);
	} else if (node == cn->local_id) {
		err = csv_listener_restart(cn);
		if (err)
			NL_SET_ERR_MSG_FMT(extack, "cannot listen any more: error %d; reset again",
					   err);
	}
	xa_for_each(&cn->peers, id, peer) {
		if (id == node || node == cn->local_id)
			csv_peer_reset(peer);
	}
	return err;
}

static int csv_node_set_locked(struct csv_net *cn, const struct csv_node_change *change,
			       struct netlink_ext_ack *extack)
{
	const struct csv_table *table = csv_table_locked(cn);
	const struct csv_table_node *node = NULL;
	int err = 0;

	if (table)
		node = csv_table_find_node(table, change->id);
	if (!node && (table || !change->local)) {
		NL_SET_ERR_MSG_FMT(extack, "no node %u in the table: apply one that has it first",
				   change->id);
		return -ENOENT;
	}
	if (change->key && !change->local && change->id != cn->local_id) {
		NL_SET_ERR_MSG(extack, "a key is set on the local node only: say local, too");
		return -EINVAL;
	}
	if (change->key && (change->key_len < CSV_KEY_MIN || change->key_len > CSV_KEY_MAX)) {
		NL_SET_ERR_MSG_FMT(extack, "a key has %u to %u bytes, not %u",
				   CSV_KEY_MIN, CSV_KEY_MAX, change->key_len);
		return -EINVAL;
	}
	if (change->local && change->fenced == 1) {
		NL_SET_ERR_MSG(extack, "this node cannot fence itself: do it on another one");
		return -EINVAL;
	}
	if (change->local || change->key)
		err = csv_node_set_identity(cn, change, extack);
	if (!err && change->fenced >= 0 && node)
		err = csv_node_set_fenced(cn, node, change->fenced, extack);
	if (!err && change->reset)
		err = csv_node_reset(cn, change->id, extack);
	return err;
}

/**
 * csv_node_set() - change what an administrator may change about a node
 * @cn: this node
 * @change: what
 * @extack: what is wrong
 *
 * Context: takes csv_net.control_mutex.
 * Return: 0 or an error, with nothing changed.
 */
int csv_node_set(struct csv_net *cn, const struct csv_node_change *change,
		 struct netlink_ext_ack *extack)
{
	int err;

	if (mutex_lock_killable(&cn->control_mutex))
		return -EINTR;
	err = csv_node_set_locked(cn, change, extack);
	mutex_unlock(&cn->control_mutex);
	return err;
}

/**
 * csv_node_read_key() - the payload of a key of the caller's keyrings
 * @serial: of a user or logon key
 * @key: where it goes
 * @extack: what is wrong
 *
 * Return: bytes of it, or an error.
 */
int csv_node_read_key(s32 serial, u8 key[CSV_KEY_MAX], struct netlink_ext_ack *extack)
{
	const struct user_key_payload *payload;
	key_ref_t ref;
	struct key *entry;
	int len;

	ref = lookup_user_key(serial, 0, KEY_NEED_SEARCH);
	if (IS_ERR(ref)) {
		NL_SET_ERR_MSG_FMT(extack, "no key %d that you may use (keyctl show)", serial);
		return PTR_ERR(ref);
	}
	entry = key_ref_to_ptr(ref);
	if (entry->type != &key_type_user && entry->type != &key_type_logon) {
		NL_SET_ERR_MSG_FMT(extack, "key %d has type %s: use a user or logon key",
				   serial, entry->type->name);
		len = -EINVAL;
		goto out;
	}
	down_read(&entry->sem);
	len = key_validate(entry);
	payload = len ? NULL : user_key_payload_locked(entry);
	if (!payload) {
		NL_SET_ERR_MSG_FMT(extack, "key %d has expired or was revoked", serial);
		len = len ?: -EKEYREVOKED;
	} else if (payload->datalen < CSV_KEY_MIN || payload->datalen > CSV_KEY_MAX) {
		NL_SET_ERR_MSG_FMT(extack, "key %d has %u bytes, not %u to %u", serial,
				   payload->datalen, CSV_KEY_MIN, CSV_KEY_MAX);
		len = -EINVAL;
	} else {
		len = payload->datalen;
		memcpy(key, payload->data, len);
	}
	up_read(&entry->sem);
out:
	key_put(entry);
	return len;
}
