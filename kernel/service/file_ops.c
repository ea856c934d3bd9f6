// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on one file: attributes, data of the file-redirected route, and
 * all that changes the block map under layouts.
 *
 * What changes the map, the size, the mode or the flags recalls the layouts
 * that promise them, from the requester too, under op_lock held for writing;
 * nothing is granted anew before the change is done.
 */
#include <linux/blkdev.h>
#include <linux/fs.h>
#include <linux/uio.h>
#include "service.h"

/* Runs @fn on the file of the request. */
static int csv_service_on_file(struct csv_request *req,
			       int (*fn)(struct csv_request *req, struct csv_snode *snode))
{
	struct csv_snode *snode = csv_snode_get(req->export, &req->in.fh);
	int err;

	if (IS_ERR(snode))
		return PTR_ERR(snode);
	err = fn(req, snode);
	csv_snode_put(snode);
	return err;
}

static int csv_service_touch(struct csv_request *req, struct csv_snode *snode)
{
	struct csv_setattr set = { .valid = CSV_SET_TOUCH };
	int err;

	csv_commit_begin(req, d_inode(snode->dentry));
	err = csv_lower_setattr(&req->export->lower, snode->dentry, &set);
	csv_commit_end(req, d_inode(snode->dentry));
	return err;
}

static int csv_service_do_getattr(struct csv_request *req, struct csv_snode *snode)
{
	int err = 0;

	if (req->in.flags & CSV_GETATTR_TOUCH)
		err = csv_service_touch(req, snode);
	return err ?: csv_commit_attr(req, snode->dentry);
}

/**
 * csv_service_getattr - attributes by handle
 * @req: the request
 */
int csv_service_getattr(struct csv_request *req)
{
	return csv_service_on_file(req, csv_service_do_getattr);
}

static int csv_service_do_access(struct csv_request *req, struct csv_snode *snode)
{
	const struct cred *old = csv_service_assume(req);
	int err;

	if (IS_ERR(old))
		return PTR_ERR(old);
	err = csv_lower_access(snode->dentry, req->in.flags);
	csv_service_resume(old);
	csv_commit_seen(req, d_inode(snode->dentry));
	return err ?: csv_commit_attr(req, snode->dentry);
}

/**
 * csv_service_access - whether the caller may
 * @req: the request
 */
int csv_service_access(struct csv_request *req)
{
	return csv_service_on_file(req, csv_service_do_access);
}

/* Takes back what a change from @start on breaks. op_lock held for writing. */
static int csv_service_recall(struct csv_request *req, struct csv_snode *snode, u64 start, u64 end)
{
	u32 bs = csv_export_unit(snode->export);

	if (!S_ISREG(d_inode(snode->dentry)->i_mode))
		return 0;
	end = end > U64_MAX - bs ? U64_MAX : round_up(end, bs);
	return csv_snode_recall(snode, req->call, 0, round_down(start, bs), end,
				CSV_SEGMENT_RW_EXCL);
}

static int csv_service_change(struct csv_request *req, struct csv_snode *snode)
{
	const struct cred *old = csv_service_assume(req);
	int err;

	if (IS_ERR(old))
		return PTR_ERR(old);
	csv_commit_begin(req, d_inode(snode->dentry));
	err = csv_lower_setattr(&req->export->lower, snode->dentry, &req->in.setattr);
	csv_commit_end(req, d_inode(snode->dentry));
	csv_service_resume(old);
	return err;
}

static int csv_service_do_setattr(struct csv_request *req, struct csv_snode *snode)
{
	struct csv_setattr *set = &req->in.setattr;
	struct inode *inode = d_inode(snode->dentry);
	u64 start = U64_MAX;
	int err = 0;

	if (set->valid & CSV_SET_TOUCH) {
		err = csv_service_touch(req, snode);
		return err ?: csv_commit_attr(req, snode->dentry);
	}
	if (set->valid & CSV_SET_SIZE)
		start = min_t(u64, set->size, i_size_read(inode));
	if (set->valid & (CSV_SET_MODE | CSV_SET_UID | CSV_SET_GID | CSV_SET_KILL_PRIV))
		start = 0;
	if (start != U64_MAX) {
		err = csv_snode_lock(snode, req->call);
		if (err)
			return err;
		/* the size may have grown while we waited; it does not any more */
		if (start)
			start = min_t(u64, start, i_size_read(inode));
		err = csv_service_recall(req, snode, start, U64_MAX);
		if (!err)
			err = csv_service_change(req, snode);
		up_write(&snode->op_lock);
	} else {
		err = csv_service_change(req, snode);
	}
	return err ?: csv_commit_attr(req, snode->dentry);
}

/**
 * csv_service_setattr - change attributes, truncate
 * @req: the request
 */
int csv_service_setattr(struct csv_request *req)
{
	return csv_service_on_file(req, csv_service_do_setattr);
}

static int csv_service_do_fsync(struct csv_request *req, struct csv_snode *snode)
{
	struct file *file;
	int err = 0;

	if (req->in.flags & CSV_FSYNC_TOUCH)
		err = csv_service_touch(req, snode);
	if (!err && S_ISREG(d_inode(snode->dentry)->i_mode)) {
		file = csv_snode_file(snode);
		err = IS_ERR(file) ? PTR_ERR(file) :
			csv_lower_fsync(file, req->in.flags & CSV_FSYNC_DATA);
	} else if (!err) {
		err = csv_lower_sync(&req->export->lower);
		/* a log that has nothing to say flushes nothing */
		if (!err && (req->in.flags & CSV_FSYNC_ALL))
			err = blkdev_issue_flush(req->export->lower.bdev);
	}
	return err ?: csv_commit_attr(req, snode->dentry);
}

/**
 * csv_service_fsync - make a file durable
 * @req: the request
 */
int csv_service_fsync(struct csv_request *req)
{
	return csv_service_on_file(req, csv_service_do_fsync);
}

static int csv_service_do_flags_get(struct csv_request *req, struct csv_snode *snode)
{
	u32 projid = 0;
	int err = csv_lower_flags_get(snode->dentry, &req->out.flags, &projid);

	req->out.cookie = projid;
	csv_commit_seen(req, d_inode(snode->dentry));
	return err;
}

/**
 * csv_service_flags_get - FS_IOC_GETFLAGS
 * @req: the request
 */
int csv_service_flags_get(struct csv_request *req)
{
	return csv_service_on_file(req, csv_service_do_flags_get);
}

static int csv_service_do_flags_set(struct csv_request *req, struct csv_snode *snode)
{
	const struct cred *old;
	int err;

	err = csv_snode_lock(snode, req->call);
	if (err)
		return err;
	err = csv_service_recall(req, snode, 0, U64_MAX);
	if (err)
		goto unlock;
	old = csv_service_assume(req);
	if (IS_ERR(old)) {
		err = PTR_ERR(old);
		goto unlock;
	}
	csv_commit_begin(req, d_inode(snode->dentry));
	err = csv_lower_flags_set(&req->export->lower, snode->dentry, req->in.flags,
				  req->in.cookie);
	csv_commit_end(req, d_inode(snode->dentry));
	csv_service_resume(old);
unlock:
	up_write(&snode->op_lock);
	return err ?: csv_commit_attr(req, snode->dentry);
}

/**
 * csv_service_flags_set - FS_IOC_SETFLAGS
 * @req: the request
 */
int csv_service_flags_set(struct csv_request *req)
{
	return csv_service_on_file(req, csv_service_do_flags_set);
}
