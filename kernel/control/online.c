// SPDX-License-Identifier: GPL-2.0
/*
 * A volume in use on this node: it goes online at its coordinator, and is
 * mounted. Here the parts of a volume meet: export, disk and mount.
 */
#include <linux/module.h>
#include <linux/netlink.h>
#include "../block/block.h"
#include "../service/service.h"
#include "volume.h"

static int csv_volume_check_online(struct csv_volume *vol, struct netlink_ext_ack *extack)
{
	struct csv_net *cn = vol->cn;

	lockdep_assert_held(&vol->state_mutex);
	if (vol->removed)
		return -ENOENT;
	if (!cn->local_id) {
		NL_SET_ERR_MSG(extack, "this node has no identity: csvctl node set NAME local");
		return -ENODEV;
	}
	if (vol->export) {
		NL_SET_ERR_MSG_FMT(extack, "volume %s is online here already", vol->name);
		return -EALREADY;
	}
	if (vol->owner != cn->local_id) {
		NL_SET_ERR_MSG_FMT(extack, "the table gives volume %s to another node: %u, not %u",
				   vol->name, vol->owner, cn->local_id);
		return -EPERM;
	}
	return 0;
}

/**
 * csv_volume_end_layouts() - what an earlier coordinator granted is void
 * @vol: the volume
 *
 * Returns when this node has no bio under it on the shared disk.
 */
void csv_volume_end_layouts(struct csv_volume *vol)
{
	down_read(&vol->super_lock);
	if (vol->super) {
		csv_volume_client_ops->drop(vol->super);
		csv_disk_drain(vol->disk);
	}
	up_read(&vol->super_lock);
}

/* What CLAIM answers, whoever asks when. */
static void csv_volume_set_mine(struct csv_volume *vol, bool mine)
{
	spin_lock_irq(&vol->lock);
	vol->mine = mine;
	spin_unlock_irq(&vol->lock);
}

static int csv_volume_do_online(struct csv_volume *vol, struct netlink_ext_ack *extack)
{
	struct csv_export *export;
	const char *why = "";
	int err;

	lockdep_assert_held(&vol->state_mutex);
	err = csv_export_probe(vol, &why);
	if (err) {
		NL_SET_ERR_MSG_FMT(extack, "volume %s: %s", vol->name, why);
		return err;
	}
	err = csv_claim_all(vol, extack);
	if (err)
		return err;
	/* the lower file system wants the disk for itself, and our old layouts are gone */
	csv_volume_set_path(vol);
	csv_volume_end_layouts(vol);
	if (!try_module_get(THIS_MODULE))
		return -ENODEV;
	err = csv_export_start(vol, &export, &why);
	if (err) {
		NL_SET_ERR_MSG_FMT(extack, "volume %s: %s", vol->name, why);
		module_put(THIS_MODULE);
		return err;
	}
	spin_lock_irq(&vol->lock);
	vol->export = export;
	spin_unlock_irq(&vol->lock);
	down_read(&vol->super_lock);
	if (vol->super)
		csv_volume_client_ops->reclaim(vol->super);
	up_read(&vol->super_lock);
	return 0;
}

/**
 * csv_volume_online() - this node becomes the coordinator of a volume
 * @cn: this node
 * @id: of the volume
 * @extack: what stands in the way
 *
 * The table must name this node as the owner, and every other node must say that the volume is
 * not online there, or be marked fenced. From the first question on this node answers CLAIMs
 * of others as if it had the volume already, so that two that try at once never both get it.
 *
 * Context: process. Takes csv_volume.state_mutex, and waits for other nodes with it; so not
 * under csv_net.control_mutex, which is needed to fence one that does not answer.
 * Return: 0, or an error with the volume as before: -ENOENT: no such volume; -ENODEV: no
 * identity; -EALREADY: it is online here; -EPERM: another owner; or what the disk, the other
 * nodes or the lower file system say.
 */
