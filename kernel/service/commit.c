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
#include "service.h"

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
	u64 target;
	int err = 0;

	if (READ_ONCE(export->committed) >= tx)
		return 0;
	mutex_lock(&export->commit_mutex);
	if (export->committed < tx) {
		target = atomic64_read(&export->tx);
		err = csv_lower_sync(&export->lower);
		if (!err)
			WRITE_ONCE(export->committed, target);
	}
	mutex_unlock(&export->commit_mutex);
	return err;
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
