// SPDX-License-Identifier: GPL-2.0
/*
 * Data and attributes of lower files.
 *
 * The lower page cache stays empty: reads and aligned writes are O_DIRECT, and
 * what the lower file system does through its cache (unaligned writes, zeroing
 * at the end of the file) is flushed and dropped before the range is let go.
 */
#include <linux/blkdev.h>
#include <linux/fileattr.h>
#include <linux/falloc.h>
#include <linux/file.h>
#include <linux/pagemap.h>
#include <linux/uio.h>
#include "lower.h"

/**
 * csv_lower_open - open a lower file with the kernel's own rights
 * @lower: the mount
 * @dentry: the file
 * @flags: O_*
 */
struct file *csv_lower_open(struct csv_lower *lower, struct dentry *dentry, int flags)
{
	const struct path path = { .mnt = lower->mnt, .dentry = dentry };

	return dentry_open(&path, flags | O_LARGEFILE | O_NOATIME, lower->cred);
}

/**
 * csv_lower_clean - write back and drop what the lower page cache holds
 * @inode: a lower file
 *
 * Context: the caller keeps other users of the file's cache out.
 */
int csv_lower_clean(struct inode *inode)
{
	int err;

	if (!inode->i_mapping->nrpages)
		return 0;
	err = filemap_write_and_wait(inode->i_mapping);
	return err ?: invalidate_inode_pages2(inode->i_mapping);
}

/**
 * csv_lower_aligned - whether I/O may go past the lower page cache
 * @file: a lower file
 * @iter: the memory
 * @pos: in bytes
 */
bool csv_lower_aligned(struct file *file, const struct iov_iter *iter, loff_t pos)
{
	struct block_device *bdev = file_inode(file)->i_sb->s_bdev;
	unsigned int mask = bdev_logical_block_size(bdev) - 1;

	return !((pos | iov_iter_count(iter)) & mask) &&
	       iov_iter_is_aligned(iter, bdev_dma_alignment(bdev), mask);
}

/* A piece of an unaligned read: whole logical blocks into memory of its own. */
static ssize_t csv_lower_read_bounce(struct file *file, struct iov_iter *to, loff_t pos)
{
	unsigned int lbs = bdev_logical_block_size(file_inode(file)->i_sb->s_bdev);
	size_t want = iov_iter_count(to), len;
	loff_t start = round_down(pos, lbs);
	struct iov_iter iter;
	struct kiocb kiocb;
	struct kvec kv;
	void *buf;
	ssize_t n;

	want = min_t(size_t, want, SZ_1M - lbs);
	len = round_up(pos + want, lbs) - start;
	buf = kvmalloc(len, GFP_KERNEL);
	if (!buf)
		return -ENOMEM;
	kv.iov_base = buf;
	kv.iov_len = len;
	iov_iter_kvec(&iter, ITER_DEST, &kv, 1, len);
	init_sync_kiocb(&kiocb, file);
	kiocb.ki_flags |= IOCB_DIRECT;
	kiocb.ki_pos = start;
	n = vfs_iocb_iter_read(file, &kiocb, &iter);
	if (n > 0) {
		n -= pos - start;
		n = clamp_t(ssize_t, n, 0, want);
		n = copy_to_iter(buf + (pos - start), n, to);
	}
	kvfree(buf);
	return n;
}

static ssize_t csv_lower_read_piece(struct file *file, struct iov_iter *to, loff_t pos)
{
	struct kiocb kiocb;

	if (!csv_lower_aligned(file, to, pos))
		return csv_lower_read_bounce(file, to, pos);
	init_sync_kiocb(&kiocb, file);
	kiocb.ki_flags |= IOCB_DIRECT;
	kiocb.ki_pos = pos;
	return vfs_iocb_iter_read(file, &kiocb, to);
}

/**
 * csv_lower_read - read past the lower page cache
 * @file: open for reading
 * @to: kernel memory
 * @pos: in bytes, any alignment
 *
 * Return: bytes read, short at the end of the file only, or a negative errno
 */
ssize_t csv_lower_read(struct file *file, struct iov_iter *to, loff_t pos)
{
	ssize_t done = 0, n;

	while (iov_iter_count(to) && pos + done < i_size_read(file_inode(file))) {
		n = csv_lower_read_piece(file, to, pos + done);
		/* what was read before an error would look like the end of the file */
		if (n < 0)
			return n;
		if (!n)
			break;
		done += n;
	}
	return done;
}

/**
 * csv_lower_write - write and leave nothing in the lower page cache
 * @file: open for writing
 * @from: kernel memory
 * @pos: in bytes
 * @sync: the data is durable when this returns
 *
 * Context: an unaligned write needs the file to itself (csv_snode.op_lock
 * held for writing).
 * Return: bytes written, or a negative errno
 */
ssize_t csv_lower_write(struct file *file, struct iov_iter *from, loff_t pos, bool sync)
{
	struct inode *inode = file_inode(file);
	struct kiocb kiocb;
	ssize_t n;
	int err;

	init_sync_kiocb(&kiocb, file);
	kiocb.ki_pos = pos;
	if (csv_lower_aligned(file, from, pos))
		kiocb.ki_flags |= IOCB_DIRECT;
	if (sync)
		kiocb.ki_flags |= IOCB_DSYNC;
	n = vfs_iocb_iter_write(file, &kiocb, from);
	err = csv_lower_clean(inode);
	return n < 0 || !err ? n : err;
}

