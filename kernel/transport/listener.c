// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs transport: where peers dial in.
 *
 * A connection that comes in belongs to the listener until its handshake is
 * over, then to the link of its peer. Not more than CSV_HANDSHAKES_MAX are in
 * their handshake at a time, since they have not said who they are. Another one
 * takes the place of the oldest: a peer needs a moment only, and gets through
 * among any number of strangers that are silent.
 */
#include <linux/slab.h>
#include "conn.h"
#include "peer.h"

#define CSV_HANDSHAKES_MAX	256
#define CSV_HANDSHAKES_ENDING	64	/* more, of which as many have been ended */

/* The handshake of @conn is over: the listener forgets it. */
static void csv_listener_forget(struct csv_conn *conn)
{
	struct csv_listener *listener = conn->listener;

	spin_lock(&listener->lock);
	list_del_init(&conn->listener_entry);
	if (!--listener->nr_conns)
		wake_up_all(&listener->idle);
	/* The listener may be gone from here on. */
	spin_unlock(&listener->lock);
}

static void csv_listener_handshake(struct work_struct *work)
{
	struct csv_conn *conn = container_of(work, struct csv_conn, handshake_work);
	struct csv_peer *peer;
	int ret, err;

	ret = csv_handshake_accept(conn);
	if (ret)
		goto out_kill;
	peer = conn->peer;
	csv_conn_get(conn);
	ret = csv_link_attach(peer, conn);
	err = csv_handshake_ready(conn, ret);
	if (ret) {
		csv_conn_put(conn);
		goto out_kill;
	}
	if (err)
		csv_conn_fail(conn, "the handshake was not completed (%d)", err);
	else
		set_bit(CSV_CONN_READY, &conn->flags);
	csv_link_kick(peer);
	csv_listener_forget(conn);
	csv_conn_put(conn);
	return;

out_kill:
	csv_conn_kill(conn);
	csv_listener_forget(conn);
	csv_conn_put(conn);
}

/* The oldest that is in its handshake and was not shut down, referenced, or NULL. */
static struct csv_conn *csv_listener_next_locked(struct csv_listener *listener)
{
	struct csv_conn *conn;

	lockdep_assert_held(&listener->lock);
	list_for_each_entry(conn, &listener->conns, listener_entry)
		if (!csv_conn_is_dead(conn))
			return csv_conn_get(conn);
	return NULL;
}

/**
 * csv_listener_accept() - called by the kind of connection: one has come in
 * @listener: listener
 * @priv: the kind's own
 * @attach: sets csv_conn.priv to @priv, before the handshake begins
 *
 * Context: process.
 * Return: 0, or an error: it was not taken.
 */
int csv_listener_accept(struct csv_listener *listener, void *priv,
			void (*attach)(struct csv_conn *conn, void *priv))
{
	struct csv_conn *conn, *oldest = NULL;
	int ret = 0;

	conn = csv_conn_alloc(listener->cn, listener->ops, NULL, 0);
	if (!conn)
		return -ENOMEM;
	conn->addr = listener->addr;
	conn->listener = listener;
	INIT_WORK(&conn->handshake_work, csv_listener_handshake);
	spin_lock(&listener->lock);
	if (listener->stopping)
		ret = -ESHUTDOWN;
	else if (listener->nr_conns >= CSV_HANDSHAKES_MAX + CSV_HANDSHAKES_ENDING)
		ret = -EBUSY;
	else if (listener->nr_conns >= CSV_HANDSHAKES_MAX)
		oldest = csv_listener_next_locked(listener);
	if (!ret) {
		list_add_tail(&conn->listener_entry, &listener->conns);
		listener->nr_conns++;
	}
	spin_unlock(&listener->lock);
	if (ret) {
		csv_conn_put(conn);
		return ret;
	}
	if (oldest) {
		csv_conn_shutdown(oldest);
		csv_conn_put(oldest);
	}
	attach(conn, priv);
	queue_work(csv_guest_wq, &conn->handshake_work);
	return 0;
}

static struct csv_conn *csv_listener_next(struct csv_listener *listener)
{
	struct csv_conn *found;

	spin_lock(&listener->lock);
	found = csv_listener_next_locked(listener);
	spin_unlock(&listener->lock);
	return found;
}

