// SPDX-License-Identifier: GPL-2.0
/*
 * Directories. No name is cached without asking: every use of a dentry asks
 * the coordinator whether the name still means the same handle.
 */
#include <linux/namei.h>
#include "vfs.h"

static struct csv_op *csvfs_name_op(struct inode *dir, const struct qstr *name, u16 opcode)
{
	struct csv_op *op;

	if (name->len > NAME_MAX)
		return ERR_PTR(-ENAMETOOLONG);
	op = csv_op_on(dir, opcode, true);
	if (IS_ERR(op))
		return op;
	op->in.name.str = name->name;
	op->in.name.len = name->len;
	return op;
}

/* LOOKUP: a new reference to the inode, NULL when there is no such name. */
static struct inode *csvfs_lookup_inode(struct inode *dir, const struct qstr *name)
{
	struct csv_op *op = csvfs_name_op(dir, name, CSV_OP_LOOKUP);
	struct inode *inode = NULL;
	int err;

	if (IS_ERR(op))
		return ERR_CAST(op);
	err = csv_op_run(op);
	if (!err)
		inode = csvfs_iget(dir->i_sb, &op->out.fh, &op->out.attr);
	else if (err != -ENOENT)
		inode = ERR_PTR(err);
	csv_op_put(op);
	return inode;
}

static struct dentry *csvfs_lookup(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	/* the operation that creates the name finds out itself; a read-only mount has none */
	if ((flags & (LOOKUP_CREATE | LOOKUP_EXCL)) == (LOOKUP_CREATE | LOOKUP_EXCL) &&
	    !(flags & LOOKUP_RENAME_TARGET) && dentry->d_name.len <= NAME_MAX &&
	    !sb_rdonly(dir->i_sb))
		return NULL;
	return d_splice_alias(csvfs_lookup_inode(dir, &dentry->d_name), dentry);
}

/* The name as it is in @dentry, which may be renamed meanwhile. */
static int csvfs_revalidate_in(struct inode *dir, struct dentry *dentry, unsigned int flags)
{
	struct inode *inode = d_inode(dentry), *found;
	struct name_snapshot name;
	int valid;

	take_dentry_name_snapshot(&name, dentry);
	found = csvfs_lookup_inode(dir, &name.name);
	release_dentry_name_snapshot(&name);
	if (IS_ERR(found))
		return PTR_ERR(found) == -ESTALE ? 0 : PTR_ERR(found);
	valid = found == inode;
	iput(found);
	return valid;
}

static int csvfs_d_revalidate(struct dentry *dentry, unsigned int flags)
{
	struct dentry *parent;
	int valid;

	if (flags & LOOKUP_RCU)
		return -ECHILD;
	/* about to be created: looked up by the operation itself */
	if (d_is_negative(dentry) && (flags & (LOOKUP_CREATE | LOOKUP_RENAME_TARGET)))
		return 0;
	parent = dget_parent(dentry);
	valid = csvfs_revalidate_in(d_inode(parent), dentry, flags);
	dput(parent);
	return valid;
}

/* Names are asked for each time: an unused dentry is worth nothing. */
static int csvfs_d_delete(const struct dentry *dentry)
{
	return d_is_negative(dentry);
}

const struct dentry_operations csvfs_dentry_ops = {
	.d_revalidate	= csvfs_d_revalidate,
	.d_delete	= csvfs_d_delete,
};

/* The new inode of a reply that has handle and attributes. */
static int csvfs_instantiate(struct dentry *dentry, struct csv_op *op)
{
	struct inode *inode = csvfs_iget(dentry->d_sb, &op->out.fh, &op->out.attr);
	struct dentry *alias;

	if (IS_ERR(inode))
		return PTR_ERR(inode);
	if (!S_ISDIR(inode->i_mode)) {
		d_instantiate(dentry, inode);
		return 0;
	}
	d_drop(dentry);
	alias = d_splice_alias(inode, dentry);
	if (IS_ERR(alias))
		return PTR_ERR(alias);
	dput(alias);
	return 0;
}

