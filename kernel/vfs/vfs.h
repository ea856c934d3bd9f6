/* SPDX-License-Identifier: GPL-2.0 */
/*
 * csvfs vfs: the tables that the VFS calls. No policy: each function builds an
 * operation and runs it.
 */
#ifndef CSV_VFS_H
#define CSV_VFS_H

#include "../route/route.h"

/* super.c */
#define CSVFS_MAGIC	0x43535646	/* "CSVF" */
int csvfs_super_init(void);
void csvfs_super_exit(void);

/* inode.c */
extern const struct inode_operations csvfs_file_iops;
extern const struct inode_operations csvfs_symlink_iops;
extern const struct inode_operations csvfs_special_iops;
struct inode *csvfs_iget(struct super_block *sb, const struct csv_fh *fh,
			 const struct csv_attr *attr);
int csvfs_getattr(struct mnt_idmap *idmap, const struct path *path, struct kstat *stat,
		  u32 mask, unsigned int flags);
int csvfs_setattr(struct mnt_idmap *idmap, struct dentry *dentry, struct iattr *attr);
int csvfs_permission(struct mnt_idmap *idmap, struct inode *inode, int mask);
int csvfs_fileattr_get(struct dentry *dentry, struct fileattr *fa);
int csvfs_fileattr_set(struct mnt_idmap *idmap, struct dentry *dentry, struct fileattr *fa);
ssize_t csvfs_listxattr(struct dentry *dentry, char *list, size_t size);
struct posix_acl *csvfs_get_acl(struct mnt_idmap *idmap, struct dentry *dentry, int type);
int csvfs_refresh(struct inode *inode);

/* nfsd or ksmbd, for one of its clients: it asks for permission itself, by ->permission() */
static inline bool csvfs_is_server(void)
{
	return current->flags & PF_KTHREAD;
}

/* dir.c */
extern const struct inode_operations csvfs_dir_iops;
extern const struct dentry_operations csvfs_dentry_ops;

/* readdir.c */
extern const struct file_operations csvfs_dir_fops;

/* file.c */
extern const struct file_operations csvfs_file_fops;
int csvfs_fsync(struct file *file, loff_t start, loff_t end, int datasync);
u32 csvfs_open_flags(unsigned int flags);
int csvfs_lock(struct file *file, int cmd, struct file_lock *fl);

/* mmap.c */
extern const struct address_space_operations csvfs_aops;
int csvfs_mmap(struct file *file, struct vm_area_struct *vma);

/* export.c */
extern const struct export_operations csvfs_export_ops;

#endif /* CSV_VFS_H */