#define CSV_LOWER_TIMES	(CSV_SET_ATIME | CSV_SET_MTIME | CSV_SET_ATIME_NOW | CSV_SET_MTIME_NOW)
#define CSV_LOWER_NOW	(CSV_SET_ATIME_NOW | CSV_SET_MTIME_NOW)

/* The rules of vfs_utimes(): both to now needs write permission, all else the owner. */
static void csv_lower_set_times(struct iattr *ia, const struct csv_setattr *set)
{
	if (set->valid & (CSV_SET_ATIME | CSV_SET_ATIME_NOW))
		ia->ia_valid |= ATTR_ATIME;
	if (set->valid & CSV_SET_ATIME) {
		ia->ia_valid |= ATTR_ATIME_SET;
		ia->ia_atime = (struct timespec64){ set->atime.sec, set->atime.nsec };
	}
	if (set->valid & (CSV_SET_MTIME | CSV_SET_MTIME_NOW))
		ia->ia_valid |= ATTR_MTIME;
	if (set->valid & CSV_SET_MTIME) {
		ia->ia_valid |= ATTR_MTIME_SET;
		ia->ia_mtime = (struct timespec64){ set->mtime.sec, set->mtime.nsec };
	}
	if ((set->valid & CSV_LOWER_TIMES) == CSV_LOWER_NOW)
		ia->ia_valid |= ATTR_TOUCH;
	else if (set->valid & CSV_LOWER_TIMES)
		ia->ia_valid |= ATTR_TIMES_SET;
}

static void csv_lower_set_owner(struct iattr *ia, const struct csv_setattr *set,
				const struct inode *inode)
{
	if (set->valid & CSV_SET_MODE) {
		ia->ia_valid |= ATTR_MODE;
		ia->ia_mode = (inode->i_mode & S_IFMT) | (set->mode & S_IALLUGO);
	}
	if (set->valid & CSV_SET_UID) {
		ia->ia_valid |= ATTR_UID;
		ia->ia_vfsuid = VFSUIDT_INIT(make_kuid(&init_user_ns, set->uid));
	}
	if (set->valid & CSV_SET_GID) {
		ia->ia_valid |= ATTR_GID;
		ia->ia_vfsgid = VFSGIDT_INIT(make_kgid(&init_user_ns, set->gid));
	}
}

/* The rules of vfs_truncate() and do_ftruncate(): the kind of file, and the permission. */
static int csv_lower_may_truncate(struct inode *inode, const struct csv_setattr *set)
{
	int err = 0;

	if (S_ISDIR(inode->i_mode))
		return -EISDIR;
	if (!S_ISREG(inode->i_mode))
		return -EINVAL;
	if (!(set->valid & CSV_SET_OPENED))
		err = inode_permission(&nop_mnt_idmap, inode, MAY_WRITE);
	if (!err && IS_APPEND(inode))
		err = -EPERM;
	return err;
}

/*
 * What goes with a write, a truncation or a chown; the bits are those of the
 * mode now. A write or truncation that was allowed is enough to drop them, as
 * in file_remove_privs(); else it takes what a chmod() takes.
 */
static unsigned int csv_lower_kill(struct inode *inode, const struct csv_setattr *set)
{
	unsigned int kill = 0;

	if (S_ISDIR(inode->i_mode) || !(set->valid & (CSV_SET_SIZE | CSV_SET_KILL_PRIV)))
		return 0;
	if (set->valid & CSV_SET_SIZE)
		kill = setattr_should_drop_suidgid(&nop_mnt_idmap, inode);
	if (set->valid & CSV_SET_KILL_PRIV)
		kill |= ATTR_KILL_SUID | setattr_should_drop_sgid(&nop_mnt_idmap, inode);
	if ((set->valid & (CSV_SET_SIZE | CSV_SET_OPENED)) &&
	    !(set->valid & (CSV_SET_UID | CSV_SET_GID)))
		kill |= ATTR_FORCE;
	return kill | ATTR_KILL_PRIV;
}

/* Nobody's VFS asks for such a thing, and ours would not survive some of it. */
static bool csv_lower_set_valid(const struct csv_setattr *set)
{
	if ((set->valid & CSV_SET_MODE) && (set->valid & (CSV_SET_KILL_PRIV | CSV_SET_SIZE)))
		return false;
	if ((set->valid & (CSV_SET_SIZE | CSV_SET_OPENED)) &&
	    (set->valid & (CSV_SET_UID | CSV_SET_GID | CSV_LOWER_TIMES)))
		return false;
	return true;
}

/**
 * csv_lower_setattr - change attributes under the assumed identity
 * @lower: the mount
 * @dentry: the file
 * @set: what to change
 */
