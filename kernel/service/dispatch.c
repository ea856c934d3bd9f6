// SPDX-License-Identifier: GPL-2.0
/*
 * From a message to its handler and back.
 *
 * A call from another node comes in on a receive worker, which must not block,
 * and is queued for a service thread. A call of this node's own applications
 * is executed in their context: the same function, without a message.
 */
#include <linux/cred.h>
#include <linux/fs_struct.h>
#include <linux/slab.h>
#include "../control/volume.h"
#include "service.h"

const struct csv_service_upcalls *csv_service_upcalls;

static const csv_handler csv_service_handlers[CSV_OP_COUNT] = {
	[CSV_OP_ROOT]		= csv_service_root,
	[CSV_OP_LOOKUP]		= csv_service_lookup,
	[CSV_OP_GETATTR]	= csv_service_getattr,
	[CSV_OP_SETATTR]	= csv_service_setattr,
	[CSV_OP_ACCESS]		= csv_service_access,
	[CSV_OP_OPEN]		= csv_service_open,
	[CSV_OP_CREATE]		= csv_service_create,
	[CSV_OP_CLOSE]		= csv_service_close,
	[CSV_OP_MKDIR]		= csv_service_mkdir,
	[CSV_OP_MKNOD]		= csv_service_mknod,
	[CSV_OP_SYMLINK]	= csv_service_symlink,
	[CSV_OP_READLINK]	= csv_service_readlink,
	[CSV_OP_LINK]		= csv_service_link,
	[CSV_OP_UNLINK]		= csv_service_unlink,
	[CSV_OP_RMDIR]		= csv_service_rmdir,
	[CSV_OP_RENAME]		= csv_service_rename,
	[CSV_OP_READDIR]	= csv_service_readdir,
	[CSV_OP_STATFS]		= csv_service_statfs,
	[CSV_OP_FSYNC]		= csv_service_fsync,
	[CSV_OP_FALLOCATE]	= csv_service_fallocate,
	[CSV_OP_SEEK]		= csv_service_seek,
	[CSV_OP_FLAGS_GET]	= csv_service_flags_get,
	[CSV_OP_FLAGS_SET]	= csv_service_flags_set,
	[CSV_OP_READ]		= csv_service_read,
	[CSV_OP_WRITE]		= csv_service_write,
	[CSV_OP_LAYOUT_GET]	= csv_service_layout_get,
	[CSV_OP_LAYOUT_COMMIT]	= csv_service_layout_commit,
	[CSV_OP_LAYOUT_RETURN]	= csv_service_layout_return,
};

/* A list of groups that is too long for the header opens the data. */
static int csv_service_get_groups(struct csv_request *req)
{
	struct csv_cred *cred = &req->in.cred;
	size_t len = cred->ngroups * sizeof(u32);
	unsigned int i;

	if (!(csv_wire_req_fields(req->call->opcode) & CSV_F_CRED) ||
	    cred->ngroups <= CSV_GROUPS_INLINE)
		return 0;
	if (cred->ngroups > CSV_GROUPS_MAX || len > req->call->data_len)
		return -EBADMSG;
	req->groups = kvmalloc(len, GFP_KERNEL);
	if (!req->groups)
		return -ENOMEM;
	if (copy_from_iter(req->groups, len, &req->call->data) != len)
		return -EBADMSG;
	for (i = 0; i < cred->ngroups; i++)
		req->groups[i] = le32_to_cpu((__force __le32)req->groups[i]);
	req->data_skip = len;
	return 0;
}

/**
 * csv_service_assume - act as the caller of a request
 * @req: the request
 *
 * Return: what csv_service_resume() takes, or an ERR_PTR
 */
const struct cred *csv_service_assume(struct csv_request *req)
{
	struct cred *cred = csv_lower_make_cred(&req->in.cred, req->groups ?: req->in.cred.groups);
	const struct cred *old;

	if (!cred)
		return ERR_PTR(-ENOMEM);
	/* a service thread's fs_struct is its own; an application's says the same already */
	if (!csv_service_dest(req->call))
		current->fs->umask = req->in.cred.umask & 0777;
	old = override_creds(cred);
	put_cred(cred);		/* override_creds() took its own */
	return old;
}

