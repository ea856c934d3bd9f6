// SPDX-License-Identifier: GPL-2.0
/*
 * Names in the lower file system: lookup, create, remove, rename, list.
 *
 * Called under the caller's identity (override_creds()), so that the lower
 * file system checks each permission as it would for a local process.
 */
#include <linux/namei.h>
#include <linux/fsnotify.h>
#include "lower.h"

static bool csv_lower_reserved(struct csv_lower *lower, struct dentry *dir, const char *name,
			       unsigned int len)
{
	return dir == lower->mnt->mnt_root && len == strlen(CSV_LOWER_RESERVED) &&
	       !memcmp(name, CSV_LOWER_RESERVED, len);
}

/* Looks @name up in @dir, which is locked; the reserved name may not be touched. */
static struct dentry *csv_lower_lookup_locked(struct csv_lower *lower, struct dentry *dir,
					      const struct csv_name *name)
{
	if (csv_lower_reserved(lower, dir, name->str, name->len))
		return ERR_PTR(-EPERM);
	if (IS_DEADDIR(d_inode(dir)))
		return ERR_PTR(-ENOENT);
	return lookup_one_len(name->str, dir, name->len);
}

/**
 * csv_lower_lookup - find a name
 * @lower: the mount
 * @dir: a directory
 * @name: one component
 *
 * Return: a referenced positive dentry, or an ERR_PTR
 */
struct dentry *csv_lower_lookup(struct csv_lower *lower, struct dentry *dir,
				const struct csv_name *name)
{
	if (!d_is_dir(dir))
		return ERR_PTR(-ENOTDIR);
	if (csv_lower_reserved(lower, dir, name->str, name->len))
		return ERR_PTR(-ENOENT);
	if (name->len == 2 && !memcmp(name->str, "..", 2))
		return dget_parent(dir);
	return lookup_positive_unlocked(name->str, dir, name->len);
}

/* Locks @dir for a change and looks @name up in it. */
static struct dentry *csv_lower_begin(struct csv_lower *lower, struct dentry *dir,
				      const struct csv_name *name)
{
	struct dentry *dentry;
	int err;

	if (!d_is_dir(dir))
		return ERR_PTR(-ENOTDIR);
	err = mnt_want_write(lower->mnt);
	if (err)
		return ERR_PTR(err);
	inode_lock_nested(d_inode(dir), I_MUTEX_PARENT);
	dentry = csv_lower_lookup_locked(lower, dir, name);
	if (IS_ERR(dentry)) {
		inode_unlock(d_inode(dir));
		mnt_drop_write(lower->mnt);
	}
	return dentry;
}

static void csv_lower_end(struct csv_lower *lower, struct dentry *dir)
{
	inode_unlock(d_inode(dir));
	mnt_drop_write(lower->mnt);
}

static struct dentry *csv_lower_finish(struct csv_lower *lower, struct dentry *dir,
				       struct dentry *dentry, int err)
{
	csv_lower_end(lower, dir);
	if (!err && d_unhashed(dentry) && !d_is_positive(dentry))
		err = -ESTALE;
	if (err) {
		dput(dentry);
		return ERR_PTR(err);
	}
	return dentry;
}

/**
 * csv_lower_create - create a regular file
 * @lower: the mount
 * @dir: the directory
 * @name: its name
 * @mode: before the umask of the calling thread
 * @excl: -EEXIST where there is one; else that one is returned
 * @created: whether the file is new
 */
struct dentry *csv_lower_create(struct csv_lower *lower, struct dentry *dir,
				const struct csv_name *name, umode_t mode, bool excl,
				bool *created)
{
	struct dentry *dentry = csv_lower_begin(lower, dir, name);
	int err = 0;

	*created = false;
	if (IS_ERR(dentry))
		return dentry;
	if (d_is_positive(dentry)) {
		err = excl ? -EEXIST : 0;
	} else {
		err = vfs_create(&nop_mnt_idmap, d_inode(dir), dentry, mode, excl);
		*created = !err;
	}
	return csv_lower_finish(lower, dir, dentry, err);
}

