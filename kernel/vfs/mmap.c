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
	if (mapping->nrpages && !mapping_mapped(mapping))
		invalidate_inode_pages2(mapping);
	return generic_file_readonly_mmap(file, vma);
}
