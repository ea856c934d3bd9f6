// SPDX-License-Identifier: GPL-2.0
/*
 * Inodes at the coordinator: who has them open, what has been granted of them,
 * and the recall of what was granted.
 *
 * Lifetime: a call in progress, the pins together, and the segments together
 * hold one reference each. The last one to go closes the lower file.
 */
#include <linux/file.h>
#include <linux/hash.h>
#include <linux/jhash.h>
#include <linux/slab.h>
#include "../control/control.h"
#include "../control/volume.h"
#include "service.h"

static struct hlist_head *csv_snode_bucket(struct csv_export *export, const struct csv_fh *fh)
{
	return &export->snodes[jhash(fh->data, fh->len, fh->type) % CSV_SNODE_BUCKETS];
}

static struct csv_snode *csv_snode_find_locked(struct csv_export *export,
					       const struct csv_fh *fh)
{
	struct csv_snode *snode;

	lockdep_assert_held(&export->snode_lock);
	hlist_for_each_entry(snode, csv_snode_bucket(export, fh), hash)
		if (snode->fh.len == fh->len && snode->fh.type == fh->type &&
		    !memcmp(snode->fh.data, fh->data, fh->len) &&
		    refcount_inc_not_zero(&snode->ref))
			return snode;
	return NULL;
}

/**
 * csv_snode_find - an inode that somebody holds already
 * @export: the volume
 * @fh: its handle
 *
 * Return: a reference, or NULL
 */
struct csv_snode *csv_snode_find(struct csv_export *export, const struct csv_fh *fh)
{
	struct csv_snode *snode;

	spin_lock(&export->snode_lock);
	snode = csv_snode_find_locked(export, fh);
	spin_unlock(&export->snode_lock);
	return snode;
}

static struct csv_snode *csv_snode_alloc(struct csv_export *export, const struct csv_fh *fh)
{
	struct csv_snode *snode = kzalloc(sizeof(*snode), GFP_NOFS);

	if (!snode)
		return ERR_PTR(-ENOMEM);
	snode->dentry = csv_lower_decode_fh(&export->lower, fh);
	if (IS_ERR(snode->dentry)) {
		struct csv_snode *err = ERR_CAST(snode->dentry);

		kfree(snode);
		return err;
	}
	snode->export = export;
	snode->fh = *fh;
	refcount_set(&snode->ref, 1);
	init_rwsem(&snode->op_lock);
	mutex_init(&snode->seg_mutex);
	csv_segments_init(&snode->segs);
	INIT_LIST_HEAD(&snode->pins);
	return snode;
}

static void csv_snode_free(struct csv_snode *snode)
{
	csv_segments_destroy(&snode->segs);
	if (snode->file)
		__fput_sync(snode->file);
	dput(snode->dentry);
	kfree(snode);
}

/**
 * csv_snode_get - the inode of a handle
 * @export: the volume
 * @fh: from the wire
 *
 * Context: process, the kernel's own credentials
 * Return: a reference, or an ERR_PTR
 */
struct csv_snode *csv_snode_get(struct csv_export *export, const struct csv_fh *fh)
{
	struct csv_snode *snode = csv_snode_find(export, fh), *other;

	if (snode)
		return snode;
	snode = csv_snode_alloc(export, fh);
	if (IS_ERR(snode))
		return snode;
	spin_lock(&export->snode_lock);
	other = csv_snode_find_locked(export, fh);
	if (!other)
		hlist_add_head(&snode->hash, csv_snode_bucket(export, fh));
	spin_unlock(&export->snode_lock);
	if (other) {
		csv_snode_free(snode);
		return other;
	}
	return snode;
}

/**
 * csv_snode_put - drop a reference
 * @snode: not used afterwards
 */
void csv_snode_put(struct csv_snode *snode)
{
	struct csv_export *export = snode->export;

	if (!__cond_lock(&export->snode_lock,	/* sparse does not know __cond_acquires() */
			 refcount_dec_and_lock(&snode->ref, &export->snode_lock)))
		return;
	hlist_del(&snode->hash);
	spin_unlock(&export->snode_lock);
	csv_snode_free(snode);
}

/**
 * csv_snode_file - the lower file, open for reading and writing
 * @snode: a regular file
 *
 * Return: valid as long as the caller's reference to @snode, or an ERR_PTR
 */
