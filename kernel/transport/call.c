// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs transport: the responder's half of an exchange.
 *
 * Every slot of the requester has one call here, allocated at its first use
 * and kept: after the reply it is the reply cache. A request is told from a
 * repeated one by its sequence number:
 *
 *	last + 1	the previous reply has arrived: run it
 *	last		running: reply on the connection it was repeated on;
 *			done: reply once more, or run again what may be run again
 *	other		a fault: the connection is closed
 *
 * A reply goes out on the connection that the request came on last, and if
 * that one is gone it waits for the request to be repeated.
 */
#include "call.h"

/* replies */

static void csv_xcall_release_out(struct csv_xcall *x)
{
	struct csv_call *call = &x->call;

	if (call->out_release)
		call->out_release(call);
	call->out_release = NULL;
}

static void csv_xcall_tx_done(struct csv_tx *tx)
{
	struct csv_xcall *x = container_of(tx, struct csv_xcall, tx);
	struct csv_rsp *rsp = x->rsp;

	csv_xcall_release_out(x);
	spin_lock(&rsp->lock);
	tx->busy = false;
	spin_unlock(&rsp->lock);
	csv_rsp_put(rsp);
}

static void csv_xcall_encode(struct csv_xcall *x, size_t len)
{
	struct csv_wire_hdr *hdr = (struct csv_wire_hdr *)x->tx_buf;
	struct csv_wire_rsp *rsp = (struct csv_wire_rsp *)(hdr + 1);
	struct csv_call *call = &x->call;
	unsigned int hlen = ALIGN(CSV_RSP_HLEN + call->reply_len, 8);

	memset(x->tx_buf, 0, hlen);
	hdr->type = CSV_MSG_RSP;
	hdr->hlen = hlen / 8;
	hdr->doff = hlen / 8;
	hdr->plen = cpu_to_le32(len);
	hdr->tag = cpu_to_le32((u32)x->index << 16 | (x->seq & 0xffff));
	hdr->opcode = cpu_to_le16(call->opcode);
	hdr->credit = cpu_to_le16(READ_ONCE(x->rsp->credit[csv_slot_class(x->index)]));
	hdr->epoch = cpu_to_le32(call->epoch);
	hdr->volume = cpu_to_le32(call->volume);
	rsp->seq = cpu_to_le32(x->seq);
	rsp->status = cpu_to_le32(csv_wire_status(call->err));
	memcpy(rsp + 1, call->reply, call->reply_len);
}

/* Prepare x->tx from the encoded reply, and the kept data if it was kept. */
static void csv_xcall_init_tx(struct csv_xcall *x)
{
	const struct csv_wire_hdr *hdr = (struct csv_wire_hdr *)x->tx_buf;
	struct iov_iter data = x->call.out;

	if (!x->idempotent) {
		bvec_set_page(&x->inline_bvec[0], x->cache, x->cache_len, 0);
		iov_iter_bvec(&data, ITER_SOURCE, x->inline_bvec, 1, x->cache_len);
	} else {
		iov_iter_truncate(&data, le32_to_cpu(hdr->plen));
	}
	csv_tx_init(&x->tx, x->tx_buf, hdr->hlen * 8, le32_to_cpu(hdr->plen) ? &data : NULL);
	x->tx.done = csv_xcall_tx_done;
	if (x->idempotent && x->call.out_stable)
		csv_tx_set_splice(&x->tx);
}

/* There is no memory for what came: fewer at a time. */
static void csv_rsp_cut_credit(struct csv_rsp *rsp, enum csv_class class)
{
	if (class == CSV_CLASS_RESV)	/* others wait for these */
		return;
	spin_lock(&rsp->lock);
	rsp->credit[class] = max(rsp->credit[class] / 2, 1);
	spin_unlock(&rsp->lock);
}

static void csv_rsp_raise_credit(struct csv_rsp *rsp, enum csv_class class)
{
	lockdep_assert_held(&rsp->lock);
	if (unlikely(rsp->credit[class] < csv_slot_count(class)))
		rsp->credit[class]++;
}

