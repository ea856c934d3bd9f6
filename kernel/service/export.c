// SPDX-License-Identifier: GPL-2.0
/*
 * A volume at its coordinator: mounted privately from start to stop, with
 * threads of its own, so that one volume that waits does not hold up another.
 */
#include <linux/fs_struct.h>
#include <linux/hash.h>
#include <linux/kthread.h>
#include <linux/slab.h>
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

	return !READ_ONCE(call->cancelled) &&
	       (!now || now == (unsigned long)(call->incarnation >> 1)) &&
	       !csv_node_gone(call->cn, call->node, 0);
}

/* One of those that were too many, if it is not any more. */
static void csv_export_unpark(struct csv_export *export)
{
	struct csv_call *call = NULL;

	spin_lock(&export->park_lock);
	if (atomic_read(&export->waiting) < CSV_SERVICE_WAITS)
		call = list_first_entry_or_null(&export->parked, struct csv_call, entry);
	if (call)
		list_del_init(&call->entry);
	spin_unlock(&export->park_lock);
	if (call)
		csv_export_queue(export, &export->normal, call);
}

static void csv_export_park(struct csv_export *export, struct csv_call *call)
{
	spin_lock(&export->park_lock);
	list_add_tail(&call->entry, &export->parked);
	spin_unlock(&export->park_lock);
	csv_export_unpark(export);
}

/**
 * csv_service_waits - a call is about to wait for other nodes
 * @call: which has changed nothing, and does not before csv_service_goes_on() returns true
 *
 * Not all threads wait: one node that does not give up what it holds would keep all others
 * from everything. Applications of this node wait by themselves.
 *
 * Return: 0: csv_service_goes_on() follows; -CSV_EPARK: to be executed again from the start
 */
