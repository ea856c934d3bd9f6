// SPDX-License-Identifier: GPL-2.0
/*
 * Data of mapped files: one direct-I/O path for O_DIRECT and buffered calls,
 * synchronous, AIO and io_uring, on the routes local, direct and block.
 *
 * Each piece of I/O holds its range of the layout for as long as its bios are
 * under way. The piece has a kiocb of its own, from which its completion finds
 * the hold; the caller's is completed behind it. Calls whose memory is not
 * aligned go through pages of our own, see bounce.c.
 *
 * No page of the caller's memory is faulted in while a range is held: whoever
 * serves that memory (a disk, FUSE, userfaultfd) may take for ever, and a recall
 * waits for the hold. As in GFS2, a piece ends in front of such memory, which is
 * brought in with nothing held. A write that would end inside of a block is not cut
 * short, since iomap would pad that block twice: its memory is brought in before. What
 * is left are the locks that pinning takes by itself, of the address space and of pages.
 */
#include <linux/iomap.h>
#include <linux/pagemap.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include "../block/block.h"
#include "route.h"

/**
 * struct csv_dio - one piece of I/O
 * @iocb: what iomap sees
 * @user: the caller's
 * @task: the caller
 * @alone: it may be completed when its caller has gone: allocated, and @task referenced
 * @hold: of the layout
 * @held: @hold has not been released yet
 * @route: local, direct or block
 * @write: direction
 * @under: a bio was done under @hold, not as a WRITE of its own
 * @end: of the application's request, in the file
 * @size: of the file when the range was held
 * @before: bytes of the request that earlier pieces did, if this one is asynchronous
 * @kept: asynchronous, and needs a COMMIT: the same as a WRITE, for when that is refused
 * @done: of iomap, all its bios are done, for @work
 * @work: where the caller must not wait for the COMMIT
 * @start: when it began
 */
struct csv_dio {
	struct kiocb iocb;
	struct kiocb *user;
	struct task_struct *task;
	bool alone;
	struct csv_hold hold;
	bool held;
	u8 route;
	bool write;
	bool under;
	u64 end;
	u64 size;
	size_t before;
	struct csv_op *kept;
	struct iomap_dio *done;
	struct work_struct work;
	ktime_t start;
};

/* How often memory is faulted in vainly. After a fork() it is there, but cannot be pinned so. */
#define CSV_FAULT_TRIES 1

static struct kmem_cache *csv_dio_cache;

/**
 * csv_mapped_init - make the cache of asynchronous I/O
 */
int csv_mapped_init(void)
{
	csv_dio_cache = KMEM_CACHE(csv_dio, 0);
	return csv_dio_cache ? 0 : -ENOMEM;
}

/**
 * csv_mapped_exit - destroy it
 */
void csv_mapped_exit(void)
{
	kmem_cache_destroy(csv_dio_cache);
}

static void csv_dio_release(struct csv_dio *dio)
{
	if (!dio->held)
		return;
	dio->held = false;
	csv_layout_release(&dio->hold);
}