/* Keep the data of a reply that may have to be sent again; bytes kept. */
static size_t csv_xcall_keep(struct csv_xcall *x, size_t len)
{
	struct csv_call *call = &x->call;

	x->cache_len = 0;
	if (len > PAGE_SIZE) {
		pr_warn_once("reply of %s has too much data to be kept\n",
			     csv_wire_op_name(call->opcode));
		call->err = -EIO;
		call->reply_len = 0;
		len = 0;
	}
	if (len) {
		if (!x->cache)
			x->cache = alloc_page(GFP_NOIO | __GFP_NOFAIL);
		x->cache_len = copy_from_iter(page_address(x->cache), len, &call->out);
	}
	csv_xcall_release_out(x);
	return x->cache_len;
}

/* csv_call.complete: the service has finished. */
static void csv_xcall_complete(struct csv_call *call)
{
	struct csv_xcall *x = container_of(call, struct csv_xcall, call);
	struct csv_rsp_slot *slot = &x->rsp->slots[x->index];
	struct csv_rsp *rsp = x->rsp;
	size_t len = min(call->out_len, iov_iter_count(&call->out));
	struct csv_conn *conn;

	csv_xcall_put_pages(x);
	if (call->reply_len > sizeof(call->reply) || len > CSV_WIRE_IO_MAX) {
		pr_warn_once("reply of %s is too long\n", csv_wire_op_name(call->opcode));
		call->err = -EIO;
		call->reply_len = 0;
		len = 0;
	}
	if (!x->idempotent)
		len = csv_xcall_keep(x, len);
	csv_xcall_encode(x, len);
	csv_xcall_init_tx(x);

	spin_lock(&rsp->lock);
	conn = x->conn;
	x->conn = NULL;
	x->tx.busy = conn;
	x->tx_conn = conn;
	slot->state = x->idempotent ? CSV_RSP_IDLE : CSV_RSP_CACHED;
	slot->rerun = x->idempotent;
	csv_rsp_raise_credit(rsp, csv_slot_class(x->index));
	spin_unlock(&rsp->lock);

	if (!conn) {
		csv_xcall_release_out(x);
		csv_rsp_put(rsp);
		return;
	}
	csv_conn_send(conn, &x->tx);
	csv_conn_put(conn);
}

/* requests */

static void csv_xcall_fill(struct csv_xcall *x, const struct csv_wire_hdr *hdr)
{
	const struct csv_wire_req *req = (const void *)(hdr + 1);
	struct csv_call *call = &x->call;

	x->seq = le32_to_cpu(req->seq);
	call->opcode = le16_to_cpu(hdr->opcode);
	call->volume = le32_to_cpu(hdr->volume);
	call->epoch = le32_to_cpu(hdr->epoch);
	x->idempotent = call->opcode == CSV_OP_NULL || csv_wire_idempotent(call->opcode);
	call->args_len = hdr->hlen * 8 - sizeof(*hdr) - sizeof(*req);
	memcpy(x->args, req + 1, call->args_len);
	call->args = x->args;
	call->data_len = le32_to_cpu(hdr->plen);
	iov_iter_bvec(&call->data, ITER_SOURCE, x->bvec, x->nr_pages, call->data_len);
	call->cancelled = false;
	call->err = 0;
	call->reply_len = 0;
	iov_iter_kvec(&call->out, ITER_SOURCE, NULL, 0, 0);
	call->out_len = 0;
	call->out_stable = false;
	call->out_release = NULL;
	call->bvec = NULL;
	call->nr_bvec = 0;
	INIT_LIST_HEAD(&call->entry);
	call->private = NULL;
	call->waits = false;
	call->complete = csv_xcall_complete;
	call->transport = x;
}

