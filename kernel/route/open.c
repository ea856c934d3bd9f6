// SPDX-License-Identifier: GPL-2.0
/*
 * Pins: an open file keeps its inode at the coordinator, also when it is
 * unlinked by another node. Every OPEN is one pin there; the last close of the
 * inode here gives all of them back at once, behind the closing process's back.
 */
#include "route.h"

static void csv_close_run(struct csv_super *super, const struct csv_fh *fh, u32 count, int pin_gen,
			  u64 offset, u64 seq);

static void csv_open_count(struct csv_inode *ci)
{
	int now = atomic_read(&csv_super_of(ci->vfs_inode.i_sb)->pin_gen);

	lockdep_assert_held(&ci->open_mutex);
	if (ci->pin_gen != now)
		ci->pins = 0;
	ci->pin_gen = now;
	ci->pins++;
}

/**
 * csv_open_pinned - an OPEN or CREATE of this inode has been answered
 * @inode: the inode
 */
void csv_open_pinned(struct inode *inode)
{
	struct csv_inode *ci = csv_inode_of(inode);

	mutex_lock(&ci->open_mutex);
	csv_open_count(ci);
	ci->opens++;
	mutex_unlock(&ci->open_mutex);
}

/**
 * csv_open_pin - OPEN: permission, fresh attributes, and a pin
 * @inode: a regular file
 * @flags: CSV_OPEN_*
 */
int csv_open_pin(struct inode *inode, u32 flags)
{
	struct csv_op *op = csv_op_on(inode, CSV_OP_OPEN, true);
	int err;

	if (IS_ERR(op))
		return PTR_ERR(op);
	op->in.flags = flags;
	err = csv_op_run(op);
	if (!err) {
		csv_attr_apply(inode, &op->out.attr);
		csv_open_pinned(inode);
	}
	csv_op_put(op);
	return err;
}

/**
 * csv_open_unpin - a file was closed
 * @inode: opened by csv_open_pin(), or noted by csv_open_pinned()
 */
void csv_open_unpin(struct inode *inode)
{
	struct csv_inode *ci = csv_inode_of(inode);
	u64 offset = U64_MAX, seq = 0;
	u32 pins = 0;
	int gen = 0;

	mutex_lock(&ci->open_mutex);
	if (!--ci->opens) {
		pins = ci->pins;
		gen = ci->pin_gen;
		ci->pins = 0;
		/* nobody grows the file any more: what was allocated for that may go */
		if (pins)
			offset = csv_layout_drop_eof(ci, &seq);
	}
	mutex_unlock(&ci->open_mutex);
	if (pins)
		csv_close_run(csv_super_of(inode->i_sb), &ci->fh, pins, gen, offset, seq);
}

/**
 * csv_close_send - give pins back; nobody waits for the answer
 * @super: the mount, which does not go before that
 * @fh: the file
 * @count: pins
 */
void csv_close_send(struct csv_super *super, const struct csv_fh *fh, u32 count)
{
	csv_close_run(super, fh, count, atomic_read(&super->pin_gen), U64_MAX, 0);
}

static void csv_close_run(struct csv_super *super, const struct csv_fh *fh, u32 count, int pin_gen,
			  u64 offset, u64 seq)
{
	struct csv_op *op = csv_op_alloc(super->vol, super, CSV_OP_CLOSE);

	op->in.fh = *fh;
	op->in.count = count;
	op->pin_gen = pin_gen;
	op->in.offset = offset;
	op->in.seq = seq;
	csv_op_run_behind(op);
}

/*
 * One open inode is pinned again; a close that came meanwhile has nothing to give
 * back, and leaves that to us. A file that is gone stays open and answers ESTALE.
 */
static void csv_reclaim_end(struct work_struct *work)
{
	struct csv_op *op = container_of(to_delayed_work(work), struct csv_op, work);
	struct csv_super *super = op->super;
	struct inode *inode = op->private;
	struct csv_inode *ci = csv_inode_of(inode);
	bool closed, current_gen;

	mutex_lock(&ci->open_mutex);
	closed = !ci->opens;
	/* a newer one is under way where there is a newer coordinator */
	current_gen = op->pin_gen == atomic_read(&super->pin_gen);
	if (!op->err && !closed && current_gen)
		csv_open_count(ci);
	mutex_unlock(&ci->open_mutex);
	if (!op->err && closed && current_gen)
		csv_close_send(super, &ci->fh, 1);
	csv_op_put(op);
	iput(inode);
	if (atomic_dec_and_test(&super->reclaims))
		wake_up_var(&super->reclaims);
}

/* csv_op.done: not by a receiver, since the last iput() may wait for folios. */
static void csv_reclaim_done(struct csv_op *op)
{
	csv_op_defer(op, csv_reclaim_end);
}

/* Consumes the reference to @inode. */
static void csv_open_reclaim_one(struct csv_super *super, struct inode *inode)
{
	struct csv_op *op;

	/* no request of the new session is sent before all inodes have been here */
	mutex_lock(&csv_inode_of(inode)->open_mutex);
	csv_inode_of(inode)->pins = 0;
	mutex_unlock(&csv_inode_of(inode)->open_mutex);
	op = csv_op_alloc(super->vol, super, CSV_OP_OPEN);
	if (IS_ERR(op)) {
		iput(inode);
		return;
	}
	op->in.fh = csv_inode_of(inode)->fh;
	op->in.flags = CSV_OPEN_RECLAIM;
	op->pin_gen = atomic_read(&super->pin_gen);
	op->private = inode;
	op->done = csv_reclaim_done;
	atomic_inc(&super->reclaims);
	csv_op_queue(op);
}

/**
 * csv_open_reclaim - the coordinator has forgotten our pins: give them again
 * @super: the mount
 *
 * Does not wait for the answers: transport's upcalls must not.
 */
void csv_open_reclaim(struct csv_super *super)
{
	struct super_block *sb = super->sb;
	struct inode *inode, *prev = NULL;

	atomic_inc(&super->pin_gen);
	spin_lock(&sb->s_inode_list_lock);
	list_for_each_entry(inode, &sb->s_inodes, i_sb_list) {
		if (!S_ISREG(inode->i_mode) || !READ_ONCE(csv_inode_of(inode)->opens))
			continue;
		spin_lock(&inode->i_lock);
		if (inode->i_state & (I_FREEING | I_WILL_FREE | I_NEW)) {
			spin_unlock(&inode->i_lock);
			continue;
		}
		__iget(inode);
		spin_unlock(&inode->i_lock);
		spin_unlock(&sb->s_inode_list_lock);
		if (prev)
			csv_open_reclaim_one(super, prev);
		/* our place in the list, until the next one is found */
		prev = inode;
		spin_lock(&sb->s_inode_list_lock);
	}
	spin_unlock(&sb->s_inode_list_lock);
	if (prev)
		csv_open_reclaim_one(super, prev);
}
