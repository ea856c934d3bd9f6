// SPDX-License-Identifier: GPL-2.0
/*
 * One read or write of an application: which way it goes, and what follows from
 * that for the inode's lock.
 */
#include <linux/uio.h>
#include "../block/block.h"
#include "route.h"

static void csv_data_select_volume(struct csv_volume *vol, struct csv_select *in)
{
	in->coordinator = READ_ONCE(vol->export);
	in->layouts = READ_ONCE(vol->super) && (vol->super->info.flags & CSV_FS_LAYOUTS);
	in->disk = vol->disk && csv_disk_has_path(vol->disk);
	in->access = READ_ONCE(vol->access);
	in->redirect = READ_ONCE(vol->redirect);
}

/**
 * csv_volume_route - how data of the volume goes as a rule
 * @vol: the volume
 * @file_reasons: why it is file-redirected
 * @block_reasons: why it is block-redirected
 *
 * Context: csv_volume.super_lock is held
 */
enum csv_route csv_volume_route(struct csv_volume *vol, u64 *file_reasons,
				u64 *block_reasons)
{
	struct csv_select in = { .aligned = true };
	struct csv_selected out;

	csv_data_select_volume(vol, &in);
	out = csv_route_select(&in);
	*file_reasons = out.file_reasons;
	*block_reasons = out.block_reasons;
	return out.route;
}

/**
 * csv_inode_unmappable - whether layouts of an inode are not worth asking for
 * @ci: the inode
 *
 * The coordinator cannot map some files as they are now: with shared blocks, on
 * a realtime device. They are asked for again after a while.
 */
bool csv_inode_unmappable(struct csv_inode *ci)
{
	unsigned long until = READ_ONCE(ci->unmappable_until);

	if (READ_ONCE(ci->unmappable))
		return true;
	if (likely(!until))
		return false;
	if (time_before(jiffies, until))
		return true;
	WRITE_ONCE(ci->unmappable_until, 0);
	return false;
}

static struct csv_selected csv_data_select(struct inode *inode, loff_t pos, size_t len, bool write,
					   bool append)
{
	struct csv_super *super = csv_super_of(inode->i_sb);
	struct csv_select in = {
		.unmappable = csv_inode_unmappable(csv_inode_of(inode)),
		.write = write,
		.aligned = !((pos | len) & (super->info.lbs - 1)),
		.append = append,
		.gap = write && pos > i_size_read(inode),
	};

	csv_data_select_volume(super->vol, &in);
	return csv_route_select(&in);
}

/* No access at all: wait until the table says otherwise. */
static int csv_data_wait(struct inode *inode, struct kiocb *iocb, int aborts)
{
	struct csv_super *super = csv_super_of(inode->i_sb);

	if (iocb->ki_flags & IOCB_NOWAIT)
		return -EAGAIN;
	return csv_op_wait(super->vol, super, atomic_read(&super->vol->generation), aborts);
}

/* By the coordinator; @may_submit: an asynchronous call may be left under way. */
static ssize_t csv_data_file_rw(struct kiocb *iocb, struct iov_iter *iter, u64 reasons,
				bool may_submit)
{
	struct csv_volume *vol = csv_super_of(file_inode(iocb->ki_filp)->i_sb)->vol;
	bool write = iov_iter_rw(iter) == WRITE;
	ktime_t start = ktime_get();
	ssize_t n;

	if (may_submit && csv_file_may_submit(iocb, iter)) {
		n = csv_file_submit(iocb, iter);
		/* whoever completes it counts the rest */
		if (n == -EIOCBQUEUED)
			csv_stats_count_reasons(vol, reasons);
		return n;
	}
	if (iocb->ki_flags & IOCB_NOWAIT)
		return -EAGAIN;
	n = write ? csv_file_write(iocb, iter, iocb->ki_flags & IOCB_APPEND) :
		    csv_file_read(iocb, iter);
	csv_stats_count(vol, CSV_ROUTE_FILE, write ? CSV_OP_WRITE : CSV_OP_READ, start, n);
	csv_stats_count_reasons(vol, reasons);
	return n;
}

/**
 * csv_data_no_layout - why there was no layout where the routes would have had one
 * @inode: the file
 *
 * Return: CSV_FILE_REASON_*
 */
u64 csv_data_no_layout(struct inode *inode)
{
	struct csv_select in = { .aligned = true };

	in.unmappable = csv_inode_unmappable(csv_inode_of(inode));
	in.contended = !in.unmappable;
	csv_data_select_volume(csv_super_of(inode->i_sb)->vol, &in);
	return csv_route_select(&in).file_reasons;
}

/* A layout came to an end before the call did: the coordinator does the rest. */
static bool csv_data_is_short(struct kiocb *iocb, struct iov_iter *iter, ssize_t n)
{
	return n > 0 && iov_iter_count(iter) && !(iocb->ki_flags & IOCB_NOWAIT) &&
	       !fatal_signal_pending(current);
}

/**
 * csv_data_read - read() of an application
 * @iocb: the call
 * @to: its memory
 */