int csv_lower_setattr(struct csv_lower *lower, struct dentry *dentry,
		      const struct csv_setattr *set)
{
	struct inode *inode = d_inode(dentry);
	struct iattr ia = { .ia_valid = ATTR_CTIME };
	int err;

	if (!csv_lower_set_valid(set))
		return -EINVAL;
	if (set->valid & CSV_SET_SIZE) {
		err = csv_lower_may_truncate(inode, set);
		if (err)
			return err;
		ia.ia_valid |= ATTR_SIZE | ATTR_MTIME;
		ia.ia_size = set->size;
	}
	if (set->valid & CSV_SET_TOUCH)
		ia.ia_valid |= ATTR_MTIME;
	csv_lower_set_owner(&ia, set, inode);
	csv_lower_set_times(&ia, set);
	err = mnt_want_write(lower->mnt);
	if (err)
		return err;
	inode_lock(inode);
	ia.ia_valid |= csv_lower_kill(inode, set);
	err = notify_change(&nop_mnt_idmap, dentry, &ia, NULL);
	inode_unlock(inode);
	mnt_drop_write(lower->mnt);
	/* a new end of the file is zeroed to its block's end through the cache */
	if (!err && (set->valid & CSV_SET_SIZE))
		err = csv_lower_clean(inode);
	return err;
}

/**
 * csv_lower_trim - give back the blocks behind the end of a file
 * @lower: the mount
 * @dentry: a regular file
 *
 * A truncation to the size that it has frees them, and leaves the times alone
 * where it is not told to set them (xfs_setattr_size()).
 *
 * Context: the kernel's own credentials; nobody else uses the file's cache
 */
int csv_lower_trim(struct csv_lower *lower, struct dentry *dentry)
{
	struct inode *inode = d_inode(dentry);
	struct iattr ia = { .ia_valid = ATTR_SIZE };
	int err = mnt_want_write(lower->mnt);

	if (err)
		return err;
	inode_lock(inode);
	ia.ia_size = i_size_read(inode);
	err = notify_change(&nop_mnt_idmap, dentry, &ia, NULL);
	inode_unlock(inode);
	mnt_drop_write(lower->mnt);
	return err ?: csv_lower_clean(inode);
}

/**
 * csv_lower_fallocate - allocate, punch, zero, collapse, insert
 * @lower: the mount
 * @file: open for writing
 * @mode: FALLOC_FL_*
 * @offset: in bytes
 * @length: in bytes
 */
int csv_lower_fallocate(struct csv_lower *lower, struct file *file, int mode, loff_t offset,
			loff_t length)
{
	int err = vfs_fallocate(file, mode, offset, length);

	return csv_lower_clean(file_inode(file)) ?: err;
}

/**
 * csv_lower_seek - SEEK_DATA and SEEK_HOLE
 * @file: open
 * @offset: from where
 * @whence: SEEK_DATA or SEEK_HOLE
 */
loff_t csv_lower_seek(struct file *file, loff_t offset, int whence)
{
	if (whence != SEEK_DATA && whence != SEEK_HOLE)
		return -EINVAL;
	return vfs_llseek(file, offset, whence);
}

/**
 * csv_lower_fsync - data and metadata of one file
 * @file: open
 * @data: fdatasync
 */
int csv_lower_fsync(struct file *file, bool data)
{
	return vfs_fsync(file, data);
}

/**
 * csv_lower_flags_get - FS_IOC_GETFLAGS' flags and the project
 * @dentry: the file
 * @flags: FS_*_FL
 * @projid: project id
 */
int csv_lower_flags_get(struct dentry *dentry, u32 *flags, u32 *projid)
{
	struct fileattr fa = { .flags_valid = true };
	int err = vfs_fileattr_get(dentry, &fa);

	if (err)
		return err == -ENOIOCTLCMD ? -EOPNOTSUPP : err;
	*flags = fa.flags;
	*projid = fa.fsx_projid;
	return 0;
}

/**
 * csv_lower_flags_set - FS_IOC_SETFLAGS
 * @lower: the mount
 * @dentry: the file
 * @flags: FS_*_FL
 * @projid: not changed yet
 */
int csv_lower_flags_set(struct csv_lower *lower, struct dentry *dentry, u32 flags, u32 projid)
{
	struct fileattr fa;
	int err;

	fileattr_fill_flags(&fa, flags);
	err = mnt_want_write(lower->mnt);
	if (err)
		return err;
	err = vfs_fileattr_set(&nop_mnt_idmap, dentry, &fa);
	mnt_drop_write(lower->mnt);
	return err == -ENOIOCTLCMD ? -EOPNOTSUPP : err;
}

/**
 * csv_lower_remove_privs - drop file capabilities before data is written past us
 * @file: open for writing
 *
 * Suid and sgid are not ours to drop: that depends on who writes, and comes
 * from the writer's node as a SETATTR.
 */
int csv_lower_remove_privs(struct file *file)
{
	struct inode *inode = file_inode(file);
	int err;

	if (IS_NOSEC(inode))
		return 0;
	err = mnt_want_write_file(file);
	if (err)
		return err;
	inode_lock(inode);
	err = file_remove_privs(file);
	inode_unlock(inode);
	mnt_drop_write_file(file);
	return err;
}
