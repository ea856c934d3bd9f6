// SPDX-License-Identifier: GPL-2.0
/*
 * RECALL at the coordinator: what was granted comes back, from every node that
 * holds any of it, or the node is gone.
 */
#include <linux/slab.h>
#include "../control/control.h"
#include "../control/volume.h"
#include "service.h"

/* One recall of one range, from one or more nodes; a killed waiter leaves it behind. */
struct csv_recall_wait {
	refcount_t ref;
	atomic_t left;
	atomic_t touched;
	void *key;		/* of wake_up_var(): only an address */
	struct csv_snode *snode;
	u64 start, end, seq;
};

/* One RECALL under way to one node; sent again until it is answered. */
struct csv_recall {
	struct delayed_work work;
	struct csv_recall_wait *wait;
	u32 node;
	unsigned long incarnation;
	bool answered;
	u32 flags;
};

/* One try. */
struct csv_recall_rpc {
	struct csv_rpc rpc;
	struct csv_recall *recall;
	u8 args[128];
};

static void csv_recall_put(struct csv_recall_wait *wait)
{
	struct csv_export *export = wait->snode->export;

	if (!refcount_dec_and_test(&wait->ref))
		return;
	csv_snode_put(wait->snode);
	kfree(wait);
	csv_export_put(export);
}

/*
 * @node holds nothing of the range any more, but for what it was granted since the
 * recall began, which can only be when nobody waits for it with op_lock any more.
 */
static void csv_recall_returned(struct csv_recall_wait *wait, u32 node, u32 flags)
{
	csv_snode_return(wait->snode, node, wait->start, wait->end, wait->seq);
	if (flags & CSV_RECALL_TOUCHED)
		atomic_set(&wait->touched, 1);
	if (atomic_dec_and_test(&wait->left))
		wake_up_var(wait->key);
	csv_recall_put(wait);
}

static void csv_recall_end(struct csv_recall *recall, u32 flags)
{
	csv_recall_returned(recall->wait, recall->node, flags);
	kfree(recall);
}

/*
 * No answer means nothing: the node may be alive and writing. Only a new
 * incarnation, or an administrator's word, ends what it holds.
 */
static void csv_recall_done(struct csv_rpc *rpc)
{
	struct csv_recall *recall = container_of(rpc, struct csv_recall_rpc, rpc)->recall;
	struct csv_args out = {};

	recall->answered = !rpc->err && !csv_wire_get_rsp(CSV_OP_RECALL, &out, rpc->reply,
							  rpc->reply_len);
	recall->flags = out.flags;
	/* what follows may wait for the disk, which a receive worker must not */
	queue_delayed_work(csv_wq, &recall->work, recall->answered ? 0 : HZ / 20);
}

static void csv_recall_free(struct csv_rpc *rpc)
{
	kfree(container_of(rpc, struct csv_recall_rpc, rpc));
}

static struct csv_recall_rpc *csv_recall_alloc(struct csv_recall *recall)
{
	struct csv_recall_rpc *msg = kzalloc(sizeof(*msg), GFP_NOFS | __GFP_NOFAIL);
	struct csv_snode *snode = recall->wait->snode;
	struct csv_args in = {
		.fh = snode->fh,
		.offset = recall->wait->start,
		.length = recall->wait->end - recall->wait->start,
		.seq = recall->wait->seq,
	};

	csv_rpc_init(&msg->rpc, CSV_OP_RECALL);
	msg->recall = recall;
	msg->rpc.volume = snode->export->vol->id;
	msg->rpc.epoch = snode->export->epoch;
	msg->rpc.args = msg->args;
	msg->rpc.args_len = csv_wire_put_req(CSV_OP_RECALL, &in, msg->args, sizeof(msg->args));
	msg->rpc.done = csv_recall_done;
	msg->rpc.free = csv_recall_free;
	return msg;
}