/* Only what is held: no message is sent from here. */
static int csv_dio_iomap_begin(struct inode *inode, loff_t pos, loff_t length,
			       unsigned int flags, struct iomap *iomap, struct iomap *srcmap)
{
	struct csv_dio *dio = container_of(iomap, struct iomap_iter, iomap)->private;
	struct csv_inode *ci = csv_inode_of(inode);
	const struct csv_extent *found;
	struct csv_extent ext = {};
	static const u16 types[] = {
		[CSV_EXT_HOLE] = IOMAP_HOLE,
		[CSV_EXT_UNWRITTEN] = IOMAP_UNWRITTEN,
		[CSV_EXT_WRITTEN] = IOMAP_MAPPED,
	};

	spin_lock_irq(&ci->lock);
	found = csv_extent_map_find(&ci->extents, pos);
	if (found)
		ext = *found;
	spin_unlock_irq(&ci->lock);
	iomap->bdev = csv_super_of(inode->i_sb)->vol->disk->gd->part0;
	iomap->flags = 0;
	/* the session ended: no bio of what is left goes to any disk, see csv_layout_begin_bio() */
	if (csv_layout_lost(&dio->hold)) {
		iomap->type = IOMAP_MAPPED;
		iomap->offset = pos;
		iomap->length = length;
		iomap->addr = 0;
		return 0;
	}
	/* the coordinator knows of no grant: the whole piece is done again */
	if (!ext.end || ((flags & IOMAP_WRITE) && !(ext.flags & CSV_EXT_RW)))
		return -CSV_ENO_LAYOUT;
	iomap->type = types[ext.state];
	iomap->offset = ext.start;
	iomap->length = ext.end - ext.start;
	iomap->addr = ext.state == CSV_EXT_HOLE ? IOMAP_NULL_ADDR : ext.addr;
	if ((flags & IOMAP_WRITE) &&
	    (ext.state != CSV_EXT_WRITTEN || pos + length > i_size_read(inode)))
		iomap->flags |= IOMAP_F_DIRTY;
	return 0;
}

static const struct iomap_ops csv_dio_iomap_ops = {
	.iomap_begin	= csv_dio_iomap_begin,
};

static void csv_dio_bio_end(struct bio *bio)
{
	struct csv_bio *cb = csv_bio_of(bio);

	if (cb->hold) {
		WRITE_ONCE(container_of(cb->hold, struct csv_dio, hold)->under, true);
		csv_layout_end_bio(cb->hold);
	}
	bio->bi_end_io = cb->done;
	bio->bi_end_io(bio);
}

/* The layout travels with each bio. */
static void csv_dio_submit_io(const struct iomap_iter *iter, struct bio *bio, loff_t pos)
{
	struct csv_dio *dio = iter->private;
	struct csv_bio *cb = csv_bio_of(bio);

	cb->fh = &dio->hold.ci->fh;
	cb->hold = &dio->hold;
	cb->inode = iter->inode;
	cb->task = dio->task;
	cb->pos = pos;
	cb->op_start = dio->iocb.ki_pos;
	cb->op_end = dio->end;
	cb->generation = dio->hold.generation;
	cb->route = dio->route;
	cb->lost = 0;
	cb->tries = 0;
	cb->disk = csv_super_of(iter->inode->i_sb)->vol->disk;
	cb->done = bio->bi_end_io;
	bio->bi_end_io = csv_dio_bio_end;
	if (!csv_layout_begin_bio(&dio->hold))
		csv_redrive_bio(cb);
	else if (cb->route == CSV_ROUTE_BLOCK)
		csv_redirect_bio(cb);
	else
		csv_disk_submit(cb);
}

/*
 * Whether a write is only data after its COMMIT: it extended the file, or filled unwritten
 * blocks. Not if all of it has gone to the coordinator after the layout was lost: written
 * again it might come down on what somebody wrote who had seen it.
 */
static bool csv_dio_needs_commit(struct csv_dio *dio, loff_t end, unsigned int flags)
{
	return ((flags & IOMAP_DIO_UNWRITTEN) || end > dio->size) &&
	       (READ_ONCE(dio->under) || !csv_layout_lost(&dio->hold));
}

/*
 * All bios of a piece are done. Process context for writes, perhaps interrupt
 * context for reads.
 */
static int csv_dio_end_io(struct kiocb *iocb, ssize_t size, int error, unsigned int flags)
{
	struct csv_dio *dio = container_of(iocb, struct csv_dio, iocb);
	struct csv_inode *ci = dio->hold.ci;
	loff_t end = iocb->ki_pos + size;

	if (!error && size && dio->write) {
		if (csv_dio_needs_commit(dio, end, flags))
			error = csv_layout_commit(&dio->hold, iocb->ki_pos, size, end, dio->task);
		else
			csv_touch_mark(ci);
	}
	csv_dio_release(dio);
	return error;
}

