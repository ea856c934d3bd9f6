// SPDX-License-Identifier: GPL-2.0
/*
 * Reading directories: in pieces from the coordinator, by its cookies, which
 * are positions on the disk and mean the same on every node.
 *
 * Where files of the directory are known here the entries bring attributes, which
 * refresh these inodes; nothing is trusted for longer than that.
 */
#include "vfs.h"

#define CSVFS_READDIR_SIZE	SZ_32K

/* Gives one entry; false when the caller's memory is full. */
static bool csvfs_emit(struct dir_context *ctx, const struct csv_wire_dirent *entry)
{
	if (!dir_emit(ctx, (const char *)(entry + 1), entry->namelen, le64_to_cpu(entry->ino),
		      entry->type))
		return false;
	ctx->pos = le64_to_cpu(entry->cookie);
	return true;
}

/* What comes behind the name: attributes and handle. */
static int csvfs_refresh_entry(struct super_block *sb, const struct csv_wire_dirent *entry)
{
	unsigned int skip = ALIGN(sizeof(*entry) + entry->namelen, 8);
	unsigned int reclen = le16_to_cpu(entry->reclen), len = le32_to_cpu(entry->attrlen);
	struct csv_attr attr;
	struct inode *inode;
	struct csv_fh fh;

	if (!len)
		return 0;
	if (skip > reclen || len != reclen - skip ||
	    csv_wire_get_attr(&attr, &fh, (const u8 *)entry + skip, len) != len)
		return -EIO;
	inode = csv_inode_find(sb, &fh);
	if (!inode)
		return 0;
	if (!((inode->i_mode ^ attr.mode) & S_IFMT))
		csv_attr_apply(inode, &attr);
	iput(inode);
	return 0;
}

static int csvfs_emit_all(struct super_block *sb, struct dir_context *ctx, const u8 *buf,
			  size_t len, bool *full)
{
	const struct csv_wire_dirent *entry;
	unsigned int reclen;
	size_t used;
	int err;

	for (used = 0; used < len; used += reclen) {
		entry = (const struct csv_wire_dirent *)(buf + used);
		if (len - used < sizeof(*entry))
			return -EIO;
		reclen = le16_to_cpu(entry->reclen);
		if (reclen < sizeof(*entry) + entry->namelen || reclen > len - used || reclen % 8)
			return -EIO;
		err = csvfs_refresh_entry(sb, entry);
		if (err)
			return err;
		if (!csvfs_emit(ctx, entry)) {
			*full = true;
			return 0;
		}
	}
	return 0;
}

/* One READDIR. @more is cleared at the end of the directory or of the memory. */
static int csvfs_readdir_piece(struct inode *dir, struct dir_context *ctx, bool plus, u8 *buf,
			       bool *more)
{
	struct csv_op *op = csv_op_on(dir, CSV_OP_READDIR, true);
	struct iov_iter iter;
	bool full = false;
	int err;

	if (IS_ERR(op))
		return PTR_ERR(op);
	op->in.cookie = ctx->pos;
	op->in.count = CSVFS_READDIR_SIZE;
	op->in.flags = plus ? CSV_READDIR_PLUS : 0;
	err = csv_op_alloc_pages(op, CSVFS_READDIR_SIZE, true);
	if (!err)
		err = csv_op_run(op);
	if (err)
		goto put;
	iov_iter_bvec(&iter, ITER_SOURCE, op->bvec, op->nr_pages, op->in_len);
	err = -EIO;
	if (copy_from_iter(buf, op->in_len, &iter) != op->in_len)
		goto put;
	err = csvfs_emit_all(dir->i_sb, ctx, buf, op->in_len, &full);
	if (!err && !full)
		ctx->pos = op->out.cookie;
	*more = !full && !(op->out.flags & CSV_READDIR_EOF);
put:
	csv_op_put(op);
	return err;
}

static int csvfs_iterate(struct file *file, struct dir_context *ctx)
{
	bool more = true, plus = !hlist_empty(&file_dentry(file)->d_children);
	u8 *buf = kvmalloc(CSVFS_READDIR_SIZE, GFP_KERNEL);
	int err = 0;

	if (!buf)
		return -ENOMEM;
	while (!err && more)
		err = csvfs_readdir_piece(file_inode(file), ctx, plus, buf, &more);
	kvfree(buf);
	return err;
}

/* Directories are not pinned: one that is gone is empty, and looked at by csvfs_getattr() only. */
static void csvfs_dir_count(struct inode *inode, int more)
{
	struct csv_inode *ci = csv_inode_of(inode);

	mutex_lock(&ci->open_mutex);
	ci->opens += more;
	mutex_unlock(&ci->open_mutex);
}

static int csvfs_dir_open(struct inode *inode, struct file *file)
{
	struct csv_op *op;
	int err;

	op = csv_op_on(inode, CSV_OP_ACCESS, true);
	if (IS_ERR(op))
		return PTR_ERR(op);
	op->in.flags = MAY_READ;
	err = csv_op_run(op);
	if (!err) {
		csv_attr_apply(inode, &op->out.attr);
		csvfs_dir_count(inode, 1);
	}
	csv_op_put(op);
	return err;
}

static int csvfs_dir_release(struct inode *inode, struct file *file)
{
	csvfs_dir_count(inode, -1);
	return 0;
}

/* Cookies are the lower file system's: ext4 makes them of hashes, beyond any file size. */
static loff_t csvfs_dir_llseek(struct file *file, loff_t offset, int whence)
{
	return generic_file_llseek_size(file, offset, whence, S64_MAX,
					i_size_read(file_inode(file)));
}

const struct file_operations csvfs_dir_fops = {
	.owner		= THIS_MODULE,
	.open		= csvfs_dir_open,
	.release	= csvfs_dir_release,
	.llseek		= csvfs_dir_llseek,
	.read		= generic_read_dir,
	.iterate_shared	= csvfs_iterate,
	.fsync		= csvfs_fsync,
	.lock		= csvfs_lock,
	.flock		= csvfs_lock,
	.setlease	= simple_nosetlease,
};
