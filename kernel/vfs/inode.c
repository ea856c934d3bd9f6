// SPDX-License-Identifier: GPL-2.0
/*
 * Inodes: the lower file system's numbers and handles, attributes always fresh
 * from the coordinator.
 */
#include <linux/fs.h>
#include <linux/pagemap.h>
#include <linux/fileattr.h>
#include <linux/namei.h>
#include <linux/posix_acl.h>
#include <linux/slab.h>
#include "vfs.h"

static int csvfs_iget_set(struct inode *inode, void *data)
{
	csv_inode_of(inode)->fh = *(const struct csv_fh *)data;
	return 0;
}

static void csvfs_init_inode(struct inode *inode, const struct csv_attr *attr)
{
	inode->i_ino = attr->ino;
	inode->i_generation = attr->generation;
	inode->i_mode = attr->mode;
	/* no local timestamps */
	inode->i_flags |= S_NOCMTIME;
	switch (attr->mode & S_IFMT) {
	case S_IFREG:
		inode->i_op = &csvfs_file_iops;
		inode->i_fop = &csvfs_file_fops;
		inode->i_mapping->a_ops = &csvfs_aops;
		mapping_set_gfp_mask(inode->i_mapping, GFP_USER);
		break;
	case S_IFDIR:
		inode->i_op = &csvfs_dir_iops;
		inode->i_fop = &csvfs_dir_fops;
		break;
	case S_IFLNK:
		inode->i_op = &csvfs_symlink_iops;
		break;
	default:
		inode->i_op = &csvfs_special_iops;
		init_special_inode(inode, attr->mode, new_decode_dev(attr->rdev));
	}
}

/**
 * csvfs_iget - the inode of a handle
 * @sb: the super block
 * @fh: the handle
 * @attr: its attributes, from the same reply
 *
 * Return: a reference, or an ERR_PTR
 */
struct inode *csvfs_iget(struct super_block *sb, const struct csv_fh *fh,
			 const struct csv_attr *attr)
{
	struct inode *inode;

	inode = iget5_locked(sb, csv_inode_hash(fh), csv_inode_match, csvfs_iget_set, (void *)fh);
	if (!inode)
		return ERR_PTR(-ENOMEM);
	if (inode->i_state & I_NEW) {
		csvfs_init_inode(inode, attr);
		csv_attr_apply(inode, attr);
		unlock_new_inode(inode);
		return inode;
	}
	/* a handle names one file for ever, and a file does not change its type */
	if ((inode->i_mode ^ attr->mode) & S_IFMT) {
		iput(inode);
		return ERR_PTR(-ESTALE);
	}
	csv_attr_apply(inode, attr);
	return inode;
}

/**
 * csvfs_refresh - fresh attributes from the coordinator
 * @inode: the inode
 *
 * What was overwritten directly gets its new times first.
 */
int csvfs_refresh(struct inode *inode)
{
	struct csv_inode *ci = csv_inode_of(inode);
	struct csv_op *op = csv_op_on(inode, CSV_OP_GETATTR, false);
	bool touched;
	int err;

	if (IS_ERR(op))
		return PTR_ERR(op);
	touched = csv_touch_take(ci);
	op->in.flags = touched ? CSV_GETATTR_TOUCH : 0;
	err = touched ? 0 : csv_touch_wait(ci);
	if (!err)
		err = csv_op_run(op);
	if (!err)
		csv_attr_apply(inode, &op->out.attr);
	else if (touched)
		csv_touch_mark(ci);
	if (touched)
		csv_touch_taken(ci);
	csv_op_put(op);
	return err;
}

/*
 * What is gone at the coordinator and still used here is what it was when it was last
 * seen, as everywhere else. A path is walked again instead, and a file that is open was
 * pinned, so that it is not gone but lost.
 */
