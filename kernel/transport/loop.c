// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs transport: connections between namespaces of one kernel, in memory,
 * for tests.
 *
 * Listeners are known by their address, whatever namespace they are in. What
 * can go wrong on a wire is set in debugfs, below csvfs/loop/, and happens to
 * established connections only:
 *
 *	drop		one of N messages is lost, and the connection with it
 *	disconnect	the connection breaks after one of N messages
 *	duplicate	one of N messages comes twice
 *	corrupt		one of N messages has a bit flipped: anywhere if there is a digest of
 *			its data, else in its header
 *	delay		every message takes N ms
 */
#include <linux/debugfs.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/random.h>
#include <linux/slab.h>
#include "conn.h"
#include "peer.h"

#define CSV_LOOP_QUEUE_MAX	(4u << 20)

struct csv_loop_seg {
	struct list_head entry;
	unsigned long due;
	unsigned int len;
	unsigned int pos;
	u8 data[];
};

/**
 * struct csv_loop_end - one end
 * @pair: both
 * @conn: NULL when it was destroyed
 * @segs: on their way here, in order
 * @queued: bytes of them
 * @blocked: the other end waits for space
 * @work: the first of @segs is due
 */
struct csv_loop_end {
	struct csv_loop_pair *pair;
	struct csv_conn *conn;
	struct list_head segs;
	size_t queued;
	bool blocked;
	struct delayed_work work;
};

struct csv_loop_pair {
	refcount_t ref;
	spinlock_t lock;	/* protects all but what is said otherwise */
	bool broken;
	struct csv_loop_end end[2];
};

static DEFINE_MUTEX(csv_loop_mutex);	/* protects csv_loop_listeners */
static LIST_HEAD(csv_loop_listeners);

struct csv_loop_listener {
	struct list_head entry;
	struct csv_listener *listener;
};

static struct {
	u32 drop, disconnect, duplicate, corrupt, delay;
} csv_loop_faults;
static struct dentry *csv_loop_dir, *csv_loop_top;	/* top: if made here */

static struct csv_loop_end *csv_loop_other(struct csv_loop_end *end)
{
	return &end->pair->end[end == &end->pair->end[0]];
}

static bool csv_loop_hits(const u32 *knob)
{
	u32 n = READ_ONCE(*knob);

	return n && !get_random_u32_below(n);
}

/* Under the lock: something happened that @end should look at. */
static void csv_loop_wake(struct csv_loop_end *end)
{
	lockdep_assert_held(&end->pair->lock);
	if (end->conn)
		csv_conn_readable(end->conn);
}

static void csv_loop_break(struct csv_loop_pair *pair)
{
	spin_lock(&pair->lock);
	pair->broken = true;
	csv_loop_wake(&pair->end[0]);
	csv_loop_wake(&pair->end[1]);
	spin_unlock(&pair->lock);
}

static void csv_loop_due(struct work_struct *work)
{
	struct csv_loop_end *end = container_of(to_delayed_work(work), struct csv_loop_end, work);

	spin_lock(&end->pair->lock);
	csv_loop_wake(end);
	spin_unlock(&end->pair->lock);
}

static struct csv_loop_pair *csv_loop_alloc(void)
{
	struct csv_loop_pair *pair = kzalloc(sizeof(*pair), GFP_NOIO);
	unsigned int i;

	if (!pair)
		return NULL;
	refcount_set(&pair->ref, 2);
	spin_lock_init(&pair->lock);
	for (i = 0; i < 2; i++) {
		pair->end[i].pair = pair;
		INIT_LIST_HEAD(&pair->end[i].segs);
		INIT_DELAYED_WORK(&pair->end[i].work, csv_loop_due);
	}
	return pair;
}

static void csv_loop_queue(struct csv_loop_end *end, struct csv_loop_seg *seg)
{
	u32 delay = READ_ONCE(csv_loop_faults.delay);

	seg->due = jiffies + msecs_to_jiffies(delay);
	spin_lock(&end->pair->lock);
	if (end->pair->broken) {	/* nobody may be there to free it */
		spin_unlock(&end->pair->lock);
		kvfree(seg);
		return;
	}
	list_add_tail(&seg->entry, &end->segs);
	end->queued += seg->len;
	if (delay)
		queue_delayed_work(csv_io_wq, &end->work, msecs_to_jiffies(delay));
	else
		csv_loop_wake(end);
	spin_unlock(&end->pair->lock);
}

static struct csv_loop_seg *csv_loop_copy(struct csv_tx *tx)
{
	struct iov_iter data = tx->data;
	size_t len = iov_iter_count(&data);
	struct csv_loop_seg *seg;

	seg = kvmalloc(struct_size(seg, data, csv_tx_left(tx)), GFP_NOIO);
	if (!seg)
		return NULL;
	seg->len = csv_tx_left(tx);
	seg->pos = 0;
	memcpy(seg->data, tx->hdr, tx->hlen);
	if (copy_from_iter(seg->data + tx->hlen, len, &data) != len) {
		kvfree(seg);
		return NULL;
	}
	memcpy(seg->data + tx->hlen + len, &tx->digest, tx->digest_left);
	return seg;
}

