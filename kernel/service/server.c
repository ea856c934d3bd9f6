// SPDX-License-Identifier: GPL-2.0
/*
 * The threads of an export: which call is executed when, by whom, and whether still.
 */
#include <linux/fs_struct.h>
#include <linux/kthread.h>
#include "../control/volume.h"
#include "service.h"

static void csv_export_init_queue(struct csv_queue *queue)
{
	spin_lock_init(&queue->lock);
	INIT_LIST_HEAD(&queue->calls);
	init_waitqueue_head(&queue->wait);
}

/**
 * csv_export_queue - hand a call to a service thread
 * @export: the volume; the call keeps a reference to it in @call->private
 * @queue: of which class
 * @call: the call
 *
 * Context: any
 */
void csv_export_queue(struct csv_export *export, struct csv_queue *queue,
		      struct csv_call *call)
{
	unsigned long flags;

	spin_lock_irqsave(&queue->lock, flags);
	list_add_tail(&call->entry, &queue->calls);
	spin_unlock_irqrestore(&queue->lock, flags);
	wake_up(&queue->wait);
}

static struct csv_call *csv_export_dequeue(struct csv_queue *queue)
{
	struct csv_call *call;

	spin_lock_irq(&queue->lock);
	call = list_first_entry_or_null(&queue->calls, struct csv_call, entry);
	if (call)
		list_del_init(&call->entry);
	spin_unlock_irq(&queue->lock);
	return call;
}

/*
 * Whether somebody still wants a call to be executed. Not so when the node was reborn and
 * has forgotten it, when the node is fenced and others have taken over what it did, or when
 * it has cancelled the call.
 */
static bool csv_service_is_current(const struct csv_call *call)
{
	unsigned long now = csv_node_incarnation(call->cn, call->node);

	return !READ_ONCE(call->cancelled) && !csv_task_is_killed(call->task) &&
	       (!now || now == (unsigned long)(call->incarnation >> 1)) &&
	       !csv_node_gone(call->cn, call->node, 0);
}

/* Before all that has come since. */
static void csv_export_requeue(struct csv_export *export, struct list_head *calls)
{
	struct csv_queue *queue = &export->normal;
	unsigned long flags;

	if (list_empty(calls))
		return;
	spin_lock_irqsave(&queue->lock, flags);
	list_splice_init(calls, &queue->calls);
	spin_unlock_irqrestore(&queue->lock, flags);
	wake_up_all(&queue->wait);
}

/* One of those that were too many, if it is not any more. */
static void csv_export_unpark(struct csv_export *export)
{
	LIST_HEAD(calls);

	spin_lock(&export->park_lock);
	if (atomic_read(&export->waiting) < CSV_SERVICE_WAITS && !list_empty(&export->parked))
		list_move(export->parked.next, &calls);
	spin_unlock(&export->park_lock);
	csv_export_requeue(export, &calls);
}

/* Those that nobody wants any more are answered, however many wait. */
static void csv_export_unpark_gone(struct csv_export *export)
{
	struct csv_call *call, *next;
	LIST_HEAD(calls);

	spin_lock(&export->park_lock);
	list_for_each_entry_safe(call, next, &export->parked, entry)
		if (!csv_service_is_current(call))
			list_move_tail(&call->entry, &calls);
	if (!list_empty(&export->parked))
		queue_delayed_work(csv_wq, &export->park_work, HZ);
	spin_unlock(&export->park_lock);
	csv_export_requeue(export, &calls);
}

static void csv_export_park_work(struct work_struct *work)
{
	csv_export_unpark_gone(container_of(to_delayed_work(work), struct csv_export, park_work));
}

static void csv_export_park(struct csv_export *export, struct csv_call *call)
{
	spin_lock(&export->park_lock);
	list_add_tail(&call->entry, &export->parked);
	queue_delayed_work(csv_wq, &export->park_work, HZ);
	spin_unlock(&export->park_lock);
	csv_export_unpark(export);
}

/**
 * csv_service_waits - a call is about to wait for other nodes
 * @call: which has changed nothing, and does not before csv_service_goes_on() returns true
 * @holds: it has a lock that others may wait for: then one more may wait
 *
 * Not all threads wait: one node that does not give up what it holds would keep all others
 * from everything. Applications of this node wait by themselves.
 *
 * Return: 0: csv_service_goes_on() follows; -CSV_EPARK: to be executed again from the start
 */
int csv_service_waits(struct csv_call *call, bool holds)
{
	struct csv_export *export = call->private;

	if (!export)
		return 0;
	if (atomic_inc_return(&export->waiting) > CSV_SERVICE_WAITS + holds) {
		atomic_dec(&export->waiting);
		return -CSV_EPARK;
	}
	WRITE_ONCE(call->waits, true);
	if (wq_has_sleeper(&export->drop_wait))
		wake_up(&export->drop_wait);
	return 0;
}

/**
 * csv_service_goes_on - a call is about to change something
 * @call: the call
 *
 * Return: whether somebody still wants that
 */
bool csv_service_goes_on(struct csv_call *call)
{
	if (call->waits) {
		struct csv_export *export = call->private;

		WRITE_ONCE(call->waits, false);
		atomic_dec(&export->waiting);
		csv_export_unpark(export);
	}
	/* either we see that the node is gone, or who drops it sees us: csv_export_serves() */
	smp_mb();
	return csv_service_is_current(call);
}

/* The next call; NULL: the thread is to stop. */
static struct csv_call *csv_export_next(struct csv_queue *queue)
{
	struct csv_call *call;
	DEFINE_WAIT(wait);

