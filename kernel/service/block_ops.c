// SPDX-License-Identifier: GPL-2.0
/*
 * The block-redirected route: bios for a node that cannot reach the disk.
 *
 * The node names a file and an offset; the address comes from what it was
 * granted. It holds its layout until the reply is there, so that a recall waits
 * for the bio at the node; for a node that was reborn, or whose application was
 * killed or cut off meanwhile, the bio is waited for here.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include "service.h"

/* Of its own: what ends here is waited for by workers of csv_wq. */
static struct workqueue_struct *csv_block_wq;

/**
 * csv_block_init - make the workers
 *
 * Return: 0 or -ENOMEM
 */
int csv_block_init(void)
{
	csv_block_wq = alloc_workqueue("csv_block", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	return csv_block_wq ? 0 : -ENOMEM;
}

/**
 * csv_block_exit - destroy them
 *
 * No volume is online, and the transport brings no more calls.
 */
void csv_block_exit(void)
{
	destroy_workqueue(csv_block_wq);
}

static void csv_block_finish(struct csv_export *export, struct csv_call *call, int err)
{
	call->err = err;
	if (err)
		call->out_len = 0;
	call->reply_len = 0;
	if (atomic_dec_and_test(&export->block_inflight[call->turn]))
		wake_up(&export->block_wait);
	if (call->snode) {
		atomic_dec(&call->snode->bios);
		csv_snode_put(call->snode);
	}
	csv_export_put(export);
	csv_call_reply(call);
}

/* Who goes on with a call whose bio has ended: whoever submits it, or a worker. */
enum csv_block_phase {
	CSV_BLOCK_SUBMITTING,
	CSV_BLOCK_SUBMITTED,
	CSV_BLOCK_ENDED,
};

static void csv_block_submit_work(struct work_struct *work);

static void csv_block_queue(struct csv_call *call, work_func_t fn)
{
	INIT_WORK(&call->work, fn);
	queue_work(csv_block_wq, &call->work);
}

static void csv_block_ended(struct csv_export *export, struct csv_call *call)
{
	/* it would have had to wait: again, where it may */
	if (call->err == -EAGAIN)
		csv_block_queue(call, csv_block_submit_work);
	else
		csv_block_finish(export, call, call->err);
}

static void csv_block_work(struct work_struct *work)
{
	struct csv_call *call = container_of(work, struct csv_call, work);

	csv_block_ended(call->private, call);
}

/* In interrupt context, as a rule: a reply may sleep. */
static void csv_block_end_io(struct bio *bio)
{
	struct csv_call *call = bio->bi_private;

	call->err = blk_status_to_errno(bio->bi_status);
	bio_put(bio);
	if (atomic_xchg(&call->phase, CSV_BLOCK_ENDED) == CSV_BLOCK_SUBMITTED)
		csv_block_queue(call, csv_block_work);
}

/* The disk address of [offset, offset + len), if all of it was granted as one piece. */
static int csv_block_address(struct csv_snode *snode, const struct csv_args *in, u32 node,
			     size_t len, bool write, u64 *addr)
{
	u64 pos = in->offset, end = pos + len, next = 0;
	struct csv_segment seg;

	lockdep_assert_held(&snode->seg_mutex);
	while (pos < end) {
		if (!csv_segments_lookup(&snode->segs, node, pos, &seg) ||
		    seg.addr == CSV_SEGMENT_NO_ADDR ||
		    (write && seg.mode == CSV_SEGMENT_READ) ||
		    (pos != in->offset && seg.addr + (pos - seg.start) != next))
			return -CSV_ENO_LAYOUT;
		if (pos == in->offset)
			*addr = seg.addr + (pos - seg.start);
		next = seg.addr + (seg.end - seg.start);
		pos = seg.end;
	}
	return 0;
}

/*
 * The same of a file that somebody holds; -EAGAIN if that would wait, and @nowait. The call
 * keeps the file until its bio has ended: a node that is killed or cut off gives its layout
 * up before, and the blocks of a file without a name would be another's.
 */
static int csv_block_find(struct csv_export *export, struct csv_call *call,
			  const struct csv_args *in, size_t len, bool write, bool nowait, u64 *addr)
{
	struct csv_snode *snode = call->snode;
	int err = -EAGAIN;

	if (!snode) {
		snode = csv_snode_find(export, &in->fh);
		if (!snode)
			return -CSV_ENO_LAYOUT;
		/* counted in before the look at what was granted: csv_snode_block_wait() */
		atomic_inc(&snode->bios);
		call->snode = snode;
	}
	if (mutex_trylock(&snode->seg_mutex)) {
		err = 0;
	} else if (!nowait) {
		mutex_lock(&snode->seg_mutex);
		err = 0;
	}
	if (!err) {
		err = csv_block_address(snode, in, call->node, len, write, addr);
		mutex_unlock(&snode->seg_mutex);
	}
	return err;
}

static struct bio *csv_block_bio(struct csv_export *export, struct csv_call *call,
				 const struct csv_args *in, u64 addr, bool nowait)
{
	bool write = call->opcode == CSV_OP_BLOCK_WRITE;
	const struct bio_vec *bv = write ? call->data.bvec : call->bvec;
	unsigned int nr = write ? call->data.nr_segs : call->nr_bvec, i;
	blk_opf_t opf = write ? REQ_OP_WRITE | REQ_SYNC | REQ_IDLE : REQ_OP_READ;
	struct bio *bio;

	if (nr > BIO_MAX_VECS)
		return ERR_PTR(-EINVAL);
	if (write && (in->flags & CSV_BLOCK_FUA))
		opf |= REQ_FUA;
	bio = bio_alloc(export->lower.bdev, nr, opf | (nowait ? REQ_NOWAIT : 0),
			nowait ? GFP_NOWAIT : GFP_NOIO);
	if (!bio)
		return ERR_PTR(-EAGAIN);
	bio->bi_iter.bi_sector = addr >> SECTOR_SHIFT;
	bio->bi_private = call;
	bio->bi_end_io = csv_block_end_io;
	for (i = 0; i < nr; i++)
		__bio_add_page(bio, bv[i].bv_page, bv[i].bv_len, bv[i].bv_offset);
	return bio;
}

/* Pages for what a BLOCK_READ reads; they stay if it has to be submitted again. */
static int csv_block_alloc(struct csv_export *export, struct csv_call *call, size_t len)
{
	int err;

	if (call->nr_bvec)
		return 0;
	err = csv_service_alloc_out(export, call, len);
	if (err)
		return err;
	iov_iter_bvec(&call->out, ITER_SOURCE, call->bvec, call->nr_bvec, len);
	call->out_len = len;
	return 0;
}

/* 0: the call is somebody else's from here on; -EAGAIN: only without @nowait; an error */
static int csv_block_submit(struct csv_export *export, struct csv_call *call, bool nowait)
{
	bool write = call->opcode == CSV_OP_BLOCK_WRITE;
	struct csv_args in = {};
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
	err = csv_block_find(export, call, &in, len, write, nowait, &addr);
	if (!err && !write)
		err = csv_block_alloc(export, call, len);
	if (err)
		return err;
	bio = csv_block_bio(export, call, &in, addr, nowait);
	if (IS_ERR(bio))
		return PTR_ERR(bio);
	atomic_set(&call->phase, CSV_BLOCK_SUBMITTING);
	submit_bio(bio);
	if (atomic_xchg(&call->phase, CSV_BLOCK_SUBMITTED) == CSV_BLOCK_ENDED)
		csv_block_ended(export, call);
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
	err = csv_block_submit(export, call, false);
	/* without an error the call may be over, and be the next one of its slot already */
	if (err)
		csv_block_finish(export, call, err);
}

/**
 * csv_service_block - BLOCK_READ, BLOCK_WRITE, BLOCK_FLUSH
 * @export: the volume; the call's reference to it is consumed
 * @call: the call
 *
 * A disk that takes a bio at once gets it from here, and one that does it at once
 * is answered from here: a worker would cost more than the rest.
 *
 * Context: a receive worker, which does not wait
 */
void csv_service_block(struct csv_export *export, struct csv_call *call)
{
	int err = -EAGAIN;

	call->private = export;
	call->snode = NULL;
	call->turn = atomic_read(&export->block_turn) & 1;
	atomic_inc(&export->block_inflight[call->turn]);
	if (call->opcode != CSV_OP_BLOCK_FLUSH && bdev_nowait(export->lower.bdev))
		err = csv_block_submit(export, call, true);
	if (err == -EAGAIN)
		csv_block_queue(call, csv_block_submit_work);
	else if (err)
		csv_block_finish(export, call, err);
}

/**
 * csv_service_block_wait - wait for the redirected bios that are in flight now
 * @export: the volume
 *
 * Before the segments of a reborn node are given away, or blocks that somebody
 * held. Bios of other nodes that come meanwhile join the other turn and are not
 * waited for; two turns are waited for, since one may have been joined just
 * before it was closed. One caller at a time: another's turns would let new bios
 * join the one that is being waited for.
 */
void csv_service_block_wait(struct csv_export *export)
{
	unsigned int i, turn;

	/* who has been counted in has been seen: a look under seg_mutex comes after that */
	smp_mb();
	if (!atomic_read(&export->block_inflight[0]) && !atomic_read(&export->block_inflight[1]))
		return;
	mutex_lock(&export->block_mutex);
	for (i = 0; i < 2; i++) {
		turn = (atomic_inc_return(&export->block_turn) - 1) & 1;
		wait_event(export->block_wait, !atomic_read(&export->block_inflight[turn]));
	}
	mutex_unlock(&export->block_mutex);
}

/**
 * csv_snode_block_wait - the same for those of one file
 * @snode: the file
 *
 * Who gave up a layout may have given up a redirected bio before: killed, or cut off.
 * It would come down on what the next one writes.
 */
void csv_snode_block_wait(struct csv_snode *snode)
{
	smp_mb();	/* as above */
	if (atomic_read(&snode->bios))
		csv_service_block_wait(snode->export);
}
