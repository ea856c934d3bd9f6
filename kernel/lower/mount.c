// SPDX-License-Identifier: GPL-2.0
/*
 * The private mount of the lower file system: exclusive, invisible, and the
 * only one that its disk can have while it lasts.
 */
#include <linux/bio.h>
#include <linux/blkdev.h>
#include <linux/exportfs.h>
#include <linux/fs_context.h>
#include <linux/namei.h>
#include <linux/statfs.h>
#include <linux/xattr.h>
#include <linux/unaligned.h>
#include "lower.h"

#define CSV_EPOCH_XATTR		"trusted.csvfs.epoch"
#define CSV_STAMP_XATTR		"trusted.csvfs.stamp"
#define CSV_LOWER_HEAD		4096	/* bytes at the start of the disk that say what is there */

/* XFS switches off what it is not asked for, for ever. */
static const struct csv_lower_quota {
	u16 on;
	u16 enforced;
	const char *option;
	const char *option_on;
} csv_lower_quotas[] = {
	{ 0x0001, 0x0002, "uquota", "uqnoenforce" },
	{ 0x0040, 0x0080, "gquota", "gqnoenforce" },
	{ 0x0008, 0x0200, "pquota", "pqnoenforce" },
};

static int csv_lower_set_quotas(struct fs_context *fc, u16 quotas)
{
	const struct csv_lower_quota *quota = csv_lower_quotas;
	unsigned int i;
	int err = 0;

	for (i = 0; !err && i < ARRAY_SIZE(csv_lower_quotas); i++, quota++) {
		if (quotas & quota->on)
			err = vfs_parse_fs_string(fc, quotas & quota->enforced ? quota->option :
						  quota->option_on, NULL, 0);
	}
	return err;
}

/* After retire_super() no later mount of the disk finds this super block and shares it. */
static struct vfsmount *csv_lower_mount_fs(struct file_system_type *type, const char *device,
					   u16 quotas)
{
	struct fs_context *fc;
	struct vfsmount *mnt;
	int err;

	fc = fs_context_for_mount(type, SB_KERNMOUNT | SB_NOATIME);
	if (IS_ERR(fc))
		return ERR_CAST(fc);
	fc->exclusive = true;
	err = vfs_parse_fs_string(fc, "source", device, strlen(device));
	if (!err)
		err = csv_lower_set_quotas(fc, quotas);
	if (err)
		mnt = ERR_PTR(err);
	else
		mnt = fc_mount(fc);
	put_fs_context(fc);
	return mnt;
}

/* In few words: extack has room for 80 bytes. */
static const char *csv_lower_mount_why(int err)
{
	switch (err) {
	case -EBUSY:
		return "its disk is in use: unmount it on this node first";
	case -ENOENT:
	case -ENXIO:
	case -ENODEV:
	case -ENOTBLK:
		return "its disk is not there: check the device in the table";
	default:
		return "its file system does not mount: see dmesg, repair it";
	}
}

/**
 * csv_lower_mount - mount a lower file system for this module alone
 * @lower: filled in
 * @fstype: its type
 * @device: path of the disk, in the caller's mount namespace
 * @id: of it, from csv_lower_check()
 * @why: on error, what an administrator should hear
 *
 * Context: process; sleeps for as long as log recovery takes.
 * Return: 0 or a negative errno, -EBUSY when the disk is mounted already.
 */