/**
 * csv_lower_mkdir - create a directory
 * @lower: the mount
 * @dir: the parent
 * @name: its name
 * @mode: before the umask of the calling thread
 */
struct dentry *csv_lower_mkdir(struct csv_lower *lower, struct dentry *dir,
			       const struct csv_name *name, umode_t mode)
{
	struct dentry *dentry = csv_lower_begin(lower, dir, name);
	int err;

	if (IS_ERR(dentry))
		return dentry;
	err = d_is_positive(dentry) ? -EEXIST :
		vfs_mkdir(&nop_mnt_idmap, d_inode(dir), dentry, mode);
	return csv_lower_finish(lower, dir, dentry, err);
}

/**
 * csv_lower_mknod - create a special file
 * @lower: the mount
 * @dir: the directory
 * @name: its name
 * @mode: with its type; before the umask of the calling thread
 * @rdev: of a device
 */
struct dentry *csv_lower_mknod(struct csv_lower *lower, struct dentry *dir,
			       const struct csv_name *name, umode_t mode, dev_t rdev)
{
	struct dentry *dentry = csv_lower_begin(lower, dir, name);
	int err;

	if (IS_ERR(dentry))
		return dentry;
	/* mknod() itself makes no call of the lower ->mknod() for a regular file */
	if (d_is_positive(dentry))
		err = -EEXIST;
	else if (S_ISREG(mode))
		err = vfs_create(&nop_mnt_idmap, d_inode(dir), dentry, mode, true);
	else
		err = vfs_mknod(&nop_mnt_idmap, d_inode(dir), dentry, mode, rdev);
	return csv_lower_finish(lower, dir, dentry, err);
}

/**
 * csv_lower_symlink - create a symbolic link
 * @lower: the mount
 * @dir: the directory
 * @name: its name
 * @target: NUL-terminated
 */
struct dentry *csv_lower_symlink(struct csv_lower *lower, struct dentry *dir,
				 const struct csv_name *name, const char *target)
{
	struct dentry *dentry = csv_lower_begin(lower, dir, name);
	int err;

	if (IS_ERR(dentry))
		return dentry;
	err = d_is_positive(dentry) ? -EEXIST :
		vfs_symlink(&nop_mnt_idmap, d_inode(dir), dentry, target);
	return csv_lower_finish(lower, dir, dentry, err);
}

/**
 * csv_lower_link - another name for a file
 * @lower: the mount
 * @source: the file
 * @dir: the directory of the new name
 * @name: the new name
 */
int csv_lower_link(struct csv_lower *lower, struct dentry *source, struct dentry *dir,
		   const struct csv_name *name)
{
	struct dentry *dentry = csv_lower_begin(lower, dir, name);
	int err;

	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	err = d_is_positive(dentry) ? -EEXIST :
		vfs_link(source, &nop_mnt_idmap, d_inode(dir), dentry, NULL);
	csv_lower_end(lower, dir);
	dput(dentry);
	return err;
}

/*
 * @dentry is about to be removed or moved. The reference keeps its inode with
 * it, and lets the last one, which truncates, go after the lock of the directory.
 */
static void csv_lower_note(struct csv_lower_victims *victims, struct dentry *dentry)
{
	victims->dentry[victims->nr++] = dget(dentry);
	victims->begin(victims, d_inode(dentry));
}

/**
 * csv_lower_unlink - remove the name of a file
 * @lower: the mount
 * @dir: the directory
 * @name: the name
 * @victims: gets the file
 */
int csv_lower_unlink(struct csv_lower *lower, struct dentry *dir, const struct csv_name *name,
		     struct csv_lower_victims *victims)
{
	struct dentry *dentry = csv_lower_begin(lower, dir, name);
	int err = -ENOENT;

	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	if (d_is_positive(dentry)) {
		csv_lower_note(victims, dentry);
		err = vfs_unlink(&nop_mnt_idmap, d_inode(dir), dentry, NULL);
	}
	csv_lower_end(lower, dir);
	dput(dentry);
	return err;
}

