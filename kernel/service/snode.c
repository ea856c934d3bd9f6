// SPDX-License-Identifier: GPL-2.0
/*
 * Inodes at the coordinator: who has them open, and what has been granted of them.
 *
 * Lifetime: a call in progress, the pins together, and the segments together
 * hold one reference each. The last one to go closes the lower file.
 */
#include <linux/file.h>
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/slab.h>
#include "../control/control.h"
#include "../control/volume.h"
#include "service.h"

static struct hlist_head *csv_snode_bucket(struct csv_export *export, const struct csv_fh *fh)
{
	return &export->snodes[jhash(fh->data, fh->len, fh->type) % CSV_SNODE_BUCKETS];
}

static struct csv_snode *csv_snode_find_locked(struct csv_export *export,
					       const struct csv_fh *fh)
{
	struct csv_snode *snode;

	lockdep_assert_held(&export->snode_lock);
	hlist_for_each_entry(snode, csv_snode_bucket(export, fh), hash)
		if (snode->fh.len == fh->len && snode->fh.type == fh->type &&
		    !memcmp(snode->fh.data, fh->data, fh->len) &&
		    refcount_inc_not_zero(&snode->ref))
			return snode;
	return NULL;
}

/**
 * csv_snode_find - an inode that somebody holds already
 * @export: the volume
 * @fh: its handle
 *
 * Return: a reference, or NULL
 */
struct csv_snode *csv_snode_find(struct csv_export *export, const struct csv_fh *fh)
{
	struct csv_snode *snode;

	spin_lock(&export->snode_lock);
	snode = csv_snode_find_locked(export, fh);
	spin_unlock(&export->snode_lock);
	return snode;
}

static struct csv_snode *csv_snode_alloc(struct csv_export *export, const struct csv_fh *fh)
{
	struct csv_snode *snode = kzalloc(sizeof(*snode), GFP_NOFS);

	if (!snode)
		return ERR_PTR(-ENOMEM);
	snode->dentry = csv_lower_decode_fh(&export->lower, fh);
	if (IS_ERR(snode->dentry)) {
		struct csv_snode *err = ERR_CAST(snode->dentry);

		kfree(snode);
		return err;
	}
	snode->export = export;
	snode->fh = *fh;
	refcount_set(&snode->ref, 1);
	init_rwsem(&snode->op_lock);
	mutex_init(&snode->seg_mutex);
	csv_segments_init(&snode->segs);
	INIT_LIST_HEAD(&snode->pins);
	return snode;
}

static void csv_snode_free(struct csv_snode *snode)
{
	csv_segments_destroy(&snode->segs);
	if (snode->file)
		__fput_sync(snode->file);
	dput(snode->dentry);
	kfree(snode);
}

/**
 * csv_snode_get - the inode of a handle
 * @export: the volume
 * @fh: from the wire
 *
 * Context: process, the kernel's own credentials
 * Return: a reference, or an ERR_PTR
 */
struct csv_snode *csv_snode_get(struct csv_export *export, const struct csv_fh *fh)
{
	struct csv_snode *snode = csv_snode_find(export, fh), *other;

	if (snode)
		return snode;
	snode = csv_snode_alloc(export, fh);
	if (IS_ERR(snode))
		return snode;
	spin_lock(&export->snode_lock);
	other = csv_snode_find_locked(export, fh);
	if (!other)
		hlist_add_head(&snode->hash, csv_snode_bucket(export, fh));
	spin_unlock(&export->snode_lock);
	if (other) {
		csv_snode_free(snode);
		return other;
	}
	return snode;
}

/**
 * csv_snode_put - drop a reference
 * @snode: not used afterwards
 */
void csv_snode_put(struct csv_snode *snode)
{
	struct csv_export *export = snode->export;

	if (!__cond_lock(&export->snode_lock,	/* sparse does not know __cond_acquires() */
			 refcount_dec_and_lock(&snode->ref, &export->snode_lock)))
		return;
	hlist_del(&snode->hash);
	spin_unlock(&export->snode_lock);
	csv_snode_free(snode);
}