int csv_lower_mount(struct csv_lower *lower, const char *fstype, const char *device,
		    const struct csv_lower_id *id, const char **why)
{
	struct file_system_type *type = get_fs_type(fstype);
	struct vfsmount *mnt;

	if (!type) {
		*why = "the lower file system is not known to this kernel: load its module";
		return -ENODEV;
	}
	lower->cred = prepare_kernel_cred(&init_task);
	mnt = lower->cred ? csv_lower_mount_fs(type, device, id->quotas) :
			    ERR_PTR(-ENOMEM);
	module_put(type->owner);
	if (IS_ERR(mnt)) {
		put_cred(lower->cred);
		lower->cred = NULL;
		*why = csv_lower_mount_why(PTR_ERR(mnt));
		return PTR_ERR(mnt);
	}
	retire_super(mnt->mnt_sb);
	lower->mnt = mnt;
	lower->sb = mnt->mnt_sb;
	lower->bdev = mnt->mnt_sb->s_bdev;
	lower->lbs = bdev_logical_block_size(lower->bdev);
	lower->layouts = lower->sb->s_export_op && lower->sb->s_export_op->map_blocks &&
			 lower->sb->s_export_op->commit_blocks;
	if (sb_rdonly(lower->sb) || !lower->sb->s_export_op ||
	    !lower->sb->s_export_op->fh_to_dentry) {
		*why = sb_rdonly(lower->sb) ? "the disk is read-only" :
			"the lower file system has no file handles";
		csv_lower_unmount(lower);
		return -EROFS;
	}
	return 0;
}

/**
 * csv_lower_unmount - release what csv_lower_mount() mounted
 * @lower: the mount; no dentry or file of it may be held any more
 *
 * The mount is internal, so that the disk is free when this returns; but for a
 * file system that is frozen, for a snapshot, say: that lives on until it is
 * thawed, and writes once more then. It is waited for.
 */
void csv_lower_unmount(struct csv_lower *lower)
{
	struct super_block *sb = lower->sb;
	struct file *disk;

	/* keeps the block device, not the file system */
	disk = bdev_file_open_by_dev(lower->bdev->bd_dev, BLK_OPEN_READ, NULL, NULL);
	dput(lower->reserved);
	lower->reserved = NULL;
	kern_unmount(lower->mnt);
	if (!IS_ERR(disk)) {
		while (READ_ONCE(file_bdev(disk)->bd_holder) == sb)
			schedule_timeout_idle(HZ / 10);
		bdev_fput(disk);
	}
	put_cred(lower->cred);
	lower->cred = NULL;
	lower->mnt = NULL;
	lower->sb = NULL;
	lower->bdev = NULL;
}

/* trusted.csvfs.epoch of the lower root */
struct csv_lower_epoch {
	__le32 epoch;
	__le32 onlines;
};

/**
 * csv_lower_get_epoch - the epoch that was last online here
 * @lower: the mount
 * @epoch: 0 where there is none yet
 * @onlines: how many times the volume has been online
 */
int csv_lower_get_epoch(struct csv_lower *lower, u32 *epoch, u32 *onlines)
{
	struct csv_lower_epoch value;
	ssize_t n;

	*epoch = 0;
	*onlines = 0;
	n = vfs_getxattr(&nop_mnt_idmap, lower->mnt->mnt_root, CSV_EPOCH_XATTR, &value,
			 sizeof(value));
	if (n == -ENODATA)
		return 0;
	if (n < 0)
		return n;
	if (n != sizeof(value))
		return -EUCLEAN;
	*epoch = le32_to_cpu(value.epoch);
	*onlines = le32_to_cpu(value.onlines);
	return 0;
}

/**
 * csv_lower_set_epoch - record the epoch on the lower root, durably
 * @lower: the mount
 * @epoch: of the ownership table
 * @onlines: how many times the volume has been online, this one included
 */
int csv_lower_set_epoch(struct csv_lower *lower, u32 epoch, u32 onlines)
{
	struct csv_lower_epoch value = {
		.epoch = cpu_to_le32(epoch),
		.onlines = cpu_to_le32(onlines),
	};
	int err;

	err = mnt_want_write(lower->mnt);
	if (err)
		return err;
	err = vfs_setxattr(&nop_mnt_idmap, lower->mnt->mnt_root, CSV_EPOCH_XATTR, &value,
			   sizeof(value), 0);
	mnt_drop_write(lower->mnt);
	return err ?: csv_lower_sync(lower);
}

/**
 * csv_lower_prepare_root - make the reserved directory
 * @lower: the mount, which has it from here on
 */
