// SPDX-License-Identifier: GPL-2.0
/*
 * The file-redirected route: READ and WRITE by the coordinator, in pieces of at
 * most CSV_WIRE_IO_MAX. Each piece takes effect at once as a whole.
 *
 * The data goes from and to the pages of the caller, pinned, or through pages of the
 * operation, so that a killed caller can leave while its message is still under way.
 * What an asynchronous caller asks for is one piece whose answer completes its kiocb.
 */
#include <linux/capability.h>
#include <linux/pagemap.h>
#include <linux/uio.h>
#include "route.h"

#define CSV_FILE_PIN_MIN	4096	/* less is copied */

static size_t csv_file_copy_out(struct csv_op *op, struct iov_iter *to, size_t len)
{
	size_t done = 0, n, part;
	unsigned int i;

	for (i = 0; i < op->nr_pages && done < len; i++) {
		n = min_t(size_t, len - done, PAGE_SIZE);
		part = copy_page_to_iter(op->pages[i], 0, n, to);
		done += part;
		if (part < n)
			break;
	}
	return done;
}

static size_t csv_file_copy_in(struct csv_op *op, struct iov_iter *from, size_t len)
{
	size_t done = 0, n, part;
	unsigned int i;

	for (i = 0; i < op->nr_pages && done < len; i++) {
		n = min_t(size_t, len - done, PAGE_SIZE);
		part = copy_page_from_iter(op->pages[i], 0, n, from);
		done += part;
		if (part < n)
			break;
	}
	return done;
}

/* Whether the caller's own pages travel: a copy costs more than pinning them. */
static bool csv_file_pins(const struct iov_iter *iter, size_t len)
{
	struct iov_iter part = *iter;
	unsigned int most = DIV_ROUND_UP(len, PAGE_SIZE) + 1;

	if (len < CSV_FILE_PIN_MIN || !user_backed_iter(iter))
		return false;
	/* many small pieces of memory have more pages than they fill */
	iov_iter_truncate(&part, len);
	return iov_iter_npages(&part, most + 1) <= most;
}

/* One READ; bytes, 0 at the end of the file. *@asked is how much was read for. */
static ssize_t csv_file_read_piece(struct inode *inode, loff_t pos, struct iov_iter *to,
				   size_t *asked)
{
	struct csv_op *op = csv_op_on(inode, CSV_OP_READ, false);
	size_t len = *asked;
	bool pins = csv_file_pins(to, len);
	ssize_t ret, pinned = 0;

	if (IS_ERR(op))
		return PTR_ERR(op);
	if (pins) {
		pinned = csv_op_pin(op, to, len, true);
		ret = min_t(ssize_t, pinned, 0);
		len = max_t(ssize_t, pinned, 0);
	} else {
		ret = csv_op_alloc_pages(op, len, true);
	}
	op->in.offset = pos;
	op->in.count = len;
	*asked = len;
	if (!ret)
		ret = csv_op_run(op);
	if (!ret) {
		csv_attr_apply(inode, &op->out.attr);
		ret = pins ? op->in_len : csv_file_copy_out(op, to, op->in_len);
		if (!ret && op->in_len)
			ret = -EFAULT;
		csv_stats_add_wire(op->vol, false, max_t(ssize_t, ret, 0));
	}
	if (pinned > 0)
		iov_iter_revert(to, pinned - max_t(ssize_t, ret, 0));
	csv_op_put(op);
	return ret;
}

/**
 * csv_file_read - READ until the memory is full or the file ends
 * @iocb: the caller's
 * @to: its memory
 */
ssize_t csv_file_read(struct kiocb *iocb, struct iov_iter *to)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	size_t done = 0, len;
	ssize_t n = 0;

	while (iov_iter_count(to)) {
		len = min_t(size_t, iov_iter_count(to), CSV_WIRE_IO_MAX);
		n = csv_file_read_piece(inode, iocb->ki_pos, to, &len);
		if (n <= 0)
			break;
		iocb->ki_pos += n;
		done += n;
		if (n < len)
			break;
	}
	return done ?: n;
}

/* What a WRITE sends: bytes, less than @len where the caller's memory ends. */
static ssize_t csv_file_fill(struct csv_op *op, struct iov_iter *from, size_t len)
{
	size_t copied;
	int err;

	if (csv_file_pins(from, len))
		return csv_op_pin(op, from, len, false);
	err = csv_op_alloc_pages(op, len, false);
	if (err)
		return err;
	copied = csv_file_copy_in(op, from, len);
	iov_iter_truncate(&op->data_out, copied);
	return copied ?: -EFAULT;
}

/* Whether suid or sgid are there is the coordinator's to know. */
static u32 csv_file_write_flags(struct kiocb *iocb)
{
	return (iocb_is_dsync(iocb) ? CSV_WRITE_SYNC : 0) |
	       (ns_capable_noaudit(&init_user_ns, CAP_FSETID) ? 0 : CSV_WRITE_KILL_PRIV);
}