static bool csvfs_is_remembered(const struct path *path)
{
	struct inode *inode = d_inode(path->dentry);
	bool opened = READ_ONCE(csv_inode_of(inode)->opens);

	if (csvfs_is_server())
		return false;
	return S_ISDIR(inode->i_mode) ? opened || d_unlinked(path->dentry) :
	       !opened && d_unlinked(path->dentry);
}

/**
 * csvfs_getattr - stat() and statx()
 * @idmap: of the mount
 * @path: the file
 * @stat: filled in
 * @mask: STATX_*
 * @flags: AT_STATX_DONT_SYNC: what is known here is enough
 *
 * Anybody may have changed the file, so that the coordinator is asked each time.
 *
 * Context: process; waits for the coordinator
 * Return: 0 or an error
 */
int csvfs_getattr(struct mnt_idmap *idmap, const struct path *path, struct kstat *stat,
		  u32 mask, unsigned int flags)
{
	struct inode *inode = d_inode(path->dentry);
	struct csv_inode *ci = csv_inode_of(inode);
	int err = 0;

	if ((flags & AT_STATX_SYNC_TYPE) != AT_STATX_DONT_SYNC)
		err = csvfs_refresh(inode);
	if (err == -ESTALE && csvfs_is_remembered(path)) {
		spin_lock_irq(&ci->lock);
		clear_nlink(inode);
		spin_unlock_irq(&ci->lock);
		err = 0;
	}
	if (err)
		return err;
	generic_fillattr(idmap, mask, inode, stat);
	generic_fill_statx_attr(inode, stat);
	stat->attributes |= ci->nodump ? STATX_ATTR_NODUMP : 0;
	stat->attributes_mask |= STATX_ATTR_NODUMP;
	stat->result_mask |= STATX_BTIME;
	stat->btime.tv_sec = ci->btime.sec;
	stat->btime.tv_nsec = ci->btime.nsec;
	stat->blksize = inode->i_sb->s_blocksize;
	return 0;
}

#define CSVFS_KILL	(ATTR_KILL_SUID | ATTR_KILL_SGID | ATTR_KILL_PRIV)

/*
 * A truncation sets the times anyway. Where privileges are to be dropped the
 * mode is one that notify_change() made from ours, which may be old.
 */
static void csvfs_fill_setattr(struct csv_setattr *set, const struct iattr *attr)
{
	if (attr->ia_valid & CSVFS_KILL) {
		set->valid |= CSV_SET_KILL_PRIV;
		/* by a write: file_remove_privs() */
		if ((attr->ia_valid & (ATTR_FORCE | ATTR_SIZE)) == ATTR_FORCE)
			set->valid |= CSV_SET_OPENED;
	} else if (attr->ia_valid & ATTR_MODE) {
		set->valid |= CSV_SET_MODE;
		set->mode = attr->ia_mode & S_IALLUGO;
	}
	if (attr->ia_valid & ATTR_UID) {
		set->valid |= CSV_SET_UID;
		set->uid = from_kuid(&init_user_ns, attr->ia_uid);
	}
	if (attr->ia_valid & ATTR_GID) {
		set->valid |= CSV_SET_GID;
		set->gid = from_kgid(&init_user_ns, attr->ia_gid);
	}
	if (attr->ia_valid & ATTR_SIZE) {
		set->valid |= CSV_SET_SIZE;
		set->size = attr->ia_size;
		/* ftruncate() was allowed by open(), whatever the mode is now */
		if ((attr->ia_valid & ATTR_FILE) || csvfs_is_server())
			set->valid |= CSV_SET_OPENED;
		return;
	}
	if (attr->ia_valid & ATTR_ATIME) {
		set->valid |= attr->ia_valid & ATTR_ATIME_SET ? CSV_SET_ATIME : CSV_SET_ATIME_NOW;
		set->atime.sec = attr->ia_atime.tv_sec;
		set->atime.nsec = attr->ia_atime.tv_nsec;
	}
	if (attr->ia_valid & ATTR_MTIME) {
		set->valid |= attr->ia_valid & ATTR_MTIME_SET ? CSV_SET_MTIME : CSV_SET_MTIME_NOW;
		set->mtime.sec = attr->ia_mtime.tv_sec;
		set->mtime.nsec = attr->ia_mtime.tv_nsec;
	}
}