/* Runs an operation that makes @dentry. Consumes @op. */
static int csvfs_make(struct dentry *dentry, struct csv_op *op)
{
	int err;

	if (IS_ERR(op))
		return PTR_ERR(op);
	err = csv_op_run(op);
	if (!err)
		err = csvfs_instantiate(dentry, op);
	else
		d_drop(dentry);
	csv_op_put(op);
	return err;
}

static int csvfs_mkdir(struct mnt_idmap *idmap, struct inode *dir, struct dentry *dentry,
		       umode_t mode)
{
	struct csv_op *op = csvfs_name_op(dir, &dentry->d_name, CSV_OP_MKDIR);

	if (!IS_ERR(op))
		op->in.mode = mode & S_IALLUGO;
	return csvfs_make(dentry, op);
}

static int csvfs_mknod(struct mnt_idmap *idmap, struct inode *dir, struct dentry *dentry,
		       umode_t mode, dev_t rdev)
{
	struct csv_op *op = csvfs_name_op(dir, &dentry->d_name, CSV_OP_MKNOD);

	if (!IS_ERR(op)) {
		op->in.mode = mode;
		op->in.rdev = new_encode_dev(rdev);
	}
	return csvfs_make(dentry, op);
}

/* mknod() of a regular file, and nfsd: created, not opened. */
static int csvfs_create(struct mnt_idmap *idmap, struct inode *dir, struct dentry *dentry,
			umode_t mode, bool excl)
{
	return csvfs_mknod(idmap, dir, dentry, (mode & S_IALLUGO) | S_IFREG, 0);
}

static int csvfs_symlink(struct mnt_idmap *idmap, struct inode *dir, struct dentry *dentry,
			 const char *target)
{
	struct csv_op *op;
	int err;

	if (dentry->d_name.len > NAME_MAX)
		return -ENAMETOOLONG;
	op = csv_op_on(dir, CSV_OP_SYMLINK, false);
	if (IS_ERR(op))
		return PTR_ERR(op);
	op->in.name.str = dentry->d_name.name;
	op->in.name.len = dentry->d_name.len;
	err = csv_op_set_caller(op, target, strlen(target));
	if (err) {
		csv_op_put(op);
		return err;
	}
	return csvfs_make(dentry, op);
}

static int csvfs_link(struct dentry *source, struct inode *dir, struct dentry *dentry)
{
	struct inode *inode = d_inode(source);
	struct csv_op *op = csvfs_name_op(inode, &dentry->d_name, CSV_OP_LINK);
	int err;

	if (IS_ERR(op))
		return PTR_ERR(op);
	op->in.fh2 = csv_inode_of(dir)->fh;
	err = csv_op_run(op);
	if (!err) {
		csv_attr_apply(inode, &op->out.attr);
		ihold(inode);
		d_instantiate(dentry, inode);
	} else {
		d_drop(dentry);
	}
	csv_op_put(op);
	return err;
}

static int csvfs_unlink(struct inode *dir, struct dentry *dentry)
{
	struct csv_op *op = csvfs_name_op(dir, &dentry->d_name, CSV_OP_UNLINK);
	struct inode *inode = d_inode(dentry);
	int err;

	if (IS_ERR(op))
		return PTR_ERR(op);
	err = csv_op_run(op);
	/* the name may have been another file's by then */
	if (!err && op->out.attr.ino == inode->i_ino &&
	    op->out.attr.generation == inode->i_generation)
		csv_attr_apply(inode, &op->out.attr);
	csv_op_put(op);
	return err;
}

static int csvfs_rmdir(struct inode *dir, struct dentry *dentry)
{
	struct csv_op *op = csvfs_name_op(dir, &dentry->d_name, CSV_OP_RMDIR);
	struct csv_inode *ci = csv_inode_of(d_inode(dentry));
	int err;

	if (IS_ERR(op))
		return PTR_ERR(op);
	err = csv_op_run(op);
	csv_op_put(op);
	if (err)
		return err;
	spin_lock_irq(&ci->lock);
	clear_nlink(&ci->vfs_inode);
	spin_unlock_irq(&ci->lock);
	return 0;
}

