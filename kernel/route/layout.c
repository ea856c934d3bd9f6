// SPDX-License-Identifier: GPL-2.0
/*
 * Layouts at a node: got from the coordinator, held while I/O uses them, given
 * up when it asks.
 *
 * An I/O holds the range it uses from before its first bio until after its
 * COMMIT. While it holds a range it sends nothing that could wait for a recall:
 * only COMMIT, and READ for a page fault. A recall first keeps new holds off the
 * range, then waits for those that overlap, and then drops the extents.
 *
 * A grant and a recall may overtake each other on their way. Both carry numbers
 * that the coordinator gave out in order: a grant that is older than the newest
 * recall of the inode is dropped, which is safe, since the coordinator then
 * only believes that we hold more than we do.
 */
#include <linux/slab.h>
#include "../block/block.h"
#include "route.h"

#define CSV_LAYOUT_WISH		SZ_64M	/* of what is there already */
#define CSV_LAYOUT_SLACK	32	/* extents, for what recalls cut */
#define CSV_LAYOUT_GROW_MIN	SZ_64K	/* behind the end of the file: as much as there is ... */
#define CSV_LAYOUT_GROW_MAX	SZ_4M	/* ... up to this */
#define CSV_LAYOUT_TRIES	4	/* then the operation is file-redirected */
#define CSV_LAYOUT_AGAIN	HZ	/* what could not be mapped is tried again after that */

/**
 * csv_layout_lost - whether the layout has ended under a hold
 * @hold: the hold
 *
 * Its coordinator died or was replaced. That is for good.
 */
bool csv_layout_lost(const struct csv_hold *hold)
{
	return hold->generation != csv_disk_generation(hold->disk);
}

/**
 * csv_layout_is_written - whether all of it is data already: a write there needs no COMMIT
 * @hold: the hold
 */
bool csv_layout_is_written(const struct csv_hold *hold)
{
	struct csv_inode *ci = hold->ci;
	const struct csv_extent *ext = NULL;
	u64 pos;

	spin_lock_irq(&ci->lock);
	for (pos = hold->start; pos < hold->end; pos = ext->end) {
		ext = csv_extent_map_find(&ci->extents, pos);
		if (!ext || ext->state != CSV_EXT_WRITTEN)
			break;
	}
	spin_unlock_irq(&ci->lock);
	return pos >= hold->end;
}

/*
 * Nothing more goes to the disk under a lost hold without bios: what is left of its I/O
 * goes by the coordinator, which may be waiting for us right now.
 */
static bool csv_layout_is_idle(struct csv_hold *hold)
{
	if (!csv_layout_lost(hold))
		return false;
	/* pairs with csv_layout_begin_bio(): counted, then looked */
	smp_rmb();
	return !atomic_read(&hold->bios);
}

static bool csv_layout_overlaps(struct csv_inode *ci, u64 start, u64 end)
{
	struct csv_hold *hold;

	lockdep_assert_held(&ci->lock);
	list_for_each_entry(hold, &ci->holds, entry)
		if (hold->start < end && start < hold->end && !csv_layout_is_idle(hold))
			return true;
	return false;
}

static bool csv_layout_recalled(struct csv_inode *ci, u64 start, u64 end)
{
	struct csv_hold *recall;

	lockdep_assert_held(&ci->lock);
	list_for_each_entry(recall, &ci->recalls, entry)
		if (recall->start < end && start < recall->end)
			return true;
	return false;
}

static bool csv_layout_idle(struct csv_inode *ci, u64 start, u64 end)
{
	bool idle;

	spin_lock_irq(&ci->lock);
	idle = !csv_layout_overlaps(ci, start, end);
	spin_unlock_irq(&ci->lock);
	return idle;
}

/* Growing the file takes the block of its end for this node alone. */
static bool csv_layout_may_grow(struct csv_inode *ci, u64 end)
{
	struct inode *inode = &ci->vfs_inode;
	u64 size = i_size_read(inode);
	const struct csv_extent *ext;

	lockdep_assert_held(&ci->lock);
	if (end <= size)
		return true;
	ext = csv_extent_map_find(&ci->extents, round_down(size, i_blocksize(inode)));
	return ext && (ext->flags & CSV_EXT_EXCL);
}

