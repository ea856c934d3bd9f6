// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs transport: receiving on one connection.
 *
 * Headers are read ahead into csv_rx.buf, data goes straight to its place
 * (csv_rx.to) but for what was read ahead with its header. What a header says
 * is believed only after its lengths, and then its checksum, were checked, and
 * nothing is allocated before.
 */
#include <linux/unaligned.h>
#include "conn.h"
#include "peer.h"

#define CSV_RX_BUDGET	64

/* Account @len bytes that came. */
static void csv_rx_heard(struct csv_conn *conn, size_t len)
{
	struct csv_peer *peer = conn->peer;

	WRITE_ONCE(conn->heard, jiffies);
	if (!peer)
		return;
	atomic64_add(len, &peer->bytes_received);
	WRITE_ONCE(peer->heard, jiffies);
	if (unlikely(!READ_ONCE(peer->ever_heard)))
		WRITE_ONCE(peer->ever_heard, true);
}

static int csv_rx_fill(struct csv_conn *conn)
{
	struct csv_rx *rx = &conn->rx;
	struct kvec vec = {
		.iov_base = rx->buf + rx->tail,
		.iov_len = sizeof(rx->buf) - rx->tail,
	};
	struct iov_iter to;
	int ret;

	iov_iter_kvec(&to, ITER_DEST, &vec, 1, vec.iov_len);
	ret = conn->ops->recv(conn, &to);
	if (ret < 0)
		return ret;
	rx->tail += ret;
	csv_rx_heard(conn, ret);
	return 0;
}

/**
 * csv_rx_header() - receive the header of the next message
 * @conn: connection
 * @hdr: the header, sound and followed by its operation header; valid until
 *	the next call
 *
 * Return: 0; -EAGAIN: it has not come yet; else the connection is broken, with
 * -EBADMSG or -EPROTO by what came.
 */
int csv_rx_header(struct csv_conn *conn, struct csv_wire_hdr **hdr)
{
	struct csv_rx *rx = &conn->rx;
	struct csv_wire_hdr *h = (void *)rx->buf;
	unsigned int len;
	int ret;

	if (rx->head) {
		memmove(rx->buf, rx->buf + rx->head, rx->tail - rx->head);
		rx->tail -= rx->head;
		rx->head = 0;
	}
	for (;;) {
		if (rx->tail >= sizeof(*h)) {
			ret = csv_wire_check(h, conn->hs.io_max);
			if (ret)
				return ret;
			len = h->doff * 8;
			if (len < sizeof(*h) || len > sizeof(rx->buf))
				return -EBADMSG;
			if (rx->tail >= len)
				break;
		}
		ret = csv_rx_fill(conn);
		if (ret)
			return ret;
	}
	ret = csv_wire_verify(h);
	if (ret)
		return ret;
	rx->head = len;
	*hdr = h;
	return 0;
}

/**
 * csv_rx_discard() - throw the data of the message away
 * @rx: message
 * @len: bytes of it
 */
void csv_rx_discard(struct csv_rx *rx, u32 len)
{
	iov_iter_discard(&rx->to, ITER_DEST, len);
}

