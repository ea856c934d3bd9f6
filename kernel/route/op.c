// SPDX-License-Identifier: GPL-2.0
/*
 * What an operation is made of: who asks, its arguments, and the memory of its data.
 */
#include <linux/cred.h>
#include <linux/fs_struct.h>
#include <linux/slab.h>
#include "route.h"

static struct kmem_cache *csv_op_cache;

/**
 * csv_op_init - make the cache
 */
int csv_op_init(void)
{
	csv_op_cache = KMEM_CACHE(csv_op, SLAB_RECLAIM_ACCOUNT);
	return csv_op_cache ? 0 : -ENOMEM;
}

/**
 * csv_op_exit - destroy it
 */
void csv_op_exit(void)
{
	kmem_cache_destroy(csv_op_cache);
}

/**
 * csv_op_alloc - begin an operation
 * @vol: on this volume
 * @super: of this mount, or NULL
 * @opcode: what to do
 *
 * Return: a reference, or an ERR_PTR
 */
struct csv_op *csv_op_alloc(struct csv_volume *vol, struct csv_super *super, u16 opcode)
{
	/* a pin that is not given back keeps a file for ever */
	gfp_t gfp = opcode == CSV_OP_CLOSE ? GFP_NOFS | __GFP_NOFAIL : GFP_NOFS;
	struct csv_op *op = kmem_cache_zalloc(csv_op_cache, gfp);

	if (!op)
		return ERR_PTR(-ENOMEM);
	refcount_set(&op->ref, 1);
	op->vol = csv_volume_hold(vol);
	op->super = super;
	op->opcode = opcode;
	iov_iter_kvec(&op->data_out, ITER_SOURCE, NULL, 0, 0);
	iov_iter_kvec(&op->data_in, ITER_DEST, NULL, 0, 0);
	return op;
}

static void csv_op_release_pages(struct csv_op *op)
{
	unsigned int i;

	/* pages that nothing came into are as they were */
	if (op->pinned)
		unpin_user_pages_dirty_lock(op->pages, op->nr_pages, op->dirty);
	else
		for (i = 0; i < op->nr_pages; i++)
			__free_page(op->pages[i]);
	kvfree(op->pages);
	kvfree(op->bvec);
}

/**
 * csv_op_put - drop a reference
 * @op: the operation
 *
 * Context: process
 */
void csv_op_put(struct csv_op *op)
{
	if (!refcount_dec_and_test(&op->ref))
		return;
	csv_op_release_pages(op);
	kvfree(op->sent);
	csv_volume_put(op->vol);
	kmem_cache_free(csv_op_cache, op);
}

/* Who calls, as numbers of the initial user namespace. */
static void csv_op_fill_cred(struct csv_cred *to, const struct cred *cred)
{
	to->uid = from_kuid(&init_user_ns, cred->fsuid);
	to->gid = from_kgid(&init_user_ns, cred->fsgid);
	to->caps = cred->user_ns == &init_user_ns ? cred->cap_effective.val : 0;
	to->umask = current_umask();
	to->ngroups = cred->group_info->ngroups;
}

/**
 * csv_op_set_caller - the operation is the calling process's, and carries data
 * @op: the operation
 * @data: copied
 * @len: bytes of it, may be 0
 *
 * More groups than the header has room for travel at the start of the data.
 *
 * Return: 0 or -ENOMEM
 */
int csv_op_set_caller(struct csv_op *op, const void *data, size_t len)
{
	const struct cred *cred = current_cred();
	struct csv_cred *to = &op->in.cred;
	size_t before = 0;
	unsigned int i;
	__le32 *groups;

	csv_op_fill_cred(to, cred);
	if (to->ngroups <= CSV_GROUPS_INLINE) {
		for (i = 0; i < to->ngroups; i++)
			to->groups[i] = from_kgid(&init_user_ns, cred->group_info->gid[i]);
	} else {
		before = to->ngroups * sizeof(*groups);
	}
	if (!before && !len)
		return 0;
	op->sent = kvmalloc(before + len, GFP_NOFS);
	if (!op->sent)
		return -ENOMEM;
	groups = op->sent;
	if (before)
		for (i = 0; i < to->ngroups; i++)
			groups[i] = cpu_to_le32(from_kgid(&init_user_ns,
							  cred->group_info->gid[i]));
	if (len)
		memcpy(op->sent + before, data, len);
	op->kvec.iov_base = op->sent;
	op->kvec.iov_len = before + len;
	iov_iter_kvec(&op->data_out, ITER_SOURCE, &op->kvec, 1, before + len);
	return 0;
}

/**
 * csv_op_set_cred - the operation is the calling process's
 * @op: the operation
 *
 * Return: 0 or -ENOMEM
 */
int csv_op_set_cred(struct csv_op *op)
{
	return csv_op_set_caller(op, NULL, 0);
}

