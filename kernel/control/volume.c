// SPDX-License-Identifier: GPL-2.0
/*
 * Volumes follow the table: they appear, change hands and go away, and forget
 * what a node held that the table says is gone.
 */
#include <linux/netlink.h>
#include <linux/slab.h>
#include "../block/block.h"
#include "../service/service.h"
#include "volume.h"

const struct csv_volume_client_ops *csv_volume_client_ops;

/**
 * csv_volume_get() - a volume by its id
 * @cn: the node
 * @id: csv_table_volume_id() of its UUID
 *
 * Return: a reference, or NULL
 */
struct csv_volume *csv_volume_get(struct csv_net *cn, u32 id)
{
	struct csv_volume *vol;

	rcu_read_lock();
	vol = xa_load(&cn->volumes, id);
	if (vol && !refcount_inc_not_zero(&vol->ref))
		vol = NULL;
	rcu_read_unlock();
	return vol;
}

/**
 * csv_volume_get_name() - a volume by its name
 * @cn: the node
 * @name: from the table
 *
 * Return: a reference, or NULL
 */
struct csv_volume *csv_volume_get_name(struct csv_net *cn, const char *name)
{
	const struct csv_table_volume *tv = NULL;
	const struct csv_table *table;
	u32 id = 0;

	rcu_read_lock();
	table = rcu_dereference(cn->table);
	if (table)
		tv = csv_table_find_volume_name(table, name);
	if (tv)
		id = tv->id;
	rcu_read_unlock();
	return id ? csv_volume_get(cn, id) : NULL;
}

/**
 * csv_volume_hold() - one more reference
 * @vol: referenced
 */
struct csv_volume *csv_volume_hold(struct csv_volume *vol)
{
	refcount_inc(&vol->ref);
	return vol;
}

/**
 * csv_volume_put() - drop a reference
 * @vol: the volume
 */
void csv_volume_put(struct csv_volume *vol)
{
	if (!refcount_dec_and_test(&vol->ref))
		return;
	csv_stats_destroy(&vol->stats);
	kfree_rcu(vol, rcu);
}

/**
 * csv_volume_get_export() - the coordinator's side
 * @vol: the volume
 *
 * Return: a reference, or NULL while the volume is not online here
 */
struct csv_export *csv_volume_get_export(struct csv_volume *vol)
{
	struct csv_export *export;

	if (!READ_ONCE(vol->export))
		return NULL;
	spin_lock_irq(&vol->lock);
	export = vol->export;
	if (export && !csv_export_tryget(export))
		export = NULL;
	spin_unlock_irq(&vol->lock);
	return export;
}

/**
 * csv_volume_kick() - operations that wait for a change look again
 * @vol: the volume
 */
void csv_volume_kick(struct csv_volume *vol)
{
	atomic_inc(&vol->generation);
	wake_up_all(&vol->wait);
}

/* It is online here, and its file system has no block map. */
static bool csv_volume_is_unmapped(struct csv_volume *vol)
{
	struct csv_export *export = csv_volume_get_export(vol);
	bool unmapped = export && !export->lower.layouts;

	if (export)
		csv_export_put(export);
	return unmapped;
}

/* What depends on the volume alone: state, access, reasons. Returns enum csv_state_info. */
static u8 csv_volume_info_of(struct csv_volume *vol, struct csv_volume_info *info)
{
	enum csv_route route;

	info->state = READ_ONCE(vol->state);
	info->access = READ_ONCE(vol->access);
	info->epoch = READ_ONCE(vol->epoch);
	info->mounted = READ_ONCE(vol->super);

	down_read(&vol->super_lock);
	route = csv_volume_client_ops->route(vol, &info->file_reasons, &info->block_reasons);
	up_read(&vol->super_lock);
	if (!info->mounted) {
		/* the table and the administrator do not depend on a mount, nor does a disk here */
		if (!csv_volume_is_unmapped(vol))
			info->file_reasons &= ~CSV_FILE_REASON_NO_EXTENT_MAP;
		info->block_reasons &= ~CSV_BLOCK_REASON_NO_DISK;
	}
	if (READ_ONCE(vol->path_err) == -EMEDIUMTYPE)
		info->block_reasons |= CSV_BLOCK_REASON_WRONG_DISK;
	if (info->access == CSV_ACCESS_NONE || info->state == CSV_VOLUME_PAUSED)
		return CSV_INFO_PAUSED;
	if (!info->mounted && !info->online)
		return CSV_INFO_UNAVAILABLE;
	if (info->file_reasons)
		return CSV_INFO_FILE_REDIRECTED;
	if (info->block_reasons && route != CSV_ROUTE_LOCAL)
		return CSV_INFO_BLOCK_REDIRECTED;
	return CSV_INFO_DIRECT;
}

