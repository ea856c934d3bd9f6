// SPDX-License-Identifier: GPL-2.0
/*
 * Running an operation sends it to whoever is the coordinator now: by a function
 * call on the coordinator itself, by a message elsewhere. While there is none,
 * while a table is behind, or while a session is renewed, it waits and is tried
 * again: an application sees a pause, never an error. Only SIGKILL or umount -f
 * end the wait.
 *
 * Each try is an exchange of its own that keeps the operation and all its
 * memory alive until the transport is done with it, so that a killed caller
 * can leave at once.
 */
#include <linux/sched/task.h>
#include <linux/slab.h>
#include "../service/service.h"
#include "route.h"

#define CSV_XFER_ARGS		1024
#define CSV_OP_RETRY		(HZ / 4)
#define CSV_OP_RETRY_SOON	(HZ / 100)

/* One try. */
struct csv_xfer {
	struct csv_rpc rpc;
	struct csv_op *op;
	u8 args[CSV_XFER_ARGS];
};

static struct kmem_cache *csv_xfer_cache;

/* Its workers may wait for the disk, unlike those of csv_wq. */
struct workqueue_struct *csv_behind_wq;

/**
 * csv_run_init - make cache and workers
 */
int csv_run_init(void)
{
	csv_xfer_cache = KMEM_CACHE(csv_xfer, SLAB_RECLAIM_ACCOUNT);
	if (!csv_xfer_cache)
		return -ENOMEM;
	csv_behind_wq = alloc_workqueue("csvfs_behind", WQ_MEM_RECLAIM | WQ_UNBOUND, 0);
	if (!csv_behind_wq)
		goto destroy_cache;
	return 0;

destroy_cache:
	kmem_cache_destroy(csv_xfer_cache);
	return -ENOMEM;
}

/**
 * csv_run_exit - destroy them
 */
void csv_run_exit(void)
{
	destroy_workqueue(csv_behind_wq);
	kmem_cache_destroy(csv_xfer_cache);
}

/**
 * csv_run_setup - make the workers of a mount
 * @super: the mount
 *
 * They wait for its coordinator, or as its coordinator for recalls: nobody else's I/O waits
 * behind that. Nor does one queue wait behind the other: data may need a recall from this
 * node, which waits for the bios under its layouts.
 *
 * Return: 0 or -ENOMEM; csv_run_teardown() follows either way.
 */
int csv_run_setup(struct csv_super *super)
{
	const char *name = super->vol->name;

	/* names of queues are short */
	super->data_wq = alloc_workqueue("csv_data/%.20s", WQ_MEM_RECLAIM | WQ_UNBOUND, 0, name);
	super->redrive_wq = alloc_workqueue("csv_redo/%.20s", WQ_MEM_RECLAIM | WQ_UNBOUND, 0, name);
	return super->data_wq && super->redrive_wq ? 0 : -ENOMEM;
}

/**
 * csv_run_teardown - destroy them
 * @super: the mount, which has no I/O any more
 */
void csv_run_teardown(struct csv_super *super)
{
	if (super->redrive_wq)
		destroy_workqueue(super->redrive_wq);
	if (super->data_wq)
		destroy_workqueue(super->data_wq);
}

/* Whether something is to be done when the answer comes after all, and nobody waits for it. */
static bool csv_op_pins(const struct csv_op *op)
{
	return op->super && (op->opcode == CSV_OP_OPEN || op->opcode == CSV_OP_CREATE ||
			     op->opcode == CSV_OP_LAYOUT_COMMIT);
}

/**
 * csv_behind_done - something that goes on behind the applications' backs has ended
 * @super: the mount, which was not to go before; its @behind had been incremented
 */
void csv_behind_done(struct csv_super *super)
{
	if (atomic_dec_and_test(&super->behind))
		wake_up_var(&super->behind);
}