int csv_service_waits(struct csv_call *call)
{
	struct csv_export *export = call->private;

	if (!export)
		return 0;
	if (atomic_inc_return(&export->waiting) > CSV_SERVICE_WAITS) {
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

static int csv_export_start_threads(struct csv_export *export)
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

static void csv_export_stop_threads(struct csv_export *export)
{
	unsigned int i;

	for (i = 0; i < CSV_SERVERS; i++) {
		if (export->servers[i].task)
			kthread_stop(export->servers[i].task);
		export->servers[i].task = NULL;
	}
	csv_commit_stop(export);
}

static void csv_export_free(struct csv_export *export)
{
	csv_export_stop_threads(export);
	csv_pages_destroy(&export->pages);
	kvfree(export);
}

static int csv_export_check(struct csv_export *export, const char **why)
{
	struct csv_volume *vol = export->vol;
	u32 epoch, onlines;
	int err;

	if (memcmp(export->lower.sb->s_uuid.b, vol->uuid, sizeof(vol->uuid))) {
		*why = "its disk has another UUID: check device and uuid";
		return -EMEDIUMTYPE;
	}
	err = csv_lower_get_epoch(&export->lower, &epoch, &onlines);
	if (err) {
		*why = "the epoch cannot be read from the lower root";
		return err;
	}
	if (epoch > vol->epoch) {
		*why = "the disk was online at a newer epoch: apply the newer table";
		return -ESTALE;
	}
	onlines++;
	err = csv_lower_prepare_root(&export->lower);
	if (!err)
		err = csv_lower_set_epoch(&export->lower, vol->epoch, onlines);
	if (err) {
		*why = "the epoch cannot be written to the lower root";
		return err;
	}
	atomic64_set(&export->seq, (u64)onlines << 40);
	return 0;
}

/**
 * csv_export_probe - whether a volume's disk is there, is the right one, and whole
 * @vol: the volume; its state_mutex is held
 * @why: on error, what an administrator should hear
 *
 * Nothing is changed, neither on the disk nor at any node.
 */
int csv_export_probe(struct csv_volume *vol, const char **why)
{
	struct csv_lower_id id;

	return csv_lower_check(vol->fstype, vol->device, vol->uuid, &id, why);
}

/**
 * csv_export_start - mount a volume's lower file system and serve it
 * @vol: the volume; its state_mutex is held
 * @exportp: filled in
 * @why: on error, what an administrator should hear
 */
int csv_export_start(struct csv_volume *vol, struct csv_export **exportp, const char **why)
{
	struct csv_export *export = kvzalloc(sizeof(*export), GFP_KERNEL);
	struct csv_lower_id id;
	unsigned int i;
	int err;

	*why = "out of memory";
	if (!export)
		return -ENOMEM;
	export->vol = vol;
	export->cn = vol->cn;
	export->epoch = vol->epoch;
	refcount_set(&export->ref, 1);
	init_completion(&export->gone);
	spin_lock_init(&export->snode_lock);
	spin_lock_init(&export->local_lock);
	INIT_LIST_HEAD(&export->local);
	csv_pages_init(&export->pages);
	for (i = 0; i < ARRAY_SIZE(export->attr_mutex); i++)
		mutex_init(&export->attr_mutex[i]);
	csv_export_init_queue(&export->normal);
	csv_export_init_queue(&export->data);
	csv_export_init_queue(&export->reserved);
	init_waitqueue_head(&export->drop_wait);
	spin_lock_init(&export->park_lock);
	INIT_LIST_HEAD(&export->parked);
	for (i = 0; i < CSV_SERVERS; i++) {
		spin_lock_init(&export->servers[i].lock);
		export->servers[i].queue = csv_export_queue_of(export, i);
	}
	mutex_init(&export->block_mutex);
	init_waitqueue_head(&export->block_wait);

	err = csv_lower_check(vol->fstype, vol->device, vol->uuid, &id, why);
	if (!err)
		err = csv_lower_mount(&export->lower, vol->fstype, vol->device, &id, why);
	if (err)
		goto free;
	err = csv_export_check(export, why);
	if (err)
		goto unmount;
	*why = "out of memory";
	err = csv_export_start_threads(export);
	if (err)
		goto unmount;
	*exportp = export;
	return 0;

unmount:
	csv_lower_unmount(&export->lower);
free:
	csv_export_free(export);
	return err;
}

/**
 * csv_export_tryget - use an export, unless it is being stopped
 * @export: the export, under csv_volume.lock
 */
bool csv_export_tryget(struct csv_export *export)
{
	return !READ_ONCE(export->stopping) && refcount_inc_not_zero(&export->ref);
}

/**
 * csv_export_put - stop using an export
 * @export: the export
 */
void csv_export_put(struct csv_export *export)
{
	if (refcount_dec_and_test(&export->ref))
		complete(&export->gone);
}

static u32 *csv_export_changed(struct csv_export *export, const struct inode *inode)
{
	return &export->changed[hash_64(inode->i_ino, ilog2(CSV_CHANGED_BUCKETS))];
}

/**
 * csv_export_changes - somebody may write to a file from now on
 * @export: the volume
 * @inode: the file
 * @node: who, by a layout; CSV_CHANGED_ANY: otherwise
 */
void csv_export_changes(struct csv_export *export, const struct inode *inode, u32 node)
{
	u32 *changed = csv_export_changed(export, inode), was = READ_ONCE(*changed);

	if (was == node || was == CSV_CHANGED_ANY)
		return;
	if (cmpxchg(changed, 0, node) && READ_ONCE(*changed) != node)
		WRITE_ONCE(*changed, CSV_CHANGED_ANY);
}

/**
 * csv_export_unchanged - whether nobody else has written to a file since the volume is online
 * @export: the volume
 * @inode: the file
 * @node: who may have
 *
 * Return: false also where it is not known
 */
bool csv_export_unchanged(struct csv_export *export, const struct inode *inode, u32 node)
{
	u32 changed = READ_ONCE(*csv_export_changed(export, inode));

	return !changed || changed == node;
}

/* Calls @fn for every inode that somebody holds, with a reference and no lock. */
static void csv_export_for_each(struct csv_export *export,
				void (*fn)(struct csv_snode *snode, void *data), void *data)
{
	unsigned int i;

	for (i = 0; i < CSV_SNODE_BUCKETS; i++) {
		struct csv_snode *snode, *prev = NULL;

		spin_lock(&export->snode_lock);
		hlist_for_each_entry(snode, &export->snodes[i], hash) {
			if (!refcount_inc_not_zero(&snode->ref))
				continue;
			spin_unlock(&export->snode_lock);
			if (prev)
				csv_snode_put(prev);
			prev = snode;
			fn(snode, data);
			spin_lock(&export->snode_lock);
		}
		spin_unlock(&export->snode_lock);
		if (prev)
			csv_snode_put(prev);
	}
}

/**
 * csv_export_count - what the nodes hold
 * @export: the volume
 * @pins: (inode, node) pairs that are open
 * @segments: granted segments
 */
void csv_export_count(struct csv_export *export, u64 *pins, u64 *segments)
{
	*pins = atomic64_read(&export->nr_pins);
	*segments = atomic64_read(&export->nr_segments);
}

static void csv_export_drop_one(struct csv_snode *snode, void *data)
{
	u32 node = *(u32 *)data;

	mutex_lock(&snode->seg_mutex);
	csv_segments_drop_node(&snode->segs, node);
	csv_snode_segs_changed(snode);
	mutex_unlock(&snode->seg_mutex);
	csv_snode_unpin(snode, node, U32_MAX);
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
 * csv_export_drop_node - a node was reborn or fenced: it holds nothing any more
 * @export: the volume
 * @node: the node, gone in the sense of csv_node_gone() or with another incarnation
 *
 * Whatever it had asked for is done by then, or never will be.
 */
void csv_export_drop_node(struct csv_export *export, u32 node)
{
	wait_event(export->drop_wait, !csv_export_serves(export, node));
	csv_service_block_wait(export);
	csv_export_for_each(export, csv_export_drop_one, &node);
}

static void csv_export_recall_one(struct csv_snode *snode, void *data)
{
	int *err = data;

	if (*err)
		return;
	*err = down_write_killable(&snode->op_lock) ? -ERESTARTSYS : 0;
	if (*err)
		return;
	*err = csv_snode_recall(snode, NULL, 0, 0, U64_MAX, CSV_SEGMENT_RW_EXCL);
	up_write(&snode->op_lock);
}

static void csv_export_forget_one(struct csv_snode *snode, void *data)
{
	struct csv_pin *pin, *next;
	bool pinned;

	mutex_lock(&snode->seg_mutex);
	pinned = !list_empty(&snode->pins);
	list_for_each_entry_safe(pin, next, &snode->pins, entry) {
		list_del(&pin->entry);
		atomic64_dec(&snode->export->nr_pins);
		kfree(pin);
	}
	mutex_unlock(&snode->seg_mutex);
	if (pinned)
		csv_snode_put(snode);
}

/**
 * csv_export_begin_open - a file is about to be opened
 * @export: the volume, referenced by the caller
 *
 * Return: whether csv_export_end_open() follows; if not, there is about to be
 * another coordinator, which is to be asked
 */
bool csv_export_begin_open(struct csv_export *export)
{
	atomic_inc(&export->opening);
	/* counted, then looked: pairs with csv_export_stop() */
	smp_mb__after_atomic();
	if (!READ_ONCE(export->draining))
		return true;
	csv_export_end_open(export);
	return false;
}

/**
 * csv_export_end_open - it has been opened, or has not
 * @export: the volume
 */
void csv_export_end_open(struct csv_export *export)
{
	if (atomic_dec_and_test(&export->opening))
		wake_up_var(&export->opening);
}

/**
 * csv_export_stop - take back everything and release the lower file system
 * @export: freed on success; no new call finds it any more
 * @force: also while files are open; they come back by their handles
 *
 * Return: 0; -EBUSY while files are open; -ERESTARTSYS when killed while a node
 * had not given back its layouts: everything is as before then
 */
int csv_export_stop(struct csv_export *export, bool force)
{
	struct csv_volume *vol = export->vol;
	int err = 0;

	if (atomic64_read(&export->nr_pins) && !force)
		return -EBUSY;
	/* no more grants; then recalls, while COMMIT and RETURN are still answered */
	WRITE_ONCE(export->draining, true);
	/* pairs with csv_export_begin_open() */
	smp_mb();
	err = wait_var_event_killable(&export->opening, !atomic_read(&export->opening));
	csv_export_for_each(export, csv_export_recall_one, &err);
	if (!err && atomic64_read(&export->nr_pins) && !force)
		err = -EBUSY;
	if (err) {
		WRITE_ONCE(export->draining, false);
		csv_volume_kick(vol);
		return err;
	}
	spin_lock_irq(&vol->lock);
	export->stopping = true;
	vol->export = NULL;
	spin_unlock_irq(&vol->lock);
	csv_export_put(export);
	wait_for_completion(&export->gone);
	csv_export_for_each(export, csv_export_forget_one, NULL);
	csv_lower_sync(&export->lower);
	csv_export_stop_threads(export);
	csv_lower_unmount(&export->lower);
	csv_export_free(export);
	return 0;
}