/**
 * csvfs_setattr - chmod(), chown(), truncate(), utimes()
 * @idmap: of the mount, ignored
 * @dentry: the file
 * @attr: what to change
 *
 * The coordinator decides whether the caller may: mode and owner may be old here.
 *
 * Context: process; the VFS holds i_rwsem; waits for the coordinator
 * Return: 0 or an error
 */
int csvfs_setattr(struct mnt_idmap *idmap, struct dentry *dentry, struct iattr *attr)
{
	struct inode *inode = d_inode(dentry);
	bool touched = false;
	struct csv_op *op;
	int err;

	if (attr->ia_valid & ATTR_SIZE) {
		err = inode_newsize_ok(inode, attr->ia_size);
		if (err)
			return err;
	}
	op = csv_op_on(inode, CSV_OP_SETATTR, true);
	if (IS_ERR(op))
		return PTR_ERR(op);
	csvfs_fill_setattr(&op->in.setattr, attr);
	if (!op->in.setattr.valid) {
		csv_op_put(op);
		return 0;
	}
	/* what was overwritten before is not to get newer times than these */
	err = 0;
	if (attr->ia_valid & ATTR_MTIME) {
		touched = csv_touch_take(csv_inode_of(inode));
		/* this may wait for a recall, and nobody who shows times waits for us */
		if (touched)
			csv_touch_taken(csv_inode_of(inode));
		err = csv_touch_wait(csv_inode_of(inode));
	}
	if (!err)
		err = csv_op_run(op);
	if (!err) {
		csv_attr_apply(inode, &op->out.attr);
		if (attr->ia_valid & ATTR_SIZE)
			truncate_pagecache(inode, attr->ia_size);
	} else if (touched) {
		csv_touch_mark(csv_inode_of(inode));
	}
	csv_op_put(op);
	return err;
}

/*
 * What another operation is going to ask, under the caller's identity where the
 * ACLs are: LOOKUP a directory on the way, a change its directory, ->open() the
 * file. For a directory that leaves access() and chdir(), and reading it; for a
 * server everything, since the answer is what its clients go by.
 */
static bool csvfs_asked_later(const struct inode *inode, int mask)
{
	if (csvfs_is_server())
		return false;
	if (S_ISDIR(inode->i_mode))
		return (mask & MAY_OPEN) || !(mask & (MAY_READ | MAY_ACCESS | MAY_CHDIR));
	return S_ISREG(inode->i_mode) && (mask & MAY_OPEN);
}

/**
 * csvfs_permission - ask the coordinator where nothing else will
 * @idmap: of the mount, ignored
 * @inode: the inode
 * @mask: MAY_*
 */
int csvfs_permission(struct mnt_idmap *idmap, struct inode *inode, int mask)
{
	struct csv_op *op;
	int err;

	if (!(mask & (MAY_READ | MAY_WRITE | MAY_EXEC)) || csvfs_asked_later(inode, mask))
		return 0;
	if (mask & MAY_NOT_BLOCK)
		return -ECHILD;
	op = csv_op_on(inode, CSV_OP_ACCESS, true);
	if (IS_ERR(op))
		return PTR_ERR(op);
	op->in.flags = mask & (MAY_READ | MAY_WRITE | MAY_EXEC);
	err = csv_op_run(op);
	if (!err)
		csv_attr_apply(inode, &op->out.attr);
	csv_op_put(op);
	return err;
}

static void csvfs_free_link(void *link)
{
	kfree(link);
}

static const char *csvfs_get_link(struct dentry *dentry, struct inode *inode,
				  struct delayed_call *done)
{
	struct iov_iter iter;
	struct csv_op *op;
	char *link;
	int err;