/**
 * csv_volume_event() - something about the volume has changed on this node
 * @vol: the volume
 * @text: what, for people; may be NULL
 *
 * Context: process; csv_volume.state_mutex may be held
 */
void csv_volume_event(struct csv_volume *vol, const char *text)
{
	struct csv_volume_info info = {};

	csv_volume_info_of(vol, &info);
	csv_event_send(vol->cn, CSV_EVENT_VOLUME, vol->cn->local_id, vol->id, READ_ONCE(vol->state),
		       info.file_reasons, info.block_reasons, text);
}

/**
 * csv_volume_set_state() - the one place that changes the state
 * @vol: the volume; state_mutex is held
 * @state: the new state
 */
void csv_volume_set_state(struct csv_volume *vol, enum csv_volume_state state)
{
	lockdep_assert_held(&vol->state_mutex);
	if (vol->state == state)
		return;
	WRITE_ONCE(vol->state, state);
	csv_volume_kick(vol);
	csv_peer_tell_all(vol->cn);
	csv_volume_event(vol, NULL);
}

static struct csv_volume *csv_volume_alloc(struct csv_net *cn, const struct csv_table_volume *tv)
{
	struct csv_volume *vol = kzalloc(sizeof(*vol), GFP_KERNEL);

	if (!vol)
		return NULL;
	if (csv_stats_init(&vol->stats)) {
		kfree(vol);
		return NULL;
	}
	vol->cn = cn;
	refcount_set(&vol->ref, 1);
	vol->id = tv->id;
	memcpy(vol->uuid, tv->uuid, sizeof(vol->uuid));
	strscpy(vol->name, tv->name);
	strscpy(vol->fstype, tv->fstype);
	mutex_init(&vol->state_mutex);
	spin_lock_init(&vol->lock);
	init_rwsem(&vol->super_lock);
	init_waitqueue_head(&vol->wait);
	csv_volume_path_init(vol);
	vol->redirect = CSV_ACCESS_COUNT;
	return vol;
}

/*
 * Whether a volume is as the table says already. All this changes under control_mutex
 * only; state_mutex may be held for as long as a dead node is waited for, and a table
 * that fences that node must not wait behind it.
 */
static bool csv_volume_follows(const struct csv_volume *vol, const struct csv_table *table,
			       const struct csv_table_volume *tv)
{
	u32 local = vol->cn->local_id;

	lockdep_assert_held(&vol->cn->control_mutex);
	return vol->owner == tv->owner && vol->epoch == tv->epoch &&
	       vol->access == csv_table_access(table, local, tv->id) &&
	       !strcmp(vol->device, csv_table_device(table, local, tv->id)) &&
	       !strcmp(vol->name, tv->name) && !strcmp(vol->fstype, tv->fstype);
}

/* What the table says of a volume on this node; -EBUSY: it has just gone online. */
static int csv_volume_update(struct csv_volume *vol, const struct csv_table *table,
			     const struct csv_table_volume *tv)
{
	struct csv_net *cn = vol->cn;
	u8 access = csv_table_access(table, cn->local_id, tv->id);
	const char *device = csv_table_device(table, cn->local_id, tv->id);
	bool moved, accessed, elsewhere;
	u32 owner;

	mutex_lock(&vol->state_mutex);
	owner = vol->owner;
	accessed = vol->access != access;
	elsewhere = strcmp(vol->device, device);
	moved = vol->owner != tv->owner || vol->epoch != tv->epoch;
	if (moved && vol->mine) {
		mutex_unlock(&vol->state_mutex);
		return -EBUSY;
	}
	/* csv_volume_may_change() lets neither change while they are in use */
	if (!vol->export && !vol->disk) {
		strscpy(vol->name, tv->name);
		strscpy(vol->fstype, tv->fstype);
	}
	spin_lock_irq(&vol->lock);
	strscpy(vol->device, device);
	vol->path_moved |= elsewhere;
	spin_unlock_irq(&vol->lock);
	WRITE_ONCE(vol->owner, tv->owner);
	WRITE_ONCE(vol->epoch, tv->epoch);
	WRITE_ONCE(vol->access, access);
	if (!vol->export)
		csv_volume_set_state(vol, !tv->owner ? CSV_VOLUME_INIT :
				     access == CSV_ACCESS_NONE ? CSV_VOLUME_PAUSED :
				     CSV_VOLUME_ACTIVE);
	mutex_unlock(&vol->state_mutex);
	if (owner != tv->owner)
		csv_volume_forget(vol);
	csv_volume_kick(vol);
	if ((accessed || elsewhere) && READ_ONCE(vol->super))
		csv_volume_follow_path(vol);
	if (moved)
		csv_volume_event(vol, "another coordinator or epoch");
	else if (accessed)
		csv_volume_event(vol, "another access");
	return 0;
}