/* Let one of the faults befall @seg; true: it is lost. */
static bool csv_loop_inject(struct csv_loop_end *to, struct csv_tx *tx, struct csv_loop_seg *seg)
{
	const struct csv_wire_hdr *hdr = tx->hdr;
	struct csv_loop_seg *twin;

	if (hdr->type < CSV_MSG_REQ)
		return false;
	if (csv_loop_hits(&csv_loop_faults.drop)) {
		csv_loop_break(to->pair);
		return true;
	}
	if (csv_loop_hits(&csv_loop_faults.duplicate)) {
		twin = csv_loop_copy(tx);
		if (twin)
			csv_loop_queue(to, twin);
	}
	if (csv_loop_hits(&csv_loop_faults.corrupt))
		seg->data[get_random_u32_below(tx->digest_left ? seg->len : tx->hlen)] ^=
			BIT(get_random_u32_below(8));
	return false;
}

static int csv_loop_send(struct csv_conn *conn, struct csv_tx *tx)
{
	struct csv_loop_end *end = conn->priv, *to = csv_loop_other(end);
	struct csv_loop_pair *pair = end->pair;
	struct csv_loop_seg *seg;
	int ret = 0;

	spin_lock(&pair->lock);
	if (pair->broken) {
		ret = -EPIPE;
	} else if (to->queued > CSV_LOOP_QUEUE_MAX) {
		to->blocked = true;
		ret = -EAGAIN;
	}
	spin_unlock(&pair->lock);
	if (ret)
		return ret;

	seg = csv_loop_copy(tx);
	if (!seg)
		return -ENOMEM;
	if (csv_loop_inject(to, tx, seg))
		kvfree(seg);
	else
		csv_loop_queue(to, seg);
	if (((struct csv_wire_hdr *)tx->hdr)->type >= CSV_MSG_REQ &&
	    csv_loop_hits(&csv_loop_faults.disconnect))
		csv_loop_break(pair);
	tx->pos = tx->hlen;
	iov_iter_advance(&tx->data, iov_iter_count(&tx->data));
	tx->digest_left = 0;
	return 0;
}

/* The first segment, if it is due. Nobody else takes it away. */
static struct csv_loop_seg *csv_loop_first(struct csv_loop_end *end, int *ret)
{
	struct csv_loop_pair *pair = end->pair;
	struct csv_loop_seg *seg;

	spin_lock(&pair->lock);
	seg = list_first_entry_or_null(&end->segs, struct csv_loop_seg, entry);
	if (!seg) {
		*ret = pair->broken ? -ECONNRESET : -EAGAIN;
	} else if (time_before(jiffies, seg->due)) {
		mod_delayed_work(csv_io_wq, &end->work, seg->due - jiffies);
		seg = NULL;
		*ret = -EAGAIN;
	}
	spin_unlock(&pair->lock);
	return seg;
}

static int csv_loop_recv(struct csv_conn *conn, struct iov_iter *to)
{
	struct csv_loop_end *end = conn->priv, *other = csv_loop_other(end);
	struct csv_loop_seg *seg;
	size_t n;
	int ret;

	seg = csv_loop_first(end, &ret);
	if (!seg)
		return ret;
	n = min_t(size_t, seg->len - seg->pos, iov_iter_count(to));
	if (iov_iter_is_discard(to))
		iov_iter_advance(to, n);
	else
		n = copy_to_iter(seg->data + seg->pos, n, to);
	if (!n)
		return -EFAULT;
	seg->pos += n;
	if (seg->pos < seg->len)
		return n;

	spin_lock(&end->pair->lock);
	list_del(&seg->entry);
	end->queued -= seg->len;
	if (end->blocked && end->queued <= CSV_LOOP_QUEUE_MAX / 2) {
		end->blocked = false;
		if (other->conn)
			csv_conn_writable(other->conn);
	}
	spin_unlock(&end->pair->lock);
	kvfree(seg);
	return n;
}

static void csv_loop_shutdown(struct csv_conn *conn)
{
	struct csv_loop_end *end = READ_ONCE(conn->priv);

	if (end)
		csv_loop_break(end->pair);
}

static void csv_loop_put(struct csv_loop_pair *pair)
{
	if (refcount_dec_and_test(&pair->ref))
		kfree(pair);
}

static void csv_loop_destroy(struct csv_conn *conn)
{
	struct csv_loop_end *end = conn->priv;
	struct csv_loop_seg *seg, *next;
	LIST_HEAD(segs);

	if (!end)
		return;
	spin_lock(&end->pair->lock);
	end->conn = NULL;
	list_splice_init(&end->segs, &segs);
	spin_unlock(&end->pair->lock);
	cancel_delayed_work_sync(&end->work);
	list_for_each_entry_safe(seg, next, &segs, entry)
		kvfree(seg);
	conn->priv = NULL;
	csv_loop_put(end->pair);
}