int csv_volume_online(struct csv_net *cn, u32 id, struct netlink_ext_ack *extack)
{
	struct csv_volume *vol = csv_volume_get(cn, id);
	int err;

	if (!vol)
		return -ENOENT;
	mutex_lock(&vol->state_mutex);
	err = csv_volume_check_online(vol, extack);
	if (!err) {
		u8 before = vol->state;

		csv_volume_set_mine(vol, true);
		csv_volume_set_state(vol, CSV_VOLUME_SET_DOWNLEVEL);
		err = csv_volume_do_online(vol, extack);
		csv_volume_set_state(vol, err ? before : CSV_VOLUME_ACTIVE);
		if (err) {
			csv_volume_set_mine(vol, false);
			csv_volume_set_path(vol);
		}
	}
	mutex_unlock(&vol->state_mutex);
	csv_volume_put(vol);
	return err;
}

/*
 * A node that has it mounted and is not connected may not have heard what came of its last
 * changes. It would ask the next coordinator for them again.
 */
static int csv_volume_check_replies(struct csv_volume *vol, u32 epoch,
				    struct netlink_ext_ack *extack)
{
	const struct csv_table_node *node;
	struct csv_net *cn = vol->cn;
	struct csv_state_report report;
	struct csv_peer *peer;
	unsigned long id;
	bool unsure;

	xa_for_each(&cn->peers, id, peer) {
		if (csv_node_gone(cn, id, 0) || csv_state_get(cn, id, vol->id, &report) ||
		    !(report.flags & CSV_STATE_MOUNTED))
			continue;
		peer = csv_peer_get(cn, id);
		if (!peer)
			continue;
		unsure = csv_peer_is_unsure(peer, vol->id, epoch);
		csv_peer_put(peer);
		if (!unsure)
			continue;
		rcu_read_lock();
		node = csv_table_find_node(rcu_dereference(cn->table), id);
		NL_SET_ERR_MSG_FMT(extack,
				   "%s may miss a reply: connect it, fence it if off, or force",
				   node ? node->name : "a node");
		rcu_read_unlock();
		return -EBUSY;
	}
	return 0;
}

/**
 * csv_volume_offline() - this node is the coordinator of a volume no longer
 * @cn: this node
 * @id: of the volume
 * @force: also while files are open, which the next coordinator opens by their handles; and
 *	while a node that is not connected may miss a reply, and so do something twice
 * @extack: what stands in the way, may be NULL
 *
 * All layouts are taken back before: it returns when every node has given back its own, or is
 * gone in the sense of csv_node_gone().
 *
 * Context: process. Takes csv_volume.state_mutex; csv_net.control_mutex may be held.
 * Return: 0; -ENOENT: no such volume; -EALREADY: it is not online here; -EBUSY: see @force;
 * -ERESTARTSYS: killed while waiting. After the last two it is online as before.
 */
int csv_volume_offline(struct csv_net *cn, u32 id, bool force,
		       struct netlink_ext_ack *extack)
{
	struct csv_volume *vol = csv_volume_get(cn, id);
	struct csv_export *export;
	int err = -EALREADY;
	u64 pins, segments;

	if (!vol)
		return -ENOENT;
	mutex_lock(&vol->state_mutex);
	export = vol->export;
	if (!export) {
		NL_SET_ERR_MSG_FMT(extack, "volume %s is not online here", vol->name);
		goto unlock;
	}
	csv_export_count(export, &pins, &segments);
	/* before somebody who is away is asked to give something back, and again behind that */
	err = force ? 0 : csv_volume_check_replies(vol, export->epoch, extack);
	if (err)
		goto unlock;
	csv_volume_set_state(vol, CSV_VOLUME_DRAINING);
	err = csv_export_drain(export, force);
	if (err)
		NL_SET_ERR_MSG_FMT(extack, "volume %s: %llu files are open; close them, or force",
				   vol->name, pins);
	else if (!force)
		err = csv_volume_check_replies(vol, export->epoch, extack);
	if (err) {
		csv_export_resume(export);
		csv_volume_set_state(vol, CSV_VOLUME_ACTIVE);
		goto unlock;
	}
	csv_export_stop(export);
	module_put(THIS_MODULE);
	csv_volume_set_mine(vol, false);
	csv_volume_set_state(vol, CSV_VOLUME_INIT);
	csv_volume_set_path(vol);
unlock:
	mutex_unlock(&vol->state_mutex);
	csv_volume_put(vol);
	return err;
}