/* -EBUSY: it has just gone online, and the node goes on with it. */
static int csv_volume_remove(struct csv_net *cn, struct csv_volume *vol, bool force)
{
	bool busy;

	/* from here on it neither goes online nor is it mounted */
	mutex_lock(&vol->state_mutex);
	busy = vol->mine && !force;
	if (!busy)
		WRITE_ONCE(vol->removed, true);
	mutex_unlock(&vol->state_mutex);
	if (busy)
		return -EBUSY;
	csv_volume_path_exit(vol);
	csv_volume_offline(cn, vol->id, true, NULL);
	xa_erase(&cn->volumes, vol->id);
	csv_volume_kick(vol);
	csv_volume_put(vol);
	return 0;
}

/* Requests to a node that is not the coordinator any more are tried elsewhere. */
static void csv_volume_leave_owner(struct csv_net *cn, const struct csv_table_volume *was,
				   const struct csv_table_volume *is)
{
	struct csv_peer *peer;

	if (!was || (was->owner == is->owner && was->epoch == is->epoch) ||
	    was->owner == cn->local_id)
		return;
	peer = csv_peer_get(cn, was->owner);
	if (!peer)
		return;
	csv_peer_abort(peer, is->id, -CSV_ESESSION);
	csv_peer_put(peer);
}

/* A fenced node holds nothing any more. */
static void csv_volume_drop_fenced(struct csv_net *cn, const struct csv_table *old,
				   const struct csv_table *new)
{
	const struct csv_table_node *was;
	struct csv_export *export;
	struct csv_volume *vol;
	unsigned long id;
	u32 i;

	for (i = 0; i < new->nr_nodes; i++) {
		struct csv_peer *peer;

		was = old ? csv_table_find_node(old, new->nodes[i].id) : NULL;
		if (!new->nodes[i].fenced || (was && was->fenced))
			continue;
		peer = csv_peer_get(cn, new->nodes[i].id);
		if (peer) {
			csv_peer_abort(peer, 0, -CSV_ESESSION);
			csv_peer_put(peer);
		}
		xa_for_each(&cn->volumes, id, vol) {
			export = csv_volume_get_export(vol);
			if (!export)
				continue;
			csv_export_drop_node(export, new->nodes[i].id);
			csv_export_put(export);
		}
	}
}

/**
 * csv_volume_apply() - volumes follow a table that has just been published
 * @cn: this node
 * @old: the one before, NULL the first time
 * @new: empty when the namespace ends; @old when only the local identity has changed
 *
 * Peers have followed already. What a node held that is fenced from here on ends.
 *
 * Context: csv_net.control_mutex is held. Takes csv_volume.state_mutex; may wait for a disk.
 * Return: 0, or an error with some of them moved: -ENOMEM; -EBUSY: one has just gone online.
 */
int csv_volume_apply(struct csv_net *cn, const struct csv_table *old,
		     const struct csv_table *new)
{
	struct csv_volume *vol;
	unsigned long id;
	int err;
	u32 i;

	lockdep_assert_held(&cn->control_mutex);
	for (i = 0; i < new->nr_volumes; i++) {
		const struct csv_table_volume *tv = &new->volumes[i];

		vol = xa_load(&cn->volumes, tv->id);
		if (vol && csv_volume_follows(vol, new, tv))
			continue;
		if (!vol) {
			vol = csv_volume_alloc(cn, tv);
			if (!vol)
				return -ENOMEM;
			if (xa_err(xa_store(&cn->volumes, tv->id, vol, GFP_KERNEL))) {
				csv_volume_put(vol);
				return -ENOMEM;
			}
		}
		err = csv_volume_update(vol, new, tv);
		if (err)
			return err;
		if (old)
			csv_volume_leave_owner(cn, csv_table_find_volume(old, tv->id), tv);
	}
	xa_for_each(&cn->volumes, id, vol) {
		if (csv_table_find_volume(new, id))
			continue;
		err = csv_volume_remove(cn, vol, new == &csv_table_empty);
		if (err)
			return err;
	}
	csv_volume_drop_fenced(cn, old, new);
	csv_volume_settle_paths(cn);
	return 0;
}