/**
 * csv_service_resume - act as ourselves again
 * @old: from csv_service_assume()
 */
void csv_service_resume(const struct cred *old)
{
	revert_creds(old);
}

/* A file that is opened while the volume goes offline is opened at the next coordinator. */
static int csv_service_handle(struct csv_request *req, csv_handler handler)
{
	bool opens = req->call->opcode == CSV_OP_OPEN || req->call->opcode == CSV_OP_CREATE;
	int err;

	if (opens && !csv_export_begin_open(req->export))
		return -CSV_ENOT_COORD;
	err = handler(req);
	if (opens)
		csv_export_end_open(req->export);
	return err;
}

static int csv_service_run(struct csv_request *req)
{
	struct csv_call *call = req->call;
	csv_handler handler = csv_service_handlers[call->opcode];
	int err;

	if (!handler)
		return -EOPNOTSUPP;
	err = csv_wire_get_req(call->opcode, &req->in, call->args, call->args_len);
	if (!err)
		err = csv_service_get_groups(req);
	if (err)
		return err;
	err = csv_service_handle(req, handler);
	/* the removal of what is gone may be anybody's, and may not be in the log yet */
	if (err == -ESTALE)
		req->wait_tx = atomic64_inc_return(&req->export->tx);
	return err;
}

/**
 * csv_service_fail - nothing but an error is to be answered
 * @call: the call
 * @err: negative errno or -CSV_E*
 */
void csv_service_fail(struct csv_call *call, int err)
{
	call->err = err;
	call->reply_len = 0;
	call->out_len = 0;
}

/**
 * csv_service_execute - execute a call; the reply is in the call afterwards
 * @export: the volume, referenced by the caller
 * @call: the call
 *
 * Runs as the kernel, also for an application of this node: only what
 * csv_service_assume() brackets is done, and allowed, as the caller.
 *
 * Context: process; may wait for recalls unless the call is of the class RESV.
 * csv_call.err is -CSV_EPARK when it has to be executed again, from the start.
 * Return: the number of the change without which nobody may hear of the reply;
 * an error, too, tells of a change that it has seen
 */
u64 csv_service_execute(struct csv_export *export, struct csv_call *call)
{
	struct csv_request *req = kzalloc(sizeof(*req), GFP_NOFS);
	const struct iov_iter data = call->data;
	const struct cred *old;
	int err, len = 0;
	u64 tx;

	if (!req) {
		csv_service_fail(call, -ENOMEM);
		return 0;
	}
	req->export = export;
	req->call = call;
	old = override_creds(export->lower.cred);
	err = csv_service_run(req);
	revert_creds(old);
	if (!err) {
		len = csv_wire_put_rsp(call->opcode, &req->out, call->reply, sizeof(call->reply));
		err = min(len, 0);
	}
	call->err = 0;
	call->reply_len = len;
	if (err)
		csv_service_fail(call, err);
	if (err == -CSV_EPARK)
		call->data = data;
	tx = req->wait_tx;
	kvfree(req->groups);
	kfree(req);
	return tx;
}

static struct csv_export *csv_service_find(struct csv_call *call)
{
	struct csv_volume *vol = csv_volume_get(call->cn, call->volume);
	struct csv_export *export;

	if (!vol)
		return NULL;
	export = csv_volume_get_export(vol);
	csv_volume_put(vol);
	return export;
}

static void csv_service_refuse(struct csv_call *call, int err)
{
	csv_service_fail(call, err);
	csv_call_reply(call);
}

static void csv_service_node_work(struct work_struct *work)
{
	struct csv_call *call = container_of(work, struct csv_call, work);
	struct csv_net *cn = call->cn;

	if (call->opcode == CSV_OP_CLAIM)
		csv_volume_claim(call);
	else
		csv_service_upcalls->recall_call(call);
	if (atomic_dec_and_test(&cn->works))
		wake_up_var(&cn->works);
}

