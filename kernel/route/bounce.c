// SPDX-License-Identifier: GPL-2.0
/*
 * Data of mapped files from and to memory that is not aligned, which most
 * buffered calls bring: through pages of our own, synchronously.
 */
#include <linux/slab.h>
#include <linux/uio.h>
#include "route.h"

static void csv_bounce_free(struct bio_vec *bvec, unsigned int nr)
{
	unsigned int i;

	for (i = 0; i < nr; i++)
		__free_page(bvec[i].bv_page);
	kvfree(bvec);
}

static struct bio_vec *csv_bounce_alloc(size_t len)
{
	unsigned int nr = DIV_ROUND_UP(len, PAGE_SIZE), i;
	struct bio_vec *bvec = kvcalloc(nr, sizeof(*bvec), GFP_KERNEL);
	struct page *page;

	if (!bvec)
		return NULL;
	for (i = 0; i < nr; i++) {
		page = alloc_page(GFP_KERNEL);
		if (!page) {
			csv_bounce_free(bvec, i);
			return NULL;
		}
		bvec_set_page(&bvec[i], page, min_t(size_t, PAGE_SIZE, len - i * PAGE_SIZE), 0);
	}
	return bvec;
}

/* From our pages to the caller's memory; bytes, or -EFAULT. */
static ssize_t csv_bounce_copy(struct bio_vec *bvec, size_t skip, struct iov_iter *to, size_t len)
{
	size_t done = 0, n, part;

	while (done < len) {
		n = min_t(size_t, len - done, PAGE_SIZE - skip % PAGE_SIZE);
		part = copy_page_to_iter(bvec[skip / PAGE_SIZE].bv_page, skip % PAGE_SIZE, n, to);
		done += part;
		skip += part;
		if (part < n)
			break;
	}
	return done || !len ? done : -EFAULT;
}

/* From the caller's memory to our pages; bytes. */
static size_t csv_bounce_fill(struct bio_vec *bvec, struct iov_iter *from, size_t len)
{
	size_t done = 0, n, part;

	while (done < len) {
		n = min_t(size_t, len - done, PAGE_SIZE);
		part = copy_page_from_iter(bvec[done / PAGE_SIZE].bv_page, 0, n, from);
		done += part;
		if (part < n)
			break;
	}
	return done;
}

/* Whole logical blocks around what is wanted. */
static ssize_t csv_bounce_read(struct kiocb *iocb, struct iov_iter *to, enum csv_route route,
			       u32 lbs)
{
	size_t want = min_t(size_t, iov_iter_count(to), CSV_WIRE_IO_MAX - lbs), len;
	loff_t start = round_down(iocb->ki_pos, lbs);
	size_t skip = iocb->ki_pos - start;
	struct bio_vec *bvec;
	struct kiocb sub = *iocb;
	struct iov_iter iter;
	ssize_t n;

	len = round_up(skip + want, lbs);
	bvec = csv_bounce_alloc(len);
	if (!bvec)
		return -ENOMEM;
	iov_iter_bvec(&iter, ITER_DEST, bvec, DIV_ROUND_UP(len, PAGE_SIZE), len);
	sub.ki_complete = NULL;
	sub.ki_flags |= IOCB_DIRECT;
	sub.ki_pos = start;
	n = csv_mapped_rw(&sub, &iter, route, false);
	if (n > 0) {
		n = clamp_t(ssize_t, n - skip, 0, want);
		n = csv_bounce_copy(bvec, skip, to, n);
		iocb->ki_pos += max_t(ssize_t, n, 0);
	}
	csv_bounce_free(bvec, DIV_ROUND_UP(len, PAGE_SIZE));
	return n;
}

static ssize_t csv_bounce_write(struct kiocb *iocb, struct iov_iter *from, enum csv_route route,
				u32 lbs)
{
	size_t len = min_t(size_t, iov_iter_count(from), CSV_WIRE_IO_MAX);
	struct bio_vec *bvec = csv_bounce_alloc(len);
	struct kiocb sub = *iocb;
	struct iov_iter iter;
	size_t copied;
	ssize_t n = -ENOMEM;

	if (!bvec)
		return n;
	copied = csv_bounce_fill(bvec, from, len);
	n = -EFAULT;
	/* memory that ends in the middle is written as far as it goes in whole blocks */
	if (round_down(copied, lbs)) {
		iov_iter_revert(from, copied - round_down(copied, lbs));
		copied = round_down(copied, lbs);
		iov_iter_bvec(&iter, ITER_SOURCE, bvec, DIV_ROUND_UP(len, PAGE_SIZE), copied);
		sub.ki_complete = NULL;
		n = csv_mapped_rw(&sub, &iter, route, false);
		if (n >= 0) {
			iocb->ki_pos = sub.ki_pos;
			iov_iter_revert(from, copied - n);
		} else {
			iov_iter_revert(from, copied);
		}
	} else {
		iov_iter_revert(from, copied);
	}
	csv_bounce_free(bvec, DIV_ROUND_UP(len, PAGE_SIZE));
	return n;
}

/**
 * csv_bounce_rw - a call whose memory or range is not aligned
 * @iocb: the call; a write's range is aligned
 * @iter: its memory
 * @route: local, direct or block
 * @lbs: bytes of a logical block
 *
 * Return: as csv_mapped_read(), but never -EIOCBQUEUED
 */
ssize_t csv_bounce_rw(struct kiocb *iocb, struct iov_iter *iter, enum csv_route route, u32 lbs)
{
	size_t done = 0, want;
	ssize_t n = 0;

	if (iocb->ki_flags & IOCB_NOWAIT)
		return -EAGAIN;
	while (iov_iter_count(iter)) {
		want = min_t(size_t, iov_iter_count(iter), CSV_WIRE_IO_MAX - lbs);
		n = iov_iter_rw(iter) == WRITE ? csv_bounce_write(iocb, iter, route, lbs) :
			csv_bounce_read(iocb, iter, route, lbs);
		if (n <= 0)
			break;
		done += n;
		if (n < want)
			break;
	}
	return done ?: n;
}