/**
 * csv_mapped_setup - prepare a mount for I/O through its hidden disk
 * @super: the mount
 */
void csv_mapped_setup(struct csv_super *super)
{
	super->dio_ops.end_io = csv_dio_end_io;
	super->dio_ops.submit_io = csv_dio_submit_io;
	super->dio_ops.bio_set = &super->vol->disk->bios;
}

static void csv_dio_start(struct csv_dio *dio, struct kiocb *user, enum csv_route route,
			  bool write)
{
	dio->iocb = (struct kiocb){
		.ki_filp = user->ki_filp,
		.ki_pos = user->ki_pos,
		/* without waiting iomap would leave the first part of a cut piece under way */
		.ki_flags = user->ki_flags & ~(IOCB_HIPRI | IOCB_DIO_CALLER_COMP |
					       IOCB_ALLOC_CACHE | IOCB_NOWAIT),
		.ki_ioprio = user->ki_ioprio,
	};
	dio->task = dio->alone ? get_task_struct(current) : current;
	dio->kept = NULL;
	dio->user = user;
	dio->route = route;
	dio->write = write;
	dio->under = false;
	dio->held = true;
	dio->start = ktime_get();
}

/* After csv_dio_start(). */
static void csv_dio_free(struct csv_dio *dio)
{
	if (!dio->alone)
		return;
	if (dio->kept)
		csv_op_put(dio->kept);
	put_task_struct(dio->task);
	kmem_cache_free(csv_dio_cache, dio);
}

static void csv_dio_count(struct csv_dio *dio, ssize_t ret)
{
	struct inode *inode = file_inode(dio->iocb.ki_filp);

	csv_stats_count(csv_super_of(inode->i_sb)->vol, dio->route,
			dio->write ? CSV_OP_WRITE : CSV_OP_READ, dio->start, ret);
}

/* What to do again from the start: the layout was lost under the I/O. */
static bool csv_mapped_lost(ssize_t ret)
{
	return ret == -EAGAIN || ret <= -CSV_ESTALE_EPOCH;
}

/* An asynchronous piece is done; no error of ours may reach the caller. */
static void csv_dio_complete(struct kiocb *iocb, long ret)
{
	struct csv_dio *dio = container_of(iocb, struct csv_dio, iocb);
	struct kiocb *user = dio->user;

	csv_dio_release(dio);
	/* for who was killed nothing is done again */
	if (ret == -ERESTARTSYS || (csv_mapped_lost(ret) && csv_task_is_killed(dio->task)))
		ret = -EINTR;
	if (csv_mapped_lost(ret) && dio->kept) {
		csv_file_send_kept(dio->kept, user, dio->task);
		dio->kept = NULL;
		csv_dio_free(dio);
		return;
	}
	csv_dio_count(dio, ret > 0 ? ret - dio->before : ret);
	if (ret > 0)
		user->ki_pos = iocb->ki_pos;
	if (csv_mapped_lost(ret))
		ret = -EIO;
	csv_dio_free(dio);
	user->ki_complete(user, ret);
}

/* The same by a worker. */
static void csv_dio_work(struct work_struct *work)
{
	struct csv_dio *dio = container_of(work, struct csv_dio, work);

	csv_dio_complete(&dio->iocb, iomap_dio_complete(dio->done));
}

/*
 * One piece that is held. Returns what iomap_dio_rw() returns; @dio is gone then,
 * or belongs to the completion.
 */
