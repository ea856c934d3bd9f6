// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs transport: the life of one connection.
 *
 * A connection is made by csv_conn_alloc(), connected by its kind, taken
 * through the handshake, and handed over to the receive work when the link it
 * belongs to is complete. Whoever finds it broken calls csv_conn_fail(), from
 * any process context; that only shuts it down and wakes the peer's work,
 * which ends it by csv_conn_kill(). After csv_conn_kill() nobody reads the
 * pages of its messages, and nothing of it is delivered any more.
 */
#include <linux/slab.h>
#include "conn.h"
#include "peer.h"

/**
 * csv_conn_alloc() - a connection that is not connected yet
 * @cn: node it belongs to
 * @ops: its kind
 * @peer: the other end, or NULL
 * @index: 0: control connection, else data
 *
 * Return: the connection with one reference, or NULL.
 */
struct csv_conn *csv_conn_alloc(struct csv_net *cn, const struct csv_transport_ops *ops,
				struct csv_peer *peer, unsigned int index)
{
	struct csv_conn *conn;

	conn = kzalloc(sizeof(*conn), GFP_NOIO);
	if (!conn)
		return NULL;
	/* An accepted one may still become a control connection. */
	if (!peer || !index) {
		conn->rx.state = kmalloc(CSV_STATE_MAX, GFP_NOIO);
		if (!conn->rx.state) {
			kfree(conn);
			return NULL;
		}
	}
	refcount_set(&conn->ref, 1);
	conn->cn = cn;
	conn->ops = ops;
	if (peer) {
		refcount_inc(&peer->ref);
		conn->peer = peer;
	}
	INIT_LIST_HEAD(&conn->listener_entry);
	init_waitqueue_head(&conn->wait);
	mutex_init(&conn->close_mutex);
	mutex_init(&conn->send_mutex);
	spin_lock_init(&conn->tx_lock);
	INIT_LIST_HEAD(&conn->tx_list);
	INIT_WORK(&conn->rx_work, csv_rx_work);
	INIT_DELAYED_WORK(&conn->tx_work, csv_tx_work);
	conn->hs.io_max = CSV_WIRE_IO_MAX;
	return conn;
}

/**
 * csv_conn_get() - take a reference
 * @conn: connection
 *
 * Return: @conn.
 */
struct csv_conn *csv_conn_get(struct csv_conn *conn)
{
	refcount_inc(&conn->ref);
	return conn;
}

/**
 * csv_conn_put() - drop a reference
 * @conn: connection; ended by csv_conn_kill() before the last one
 */
void csv_conn_put(struct csv_conn *conn)
{
	if (!refcount_dec_and_test(&conn->ref))
		return;
	if (conn->peer)
		csv_peer_put(conn->peer);
	kfree(conn->rx.state);
	kfree(conn);
}

/**
 * csv_conn_start() - hand a connection over to its receive work
 * @conn: after its handshake
 */
void csv_conn_start(struct csv_conn *conn)
{
	WRITE_ONCE(conn->heard, jiffies);
	set_bit(CSV_CONN_RUNNING, &conn->flags);
	/* Something may have come, and been read ahead, before. */
	queue_work(csv_io_wq, &conn->rx_work);
}

/**
 * csv_conn_shutdown() - let nothing pass any more
 * @conn: connection
 *
 * Context: process.
 */
void csv_conn_shutdown(struct csv_conn *conn)
{
	set_bit(CSV_CONN_DEAD, &conn->flags);
	smp_mb__after_atomic();		/* pairs with the one in a kind's connect */
	/* whoever finds it broken may come while it is being destroyed */
	mutex_lock(&conn->close_mutex);
	conn->ops->shutdown(conn);
	mutex_unlock(&conn->close_mutex);
	wake_up_all(&conn->wait);
}

/**
 * csv_conn_fail() - a connection is broken
 * @conn: connection, of a link
 * @fmt: why, for administrators
 *
 * Context: process; the connection's own works, too.
 */
void csv_conn_fail(struct csv_conn *conn, const char *fmt, ...)
{
	struct csv_peer *peer = conn->peer;
	struct va_format vaf;
	va_list args;

	if (test_and_set_bit(CSV_CONN_DEAD, &conn->flags))
		return;
	va_start(args, fmt);
	vaf.fmt = fmt;
	vaf.va = &args;
	if (peer)
		csv_peer_set_error(peer, "%pV", &vaf);
	va_end(args);
	csv_conn_shutdown(conn);
	if (peer)
		csv_link_kick(peer);
}

/**
 * csv_conn_kill() - end a connection
 * @conn: connection
 *
 * Context: process, not the connection's own works. On return no work of it
 * runs, every message was given back, and its pages are not read any more.
 */
void csv_conn_kill(struct csv_conn *conn)
{
	csv_conn_shutdown(conn);
	disable_work_sync(&conn->rx_work);	/* nothing is delivered from here on */
	disable_delayed_work_sync(&conn->tx_work);
	csv_conn_close_tx(conn);		/* nor sent */
	csv_rx_abort(conn);			/* a message received in part never came */
	mutex_lock(&conn->close_mutex);
	conn->ops->destroy(conn);
	mutex_unlock(&conn->close_mutex);
}

/**
 * csv_conn_readable() - called by the kind of connection: there is something
 * @conn: connection
 *
 * Also when it broke. Context: any.
 */
void csv_conn_readable(struct csv_conn *conn)
{
	if (test_bit(CSV_CONN_RUNNING, &conn->flags)) {
		queue_work(csv_io_wq, &conn->rx_work);
		return;
	}
	set_bit(CSV_CONN_READABLE, &conn->flags);
	wake_up_all(&conn->wait);
}

/**
 * csv_conn_writable() - called by the kind of connection: send again
 * @conn: connection
 *
 * Context: any.
 */
void csv_conn_writable(struct csv_conn *conn)
{
	mod_delayed_work(csv_io_wq, &conn->tx_work, 0);
}
