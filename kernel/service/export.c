// SPDX-License-Identifier: GPL-2.0
/*
 * A volume at its coordinator: mounted privately from start to stop, with
 * threads of its own (server.c), so that one volume that waits does not hold up
 * another.
 */
#include <linux/slab.h>
#include "../control/volume.h"
#include "service.h"

/* Numbers from one online to the next: 100000 a second for five years. */
#define CSV_EXPORT_SEQ_BITS	44

static void csv_export_free(struct csv_export *export)
{
	csv_export_stop_threads(export);
	csv_pages_destroy(&export->pages);
	xa_destroy(&export->ended);
	kvfree(export);
}

static int csv_export_check(struct csv_export *export, const char **why)
{
	struct csv_volume *vol = export->vol;
	u32 epoch, onlines;
	int err;

	if (memcmp(export->lower.sb->s_uuid.b, vol->uuid, sizeof(vol->uuid))) {
		*why = "its disk has another UUID: check device and uuid";
		return -EMEDIUMTYPE;
	}
	err = csv_lower_get_epoch(&export->lower, &epoch, &onlines);
	if (err) {
		*why = "the epoch cannot be read from the lower root";
		return err;
	}
	if (epoch > vol->epoch) {
		*why = "the disk was online at a newer epoch: apply the newer table";
		return -ESTALE;
	}
	onlines++;
	err = csv_lower_prepare_root(&export->lower);
	if (!err)
		err = csv_lower_set_epoch(&export->lower, vol->epoch, onlines);
	if (err) {
		*why = "the epoch cannot be written to the lower root";
		return err;
	}
	export->first_seq = (u64)onlines << CSV_EXPORT_SEQ_BITS;
	atomic64_set(&export->seq, export->first_seq);
	return 0;
}

/**
 * csv_export_probe - whether a volume's disk is there, is the right one, and whole
 * @vol: the volume; its state_mutex is held
 * @why: on error, what an administrator should hear
 *
 * Nothing is changed, neither on the disk nor at any node.
 */
int csv_export_probe(struct csv_volume *vol, const char **why)
{
	struct csv_lower_id id;

	return csv_lower_check(vol->fstype, vol->device, vol->uuid, &id, why);
}

/**
 * csv_export_start - mount a volume's lower file system and serve it
 * @vol: the volume; its state_mutex is held
 * @exportp: filled in
 * @why: on error, what an administrator should hear
 */
int csv_export_start(struct csv_volume *vol, struct csv_export **exportp, const char **why)
{
	struct csv_export *export = kvzalloc(sizeof(*export), GFP_KERNEL);
	struct csv_lower_id id;
	unsigned int i;
	int err;

	*why = "out of memory";
	if (!export)
		return -ENOMEM;
	export->vol = vol;
	export->cn = vol->cn;
	export->epoch = vol->epoch;
	refcount_set(&export->ref, 1);
	init_completion(&export->gone);
	xa_init(&export->ended);
	spin_lock_init(&export->snode_lock);
	spin_lock_init(&export->local_lock);
	INIT_LIST_HEAD(&export->local);
	csv_pages_init(&export->pages);
	csv_replaced_init(&export->replaced);
	for (i = 0; i < ARRAY_SIZE(export->attr_mutex); i++)
		mutex_init(&export->attr_mutex[i]);
	csv_export_init_threads(export);
	mutex_init(&export->block_mutex);
	init_waitqueue_head(&export->block_wait);

	err = csv_lower_check(vol->fstype, vol->device, vol->uuid, &id, why);
	if (!err)
		err = csv_lower_mount(&export->lower, vol->fstype, vol->device, &id, why);
	if (err)
		goto free;
	err = csv_export_check(export, why);
	if (err)
		goto unmount;
	*why = "out of memory";
	err = csv_export_start_threads(export);
	if (err)
		goto unmount;
	*exportp = export;
	return 0;

unmount:
	csv_lower_unmount(&export->lower);
free:
	csv_export_free(export);
	return err;
}

/**
 * csv_export_tryget - use an export, unless it is being stopped
 * @export: the export, under csv_volume.lock
 */
bool csv_export_tryget(struct csv_export *export)
{
	return !READ_ONCE(export->stopping) && refcount_inc_not_zero(&export->ref);
}

/**
 * csv_export_put - stop using an export
 * @export: the export
 */
void csv_export_put(struct csv_export *export)
{
	if (refcount_dec_and_test(&export->ref))
		complete(&export->gone);
}

/* Calls @fn for every inode that somebody holds, with a reference and no lock. */
static void csv_export_for_each(struct csv_export *export,
				void (*fn)(struct csv_snode *snode, void *data), void *data)
{
	unsigned int i;

	for (i = 0; i < CSV_SNODE_BUCKETS; i++) {
		struct csv_snode *snode, *prev = NULL;

		spin_lock(&export->snode_lock);
		hlist_for_each_entry(snode, &export->snodes[i], hash) {
			if (!refcount_inc_not_zero(&snode->ref))
				continue;
			spin_unlock(&export->snode_lock);
			if (prev)
				csv_snode_put(prev);
			prev = snode;
			fn(snode, data);
			spin_lock(&export->snode_lock);
		}
		spin_unlock(&export->snode_lock);
		if (prev)
			csv_snode_put(prev);
	}
}

/**
 * csv_export_count - what the nodes hold
 * @export: the volume
 * @pins: (inode, node) pairs that are open
 * @segments: granted segments
 */
void csv_export_count(struct csv_export *export, u64 *pins, u64 *segments)
{
	*pins = atomic64_read(&export->nr_pins);
	*segments = atomic64_read(&export->nr_segments);
}