static ssize_t csv_dio_run(struct csv_dio *dio, struct iov_iter *iter, bool async, size_t done,
			   bool nofault)
{
	struct super_block *sb = file_inode(dio->iocb.ki_filp)->i_sb;
	struct iov_iter pinned, *data = iter;
	struct iomap_dio *over;
	struct kiocb *user = dio->user;
	ssize_t ret;

	/* pinned already */
	if (dio->kept) {
		pinned = dio->kept->data_out;
		data = &pinned;
	}
	dio->before = async ? done : 0;
	if (async)
		dio->iocb.ki_complete = csv_dio_complete;
	/* neither while pages are pinned, nor while holes are read */
	if (nofault)
		pagefault_disable();
	iter->nofault = nofault;
	over = __iomap_dio_rw(&dio->iocb, data, &csv_dio_iomap_ops, &csv_super_of(sb)->dio_ops,
			      (nofault ? IOMAP_DIO_PARTIAL : 0) |
			      (async ? 0 : IOMAP_DIO_FORCE_WAIT), dio, dio->before);
	iter->nofault = false;
	if (nofault)
		pagefault_enable();
	ret = PTR_ERR_OR_ZERO(over);
	if (ret == -EIOCBQUEUED)
		return ret;
	/* the disk was faster than we were: a worker sends the COMMIT, as where it is not */
	if (!IS_ERR_OR_NULL(over) && dio->kept) {
		dio->done = over;
		INIT_WORK(&dio->work, csv_dio_work);
		queue_work(sb->s_dio_done_wq, &dio->work);
		return -EIOCBQUEUED;
	}
	if (!IS_ERR_OR_NULL(over))
		ret = iomap_dio_complete(over);
	/* what came before is counted in once, by whoever completes */
	if (ret > 0)
		ret -= dio->before;
	if (ret != -EFAULT) /* has not been tried, see csv_mapped_fault_in() */
		csv_dio_count(dio, ret);
	if (ret > 0)
		user->ki_pos = dio->iocb.ki_pos;
	csv_dio_release(dio);
	csv_dio_free(dio);
	return ret;
}

/* The mode is certain as long as a layout is held: does this write change it? */
static bool csv_mapped_drops_privs(struct inode *inode)
{
	return (inode->i_mode & (S_ISUID | S_ISGID)) &&
	       setattr_should_drop_suidgid(&nop_mnt_idmap, inode);
}

/*
 * A COMMIT may be refused, where a coordinator died and others have written meanwhile. Who
 * waits for the call writes again then; for who does not the data is kept. Where that
 * cannot be, he has to wait, too: -EAGAIN. -EFAULT: perhaps if the memory is brought in.
 */
static int csv_mapped_keep(struct csv_dio *dio, const struct iov_iter *iter, size_t done)
{
	if (!dio->write || (dio->end <= dio->size && csv_layout_is_written(&dio->hold)))
		return 0;
	if (done)
		return -EAGAIN;
	dio->kept = csv_file_keep(dio->user, iter);
	if (dio->kept)
		return 0;
	if (iter->nofault && user_backed_iter(iter) && iov_iter_count(iter) <= CSV_WIRE_IO_MAX)
		return -EFAULT;
	return -EAGAIN;
}

/* A piece that is not begun. */
static void csv_dio_drop(struct csv_dio *dio, struct iov_iter *iter, size_t want)
{
	csv_dio_release(dio);
	csv_dio_free(dio);
	iov_iter_reexpand(iter, want);
	iter->nofault = false;
}