	if (!dentry)
		return ERR_PTR(-ECHILD);
	op = csv_op_on(inode, CSV_OP_READLINK, true);
	if (IS_ERR(op))
		return ERR_CAST(op);
	err = csv_op_alloc_pages(op, PATH_MAX, true);
	if (!err)
		err = csv_op_run(op);
	link = err ? NULL : kzalloc(op->in_len + 1, GFP_KERNEL);
	if (link) {
		iov_iter_bvec(&iter, ITER_SOURCE, op->bvec, 1, op->in_len);
		if (copy_from_iter(link, op->in_len, &iter) == op->in_len)
			set_delayed_call(done, csvfs_free_link, link);
		else
			err = -EIO;
	} else if (!err) {
		err = -ENOMEM;
	}
	csv_op_put(op);
	if (err) {
		kfree(link);
		return ERR_PTR(err);
	}
	return link;
}

/**
 * csvfs_fileattr_get - FS_IOC_GETFLAGS, FS_IOC_FSGETXATTR
 * @dentry: the file
 * @fa: filled in
 */
int csvfs_fileattr_get(struct dentry *dentry, struct fileattr *fa)
{
	struct csv_op *op = csv_op_on(d_inode(dentry), CSV_OP_FLAGS_GET, true);
	int err;

	if (IS_ERR(op))
		return PTR_ERR(op);
	err = csv_op_run(op);
	if (!err)
		fileattr_fill_flags(fa, op->out.flags);
	csv_op_put(op);
	return err;
}

/**
 * csvfs_fileattr_set - FS_IOC_SETFLAGS, and FS_IOC_FSSETXATTR as far as it sets flags
 * @idmap: of the mount, ignored
 * @dentry: the file
 * @fa: the flags
 */
int csvfs_fileattr_set(struct mnt_idmap *idmap, struct dentry *dentry, struct fileattr *fa)
{
	struct csv_op *op;
	int err;

	/* project, size hints: what is no flag */
	if (fileattr_has_fsx(fa))
		return -EOPNOTSUPP;
	op = csv_op_on(d_inode(dentry), CSV_OP_FLAGS_SET, true);
	if (IS_ERR(op))
		return PTR_ERR(op);
	op->in.flags = fa->flags;
	err = csv_op_run(op);
	if (!err)
		csv_attr_apply(d_inode(dentry), &op->out.attr);
	csv_op_put(op);
	return err;
}

/**
 * csvfs_get_acl - refuse
 * @idmap: ignored
 * @dentry: ignored
 * @type: ignored
 *
 * ACLs are enforced where they are; what could not be changed is not shown either.
 *
 * Return: ERR_PTR(-EOPNOTSUPP)
 */
struct posix_acl *csvfs_get_acl(struct mnt_idmap *idmap, struct dentry *dentry, int type)
{
	return ERR_PTR(-EOPNOTSUPP);
}

/**
 * csvfs_listxattr - refuse, as all that has to do with extended attributes
 * @dentry: ignored
 * @list: ignored
 * @size: ignored
 */
ssize_t csvfs_listxattr(struct dentry *dentry, char *list, size_t size)
{
	return -EOPNOTSUPP;
}

const struct inode_operations csvfs_file_iops = {
	.getattr	= csvfs_getattr,
	.setattr	= csvfs_setattr,
	.permission	= csvfs_permission,
	.listxattr	= csvfs_listxattr,
	.get_acl	= csvfs_get_acl,
	.fileattr_get	= csvfs_fileattr_get,
	.fileattr_set	= csvfs_fileattr_set,
};

const struct inode_operations csvfs_symlink_iops = {
	.get_link	= csvfs_get_link,
	.getattr	= csvfs_getattr,
	.setattr	= csvfs_setattr,
	.permission	= csvfs_permission,
	.listxattr	= csvfs_listxattr,
};

const struct inode_operations csvfs_special_iops = {
	.getattr	= csvfs_getattr,
	.setattr	= csvfs_setattr,
	.permission	= csvfs_permission,
	.listxattr	= csvfs_listxattr,
};
