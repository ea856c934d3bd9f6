// SPDX-License-Identifier: GPL-2.0
/*
 * Reading directories: in pieces from the coordinator, by its cookies, which
 * are positions on the disk and mean the same on every node.
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

static int csvfs_emit_all(struct dir_context *ctx, const u8 *buf, size_t len, bool *full)
{
	const struct csv_wire_dirent *entry;
	unsigned int reclen;
	size_t used;

	for (used = 0; used < len; used += reclen) {
		entry = (const struct csv_wire_dirent *)(buf + used);
		if (len - used < sizeof(*entry))
			return -EIO;
		reclen = le16_to_cpu(entry->reclen);
		if (reclen < sizeof(*entry) + entry->namelen || reclen > len - used || reclen % 8)
			return -EIO;
		if (!csvfs_emit(ctx, entry)) {
			*full = true;
			return 0;
		}
	}
	return 0;
}

/* One READDIR. @more is cleared at the end of the directory or of the memory. */
static int csvfs_readdir_piece(struct inode *dir, struct dir_context *ctx, u8 *buf, bool *more)
{
	struct csv_op *op = csv_op_on(dir, CSV_OP_READDIR, true);
	struct iov_iter iter;
	bool full = false;
	int err;

	if (IS_ERR(op))
		return PTR_ERR(op);
	op->in.cookie = ctx->pos;
	op->in.count = CSVFS_READDIR_SIZE;
	err = csv_op_alloc_pages(op, CSVFS_READDIR_SIZE, true);
	if (!err)
		err = csv_op_run(op);
	if (err)
		goto put;
	iov_iter_bvec(&iter, ITER_SOURCE, op->bvec, op->nr_pages, op->in_len);
	err = -EIO;
	if (copy_from_iter(buf, op->in_len, &iter) != op->in_len)
		goto put;
	err = csvfs_emit_all(ctx, buf, op->in_len, &full);
	if (!err && !full)
		ctx->pos = op->out.cookie;
	*more = !full && !(op->out.flags & CSV_READDIR_EOF);
put:
	csv_op_put(op);
	return err;
}

static int csvfs_iterate(struct file *file, struct dir_context *ctx)
{
	u8 *buf = kvmalloc(CSVFS_READDIR_SIZE, GFP_KERNEL);
	bool more = true;
	int err = 0;

	if (!buf)
		return -ENOMEM;
	while (!err && more)
		err = csvfs_readdir_piece(file_inode(file), ctx, buf, &more);
	kvfree(buf);
	return err;
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
	if (!err)
		csv_attr_apply(inode, &op->out.attr);
	csv_op_put(op);
	return err;
}

const struct file_operations csvfs_dir_fops = {
	.owner		= THIS_MODULE,
	.open		= csvfs_dir_open,
	.llseek		= generic_file_llseek,
	.read		= generic_read_dir,
	.iterate_shared	= csvfs_iterate,
	.fsync		= csvfs_fsync,
	.setlease	= simple_nosetlease,
};
