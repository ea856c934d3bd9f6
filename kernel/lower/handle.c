// SPDX-License-Identifier: GPL-2.0
/*
 * File handles, attributes and identities of the lower file system.
 */
#include <linux/capability.h>
#include <linux/exportfs.h>
#include <linux/security.h>
#include "lower.h"

static int csv_lower_acceptable(void *context, struct dentry *dentry)
{
	return 1;
}

/* Whether @fh is the handle of @dentry that we give out ourselves. */
static bool csv_lower_canonical(struct dentry *dentry, const struct csv_fh *fh)
{
	struct csv_fh own;

	return !csv_lower_encode_fh(dentry, &own) && own.len == fh->len &&
	       own.type == fh->type && !memcmp(own.data, fh->data, fh->len);
}

/**
 * csv_lower_decode_fh - the dentry of a handle
 * @lower: the mount
 * @fh: from the wire, lengths checked by the codec
 *
 * A file has one handle: all that is kept by handle relies on it. Another one
 * that the lower file system would take, with a parent in it or without a
 * generation, is stale.
 *
 * Context: process, under the kernel's own credentials: a directory may have
 * to be connected to the root by looking it up.
 * Return: a referenced dentry, or ERR_PTR(-ESTALE)
 */
struct dentry *csv_lower_decode_fh(struct csv_lower *lower, const struct csv_fh *fh)
{
	u32 fid[DIV_ROUND_UP(CSV_FH_MAX, 4)] = {};
	struct dentry *dentry;

	if (!fh->len || fh->len > CSV_FH_MAX || fh->len % 4)
		return ERR_PTR(-ESTALE);
	memcpy(fid, fh->data, fh->len);
	dentry = exportfs_decode_fh(lower->mnt, (struct fid *)fid, fh->len / 4, fh->type,
				    csv_lower_acceptable, NULL);
	if (!dentry)
		return ERR_PTR(-ESTALE);
	if (!IS_ERR(dentry) && !csv_lower_canonical(dentry, fh)) {
		dput(dentry);
		return ERR_PTR(-ESTALE);
	}
	return dentry;
}

/**
 * csv_lower_encode_fh - the handle of a dentry
 * @dentry: positive
 * @fh: filled in
 */
int csv_lower_encode_fh(struct dentry *dentry, struct csv_fh *fh)
{
	u32 fid[DIV_ROUND_UP(CSV_FH_MAX, 4)];
	int words = CSV_FH_MAX / 4, type;

	type = exportfs_encode_fh(dentry, (struct fid *)fid, &words, 0);
	if (type < 0 || type == FILEID_INVALID)
		return -EOPNOTSUPP;
	fh->len = words * 4;
	fh->type = type;
	memcpy(fh->data, fid, fh->len);
	return 0;
}

static void csv_lower_copy_time(struct csv_time *to, const struct timespec64 *from)
{
	to->sec = from->tv_sec;
	to->nsec = from->tv_nsec;
}

/**
 * csv_lower_getattr - attributes as they travel; @attr->seq is the caller's
 * @lower: the mount
 * @dentry: positive
 * @attr: filled in
 */
int csv_lower_getattr(struct csv_lower *lower, struct dentry *dentry, struct csv_attr *attr)
{
	const struct path path = { .mnt = lower->mnt, .dentry = dentry };
	struct inode *inode = d_inode(dentry);
	struct kstat st;
	int err;

	err = vfs_getattr_nosec(&path, &st, STATX_BASIC_STATS | STATX_BTIME, AT_STATX_SYNC_AS_STAT);
	if (err)
		return err;
	attr->ino = st.ino;
	attr->size = st.size;
	attr->blocks = st.blocks;
	attr->rdev = new_encode_dev(st.rdev);
	attr->mode = st.mode;
	attr->nlink = st.nlink;
	attr->uid = from_kuid(&init_user_ns, st.uid);
	attr->gid = from_kgid(&init_user_ns, st.gid);
	attr->generation = inode->i_generation;
	attr->flags = (IS_IMMUTABLE(inode) ? CSV_IATTR_IMMUTABLE : 0) |
		      (IS_APPEND(inode) ? CSV_IATTR_APPEND : 0) |
		      (inode->i_flags & S_NOATIME ? CSV_IATTR_NOATIME : 0) |
		      (inode->i_flags & S_SYNC ? CSV_IATTR_SYNC : 0) |
		      (st.attributes & STATX_ATTR_NODUMP ? CSV_IATTR_NODUMP : 0);
	csv_lower_copy_time(&attr->atime, &st.atime);
	csv_lower_copy_time(&attr->mtime, &st.mtime);
	csv_lower_copy_time(&attr->ctime, &st.ctime);
	csv_lower_copy_time(&attr->btime, &st.btime);
	return 0;
}

/**
 * csv_lower_make_cred - credentials that stand for a caller on another node
 * @from: the identity as it travelled
 * @groups: all its supplementary groups, @from->ngroups of them
 *
 * The caller's capabilities count for the file system only: nothing else that
 * the kernel does on a service thread may be decided by them.
 *
 * Return: a reference, or NULL without memory
 */
struct cred *csv_lower_make_cred(const struct csv_cred *from, const u32 *groups)
{
	struct cred *cred = prepare_kernel_cred(&init_task);
	struct group_info *info;
	kernel_cap_t caps;
	unsigned int i;

	if (!cred)
		return NULL;
	info = groups_alloc(from->ngroups);
	if (!info) {
		put_cred(cred);
		return NULL;
	}
	for (i = 0; i < from->ngroups; i++)
		info->gid[i] = make_kgid(&init_user_ns, groups[i]);
	groups_sort(info);
	set_groups(cred, info);
	put_group_info(info);

	cred->fsuid = make_kuid(&init_user_ns, from->uid);
	cred->fsgid = make_kgid(&init_user_ns, from->gid);
	caps.val = from->caps;
	cred->cap_effective = cap_intersect(caps, cap_combine(CAP_FS_SET, CAP_NFSD_SET));
	if (caps.val & BIT_ULL(CAP_SYS_RESOURCE))
		cap_raise(cred->cap_effective, CAP_SYS_RESOURCE);
	if (caps.val & BIT_ULL(CAP_SYS_ADMIN))
		cap_raise(cred->cap_effective, CAP_SYS_ADMIN);
	return cred;
}