static void csv_xfer_free(struct csv_rpc *rpc)
{
	struct csv_xfer *xfer = container_of(rpc, struct csv_xfer, rpc);
	struct csv_op *op = xfer->op;
	struct csv_args out = {};

	if (READ_ONCE(op->abandoned) && csv_op_pins(op)) {
		/* an OPEN whose caller was killed has pinned a file for nobody */
		if (op->opcode == CSV_OP_LAYOUT_COMMIT)
			csv_recall_doubt(op);
		else if (op->opcode == CSV_OP_OPEN && !rpc->err)
			csv_close_send(op->super, &op->in.fh, 1);
		else if (!rpc->err &&
			 !csv_wire_get_rsp(op->opcode, &out, rpc->reply, rpc->reply_len))
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
	/* what is pinned must be known, here and there */
	xfer->rpc.stays = op->opcode == CSV_OP_OPEN || op->opcode == CSV_OP_CREATE ||
			  op->opcode == CSV_OP_CLOSE;
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

/* What became of a try that is over. */
static int csv_xfer_result(struct csv_xfer *xfer)
{
	struct csv_op *op = xfer->op;

	if (xfer->rpc.err)
		return xfer->rpc.err;
	op->in_len = xfer->rpc.in_len;
	return csv_wire_get_rsp(op->opcode, &op->out, xfer->rpc.reply, xfer->rpc.reply_len) ?
		-EIO : 0;
}

/* Sends it to whoever is the coordinator, another node; *@to is referenced then. */
static int csv_op_send(struct csv_op *op, struct csv_xfer *xfer, bool nowait,
		       struct csv_peer **to)
{
	u32 owner = READ_ONCE(op->vol->owner);
	struct csv_peer *peer = NULL;
	int err;

	xfer->rpc.epoch = READ_ONCE(op->vol->epoch);
	if (owner && owner != op->vol->cn->local_id)
		peer = csv_peer_get(op->vol->cn, owner);
	if (!peer)
		return -CSV_ENOT_COORD;
	err = csv_rpc_submit(peer, &xfer->rpc, nowait);
	if (!err) {
		*to = peer;
		return 0;
	}
	csv_peer_put(peer);
	return err == -ESHUTDOWN ? -CSV_ENOT_COORD : err;
}

static int csv_op_exchange(struct csv_op *op, struct csv_xfer *xfer)
{
	struct csv_export *export = csv_volume_get_export(op->vol);
	struct csv_peer *peer;
	int err;

	if (export) {
		xfer->rpc.epoch = export->epoch;
		err = csv_service_local(export, &xfer->rpc);
		csv_export_put(export);
		return err;
	}
	err = csv_op_send(op, xfer, false, &peer);
	if (err)
		return err;
	err = csv_rpc_wait(&xfer->rpc);
	if (err)
		csv_rpc_cancel(peer, &xfer->rpc);
	csv_peer_put(peer);
	return err;
}

/* Whether it may be tried now. */
static int csv_op_check(const struct csv_op *op)
{
	if (op->super && READ_ONCE(op->super->ended))
		return -EIO;
	/* the coordinator has forgotten these pins, and may know newer ones by now */
	if ((op->opcode == CSV_OP_CLOSE ||
	     (op->opcode == CSV_OP_OPEN && (op->in.flags & CSV_OPEN_RECLAIM))) &&
	    op->pin_gen != atomic_read(&op->super->pin_gen))
		return -ESTALE;
	if (READ_ONCE(op->vol->access) == CSV_ACCESS_NONE &&
	    csv_wire_class(op->opcode) != CSV_CLASS_RESV)
		return -CSV_ENOT_COORD;
	return 0;
}

static int csv_op_try(struct csv_op *op)
{
	struct csv_xfer *xfer;
	int err = csv_op_check(op);

	if (err)
		return err;
	xfer = csv_xfer_alloc(op);
	if (IS_ERR(xfer))
		return PTR_ERR(xfer);
	err = csv_op_exchange(op, xfer);
	if (err == -ERESTARTSYS)
		WRITE_ONCE(op->abandoned, true);
	if (!err)
		err = csv_xfer_result(xfer);
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

static void csv_op_begin(struct csv_op *op)
{
	op->aborts = op->super ? atomic_read(&op->super->aborts) : 0;
	op->owner = READ_ONCE(op->vol->owner);
	op->incarnation = csv_node_incarnation(op->vol->cn, op->owner);
	op->start = ktime_get();
}

/* Whether it is over, after a try that ended with *@err, which may become another one. */
static bool csv_op_is_over(struct csv_op *op, int *err)
{
	/* umount -f has ended a wait of this node's own coordinator: nobody has a signal */
	if (*err == -ERESTARTSYS && csv_op_is_aborted(op->super, op->aborts) &&
	    !fatal_signal_pending(current))
		*err = -EIO;
	/* likewise where there is no memory, here or there */
	if (!csv_op_retryable(*err) && !(*err == -ENOMEM && op->opcode == CSV_OP_CLOSE))
		return true;
	/* what was to be given back went with the coordinator that had given it */
	if ((op->opcode == CSV_OP_CLOSE || op->opcode == CSV_OP_LAYOUT_RETURN) &&
	    (op->owner != READ_ONCE(op->vol->owner) ||
	     op->incarnation != csv_node_incarnation(op->vol->cn, op->owner)))
		return true;
	if (csv_task_is_killed(op->task))
		*err = -ERESTARTSYS;
	/* umount -f may find the mount busy; if not, csv_op_check() ends these */
	else if (csv_op_is_aborted(op->super, op->aborts) && op->opcode != CSV_OP_CLOSE)
		*err = -EIO;
	else if (READ_ONCE(op->vol->removed))
		*err = op->super ? -EIO : -ENODEV;
	else
		return false;
	return true;
}

/* Reads and writes are counted once, as the application made them. */
static void csv_op_count(struct csv_op *op, int err)
{
	if (op->opcode != CSV_OP_READ && op->opcode != CSV_OP_WRITE)
		csv_stats_count(op->vol, READ_ONCE(op->vol->export) ? CSV_ROUTE_LOCAL :
				CSV_ROUTE_FILE, op->opcode, op->start, err);
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
	int err, wait, generation;

	csv_op_begin(op);
	for (;;) {
		generation = atomic_read(&op->vol->generation);
		err = csv_op_try(op);
		if (csv_op_is_over(op, &err))
			break;
		/* both have heard of the other's table by now */
		if (err == -CSV_EDIGEST && !fatal_signal_pending(current))
			continue;
		wait = csv_op_wait(op->vol, op->super, generation, op->aborts);
		if (wait) {
			err = wait;
			break;
		}
	}
	csv_op_count(op, err);
	return err;
}

/*
 * Operations that nobody waits for. Neither does a worker, but for the disk, and data for
 * recalls, where this node is the coordinator: those of a volume without one would keep
 * others from theirs.
 */

static void csv_op_requeue(struct csv_op *op, unsigned long delay)
{
	bool data = op->opcode == CSV_OP_READ || op->opcode == CSV_OP_WRITE;

	queue_delayed_work(data ? op->super->data_wq : csv_behind_wq, &op->work, delay);
}

/* Soon where a slot, a session or a table is about to be there, but less and less so. */
static unsigned long csv_op_delay(struct csv_op *op, int err)
{
	if (err != -CSV_EDIGEST && err != -CSV_ESESSION)
		return CSV_OP_RETRY;
	if (op->tries < 4)
		op->tries++;
	return min_t(unsigned long, CSV_OP_RETRY_SOON << op->tries, CSV_OP_RETRY);
}

/* A try has ended. */
static void csv_op_settle(struct csv_op *op, int err)
{
	if (csv_op_is_over(op, &err)) {
		csv_op_count(op, err);
		op->err = err;
		op->done(op);
	} else {
		csv_op_requeue(op, csv_op_delay(op, err));
	}
}

static void csv_xfer_done(struct csv_rpc *rpc)
{
	struct csv_xfer *xfer = container_of(rpc, struct csv_xfer, rpc);

	csv_op_settle(xfer->op, csv_xfer_result(xfer));
}

/* Return: -EINPROGRESS: csv_xfer_done() goes on, and may have done so; or how it ended */
static int csv_op_attempt(struct csv_op *op, bool nowait)
{
	int err = csv_op_check(op);
	struct csv_xfer *xfer;
	struct csv_peer *peer;

	if (err)
		return err;
	if (READ_ONCE(op->vol->export))
		return nowait ? csv_op_try(op) : -CSV_ESESSION;
	xfer = csv_xfer_alloc(op);
	if (IS_ERR(xfer))
		return PTR_ERR(xfer);
	xfer->rpc.done = csv_xfer_done;
	err = csv_op_send(op, xfer, nowait, &peer);
	csv_rpc_put(&xfer->rpc);
	if (err)
		return err == -EAGAIN ? -CSV_ESESSION : err;
	csv_peer_put(peer);
	return -EINPROGRESS;
}

static void csv_op_work(struct work_struct *work)
{
	struct csv_op *op = container_of(to_delayed_work(work), struct csv_op, work);
	/* others may have seen that its process is gone, and have gone on */
	int err = csv_task_is_killed(op->task) ? -ERESTARTSYS : csv_op_attempt(op, true);

	if (err != -EINPROGRESS)
		csv_op_settle(op, err);
}

/**
 * csv_op_submit - run an operation; nobody waits for it
 * @op: with its arguments and @done, which is called with its results, perhaps at once
 * @nowait: do not wait for a slot, or for a coordinator
 *
 * Context: process. Allocates under GFP_NOFS.
 * Return: 0: the caller's reference goes to @done. -EAGAIN (@nowait): nothing was begun
 */
int csv_op_submit(struct csv_op *op, bool nowait)
{
	int err;

	csv_op_begin(op);
	INIT_DELAYED_WORK(&op->work, csv_op_work);
	err = csv_op_attempt(op, nowait);
	if (err == -EINPROGRESS)
		return 0;
	if (nowait && csv_op_retryable(err))
		return -EAGAIN;
	csv_op_settle(op, err);
	return 0;
}

/**
 * csv_op_queue - csv_op_submit() by a worker
 * @op: with its arguments and @done, which gets the caller's reference
 *
 * Context: any
 */
void csv_op_queue(struct csv_op *op)
{
	csv_op_begin(op);
	INIT_DELAYED_WORK(&op->work, csv_op_work);
	csv_op_requeue(op, 0);
}

/**
 * csv_op_defer - let a worker go on where csv_op.done() must not wait
 * @op: the operation, which is over
 * @fn: gets &csv_op.work.work
 */
void csv_op_defer(struct csv_op *op, work_func_t fn)
{
	INIT_DELAYED_WORK(&op->work, fn);
	queue_delayed_work(csv_behind_wq, &op->work, 0);
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

static void csv_behind_end(struct csv_op *op)
{
	struct csv_super *super = op->super;

	csv_op_put(op);
	csv_behind_done(super);
}

/**
 * csv_op_run_behind - run an operation that nobody looks at the result of
 * @op: of a mount, which waits for it before it goes; the reference is consumed
 */
void csv_op_run_behind(struct csv_op *op)
{
	atomic_inc(&op->super->behind);
	op->done = csv_behind_end;
	csv_op_queue(op);
}