static void csv_recall_work(struct work_struct *work)
{
	struct csv_recall *recall = container_of(to_delayed_work(work), struct csv_recall, work);
	struct csv_export *export = recall->wait->snode->export;
	struct csv_net *cn = export->cn;
	struct csv_recall_rpc *msg;
	struct csv_peer *peer;
	int err = -ENOTCONN;

	if (recall->answered) {
		csv_recall_end(recall, recall->flags);
		return;
	}
	if (csv_node_gone(cn, recall->node, recall->incarnation)) {
		/* its last redirected bios may still be on their way to the disk */
		csv_service_block_wait(export);
		csv_recall_end(recall, 0);
		return;
	}
	peer = csv_peer_get(cn, recall->node);
	if (peer) {
		msg = csv_recall_alloc(recall);
		/* without a slot it is tried again, so that no worker waits for an absent node */
		err = csv_rpc_submit(peer, &msg->rpc, true);
		csv_peer_put(peer);
		csv_rpc_put(&msg->rpc);
	}
	if (err)
		queue_delayed_work(csv_wq, &recall->work, HZ / 20);
}

static void csv_recall_start(struct csv_recall_wait *wait, u32 node)
{
	struct csv_export *export = wait->snode->export;
	struct csv_recall *recall;

	if (node == export->cn->local_id) {
		csv_recall_returned(wait, node,
				    csv_service_upcalls->recall(export->vol, &wait->snode->fh,
								wait->start, wait->end,
								wait->seq));
		return;
	}
	recall = kzalloc(sizeof(*recall), GFP_NOFS | __GFP_NOFAIL);
	recall->wait = wait;
	recall->node = node;
	recall->incarnation = csv_node_incarnation(export->cn, node);
	INIT_DELAYED_WORK(&recall->work, csv_recall_work);
	csv_recall_work(&recall->work.work);
}

static struct csv_recall_wait *csv_recall_wait_alloc(struct csv_snode *snode, unsigned int nr,
						     u64 start, u64 end)
{
	struct csv_recall_wait *wait = kzalloc(sizeof(*wait), GFP_NOFS | __GFP_NOFAIL);

	refcount_set(&wait->ref, nr + 1);
	atomic_set(&wait->left, nr);
	wait->key = &wait->left;
	/* the caller has references to both */
	refcount_inc(&snode->ref);
	refcount_inc(&snode->export->ref);
	wait->snode = snode;
	wait->start = start;
	wait->end = end;
	wait->seq = atomic64_inc_return(&snode->export->seq);
	return wait;
}

/* Times of direct overwrites reach the lower file with the recall. */
static void csv_recall_touch(struct csv_snode *snode)
{
	struct csv_setattr set = { .valid = CSV_SET_TOUCH };

	csv_commit_open(snode->export, d_inode(snode->dentry));
	csv_lower_setattr(&snode->export->lower, snode->dentry, &set);
	csv_commit_close(snode->export, d_inode(snode->dentry));
}

/* Recalls what stands in the way from everybody who holds it; NULL if nobody does. */
static struct csv_recall_wait *csv_recall_begin(struct csv_snode *snode, struct csv_call *call,
						u32 asking, u64 start, u64 end,
						enum csv_segment_mode want)
{
	struct csv_recall_wait *wait;
	u32 nodes[CSV_NODES_MAX];
	unsigned int nr, i;

	mutex_lock(&snode->seg_mutex);
	nr = csv_segments_conflict(&snode->segs, asking, start, end, want, nodes);
	mutex_unlock(&snode->seg_mutex);
	if (!nr)
		return NULL;
	wait = csv_recall_wait_alloc(snode, nr, start, end);
	if (call)
		wait->key = &call->cancelled;
	for (i = 0; i < nr; i++)
		csv_recall_start(wait, nodes[i]);
	return wait;
}

static bool csv_recall_is_over(struct csv_recall_wait *wait, const struct csv_call *call)
{
	return !atomic_read(&wait->left) || (call && READ_ONCE(call->cancelled));
}

/* A worker gets no signal when the process ends that it works for. */
static int csv_recall_sleep(struct csv_recall_wait *wait, const struct csv_call *call)
{
	if (!call || !call->task || call->task == current)
		return wait_var_event_killable(wait->key, csv_recall_is_over(wait, call));
	while (!wait_var_event_timeout(wait->key, csv_recall_is_over(wait, call), HZ))
		if (csv_task_is_killed(call->task))
			return -ERESTARTSYS;
	return 0;
}

static bool csv_recall_is_needed(struct csv_snode *snode, u32 asking, u64 start, u64 end,
				 enum csv_segment_mode want)
{
	u32 nodes[CSV_NODES_MAX];
	unsigned int nr;