/**
 * csv_snode_file - the lower file, open for reading and writing
 * @snode: a regular file
 *
 * Return: valid as long as the caller's reference to @snode, or an ERR_PTR
 */
struct file *csv_snode_file(struct csv_snode *snode)
{
	struct file *file;

	if (READ_ONCE(snode->file))
		return snode->file;
	mutex_lock(&snode->seg_mutex);
	file = snode->file;
	if (!file) {
		file = csv_lower_open(&snode->export->lower, snode->dentry, O_RDWR);
		if (!IS_ERR(file))
			WRITE_ONCE(snode->file, file);
	}
	mutex_unlock(&snode->seg_mutex);
	return file;
}

static struct csv_pin *csv_snode_find_pin(struct csv_snode *snode, u32 node)
{
	struct csv_pin *pin;

	lockdep_assert_held(&snode->seg_mutex);
	list_for_each_entry(pin, &snode->pins, entry)
		if (pin->node == node)
			return pin;
	return NULL;
}

/**
 * csv_snode_pin - a node has opened the file: it stays while it is unlinked
 * @snode: the file
 * @node: who
 * @reclaim: this is all that it has open, whatever has been counted before
 */
int csv_snode_pin(struct csv_snode *snode, u32 node, bool reclaim)
{
	struct csv_pin *pin;
	int err = 0;

	mutex_lock(&snode->seg_mutex);
	pin = csv_snode_find_pin(snode, node);
	if (!pin) {
		pin = kzalloc(sizeof(*pin), GFP_NOFS);
		if (!pin) {
			err = -ENOMEM;
			goto unlock;
		}
		pin->node = node;
		if (list_empty(&snode->pins))
			refcount_inc(&snode->ref);
		list_add_tail(&pin->entry, &snode->pins);
		atomic64_inc(&snode->export->nr_pins);
	}
	pin->count = reclaim ? 1 : pin->count + 1;
unlock:
	mutex_unlock(&snode->seg_mutex);
	return err;
}

/* Does a node hold the block of the end of the file, or anything behind it? */
static bool csv_snode_eof_held(struct csv_snode *snode)
{
	struct inode *inode = d_inode(snode->dentry);
	u32 nodes[CSV_NODES_MAX];

	lockdep_assert_held(&snode->seg_mutex);
	return csv_segments_conflict(&snode->segs, 0,
				     round_down(i_size_read(inode), i_blocksize(inode)), U64_MAX,
				     CSV_SEGMENT_RW_EXCL, nodes);
}

/* Whether there is anything behind the block of the end. */
static bool csv_snode_has_post_eof(struct csv_snode *snode)
{
	struct csv_lower *lower = &snode->export->lower;
	struct inode *inode = d_inode(snode->dentry);
	u64 bs = i_blocksize(inode);
	struct iomap iomap;

	return lower->layouts &&
	       !csv_lower_map(lower, inode, round_up(i_size_read(inode), bs), bs, false, &iomap) &&
	       iomap.type != IOMAP_HOLE;
}

/*
 * Blocks past the end that a layout left behind go back with the last close. What
 * is before the block of the end stays as it is, and so do layouts of it.
 */
static void csv_snode_trim(struct csv_snode *snode)
{
	bool trim;

	if (!READ_ONCE(snode->post_eof) || !down_write_trylock(&snode->op_lock))
		return;
	mutex_lock(&snode->seg_mutex);
	trim = snode->post_eof && list_empty(&snode->pins) && d_inode(snode->dentry)->i_nlink &&
	       !csv_snode_eof_held(snode);
	if (trim)
		snode->post_eof = false;
	mutex_unlock(&snode->seg_mutex);
	if (trim && csv_snode_has_post_eof(snode)) {
		/* that of a killed process may still be on its way to these blocks */
		csv_snode_block_wait(snode);
		csv_commit_open(snode->export, d_inode(snode->dentry));
		csv_lower_trim(&snode->export->lower, snode->dentry);
		csv_commit_close(snode->export, d_inode(snode->dentry));
	}
	up_write(&snode->op_lock);
}