/*
 * GETATTR and its like never wait for op_lock or a recall, and must not wait for threads
 * that do: a process may ask for attributes with its mmap_lock, for which its own direct
 * I/O waits that is to be recalled.
 */
static struct csv_queue *csv_service_queue(struct csv_export *export, u16 opcode)
{
	switch (opcode) {
	case CSV_OP_GETATTR:
	case CSV_OP_ACCESS:
	case CSV_OP_STATFS:
		return &export->data;
	}
	switch (csv_wire_class(opcode)) {
	case CSV_CLASS_RESV:
		return &export->reserved;
	case CSV_CLASS_DATA:
		return &export->data;
	default:
		return &export->normal;
	}
}

/**
 * csv_service_request - a request from another node (transport's upcall)
 * @call: answered exactly once, now or later
 *
 * Context: a receive worker; does not block
 */
void csv_service_request(struct csv_call *call)
{
	struct csv_export *export;

	switch (call->opcode) {
	case CSV_OP_NULL:
		csv_service_refuse(call, 0);
		return;
	case CSV_OP_CLAIM:
	case CSV_OP_RECALL:
		atomic_inc(&call->cn->works);
		INIT_WORK(&call->work, csv_service_node_work);
		queue_work(csv_wq, &call->work);
		return;
	}
	export = csv_service_find(call);
	if (!export) {
		csv_service_refuse(call, -CSV_ENOT_COORD);
		return;
	}
	if (call->epoch != export->epoch) {
		csv_service_refuse(call, call->epoch < export->epoch ? -CSV_ESTALE_EPOCH :
				   -CSV_EBEHIND);
		csv_export_put(export);
		return;
	}
	call->private = export;
	if (call->opcode == CSV_OP_BLOCK_READ || call->opcode == CSV_OP_BLOCK_WRITE ||
	    call->opcode == CSV_OP_BLOCK_FLUSH)
		csv_service_block(export, call);
	else
		csv_export_queue(export, csv_service_queue(export, call->opcode), call);
}

/* A call of this node's own: the rpc is both request and reply. */
struct csv_local_call {
	struct csv_call call;
	struct csv_rpc *rpc;
	struct iov_iter in;
};

static void csv_service_local_complete(struct csv_call *call)
{
}

/**
 * csv_service_dest - where a local call wants the data of its reply
 * @call: the call
 *
 * Return: kernel memory of the caller, or NULL for a call from another node
 */
struct iov_iter *csv_service_dest(struct csv_call *call)
{
	if (call->complete != csv_service_local_complete)
		return NULL;
	return &container_of(call, struct csv_local_call, call)->in;
}

static void csv_service_local_reply(struct csv_local_call *local)
{
	struct csv_call *call = &local->call;
	struct csv_rpc *rpc = local->rpc;

	rpc->err = call->err;
	rpc->reply_len = call->reply_len;
	memcpy(rpc->reply, call->reply, call->reply_len);
	rpc->in_len = call->out_len;
	/* what was not put into the destination at once is copied there */
	if (call->out_len && iov_iter_count(&call->out)) {
		struct bio_vec bv;
		size_t left = call->out_len, n;
		unsigned int i;

		for (i = 0; i < call->nr_bvec && left; i++, left -= n) {
			bv = call->bvec[i];
			n = min_t(size_t, left, bv.bv_len);
			if (copy_page_to_iter(bv.bv_page, bv.bv_offset, n, &local->in) != n)
				rpc->err = -EMSGSIZE;
		}
	}
	if (call->out_release)
		call->out_release(call);
}

/**
 * csv_service_local - execute an operation of this node's own applications
 * @export: the volume, referenced by the caller
 * @rpc: the request as it would travel; its results are filled in
 *
 * Context: process, killable where it waits for a recall
 * Return: 0, see @rpc->err; or -ENOMEM
 */