static void csv_export_drop_one(struct csv_snode *snode, void *data)
{
	u32 node = *(u32 *)data;

	mutex_lock(&snode->seg_mutex);
	csv_segments_drop_node(&snode->segs, node);
	csv_snode_segs_changed(snode);
	mutex_unlock(&snode->seg_mutex);
	csv_snode_unpin(snode, node, U32_MAX);
}

/**
 * csv_export_void - what a node was granted up to now it uses no more
 * @export: the volume
 * @node: the node: its session has ended, or it has
 *
 * The blocks may be the same in a later grant, and have been another file's meanwhile.
 */
void csv_export_void(struct csv_export *export, u32 node)
{
	unsigned long now = atomic64_inc_return(&export->seq) - export->first_seq;
	void *old;

	do {
		old = xa_load(&export->ended, node);
		if (old && xa_to_value(old) >= now)
			break;
	} while (xa_cmpxchg(&export->ended, node, old, xa_mk_value(now),
			    GFP_NOIO | __GFP_NOFAIL) != old);
}

/**
 * csv_export_is_void - whether a layout has ended, whatever its node was granted since
 * @export: the volume
 * @node: the node
 * @seq: of the newest grant that the node knew then
 *
 * Granted by an earlier coordinator, or before csv_export_void().
 */
bool csv_export_is_void(struct csv_export *export, u32 node, u64 seq)
{
	void *ended = xa_load(&export->ended, node);

	return seq < export->first_seq ||
	       (ended && seq - export->first_seq < xa_to_value(ended));
}

/**
 * csv_export_drop_node - a node was reborn or fenced: it holds nothing any more
 * @export: the volume
 * @node: the node, gone in the sense of csv_node_gone() or with another incarnation
 *
 * Whatever it had asked for is done by then, or never will be.
 */
void csv_export_drop_node(struct csv_export *export, u32 node)
{
	csv_export_wait_served(export, node);
	csv_service_block_wait(export);
	csv_export_void(export, node);
	csv_export_for_each(export, csv_export_drop_one, &node);
}

static void csv_export_recall_one(struct csv_snode *snode, void *data)
{
	int *err = data;

	if (*err)
		return;
	*err = down_write_killable(&snode->op_lock) ? -ERESTARTSYS : 0;
	if (*err)
		return;
	*err = csv_snode_recall(snode, NULL, 0, 0, U64_MAX, CSV_SEGMENT_RW_EXCL);
	up_write(&snode->op_lock);
}

static void csv_export_forget_one(struct csv_snode *snode, void *data)
{
	struct csv_pin *pin, *next;
	bool pinned;

	mutex_lock(&snode->seg_mutex);
	pinned = !list_empty(&snode->pins);
	list_for_each_entry_safe(pin, next, &snode->pins, entry) {
		list_del(&pin->entry);
		atomic64_dec(&snode->export->nr_pins);
		kfree(pin);
	}
	mutex_unlock(&snode->seg_mutex);
	if (pinned)
		csv_snode_put(snode);
}

/**
 * csv_export_begin_open - a file is about to be opened
 * @export: the volume, referenced by the caller
 *
 * Return: whether csv_export_end_open() follows; if not, there is about to be
 * another coordinator, which is to be asked
 */
bool csv_export_begin_open(struct csv_export *export)
{
	atomic_inc(&export->opening);
	/* counted, then looked: pairs with csv_export_stop() */
	smp_mb__after_atomic();
	if (!READ_ONCE(export->draining))
		return true;
	csv_export_end_open(export);
	return false;
}

/**
 * csv_export_end_open - it has been opened, or has not
 * @export: the volume
 */
void csv_export_end_open(struct csv_export *export)
{
	if (atomic_dec_and_test(&export->opening))
		wake_up_var(&export->opening);
}

/**
 * csv_export_drain - take back everything
 * @export: grants nothing and opens no file any more
 * @force: also while files are open; they come back by their handles
 *
 * Return: 0: csv_export_stop() may follow; -EBUSY while files are open; -ERESTARTSYS when
 * killed while a node had not given back its layouts. Else csv_export_resume() follows.
 */
int csv_export_drain(struct csv_export *export, bool force)
{
	int err = 0;

	if (atomic64_read(&export->nr_pins) && !force)
		return -EBUSY;
	/* no more grants; then recalls, while COMMIT and RETURN are still answered */
	WRITE_ONCE(export->draining, true);
	/* pairs with csv_export_begin_open() */
	smp_mb();
	err = wait_var_event_killable(&export->opening, !atomic_read(&export->opening));
	csv_export_for_each(export, csv_export_recall_one, &err);
	if (!err && atomic64_read(&export->nr_pins) && !force)
		err = -EBUSY;
	return err;
}

/**
 * csv_export_resume - it stays here
 * @export: from csv_export_drain()
 */
void csv_export_resume(struct csv_export *export)
{
	WRITE_ONCE(export->draining, false);
	csv_volume_kick(export->vol);
}

/**
 * csv_export_stop - release the lower file system
 * @export: from csv_export_drain(), freed; no new call finds it any more
 */
void csv_export_stop(struct csv_export *export)
{
	struct csv_volume *vol = export->vol;

	spin_lock_irq(&vol->lock);
	export->stopping = true;
	vol->export = NULL;
	spin_unlock_irq(&vol->lock);
	csv_export_put(export);
	wait_for_completion(&export->gone);
	csv_export_for_each(export, csv_export_forget_one, NULL);
	csv_replaced_exit(&export->replaced);
	csv_lower_sync(&export->lower);
	csv_export_stop_threads(export);
	csv_lower_unmount(&export->lower);
	csv_export_free(export);
}