/* One WRITE; ki_pos moves behind it. *@asked is how much was to be written. */
static ssize_t csv_file_write_piece(struct kiocb *iocb, struct iov_iter *from, size_t *asked,
				    bool append)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	struct csv_op *op = csv_op_on(inode, CSV_OP_WRITE, false);
	ssize_t ret, taken;

	if (IS_ERR(op))
		return PTR_ERR(op);
	taken = csv_file_fill(op, from, *asked);
	ret = taken;
	if (taken <= 0)
		goto put;
	/* the rest of the caller's memory is another piece, or an error then */
	*asked = taken;
	op->in.offset = append ? 0 : iocb->ki_pos;
	op->in.flags = (append ? CSV_WRITE_APPEND : 0) | csv_file_write_flags(iocb);
	ret = csv_op_run(op);
	if (!ret) {
		csv_attr_apply(inode, &op->out.attr);
		ret = min_t(size_t, op->out.count, taken);
		iocb->ki_pos = op->out.offset + ret;
		csv_stats_add_wire(op->vol, true, ret);
	}
	iov_iter_revert(from, taken - max_t(ssize_t, ret, 0));
put:
	csv_op_put(op);
	return ret;
}

/* What is mapped here shows what was written at the next fault. */
static void csv_file_drop_mapped(struct inode *inode, loff_t pos, size_t len)
{
	if (inode->i_mapping->nrpages)
		invalidate_inode_pages2_range(inode->i_mapping, pos >> PAGE_SHIFT,
					      (pos + len - 1) >> PAGE_SHIFT);
}

/**
 * csv_file_write - WRITE all of it
 * @iocb: the caller's
 * @from: its memory
 * @append: at the end of the file, wherever that is when the coordinator gets to it
 *
 * Context: the inode's lock is held
 */
ssize_t csv_file_write(struct kiocb *iocb, struct iov_iter *from, bool append)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	loff_t start = iocb->ki_pos;
	size_t done = 0, len;
	ssize_t n = 0;

	while (iov_iter_count(from)) {
		len = min_t(size_t, iov_iter_count(from), CSV_WIRE_IO_MAX);
		n = csv_file_write_piece(iocb, from, &len, append);
		if (n <= 0)
			break;
		if (!done)
			start = iocb->ki_pos - n;
		done += n;
		if (n < len)
			break;
	}
	if (done)
		csv_file_drop_mapped(inode, start, done);
	return done ?: n;
}

/* asynchronous: one exchange */

/* @mapped: pages of an mmap() may have to go */
static void csv_file_end(struct csv_op *op, bool mapped)
{
	struct kiocb *iocb = op->private;
	struct inode *inode = file_inode(iocb->ki_filp);
	bool write = op->opcode == CSV_OP_WRITE;
	ssize_t ret = op->err;

	if (!ret) {
		csv_attr_apply(inode, &op->out.attr);
		ret = write ? min_t(size_t, op->out.count, iov_iter_count(&op->data_out)) :
			      op->in_len;
		csv_stats_add_wire(op->vol, write, ret);
	}
	csv_stats_count(op->vol, CSV_ROUTE_FILE, op->opcode, op->start, ret);
	if (mapped && write && ret > 0)
		csv_file_drop_mapped(inode, iocb->ki_pos, ret);
	if (write)
		inode_dio_end(inode);
	if (ret > 0)
		iocb->ki_pos += ret;
	put_task_struct(op->task);
	op->task = NULL;
	csv_op_put(op);
	iocb->ki_complete(iocb, ret == -ERESTARTSYS ? -EINTR : ret);
}

static void csv_file_end_work(struct work_struct *work)
{
	struct csv_op *op = container_of(to_delayed_work(work), struct csv_op, work);

	if (op->opcode == CSV_OP_READ)
		csv_op_dirty_pages(op);
	csv_file_end(op, true);
}

/*
 * csv_op.done: a receiver does not wait for the lock of a folio, which may wait for it.
 * Whoever fills a page from here on reads what was written.
 */
static void csv_file_done(struct csv_op *op)
{
	struct kiocb *iocb = op->private;

	if (file_inode(iocb->ki_filp)->i_mapping->nrpages ||
	    (op->opcode == CSV_OP_READ && csv_op_pages_cleaned(op)))
		csv_op_defer(op, csv_file_end_work);
	else
		csv_file_end(op, false);
}

/**
 * csv_file_may_submit - whether csv_file_submit() can do it
 * @iocb: the caller's
 * @iter: its memory
 *
 * Synchronous calls wait anyway, with less ado. Likewise what takes more than one
 * piece, or a copy, and what this node is the coordinator of. Buffered calls are
 * synchronous as everywhere else: io_uring moves the file's position by that.
 */
bool csv_file_may_submit(struct kiocb *iocb, const struct iov_iter *iter)
{
	struct csv_super *super = csv_super_of(file_inode(iocb->ki_filp)->i_sb);

	return !is_sync_kiocb(iocb) && (iocb->ki_flags & IOCB_DIRECT) &&
	       iov_iter_count(iter) <= CSV_WIRE_IO_MAX &&
	       csv_file_pins(iter, iov_iter_count(iter)) && !READ_ONCE(super->vol->export);
}

