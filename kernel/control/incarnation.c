// SPDX-License-Identifier: GPL-2.0
/*
 * Who the other nodes are, and what ends with them: a node that comes back with
 * another incarnation holds nothing any more, of nobody.
 */
#include "../service/service.h"
#include "volume.h"

/**
 * csv_node_incarnation() - who a node was when it was last heard
 * @cn: this node
 * @node: the other
 */
unsigned long csv_node_incarnation(struct csv_net *cn, u32 node)
{
	void *entry = xa_load(&cn->incarnations, node);

	return entry ? xa_to_value(entry) : 0;
}

/**
 * csv_node_gone() - whether what a node held is nobody's any more
 * @cn: this node
 * @node: the other
 * @incarnation: from csv_node_incarnation() when it held something
 *
 * A broken connection, or a session that had to be renewed, says nothing of the
 * kind: the node may be alive and writing.
 */
bool csv_node_gone(struct csv_net *cn, u32 node, unsigned long incarnation)
{
	const struct csv_table_node *tn;
	const struct csv_table *table;
	bool gone;

	if (incarnation && csv_node_incarnation(cn, node) != incarnation)
		return true;
	rcu_read_lock();
	table = rcu_dereference(cn->table);
	tn = table ? csv_table_find_node(table, node) : NULL;
	gone = !tn || tn->fenced;
	rcu_read_unlock();
	return gone;
}

/* The node uses nothing any more that we had granted; if it was @reborn it holds nothing. */
static void csv_volume_node_anew(struct csv_volume *vol, u32 node, bool reborn)
{
	struct csv_export *export = csv_volume_get_export(vol);

	if (!export)
		return;
	if (reborn)
		csv_export_drop_node(export, node);
	else
		csv_export_void(export, node);
	csv_export_put(export);
}

/**
 * csv_volume_forget() - what this node holds of a volume is not known any more where it counts
 * @vol: the volume
 *
 * Its coordinator was reborn, or has taken us for dead meanwhile, or it is another one that
 * may have been on line already and has not asked us. It gives the blocks away. What is open
 * is pinned again there.
 *
 * Context: process
 */
void csv_volume_forget(struct csv_volume *vol)
{
	down_read(&vol->super_lock);
	if (vol->super) {
		csv_volume_client_ops->drop(vol->super);
		csv_volume_client_ops->reclaim(vol->super);
	}
	up_read(&vol->super_lock);
}

/**
 * csv_volume_peer_up() - a session with a node has been established (transport's upcall)
 * @cn: this node
 * @node: the peer
 * @incarnation: its incarnation
 * @fresh: the session is new; the node may be the same all the same
 */
void csv_volume_peer_up(struct csv_net *cn, u32 node, u64 incarnation, bool fresh)
{
	unsigned long now = incarnation >> 1, before = csv_node_incarnation(cn, node), id;
	bool reborn = before && before != now;
	struct csv_volume *vol;

	/* without memory the node counts as reborn next time: it only asks again */
	xa_store(&cn->incarnations, node, xa_mk_value(now), GFP_NOIO);
	xa_for_each(&cn->volumes, id, vol) {
		vol = csv_volume_get(cn, id);
		if (!vol)
			continue;
		if (reborn || fresh) {
			csv_volume_node_anew(vol, node, reborn);
			if (READ_ONCE(vol->owner) == node)
				csv_volume_forget(vol);
		}
		csv_volume_kick(vol);
		csv_volume_put(vol);
	}
	csv_event_send(cn, CSV_EVENT_NODE, node, 0, 1, 0, 0, reborn ? "connected, reborn" :
		       "connected");
}