static void csv_listener_stop_one(struct csv_listener *listener)
{
	struct csv_conn *conn;

	list_del(&listener->entry);
	spin_lock(&listener->lock);
	listener->stopping = true;
	spin_unlock(&listener->lock);
	listener->ops->unlisten(listener);
	while ((conn = csv_listener_next(listener))) {
		csv_conn_shutdown(conn);
		csv_conn_put(conn);
	}
	wait_event(listener->idle, !READ_ONCE(listener->nr_conns));
	/* The last one may still hold the lock. */
	spin_lock(&listener->lock);
	spin_unlock(&listener->lock);
	kfree(listener);
}

/**
 * csv_listener_stop() - let nobody dial in any more
 * @cn: this node; nothing happens if it has no listeners
 *
 * Links that were formed stay. Context: csv_net.control_mutex; waits for
 * handshakes to end.
 */
void csv_listener_stop(struct csv_net *cn)
{
	struct csv_listener *listener, *next;

	list_for_each_entry_safe(listener, next, &cn->listeners, entry)
		csv_listener_stop_one(listener);
}

static int csv_listener_start_one(struct csv_net *cn, const struct csv_transport_ops *ops,
				  const struct sockaddr_storage *addr, bool absent)
{
	struct csv_listener *listener;
	int ret;

	listener = kzalloc(sizeof(*listener), GFP_KERNEL);
	if (!listener)
		return -ENOMEM;
	listener->cn = cn;
	listener->ops = ops;
	listener->addr = *addr;
	listener->absent = absent;
	spin_lock_init(&listener->lock);
	INIT_LIST_HEAD(&listener->conns);
	init_waitqueue_head(&listener->idle);
	ret = ops->listen(listener);
	if (ret) {
		kfree(listener);
		return ret;
	}
	list_add_tail(&listener->entry, &cn->listeners);
	return 0;
}

/**
 * csv_listener_start() - let peers dial in
 * @cn: this node, without listeners
 * @type: kind of connections
 * @addrs: where to listen
 * @nr: of these, up to CSV_ADDRS_MAX
 * @at: the one that an error is about
 *
 * One interface that is missing is no reason to be without the others: it is
 * enough that there is one, and the rest may come later.
 * Context: csv_net.control_mutex.
 * Return: 0 or an error, without listeners then.
 */
int csv_listener_start(struct csv_net *cn, enum csv_transport_type type,
		       const struct sockaddr_storage *addrs, unsigned int nr, unsigned int *at)
{
	const struct csv_transport_ops *ops = csv_transport_find(type);
	unsigned int i, count = 0;
	unsigned long absent = 0;
	int ret = 0;

	*at = 0;
	if (!ops)
		return -EOPNOTSUPP;
	if (!list_empty(&cn->listeners))
		return -EBUSY;
	for (i = 0; i < nr; i++) {
		ret = csv_listener_start_one(cn, ops, &addrs[i], false);
		if (ret == -EADDRNOTAVAIL)
			absent |= BIT(i);
		else if (ret)
			goto out_stop;
		else
			count++;
	}
	i = 0;
	ret = -EADDRNOTAVAIL;
	if (!count)
		goto out_stop;
	for_each_set_bit(i, &absent, nr) {
		ret = csv_listener_start_one(cn, ops, &addrs[i], true);
		if (ret)
			goto out_stop;
		pr_warn("no interface has %pISpc: nobody reaches this node there\n", &addrs[i]);
	}
	return 0;

out_stop:
	*at = i;
	csv_listener_stop(cn);
	return ret;
}

/**
 * csv_listener_restart() - let nobody dial in for a moment
 * @cn: this node; nothing happens if it has no listeners
 *
 * Context: as csv_listener_stop().
 * Return: 0 or an error, without listeners then.
 */
int csv_listener_restart(struct csv_net *cn)
{
	struct sockaddr_storage addrs[CSV_ADDRS_MAX];
	struct csv_listener *listener;
	enum csv_transport_type type = 0;
	unsigned int nr = 0, at;

	list_for_each_entry(listener, &cn->listeners, entry) {
		type = listener->ops->type;
		addrs[nr++] = listener->addr;
	}
	if (!nr)
		return 0;
	csv_listener_stop(cn);
	return csv_listener_start(cn, type, addrs, nr, &at);
}