/* One piece of a call. @iter is advanced by what was done. */
static ssize_t csv_mapped_piece(struct kiocb *user, struct iov_iter *iter,
				enum csv_route route, size_t done, bool may_async, bool nofault,
				bool *last)
{
	struct csv_inode *ci = csv_inode_of(file_inode(user->ki_filp));
	bool write = iov_iter_rw(iter) == WRITE, nowait = user->ki_flags & IOCB_NOWAIT;
	bool alone = may_async && !is_sync_kiocb(user);
	struct csv_dio on_stack, *dio = &on_stack;
	size_t want = iov_iter_count(iter), before;
	ssize_t held, ret;
	int err = -EAGAIN;

	/* pages of an mmap() may be locked */
	if (nowait && write && ci->vfs_inode.i_mapping->nrpages) {
		*last = true;
		return -EAGAIN;
	}
	if (alone)
		dio = kmem_cache_alloc(csv_dio_cache, GFP_NOFS | __GFP_NOFAIL);
	dio->alone = alone;

	held = csv_layout_acquire(ci, user->ki_pos, want, write, nowait, &dio->hold);
	if (held > 0 && write && csv_mapped_drops_privs(&ci->vfs_inode)) {
		csv_layout_release(&dio->hold);
		held = -CSV_EREDIRECT;
	}
	if (held <= 0) {
		if (alone)
			kmem_cache_free(csv_dio_cache, dio);
		*last = true;
		return held;
	}
	csv_dio_start(dio, user, route, write);
	dio->end = user->ki_pos + held;
	dio->size = i_size_read(&ci->vfs_inode);
	iov_iter_truncate(iter, held);
	before = iov_iter_count(iter);
	/* a layout that covers the end of the file knows where it is: nothing is read behind it */
	*last = held == want || (!write && dio->end > dio->size);
	iter->nofault = nofault;
	if (alone && *last)
		err = csv_mapped_keep(dio, iter, done);
	/* whoever goes on by himself while I/O is under way does not wait for it here */
	if (err == -EFAULT || (err && alone && nowait)) {
		csv_dio_drop(dio, iter, want);
		*last = true;
		return err;
	}
	ret = csv_dio_run(dio, iter, !err, done, nofault);
	if (ret != -EIOCBQUEUED) {
		iov_iter_reexpand(iter, iov_iter_count(iter) + want - before);
		if (ret < held)
			*last = true;
	}
	return ret;
}

/*
 * After a piece that ended in front of memory that was not there: bring it in.
 * @tries counts how often that did not help. Memory that is gone again each time is
 * faulted in under the hold at last; what cannot be pinned at all is an error.
 */
static bool csv_mapped_fault_in(struct kiocb *iocb, struct iov_iter *iter, ssize_t ret,
				unsigned int *tries)
{
	size_t window = min_t(size_t, iov_iter_count(iter), SZ_16M);
	bool write = iov_iter_rw(iter) == WRITE;

	if (!window || !user_backed_iter(iter) || *tries > CSV_FAULT_TRIES)
		return false;
	/* the end of the file */
	if (ret > 0 && !write && iocb->ki_pos >= i_size_read(file_inode(iocb->ki_filp)))
		return false;
	*tries = ret > 0 ? 1 : *tries + 1;
	return (write ? fault_in_iov_iter_readable(iter, window) :
			fault_in_iov_iter_writeable(iter, window)) < window;
}

/* Wherever memory is missing, a piece ends with a block. Pages are no smaller than blocks. */
static bool csv_mapped_may_cut(const struct kiocb *iocb, const struct iov_iter *iter)
{
	unsigned int mask = i_blocksize(file_inode(iocb->ki_filp)) - 1;

	return iov_iter_rw(iter) == READ || !user_backed_iter(iter) ||
	       (!(iocb->ki_pos & mask) && iov_iter_is_aligned(iter, mask, mask));
}

/**
 * csv_mapped_rw - pieces of I/O, one after the other
 * @iocb: the call, or a part of one; its position is advanced
 * @iter: its memory, aligned, is advanced, too
 * @route: local, direct or block
 * @may_async: the last piece may be left under way
 *
 * Return: as csv_mapped_read()
 */
