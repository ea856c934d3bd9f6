// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs transport: replies, as the requester receives them.
 */
#include "conn.h"
#include "peer.h"

static void csv_reply_take(struct csv_conn *conn, struct csv_slot *slot,
			   const struct csv_wire_hdr *hdr)
{
	const struct csv_wire_rsp *rsp = (const void *)(hdr + 1);
	unsigned int len = hdr->hlen * 8 - sizeof(*hdr) - sizeof(*rsp);
	struct csv_rpc *rpc = slot->rpc;
	struct csv_rx *rx = &conn->rx;

	rx->err = csv_wire_errno(le32_to_cpu(rsp->status));
	if (len > sizeof(rpc->reply) || rx->left > iov_iter_count(&rpc->in)) {
		rx->err = -EMSGSIZE;
		rpc->reply_len = 0;
		rpc->in_len = 0;
		return;
	}
	memcpy(rpc->reply, rsp + 1, len);
	rpc->reply_len = len;
	rpc->in_len = rx->left;
	rx->to = rpc->in;
	iov_iter_truncate(&rx->to, rx->left);
}

/**
 * csv_reply_begin() - the header of a reply has come
 * @conn: connection; its data goes to csv_rx.to
 * @hdr: header
 *
 * A reply that nobody waits for (any more) is thrown away.
 * Return: 0 or -EPROTO.
 */
int csv_reply_begin(struct csv_conn *conn, const struct csv_wire_hdr *hdr)
{
	const struct csv_wire_rsp *rsp = (const void *)(hdr + 1);
	u32 index = le32_to_cpu(hdr->tag) >> 16;
	struct csv_peer *peer = conn->peer;
	struct csv_slot *slot;
	int ret = 0;

	if (hdr->hlen * 8 < sizeof(*hdr) + sizeof(*rsp) || index >= CSV_SLOTS)
		return -EPROTO;
	slot = &peer->slots[index];

	spin_lock(&peer->lock);
	csv_session_set_credit(peer, csv_slot_class(index), le16_to_cpu(hdr->credit));
	if (slot->tx.busy) {
		spin_unlock(&peer->lock);
		csv_conn_settle(conn);
		spin_lock(&peer->lock);
	}
	if (slot->state == CSV_SLOT_FREE || slot->seq != le32_to_cpu(rsp->seq) ||
	    slot->link != peer->gen || slot->receiving || csv_slot_conn(index) != conn->hs.index)
		goto out;
	if (slot->tx.busy) {	/* an answer to half a question */
		ret = -EPROTO;
		goto out;
	}
	if (slot->rpc)
		csv_reply_take(conn, slot, hdr);
	slot->receiving = true;
	conn->rx.slot = slot;
out:
	spin_unlock(&peer->lock);
	return ret;
}

/**
 * csv_reply_end() - a reply is complete
 * @conn: connection
 */
void csv_reply_end(struct csv_conn *conn)
{
	struct csv_slot *slot = conn->rx.slot;
	struct csv_peer *peer = conn->peer;
	struct csv_rpc *rpc;

	if (!slot)
		return;
	conn->rx.slot = NULL;
	spin_lock(&peer->lock);
	rpc = slot->rpc;
	slot->receiving = false;
	csv_session_put_slot(peer, slot - peer->slots);
	spin_unlock(&peer->lock);
	if (rpc)
		csv_rpc_complete(rpc, conn->rx.damaged ? -CSV_EDIGEST : conn->rx.err);
}

/**
 * csv_reply_abort() - the connection died in the middle of a reply
 * @conn: connection
 */
void csv_reply_abort(struct csv_conn *conn)
{
	struct csv_slot *slot = conn->rx.slot;
	struct csv_peer *peer = conn->peer;

	conn->rx.slot = NULL;
	spin_lock(&peer->lock);
	slot->receiving = false;
	spin_unlock(&peer->lock);
}
