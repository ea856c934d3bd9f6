// SPDX-License-Identifier: GPL-2.0
/*
 * A bio that could not be done is done again. As long as its layout stands it is
 * sent once more; the file-redirected route could wait for a recall of that very
 * layout. A bio whose layout was lost under it, because its coordinator died or
 * was replaced, goes by that route: READ or WRITE of what the application asked
 * for, as often as it takes. The application waits, and sees no error; if it is
 * killed, nothing is done again for it.
 */
#include "../block/block.h"
#include "route.h"

#define CSV_REDRIVE_TRIES	8	/* half a second each */

/* The part of the bio that is the application's: what pads its blocks is the coordinator's. */
static bool csv_redrive_clip(struct csv_bio *cb, u64 *pos, size_t *skip, size_t *len)
{
	u64 end = cb->pos + cb->bio.bi_iter.bi_size;

	*pos = max(cb->pos, cb->op_start);
	end = min(end, cb->op_end);
	if (*pos >= end)
		return false;
	*skip = *pos - cb->pos;
	*len = end - *pos;
	return true;
}

static void csv_redrive_iter(struct csv_bio *cb, bool write, struct iov_iter *iter, size_t skip,
			     size_t len)
{
	struct bio *bio = &cb->bio;

	skip += bio->bi_iter.bi_bvec_done;
	iov_iter_bvec(iter, write ? ITER_SOURCE : ITER_DEST, bio->bi_io_vec, bio->bi_vcnt,
		      skip + len);
	iov_iter_advance(iter, skip);
}

static int csv_redrive_piece(struct csv_bio *cb, bool write, u64 pos, size_t skip, size_t len)
{
	struct csv_op *op = csv_op_on(cb->inode, write ? CSV_OP_WRITE : CSV_OP_READ, false);
	struct iov_iter rest;
	int err;

	if (IS_ERR(op))
		return PTR_ERR(op);
	op->task = cb->task;
	op->in.offset = pos;
	op->in.count = len;
	if (write)
		op->in.flags = CSV_WRITE_KILL_PRIV |
			       (cb->bio.bi_opf & REQ_FUA ? CSV_WRITE_SYNC : 0);
	csv_redrive_iter(cb, write, write ? &op->data_out : &op->data_in, skip, len);
	rest = op->data_in;
	err = csv_op_run(op);
	if (!err)
		csv_attr_apply(cb->inode, &op->out.attr);
	if (!err && !write && op->in_len < len) {
		/* behind the end of the file by now */
		iov_iter_advance(&rest, op->in_len);
		iov_iter_zero(len - op->in_len, &rest);
	}
	csv_op_put(op);
	return err;
}

static bool csv_redrive_has_layout(const struct csv_bio *cb)
{
	return cb->generation == csv_disk_generation(cb->disk);
}

/* Waits for what may change the answer; 0: it has its layout still, or has lost it. */
static int csv_redrive_wait(struct csv_bio *cb)
{
	struct csv_super *super = csv_super_of(cb->inode->i_sb);
	int generation = atomic_read(&super->vol->generation);

	if (csv_task_is_killed(cb->task))
		return -ERESTARTSYS;
	if (cb->lost == -CSV_EDIGEST || !csv_redrive_has_layout(cb))
		return 0;
	/* the coordinator knows of no grant: ask for another one, where that can be done */
	if (cb->lost == -CSV_ENO_LAYOUT && cb->tries++ == CSV_REDRIVE_TRIES)
		return -EAGAIN;
	return csv_op_wait(super->vol, super, generation, atomic_read(&super->aborts));
}

static int csv_redrive_file(struct csv_bio *cb)
{
	bool write = op_is_write(bio_op(&cb->bio));
	size_t skip, left, len;
	int err = 0;
	u64 pos;

	/* padding of ours is not done by half: the whole piece is done again */
	if (write && (cb->pos < cb->op_start || cb->pos + cb->bio.bi_iter.bi_size > cb->op_end))
		return -EAGAIN;
	/* from here on it may wait for a recall, which does not wait for it */
	csv_layout_end_bio(cb->hold);
	cb->hold = NULL;
	if (csv_redrive_clip(cb, &pos, &skip, &left)) {
		for (; left && !err; left -= len, skip += len, pos += len) {
			len = min_t(size_t, left, CSV_WIRE_IO_MAX);
			err = csv_redrive_piece(cb, write, pos, skip, len);
		}
	}
	return err;
}

static void csv_redrive_work(struct work_struct *work)
{
	struct csv_bio *cb = container_of(work, struct csv_bio, work);
	int err = csv_redrive_wait(cb);

	if (!err && csv_redrive_has_layout(cb)) {
		csv_redirect_bio(cb);
		return;
	}
	if (!err)
		err = csv_redrive_file(cb);
	if (err)
		cb->bio.bi_status = errno_to_blk_status(err);
	bio_endio(&cb->bio);
}

/**
 * csv_redrive_bio - do a bio again
 * @cb: the bio, not on any disk
 *
 * Context: any
 */
void csv_redrive_bio(struct csv_bio *cb)
{
	INIT_WORK(&cb->work, csv_redrive_work);
	queue_work(csv_super_of(cb->inode->i_sb)->redrive_wq, &cb->work);
}