ssize_t csv_mapped_rw(struct kiocb *iocb, struct iov_iter *iter, enum csv_route route,
		      bool may_async)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	struct csv_super *super = csv_super_of(inode->i_sb);
	u64 bs = i_blocksize(inode);
	struct iov_iter saved;
	size_t done = 0;
	ssize_t ret = 0;
	int generation, aborts = atomic_read(&super->aborts);
	u32 layouts;
	bool may_cut = csv_mapped_may_cut(iocb, iter), last = false;
	unsigned int tries = 0;

	if (!may_cut)
		fault_in_iov_iter_readable(iter, iov_iter_count(iter));
	while (!last && iov_iter_count(iter)) {
		generation = atomic_read(&super->vol->generation);
		layouts = csv_disk_generation(super->vol->disk);
		saved = *iter;
		ret = csv_mapped_piece(iocb, iter, route, done, may_async,
				       may_cut && tries <= CSV_FAULT_TRIES, &last);
		if (ret == -EIOCBQUEUED)
			return ret;
		if (ret > 0)
			done += ret;
		else if (ret < 0)
			*iter = saved;
		if (may_cut && (ret == -EFAULT || (ret > 0 && last))) {
			last = !csv_mapped_fault_in(iocb, iter, ret, &tries);
			continue;
		}
		if (ret >= 0 || !csv_mapped_lost(ret) || ret == -CSV_EREDIRECT)
			continue;
		if (iocb->ki_flags & IOCB_NOWAIT) {
			ret = -EAGAIN;
			continue;
		}
		csv_layout_refused(csv_inode_of(inode), round_down(iocb->ki_pos, bs),
				   round_up(iocb->ki_pos + iov_iter_count(&saved), bs), layouts);
		ret = csv_op_wait(super->vol, super, generation, aborts);
		last = ret;
	}
	return done ?: ret;
}

static bool csv_mapped_aligned(struct kiocb *iocb, struct iov_iter *iter, u32 lbs)
{
	return !((iocb->ki_pos | iov_iter_count(iter)) & (lbs - 1)) &&
	       iov_iter_is_aligned(iter, max(lbs, 512u) - 1, lbs - 1);
}

/* Buffered calls are synchronous, as everywhere else, and nothing is there without the disk. */
static bool csv_mapped_would_block(const struct kiocb *iocb)
{
	return (iocb->ki_flags & IOCB_NOWAIT) && !(iocb->ki_flags & IOCB_DIRECT);
}

/**
 * csv_mapped_read - read through the hidden disk
 * @iocb: the caller's
 * @to: its memory
 * @route: local, direct or block
 *
 * Return: bytes; -EIOCBQUEUED; -CSV_EREDIRECT: nothing was done, let the
 * coordinator do it; another error
 */
ssize_t csv_mapped_read(struct kiocb *iocb, struct iov_iter *to, enum csv_route route)
{
	u32 lbs = csv_super_of(file_inode(iocb->ki_filp)->i_sb)->info.lbs;

	if (csv_mapped_would_block(iocb))
		return -EAGAIN;
	if (!csv_mapped_aligned(iocb, to, lbs))
		return csv_bounce_rw(iocb, to, route, lbs);
	return csv_mapped_rw(iocb, to, route, iocb->ki_flags & IOCB_DIRECT);
}

/**
 * csv_mapped_write - write whole logical blocks through the hidden disk
 * @iocb: the caller's; its position and length are aligned
 * @from: its memory
 * @route: local, direct or block
 *
 * Context: the inode's lock is held, exclusively if the file may grow or blocks
 * are written in part
 * Return: as csv_mapped_read()
 */
ssize_t csv_mapped_write(struct kiocb *iocb, struct iov_iter *from, enum csv_route route)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	u32 lbs = csv_super_of(inode->i_sb)->info.lbs;
	loff_t end = iocb->ki_pos + iov_iter_count(from);
	bool alone = end > i_size_read(inode) ||
		     ((iocb->ki_pos | end) & (i_blocksize(inode) - 1));

	if (csv_mapped_would_block(iocb))
		return -EAGAIN;
	if (!csv_mapped_aligned(iocb, from, lbs))
		return csv_bounce_rw(iocb, from, route, lbs);
	return csv_mapped_rw(iocb, from, route, !alone && (iocb->ki_flags & IOCB_DIRECT));
}
