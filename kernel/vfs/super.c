// SPDX-License-Identifier: GPL-2.0
/*
 * Mount and umount: `mount -t csvfs VOLUME DIR`, in the network namespace that
 * is the node. A volume is mounted once in a node; more mounts share it.
 */
#include <linux/fs_context.h>
#include <linux/module.h>
#include <linux/seq_file.h>
#include <linux/slab.h>
#include <linux/statfs.h>
#include "../block/block.h"
#include "vfs.h"

/* How long an umount gives back what it held, whatever signal is pending. */
#define CSVFS_UMOUNT_TIME	(5 * HZ)

static struct kmem_cache *csvfs_inode_cache;

static struct inode *csvfs_alloc_inode(struct super_block *sb)
{
	struct csv_inode *ci = alloc_inode_sb(sb, csvfs_inode_cache, GFP_NOFS);

	if (!ci)
		return NULL;
	ci->attr_seq = 0;
	ci->grant_seq = 0;
	ci->map_seq = 0;
	ci->recall_seq = 0;
	ci->pins = 0;
	ci->pin_gen = 0;
	ci->opens = 0;
	ci->unmappable = false;
	ci->nodump = false;
	ci->unmappable_until = 0;
	ci->touched = false;
	atomic_set(&ci->touching, 0);
	ci->mapped_size = 0;
	ci->mapped_ctime = (struct timespec64){};
	csv_extent_map_init(&ci->extents);
	return &ci->vfs_inode;
}

static void csvfs_free_inode(struct inode *inode)
{
	kmem_cache_free(csvfs_inode_cache, csv_inode_of(inode));
}

static void csvfs_init_once(void *obj)
{
	struct csv_inode *ci = obj;

	inode_init_once(&ci->vfs_inode);
	spin_lock_init(&ci->lock);
	INIT_LIST_HEAD(&ci->holds);
	INIT_LIST_HEAD(&ci->recalls);
	init_waitqueue_head(&ci->hold_wait);
	INIT_LIST_HEAD(&ci->layout_entry);
	INIT_LIST_HEAD(&ci->touch_entry);
	mutex_init(&ci->get_mutex);
	mutex_init(&ci->open_mutex);
}

static void csvfs_evict_inode(struct inode *inode)
{
	struct csv_inode *ci = csv_inode_of(inode);

	truncate_inode_pages_final(&inode->i_data);
	csv_touch_send(ci);
	csv_layout_evict(ci);
	clear_inode(inode);
}

static int csvfs_statfs(struct dentry *dentry, struct kstatfs *st)
{
	struct csv_op *op = csv_op_on(d_inode(dentry), CSV_OP_STATFS, false);
	struct csv_wire_statfs wire;
	struct iov_iter iter;
	int err;

	if (IS_ERR(op))
		return PTR_ERR(op);
	err = csv_op_alloc_pages(op, sizeof(wire), true);
	if (!err)
		err = csv_op_run(op);
	if (err)
		goto put;
	err = -EIO;
	iov_iter_bvec(&iter, ITER_SOURCE, op->bvec, 1, op->in_len);
	if (copy_from_iter(&wire, sizeof(wire), &iter) != sizeof(wire))
		goto put;
	err = 0;
	st->f_type = CSVFS_MAGIC;
	st->f_bsize = le64_to_cpu(wire.bsize);
	st->f_frsize = le64_to_cpu(wire.frsize);
	st->f_blocks = le64_to_cpu(wire.blocks);
	st->f_bfree = le64_to_cpu(wire.bfree);
	st->f_bavail = le64_to_cpu(wire.bavail);
	st->f_files = le64_to_cpu(wire.files);
	st->f_ffree = le64_to_cpu(wire.ffree);
	st->f_namelen = le64_to_cpu(wire.namelen);
	st->f_fsid = uuid_to_fsid(csv_super_of(dentry->d_sb)->vol->uuid);
put:
	csv_op_put(op);
	return err;
}

/*
 * umount -f: what waits now ends, and what comes later does not: the umount may fail,
 * and there may be other mounts of this super block.
 */
static void csvfs_umount_begin(struct super_block *sb)
{
	csv_super_abort(csv_super_of(sb), -EIO);
}

/* The umount that is under way was forced. */
static bool csvfs_is_forced(struct csv_super *super)
{
	return atomic_read(&super->aborts) &&
	       time_before(jiffies, READ_ONCE(super->abort_time) + CSVFS_UMOUNT_TIME);
}

/*
 * sync(), and the end of a mount: nothing is buffered here, but for the times of
 * overwrites and what the disk itself has in its cache.
 */
static int csvfs_sync_fs(struct super_block *sb, int wait)
{
	struct csv_super *super = csv_super_of(sb);
	struct csv_op *op;
	int err;

	if (!wait || !super->sb)
		return 0;
	if (!sb->s_root && csvfs_is_forced(super))
		return -EIO;
	csv_touch_send_all(super);
	err = csv_volume_flush(super);
	if (err < 0)
		return err;
	op = csv_op_alloc(super->vol, super, CSV_OP_FSYNC);
	if (IS_ERR(op))
		return PTR_ERR(op);
	op->in.fh = super->root;
	op->in.flags = CSV_FSYNC_ALL;
	err = csv_op_run(op);
	csv_op_put(op);
	return err;
}

