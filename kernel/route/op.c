// SPDX-License-Identifier: GPL-2.0
/*
 * The life of an operation: allocated, filled in, run, looked at, put.
 *
 * Running it sends it to whoever is the coordinator now: by a function call on
 * the coordinator itself, by a message elsewhere. While there is none, while a
 * table is behind, or while a session is renewed, it waits and is tried again:
 * an application sees a pause, never an error. Only SIGKILL or umount -f end
 * the wait.
 *
 * Each try is an exchange of its own that keeps the operation and all its
 * memory alive until the transport is done with it, so that a killed caller
 * can leave at once.
 */
#include <linux/cred.h>
#include <linux/fs_struct.h>
#include <linux/sched/task.h>
#include <linux/slab.h>
#include "../service/service.h"
#include "route.h"

#define CSV_XFER_ARGS	1024

/* One try. */
struct csv_xfer {
	struct csv_rpc rpc;
	struct csv_op *op;
	u8 args[CSV_XFER_ARGS];
};

static struct kmem_cache *csv_op_cache;
static struct kmem_cache *csv_xfer_cache;

/* Its workers may wait for a coordinator for long, unlike those of csv_wq. */
struct workqueue_struct *csv_behind_wq;

/**
 * csv_op_init - make the caches
 */
int csv_op_init(void)
{
	csv_op_cache = KMEM_CACHE(csv_op, SLAB_RECLAIM_ACCOUNT);
	if (!csv_op_cache)
		return -ENOMEM;
	csv_xfer_cache = KMEM_CACHE(csv_xfer, SLAB_RECLAIM_ACCOUNT);
	if (!csv_xfer_cache)
		goto destroy_op;
	csv_behind_wq = alloc_workqueue("csvfs_behind", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!csv_behind_wq)
		goto destroy_xfer;
	return 0;

destroy_xfer:
	kmem_cache_destroy(csv_xfer_cache);
destroy_op:
	kmem_cache_destroy(csv_op_cache);
	return -ENOMEM;
}

/**
 * csv_op_exit - destroy the caches
 */