static bool csv_loop_is_addr(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
	const struct sockaddr_in6 *a6 = (const void *)a, *b6 = (const void *)b;
	const struct sockaddr_in *a4 = (const void *)a, *b4 = (const void *)b;

	if (a->ss_family != b->ss_family)
		return false;
	if (a->ss_family == AF_INET)
		return a4->sin_port == b4->sin_port &&
		       a4->sin_addr.s_addr == b4->sin_addr.s_addr;
	return a6->sin6_port == b6->sin6_port &&
	       !memcmp(&a6->sin6_addr, &b6->sin6_addr, sizeof(a6->sin6_addr));
}

static struct csv_loop_listener *csv_loop_find(const struct sockaddr_storage *addr)
{
	struct csv_loop_listener *ll;

	lockdep_assert_held(&csv_loop_mutex);
	list_for_each_entry(ll, &csv_loop_listeners, entry)
		if (csv_loop_is_addr(&ll->listener->addr, addr))
			return ll;
	return NULL;
}

static void csv_loop_attach(struct csv_conn *conn, void *priv)
{
	struct csv_loop_end *end = priv;

	conn->priv = end;
	spin_lock(&end->pair->lock);
	end->conn = conn;
	csv_loop_wake(end);
	spin_unlock(&end->pair->lock);
}

static int csv_loop_connect(struct csv_conn *conn, const struct sockaddr_storage *addr)
{
	struct csv_loop_listener *ll;
	struct csv_loop_pair *pair;
	int ret = -ECONNREFUSED;

	pair = csv_loop_alloc();
	if (!pair)
		return -ENOMEM;
	pair->end[0].conn = conn;
	mutex_lock(&csv_loop_mutex);
	ll = csv_loop_find(addr);
	if (ll)
		ret = csv_listener_accept(ll->listener, &pair->end[1], csv_loop_attach);
	mutex_unlock(&csv_loop_mutex);
	if (ret) {
		kfree(pair);
		return ret;
	}
	smp_store_mb(conn->priv, &pair->end[0]);	/* pairs with csv_conn_shutdown() */
	return csv_conn_is_dead(conn) ? -ESHUTDOWN : 0;
}

static int csv_loop_listen(struct csv_listener *listener)
{
	struct csv_loop_listener *ll = kzalloc(sizeof(*ll), GFP_KERNEL);
	int ret = 0;

	if (!ll)
		return -ENOMEM;
	ll->listener = listener;
	mutex_lock(&csv_loop_mutex);
	if (csv_loop_find(&listener->addr))
		ret = -EADDRINUSE;
	else
		list_add(&ll->entry, &csv_loop_listeners);
	mutex_unlock(&csv_loop_mutex);
	if (ret) {
		kfree(ll);
		return ret;
	}
	listener->priv = ll;
	return 0;
}

static void csv_loop_unlisten(struct csv_listener *listener)
{
	struct csv_loop_listener *ll = listener->priv;

	mutex_lock(&csv_loop_mutex);
	list_del(&ll->entry);
	mutex_unlock(&csv_loop_mutex);
	kfree(ll);
	listener->priv = NULL;
}

static int csv_loop_init(void)
{
	struct dentry *top = debugfs_lookup("csvfs", NULL);

	if (!top) {
		csv_loop_top = debugfs_create_dir("csvfs", NULL);
		top = csv_loop_top;
	} else {
		dput(top);	/* stays: it belongs to whoever made it */
	}
	csv_loop_dir = debugfs_create_dir("loop", top);
	debugfs_create_u32("drop", 0600, csv_loop_dir, &csv_loop_faults.drop);
	debugfs_create_u32("disconnect", 0600, csv_loop_dir, &csv_loop_faults.disconnect);
	debugfs_create_u32("duplicate", 0600, csv_loop_dir, &csv_loop_faults.duplicate);
	debugfs_create_u32("corrupt", 0600, csv_loop_dir, &csv_loop_faults.corrupt);
	debugfs_create_u32("delay", 0600, csv_loop_dir, &csv_loop_faults.delay);
	return 0;
}

static void csv_loop_exit(void)
{
	debugfs_remove(csv_loop_dir);
	debugfs_remove(csv_loop_top);
	csv_loop_top = NULL;
}

const struct csv_transport_ops csv_loop_ops = {
	.type = CSV_TRANSPORT_LOOP,
	.owner = THIS_MODULE,
	.name = "loop",
	.init = csv_loop_init,
	.exit = csv_loop_exit,
	.listen = csv_loop_listen,
	.unlisten = csv_loop_unlisten,
	.connect = csv_loop_connect,
	.send = csv_loop_send,
	.recv = csv_loop_recv,
	.shutdown = csv_loop_shutdown,
	.destroy = csv_loop_destroy,
};