static int csvfs_show_options(struct seq_file *seq, struct dentry *root)
{
	return 0;
}

static const struct super_operations csvfs_super_ops = {
	.alloc_inode	= csvfs_alloc_inode,
	.free_inode	= csvfs_free_inode,
	.drop_inode	= generic_delete_inode,
	.evict_inode	= csvfs_evict_inode,
	.statfs		= csvfs_statfs,
	.sync_fs	= csvfs_sync_fs,
	.umount_begin	= csvfs_umount_begin,
	.show_options	= csvfs_show_options,
};

/*
 * ROOT: waits until there is a coordinator, killable. The operation knows the
 * volume only: it may outlive a mount that was killed.
 */
static int csvfs_get_root(struct csv_super *super, struct csv_attr *attr)
{
	struct csv_op *op = csv_op_alloc(super->vol, NULL, CSV_OP_ROOT);
	int err;

	if (IS_ERR(op))
		return PTR_ERR(op);
	err = csv_op_run(op);
	if (!err) {
		super->info = op->out.fsinfo;
		super->root = op->out.fh;
		*attr = op->out.attr;
	}
	csv_op_put(op);
	return err;
}

static int csvfs_set_params(struct super_block *sb, struct csv_super *super)
{
	if (!is_power_of_2(super->info.blocksize) || super->info.blocksize > PAGE_SIZE ||
	    !is_power_of_2(super->info.lbs) || super->info.lbs > super->info.blocksize ||
	    super->info.lbs < 512)
		return -EINVAL;
	sb->s_magic = CSVFS_MAGIC;
	sb->s_op = &csvfs_super_ops;
	sb->s_export_op = &csvfs_export_ops;
	sb->s_d_op = &csvfs_dentry_ops;
	sb->s_maxbytes = min_t(u64, super->info.maxbytes, MAX_LFS_FILESIZE);
	sb->s_time_gran = super->info.time_gran ?: 1;
	sb->s_blocksize = super->info.blocksize;
	sb->s_blocksize_bits = ilog2(super->info.blocksize);
	/* the umask is applied by the coordinator, where the default ACLs are */
	sb->s_flags |= SB_POSIXACL;
	sb->s_iflags |= SB_I_STABLE_WRITES;
	import_uuid(&sb->s_uuid, super->vol->uuid);
	return super_setup_bdi(sb);
}

static int csvfs_fill_super(struct super_block *sb, struct fs_context *fc,
			    const struct csv_attr *attr)
{
	struct csv_super *super = sb->s_fs_info;
	const char *why = NULL;
	struct inode *root;
	int err;

	super->sb = sb;
	err = csvfs_set_params(sb, super);
	if (err)
		return err;
	err = csv_volume_mount(super->vol, super, &super->info, &why);
	if (err) {
		if (err != -EINPROGRESS)
			errorf(fc, "volume %s: %s", super->vol->name, why);
		return err;
	}
	csv_mapped_setup(super);
	err = csv_run_setup(super);
	if (err)
		return err;
	root = csvfs_iget(sb, &super->root, attr);
	if (IS_ERR(root))
		return PTR_ERR(root);
	sb->s_root = d_make_root(root);
	return sb->s_root ? 0 : -ENOMEM;
}

static int csvfs_test_super(struct super_block *sb, struct fs_context *fc)
{
	struct csv_super *super = fc->s_fs_info;

	return csv_super_of(sb)->vol == super->vol;
}

static int csvfs_set_super(struct super_block *sb, struct fs_context *fc)
{
	int err = set_anon_super(sb, NULL);

	if (!err)
		sb->s_fs_info = fc->s_fs_info;
	return err;
}

static struct csv_super *csvfs_alloc_super(struct csv_volume *vol, struct net *net)
{
	struct csv_super *super = kzalloc(sizeof(*super), GFP_KERNEL);

	if (!super)
		return NULL;
	super->vol = vol;
	/* the node, and with it its state, stays as long as the mount */
	super->net = get_net(net);
	spin_lock_init(&super->lock);
	INIT_LIST_HEAD(&super->layouts);
	INIT_LIST_HEAD(&super->touched);
	INIT_DELAYED_WORK(&super->touch_work, csv_touch_work);
	return super;
}

static void csvfs_free_super(struct csv_super *super)
{
	if (!super)
		return;
	csv_run_teardown(super);
	csv_volume_put(super->vol);
	put_net(super->net);
	kfree(super);
}