void csv_op_exit(void)
{
	destroy_workqueue(csv_behind_wq);
	kmem_cache_destroy(csv_xfer_cache);
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

static bool csv_op_pins(const struct csv_op *op)
{
	return op->super && (op->opcode == CSV_OP_OPEN || op->opcode == CSV_OP_CREATE);
}

static void csv_behind_done(struct csv_super *super)
{
	if (atomic_dec_and_test(&super->behind))
		wake_up_var(&super->behind);
}

static void csv_xfer_free(struct csv_rpc *rpc)
{
	struct csv_xfer *xfer = container_of(rpc, struct csv_xfer, rpc);
	struct csv_op *op = xfer->op;
	struct csv_args out = {};

	/* an OPEN whose caller was killed has pinned a file for nobody */
	if (READ_ONCE(op->abandoned) && !rpc->err && csv_op_pins(op)) {
		if (op->opcode == CSV_OP_OPEN)
			csv_close_send(op->super, &op->in.fh, 1);
		else if (!csv_wire_get_rsp(op->opcode, &out, rpc->reply, rpc->reply_len))
			csv_close_send(op->super, &out.fh, 1);
	}
	if (csv_op_pins(op))
		csv_behind_done(op->super);
	if (rpc->task)
		put_task_struct(rpc->task);
	csv_op_put(op);
	kmem_cache_free(csv_xfer_cache, xfer);
}

static struct csv_xfer *csv_xfer_alloc(struct csv_op *op)
{
	struct csv_xfer *xfer = kmem_cache_alloc(csv_xfer_cache, GFP_NOFS);
	int len;

	if (!xfer)
		return ERR_PTR(-ENOMEM);
	len = csv_wire_put_req(op->opcode, &op->in, xfer->args, sizeof(xfer->args));
	if (len < 0) {
		kmem_cache_free(csv_xfer_cache, xfer);
		return ERR_PTR(len);
	}
	csv_rpc_init(&xfer->rpc, op->opcode);
	/* until it has been answered */
	xfer->rpc.err = -EINPROGRESS;
	xfer->op = op;
	refcount_inc(&op->ref);
	/* what is pinned for a killed caller goes back before the mount does */
	if (csv_op_pins(op))
		atomic_inc(&op->super->behind);
	xfer->rpc.volume = op->vol->id;
	xfer->rpc.args = xfer->args;
	xfer->rpc.args_len = len;
	xfer->rpc.out = op->data_out;
	xfer->rpc.in = op->data_in;
	/* it may outlive its caller, who is killed, and his reference */
	if (op->task)
		xfer->rpc.task = get_task_struct(op->task);
	xfer->rpc.free = csv_xfer_free;
	return xfer;
}

static int csv_op_exchange(struct csv_op *op, struct csv_xfer *xfer)
{
	struct csv_export *export = csv_volume_get_export(op->vol);
	struct csv_peer *peer;
	u32 owner;
	int err;

	if (export) {
		xfer->rpc.epoch = export->epoch;
		err = csv_service_local(export, &xfer->rpc);
		csv_export_put(export);
		return err;
	}
	owner = READ_ONCE(op->vol->owner);
	xfer->rpc.epoch = READ_ONCE(op->vol->epoch);
	if (!owner || owner == op->vol->cn->local_id)
		return -CSV_ENOT_COORD;
	peer = csv_peer_get(op->vol->cn, owner);
	if (!peer)
		return -CSV_ENOT_COORD;
	err = csv_rpc_submit(peer, &xfer->rpc, false);
	if (err == -ESHUTDOWN) {
		err = -CSV_ENOT_COORD;
	} else if (!err) {
		err = csv_rpc_wait(&xfer->rpc);
		if (err)
			csv_rpc_cancel(peer, &xfer->rpc);
	}
	csv_peer_put(peer);
	return err;
}

static int csv_op_try(struct csv_op *op)
{
	struct csv_xfer *xfer;
	int err;

	if (op->super && READ_ONCE(op->super->ended))
		return -EIO;
	if (READ_ONCE(op->vol->access) == CSV_ACCESS_NONE &&
	    csv_wire_class(op->opcode) != CSV_CLASS_RESV)
		return -CSV_ENOT_COORD;
	xfer = csv_xfer_alloc(op);
	if (IS_ERR(xfer))
		return PTR_ERR(xfer);
	err = csv_op_exchange(op, xfer);
	if (err == -ERESTARTSYS)
		WRITE_ONCE(op->abandoned, true);
	if (!err)
		err = xfer->rpc.err;
	if (!err) {
		op->in_len = xfer->rpc.in_len;
		err = csv_wire_get_rsp(op->opcode, &op->out, xfer->rpc.reply,
				       xfer->rpc.reply_len);
		if (err)
			err = -EIO;
	}
	csv_rpc_put(&xfer->rpc);
	return err;
}

/**
 * csv_op_retryable - whether an answer means: wait, and try again
 * @err: 0 or negative
 */
bool csv_op_retryable(int err)
{
	return err == -CSV_ESTALE_EPOCH || err == -CSV_EBEHIND || err == -CSV_ENOT_COORD ||
	       err == -CSV_ESESSION || err == -CSV_EDIGEST || err == -ESHUTDOWN;
}

static bool csv_op_is_aborted(struct csv_super *super, int aborts)
{
	return super && (atomic_read(&super->aborts) != aborts || READ_ONCE(super->ended));
}

/**
 * csv_op_wait - wait for another coordinator, table or session
 * @vol: the volume
 * @super: the mount, or NULL
 * @generation: of the volume when the operation was tried
 * @aborts: csv_super.aborts when it began
 *
 * Return: 0 to try again, -ERESTARTSYS when killed, -EIO after umount -f
 */
int csv_op_wait(struct csv_volume *vol, struct csv_super *super, int generation, int aborts)
{
	long left;

	left = wait_event_killable_timeout(vol->wait,
					   atomic_read(&vol->generation) != generation ||
					   csv_op_is_aborted(super, aborts) ||
					   READ_ONCE(vol->removed), HZ / 2);
	if (left < 0)
		return -ERESTARTSYS;
	if (csv_op_is_aborted(super, aborts))
		return -EIO;
	if (READ_ONCE(vol->removed))
		return super ? -EIO : -ENODEV;
	return 0;
}

/**
 * csv_op_run - run an operation to its end
 * @op: with its arguments; its results are filled in
 *
 * Context: process. Allocates under GFP_NOFS.
 * Return: the operation's result, -ERESTARTSYS when killed, -EIO after umount -f
 */
int csv_op_run(struct csv_op *op)
{
	ktime_t start = ktime_get();
	u32 owner = READ_ONCE(op->vol->owner);
	unsigned long incarnation = csv_node_incarnation(op->vol->cn, owner);
	int err, wait, generation;
	bool local;

	if (op->super)
		op->aborts = atomic_read(&op->super->aborts);
	for (;;) {
		generation = atomic_read(&op->vol->generation);
		local = READ_ONCE(op->vol->export);
		err = csv_op_try(op);
		/* likewise where there is no memory, here or there */
		if (!csv_op_retryable(err) && !(err == -ENOMEM && op->opcode == CSV_OP_CLOSE))
			break;
		/* what was to be given back went with the coordinator that had given it */
		if ((op->opcode == CSV_OP_CLOSE || op->opcode == CSV_OP_LAYOUT_RETURN) &&
		    (owner != READ_ONCE(op->vol->owner) ||
		     incarnation != csv_node_incarnation(op->vol->cn, owner)))
			break;
		if (csv_task_is_killed(op->task)) {
			err = -ERESTARTSYS;
			break;
		}
		if (err == -CSV_EDIGEST && !fatal_signal_pending(current) &&
		    !csv_op_is_aborted(op->super, op->aborts))
			continue;
		wait = csv_op_wait(op->vol, op->super, generation, op->aborts);
		if (wait) {
			err = wait;
			break;
		}
	}
	/* reads and writes are counted once, as the application made them */
	if (op->opcode != CSV_OP_READ && op->opcode != CSV_OP_WRITE)
		csv_stats_count(op->vol, local ? CSV_ROUTE_LOCAL : CSV_ROUTE_FILE, op->opcode,
				start, err);
	return err;
}

/**
 * csv_super_abort - whoever waits for the coordinator ends
 * @super: in this mount
 * @err: of a request in flight; what waits to be tried again ends with -EIO
 *
 * Context: process
 */
void csv_super_abort(struct csv_super *super, int err)
{
	struct csv_export *export = csv_volume_get_export(super->vol);
	struct csv_peer *peer;

	WRITE_ONCE(super->abort_time, jiffies);
	atomic_inc(&super->aborts);
	if (export) {
		csv_service_abort_local(export);
		csv_export_put(export);
	}
	peer = csv_peer_get(super->vol->cn, READ_ONCE(super->vol->owner));
	if (peer) {
		csv_peer_abort(peer, super->vol->id, err);
		csv_peer_put(peer);
	}
	csv_volume_kick(super->vol);
}

struct csv_behind {
	struct work_struct work;
	struct csv_op *op;
};

static void csv_behind_work(struct work_struct *work)
{
	struct csv_behind *behind = container_of(work, struct csv_behind, work);
	struct csv_super *super = behind->op->super;

	csv_op_run(behind->op);
	csv_op_put(behind->op);
	kfree(behind);
	csv_behind_done(super);
}

/**
 * csv_op_run_behind - run an operation on a worker; nobody looks at its result
 * @op: of a mount, which waits for it before it goes; the reference is consumed
 */
void csv_op_run_behind(struct csv_op *op)
{
	struct csv_behind *behind = kmalloc(sizeof(*behind), GFP_NOFS | __GFP_NOFAIL);

	behind->op = op;
	atomic_inc(&op->super->behind);
	INIT_WORK(&behind->work, csv_behind_work);
	queue_work(csv_behind_wq, &behind->work);
}