/* Whether all writes under way, and one more, find room in the map for what they change. */
static bool csv_layout_has_room(struct csv_inode *ci)
{
	lockdep_assert_held(&ci->lock);
	return ci->extents.nr < CSV_EXTENT_MAP_MAX / 2 ||
	       ci->extents.nr + 4 * (list_count_nodes(&ci->holds) + 1) + CSV_LAYOUT_SLACK <=
	       CSV_EXTENT_MAP_MAX;
}

/* Forgets what nobody uses, to make room; the coordinator may go on to believe that we have it. */
static void csv_layout_shed(struct csv_inode *ci)
{
	unsigned int i = ci->extents.nr;

	lockdep_assert_held(&ci->lock);
	while (i--) {
		u64 start = ci->extents.ext[i].start, end = ci->extents.ext[i].end;

		if (!csv_layout_overlaps(ci, start, end))
			csv_extent_map_remove(&ci->extents, start, end);
	}
}

static size_t csv_layout_hold_locked(struct csv_inode *ci, u64 pos, size_t len, bool write,
				     struct csv_hold *hold)
{
	struct inode *inode = &ci->vfs_inode;
	u64 bs = i_blocksize(inode), start = round_down(pos, bs), covered;
	struct csv_disk *disk = csv_super_of(inode->i_sb)->vol->disk;

	lockdep_assert_held(&ci->lock);
	if (ci->generation != csv_disk_generation(disk))
		return 0;
	/* no more than one COMMIT can name */
	covered = csv_extent_map_covers(&ci->extents, start, round_up(pos + len, bs), write,
					CSV_EXTENTS_MAX);
	if (start + covered <= pos)
		return 0;
	len = min_t(u64, len, start + covered - pos);
	if (write && (!csv_layout_may_grow(ci, pos + len) || !csv_layout_has_room(ci)))
		return 0;
	if (csv_layout_recalled(ci, start, round_up(pos + len, bs)))
		return 0;
	hold->ci = ci;
	hold->disk = disk;
	hold->start = start;
	hold->end = round_up(pos + len, bs);
	hold->generation = ci->generation;
	atomic_set(&hold->bios, 0);
	list_add_tail(&hold->entry, &ci->holds);
	return len;
}

/**
 * csv_layout_hold - use what is there
 * @ci: the inode
 * @pos: from where
 * @len: how much
 * @write: to write
 * @hold: to be released by csv_layout_release()
 *
 * Return: bytes from @pos on that are held, 0 for none
 */
size_t csv_layout_hold(struct csv_inode *ci, loff_t pos, size_t len, bool write,
		       struct csv_hold *hold)
{
	unsigned long flags;
	size_t n;

	spin_lock_irqsave(&ci->lock, flags);
	n = csv_layout_hold_locked(ci, pos, len, write, hold);
	spin_unlock_irqrestore(&ci->lock, flags);
	return n;
}

/**
 * csv_layout_release - the I/O is over
 * @hold: from csv_layout_hold() or csv_layout_acquire()
 *
 * Context: any, also a bio's completion
 */
void csv_layout_release(struct csv_hold *hold)
{
	struct csv_inode *ci = hold->ci;
	unsigned long flags;

	spin_lock_irqsave(&ci->lock, flags);
	list_del(&hold->entry);
	/* under the lock: a recall that sees no hold may free the inode */
	if (waitqueue_active(&ci->hold_wait))
		wake_up_all(&ci->hold_wait);
	spin_unlock_irqrestore(&ci->lock, flags);
}

/**
 * csv_layout_begin_bio - a bio is about to go to the disk, or to the coordinator, under a hold
 * @hold: the hold
 *
 * Return: whether it may: if not, the layout has been lost, and it goes the other way. Either
 * way csv_layout_end_bio() follows.
 */
bool csv_layout_begin_bio(struct csv_hold *hold)
{
	atomic_inc(&hold->bios);
	/* pairs with csv_layout_is_idle() */
	smp_mb__after_atomic();
	return !csv_layout_lost(hold);
}

/**
 * csv_layout_end_bio - it is done, or goes another way
 * @hold: the hold, not released yet
 *
 * Context: any
 */
