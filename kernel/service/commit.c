// SPDX-License-Identifier: GPL-2.0
/*
 * Stable replies: nothing leaves before what it depends on is in the lower log.
 *
 * Every change takes a number when it has been executed. A reply waits until
 * its own change, and every change that it may have seen, is committed; one
 * log force serves all that wait. What a reply may have seen is known by hash
 * of the inode, so that no inode must be kept for it: a collision costs a log
 * force, never a wrong answer.
 *
 * The lower log is written in the order of the changes, so a force that begins
 * after a change was executed makes it durable together with all before it
 * (Documentation/filesystems/xfs/xfs-delayed-logging-design.rst).
 *
 * Failover will need more: what was in flight at a crash may have been executed. An
 * INTENT record per slot has its place before the handler in csv_service_handle(), DONE
 * with the change between csv_commit_begin() and csv_commit_end(), and both live in
 * CSV_LOWER_RESERVED.
 */
#include <linux/hash.h>
#include <linux/kthread.h>
#include "../control/volume.h"
#include "service.h"

#define CSV_COMMIT_LEAVE	SZ_64K

static struct csv_tx_bucket *csv_commit_bucket(struct csv_export *export,
					       const struct inode *inode)
{
	return &export->tx_buckets[hash_64(inode->i_ino, ilog2(CSV_TX_BUCKETS))];
}

static void csv_commit_raise(struct csv_request *req, u64 tx)
{
	req->wait_tx = max(req->wait_tx, tx);
}

/**
 * csv_commit_open - a change of an inode is about to be executed
 * @export: the volume
 * @inode: a directory or file that it changes
 */
void csv_commit_open(struct csv_export *export, const struct inode *inode)
{
	atomic_inc(&csv_commit_bucket(export, inode)->pending);
	/* who sees the change sees @pending: pairs with csv_commit_seen() */
	smp_mb__after_atomic();
}

/**
 * csv_commit_close - the change has been executed, or has failed
 * @export: the volume of csv_commit_open()
 * @inode: the same
 *
 * Return: the number of the change
 */
u64 csv_commit_close(struct csv_export *export, const struct inode *inode)
{
	struct csv_tx_bucket *bucket = csv_commit_bucket(export, inode);
	s64 tx = atomic64_inc_return(&export->tx);
	s64 old = atomic64_read(&bucket->last);

	while (old < tx && !atomic64_try_cmpxchg(&bucket->last, &old, tx))
		;
	/* who sees @pending gone sees @last: pairs with csv_commit_seen() */
	smp_mb__before_atomic();
	atomic_dec(&bucket->pending);
	return tx;
}

/**
 * csv_commit_begin - csv_commit_open() for a request
 * @req: which executes the change
 * @inode: a directory or file that it changes
 */
void csv_commit_begin(struct csv_request *req, const struct inode *inode)
{
	csv_commit_open(req->export, inode);
}

/**
 * csv_commit_end - csv_commit_close() for a request, whose reply waits for it
 * @req: the request of csv_commit_begin()
 * @inode: the same
 */
void csv_commit_end(struct csv_request *req, const struct inode *inode)
{
	csv_commit_raise(req, csv_commit_close(req->export, inode));
}

/**
 * csv_commit_seen - the reply tells something of an inode
 * @req: the request
 * @inode: the inode, already looked at
 *
 * While a change is being executed nobody knows yet which number it will get:
 * a force from now on covers all of it that could be seen.
 */
void csv_commit_seen(struct csv_request *req, const struct inode *inode)
{
	struct csv_tx_bucket *bucket = csv_commit_bucket(req->export, inode);

	/* the look at the inode, then @pending: pairs with csv_commit_begin() */
	smp_rmb();
	if (atomic_read(&bucket->pending)) {
		csv_commit_raise(req, atomic64_inc_return(&req->export->tx));
		return;
	}
	/* then @last: pairs with csv_commit_end() */
	smp_rmb();
	csv_commit_raise(req, atomic64_read(&bucket->last));
}

static bool csv_commit_covers(struct csv_export *export, u64 tx)
{
	return atomic64_read(&export->committed) >= tx;
}

/* Makes durable whatever has a number by now. */
static int csv_commit_force(struct csv_export *export)
{
	u64 target = atomic64_read(&export->tx);
	int err;

	lockdep_assert_held(&export->commit_mutex);
	if (export->commit_err)
		return export->commit_err;
	err = csv_lower_sync(&export->lower);
	if (!err) {
		atomic64_set(&export->committed, target);
	} else if (err != -ENOMEM) {
		/* what was to be in the log is lost, whatever the next force says */
		export->commit_err = err;
		pr_err("volume %s: its log fails (%d): nothing is acknowledged before it is online again\n",
		       export->vol->name, err);
	}
	return err;
}

/**
 * csv_commit_wait - wait until a change is in the lower log
 * @export: the volume
 * @tx: its number
 *
 * The first to come forces the log for all that have a number by then.
 *
 * Return: 0, or the error of the log, after which nothing is acknowledged
 */