/**
 * csv_snode_unpin - a node has closed the file
 * @snode: the file
 * @node: who
 * @count: how many of its opens
 *
 * Context: the caller has a reference of its own
 */
void csv_snode_unpin(struct csv_snode *snode, u32 node, u32 count)
{
	struct csv_pin *pin;
	bool last = false;

	mutex_lock(&snode->seg_mutex);
	pin = csv_snode_find_pin(snode, node);
	if (pin) {
		pin->count -= min(pin->count, count);
		if (!pin->count) {
			list_del(&pin->entry);
			atomic64_dec(&snode->export->nr_pins);
			kfree(pin);
			last = list_empty(&snode->pins);
		}
	}
	mutex_unlock(&snode->seg_mutex);
	if (!last)
		return;
	csv_snode_trim(snode);
	csv_snode_recall_unlinked(snode);
	csv_snode_put(snode);
}

/**
 * csv_snode_segs_changed - the segments may have become empty or non-empty
 * @snode: the file; its seg_mutex is held, and a reference of the caller
 */
void csv_snode_segs_changed(struct csv_snode *snode)
{
	unsigned int now = csv_segments_count(&snode->segs), before = snode->nr_segs;

	lockdep_assert_held(&snode->seg_mutex);
	snode->nr_segs = now;
	atomic64_add((s64)now - before, &snode->export->nr_segments);
	if (now && !before)
		refcount_inc(&snode->ref);
	else if (before && !now)
		refcount_dec(&snode->ref);
}

/**
 * csv_snode_return - a node has given up a range by itself
 * @snode: the file
 * @node: who
 * @start: from where
 * @end: up to where
 * @seq: number of the newest grant that it had seen by then: what was granted since stays
 */
void csv_snode_return(struct csv_snode *snode, u32 node, u64 start, u64 end, u64 seq)
{
	mutex_lock(&snode->seg_mutex);
	csv_segments_reserve(&snode->segs, CSV_SEGMENTS_EXTRA, GFP_NOFS | __GFP_NOFAIL);
	csv_segments_return(&snode->segs, node, start, end, seq);
	csv_snode_segs_changed(snode);
	mutex_unlock(&snode->seg_mutex);
}

/**
 * csv_snode_lock - keep everybody else from the block map
 * @snode: the file; its op_lock is held for writing on success
 * @call: on whose behalf
 *
 * Return: 0; -ERESTARTSYS: nobody wants the call to be executed any more; -CSV_EPARK
 */
int csv_snode_lock(struct csv_snode *snode, struct csv_call *call)
{
	int err;

	if (likely(down_write_trylock(&snode->op_lock)))
		return 0;
	err = csv_service_waits(call, false);
	if (err)
		return err;
	err = down_write_killable(&snode->op_lock);
	if (csv_service_goes_on(call) && !err)
		return 0;
	if (!err)
		up_write(&snode->op_lock);
	return -ERESTARTSYS;
}

/**
 * csv_snode_lock_shared - keep the block map as it is
 * @snode: the file; its op_lock is held for reading on success
 * @call: on whose behalf
 *
 * Return: 0; -ERESTARTSYS: nobody wants the call to be executed any more; -CSV_EPARK
 */
int csv_snode_lock_shared(struct csv_snode *snode, struct csv_call *call)
{
	int err;

	if (likely(down_read_trylock(&snode->op_lock)))
		return 0;
	err = csv_service_waits(call, false);
	if (err)
		return err;
	err = down_read_killable(&snode->op_lock);
	if (csv_service_goes_on(call) && !err)
		return 0;
	if (!err)
		up_read(&snode->op_lock);
	return -ERESTARTSYS;
}
