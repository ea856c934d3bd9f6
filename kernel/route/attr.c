// SPDX-License-Identifier: GPL-2.0
/*
 * Inodes by their handles; and attributes from the coordinator, applied in the
 * order in which it numbered them, whatever the order in which they arrive.
 */
#include "route.h"

/**
 * csv_inode_match - whether an inode is the one of a handle, for iget5_locked()
 * @inode: the inode
 * @data: the handle
 */
int csv_inode_match(struct inode *inode, void *data)
{
	const struct csv_fh *fh = data, *own = &csv_inode_of(inode)->fh;

	return own->len == fh->len && own->type == fh->type &&
	       !memcmp(own->data, fh->data, fh->len);
}

/**
 * csv_inode_find - the inode of a handle if it is in the cache
 * @sb: the super block
 * @fh: the handle
 *
 * Return: a reference, or NULL
 */
struct inode *csv_inode_find(struct super_block *sb, const struct csv_fh *fh)
{
	return ilookup5(sb, csv_inode_hash(fh), csv_inode_match, (void *)fh);
}

static void csv_attr_set_flags(struct inode *inode, u32 flags)
{
	unsigned int set = (flags & CSV_IATTR_IMMUTABLE ? S_IMMUTABLE : 0) |
			   (flags & CSV_IATTR_APPEND ? S_APPEND : 0) |
			   (flags & CSV_IATTR_NOATIME ? S_NOATIME : 0) |
			   (flags & CSV_IATTR_SYNC ? S_SYNC : 0);

	inode_set_flags(inode, set, S_IMMUTABLE | S_APPEND | S_NOATIME | S_SYNC);
}

/**
 * csv_attr_apply_locked - apply attributes unless newer ones are there
 * @ci: the inode; csv_inode.lock is held
 * @attr: from a reply
 */
void csv_attr_apply_locked(struct csv_inode *ci, const struct csv_attr *attr)
{
	struct inode *inode = &ci->vfs_inode;

	lockdep_assert_held(&ci->lock);
	if (attr->seq <= ci->attr_seq || !attr->seq)
		return;
	ci->attr_seq = attr->seq;
	inode->i_mode = (inode->i_mode & S_IFMT) | (attr->mode & ~S_IFMT);
	inode->i_uid = make_kuid(&init_user_ns, attr->uid);
	inode->i_gid = make_kgid(&init_user_ns, attr->gid);
	if (inode->i_nlink != attr->nlink)
		set_nlink(inode, attr->nlink);
	inode->i_blocks = attr->blocks;
	if (S_ISREG(inode->i_mode) || S_ISDIR(inode->i_mode) || S_ISLNK(inode->i_mode))
		i_size_write(inode, attr->size);
	inode_set_atime(inode, attr->atime.sec, attr->atime.nsec);
	inode_set_mtime(inode, attr->mtime.sec, attr->mtime.nsec);
	inode_set_ctime(inode, attr->ctime.sec, attr->ctime.nsec);
	ci->btime = attr->btime;
	csv_attr_set_flags(inode, attr->flags);
	ci->unmappable = attr->flags & CSV_IATTR_UNMAPPABLE;
	ci->nodump = attr->flags & CSV_IATTR_NODUMP;
}

/**
 * csv_attr_apply - apply attributes unless newer ones are there
 * @inode: the inode
 * @attr: from a reply
 *
 * Pages of an mmap() behind a new end of the file go away.
 */
void csv_attr_apply(struct inode *inode, const struct csv_attr *attr)
{
	struct csv_inode *ci = csv_inode_of(inode);
	loff_t old, size;

	spin_lock_irq(&ci->lock);
	old = i_size_read(inode);
	csv_attr_apply_locked(ci, attr);
	size = i_size_read(inode);
	spin_unlock_irq(&ci->lock);
	if (size < old && S_ISREG(inode->i_mode) && inode->i_mapping->nrpages)
		unmap_mapping_range(inode->i_mapping, round_up(size, PAGE_SIZE), 0, 1);
}
