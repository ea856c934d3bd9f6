// SPDX-License-Identifier: GPL-2.0
/*
 * Open files. Data goes to route/data.c; nothing is buffered at a node.
 */
#include <linux/fadvise.h>
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/filelock.h>
#include <linux/pagemap.h>
#include <linux/splice.h>
#include "../block/block.h"
#include "vfs.h"

/**
 * csvfs_open_flags - open() flags as they travel
 * @flags: O_*
 */
u32 csvfs_open_flags(unsigned int flags)
{
	u32 out = 0;

	if ((flags & O_ACCMODE) != O_WRONLY)
		out |= CSV_OPEN_READ;
	if ((flags & O_ACCMODE) != O_RDONLY)
		out |= CSV_OPEN_WRITE;
	if (flags & __FMODE_EXEC)
		out = (out & ~CSV_OPEN_READ) | CSV_OPEN_EXEC;
	if (flags & O_TRUNC)
		out |= CSV_OPEN_TRUNC;
	if (flags & O_APPEND)
		out |= CSV_OPEN_APPEND;
	if (flags & O_CREAT)
		out |= CSV_OPEN_CREAT;
	if (flags & O_EXCL)
		out |= CSV_OPEN_EXCL;
	return out;
}

static int csvfs_open(struct inode *inode, struct file *file)
{
	int err;

	/* csvfs_atomic_open() has it from the operation that found the name */
	if (file->private_data == inode) {
		file->private_data = NULL;
		csv_open_pinned(inode);
	} else {
		/* a server has asked, and lets the owner of a file do more than its mode does */
		err = csv_open_pin(inode, csvfs_is_server() ? 0 :
				   csvfs_open_flags(file->f_flags & ~O_CREAT));
		if (err)
			return err;
	}
	file->f_mode |= FMODE_NOWAIT | FMODE_CAN_ODIRECT;
	return 0;
}

static int csvfs_release(struct inode *inode, struct file *file)
{
	/*
	 * A process that is being killed has no signal left that would end a wait; a kernel thread
	 * gets none, and closes files for all others.
	 */
	if (current->flags & (PF_EXITING | PF_KTHREAD))
		csv_touch_send(csv_inode_of(inode));
	else if (file->f_mode & FMODE_WRITE)
		csv_touch_flush(csv_inode_of(inode));
	/* the page cache is for what is mapped, which keeps its file open */
	if (inode->i_mapping->nrpages && !mapping_mapped(inode->i_mapping))
		invalidate_mapping_pages(inode->i_mapping, 0, -1);
	csv_open_unpin(inode);
	return 0;
}

/* Nothing is read ahead: it would be in nobody's mapping. */
static int csvfs_fadvise(struct file *file, loff_t offset, loff_t len, int advice)
{
	return advice == POSIX_FADV_WILLNEED ? 0 : generic_fadvise(file, offset, len, advice);
}

static ssize_t csvfs_read_iter(struct kiocb *iocb, struct iov_iter *to)
{
	return csv_data_read(iocb, to);
}

static ssize_t csvfs_write_iter(struct kiocb *iocb, struct iov_iter *from)
{
	return csv_data_write(iocb, from);
}

/**
 * csvfs_fsync - durable data, then durable metadata
 * @file: the file
 * @start: ignored: nothing is buffered here
 * @end: ignored
 * @datasync: fdatasync()
 *
 * The device is flushed by whoever wrote to it, before the coordinator's log
 * says that the data is there.
 */
int csvfs_fsync(struct file *file, loff_t start, loff_t end, int datasync)
{
	struct inode *inode = file_inode(file);
	struct csv_super *super = csv_super_of(inode->i_sb);
	struct csv_op *op;
	bool touched, remote = false;
	int err;

	if (S_ISREG(inode->i_mode)) {
		err = csv_volume_flush(super);
		if (err < 0)
			return err;
		remote = err;
	}
	touched = csv_touch_take(csv_inode_of(inode));
	if (datasync && !touched && !remote && S_ISREG(inode->i_mode))
		return 0;
	op = csv_op_alloc(super->vol, super, CSV_OP_FSYNC);
	err = PTR_ERR_OR_ZERO(op);
	if (err)
		goto again;
	op->in.fh = csv_inode_of(inode)->fh;
	op->in.flags = (datasync ? CSV_FSYNC_DATA : 0) | (touched ? CSV_FSYNC_TOUCH : 0);
	err = csv_op_run(op);
	if (!err)
		csv_attr_apply(inode, &op->out.attr);
	csv_op_put(op);
again:
	if (err && touched)
		csv_touch_mark(csv_inode_of(inode));
	if (touched)
		csv_touch_taken(csv_inode_of(inode));
	return err;
}