/**
 * csv_lower_rmdir - remove an empty directory
 * @lower: the mount
 * @dir: the parent
 * @name: the name
 * @victims: gets the directory
 */
int csv_lower_rmdir(struct csv_lower *lower, struct dentry *dir, const struct csv_name *name,
		    struct csv_lower_victims *victims)
{
	struct dentry *dentry;
	int err = -ENOENT;

	if (csv_lower_reserved(lower, dir, name->str, name->len))
		return -ENOENT;
	dentry = csv_lower_begin(lower, dir, name);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	if (d_is_positive(dentry)) {
		csv_lower_note(victims, dentry);
		err = vfs_rmdir(&nop_mnt_idmap, d_inode(dir), dentry);
	}
	csv_lower_end(lower, dir);
	dput(dentry);
	return err;
}

static int csv_lower_rename_locked(struct csv_lower *lower, struct dentry *dir,
				   const struct csv_name *name, struct dentry *dir2,
				   const struct csv_name *name2, unsigned int flags,
				   struct dentry *trap, struct csv_lower_victims *victims)
{
	struct renamedata rd = {
		.old_mnt_idmap = &nop_mnt_idmap, .old_dir = d_inode(dir),
		.new_mnt_idmap = &nop_mnt_idmap, .new_dir = d_inode(dir2),
		.flags = flags,
	};
	struct dentry *old, *new;
	int err;

	old = csv_lower_lookup_locked(lower, dir, name);
	if (IS_ERR(old))
		return PTR_ERR(old);
	new = csv_lower_lookup_locked(lower, dir2, name2);
	if (IS_ERR(new)) {
		err = PTR_ERR(new);
		goto put_old;
	}
	err = -ENOENT;
	if (d_is_negative(old))
		goto put_new;
	if ((flags & RENAME_EXCHANGE) && d_is_negative(new))
		goto put_new;
	err = -EEXIST;
	if ((flags & RENAME_NOREPLACE) && d_is_positive(new))
		goto put_new;
	err = -EINVAL;
	if (old == trap)
		goto put_new;
	err = (flags & RENAME_EXCHANGE) ? -EINVAL : -ENOTEMPTY;
	if (new == trap)
		goto put_new;
	csv_lower_note(victims, old);
	if (d_is_positive(new))
		csv_lower_note(victims, new);
	rd.old_dentry = old;
	rd.new_dentry = new;
	err = vfs_rename(&rd);
put_new:
	dput(new);
put_old:
	dput(old);
	return err;
}

/**
 * csv_lower_rename - rename, exchange, or rename leaving a whiteout
 * @lower: the mount
 * @dir: old directory
 * @name: old name
 * @dir2: new directory
 * @name2: new name
 * @flags: RENAME_*
 * @victims: gets what is renamed, and what is replaced or exchanged
 */
int csv_lower_rename(struct csv_lower *lower, struct dentry *dir, const struct csv_name *name,
		     struct dentry *dir2, const struct csv_name *name2, unsigned int flags,
		     struct csv_lower_victims *victims)
{
	struct dentry *trap;
	int err;

	if (!d_is_dir(dir) || !d_is_dir(dir2))
		return -ENOTDIR;
	if (flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE | RENAME_WHITEOUT))
		return -EINVAL;
	err = mnt_want_write(lower->mnt);
	if (err)
		return err;
	trap = lock_rename(dir, dir2);
	if (IS_ERR(trap)) {
		err = PTR_ERR(trap);
	} else {
		err = csv_lower_rename_locked(lower, dir, name, dir2, name2, flags, trap,
					      victims);
		unlock_rename(dir, dir2);
	}
	mnt_drop_write(lower->mnt);
	return err;
}