static int csvfs_rename(struct mnt_idmap *idmap, struct inode *dir, struct dentry *dentry,
			struct inode *dir2, struct dentry *dentry2, unsigned int flags)
{
	struct csv_op *op = csvfs_name_op(dir, &dentry->d_name, CSV_OP_RENAME);
	int err;

	if (IS_ERR(op))
		return PTR_ERR(op);
	op->in.fh2 = csv_inode_of(dir2)->fh;
	op->in.name2.str = dentry2->d_name.name;
	op->in.name2.len = dentry2->d_name.len;
	op->in.flags = flags;
	err = dentry2->d_name.len > NAME_MAX ? -ENAMETOOLONG : csv_op_run(op);
	csv_op_put(op);
	/* the VFS moves the dentries; how many names are left the next GETATTR tells */
	return err;
}

/* An OPEN whose file cannot be given to the caller has pinned it for nobody. */
static void csvfs_unpin_reply(struct inode *dir, struct csv_op *op)
{
	if (S_ISREG(op->out.attr.mode))
		csv_close_send(csv_super_of(dir->i_sb), &op->out.fh, 1);
}

static int csvfs_finish_atomic_open(struct inode *dir, struct dentry *dentry, struct file *file,
				    struct csv_op *op)
{
	struct inode *inode = csvfs_iget(dir->i_sb, &op->out.fh, &op->out.attr);
	struct dentry *alias;
	int err;

	if (IS_ERR(inode)) {
		csvfs_unpin_reply(dir, op);
		return PTR_ERR(inode);
	}
	if (!d_in_lookup(dentry))
		d_drop(dentry);
	alias = d_splice_alias(inode, dentry);
	if (IS_ERR(alias)) {
		csvfs_unpin_reply(dir, op);
		return PTR_ERR(alias);
	}
	if (alias)
		dentry = alias;
	if (!S_ISREG(inode->i_mode)) {
		/* directories, links and special files are opened by the VFS; reference given */
		return finish_no_open(file, alias);
	}
	if (op->out.flags & CSV_CREATE_CREATED)
		file->f_mode |= FMODE_CREATED;
	/* csvfs_open() finds the pin */
	file->private_data = inode;
	err = finish_open(file, dentry, NULL);
	if (err && file->private_data)
		csvfs_unpin_reply(dir, op);
	dput(alias);
	return err;
}

static int csvfs_atomic_open(struct inode *dir, struct dentry *dentry, struct file *file,
			     unsigned int flags, umode_t mode)
{
	struct csv_op *op;
	int err;

	/* a negative dentry that ->d_revalidate() has asked for just now */
	if (!d_in_lookup(dentry) && !(flags & O_CREAT))
		return -ENOENT;
	if (flags & O_DIRECTORY) {
		struct dentry *found = csvfs_lookup(dir, dentry, 0);

		return IS_ERR(found) ? PTR_ERR(found) : finish_no_open(file, found);
	}
	op = csvfs_name_op(dir, &dentry->d_name, CSV_OP_CREATE);
	if (IS_ERR(op))
		return PTR_ERR(op);
	op->in.flags = csvfs_open_flags(flags);
	op->in.mode = mode & S_IALLUGO;
	err = csv_op_run(op);
	if (!err)
		err = csvfs_finish_atomic_open(dir, dentry, file, op);
	else if (!d_in_lookup(dentry))
		d_drop(dentry);
	csv_op_put(op);
	return err;
}

const struct inode_operations csvfs_dir_iops = {
	.lookup		= csvfs_lookup,
	.create		= csvfs_create,
	.mkdir		= csvfs_mkdir,
	.mknod		= csvfs_mknod,
	.symlink	= csvfs_symlink,
	.link		= csvfs_link,
	.unlink		= csvfs_unlink,
	.rmdir		= csvfs_rmdir,
	.rename		= csvfs_rename,
	.atomic_open	= csvfs_atomic_open,
	.getattr	= csvfs_getattr,
	.setattr	= csvfs_setattr,
	.permission	= csvfs_permission,
	.listxattr	= csvfs_listxattr,
	.get_acl	= csvfs_get_acl,
	.fileattr_get	= csvfs_fileattr_get,
	.fileattr_set	= csvfs_fileattr_set,
};