void csv_layout_end_bio(struct csv_hold *hold)
{
	struct csv_inode *ci = hold->ci;
	unsigned long flags;

	/* fully ordered: who has seen it counted waits for the end of the hold, or for us */
	if (!atomic_dec_and_test(&hold->bios) || !csv_layout_lost(hold))
		return;
	spin_lock_irqsave(&ci->lock, flags);
	/* a recall looks at the holds under the lock, after it has queued itself */
	if (waitqueue_active(&ci->hold_wait))
		wake_up_all(&ci->hold_wait);
	spin_unlock_irqrestore(&ci->lock, flags);
}

static int csv_layout_decode(struct csv_op *op, struct csv_extent *ext, unsigned int nr)
{
	struct iov_iter iter = op->data_in;
	struct csv_wire_extent wire;
	unsigned int i;

	/* the same pages, read this time */
	iov_iter_bvec(&iter, ITER_SOURCE, op->bvec, DIV_ROUND_UP(op->in_len, PAGE_SIZE),
		      op->in_len);
	for (i = 0; i < nr; i++) {
		if (copy_from_iter(&wire, sizeof(wire), &iter) != sizeof(wire))
			return -EIO;
		ext[i].start = le64_to_cpu(wire.offset);
		ext[i].end = ext[i].start + le64_to_cpu(wire.length);
		ext[i].addr = le64_to_cpu(wire.addr);
		ext[i].state = le32_to_cpu(wire.state);
		ext[i].flags = le32_to_cpu(wire.flags);
		if (ext[i].end <= ext[i].start || ext[i].state > CSV_EXT_WRITTEN)
			return -EIO;
	}
	return 0;
}

/* The new grant first serves who asked for it: install and hold are one step. */
static ssize_t csv_layout_install(struct csv_inode *ci, struct csv_op *op,
				  const struct csv_extent *ext, unsigned int nr, u32 generation,
				  u64 pos, size_t len, bool write, struct csv_hold *hold)
{
	struct csv_super *super = csv_super_of(ci->vfs_inode.i_sb);
	struct csv_extent_room room = {};
	struct inode *inode = &ci->vfs_inode;
	ssize_t held = -EAGAIN;
	unsigned int i;

	if (csv_extent_room_alloc(&room, csv_extent_map_goal(&ci->extents, 2 * nr), GFP_NOFS))
		return -ENOMEM;
	spin_lock(&super->lock);
	spin_lock_irq(&ci->lock);
	csv_attr_apply_locked(ci, &op->out.attr);
	if (op->out.seq > ci->recall_seq && op->out.seq > ci->map_seq &&
	    generation == csv_disk_generation(super->vol->disk)) {
		ci->grant_seq = op->out.seq;
		ci->map_seq = op->out.seq;
		ci->generation = generation;
		csv_extent_room_use(&room, &ci->extents);
		if (ci->extents.nr + 2 * nr > CSV_EXTENT_MAP_MAX || !csv_layout_has_room(ci))
			csv_layout_shed(ci);
		for (i = 0; i < nr; i++)
			if (csv_extent_map_insert(&ci->extents, &ext[i]))
				break;
		held = csv_layout_hold_locked(ci, pos, len, write, hold);
		if (!held && !write && pos >= i_size_read(inode))
			held = 0;
		else if (!held)
			held = -EAGAIN;
		if (list_empty(&ci->layout_entry) && !csv_extent_map_empty(&ci->extents))
			list_add_tail(&ci->layout_entry, &super->layouts);
	}
	spin_unlock_irq(&ci->lock);
	spin_unlock(&super->lock);
	csv_extent_room_free(&room);
	return held;
}

static ssize_t csv_layout_get(struct csv_inode *ci, loff_t pos, size_t len, bool write,
			      struct csv_hold *hold)
{
	struct inode *inode = &ci->vfs_inode;
	u32 generation = csv_disk_generation(csv_super_of(inode->i_sb)->vol->disk);
	struct csv_op *op = csv_op_on(inode, CSV_OP_LAYOUT_GET, false);
	struct csv_extent *ext;
	unsigned int nr;
	ssize_t held;