/* @op has its data; it is @task's, whose kiocb it completes. */
static void csv_file_begin(struct csv_op *op, struct kiocb *iocb, struct task_struct *task)
{
	/* until it is over inode_dio_wait() waits for it */
	if (op->opcode == CSV_OP_WRITE)
		inode_dio_begin(file_inode(iocb->ki_filp));
	op->task = get_task_struct(task);
	op->private = iocb;
	op->done = csv_file_done;
}

/**
 * csv_file_submit - begin to READ or WRITE
 * @iocb: the caller's, asynchronous
 * @iter: its memory, as csv_file_may_submit() found it; as it was, unless it was begun
 *
 * Context: for a write that neither appends nor extends the file, the inode's lock is
 * held, which need not be exclusive.
 * Return: -EIOCBQUEUED, or an error
 */
ssize_t csv_file_submit(struct kiocb *iocb, struct iov_iter *iter)
{
	struct inode *inode = file_inode(iocb->ki_filp);
	bool write = iov_iter_rw(iter) == WRITE;
	struct csv_op *op = csv_op_on(inode, write ? CSV_OP_WRITE : CSV_OP_READ, false);
	ssize_t pinned;
	int err;

	if (IS_ERR(op))
		return PTR_ERR(op);
	pinned = csv_op_pin(op, iter, iov_iter_count(iter), !write);
	if (pinned <= 0) {
		csv_op_put(op);
		return pinned;
	}
	op->in.offset = iocb->ki_pos;
	if (write) {
		op->in.flags = csv_file_write_flags(iocb);
	} else {
		op->in.count = pinned;
		csv_op_dirty_pages(op);
	}
	csv_file_begin(op, iocb, current);
	err = csv_op_submit(op, iocb->ki_flags & IOCB_NOWAIT);
	if (!err)
		return -EIOCBQUEUED;
	if (write)
		inode_dio_end(inode);
	put_task_struct(op->task);
	op->task = NULL;
	csv_op_put(op);
	iov_iter_revert(iter, pinned);
	return err;
}

/**
 * csv_file_keep - prepare a WRITE, for when the data cannot go by another route after all
 * @iocb: the caller's
 * @iter: its memory, which is not advanced
 *
 * Return: a reference, for csv_file_send_kept() or csv_op_put(); its data_out is the data.
 * NULL: not without bringing in memory, not in one piece, or not from such memory
 */
struct csv_op *csv_file_keep(struct kiocb *iocb, const struct iov_iter *iter)
{
	struct iov_iter data = *iter;
	size_t len = iov_iter_count(iter);
	struct csv_op *op;

	if (len > CSV_WIRE_IO_MAX || (!user_backed_iter(iter) && !iov_iter_is_bvec(iter)))
		return NULL;
	op = csv_op_on(file_inode(iocb->ki_filp), CSV_OP_WRITE, false);
	if (IS_ERR(op))
		return NULL;
	op->in.offset = iocb->ki_pos;
	op->in.flags = csv_file_write_flags(iocb);
	if (iov_iter_is_bvec(iter)) {
		/* whoever gave it keeps it until the call is over */
		op->data_out = data;
		return op;
	}
	if (csv_op_pin(op, &data, len, false) == len)
		return op;
	csv_op_put(op);
	return NULL;
}

/**
 * csv_file_send_kept - let the coordinator do it
 * @op: from csv_file_keep(), whose reference is consumed
 * @iocb: the same kiocb, which it completes
 * @task: the caller
 *
 * Context: any
 */
void csv_file_send_kept(struct csv_op *op, struct kiocb *iocb, struct task_struct *task)
{
	csv_stats_count_reasons(op->vol, csv_data_no_layout(file_inode(iocb->ki_filp)));
	csv_file_begin(op, iocb, task);
	csv_op_queue(op);
}

/**
 * csv_file_read_folio - READ into the page cache, for mmap() only
 * @inode: the file
 * @folio: locked; uptodate afterwards, zeros behind the end of the file
 *
 * READ waits for no lock of the file at the coordinator, and for no recall.
 */
int csv_file_read_folio(struct inode *inode, struct folio *folio)
{
	size_t size = folio_size(folio), done = 0, len;
	struct iov_iter iter;
	struct bio_vec bv;
	ssize_t n = 0;

	bvec_set_folio(&bv, folio, size, 0);
	iov_iter_bvec(&iter, ITER_DEST, &bv, 1, size);
	while (done < size) {
		len = min_t(size_t, size - done, CSV_WIRE_IO_MAX);
		n = csv_file_read_piece(inode, folio_pos(folio) + done, &iter, &len);
		if (n <= 0)
			break;
		done += n;
		if (n < len)
			break;
	}
	if (n < 0)
		return n;
	iov_iter_zero(size - done, &iter);
	return 0;
}
