// SPDX-License-Identifier: GPL-2.0
/*
 * The block-redirected route: bios for a node that cannot reach the disk.
 *
 * The node names a file and an offset; the address comes from what it was
 * granted. It holds its layout until the reply is there, so that a recall waits
 * for the bio at the node; a node that was reborn is waited for here.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include "service.h"

static void csv_block_finish(struct csv_export *export, struct csv_call *call, int err)
{
	call->err = err;
	if (err)
		call->out_len = 0;
	call->reply_len = 0;
	if (atomic_dec_and_test(&export->block_inflight[call->turn]))
		wake_up(&export->block_wait);
	csv_export_put(export);
	csv_call_reply(call);
}

static void csv_block_work(struct work_struct *work)
{
	struct csv_call *call = container_of(work, struct csv_call, work);

	csv_block_finish(call->private, call, call->err);
}

/* In interrupt context, as a rule: a reply may sleep. */
static void csv_block_end_io(struct bio *bio)
{
	struct csv_call *call = bio->bi_private;

	call->err = blk_status_to_errno(bio->bi_status);
	bio_put(bio);
	INIT_WORK(&call->work, csv_block_work);
	queue_work(csv_wq, &call->work);
}

/* The disk address of [offset, offset + len), if all of it was granted as one piece. */
static int csv_block_address(struct csv_export *export, const struct csv_args *in, u32 node,
			     size_t len, bool write, u64 *addr)
{
	struct csv_snode *snode = csv_snode_find(export, &in->fh);
	u64 pos = in->offset, end = pos + len, next = 0;
	struct csv_segment seg;
	int err = 0;

	if (!snode)
		return -CSV_ENO_LAYOUT;
	mutex_lock(&snode->seg_mutex);
	while (!err && pos < end) {
		if (!csv_segments_lookup(&snode->segs, node, pos, &seg) ||
		    seg.addr == CSV_SEGMENT_NO_ADDR ||
		    (write && seg.mode == CSV_SEGMENT_READ) ||
		    (pos != in->offset && seg.addr + (pos - seg.start) != next)) {
			err = -CSV_ENO_LAYOUT;
			break;
		}
		if (pos == in->offset)
			*addr = seg.addr + (pos - seg.start);
		next = seg.addr + (seg.end - seg.start);
		pos = seg.end;
	}
	mutex_unlock(&snode->seg_mutex);
	csv_snode_put(snode);
	return err;
}

static int csv_block_submit(struct csv_export *export, struct csv_call *call)
{
	bool write = call->opcode == CSV_OP_BLOCK_WRITE;
	struct csv_args in = {};
	const struct bio_vec *bv;
	unsigned int nr, i;
	struct bio *bio;
	size_t len;
	u64 addr;
	int err;

	err = csv_wire_get_req(call->opcode, &in, call->args, call->args_len);
	if (err)
		return err;
	len = write ? call->data_len : in.count;
	if (!len || len > CSV_WIRE_IO_MAX || ((in.offset | len) & (export->lower.lbs - 1)) ||
	    in.offset > S64_MAX - len)
		return -EINVAL;
	err = csv_block_address(export, &in, call->node, len, write, &addr);
	if (err)
		return err;
	if (!write) {
		err = csv_service_alloc_out(call, len);
		if (err)
			return err;
		iov_iter_bvec(&call->out, ITER_SOURCE, call->bvec, call->nr_bvec, len);
		call->out_len = len;
	}
	bv = write ? call->data.bvec : call->bvec;
	nr = write ? call->data.nr_segs : call->nr_bvec;
	if (nr > BIO_MAX_VECS)
		return -EINVAL;
	bio = bio_alloc(export->lower.bdev, nr, write ? REQ_OP_WRITE | REQ_SYNC | REQ_IDLE |
			(in.flags & CSV_BLOCK_FUA ? REQ_FUA : 0) : REQ_OP_READ, GFP_NOIO);
	bio->bi_iter.bi_sector = addr >> SECTOR_SHIFT;
	bio->bi_private = call;
	bio->bi_end_io = csv_block_end_io;
	for (i = 0; i < nr; i++)
		__bio_add_page(bio, bv[i].bv_page, bv[i].bv_len, bv[i].bv_offset);
	submit_bio(bio);
	return 0;
}

static void csv_block_submit_work(struct work_struct *work)
{
	struct csv_call *call = container_of(work, struct csv_call, work);
	struct csv_export *export = call->private;
	int err;

	if (call->opcode == CSV_OP_BLOCK_FLUSH) {
		csv_block_finish(export, call, blkdev_issue_flush(export->lower.bdev));
		return;
	}
	err = csv_block_submit(export, call);
	if (err)
		csv_block_finish(export, call, err);
}

/**
 * csv_service_block - BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH
 * @export: the volume; the call's reference to it is consumed
 * @call: the call
 *
 * Context: a receive worker
 */
void csv_service_block(struct csv_export *export, struct csv_call *call)
{
	call->private = export;
	call->turn = atomic_read(&export->block_turn) & 1;
	atomic_inc(&export->block_inflight[call->turn]);
	INIT_WORK(&call->work, csv_block_submit_work);
	queue_work(csv_wq, &call->work);
}

/**
 * csv_service_block_wait - wait for the redirected bios that are in flight now
 * @export: the volume
 *
 * Before the segments of a reborn node are given away. Bios of other nodes that
 * come meanwhile join the other turn and are not waited for; two turns are
 * waited for, since one may have been joined just before it was closed.
 */
void csv_service_block_wait(struct csv_export *export)
{
	unsigned int i, turn;

	for (i = 0; i < 2; i++) {
		turn = (atomic_inc_return(&export->block_turn) - 1) & 1;
		wait_event(export->block_wait, !atomic_read(&export->block_inflight[turn]));
	}
}