/* Whoever waits for the coordinator waits here, where no lock of a super block is held. */
static int csvfs_ask_root(struct fs_context *fc, struct csv_attr *attr)
{
	struct csv_super *super = fc->s_fs_info;
	int err;

	if (READ_ONCE(super->vol->access) == CSV_ACCESS_NONE) {
		errorf(fc, "volume %s: the table gives this node no access", super->vol->name);
		return -EACCES;
	}
	err = csvfs_get_root(super, attr);
	if (err)
		errorf(fc, "volume %s: no answer from its coordinator", super->vol->name);
	return err;
}

/* -EINPROGRESS: the mount before, that was there a moment ago, has not ended yet. */
static int csvfs_try_tree(struct fs_context *fc)
{
	struct csv_volume *vol;
	struct super_block *sb;
	struct csv_attr attr;
	int err;

	if (!fc->source)
		return invalf(fc, "csvfs: name a volume: mount -t csvfs VOLUME DIR");
	vol = csv_volume_get_name(csv_net_get(fc->net_ns), fc->source);
	if (!vol) {
		errorf(fc, "volume %s is not in the table of this node: csvctl cluster show",
		       fc->source);
		return -ENODEV;
	}
	fc->s_fs_info = csvfs_alloc_super(vol, fc->net_ns);
	if (!fc->s_fs_info) {
		csv_volume_put(vol);
		return -ENOMEM;
	}
	err = csv_volume_wait_umount(vol) ?: csvfs_ask_root(fc, &attr);
	if (err)
		return err;
	sb = sget_fc(fc, csvfs_test_super, csvfs_set_super);
	if (IS_ERR(sb))
		return PTR_ERR(sb);
	if (!sb->s_root) {
		err = csvfs_fill_super(sb, fc, &attr);
		if (err) {
			deactivate_locked_super(sb);
			return err;
		}
		sb->s_flags |= SB_ACTIVE;
	}
	fc->root = dget(sb->s_root);
	return 0;
}

static int csvfs_get_tree(struct fs_context *fc)
{
	int err;

	do
		err = csvfs_try_tree(fc);
	while (err == -EINPROGRESS && !fc->s_fs_info);
	return err;
}

static void csvfs_free_fc(struct fs_context *fc)
{
	csvfs_free_super(fc->s_fs_info);
}

static const struct fs_context_operations csvfs_context_ops = {
	.get_tree	= csvfs_get_tree,
	.free		= csvfs_free_fc,
};

static int csvfs_init_fs_context(struct fs_context *fc)
{
	fc->ops = &csvfs_context_ops;
	return 0;
}

/*
 * Until operations that nobody waits for are over: pins and layouts go back. SIGKILL leaves
 * that to the end of the session, but a killed process whose mount namespace ends with it
 * has a while for that.
 */
static void csvfs_wait_behind(struct csv_super *super, atomic_t *left)
{
	wait_var_event_timeout(left, !atomic_read(left),
			       csvfs_is_forced(super) ? HZ / 2 : CSVFS_UMOUNT_TIME);
	if (!atomic_read(left))
		return;
	if (!csvfs_is_forced(super) && !wait_var_event_killable(left, !atomic_read(left)))
		return;
	WRITE_ONCE(super->ended, true);
	/* again for what was sent just after */
	do
		csv_super_abort(super, -CSV_ESESSION);
	while (!wait_var_event_timeout(left, !atomic_read(left), HZ));
}

static void csvfs_kill_sb(struct super_block *sb)
{
	struct csv_super *super = csv_super_of(sb);

	if (super) {
		/* recalls do not find its inodes any more */
		csv_volume_detach(super->vol, super);
		cancel_delayed_work_sync(&super->touch_work);
		csvfs_wait_behind(super, &super->reclaims);
	}
	kill_anon_super(sb);
	if (!super)
		return;
	cancel_delayed_work_sync(&super->touch_work);
	csvfs_wait_behind(super, &super->behind);
	csv_volume_umount(super->vol, super);
	csvfs_free_super(super);
}

static struct file_system_type csvfs_fs_type = {
	.owner			= THIS_MODULE,
	.name			= "csvfs",
	.init_fs_context	= csvfs_init_fs_context,
	.kill_sb		= csvfs_kill_sb,
};
MODULE_ALIAS_FS("csvfs");

/**
 * csvfs_super_init - make the inode cache and register the file system
 */
int csvfs_super_init(void)
{
	int err;

	csvfs_inode_cache = kmem_cache_create("csvfs_inode", sizeof(struct csv_inode), 0,
					      SLAB_RECLAIM_ACCOUNT | SLAB_ACCOUNT,
					      csvfs_init_once);
	if (!csvfs_inode_cache)
		return -ENOMEM;
	err = register_filesystem(&csvfs_fs_type);
	if (err)
		kmem_cache_destroy(csvfs_inode_cache);
	return err;
}

/**
 * csvfs_super_exit - undo csvfs_super_init()
 */
void csvfs_super_exit(void)
{
	unregister_filesystem(&csvfs_fs_type);
	/* inodes are freed through RCU */
	rcu_barrier();
	kmem_cache_destroy(csvfs_inode_cache);
}