int csv_commit_wait(struct csv_export *export, u64 tx)
{
	int err = 0;

	if (csv_commit_covers(export, tx))
		return 0;
	mutex_lock(&export->commit_mutex);
	if (!csv_commit_covers(export, tx))
		err = csv_commit_force(export);
	mutex_unlock(&export->commit_mutex);
	return err;
}

static void csv_commit_answer(struct csv_export *export, struct csv_call *call, int err)
{
	if (err)
		csv_service_fail(call, err);
	csv_call_reply(call);
	/* only now: offline leaves nothing unanswered */
	csv_export_put(export);
}

/* One force for all replies that wait; those that come meanwhile wait for the next. */
static void csv_commit_round(struct csv_export *export)
{
	struct csv_call *call, *next;
	LIST_HEAD(calls);
	int err = 0;
	bool more;
	u64 tx = 0;

	mutex_lock(&export->commit_mutex);
	/* now, not before the wait for the mutex: as many as possible */
	spin_lock(&export->commit_lock);
	list_splice_init(&export->commit_calls, &calls);
	spin_unlock(&export->commit_lock);
	/* whoever had the mutex before may have done it all */
	list_for_each_entry(call, &calls, entry)
		tx = max(tx, call->tx);
	if (!csv_commit_covers(export, tx))
		err = csv_commit_force(export);
	mutex_unlock(&export->commit_mutex);

	/* the next force does not wait for our sending */
	spin_lock(&export->commit_lock);
	more = !list_empty(&export->commit_calls);
	export->committing = more;
	WRITE_ONCE(export->commit_handed, more);
	spin_unlock(&export->commit_lock);
	if (more)
		wake_up(&export->commit_wait);

	list_for_each_entry_safe(call, next, &calls, entry)
		csv_commit_answer(export, call, csv_commit_covers(export, call->tx) ? 0 : err);
}

static int csv_commit_thread(void *data)
{
	struct csv_export *export = data;

	for (;;) {
		wait_event_idle(export->commit_wait, kthread_should_stop() ||
				READ_ONCE(export->commit_handed));
		if (kthread_should_stop())
			return 0;
		csv_commit_round(export);
	}
}

/**
 * csv_commit_start - nothing has been changed yet; start to answer
 * @export: the volume
 */
int csv_commit_start(struct csv_export *export)
{
	struct task_struct *task;

	mutex_init(&export->commit_mutex);
	spin_lock_init(&export->commit_lock);
	INIT_LIST_HEAD(&export->commit_calls);
	init_waitqueue_head(&export->commit_wait);
	task = kthread_run(csv_commit_thread, export, "csv_log/%s", export->vol->name);
	if (IS_ERR(task))
		return PTR_ERR(task);
	export->commit_thread = task;
	return 0;
}

/**
 * csv_commit_stop - after the last csv_commit_reply()
 * @export: the volume, started or not
 */
void csv_commit_stop(struct csv_export *export)
{
	if (export->commit_thread)
		kthread_stop(export->commit_thread);
	export->commit_thread = NULL;
}

/**
 * csv_commit_reply - answer a call of another node as soon as a change is in the lower log
 * @export: the volume; the call's reference ends with the reply
 * @call: executed
 * @tx: number of the newest change that it may tell of
 *
 * A thread that finds nobody at the log forces it itself, which is the fastest
 * for a single call. All others leave their reply behind and serve on, so that
 * as many changes as are under way share a force, not as many as there are
 * threads; and who has forced once hands over to the volume's thread for that.
 * Much data waits with its thread.
 *
 * Context: a service thread of the volume
 */
void csv_commit_reply(struct csv_export *export, struct csv_call *call, u64 tx)
{
	bool lead;

	/* so that no more pages wait for the log than there are threads */
	if (call->out_len > CSV_COMMIT_LEAVE) {
		csv_commit_answer(export, call, csv_commit_wait(export, tx));
		return;
	}
	if (csv_commit_covers(export, tx)) {
		csv_commit_answer(export, call, 0);
		return;
	}
	call->tx = tx;
	spin_lock(&export->commit_lock);
	list_add_tail(&call->entry, &export->commit_calls);
	lead = !export->committing;
	export->committing = true;
	spin_unlock(&export->commit_lock);
	if (lead)
		csv_commit_round(export);
}

/**
 * csv_commit_attr - attributes of an inode for a reply, numbered
 * @req: the request; its result's attributes are filled in
 * @dentry: the file
 *
 * Sampling and numbering are one step, so that at a node the higher number
 * always is the later sample.
 */
int csv_commit_attr(struct csv_request *req, struct dentry *dentry)
{
	struct csv_export *export = req->export;
	struct inode *inode = d_inode(dentry);
	struct mutex *mutex = &export->attr_mutex[hash_64(inode->i_ino, 6)];
	int err;

	mutex_lock(mutex);
	err = csv_lower_getattr(&export->lower, dentry, &req->out.attr);
	req->out.attr.seq = atomic64_inc_return(&export->seq);
	mutex_unlock(mutex);
	if (!export->lower.layouts)
		req->out.attr.flags |= CSV_IATTR_UNMAPPABLE;
	csv_commit_seen(req, inode);
	return err;
}