static int csv_rx_goaway(struct csv_conn *conn, const struct csv_wire_hdr *hdr)
{
	unsigned int len = hdr->hlen * 8 - sizeof(*hdr), i;
	const u8 *text = (const u8 *)(hdr + 1);
	char reason[CSV_WIRE_GOAWAY_LEN];

	len = min_t(unsigned int, len, sizeof(reason) - 1);
	for (i = 0; i < len && text[i]; i++)
		reason[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
	reason[i] = '\0';
	csv_conn_fail(conn, "the peer closed the connection: %s", reason);
	return -ESHUTDOWN;
}

/* The header is there: find out where the data goes. */
static int csv_rx_begin(struct csv_conn *conn, const struct csv_wire_hdr *hdr)
{
	struct csv_rx *rx = &conn->rx;

	rx->left = le32_to_cpu(hdr->plen);
	rx->digest_left = conn->hs.ddgst && rx->left ? sizeof(rx->digest) : 0;
	if (!(hdr->flags & CSV_WIRE_F_DDGST) != !rx->digest_left)
		return -EPROTO;
	rx->slot = NULL;
	rx->call = NULL;
	rx->repeat = NULL;
	rx->damaged = false;
	csv_rx_discard(rx, rx->left);
	atomic64_inc(&conn->peer->msgs_received);

	switch (hdr->type) {
	case CSV_MSG_REQ:
		return csv_call_begin(conn, hdr);
	case CSV_MSG_RSP:
		return csv_reply_begin(conn, hdr);
	case CSV_MSG_PING:
	case CSV_MSG_PONG:
		return csv_keepalive_begin(conn, hdr);
	case CSV_MSG_GOAWAY:
		return csv_rx_goaway(conn, hdr);
	case CSV_MSG_CANCEL:
		if (rx->left)
			return -EPROTO;
		csv_call_cancel(conn, hdr);
		return 0;
	default:
		return -EPROTO;
	}
}

/* Behind the data: what it comes to. Data that is thrown away is not looked at. */
static int csv_rx_digest(struct csv_conn *conn)
{
	const struct csv_wire_hdr *hdr = (const void *)conn->rx.buf;
	struct csv_rx *rx = &conn->rx;
	unsigned int ahead;
	struct iov_iter to;
	struct kvec vec;
	int ret;

	while (rx->digest_left) {
		vec.iov_base = (u8 *)(&rx->digest + 1) - rx->digest_left;
		vec.iov_len = rx->digest_left;
		ahead = min_t(unsigned int, rx->tail - rx->head, rx->digest_left);
		if (ahead) {
			memcpy(vec.iov_base, rx->buf + rx->head, ahead);
			rx->head += ahead;
			rx->digest_left -= ahead;
			continue;
		}
		iov_iter_kvec(&to, ITER_DEST, &vec, 1, vec.iov_len);
		ret = conn->ops->recv(conn, &to);
		if (ret < 0)
			return ret;
		rx->digest_left -= ret;
		csv_rx_heard(conn, ret);
	}
	if (iov_iter_is_discard(&rx->from) || csv_iter_digest(rx->from) == le32_to_cpu(rx->digest))
		return 0;
	/* what must not run again comes again: its reply is kept */
	if (hdr->type == CSV_MSG_RSP && !csv_wire_idempotent(le16_to_cpu(hdr->opcode)))
		return -EBADMSG;
	/* or its owner has changed it meanwhile: only this exchange fails, and is done again */
	rx->damaged = true;
	atomic64_inc(&conn->peer->bad_frames);
	return 0;
}

static int csv_rx_data(struct csv_conn *conn)
{
	struct csv_rx *rx = &conn->rx;
	unsigned int ahead = min(rx->tail - rx->head, rx->left);
	int ret;

	if (ahead) {
		if (copy_to_iter(rx->buf + rx->head, ahead, &rx->to) != ahead)
			return -EFAULT;
		rx->head += ahead;
		rx->left -= ahead;
	}
	while (rx->left) {
		ret = conn->ops->recv(conn, &rx->to);
		if (ret < 0)
			return ret;
		rx->left -= ret;
		csv_rx_heard(conn, ret);
	}
	return conn->hs.ddgst && iov_iter_count(&rx->from) ? csv_rx_digest(conn) : 0;
}

static int csv_rx_end(struct csv_conn *conn)
{
	const struct csv_wire_hdr *hdr = (const void *)conn->rx.buf;

	switch (hdr->type) {
	case CSV_MSG_REQ:
		return csv_call_end(conn);
	case CSV_MSG_RSP:
		csv_reply_end(conn);
		break;
	case CSV_MSG_PING:
	case CSV_MSG_PONG:
		csv_keepalive_end(conn, hdr);
		break;
	}
	return 0;
}

static int csv_rx_step(struct csv_conn *conn)
{
	struct csv_rx *rx = &conn->rx;
	struct csv_wire_hdr *hdr;
	int ret;

	if (!rx->open) {
		ret = csv_rx_header(conn, &hdr);
		if (!ret)
			ret = csv_rx_begin(conn, hdr);
		if (ret)
			return ret;
		rx->from = rx->to;
		rx->open = true;
	}
	ret = csv_rx_data(conn);
	if (ret)
		return ret;
	rx->open = false;
	return csv_rx_end(conn);
}

/**
 * csv_rx_work() - receive all that has come
 * @work: csv_conn.rx_work
 */
void csv_rx_work(struct work_struct *work)
{
	struct csv_conn *conn = container_of(work, struct csv_conn, rx_work);
	unsigned int budget = CSV_RX_BUDGET;
	int ret = 0;

	while (!ret && budget--) {
		if (csv_conn_is_dead(conn))
			return;
		ret = csv_rx_step(conn);
	}
	WRITE_ONCE(conn->partial, conn->rx.open || conn->rx.head != conn->rx.tail);
	if (!ret) {
		queue_work(csv_io_wq, &conn->rx_work);
	} else if (ret == -EBADMSG || ret == -EPROTO) {
		atomic64_inc(&conn->peer->bad_frames);
		csv_notice_goaway(conn, "a malformed message came");
		csv_conn_fail(conn, "a malformed message came (%d)", ret);
	} else if (ret != -EAGAIN) {
		csv_conn_fail(conn, "receiving failed (%d)", ret);
	}
}

/**
 * csv_rx_abort() - forget a message that was received in part
 * @conn: connection whose receive work does not run any more
 */
void csv_rx_abort(struct csv_conn *conn)
{
	if (conn->rx.slot)
		csv_reply_abort(conn);
	if (conn->rx.call)
		csv_call_abort(conn);
}