/* A new request, or one that may run again: receive its data. */
static int csv_call_run(struct csv_conn *conn, struct csv_rsp_slot *slot, unsigned int index,
			const struct csv_wire_hdr *hdr)
{
	struct csv_rsp *rsp = conn->peer->rsp;
	struct csv_rx *rx = &conn->rx;
	struct csv_xcall *x;
	int ret;

	ret = csv_rsp_prepare(rsp, slot, index);
	if (ret)
		return ret;
	x = slot->call;
	ret = csv_xcall_get_pages(x, rx->left);
	if (ret) {
		csv_rsp_cut_credit(rsp, csv_slot_class(index));
		return ret;
	}
	csv_xcall_fill(x, hdr);
	if (rx->left)
		iov_iter_bvec(&rx->to, ITER_DEST, x->bvec, x->nr_pages, rx->left);
	spin_lock(&rsp->lock);
	slot->state = CSV_RSP_RECEIVING;
	spin_unlock(&rsp->lock);
	rx->call = x;
	return 0;
}

static void csv_xcall_cancel(struct csv_xcall *x)
{
	WRITE_ONCE(x->call.cancelled, true);
	smp_mb();	/* pairs with the one in wait_var_event() */
	wake_up_var(&x->call.cancelled);
}

/* Nobody waits for what runs in the slot; we may not have heard of that. */
static void csv_call_forsake(struct csv_rsp_slot *slot)
{
	struct csv_xcall *x = slot->call;

	spin_lock(&x->rsp->lock);
	if (slot->state == CSV_RSP_RUNNING)
		csv_xcall_cancel(x);
	spin_unlock(&x->rsp->lock);
}

/* A request has come a second time, all of it: before that the other side takes no answer. */
static int csv_call_repeat(struct csv_conn *conn, struct csv_rsp_slot *slot)
{
	struct csv_rsp *rsp = conn->peer->rsp;
	struct csv_conn *old = NULL;
	struct csv_xcall *x = slot->call;
	bool send = false;
	int ret = 0;

	spin_lock(&rsp->lock);
	if (slot->state == CSV_RSP_RUNNING) {
		old = x->conn;
		x->conn = csv_conn_get(conn);
	} else if (slot->state == CSV_RSP_CACHED && !x->tx.busy) {
		csv_xcall_init_tx(x);
		x->tx.busy = true;
		x->tx_conn = conn;
		refcount_inc(&rsp->ref);
		send = true;
	} else if (!x->tx.busy || x->tx_conn != conn) {
		ret = -ESTALE;	/* lost with the connection before */
	}
	spin_unlock(&rsp->lock);
	if (old)
		csv_conn_put(old);
	if (send)
		csv_conn_send(conn, &x->tx);
	return ret;
}

static bool csv_req_is_sane(const struct csv_conn *conn, const struct csv_wire_hdr *hdr)
{
	u32 index = le32_to_cpu(hdr->tag) >> 16;
	u16 opcode = le16_to_cpu(hdr->opcode);

	if (hdr->hlen * 8 < sizeof(*hdr) + sizeof(struct csv_wire_req) || index >= CSV_SLOTS ||
	    opcode >= CSV_OP_COUNT || csv_slot_conn(index) != conn->hs.index)
		return false;
	/* An aborted request of any class ends as NULL. */
	return opcode == CSV_OP_NULL || csv_wire_class(opcode) == csv_slot_class(index);
}

/**
 * csv_call_begin() - the header of a request has come
 * @conn: connection; the request's data goes to csv_rx.to
 * @hdr: header
 *
 * Return: 0; -EPROTO; -ENOMEM, -ESTALE: on another link, please.
 */