struct file *csv_snode_file(struct csv_snode *snode)
{
	struct file *file;

	if (READ_ONCE(snode->file))
		return snode->file;
	mutex_lock(&snode->seg_mutex);
	file = snode->file;
	if (!file) {
		file = csv_lower_open(&snode->export->lower, snode->dentry, O_RDWR);
		if (!IS_ERR(file))
			WRITE_ONCE(snode->file, file);
	}
	mutex_unlock(&snode->seg_mutex);
	return file;
}

static struct csv_pin *csv_snode_find_pin(struct csv_snode *snode, u32 node)
{
	struct csv_pin *pin;

	lockdep_assert_held(&snode->seg_mutex);
	list_for_each_entry(pin, &snode->pins, entry)
		if (pin->node == node)
			return pin;
	return NULL;
}

/**
 * csv_snode_pin - a node has opened the file: it stays while it is unlinked
 * @snode: the file
 * @node: who
 * @reclaim: this is all that it has open, whatever has been counted before
 */
int csv_snode_pin(struct csv_snode *snode, u32 node, bool reclaim)
{
	struct csv_pin *pin;
	int err = 0;

	mutex_lock(&snode->seg_mutex);
	pin = csv_snode_find_pin(snode, node);
	if (!pin) {
		pin = kzalloc(sizeof(*pin), GFP_NOFS);
		if (!pin) {
			err = -ENOMEM;
			goto unlock;
		}
		pin->node = node;
		if (list_empty(&snode->pins))
			refcount_inc(&snode->ref);
		list_add_tail(&pin->entry, &snode->pins);
		atomic64_inc(&snode->export->nr_pins);
	}
	pin->count = reclaim ? 1 : pin->count + 1;
unlock:
	mutex_unlock(&snode->seg_mutex);
	return err;
}

static void csv_snode_recall_unlinked(struct csv_snode *snode);

/* Does a node hold the block of the end of the file, or anything behind it? */
static bool csv_snode_eof_held(struct csv_snode *snode)
{
	struct inode *inode = d_inode(snode->dentry);
	u32 nodes[CSV_NODES_MAX];

	lockdep_assert_held(&snode->seg_mutex);
	return csv_segments_conflict(&snode->segs, 0,
				     round_down(i_size_read(inode), i_blocksize(inode)), U64_MAX,
				     CSV_SEGMENT_RW_EXCL, nodes);
}

/*
 * Blocks past the end that a layout left behind go back with the last close. What
 * is before the block of the end stays as it is, and so do layouts of it.
 */
static void csv_snode_trim(struct csv_snode *snode)
{
	bool trim;

	if (!READ_ONCE(snode->post_eof) || !down_write_trylock(&snode->op_lock))
		return;
	mutex_lock(&snode->seg_mutex);
	trim = snode->post_eof && list_empty(&snode->pins) && d_inode(snode->dentry)->i_nlink &&
	       !csv_snode_eof_held(snode);
	if (trim)
		snode->post_eof = false;
	mutex_unlock(&snode->seg_mutex);
	if (trim) {
		csv_commit_open(snode->export, d_inode(snode->dentry));
		csv_lower_trim(&snode->export->lower, snode->dentry);
		csv_commit_close(snode->export, d_inode(snode->dentry));
	}
	up_write(&snode->op_lock);
}

/**
 * csv_snode_unpin - a node has closed the file
 * @snode: the file
 * @node: who
 * @count: how many of its opens
 *
 * Context: the caller has a reference of its own
 */
void csv_snode_unpin(struct csv_snode *snode, u32 node, u32 count)
{
	struct csv_pin *pin;
	bool last = false;

	mutex_lock(&snode->seg_mutex);
	pin = csv_snode_find_pin(snode, node);
	if (pin) {
		pin->count -= min(pin->count, count);
		if (!pin->count) {
			list_del(&pin->entry);
			atomic64_dec(&snode->export->nr_pins);
			kfree(pin);
			last = list_empty(&snode->pins);
		}
	}
	mutex_unlock(&snode->seg_mutex);
	if (!last)
		return;
	csv_snode_trim(snode);
	csv_snode_recall_unlinked(snode);
	csv_snode_put(snode);
}