/* What is mapped of a file shows a change of its content. */
static void csvfs_drop_range(struct inode *inode, int mode, loff_t offset, loff_t length)
{
	if (mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE))
		truncate_pagecache_range(inode, offset, -1);
	else if (mode & (FALLOC_FL_PUNCH_HOLE | FALLOC_FL_ZERO_RANGE))
		truncate_pagecache_range(inode, offset, offset + length - 1);
}

static int csvfs_do_fallocate(struct inode *inode, int mode, loff_t offset, loff_t length)
{
	struct csv_op *op = csv_op_on(inode, CSV_OP_FALLOCATE, true);
	int err;

	if (IS_ERR(op))
		return PTR_ERR(op);
	op->in.flags = mode;
	op->in.offset = offset;
	op->in.length = length;
	err = csv_op_run(op);
	if (!err) {
		csv_attr_apply(inode, &op->out.attr);
		csvfs_drop_range(inode, mode, offset, length);
	}
	csv_op_put(op);
	return err;
}

static long csvfs_fallocate(struct file *file, int mode, loff_t offset, loff_t length)
{
	struct inode *inode = file_inode(file);
	int err = down_write_killable(&inode->i_rwsem);

	if (err)
		return err;
	if (!(mode & FALLOC_FL_KEEP_SIZE) && offset + length > i_size_read(inode))
		err = inode_newsize_ok(inode, offset + length);
	if (!err)
		err = file_remove_privs(file);
	if (!err)
		err = csvfs_do_fallocate(inode, mode, offset, length);
	inode_unlock(inode);
	return err;
}

static loff_t csvfs_seek_map(struct file *file, loff_t offset, int whence)
{
	struct inode *inode = file_inode(file);
	struct csv_op *op;
	loff_t pos;

	if (offset < 0)
		return -ENXIO;
	op = csv_op_on(inode, CSV_OP_SEEK, false);
	if (IS_ERR(op))
		return PTR_ERR(op);
	op->in.offset = offset;
	op->in.flags = whence;
	pos = csv_op_run(op);
	if (!pos)
		pos = op->out.offset;
	csv_op_put(op);
	return pos < 0 ? pos : vfs_setpos(file, pos, inode->i_sb->s_maxbytes);
}

static loff_t csvfs_llseek(struct file *file, loff_t offset, int whence)
{
	int err;

	if (whence == SEEK_DATA || whence == SEEK_HOLE)
		return csvfs_seek_map(file, offset, whence);
	if (whence == SEEK_END) {
		err = csvfs_refresh(file_inode(file));
		if (err)
			return err;
	}
	return generic_file_llseek(file, offset, whence);
}

/**
 * csvfs_lock - refuse: a lock that only this node knew would be a lie
 * @file: a file or directory
 * @cmd: ignored
 * @fl: ignored
 */
int csvfs_lock(struct file *file, int cmd, struct file_lock *fl)
{
	return -ENOLCK;
}

const struct file_operations csvfs_file_fops = {
	.owner		= THIS_MODULE,
	.open		= csvfs_open,
	.release	= csvfs_release,
	.llseek		= csvfs_llseek,
	.read_iter	= csvfs_read_iter,
	.write_iter	= csvfs_write_iter,
	.fsync		= csvfs_fsync,
	.fallocate	= csvfs_fallocate,
	.fadvise	= csvfs_fadvise,
	.mmap		= csvfs_mmap,
	.splice_read	= copy_splice_read,
	.splice_write	= iter_file_splice_write,
	.lock		= csvfs_lock,
	.flock		= csvfs_lock,
	.setlease	= simple_nosetlease,
	.fop_flags	= FOP_DIO_PARALLEL_WRITE,
};