	mutex_lock(&snode->seg_mutex);
	nr = csv_segments_conflict(&snode->segs, asking, start, end, want, nodes);
	mutex_unlock(&snode->seg_mutex);
	return nr;
}

static int csv_recall_run(struct csv_snode *snode, struct csv_call *call, u32 asking, u64 start,
			  u64 end, enum csv_segment_mode want)
{
	struct csv_recall_wait *wait;
	int err;

	wait = csv_recall_begin(snode, call, asking, start, end, want);
	if (!wait)
		return 0;
	err = csv_recall_sleep(wait, call);
	if (err || atomic_read(&wait->left))
		err = -ERESTARTSYS;
	else if (atomic_read(&wait->touched))
		csv_recall_touch(snode);
	csv_recall_put(wait);
	return err;
}

/**
 * csv_snode_recall - take back what stands in the way
 * @snode: the file; op_lock is held for writing
 * @call: on whose behalf, NULL: the administrator's
 * @asking: the node that is to get a grant, or 0: from everybody
 * @start: block-aligned
 * @end: block-aligned
 * @want: what it is to get
 *
 * Returns when every conflicting segment has come back, or its holder's session
 * has ended or was fenced: never by time alone.
 *
 * Return: 0; -ERESTARTSYS when killed, here or where the call comes from; -CSV_EPARK
 */
int csv_snode_recall(struct csv_snode *snode, struct csv_call *call, u32 asking, u64 start,
		     u64 end, enum csv_segment_mode want)
{
	int err = 0;

	lockdep_assert_held_write(&snode->op_lock);
	if (csv_recall_is_needed(snode, asking, start, end, want)) {
		if (call)
			err = csv_service_waits(call, true);
		if (err)
			return err;
		err = csv_recall_run(snode, call, asking, start, end, want);
		if (call && !csv_service_goes_on(call))
			err = -ERESTARTSYS;
	}
	if (!err && want != CSV_SEGMENT_READ)
		csv_snode_block_wait(snode);
	return err;
}

/* A recall of a whole file that nobody waits for, on a worker of its own. */
struct csv_recall_behind {
	struct work_struct work;
	struct csv_snode *snode;
	struct csv_export *export;
};

static void csv_recall_behind_work(struct work_struct *work)
{
	struct csv_recall_behind *behind = container_of(work, struct csv_recall_behind, work);
	struct csv_snode *snode = behind->snode;
	struct csv_recall_wait *wait;

	wait = csv_recall_begin(snode, NULL, 0, 0, U64_MAX, CSV_SEGMENT_RW_EXCL);
	if (wait)
		csv_recall_put(wait);
	csv_snode_put(snode);
	csv_export_put(behind->export);
	kfree(behind);
}

static void csv_recall_behind(struct csv_snode *snode)
{
	struct csv_recall_behind *behind = kzalloc(sizeof(*behind), GFP_NOFS | __GFP_NOFAIL);

	refcount_inc(&snode->ref);
	refcount_inc(&snode->export->ref);
	behind->snode = snode;
	behind->export = snode->export;
	INIT_WORK(&behind->work, csv_recall_behind_work);
	queue_work(csv_wq, &behind->work);
}

/**
 * csv_snode_recall_unlinked - take back all that is held of a file, if it has no name any more
 * @snode: the file; the caller has references to it and to its export
 *
 * Nobody waits for the answers; the last one frees the blocks.
 *
 * Context: process, under any lock but a spinlock: a worker does it
 */
void csv_snode_recall_unlinked(struct csv_snode *snode)
{
	if (!d_inode(snode->dentry)->i_nlink && READ_ONCE(snode->nr_segs))
		csv_recall_behind(snode);
}

/**
 * csv_snode_unlinked - a file has lost a name, perhaps its last one
 * @export: the volume, referenced by the caller
 * @dentry: the file
 *
 * A node that cached layouts of it may not look at it for a long time, and its blocks
 * would stay taken. While it is open somewhere, its last close tries again.
 */
void csv_snode_unlinked(struct csv_export *export, struct dentry *dentry)
{
	struct csv_snode *snode;
	struct csv_fh fh;

	if (d_inode(dentry)->i_nlink || csv_lower_encode_fh(dentry, &fh))
		return;
	snode = csv_snode_find(export, &fh);
	if (!snode)
		return;
	csv_snode_recall_unlinked(snode);
	csv_snode_put(snode);
}