/**
 * csv_lower_readlink - the target of a symbolic link
 * @lower: the mount
 * @dentry: the link
 * @buf: where to
 * @size: bytes there
 *
 * Return: bytes of the target, or a negative errno
 */
int csv_lower_readlink(struct csv_lower *lower, struct dentry *dentry, char *buf, int size)
{
	DEFINE_DELAYED_CALL(done);
	const char *target;
	int len;

	if (!d_is_symlink(dentry))
		return -EINVAL;
	target = vfs_get_link(dentry, &done);
	if (IS_ERR(target))
		return PTR_ERR(target);
	len = strlen(target);
	if (len > size)
		len = -ENAMETOOLONG;
	else
		memcpy(buf, target, len);
	do_delayed_call(&done);
	return len;
}

/**
 * csv_lower_access - whether the assumed identity may
 * @dentry: the file
 * @mask: MAY_READ, MAY_WRITE, MAY_EXEC
 */
int csv_lower_access(struct dentry *dentry, int mask)
{
	return inode_permission(&nop_mnt_idmap, d_inode(dentry),
				mask & (MAY_READ | MAY_WRITE | MAY_EXEC));
}

struct csv_lower_dir {
	struct dir_context ctx;
	struct csv_lower *lower;
	struct dentry *dir;
	u8 *buf;
	unsigned int size, used;
	struct csv_wire_dirent *last;
	bool full;
};

/* The cookie of an entry is the position behind it, which is known at the next one. */
static bool csv_lower_dir_actor(struct dir_context *ctx, const char *name, int namelen,
				loff_t offset, u64 ino, unsigned int type)
{
	struct csv_lower_dir *d = container_of(ctx, struct csv_lower_dir, ctx);
	unsigned int reclen = ALIGN(sizeof(struct csv_wire_dirent) + namelen, 8);
	struct csv_wire_dirent *entry;

	if (d->last) {
		d->last->cookie = cpu_to_le64(offset);
		d->last = NULL;
	}
	if (csv_lower_reserved(d->lower, d->dir, name, namelen))
		return true;
	if (namelen > 255)
		return true;
	if (d->size - d->used < reclen) {
		d->full = true;
		return false;
	}
	entry = (struct csv_wire_dirent *)(d->buf + d->used);
	memset(entry, 0, reclen);
	entry->ino = cpu_to_le64(ino);
	entry->reclen = cpu_to_le16(reclen);
	entry->type = type;
	entry->namelen = namelen;
	memcpy(entry + 1, name, namelen);
	d->used += reclen;
	d->last = entry;
	return true;
}

/**
 * csv_lower_readdir - list a directory
 * @lower: the mount
 * @dir: the directory
 * @cookie: where to begin; on return where to go on
 * @buf: entries go here, 8-byte aligned
 * @size: bytes there
 * @eof: set when there are no more
 *
 * Return: bytes used, or a negative errno
 */
int csv_lower_readdir(struct csv_lower *lower, struct dentry *dir, u64 *cookie, void *buf,
		      unsigned int size, bool *eof)
{
	struct csv_lower_dir d = {
		.ctx.actor = csv_lower_dir_actor,
		.lower = lower, .dir = dir, .buf = buf, .size = size,
	};
	struct file *file;
	int err;

	file = csv_lower_open(lower, dir, O_RDONLY | O_DIRECTORY);
	if (IS_ERR(file))
		return PTR_ERR(file);
	err = vfs_llseek(file, *cookie, SEEK_SET) < 0 ? -EINVAL : 0;
	if (!err) {
		d.ctx.pos = file->f_pos;
		err = iterate_dir(file, &d.ctx);
	}
	if (!err) {
		if (d.last)
			d.last->cookie = cpu_to_le64(d.ctx.pos);
		*cookie = d.ctx.pos;
		*eof = !d.full;
		if (d.full && !d.used)
			err = -EINVAL;
	}
	__fput_sync(file);
	return err ?: d.used;
}
