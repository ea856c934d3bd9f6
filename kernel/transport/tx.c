// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs transport: sending on one connection.
 *
 * Messages queue up in csv_conn.tx_list. Whoever adds one tries to be the
 * sender, by csv_conn.send_mutex, and sends what is there without ever
 * blocking; so the submitter of a request usually sends it itself, and a
 * receive work may send as well. What does not fit is left to the send work,
 * which the kind of connection wakes by csv_conn_writable().
 */
#include <linux/bvec.h>
#include <linux/crc32c.h>
#include <linux/iov_iter.h>
#include <linux/net.h>
#include "conn.h"
#include "peer.h"

#define CSV_TX_BUDGET	64

/**
 * csv_tx_init() - prepare a message
 * @tx: message; tx->done is the caller's
 * @hdr: header and operation header; csv_conn_send() seals it
 * @hlen: bytes of it
 * @data: source of its data, not advanced; NULL: none
 */
void csv_tx_init(struct csv_tx *tx, void *hdr, unsigned int hlen, const struct iov_iter *data)
{
	tx->hdr = hdr;
	tx->hlen = hlen;
	tx->pos = 0;
	tx->digest_left = 0;
	tx->splice = false;
	if (data)
		tx->data = *data;
	else
		iov_iter_kvec(&tx->data, ITER_SOURCE, NULL, 0, 0);
}

/**
 * csv_tx_set_splice() - send without a copy, where that is possible
 * @tx: message whose pages nobody writes to, nor uses again otherwise, until
 *	the other side has received them
 */
void csv_tx_set_splice(struct csv_tx *tx)
{
	size_t left = iov_iter_count(&tx->data);
	size_t skip = tx->data.iov_offset;
	const struct bio_vec *bv;

	if (left < CSV_TX_SPLICE_MIN || !iov_iter_is_bvec(&tx->data))
		return;
	for (bv = tx->data.bvec; left; bv++) {
		size_t len = min_t(size_t, bv->bv_len - skip, left);

		if (!sendpages_ok(bv->bv_page, len, bv->bv_offset + skip))
			return;
		left -= len;
		skip = 0;
	}
	tx->splice = true;
}

/* Sends what is queued. 0: all; 1: there is more; -EAGAIN: it does not fit; -ENOMEM */
static int csv_conn_drain(struct csv_conn *conn)
{
	struct csv_peer *peer = conn->peer;
	unsigned int budget = CSV_TX_BUDGET;
	struct csv_tx *tx;
	int ret;

	lockdep_assert_held(&conn->send_mutex);
	while (budget--) {
		size_t len;

		spin_lock(&conn->tx_lock);
		tx = list_first_entry_or_null(&conn->tx_list, struct csv_tx, entry);
		spin_unlock(&conn->tx_lock);
		if (!tx)
			return 0;
		if (csv_conn_is_dead(conn))
			return -EPIPE;
		len = csv_tx_left(tx);
		ret = conn->ops->send(conn, tx);
		len -= csv_tx_left(tx);
		if (peer)
			atomic64_add(len, &peer->bytes_sent);
		if (ret)
			return ret;
		spin_lock(&conn->tx_lock);
		list_del(&tx->entry);
		spin_unlock(&conn->tx_lock);
		if (peer)
			atomic64_inc(&peer->msgs_sent);
		tx->done(tx);
	}
	return 1;
}

/*
 * Sends, unless somebody else does and @wait is not set. The send work waits: it was called
 * because there is room again, of which whoever is just giving up does not know.
 */
static void csv_conn_push(struct csv_conn *conn, bool wait)
{
	int ret;

	do {
		/*
		 * Pairs with the barrier below: either we see the mutex free,
		 * or its holder sees our message after unlocking.
		 */
		smp_mb();
		if (wait)
			mutex_lock(&conn->send_mutex);
		else if (!mutex_trylock(&conn->send_mutex))
			return;
		ret = csv_conn_drain(conn);
		mutex_unlock(&conn->send_mutex);
		smp_mb();	/* pairs with the one above */
	} while (!ret && !list_empty_careful(&conn->tx_list));

	if (ret == 1)
		mod_delayed_work(csv_io_wq, &conn->tx_work, 0);
	else if (ret == -ENOMEM)
		queue_delayed_work(csv_io_wq, &conn->tx_work, msecs_to_jiffies(CSV_TX_MEMORY_MS));
	else if (ret && ret != -EAGAIN)
		csv_conn_fail(conn, "sending failed (%d)", ret);
}