int csv_lower_prepare_root(struct csv_lower *lower)
{
	struct dentry *root = lower->mnt->mnt_root, *dentry;
	int err;

	err = mnt_want_write(lower->mnt);
	if (err)
		return err;
	inode_lock_nested(d_inode(root), I_MUTEX_PARENT);
	dentry = lookup_one_len(CSV_LOWER_RESERVED, root, strlen(CSV_LOWER_RESERVED));
	if (IS_ERR(dentry)) {
		err = PTR_ERR(dentry);
		goto unlock;
	}
	if (d_is_negative(dentry))
		err = vfs_mkdir(&nop_mnt_idmap, d_inode(root), dentry, 0700);
	else if (!d_is_dir(dentry))
		err = -ENOTDIR;
	if (!err)
		lower->reserved = dget(dentry);
	dput(dentry);
unlock:
	inode_unlock(d_inode(root));
	mnt_drop_write(lower->mnt);
	return err;
}

/*
 * Leaves something to be committed. XFS tells of a log that has failed for ever after;
 * ext4 does not where it finds nothing to do (ext4_sync_fs()), though what it has answered
 * before was lost. A file system that is frozen has committed everything.
 */
static int csv_lower_stamp(struct csv_lower *lower)
{
	__le64 stamp = cpu_to_le64(atomic64_inc_return(&lower->stamp));
	const struct cred *old;
	int err;

	if (lower->layouts || !lower->reserved || !sb_start_write_trylock(lower->sb))
		return 0;
	old = override_creds(lower->cred);
	err = sb_rdonly(lower->sb) ? -EROFS :
		vfs_setxattr(&nop_mnt_idmap, lower->reserved, CSV_STAMP_XATTR, &stamp,
			     sizeof(stamp), 0);
	revert_creds(old);
	sb_end_write(lower->sb);
	return err;
}

/**
 * csv_lower_sync - force the log: all that happened before this call is durable
 * @lower: the mount
 *
 * commit_metadata() of one inode would cover that inode only; sync_fs() covers
 * every operation that waits for a stable reply.
 */
int csv_lower_sync(struct csv_lower *lower)
{
	int err = csv_lower_stamp(lower);

	if (err)
		return err;
	down_read(&lower->sb->s_umount);
	err = lower->sb->s_op->sync_fs(lower->sb, 1);
	up_read(&lower->sb->s_umount);
	return err;
}

static int csv_lower_read_head(struct block_device *bdev, struct page *page)
{
	struct bio_vec bv;
	struct bio bio;
	int err;

	bio_init(&bio, bdev, &bv, 1, REQ_OP_READ);
	__bio_add_page(&bio, page, CSV_LOWER_HEAD, 0);
	err = submit_bio_wait(&bio);
	bio_uninit(&bio);
	return err;
}

/* The super blocks, as far as they say what is there and whether it is whole. */
static int csv_lower_parse_head(const u8 *p, const char *fstype, struct csv_lower_id *id)
{
	const u8 *ext4 = p + 1024;

	if (!strcmp(fstype, "xfs") && !memcmp(p, "XFSB", 4)) {
		memcpy(id->uuid, p + 32, sizeof(id->uuid));
		/* sb_features_incompat of version 5: NEEDSREPAIR */
		id->damaged = (get_unaligned_be16(p + 100) & 0xf) == 5 &&
			      (get_unaligned_be32(p + 216) & 0x10);
		/* sb_qflags; before version 5 groups and projects had one bit, XFS_OQUOTA_ENFD */
		id->quotas = get_unaligned_be16(p + 176);
		if ((get_unaligned_be16(p + 100) & 0xf) < 5 && (id->quotas & 0x10))
			id->quotas |= id->quotas & 0x8 ? 0x200 : 0x80;
		return 0;
	}
	if (!strcmp(fstype, "ext4") && get_unaligned_le16(ext4 + 0x38) == 0xef53) {
		memcpy(id->uuid, ext4 + 0x68, sizeof(id->uuid));
		/* s_state: EXT4_ERROR_FS, with which it would mount */
		id->damaged = get_unaligned_le16(ext4 + 0x3a) & 0x2;
		/* s_feature_compat: COMPAT_HAS_JOURNAL */
		id->unjournaled = !(get_unaligned_le32(ext4 + 0x5c) & 0x4);
		return 0;
	}
	return -EMEDIUMTYPE;
}