/**
 * csv_op_on - begin an operation on an inode
 * @inode: whose handle is the first argument
 * @opcode: what to do
 * @cred: with the identity of the calling process
 *
 * Return: a reference, or an ERR_PTR
 */
struct csv_op *csv_op_on(struct inode *inode, u16 opcode, bool cred)
{
	struct csv_super *super = csv_super_of(inode->i_sb);
	struct csv_op *op = csv_op_alloc(super->vol, super, opcode);
	int err;

	if (IS_ERR(op))
		return op;
	op->in.fh = csv_inode_of(inode)->fh;
	if (cred) {
		err = csv_op_set_cred(op);
		if (err) {
			csv_op_put(op);
			return ERR_PTR(err);
		}
	}
	return op;
}

/**
 * csv_op_alloc_pages - memory for the data of an operation
 * @op: the operation
 * @len: bytes, at most CSV_WIRE_IO_MAX
 * @reply: for the reply; else for the request
 */
int csv_op_alloc_pages(struct csv_op *op, size_t len, bool reply)
{
	unsigned int nr = DIV_ROUND_UP(len, PAGE_SIZE), i;
	struct page *page;

	op->pages = kvcalloc(nr, sizeof(*op->pages), GFP_NOFS);
	op->bvec = kvcalloc(nr, sizeof(*op->bvec), GFP_NOFS);
	if (!op->pages || !op->bvec)
		return -ENOMEM;
	for (i = 0; i < nr; i++) {
		page = alloc_page(GFP_NOFS);
		if (!page)
			return -ENOMEM;
		op->pages[op->nr_pages++] = page;
		bvec_set_page(&op->bvec[i], page, min_t(size_t, PAGE_SIZE, len - i * PAGE_SIZE),
			      0);
	}
	if (reply)
		iov_iter_bvec(&op->data_in, ITER_DEST, op->bvec, nr, len);
	else
		iov_iter_bvec(&op->data_out, ITER_SOURCE, op->bvec, nr, len);
	return 0;
}

/* Pins the next pages of @iter, and advances it; bytes, less than @len where memory ends. */
static ssize_t csv_op_extract(struct csv_op *op, struct iov_iter *iter, size_t len,
			      unsigned int max)
{
	struct page **pages = op->pages + op->nr_pages;
	size_t offset, left, part;
	ssize_t got;

	got = iov_iter_extract_pages(iter, &pages, len, max - op->nr_pages, 0, &offset);
	if (got <= 0)
		return got;
	for (left = got; left; left -= part) {
		part = min_t(size_t, left, PAGE_SIZE - offset);
		bvec_set_page(&op->bvec[op->nr_pages], op->pages[op->nr_pages], part, offset);
		op->nr_pages++;
		offset = 0;
	}
	return got;
}

/**
 * csv_op_pin - the data of an operation is where the caller has it
 * @op: the operation
 * @iter: the caller's memory, in user space; advanced
 * @len: bytes, at most CSV_WIRE_IO_MAX
 * @reply: for the reply; else for the request
 *
 * The pages stay pinned until the operation is over, also when its caller is killed.
 *
 * Return: bytes, less than @len where the caller's memory ends; or an error
 */
ssize_t csv_op_pin(struct csv_op *op, struct iov_iter *iter, size_t len, bool reply)
{
	unsigned int max = iov_iter_npages(iter, DIV_ROUND_UP(len, PAGE_SIZE) + 1);
	size_t done = 0;
	ssize_t got = 0;

	op->pages = kvcalloc(max, sizeof(*op->pages), GFP_NOFS);
	op->bvec = kvcalloc(max, sizeof(*op->bvec), GFP_NOFS);
	if (!op->pages || !op->bvec)
		return -ENOMEM;
	op->pinned = true;
	op->dirty = reply;
	while (done < len && op->nr_pages < max) {
		got = csv_op_extract(op, iter, len - done, max);
		if (got <= 0)
			break;
		done += got;
	}
	if (!done)
		return got ?: -EFAULT;
	if (reply)
		iov_iter_bvec(&op->data_in, ITER_DEST, op->bvec, op->nr_pages, done);
	else
		iov_iter_bvec(&op->data_out, ITER_SOURCE, op->bvec, op->nr_pages, done);
	return done;
}

/**
 * csv_op_dirty_pages - pinned pages are dirty as of now, not on release
 * @op: whose reply went, or is to go there
 *
 * Context: process, takes folio locks
 */
void csv_op_dirty_pages(struct csv_op *op)
{
	unsigned int i;

	for (i = 0; i < op->nr_pages; i++)
		set_page_dirty_lock(op->pages[i]);
	op->dirty = false;
}

/**
 * csv_op_pages_cleaned - whether pages were written back since csv_op_dirty_pages()
 * @op: the operation
 */
bool csv_op_pages_cleaned(const struct csv_op *op)
{
	unsigned int i;

	for (i = 0; i < op->nr_pages; i++)
		if (!folio_test_dirty(page_folio(op->pages[i])))
			return true;
	return false;
}
