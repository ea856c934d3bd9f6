// SPDX-License-Identifier: GPL-2.0
/*
 * mmap(), private or read-only. The page cache holds mapped pages only, filled
 * by READs of the file-redirected route; a mapping shows what the file was when
 * a page was first touched after the mmap() call.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include "vfs.h"

static int csvfs_read_folio(struct file *file, struct folio *folio)
{
	int err = csv_file_read_folio(folio->mapping->host, folio);

	if (!err)
		folio_mark_uptodate(folio);
	folio_unlock(folio);
	return err;
}

static void csvfs_readahead(struct readahead_control *ractl)
{
	struct folio *folio;

	while ((folio = readahead_folio(ractl))) {
		if (!csv_file_read_folio(ractl->mapping->host, folio))
			folio_mark_uptodate(folio);
		folio_unlock(folio);
	}
}

const struct address_space_operations csvfs_aops = {
	.read_folio	= csvfs_read_folio,
	.readahead	= csvfs_readahead,
	.dirty_folio	= noop_dirty_folio,
};

/* Whether the file has changed since the page cache was last emptied for a mapping. */
static bool csvfs_is_remapped(struct inode *inode)
{
	struct csv_inode *ci = csv_inode_of(inode);
	struct timespec64 now = inode_get_ctime(inode);
	bool changed;

	spin_lock(&inode->i_lock);
	changed = !timespec64_equal(&ci->mapped_ctime, &now) ||
		  ci->mapped_size != i_size_read(inode);
	ci->mapped_ctime = now;
	ci->mapped_size = i_size_read(inode);
	spin_unlock(&inode->i_lock);
	return changed;
}

/**
 * csvfs_mmap - map a file
 * @file: the file
 * @vma: private, or shared and never writable
 */
int csvfs_mmap(struct file *file, struct vm_area_struct *vma)
{
	struct address_space *mapping = file->f_mapping;
	int err;

	if ((vma->vm_flags & VM_SHARED) && (vma->vm_flags & VM_WRITE))
		return -ENODEV;
	if (vma->vm_flags & VM_SHARED)
		vm_flags_clear(vma, VM_MAYWRITE);
	/* a fault behind an old end of the file would be a SIGBUS */
	err = csvfs_refresh(file_inode(file));
	if (err)
		return err;
	/* pages of earlier mappings are as old as these */
	if (csvfs_is_remapped(file_inode(file)) || !mapping_mapped(mapping))
		invalidate_inode_pages2(mapping);
	return generic_file_readonly_mmap(file, vma);
}