static bool csv_volume_is_used(struct csv_volume *vol)
{
	return READ_ONCE(vol->mine) || READ_ONCE(vol->super);
}

/**
 * csv_volume_may_change() - whether a table may change or drop a volume now
 * @cn: this node
 * @old: what the table in force says of it
 * @new: what the next one does, NULL: nothing
 * @extack: what is in the way
 *
 * What is used here stays, with name and type; if online, with owner, epoch and device, too; if
 * mounted, with owner and epoch, while the owner says that it is online there.
 *
 * Context: csv_net.control_mutex is held. May wait for the owner's answer.
 * Return: 0 or -EBUSY.
 */
int csv_volume_may_change(struct csv_net *cn, const struct csv_table_volume *old,
			  const struct csv_table_volume *new,
			  struct netlink_ext_ack *extack)
{
	struct csv_volume *vol = xa_load(&cn->volumes, old->id);

	lockdep_assert_held(&cn->control_mutex);
	if (!vol)
		return 0;
	if (!new && csv_volume_is_used(vol)) {
		NL_SET_ERR_MSG_FMT(extack,
				   "volume %s is in use here: unmount it and set it offline",
				   old->name);
		return -EBUSY;
	}
	if (new && csv_volume_is_used(vol) &&
	    (strcmp(new->name, old->name) || strcmp(new->fstype, old->fstype))) {
		NL_SET_ERR_MSG_FMT(extack, "volume %s is in use here: no new name or type now",
				   old->name);
		return -EBUSY;
	}
	if (new && READ_ONCE(vol->mine) &&
	    (new->owner != old->owner || new->epoch != old->epoch ||
	     strcmp(new->device, old->device))) {
		NL_SET_ERR_MSG_FMT(extack, "volume %s is online here: set it offline first",
				   old->name);
		return -EBUSY;
	}
	/* what we hold is to be given back to who granted it, or to be taken by who is next */
	if (new && READ_ONCE(vol->super) &&
	    (new->owner != old->owner || new->epoch != old->epoch) &&
	    csv_claim_is_there(vol, old->owner)) {
		NL_SET_ERR_MSG_FMT(extack,
				   "volume %s is online on its owner, mounted here: set it offline first",
				   old->name);
		return -EBUSY;
	}
	return 0;
}

/**
 * csv_volume_redirect() - send a volume's data by way of the coordinator, or not any more
 * @cn: this node
 * @id: of the volume
 * @mode: CSV_ACCESS_FILE, CSV_ACCESS_BLOCK, or CSV_ACCESS_COUNT: redirection off
 * @extack: what is wrong
 *
 * It is this node's alone, is in no table, and ends with the volume.
 *
 * Context: process. Takes csv_volume.super_lock.
 * Return: 0; -EINVAL: no such mode; -ENOENT: no such volume.
 */
int csv_volume_redirect(struct csv_net *cn, u32 id, enum csv_access mode,
			struct netlink_ext_ack *extack)
{
	struct csv_volume *vol;

	if (mode != CSV_ACCESS_FILE && mode != CSV_ACCESS_BLOCK && mode != CSV_ACCESS_COUNT) {
		NL_SET_ERR_MSG(extack, "redirect to file, to block, or off");
		return -EINVAL;
	}
	vol = csv_volume_get(cn, id);
	if (!vol)
		return -ENOENT;
	WRITE_ONCE(vol->redirect, mode);
	csv_volume_kick(vol);
	csv_volume_event(vol, "redirection changed");
	csv_volume_put(vol);
	return 0;
}

/**
 * csv_volume_get_info() - what a volume does on this node
 * @cn: this node
 * @id: of the volume
 * @info: filled in; as it was on error
 *
 * Context: process. Takes csv_volume.super_lock, but no mutex, for keepalives and dumps.
 * Return: 0 or -ENOENT.
 */
int csv_volume_get_info(struct csv_net *cn, u32 id, struct csv_volume_info *info)
{
	struct csv_volume *vol = csv_volume_get(cn, id);
	struct csv_export *export;

	if (!vol)
		return -ENOENT;
	memset(info, 0, sizeof(*info));
	info->id = id;
	export = csv_volume_get_export(vol);
	info->online = READ_ONCE(vol->mine);
	if (export) {
		csv_export_count(export, &info->opens, &info->layouts);
		csv_export_put(export);
	}
	info->info = csv_volume_info_of(vol, info);
	csv_volume_put(vol);
	return 0;
}