ssize_t csv_data_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	int aborts = atomic_read(&csv_super_of(inode->i_sb)->aborts);
	struct csv_selected way;
	ssize_t n, more;

	if (!iov_iter_count(to))
		return 0;
	for (;;) {
		way = csv_data_select(inode, iocb->ki_pos, iov_iter_count(to), false, false);
		if (way.route != CSV_ROUTE_COUNT)
			break;
		n = csv_data_wait(inode, iocb, aborts);
		if (n)
			return n;
	}
	if (way.route == CSV_ROUTE_FILE)
		return csv_data_file_rw(iocb, to, way.file_reasons, true);
	n = csv_mapped_read(iocb, to, way.route);
	if (n == -CSV_EREDIRECT)
		return csv_data_file_rw(iocb, to, csv_data_no_layout(inode), true);
	if (!csv_data_is_short(iocb, to, n) || iocb->ki_pos >= i_size_read(inode))
		return n;
	more = csv_data_file_rw(iocb, to, csv_data_no_layout(inode), false);
	return n + max_t(ssize_t, more, 0);
}

static int csv_data_lock(struct inode *inode, struct kiocb *iocb, bool excl)
{
	if (iocb->ki_flags & IOCB_NOWAIT) {
		if (excl ? !inode_trylock(inode) : !inode_trylock_shared(inode))
			return -EAGAIN;
		return 0;
	}
	/* who has it may wait for a coordinator */
	return excl ? down_write_killable(&inode->i_rwsem) : down_read_killable(&inode->i_rwsem);
}

static void csv_data_unlock(struct inode *inode, bool excl)
{
	if (excl)
		inode_unlock(inode);
	else
		inode_unlock_shared(inode);
}

static ssize_t csv_data_write_locked(struct kiocb *iocb, struct iov_iter *from, bool excl)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	int aborts = atomic_read(&csv_super_of(inode->i_sb)->aborts);
	struct csv_selected way;
	ssize_t n, more;

	for (;;) {
		way = csv_data_select(inode, iocb->ki_pos, iov_iter_count(from), true,
				      iocb->ki_flags & IOCB_APPEND);
		if (way.route != CSV_ROUTE_COUNT)
			break;
		n = csv_data_wait(inode, iocb, aborts);
		if (n)
			return n;
	}
	if (way.route == CSV_ROUTE_FILE)
		return csv_data_file_rw(iocb, from, way.file_reasons, !excl);
	n = csv_mapped_write(iocb, from, way.route);
	if (n == -CSV_EREDIRECT)
		return csv_data_file_rw(iocb, from, csv_data_no_layout(inode), !excl);
	if (!csv_data_is_short(iocb, from, n))
		return n;
	more = csv_data_file_rw(iocb, from, csv_data_no_layout(inode), false);
	return n + max_t(ssize_t, more, 0);
}

/* Writes side by side need a file that stays as long, and as safe, as it is. */
static bool csv_data_exclusive(struct inode *inode, struct kiocb *iocb, struct iov_iter *from)
{
	loff_t pos = iocb->ki_pos;
	size_t len = iov_iter_count(from);

	/* two writes into one unwritten block would each pad it with zeros */
	return (iocb->ki_flags & IOCB_APPEND) || (inode->i_mode & (S_ISUID | S_ISGID)) ||
	       ((pos | len) & (i_blocksize(inode) - 1)) || pos + len > i_size_read(inode);
}

/**
 * csv_data_write - write() of an application
 * @iocb: the call
 * @from: its memory
 */
ssize_t csv_data_write(struct kiocb *iocb, struct iov_iter *from)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	bool excl = csv_data_exclusive(inode, iocb, from);
	ssize_t n;

	n = csv_data_lock(inode, iocb, excl);
	if (n)
		return n;
	n = generic_write_checks(iocb, from);
	if (n <= 0)
		goto unlock;
	if (!excl && csv_data_exclusive(inode, iocb, from)) {
		csv_data_unlock(inode, excl);
		excl = true;
		n = csv_data_lock(inode, iocb, excl);
		if (n)
			return n;
	}
	if (excl) {
		n = -EAGAIN;
		if (iocb->ki_flags & IOCB_NOWAIT)
			goto unlock;
		n = file_remove_privs(iocb->ki_filp);
		if (n)
			goto unlock;
		/* killable, unlike inode_dio_wait() */
		n = wait_var_event_killable(&inode->i_dio_count, inode_dio_finished(inode));
		if (n)
			goto unlock;
	}
	n = csv_data_write_locked(iocb, from, excl);
unlock:
	csv_data_unlock(inode, excl);
	return n;
}

/**
 * csv_volume_flush - what this node wrote by itself is durable
 * @super: the mount
 *
 * Return: 0; 1: the coordinator wrote, and FSYNC makes it durable; an error
 */
int csv_volume_flush(struct csv_super *super)
{
	struct csv_select in = { .aligned = true };
	enum csv_route route;
	int err, generation, aborts = atomic_read(&super->aborts);

	for (;;) {
		generation = atomic_read(&super->vol->generation);
		csv_data_select_volume(super->vol, &in);
		route = csv_route_select(&in).route;
		err = csv_disk_flush(super->vol->disk, route);
		if (!csv_op_retryable(err))
			return err;
		err = csv_op_wait(super->vol, super, generation, aborts);
		if (err)
			return err;
	}
}
