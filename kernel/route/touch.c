// SPDX-License-Identifier: GPL-2.0
/*
 * Times of direct overwrites: the coordinator sets them by its clock, at the
 * latest a second after the write, and before anything that shows them here.
 */
#include "route.h"

/**
 * csv_touch_mark - data was overwritten without the coordinator
 * @ci: the inode
 *
 * Context: any process context
 */
void csv_touch_mark(struct csv_inode *ci)
{
	struct csv_super *super = csv_super_of(ci->vfs_inode.i_sb);

	if (READ_ONCE(ci->touched))
		return;
	spin_lock(&super->lock);
	if (!ci->touched) {
		WRITE_ONCE(ci->touched, true);
		list_add_tail(&ci->touch_entry, &super->touched);
	}
	spin_unlock(&super->lock);
	queue_delayed_work(csv_behind_wq, &super->touch_work, HZ / 2);
}

/**
 * csv_touch_take - whoever gets true tells the coordinator
 * @ci: the inode; csv_touch_taken() follows if it returns true
 */
bool csv_touch_take(struct csv_inode *ci)
{
	struct csv_super *super = csv_super_of(ci->vfs_inode.i_sb);
	bool touched;

	if (!READ_ONCE(ci->touched))
		return false;
	spin_lock(&super->lock);
	touched = ci->touched;
	if (touched) {
		WRITE_ONCE(ci->touched, false);
		list_del_init(&ci->touch_entry);
		atomic_inc(&ci->touching);
	}
	spin_unlock(&super->lock);
	return touched;
}

/**
 * csv_touch_taken - the coordinator knows, or is not going to
 * @ci: the inode of a csv_touch_take() that returned true
 */
void csv_touch_taken(struct csv_inode *ci)
{
	if (atomic_dec_and_test(&ci->touching))
		wake_up_var(&ci->touching);
}

/**
 * csv_touch_flush - tell the coordinator now
 * @ci: the inode
 */
void csv_touch_flush(struct csv_inode *ci)
{
	struct inode *inode = &ci->vfs_inode;
	struct csv_op *op;

	/* one that was sent by another process is not to come after this returns */
	if (csv_touch_wait(ci) || !csv_touch_take(ci))
		return;
	op = csv_op_on(inode, CSV_OP_GETATTR, false);
	if (IS_ERR(op)) {
		csv_touch_mark(ci);
		csv_touch_taken(ci);
		return;
	}
	op->in.flags = CSV_GETATTR_TOUCH;
	if (!csv_op_run(op))
		csv_attr_apply(inode, &op->out.attr);
	else
		csv_touch_mark(ci);
	csv_touch_taken(ci);
	csv_op_put(op);
}

/**
 * csv_touch_wait - wait until the coordinator knows of what others have taken
 * @ci: the inode
 *
 * Whoever sets times himself, or shows them, is not overtaken. Nobody has taken anything
 * who may wait for a recall.
 *
 * Return: 0; -ERESTARTSYS when killed
 */
int csv_touch_wait(struct csv_inode *ci)
{
	return wait_var_event_killable(&ci->touching, !atomic_read(&ci->touching));
}

static void csv_touch_end(struct work_struct *work)
{
	struct csv_op *op = container_of(to_delayed_work(work), struct csv_op, work);
	struct csv_super *super = op->super;
	struct inode *inode = op->private;

	if (!op->err)
		csv_attr_apply(inode, &op->out.attr);
	csv_touch_taken(csv_inode_of(inode));
	csv_op_put(op);
	iput(inode);
	if (atomic_dec_and_test(&super->reclaims))
		wake_up_var(&super->reclaims);
}

/* csv_op.done: not by a receiver, since the last iput() may wait for folios. */
static void csv_touch_done(struct csv_op *op)
{
	csv_op_defer(op, csv_touch_end);
}

/**
 * csv_touch_send - tell the coordinator, and wait for nobody
 * @ci: the inode, which may be on its way out of memory
 *
 * Without memory the times stay as they are.
 */
void csv_touch_send(struct csv_inode *ci)
{
	struct csv_super *super = csv_super_of(ci->vfs_inode.i_sb);
	struct inode *inode;
	struct csv_op *op;

	if (!csv_touch_take(ci))
		return;
	op = csv_op_on(&ci->vfs_inode, CSV_OP_GETATTR, false);
	if (IS_ERR(op)) {
		csv_touch_taken(ci);
		return;
	}
	op->in.flags = CSV_GETATTR_TOUCH;
	/* the end of the mount does not find inodes that others hold */
	inode = ci->vfs_inode.i_sb->s_root ? igrab(&ci->vfs_inode) : NULL;
	if (!inode) {
		/* nobody is left who could set its times */
		csv_touch_taken(ci);
		csv_op_run_behind(op);
		return;
	}
	atomic_inc(&super->reclaims);
	op->private = inode;
	op->done = csv_touch_done;
	csv_op_queue(op);
}

static struct inode *csv_touch_first(struct csv_super *super)
{
	struct inode *inode = NULL;
	struct csv_inode *ci;

	spin_lock(&super->lock);
	list_for_each_entry(ci, &super->touched, touch_entry) {
		inode = igrab(&ci->vfs_inode);
		if (inode)
			break;
	}
	spin_unlock(&super->lock);
	return inode;
}

/**
 * csv_touch_send_all - tell the coordinator of all inodes that were overwritten
 * @super: the mount
 */
void csv_touch_send_all(struct csv_super *super)
{
	struct inode *inode;

	while ((inode = csv_touch_first(super))) {
		csv_touch_send(csv_inode_of(inode));
		iput(inode);
	}
}

/**
 * csv_touch_work - the same, within a second
 * @work: csv_super.touch_work
 */
void csv_touch_work(struct work_struct *work)
{
	csv_touch_send_all(container_of(to_delayed_work(work), struct csv_super, touch_work));
}