/**
 * csv_lower_probe - what file system a disk has, read past every cache
 * @bdev: the disk
 * @fstype: what is expected there
 * @id: filled in
 *
 * Return: 0, -EMEDIUMTYPE when there is no such file system, or an I/O error.
 */
int csv_lower_probe(struct block_device *bdev, const char *fstype, struct csv_lower_id *id)
{
	struct page *page = alloc_page(GFP_KERNEL);
	int err;

	memset(id, 0, sizeof(*id));
	if (!page)
		return -ENOMEM;
	err = csv_lower_read_head(bdev, page);
	if (!err)
		err = csv_lower_parse_head(page_address(page), fstype, id);
	__free_page(page);
	return err;
}

/**
 * csv_lower_check - whether a disk is the one to mount; nothing is written to it
 * @fstype: its type
 * @device: path of the disk, in the caller's mount namespace
 * @uuid: of the volume
 * @id: filled in
 * @why: on error, what an administrator should hear
 */
int csv_lower_check(const char *fstype, const char *device, const u8 uuid[16],
		    struct csv_lower_id *id, const char **why)
{
	struct file *file = bdev_file_open_by_path(device, BLK_OPEN_READ, NULL, NULL);
	int err = PTR_ERR_OR_ZERO(file);

	if (err) {
		*why = csv_lower_mount_why(err);
		return err;
	}
	err = csv_lower_probe(file_bdev(file), fstype, id);
	bdev_fput(file);
	if (err) {
		*why = "its disk cannot be read: see dmesg";
		if (err == -EMEDIUMTYPE)
			*why = "its disk has no such file system: check device and type";
		return err;
	}
	if (memcmp(id->uuid, uuid, sizeof(id->uuid))) {
		*why = "its disk has another UUID: check device and uuid";
		return -EMEDIUMTYPE;
	}
	if (id->damaged) {
		*why = "its file system has errors: repair it (fsck)";
		return -EUCLEAN;
	}
	if (id->unjournaled) {
		*why = "its file system has no journal: tune2fs -O has_journal";
		return -EMEDIUMTYPE;
	}
	return 0;
}

/**
 * csv_lower_get_fsinfo - what the super blocks of all nodes need to know
 * @lower: the mount
 * @info: filled in
 */
void csv_lower_get_fsinfo(struct csv_lower *lower, struct csv_fsinfo *info)
{
	/* the end of a larger file's last block is behind what an offset can say */
	info->maxbytes = round_down(lower->sb->s_maxbytes, lower->sb->s_blocksize);
	info->blocksize = lower->sb->s_blocksize;
	info->lbs = lower->lbs;
	info->time_gran = lower->sb->s_time_gran;
	info->flags = lower->layouts ? CSV_FS_LAYOUTS : 0;
	info->capacity = bdev_nr_bytes(lower->bdev);
	memcpy(info->uuid, lower->sb->s_uuid.b, sizeof(info->uuid));
}

/**
 * csv_lower_statfs - statfs as a message
 * @lower: the mount
 * @out: filled in
 */
int csv_lower_statfs(struct csv_lower *lower, struct csv_wire_statfs *out)
{
	const struct path path = { .mnt = lower->mnt, .dentry = lower->mnt->mnt_root };
	struct kstatfs st;
	int err = vfs_statfs(&path, &st);

	if (err)
		return err;
	out->type = cpu_to_le64(st.f_type);
	out->bsize = cpu_to_le64(st.f_bsize);
	out->blocks = cpu_to_le64(st.f_blocks);
	out->bfree = cpu_to_le64(st.f_bfree);
	out->bavail = cpu_to_le64(st.f_bavail);
	out->files = cpu_to_le64(st.f_files);
	out->ffree = cpu_to_le64(st.f_ffree);
	out->namelen = cpu_to_le64(st.f_namelen);
	out->frsize = cpu_to_le64(st.f_frsize);
	return 0;
}