/**
 * csv_snode_segs_changed - the segments may have become empty or non-empty
 * @snode: the file; its seg_mutex is held, and a reference of the caller
 */
void csv_snode_segs_changed(struct csv_snode *snode)
{
	unsigned int now = csv_segments_count(&snode->segs), before = snode->nr_segs;

	lockdep_assert_held(&snode->seg_mutex);
	snode->nr_segs = now;
	atomic64_add((s64)now - before, &snode->export->nr_segments);
	if (now && !before)
		refcount_inc(&snode->ref);
	else if (before && !now)
		refcount_dec(&snode->ref);
}

/**
 * csv_snode_return - a node has given up a range by itself
 * @snode: the file
 * @node: who
 * @start: from where
 * @end: up to where
 * @seq: of the newest grant that it had seen by then: what was granted since stays
 */
void csv_snode_return(struct csv_snode *snode, u32 node, u64 start, u64 end, u64 seq)
{
	mutex_lock(&snode->seg_mutex);
	if (seq >= snode->granted) {
		csv_segments_reserve(&snode->segs, CSV_SEGMENTS_EXTRA, GFP_NOFS | __GFP_NOFAIL);
		csv_segments_return(&snode->segs, node, start, end);
		csv_snode_segs_changed(snode);
	}
	mutex_unlock(&snode->seg_mutex);
}

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

/**
 * csv_snode_lock - keep everybody else from the block map
 * @snode: the file; its op_lock is held for writing on success
 * @call: on whose behalf
 *
 * Return: 0; -ERESTARTSYS: nobody wants the call to be executed any more
 */
int csv_snode_lock(struct csv_snode *snode, const struct csv_call *call)
{
	if (down_write_killable(&snode->op_lock))
		return -ERESTARTSYS;
	if (csv_service_is_current(call))
		return 0;
	up_write(&snode->op_lock);
	return -ERESTARTSYS;
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
 * Return: 0; -ERESTARTSYS when killed, here or where the call comes from
 */
int csv_snode_recall(struct csv_snode *snode, struct csv_call *call, u32 asking, u64 start,
		     u64 end, enum csv_segment_mode want)
{
	struct csv_recall_wait *wait;
	int err;

	lockdep_assert_held_write(&snode->op_lock);
	wait = csv_recall_begin(snode, call, asking, start, end, want);
	if (wait) {
		err = wait_var_event_killable(wait->key, csv_recall_is_over(wait, call));
		if (err || atomic_read(&wait->left))
			err = -ERESTARTSYS;
		else if (atomic_read(&wait->touched))
			csv_recall_touch(snode);
		csv_recall_put(wait);
		if (err)
			return err;
	}
	/* a node that gave up its layout may have given up a redirected bio before: killed, cut off */
	if (want == CSV_SEGMENT_RW_EXCL)
		csv_service_block_wait(snode->export);
	return 0;
}

/* A file without a name gives up its layouts on a worker of its own. */
struct csv_unlinked {
	struct work_struct work;
	struct csv_snode *snode;
	struct csv_export *export;
};

/* Nobody waits for the answers: the last one frees the blocks, whenever it comes. */
static void csv_unlinked_work(struct work_struct *work)
{
	struct csv_unlinked *unlinked = container_of(work, struct csv_unlinked, work);
	struct csv_snode *snode = unlinked->snode;
	struct csv_recall_wait *wait;

	wait = csv_recall_begin(snode, NULL, 0, 0, U64_MAX, CSV_SEGMENT_RW_EXCL);
	if (wait)
		csv_recall_put(wait);
	csv_snode_put(snode);
	csv_export_put(unlinked->export);
	kfree(unlinked);
}

/* The caller has references to the file and to its export. */
static void csv_snode_recall_unlinked(struct csv_snode *snode)
{
	struct csv_unlinked *unlinked;

	if (d_inode(snode->dentry)->i_nlink || !READ_ONCE(snode->nr_segs))
		return;
	unlinked = kzalloc(sizeof(*unlinked), GFP_NOFS | __GFP_NOFAIL);
	refcount_inc(&snode->ref);
	refcount_inc(&snode->export->ref);
	unlinked->snode = snode;
	unlinked->export = snode->export;
	INIT_WORK(&unlinked->work, csv_unlinked_work);
	queue_work(csv_wq, &unlinked->work);
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
