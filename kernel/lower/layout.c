// SPDX-License-Identifier: GPL-2.0
/*
 * The block map of lower files: map_blocks() and commit_blocks() of the
 * export operations, with what these leave to the caller.
 */
#include <linux/exportfs.h>
#include "lower.h"

/**
 * csv_lower_map - what is at one place of a file
 * @lower: the mount
 * @inode: a regular file
 * @offset: in bytes, block-aligned
 * @length: in bytes, block-aligned: how much matters
 * @write: allocate where there is a hole
 * @iomap: the extent, clipped to what was asked for
 *
 * Nothing is logged for blocks that were there already: the caller commits the
 * inode (csv_lower_commit_inode()) before it tells an address to anyone.
 *
 * Return: 0, -ENXIO when the file cannot be mapped, or another error
 */
int csv_lower_map(struct csv_lower *lower, struct inode *inode, u64 offset, u64 length,
		  bool write, struct iomap *iomap)
{
	u64 skip, end;
	u32 generation;
	int err;

	if (!lower->layouts || !S_ISREG(inode->i_mode) || IS_DAX(inode))
		return -ENXIO;
	memset(iomap, 0, sizeof(*iomap));
	err = mnt_want_write(lower->mnt);
	if (err)
		return err;
	err = lower->sb->s_export_op->map_blocks(inode, offset, length, iomap, write, &generation);
	mnt_drop_write(lower->mnt);
	if (err)
		return err;
	if (iomap->type != IOMAP_HOLE && iomap->type != IOMAP_MAPPED &&
	    iomap->type != IOMAP_UNWRITTEN)
		return -ENXIO;
	if (iomap->offset > offset || iomap->offset + iomap->length <= offset)
		return -EUCLEAN;
	skip = offset - iomap->offset;
	end = min(iomap->offset + iomap->length, offset + length);
	if (iomap->type != IOMAP_HOLE)
		iomap->addr += skip;
	iomap->offset = offset;
	iomap->length = end - offset;
	return 0;
}

/**
 * csv_lower_commit_inode - all that was ever done to this inode is in the log
 * @lower: the mount
 * @inode: the inode
 */
int csv_lower_commit_inode(struct csv_lower *lower, struct inode *inode)
{
	const struct export_operations *op = lower->sb->s_export_op;

	return op->commit_metadata ? op->commit_metadata(inode) : csv_lower_sync(lower);
}

/**
 * csv_lower_commit - written blocks become data, durably
 * @lower: the mount
 * @inode: the file
 * @maps: ranges that lie within what was granted: it is the caller's duty to
 *	check, for a range over a hole would expose what the disk held before
 * @nr: how many
 * @new_size: size that the file has at least afterwards
 */
int csv_lower_commit(struct csv_lower *lower, struct inode *inode, struct iomap *maps,
		     int nr, u64 new_size)
{
	struct iattr attr = {
		.ia_valid = ATTR_ATIME | ATTR_CTIME | ATTR_MTIME,
		.ia_atime = inode_get_atime(inode),
	};
	int err;

	if (!lower->layouts)
		return -ENXIO;
	err = mnt_want_write(lower->mnt);
	if (err)
		return err;
	ktime_get_coarse_real_ts64(&attr.ia_mtime);
	attr.ia_ctime = attr.ia_mtime;
	if (new_size > i_size_read(inode)) {
		attr.ia_valid |= ATTR_SIZE;
		attr.ia_size = new_size;
	}
	err = lower->sb->s_export_op->commit_blocks(inode, maps, nr, &attr);
	mnt_drop_write(lower->mnt);
	return err;
}