	if (IS_ERR(op))
		return PTR_ERR(op);
	op->in.offset = pos;
	op->in.length = len;
	op->in.count = write && pos + len > i_size_read(inode) ?
		len + clamp_t(u64, i_size_read(inode), CSV_LAYOUT_GROW_MIN, CSV_LAYOUT_GROW_MAX) :
		CSV_LAYOUT_WISH;
	op->in.flags = write ? CSV_LAYOUT_WRITE : 0;
	held = csv_op_alloc_pages(op, CSV_EXTENTS_MAX * sizeof(struct csv_wire_extent), true);
	if (!held)
		held = csv_op_run(op);
	if (held)
		goto put;
	nr = op->in_len / sizeof(struct csv_wire_extent);
	ext = kmalloc_array(nr + 1, sizeof(*ext), GFP_NOFS);
	held = ext ? csv_layout_decode(op, ext, nr) : -ENOMEM;
	if (!held)
		held = csv_layout_install(ci, op, ext, nr, generation, pos, len, write, hold);
	kfree(ext);
put:
	csv_op_put(op);
	return held;
}

/**
 * csv_layout_acquire - the right to do I/O
 * @ci: the inode
 * @pos: from where
 * @len: how much is wanted
 * @write: to write; behind the end of the file it must begin at the end
 * @nowait: only what is there already, -EAGAIN if that is nothing
 * @hold: to be released by csv_layout_release(), unless 0 or an error is returned
 *
 * Return: bytes from @pos on that are held; 0: a read at the end of the file;
 * -EAGAIN: @nowait; -CSV_EREDIRECT: let the coordinator do it; another error
 */
ssize_t csv_layout_acquire(struct csv_inode *ci, loff_t pos, size_t len, bool write,
			   bool nowait, struct csv_hold *hold)
{
	ssize_t held = csv_layout_hold(ci, pos, len, write, hold);
	unsigned int tries;

	if (held)
		return held;
	if (nowait)
		return -EAGAIN;
	if (mutex_lock_killable(&ci->get_mutex))
		return -ERESTARTSYS;
	/* the one before us may have got it */
	held = csv_layout_hold(ci, pos, len, write, hold);
	for (tries = 0; !held && tries < CSV_LAYOUT_TRIES; tries++) {
		held = csv_layout_get(ci, pos, len, write, hold);
		if (!held)
			break;
		if (held == -EAGAIN)
			held = tries + 1 < CSV_LAYOUT_TRIES ? 0 : -CSV_EREDIRECT;
	}
	if (held == -CSV_EUNMAPPABLE) {
		WRITE_ONCE(ci->unmappable_until, (jiffies + CSV_LAYOUT_AGAIN) ?: 1);
		held = -CSV_EREDIRECT;
	}
	mutex_unlock(&ci->get_mutex);
	return held;
}

static void csv_layout_remove_locked(struct csv_super *super, struct csv_inode *ci, u64 start,
				     u64 end)
{
	lockdep_assert_held(&super->lock);
	spin_lock_irq(&ci->lock);
	csv_extent_map_remove(&ci->extents, start, end);
	if (csv_extent_map_empty(&ci->extents))
		list_del_init(&ci->layout_entry);
	spin_unlock_irq(&ci->lock);
}

/**
 * csv_layout_remove - know nothing of a range any more
 * @ci: the inode
 * @start: block-aligned
 * @end: block-aligned, or U64_MAX
 */
void csv_layout_remove(struct csv_inode *ci, u64 start, u64 end)
{
	struct csv_super *super = csv_super_of(ci->vfs_inode.i_sb);

	spin_lock(&super->lock);
	csv_layout_remove_locked(super, ci, start, end);
	spin_unlock(&super->lock);
}

/**
 * csv_layout_refused - the coordinator knows of no layout of a range
 * @ci: the inode
 * @start: block-aligned
 * @end: block-aligned
 * @generation: of the layout
 *
 * What another coordinator has granted since is right, and others may be using it.
 */
void csv_layout_refused(struct csv_inode *ci, u64 start, u64 end, u32 generation)
{
	struct csv_super *super = csv_super_of(ci->vfs_inode.i_sb);

	/* csv_layout_drop_all() changes it under the lock */
	spin_lock(&super->lock);
	if (generation == csv_disk_generation(super->vol->disk))
		csv_layout_remove_locked(super, ci, start, end);
	spin_unlock(&super->lock);
}