/**
 * csv_volume_wait_umount() - until a mount that has begun to end has ended
 * @vol: the volume
 *
 * The VFS knows a super block no more while its last messages are under way.
 *
 * Context: process; no lock of a super block is held
 * Return: 0 or -ERESTARTSYS
 */
int csv_volume_wait_umount(struct csv_volume *vol)
{
	return wait_var_event_killable(&vol->disk_super, !READ_ONCE(vol->disk_super) ||
				       READ_ONCE(vol->super));
}

static void csv_volume_wake_mount(struct csv_volume *vol)
{
	/* pairs with set_current_state() of csv_volume_wait_umount() */
	smp_mb();
	wake_up_var(&vol->disk_super);
}

/**
 * csv_volume_mount() - a mount begins to use the volume
 * @vol: the volume
 * @super: the mount
 * @info: of the lower file system, from the coordinator
 * @why: on error, what an administrator should hear
 *
 * Return: 0; -EINPROGRESS: csv_volume_wait_umount() first; another error
 */
int csv_volume_mount(struct csv_volume *vol, struct csv_super *super,
		     const struct csv_fsinfo *info, const char **why)
{
	struct csv_disk *disk;
	int err = 0;

	mutex_lock(&vol->state_mutex);
	*why = "the table has it no more";
	if (vol->removed) {
		err = -ENODEV;
		goto unlock;
	}
	*why = "a mount of it has not ended yet";
	if (vol->disk) {
		err = -EINPROGRESS;
		goto unlock;
	}
	*why = "the hidden disk cannot be made";
	disk = csv_disk_create(vol, info, csv_volume_client_ops->redrive);
	if (IS_ERR(disk)) {
		err = PTR_ERR(disk);
		goto unlock;
	}
	csv_volume_set_disk(vol, disk);
	WRITE_ONCE(vol->disk_super, super);
	csv_volume_set_path(vol);
	down_write(&vol->super_lock);
	WRITE_ONCE(vol->super, super);
	up_write(&vol->super_lock);
	csv_volume_wake_mount(vol);
	/* a node that has it mounted does not leave the table */
	csv_peer_tell_all(vol->cn);
unlock:
	mutex_unlock(&vol->state_mutex);
	return err;
}

/**
 * csv_volume_detach() - a mount begins to end: recalls find no inode any more
 * @vol: the volume
 * @super: the mount; no file is open and no I/O under way
 */
void csv_volume_detach(struct csv_volume *vol, struct csv_super *super)
{
	down_write(&vol->super_lock);
	if (vol->super == super)
		WRITE_ONCE(vol->super, NULL);
	up_write(&vol->super_lock);
}

/**
 * csv_volume_umount() - a mount has ended; no inode of it is left
 * @vol: the volume
 * @super: what csv_volume_mount() was given, perhaps in vain
 */
void csv_volume_umount(struct csv_volume *vol, struct csv_super *super)
{
	mutex_lock(&vol->state_mutex);
	if (vol->disk_super == super) {
		csv_volume_detach(vol, super);
		csv_disk_destroy(csv_volume_set_disk(vol, NULL));
		WRITE_ONCE(vol->disk_super, NULL);
		csv_volume_wake_mount(vol);
		csv_peer_tell_all(vol->cn);
	}
	mutex_unlock(&vol->state_mutex);
}