int csv_call_begin(struct csv_conn *conn, const struct csv_wire_hdr *hdr)
{
	const struct csv_wire_req *req = (const void *)(hdr + 1);
	struct csv_rsp *rsp = conn->peer->rsp;
	u32 index = le32_to_cpu(hdr->tag) >> 16;
	u16 opcode = le16_to_cpu(hdr->opcode);
	struct csv_rsp_slot *slot;
	bool busy, lost;
	u32 seq;
	u8 state;

	if (!csv_req_is_sane(conn, hdr) || le64_to_cpu(req->session) != rsp->id)
		return -EPROTO;
	slot = &rsp->slots[index];
	seq = le32_to_cpu(req->seq);

	spin_lock(&rsp->lock);
	if (slot->call && slot->call->tx.busy) {
		spin_unlock(&rsp->lock);
		csv_conn_settle(conn);
		spin_lock(&rsp->lock);
	}
	state = slot->state;
	busy = slot->call && slot->call->tx.busy;
	/* a reply that is just being given to an earlier connection will be lost there */
	lost = busy && slot->call->tx_conn != conn;
	spin_unlock(&rsp->lock);
	if (lost)
		return -ESTALE;
	if (state == CSV_RSP_RECEIVING)
		return -EPROTO;
	if (seq == slot->seq + 1 && state != CSV_RSP_RUNNING && !busy)
		return csv_call_run(conn, slot, index, hdr);
	if (seq != slot->seq || !slot->call)
		return -EPROTO;
	if (state != CSV_RSP_IDLE) {
		if (opcode == CSV_OP_NULL)
			csv_call_forsake(slot);
		conn->rx.repeat = slot;
		return 0;
	}
	if (busy)		/* its reply is on its way */
		return 0;
	if (slot->rerun && (opcode == CSV_OP_NULL || csv_wire_idempotent(opcode)))
		return csv_call_run(conn, slot, index, hdr);
	return -EPROTO;
}

/**
 * csv_call_end() - a request is complete
 * @conn: connection
 *
 * Return: 0 or -ESTALE.
 */
int csv_call_end(struct csv_conn *conn)
{
	struct csv_xcall *x = conn->rx.call;
	struct csv_rsp_slot *slot;
	struct csv_rsp *rsp;

	if (conn->rx.repeat)
		return csv_call_repeat(conn, conn->rx.repeat);
	if (!x)
		return 0;
	conn->rx.call = NULL;
	rsp = x->rsp;
	slot = &rsp->slots[x->index];
	refcount_inc(&rsp->ref);
	spin_lock(&rsp->lock);
	slot->seq = x->seq;
	slot->state = CSV_RSP_RUNNING;
	x->conn = csv_conn_get(conn);
	spin_unlock(&rsp->lock);

	if (conn->rx.damaged)
		x->call.err = -CSV_EDIGEST;
	if (x->call.opcode == CSV_OP_NULL || conn->rx.damaged)
		csv_call_reply(&x->call);
	else
		csv_upcalls->request(&x->call);
	return 0;
}

/**
 * csv_call_abort() - the connection died in the middle of a request
 * @conn: connection
 */
void csv_call_abort(struct csv_conn *conn)
{
	struct csv_xcall *x = conn->rx.call;
	struct csv_rsp *rsp = x->rsp;
	struct csv_rsp_slot *slot = &rsp->slots[x->index];

	conn->rx.call = NULL;
	csv_xcall_put_pages(x);
	/* It never came; and the reply before it has arrived, or it may run again. */
	spin_lock(&rsp->lock);
	slot->state = CSV_RSP_IDLE;
	slot->rerun = x->seq == slot->seq;
	spin_unlock(&rsp->lock);
}

/**
 * csv_call_cancel() - a CANCEL has come: nobody waits for the reply to a request
 * @conn: connection
 * @hdr: header
 *
 * The request is answered all the same, and perhaps sooner. One that is over, or was
 * sent again since, is left alone.
 */
void csv_call_cancel(struct csv_conn *conn, const struct csv_wire_hdr *hdr)
{
	const struct csv_wire_req *req = (const void *)(hdr + 1);
	struct csv_rsp *rsp = conn->peer->rsp;
	u32 index = le32_to_cpu(hdr->tag) >> 16;
	struct csv_xcall *x = NULL;

	if (index >= CSV_SLOTS || le64_to_cpu(req->session) != rsp->id)
		return;
	spin_lock(&rsp->lock);
	if (rsp->slots[index].state == CSV_RSP_RUNNING &&
	    rsp->slots[index].seq == le32_to_cpu(req->seq))
		x = rsp->slots[index].call;
	if (x)
		csv_xcall_cancel(x);
	spin_unlock(&rsp->lock);
}
