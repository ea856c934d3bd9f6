// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs transport: messages that nobody waits for, and that are not sent again:
 * CANCEL, and the GOAWAY of an established connection. Without memory, or on a
 * connection that is full, they are simply not sent.
 */
#include <linux/slab.h>
#include "conn.h"

#define CSV_NOTICE_MAX		(sizeof(struct csv_wire_hdr) + CSV_WIRE_GOAWAY_LEN)

struct csv_notice {
	struct csv_tx tx;
	u8 buf[CSV_NOTICE_MAX] __aligned(8);
};

static void csv_notice_done(struct csv_tx *tx)
{
	kfree(container_of(tx, struct csv_notice, tx));
}

/* A message of @type with @len bytes behind its header; consumed by csv_notice_send(). */
static struct csv_wire_hdr *csv_notice_alloc(u8 type, unsigned int len)
{
	struct csv_notice *notice = kzalloc(sizeof(*notice), GFP_NOIO | __GFP_NOWARN);
	struct csv_wire_hdr *hdr;

	if (!notice)
		return NULL;
	hdr = (struct csv_wire_hdr *)notice->buf;
	hdr->type = type;
	hdr->hlen = (sizeof(*hdr) + len) / 8;
	hdr->doff = hdr->hlen;
	return hdr;
}

static void csv_notice_send(struct csv_conn *conn, struct csv_wire_hdr *hdr)
{
	struct csv_notice *notice = container_of((u8 *)hdr, struct csv_notice, buf[0]);

	csv_tx_init(&notice->tx, hdr, hdr->hlen * 8, NULL);
	notice->tx.busy = true;
	notice->tx.done = csv_notice_done;
	csv_conn_send(conn, &notice->tx);
}

/**
 * csv_notice_goaway() - say why a connection is about to be closed
 * @conn: connection, after its handshake
 * @why: for the other side's administrator
 *
 * On return it was sent, unless there was no room for it: the caller closes the
 * connection next, and would take it back from behind a keepalive of the same moment.
 *
 * Context: process.
 */
void csv_notice_goaway(struct csv_conn *conn, const char *why)
{
	struct csv_wire_hdr *hdr = csv_notice_alloc(CSV_MSG_GOAWAY, CSV_WIRE_GOAWAY_LEN);

	if (!hdr)
		return;
	strscpy((char *)(hdr + 1), why, CSV_WIRE_GOAWAY_LEN);
	csv_notice_send(conn, hdr);
	csv_conn_settle(conn);
}

/**
 * csv_notice_cancel() - nobody waits for a request any more
 * @conn: connection that it was sent on
 * @tag: of the request
 * @opcode: of it
 * @session: of it
 * @seq: of it
 *
 * Context: process.
 */
void csv_notice_cancel(struct csv_conn *conn, u32 tag, u16 opcode, u64 session, u32 seq)
{
	struct csv_wire_hdr *hdr = csv_notice_alloc(CSV_MSG_CANCEL, sizeof(struct csv_wire_req));
	struct csv_wire_req *req;

	if (!hdr)
		return;
	hdr->tag = cpu_to_le32(tag);
	hdr->opcode = cpu_to_le16(opcode);
	req = (struct csv_wire_req *)(hdr + 1);
	req->session = cpu_to_le64(session);
	req->seq = cpu_to_le32(seq);
	csv_notice_send(conn, hdr);
}
