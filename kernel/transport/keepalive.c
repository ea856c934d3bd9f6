// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs transport: signs of life.
 *
 * Every second each side sends a PING over the control connection, which
 * carries the state of its volumes, and the other answers by an empty PONG.
 * A link is dropped when nothing comes over the control connection for
 * CSV_DEAD_MS, or not the rest of a message over any other. As often, with a link
 * or without, what is under way for processes that are being killed is cancelled.
 */
#include <linux/slab.h>
#include "conn.h"
#include "peer.h"

#define CSV_PING_MS	1000

static void csv_keepalive_tx_done(struct csv_tx *tx)
{
	/* Pairs with the smp_load_acquire() of whoever sends it next. */
	smp_store_release(&tx->busy, false);
}

static void csv_keepalive_fill(struct csv_wire_hdr *hdr, u8 type, u32 len)
{
	memset(hdr, 0, sizeof(*hdr));
	hdr->type = type;
	hdr->hlen = sizeof(*hdr) / 8;
	hdr->doff = sizeof(*hdr) / 8;
	hdr->plen = cpu_to_le32(len);
}

static void csv_keepalive_ping(struct csv_peer *peer, struct csv_conn *conn)
{
	u8 *state = peer->ping_buf + sizeof(struct csv_wire_hdr);
	struct kvec vec = { .iov_base = state };
	struct iov_iter data;

	/* Pairs with csv_keepalive_tx_done(). */
	if (smp_load_acquire(&peer->ping.busy))
		return;
	if (csv_upcalls->state_fill)
		vec.iov_len = csv_upcalls->state_fill(peer->cn, &peer->state_cursor, state,
						      CSV_STATE_MAX);
	csv_keepalive_fill((struct csv_wire_hdr *)peer->ping_buf, CSV_MSG_PING, vec.iov_len);
	peer->ping_vec = vec;
	iov_iter_kvec(&data, ITER_SOURCE, &peer->ping_vec, 1, vec.iov_len);
	csv_tx_init(&peer->ping, peer->ping_buf, sizeof(struct csv_wire_hdr), &data);
	peer->ping.busy = true;
	csv_conn_send(conn, &peer->ping);
}

static bool csv_keepalive_is_dead(const struct csv_conn *conn, unsigned int index)
{
	if (index && !READ_ONCE(conn->partial))
		return false;
	return time_after(jiffies, READ_ONCE(conn->heard) + msecs_to_jiffies(CSV_DEAD_MS));
}

static void csv_keepalive_check(struct csv_peer *peer)
{
	struct csv_conn *conn;
	unsigned int i;

	for (i = 0; i < CSV_CONNS; i++) {
		spin_lock(&peer->lock);
		conn = peer->up ? csv_conn_get(peer->conns[i]) : NULL;
		spin_unlock(&peer->lock);
		if (!conn)
			return;
		if (csv_keepalive_is_dead(conn, i))
			csv_conn_fail(conn, "no sign of life for %u ms", CSV_DEAD_MS);
		else if (!i)
			csv_keepalive_ping(peer, conn);
		csv_conn_put(conn);
	}
}

static void csv_keepalive_work(struct work_struct *work)
{
	struct csv_peer *peer = container_of(to_delayed_work(work), struct csv_peer,
					     keepalive_work);

	csv_keepalive_check(peer);
	csv_session_cancel_killed(peer);
	queue_delayed_work(csv_link_wq, &peer->keepalive_work, msecs_to_jiffies(CSV_PING_MS));
}

/**
 * csv_keepalive_init() - of a new peer
 * @peer: peer
 *
 * Return: 0 or -ENOMEM.
 */
int csv_keepalive_init(struct csv_peer *peer)
{
	INIT_DELAYED_WORK(&peer->keepalive_work, csv_keepalive_work);
	peer->ping.done = csv_keepalive_tx_done;
	peer->pong.done = csv_keepalive_tx_done;
	peer->ping_buf = kmalloc(CSV_STATE_MAX + sizeof(struct csv_wire_hdr), GFP_KERNEL);
	return peer->ping_buf ? 0 : -ENOMEM;
}

/**
 * csv_keepalive_start() - the peer is new, or its link has come up
 * @peer: peer
 */
void csv_keepalive_start(struct csv_peer *peer)
{
	mod_delayed_work(csv_link_wq, &peer->keepalive_work, 0);
}

/**
 * csv_keepalive_stop() - the link is down for good
 * @peer: peer
 *
 * Context: process, waits for the work.
 */
void csv_keepalive_stop(struct csv_peer *peer)
{
	cancel_delayed_work_sync(&peer->keepalive_work);
}

/**
 * csv_peer_tell_all() - this node's state has changed: a keepalive carries it now
 * @cn: node
 *
 * Context: process
 */
void csv_peer_tell_all(struct csv_net *cn)
{
	struct csv_peer *peer;
	unsigned long id;

	xa_for_each(&cn->peers, id, peer) {
		peer = csv_peer_get(cn, id);
		if (!peer)
			continue;
		/* not after csv_keepalive_stop(), which comes behind the end of @up */
		spin_lock(&peer->lock);
		if (peer->up)
			mod_delayed_work(csv_link_wq, &peer->keepalive_work, 0);
		spin_unlock(&peer->lock);
		csv_peer_put(peer);
	}
}

/**
 * csv_keepalive_begin() - the header of a PING or PONG has come
 * @conn: connection
 * @hdr: header
 *
 * Return: 0 or -EPROTO.
 */
int csv_keepalive_begin(struct csv_conn *conn, const struct csv_wire_hdr *hdr)
{
	struct csv_rx *rx = &conn->rx;
	struct kvec *vec = &rx->state_vec;

	if (hdr->type != CSV_MSG_PING || !rx->left)
		return 0;
	if (conn->hs.index || !rx->state || rx->left > CSV_STATE_MAX)
		return -EPROTO;
	vec->iov_base = rx->state;
	vec->iov_len = rx->left;
	iov_iter_kvec(&rx->to, ITER_DEST, vec, 1, rx->left);
	return 0;
}

/**
 * csv_keepalive_end() - a PING or PONG is complete
 * @conn: connection
 * @hdr: header
 */
void csv_keepalive_end(struct csv_conn *conn, const struct csv_wire_hdr *hdr)
{
	struct csv_peer *peer = conn->peer;
	u32 len = le32_to_cpu(hdr->plen);

	if (hdr->type != CSV_MSG_PING || conn->hs.index || conn->rx.damaged)
		return;
	if (len && csv_upcalls->state_recv)
		csv_upcalls->state_recv(peer->cn, peer->node, conn->rx.state, len);
	/* Pairs with csv_keepalive_tx_done(). */
	if (smp_load_acquire(&peer->pong.busy))
		return;
	csv_keepalive_fill(&peer->pong_hdr, CSV_MSG_PONG, 0);
	csv_tx_init(&peer->pong, &peer->pong_hdr, sizeof(peer->pong_hdr), NULL);
	peer->pong.busy = true;
	csv_conn_send(conn, &peer->pong);
}