/**
 * csv_layout_give_up - the coordinator wants a range back
 * @ci: the inode
 * @start: from where
 * @end: up to where
 * @seq: of the recall
 *
 * When this returns no I/O under the range is in flight, and what it wrote has
 * been committed.
 *
 * Context: process; takes no lock of the VFS. Waits for bios and COMMITs.
 */
void csv_layout_give_up(struct csv_inode *ci, u64 start, u64 end, u64 seq)
{
	struct csv_hold recall = { .start = start, .end = end };

	csv_layout_close(ci, &recall, seq);
	csv_layout_forget(ci, &recall);
}

/**
 * csv_layout_close - no I/O begins under a range any more
 * @ci: the inode
 * @recall: the range; csv_layout_forget() follows
 * @seq: of the recall, 0: of none
 */
void csv_layout_close(struct csv_inode *ci, struct csv_hold *recall, u64 seq)
{
	spin_lock_irq(&ci->lock);
	ci->recall_seq = max(ci->recall_seq, seq);
	list_add_tail(&recall->entry, &ci->recalls);
	spin_unlock_irq(&ci->lock);
}

/**
 * csv_layout_forget - know nothing of a range any more when no I/O is under it
 * @ci: the inode
 * @recall: the range, from csv_layout_close()
 *
 * Context: process; waits for bios and COMMITs
 */
void csv_layout_forget(struct csv_inode *ci, struct csv_hold *recall)
{
	wait_event(ci->hold_wait, csv_layout_idle(ci, recall->start, recall->end));
	csv_layout_remove(ci, recall->start, recall->end);
	spin_lock_irq(&ci->lock);
	list_del(&recall->entry);
	spin_unlock_irq(&ci->lock);
}

/**
 * csv_layout_drop_all - the session with the coordinator is gone, and the layouts with it
 * @super: the mount
 *
 * Does not wait for I/O in flight: csv_disk_drain() does, for the disk. A grant
 * that was on its way sees another generation and is not installed.
 */
void csv_layout_drop_all(struct csv_super *super)
{
	struct csv_inode *ci;

	spin_lock(&super->lock);
	/* between the last grant of the old generation, and the first of the new one */
	csv_disk_invalidate(super->vol->disk);
	while (!list_empty(&super->layouts)) {
		ci = list_first_entry(&super->layouts, struct csv_inode, layout_entry);
		list_del_init(&ci->layout_entry);
		spin_lock_irq(&ci->lock);
		csv_extent_map_remove(&ci->extents, 0, U64_MAX);
		spin_unlock_irq(&ci->lock);
	}
	spin_unlock(&super->lock);
}

/**
 * csv_layout_drop_eof - give up what lies behind the end of the file, to be returned with CLOSE
 * @ci: the inode, which nobody has open here
 * @seq: of the newest grant
 *
 * Return: from where on nothing is held any more; U64_MAX if nothing was given up
 */
u64 csv_layout_drop_eof(struct csv_inode *ci, u64 *seq)
{
	struct inode *inode = &ci->vfs_inode;
	const struct csv_extent *last;
	u64 start = U64_MAX;

	spin_lock_irq(&ci->lock);
	last = csv_extent_map_last(&ci->extents);
	if (last && (last->flags & CSV_EXT_EXCL) && list_empty(&ci->holds) &&
	    last->end > round_up(i_size_read(inode), i_blocksize(inode)))
		start = round_down(i_size_read(inode), i_blocksize(inode));
	*seq = ci->grant_seq;
	spin_unlock_irq(&ci->lock);
	if (start != U64_MAX)
		csv_layout_remove(ci, start, U64_MAX);
	return start;
}

/**
 * csv_layout_evict - the inode leaves memory: give everything back
 * @ci: the inode, without I/O
 */
void csv_layout_evict(struct csv_inode *ci)
{
	bool had = !csv_extent_map_empty(&ci->extents);
	struct csv_op *op;

	csv_layout_remove(ci, 0, U64_MAX);
	csv_extent_map_destroy(&ci->extents);
	if (!had)
		return;
	op = csv_op_on(&ci->vfs_inode, CSV_OP_LAYOUT_RETURN, false);
	/* without memory the coordinator asks for it when it needs it */
	if (IS_ERR(op))
		return;
	op->in.length = U64_MAX;
	op->in.seq = ci->grant_seq;
	csv_op_run_behind(op);
}