int csv_service_local(struct csv_export *export, struct csv_rpc *rpc)
{
	struct csv_local_call *local = kzalloc(sizeof(*local), GFP_NOFS);
	int err;

	if (!local)
		return -ENOMEM;
	local->rpc = rpc;
	local->in = rpc->in;
	local->call.opcode = rpc->opcode;
	local->call.volume = rpc->volume;
	local->call.epoch = rpc->epoch;
	local->call.args = rpc->args;
	local->call.args_len = rpc->args_len;
	local->call.data = rpc->out;
	local->call.data_len = iov_iter_count(&rpc->out);
	local->call.node = export->cn->local_id;
	local->call.incarnation = export->cn->incarnation;
	local->call.cn = export->cn;
	local->call.task = rpc->task;
	local->call.complete = csv_service_local_complete;
	spin_lock(&export->local_lock);
	list_add_tail(&local->call.entry, &export->local);
	spin_unlock(&export->local_lock);
	err = csv_commit_wait(export, csv_service_execute(export, &local->call));
	if (err)
		csv_service_fail(&local->call, err);
	spin_lock(&export->local_lock);
	list_del(&local->call.entry);
	spin_unlock(&export->local_lock);
	csv_service_local_reply(local);
	kfree(local);
	return 0;
}

/**
 * csv_service_abort_local - calls of this node's own applications wait for no recall any more
 * @export: the volume, referenced by the caller
 */
void csv_service_abort_local(struct csv_export *export)
{
	struct csv_call *call;

	spin_lock(&export->local_lock);
	list_for_each_entry(call, &export->local, entry) {
		WRITE_ONCE(call->cancelled, true);
		smp_mb();	/* pairs with the one in wait_var_event() */
		wake_up_var(&call->cancelled);
	}
	spin_unlock(&export->local_lock);
}

static void csv_service_free_out(struct csv_call *call)
{
	csv_pages_put(&call->export->pages, call->bvec, call->nr_bvec);
	if (call->bvec != call->inline_bvec)
		kfree(call->bvec);
	call->bvec = NULL;
	call->nr_bvec = 0;
	csv_export_put(call->export);
}

/**
 * csv_service_alloc_out - pages for the data of a reply
 * @export: the volume; the call keeps a reference until they are given back
 * @call: gets them as @call->bvec, an unset @call->out, and their release
 * @len: bytes, at most CSV_WIRE_IO_MAX
 */
int csv_service_alloc_out(struct csv_export *export, struct csv_call *call, size_t len)
{
	unsigned int nr = DIV_ROUND_UP(len, PAGE_SIZE);

	call->bvec = call->inline_bvec;
	if (nr > ARRAY_SIZE(call->inline_bvec))
		call->bvec = kmalloc_array(nr, sizeof(*call->bvec), GFP_NOIO);
	if (!call->bvec)
		return -ENOMEM;
	refcount_inc(&export->ref);
	call->export = export;
	call->out_release = csv_service_free_out;
	call->out_stable = true;
	call->nr_bvec = csv_pages_get(&export->pages, call->bvec, len);
	return call->nr_bvec < nr ? -ENOMEM : 0;
}

/**
 * csv_service_put_data - a copy of a buffer as the data of the reply
 * @req: the request
 * @buf: the buffer
 * @len: bytes of it
 */
int csv_service_put_data(struct csv_request *req, const void *buf, size_t len)
{
	struct csv_call *call = req->call;
	struct iov_iter *dest = csv_service_dest(call), iter;
	int err;

	call->out_len = len;
	if (!len)
		return 0;
	if (dest) {
		if (copy_to_iter(buf, len, dest) != len)
			return -EMSGSIZE;
		return 0;
	}
	err = csv_service_alloc_out(req->export, call, len);
	if (err)
		return err;
	iov_iter_bvec(&iter, ITER_DEST, call->bvec, call->nr_bvec, len);
	if (copy_to_iter(buf, len, &iter) != len)
		return -EFAULT;
	iov_iter_bvec(&call->out, ITER_SOURCE, call->bvec, call->nr_bvec, len);
	return 0;
}
