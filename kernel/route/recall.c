// SPDX-License-Identifier: GPL-2.0
/*
 * RECALL at the node: from the coordinator's service by a function call, or
 * from another node by a message. No lock of the VFS, no folio, no op_lock.
 */
#include "../service/service.h"
#include <linux/slab.h>
#include "route.h"

struct csv_recall_iput {
	struct work_struct work;
	struct csv_super *super;
	struct inode *inode;
};

static void csv_recall_iput_work(struct work_struct *work)
{
	struct csv_recall_iput *last = container_of(work, struct csv_recall_iput, work);
	struct csv_super *super = last->super;

	iput(last->inode);
	kfree(last);
	if (atomic_dec_and_test(&super->reclaims))
		wake_up_var(&super->reclaims);
}

/* Eviction locks folios, whose readers may wait for the recall. */
static void csv_recall_put_inode(struct csv_super *super, struct inode *inode)
{
	struct csv_recall_iput *last;

	if (atomic_add_unless(&inode->i_count, -1, 1))
		return;
	last = kmalloc(sizeof(*last), GFP_NOFS | __GFP_NOFAIL);
	last->super = super;
	last->inode = inode;
	atomic_inc(&super->reclaims);
	INIT_WORK(&last->work, csv_recall_iput_work);
	queue_work(csv_behind_wq, &last->work);
}

/* A range of a file about which this node may be wrong. */
struct csv_recall_doubt {
	struct work_struct work;
	struct csv_super *super;
	struct inode *inode;
	struct csv_hold recall;
	struct csv_fh fh;
	u64 start;
	u64 end;
};

static void csv_layout_doubt_work(struct work_struct *work)
{
	struct csv_recall_doubt *doubt = container_of(work, struct csv_recall_doubt, work);
	struct csv_super *super = doubt->super;

	csv_layout_forget(csv_inode_of(doubt->inode), &doubt->recall);
	iput(doubt->inode);
	kfree(doubt);
	if (atomic_dec_and_test(&super->reclaims))
		wake_up_var(&super->reclaims);
}

/**
 * csv_layout_doubt - what this node knows of a range may be wrong
 * @ci: the inode, under whose hold the caller still is
 * @start: block-aligned
 * @end: block-aligned
 *
 * No I/O begins there before it has been forgotten, and that is when all that is under way
 * has named its blocks in a COMMIT.
 */
void csv_layout_doubt(struct csv_inode *ci, u64 start, u64 end)
{
	struct csv_recall_doubt *doubt = kzalloc(sizeof(*doubt), GFP_NOFS | __GFP_NOFAIL);

	doubt->super = csv_super_of(ci->vfs_inode.i_sb);
	doubt->inode = &ci->vfs_inode;
	ihold(doubt->inode);
	atomic_inc(&doubt->super->reclaims);
	doubt->recall.start = start;
	doubt->recall.end = end;
	csv_layout_close(ci, &doubt->recall, 0);
	INIT_WORK(&doubt->work, csv_layout_doubt_work);
	/* as a recall: not among those that complete what it waits for */
	queue_work(csv_wq, &doubt->work);
}

static void csv_recall_doubt_work(struct work_struct *work)
{
	struct csv_recall_doubt *doubt = container_of(work, struct csv_recall_doubt, work);
	struct csv_volume *vol = doubt->super->vol;
	struct inode *inode = NULL;

	down_read(&vol->super_lock);
	if (vol->super == doubt->super)
		inode = csv_inode_find(doubt->super->sb, &doubt->fh);
	if (inode) {
		/* an asynchronous write under way there needs to know its blocks */
		csv_layout_give_up(csv_inode_of(inode), doubt->start, doubt->end, 0);
		csv_recall_put_inode(doubt->super, inode);
	}
	up_read(&vol->super_lock);
	csv_behind_done(doubt->super);
	kfree(doubt);
}

/**
 * csv_recall_doubt - a COMMIT is over that nobody waited for any more
 * @op: LAYOUT_COMMIT
 *
 * It may have been executed after the range was granted anew, as what it was before: that
 * grant is forgotten. The coordinator goes on to believe that we hold it, and asks.
 */
void csv_recall_doubt(struct csv_op *op)
{
	const struct csv_wire_extent *ext = op->sent;
	unsigned int nr = op->kvec.iov_len / sizeof(*ext);
	struct csv_recall_doubt *doubt;

	if (!ext || !nr)
		return;
	doubt = kmalloc(sizeof(*doubt), GFP_NOFS | __GFP_NOFAIL);
	doubt->super = op->super;
	doubt->fh = op->in.fh;
	doubt->start = le64_to_cpu(ext[0].offset);
	doubt->end = le64_to_cpu(ext[nr - 1].offset) + le64_to_cpu(ext[nr - 1].length);
	atomic_inc(&op->super->behind);
	INIT_WORK(&doubt->work, csv_recall_doubt_work);
	queue_work(csv_wq, &doubt->work);
}

/**
 * csv_recall_local - give a range up
 * @vol: the volume
 * @fh: the file
 * @start: from where
 * @end: up to where
 * @seq: of the recall
 *
 * Return: CSV_RECALL_TOUCHED if data was overwritten since the coordinator heard of it
 */
u32 csv_recall_local(struct csv_volume *vol, const struct csv_fh *fh, u64 start, u64 end,
		     u64 seq)
{
	struct csv_super *super;
	struct inode *inode = NULL;
	u32 flags = 0;

	down_read(&vol->super_lock);
	super = vol->super;
	if (super)
		inode = csv_inode_find(super->sb, fh);
	if (inode) {
		csv_layout_give_up(csv_inode_of(inode), start, end, seq);
		if (csv_touch_take(csv_inode_of(inode))) {
			flags |= CSV_RECALL_TOUCHED;
			csv_touch_taken(csv_inode_of(inode));
		}
		/* before the mount may go */
		csv_recall_put_inode(super, inode);
	}
	up_read(&vol->super_lock);
	return flags;
}

/**
 * csv_recall_call - RECALL from another coordinator
 * @call: answered when the range has been given up
 *
 * Context: a worker; may block
 */
void csv_recall_call(struct csv_call *call)
{
	struct csv_volume *vol = csv_volume_get(call->cn, call->volume);
	struct csv_args in = {}, out = {};
	u64 end;
	int len;

	call->err = csv_wire_get_req(CSV_OP_RECALL, &in, call->args, call->args_len);
	if (!call->err && vol) {
		end = in.length > U64_MAX - in.offset ? U64_MAX : in.offset + in.length;
		out.flags = csv_recall_local(vol, &in.fh, in.offset, end, in.seq);
	}
	len = csv_wire_put_rsp(CSV_OP_RECALL, &out, call->reply, sizeof(call->reply));
	call->reply_len = len > 0 && !call->err ? len : 0;
	if (vol)
		csv_volume_put(vol);
	csv_call_reply(call);
}