/**
 * csv_tx_work() - send what did not fit
 * @work: csv_conn.tx_work
 */
void csv_tx_work(struct work_struct *work)
{
	csv_conn_push(container_of(to_delayed_work(work), struct csv_conn, tx_work), true);
}

static size_t csv_iter_digest_step(void *base, size_t progress, size_t len, void *crc, void *unused)
{
	*(u32 *)crc = crc32c(*(u32 *)crc, base, len);
	return 0;
}

/**
 * csv_iter_digest() - CRC32C of data
 * @iter: over kernel memory or pages, none of it advanced
 *
 * Return: the digest as it travels behind the data.
 */
u32 csv_iter_digest(struct iov_iter iter)
{
	u32 crc = ~0u;

	iterate_and_advance_kernel(&iter, iov_iter_count(&iter), &crc, NULL, csv_iter_digest_step);
	return crc;
}

/* What depends on the link: whether a digest follows the data. Then nothing changes any more. */
static void csv_conn_seal(struct csv_conn *conn, struct csv_tx *tx)
{
	struct csv_wire_hdr *hdr = tx->hdr;

	hdr->flags = 0;
	if (conn->hs.ddgst && iov_iter_count(&tx->data)) {
		hdr->flags = CSV_WIRE_F_DDGST;
		tx->digest = cpu_to_le32(csv_iter_digest(tx->data));
		tx->digest_left = sizeof(tx->digest);
	}
	csv_wire_seal(hdr, tx->hlen);
}

/**
 * csv_conn_send() - send a message, now or as soon as it fits
 * @conn: connection, referenced by the caller
 * @tx: message, tx->busy set; tx->done() is called once
 *
 * Context: process; does not block for the other side.
 */
void csv_conn_send(struct csv_conn *conn, struct csv_tx *tx)
{
	bool closed;

	csv_conn_seal(conn, tx);
	spin_lock(&conn->tx_lock);
	closed = conn->tx_closed;
	if (!closed)
		list_add_tail(&tx->entry, &conn->tx_list);
	spin_unlock(&conn->tx_lock);
	if (closed) {
		mutex_lock(&conn->send_mutex);
		tx->done(tx);
		mutex_unlock(&conn->send_mutex);
		return;
	}
	csv_conn_push(conn, false);
}

/**
 * csv_conn_settle() - let the sender finish with messages that are out
 * @conn: connection
 *
 * The other side may have answered a message whose sender did not get to say
 * so yet. After this, a message that is still busy was not sent completely.
 */
void csv_conn_settle(struct csv_conn *conn)
{
	mutex_lock(&conn->send_mutex);
	mutex_unlock(&conn->send_mutex);
	/* who found the mutex taken has left it to us: as in csv_conn_push() */
	smp_mb();
	if (!list_empty_careful(&conn->tx_list))
		csv_conn_push(conn, true);
}

/**
 * csv_conn_close_tx() - give back all messages, take no more
 * @conn: connection that was shut down
 */
void csv_conn_close_tx(struct csv_conn *conn)
{
	struct csv_tx *tx, *next;
	LIST_HEAD(list);

	mutex_lock(&conn->send_mutex);
	spin_lock(&conn->tx_lock);
	conn->tx_closed = true;
	list_splice_init(&conn->tx_list, &list);
	spin_unlock(&conn->tx_lock);
	list_for_each_entry_safe(tx, next, &list, entry) {
		list_del(&tx->entry);
		tx->done(tx);
	}
	mutex_unlock(&conn->send_mutex);
}