	/*
	 * Never takes a call while it is among those that sleep: it might take the wakeup
	 * of another call, too, for which then nobody comes.
	 */
	while (!(call = csv_export_dequeue(queue)) && !kthread_should_stop()) {
		prepare_to_wait_exclusive(&queue->wait, &wait, TASK_IDLE);
		if (list_empty_careful(&queue->calls) && !kthread_should_stop())
			schedule();
		finish_wait(&queue->wait, &wait);
	}
	return call;
}

static void csv_server_set(struct csv_server *server, struct csv_call *call)
{
	spin_lock(&server->lock);
	server->call = call;
	spin_unlock(&server->lock);
}

static void csv_export_serve(struct csv_server *server)
{
	struct csv_export *export;
	struct csv_call *call;
	u64 tx;

	while ((call = csv_export_next(server->queue))) {
		export = call->private;
		tx = 0;
		csv_server_set(server, call);
		if (csv_service_goes_on(call))
			tx = csv_service_execute(export, call);
		else
			csv_service_fail(call, -CSV_ENOT_COORD);
		csv_server_set(server, NULL);
		if (wq_has_sleeper(&export->drop_wait))
			wake_up(&export->drop_wait);
		if (unlikely(call->err == -CSV_EPARK)) {
			csv_export_park(export, call);
			continue;
		}
		/* it may have waited for others, or not have had to */
		if (unlikely(!list_empty_careful(&export->parked)))
			csv_export_unpark(export);
		csv_commit_reply(export, call, tx);
	}
}

static int csv_export_thread(void *data)
{
	int err;

	/* the umask is each caller's, and the lower file system reads it from here */
	err = unshare_fs_struct();
	if (err) {
		/* umask 0 of the kernel: refuse to serve rather than to ignore it */
		while (!kthread_should_stop())
			schedule_timeout_idle(HZ);
		return err;
	}
	csv_export_serve(data);
	return 0;
}

static struct csv_queue *csv_export_queue_of(struct csv_export *export, unsigned int thread)
{
	if (thread < CSV_SERVICE_THREADS)
		return &export->normal;
	if (thread < CSV_SERVICE_THREADS + CSV_SERVICE_DATA)
		return &export->data;
	return &export->reserved;
}

/**
 * csv_export_init_threads - of a new export
 * @export: the volume
 */
void csv_export_init_threads(struct csv_export *export)
{
	unsigned int i;

	csv_export_init_queue(&export->normal);
	csv_export_init_queue(&export->data);
	csv_export_init_queue(&export->reserved);
	init_waitqueue_head(&export->drop_wait);
	spin_lock_init(&export->park_lock);
	INIT_LIST_HEAD(&export->parked);
	INIT_DELAYED_WORK(&export->park_work, csv_export_park_work);
	for (i = 0; i < CSV_SERVERS; i++) {
		spin_lock_init(&export->servers[i].lock);
		export->servers[i].queue = csv_export_queue_of(export, i);
	}
}

/**
 * csv_export_start_threads - of a volume that is mounted
 * @export: the volume; csv_export_stop_threads() follows also after an error
 */
int csv_export_start_threads(struct csv_export *export)
{
	unsigned int i;
	int err;

	err = csv_commit_start(export);
	if (err)
		return err;
	for (i = 0; i < CSV_SERVERS; i++) {
		struct csv_server *server = &export->servers[i];
		struct task_struct *task;

		task = kthread_run(csv_export_thread, server, "csv_svc%u/%s", i,
				   export->vol->name);
		if (IS_ERR(task))
			return PTR_ERR(task);
		server->task = task;
	}
	return 0;
}

/**
 * csv_export_stop_threads - nothing is to be served any more
 * @export: the volume, without a call
 */
void csv_export_stop_threads(struct csv_export *export)
{
	unsigned int i;

	for (i = 0; i < CSV_SERVERS; i++) {
		if (export->servers[i].task)
			kthread_stop(export->servers[i].task);
		export->servers[i].task = NULL;
	}
	cancel_delayed_work_sync(&export->park_work);
	csv_commit_stop(export);
}

/* A call of a node that is gone: one that waits ends, any other is about to. */
static bool csv_server_is_at(struct csv_server *server, u32 node)
{
	struct csv_call *call;
	bool busy = false;

	spin_lock(&server->lock);
	call = server->call;
	if (call && call->node == node && !csv_service_is_current(call)) {
		busy = !READ_ONCE(call->waits);
		WRITE_ONCE(call->cancelled, true);
		smp_mb();	/* pairs with the one in wait_var_event() */
		wake_up_var(&call->cancelled);
	}
	spin_unlock(&server->lock);
	return busy;
}

static bool csv_export_serves(struct csv_export *export, u32 node)
{
	bool busy = false;
	unsigned int i;

	/* pairs with csv_service_goes_on() */
	smp_mb();
	for (i = 0; i < CSV_SERVERS; i++)
		busy |= csv_server_is_at(&export->servers[i], node);
	return busy;
}

/**
 * csv_export_wait_served - wait for what a node has asked for
 * @export: the volume
 * @node: gone in the sense of csv_node_gone(), or with another incarnation
 *
 * Afterwards none of its calls changes anything. Those that wait for others end.
 */
void csv_export_wait_served(struct csv_export *export, u32 node)
{
	csv_export_unpark_gone(export);
	wait_event(export->drop_wait, !csv_export_serves(export, node));
}
