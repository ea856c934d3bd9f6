// SPDX-License-Identifier: GPL-2.0
/*
 * The file-redirected route: READ and WRITE by the coordinator, in pieces of at
 * most CSV_WIRE_IO_MAX. Each piece takes effect at once as a whole.
 *
 * The data goes from and to the pages of the caller, pinned, or through pages of the
 * operation, so that a killed caller can leave while its message is still under way.
 */
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

	if (iocb->ki_flags & IOCB_NOWAIT)
		return -EAGAIN;
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
	op->in.flags = (append ? CSV_WRITE_APPEND : 0) |
		       (iocb_is_dsync(iocb) ? CSV_WRITE_SYNC : 0);
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

	if (iocb->ki_flags & IOCB_NOWAIT)
		return -EAGAIN;
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
	/* what is mapped here shows it at the next fault */
	if (done && inode->i_mapping->nrpages)
		invalidate_inode_pages2_range(inode->i_mapping, start >> PAGE_SHIFT,
					      (start + done - 1) >> PAGE_SHIFT);
	return done ?: n;
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
