/* SPDX-License-Identifier: GPL-2.0 */
/*
 * csvfs lower: the one place that calls the lower file system.
 *
 * Everything here runs on the coordinator, on a mount that is private to the
 * kernel, and knows no node, lease or message.
 */
#ifndef CSV_LOWER_H
#define CSV_LOWER_H

#include <linux/fs.h>
#include <linux/mount.h>
#include <linux/iomap.h>
#include <linux/cred.h>
#include "../csv.h"
#include "../wire/wire.h"

/**
 * struct csv_lower - a lower file system, mounted for us alone
 * @mnt: private mount (SB_KERNMOUNT), of which @sb and @bdev are shortcuts
 * @sb: its super block
 * @bdev: the disk; the lower file system holds it open
 * @cred: the kernel's own, under which all is done that no caller has to be asked for
 * @reserved: the directory of our own
 * @layouts: the file system can map blocks
 * @lbs: logical block size of @bdev
 * @stamp: how often the log was to be forced, where it has to be made to say something
 */
struct csv_lower {
	struct vfsmount *mnt;
	struct super_block *sb;
	struct block_device *bdev;
	const struct cred *cred;
	struct dentry *reserved;
	bool layouts;
	unsigned int lbs;
	atomic64_t stamp;
};

/* mount.c */
struct csv_lower_id;
int csv_lower_mount(struct csv_lower *lower, const char *fstype, const char *device,
		    const struct csv_lower_id *id, const char **why);
void csv_lower_unmount(struct csv_lower *lower);
int csv_lower_get_epoch(struct csv_lower *lower, u32 *epoch, u32 *onlines);
int csv_lower_set_epoch(struct csv_lower *lower, u32 epoch, u32 onlines);
int csv_lower_prepare_root(struct csv_lower *lower);
int csv_lower_sync(struct csv_lower *lower);

/**
 * struct csv_lower_id - what the head of a disk says
 * @uuid: of the file system
 * @damaged: it has errors that its own tools have to repair
 * @unjournaled: nothing that it answers is durable
 * @quotas: XFS: its quotas that are switched on, XFS_?QUOTA_* of fs/xfs/libxfs/xfs_log_format.h
 */
struct csv_lower_id {
	u8 uuid[16];
	bool damaged;
	bool unjournaled;
	u16 quotas;
};

int csv_lower_probe(struct block_device *bdev, const char *fstype, struct csv_lower_id *id);
int csv_lower_check(const char *fstype, const char *device, const u8 uuid[16],
		    struct csv_lower_id *id, const char **why);
void csv_lower_get_fsinfo(struct csv_lower *lower, struct csv_fsinfo *info);
int csv_lower_statfs(struct csv_lower *lower, struct csv_wire_statfs *out);

/* handle.c */
struct dentry *csv_lower_decode_fh(struct csv_lower *lower, const struct csv_fh *fh);
int csv_lower_encode_fh(struct dentry *dentry, struct csv_fh *fh);
int csv_lower_getattr(struct csv_lower *lower, struct dentry *dentry, struct csv_attr *attr);
struct cred *csv_lower_make_cred(const struct csv_cred *cred, const u32 *groups);

/* name.c: all under the caller's identity (override_creds) */
#define CSV_LOWER_RESERVED	".csvfs"

/**
 * struct csv_lower_victims - the inodes that a removal or a rename changes beside the directories
 * @begin: told of each right before the change, while the directories are locked
 * @dentry: they, referenced and positive whatever happens: the caller's to put
 * @nr: how many
 */
struct csv_lower_victims {
	void (*begin)(struct csv_lower_victims *victims, const struct inode *inode);
	struct dentry *dentry[2];
	unsigned int nr;
};

struct dentry *csv_lower_lookup(struct csv_lower *lower, struct dentry *dir,
				const struct csv_name *name);
struct dentry *csv_lower_create(struct csv_lower *lower, struct dentry *dir,
				const struct csv_name *name, umode_t mode, bool excl,
				bool *created);
struct dentry *csv_lower_mkdir(struct csv_lower *lower, struct dentry *dir,
			       const struct csv_name *name, umode_t mode);
struct dentry *csv_lower_mknod(struct csv_lower *lower, struct dentry *dir,
			       const struct csv_name *name, umode_t mode, dev_t rdev);
struct dentry *csv_lower_symlink(struct csv_lower *lower, struct dentry *dir,
				 const struct csv_name *name, const char *target);
int csv_lower_link(struct csv_lower *lower, struct dentry *source, struct dentry *dir,
		   const struct csv_name *name);
int csv_lower_unlink(struct csv_lower *lower, struct dentry *dir, const struct csv_name *name,
		     struct csv_lower_victims *victims);
int csv_lower_rmdir(struct csv_lower *lower, struct dentry *dir, const struct csv_name *name,
		    struct csv_lower_victims *victims);
int csv_lower_rename(struct csv_lower *lower, struct dentry *dir, const struct csv_name *name,
		     struct dentry *dir2, const struct csv_name *name2, unsigned int flags,
		     struct csv_lower_victims *victims);
int csv_lower_readlink(struct csv_lower *lower, struct dentry *dentry, char *buf, int size);
int csv_lower_access(struct dentry *dentry, int mask);
/*
 * Fill @buf with csv_wire_dirent from *@cookie on; bytes used. *@eof is set at the end.
 */
int csv_lower_readdir(struct csv_lower *lower, struct dentry *dir, u64 *cookie, void *buf,
		      unsigned int size, bool *eof);

/* file.c */
struct file *csv_lower_open(struct csv_lower *lower, struct dentry *dentry, int flags);
ssize_t csv_lower_read(struct file *file, struct iov_iter *to, loff_t pos);
bool csv_lower_aligned(struct file *file, const struct iov_iter *iter, loff_t pos);
ssize_t csv_lower_write(struct file *file, struct iov_iter *from, loff_t pos, bool sync);
int csv_lower_setattr(struct csv_lower *lower, struct dentry *dentry,
		      const struct csv_setattr *set);
int csv_lower_trim(struct csv_lower *lower, struct dentry *dentry);
int csv_lower_fallocate(struct csv_lower *lower, struct file *file, int mode, loff_t offset,
			loff_t length);
loff_t csv_lower_seek(struct file *file, loff_t offset, int whence);
int csv_lower_fsync(struct file *file, bool data);
int csv_lower_flags_get(struct dentry *dentry, u32 *flags, u32 *projid);
int csv_lower_flags_set(struct csv_lower *lower, struct dentry *dentry, u32 flags, u32 projid);
int csv_lower_remove_privs(struct file *file);
int csv_lower_clean(struct inode *inode);

/* layout.c */
int csv_lower_map(struct csv_lower *lower, struct inode *inode, u64 offset, u64 length,
		  bool write, struct iomap *iomap);
int csv_lower_commit_inode(struct csv_lower *lower, struct inode *inode);
int csv_lower_commit(struct csv_lower *lower, struct inode *inode, struct iomap *maps,
		     int nr, u64 new_size);

#endif /* CSV_LOWER_H */
