// SPDX-License-Identifier: GPL-2.0
/*
 * mmap(), private or read-only. The page cache holds mapped pages only, filled
 * by READs of the file-redirected route; a mapping shows what the file was when
 * a page was first touched after the mmap() call.
 */
#include <linux/mm.h>
#include <linux/pagemap.h>
#include <linux/pagevec.h>
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

/* As invalidate_inode_pages2(), but a folio may be locked until the coordinator is back. */
static int csvfs_drop_pages(struct address_space *mapping)
{
	struct folio_batch batch;
	pgoff_t index = 0;
	unsigned int i;
	int err = 0;

	folio_batch_init(&batch);
	while (!err && filemap_get_folios(mapping, &index, -1, &batch)) {
		for (i = 0; !err && i < folio_batch_count(&batch); i++) {
			err = folio_lock_killable(batch.folios[i]);
			if (err)
				break;
			if (batch.folios[i]->mapping == mapping)
				generic_error_remove_folio(mapping, batch.folios[i]);
			folio_unlock(batch.folios[i]);
		}
		folio_batch_release(&batch);
		cond_resched();
	}
	return err;
}

/*
 * Pages of earlier mappings are as old as these: they go unless the file is still what it was
 * when the last ones went. Others' direct overwrites show in its times within a second.
 */
static int csvfs_renew_pages(struct inode *inode)
{
	struct csv_inode *ci = csv_inode_of(inode);
	struct timespec64 ctime = inode_get_ctime(inode);
	loff_t size = i_size_read(inode);
	bool same;
	int err;

	spin_lock(&inode->i_lock);
	same = timespec64_equal(&ci->mapped_ctime, &ctime) && ci->mapped_size == size;
	spin_unlock(&inode->i_lock);
	if (same && mapping_mapped(inode->i_mapping))
		return 0;
	err = csvfs_drop_pages(inode->i_mapping);
	if (err)
		return err;
	spin_lock(&inode->i_lock);
	ci->mapped_ctime = ctime;
	ci->mapped_size = size;
	spin_unlock(&inode->i_lock);
	return 0;
}

/**
 * csvfs_mmap - map a file
 * @file: the file
 * @vma: private, or shared and never writable
 */
int csvfs_mmap(struct file *file, struct vm_area_struct *vma)
{
	int err;

	if ((vma->vm_flags & VM_SHARED) && (vma->vm_flags & VM_WRITE))
		return -ENODEV;
	if (vma->vm_flags & VM_SHARED)
		vm_flags_clear(vma, VM_MAYWRITE);
	/* a fault behind an old end of the file would be a SIGBUS */
	err = csvfs_refresh(file_inode(file));
	if (!err)
		err = csvfs_renew_pages(file_inode(file));
	if (err)
		return err;
	return generic_file_readonly_mmap(file, vma);
}
