// SPDX-License-Identifier: GPL-2.0
/*
 * File handles: the lower file system's own, so that they mean the same file on
 * every node and after every move.
 */
#include <linux/exportfs.h>
#include "vfs.h"

static int csvfs_encode_fh(struct inode *inode, u32 *fh, int *max_len, struct inode *parent)
{
	struct csv_inode *ci = csv_inode_of(inode);
	int words = ci->fh.len / 4;

	if (*max_len < words) {
		*max_len = words;
		return FILEID_INVALID;
	}
	memcpy(fh, ci->fh.data, ci->fh.len);
	*max_len = words;
	return ci->fh.type;
}

static struct dentry *csvfs_fh_to_dentry(struct super_block *sb, struct fid *fid, int fh_len,
					 int fh_type)
{
	struct csv_super *super = csv_super_of(sb);
	struct csv_op *op;
	struct inode *inode;
	int err;

	if (fh_len <= 0 || fh_len * 4 > CSV_FH_MAX)
		return ERR_PTR(-ESTALE);
	op = csv_op_alloc(super->vol, super, CSV_OP_GETATTR);
	if (IS_ERR(op))
		return ERR_CAST(op);
	op->in.fh.len = fh_len * 4;
	op->in.fh.type = fh_type;
	memcpy(op->in.fh.data, fid, fh_len * 4);
	err = csv_op_run(op);
	inode = err ? ERR_PTR(err) : csvfs_iget(sb, &op->in.fh, &op->out.attr);
	csv_op_put(op);
	return d_obtain_alias(inode);
}

static struct dentry *csvfs_get_parent(struct dentry *child)
{
	struct csv_op *op = csv_op_on(d_inode(child), CSV_OP_LOOKUP, true);
	struct inode *inode;
	int err;

	if (IS_ERR(op))
		return ERR_CAST(op);
	op->in.name.str = "..";
	op->in.name.len = 2;
	err = csv_op_run(op);
	inode = err ? ERR_PTR(err) : csvfs_iget(child->d_sb, &op->out.fh, &op->out.attr);
	csv_op_put(op);
	return d_obtain_alias(inode);
}

const struct export_operations csvfs_export_ops = {
	.encode_fh	= csvfs_encode_fh,
	.fh_to_dentry	= csvfs_fh_to_dentry,
	.get_parent	= csvfs_get_parent,
};
