/* SPDX-License-Identifier: GPL-2.0 */
/*
 * csvfs transport: one connection, and what tcp.c and loop.c see of it.
 *
 * Locks inside transport/, outermost first:
 *
 *	csv_peer.mutex			forming and taking down a link
 *	  csv_conn.close_mutex		shutting a connection down, destroying it
 *	  csv_conn.send_mutex		one sender at a time; never held while blocking
 *	    lower: socket lock, out_release() of a call
 *	      csv_peer.lock (spin)	link state, slots of the requester
 *	      csv_rsp.lock (spin)	slots of the responder
 *	        csv_conn.tx_lock (spin)	messages to be sent
 *
 * No upcall and no csv_rpc.done is made under any of them.
 */
#ifndef CSV_CONN_H
#define CSV_CONN_H

#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include "transport.h"

#define CSV_CONNS		(1 + CSV_DATA_CONNS)
#define CSV_RX_SIZE		2048		/* holds any header */
#define CSV_STATE_MAX		4064		/* payload of PING */
#define CSV_TX_SPLICE_MIN	4096		/* less is cheaper to copy */

#define CSV_TX_MEMORY_MS	20		/* until memory is asked for again */
#define CSV_DEAD_MS		5000		/* silence that ends a link */
#define CSV_HANDSHAKE_MS	5000

static_assert(CSV_RX_SIZE >= CSV_WIRE_HDR_MAX);

/**
 * struct csv_tx - one message on its way out
 * @entry: in csv_conn.tx_list
 * @hdr: header and operation header, sealed
 * @hlen: bytes of it
 * @pos: bytes of it that were sent
 * @data: what is left to send of the data
 * @digest: of the data, sent behind it
 * @digest_left: bytes of @digest still to be sent; 0 on a link without digests
 * @splice: the pages of @data may be sent without a copy
 * @busy: with a connection; cleared by @done
 * @done: sent, or never will be; called once per csv_conn_send(), with
 *	csv_conn.send_mutex held
 */
struct csv_tx {
	struct list_head entry;
	void *hdr;
	unsigned int hlen;
	unsigned int pos;
	struct iov_iter data;
	__le32 digest;
	u8 digest_left;
	bool splice;
	bool busy;
	void (*done)(struct csv_tx *tx);
};

/* Bytes of a message that are still to be sent. */
static inline size_t csv_tx_left(const struct csv_tx *tx)
{
	return tx->hlen - tx->pos + iov_iter_count(&tx->data) + tx->digest_left;
}

/* What the other side said of itself in the handshake. */
struct csv_hs {
	u32 node;
	u64 incarnation;
	u64 instance;		/* of the other side's csv_peer */
	u64 link;
	u64 session;		/* under which we send requests */
	u64 session_issued;	/* under which we take requests */
	u32 io_max;
	u16 slots[CSV_CLASS_COUNT];
	u8 index;
	bool ddgst;		/* one side wants digests of data, both can */
	u8 digest[16];
};

struct csv_slot;
struct csv_xcall;

/**
 * struct csv_rx - the message that is being received
 * @buf: its header, from the start, and what was read ahead of it
 * @head: bytes of @buf that belong to its header
 * @tail: bytes of @buf that are valid
 * @open: the header is complete and was looked at, the data is to come
 * @left: bytes of data still to come
 * @to: where they go
 * @from: @to as it was at the first byte, for the digest
 * @digest: of the data, as it came
 * @digest_left: bytes of @digest still to come
 * @damaged: the data is not what @digest says
 * @slot: RSP: the slot it answers, or NULL
 * @call: REQ: the call it becomes, or NULL
 * @repeat: REQ: the slot whose request has come before, or NULL
 * @err: RSP: the result of the exchange
 * @state: data of PING (control connection only)
 * @state_vec: where it goes
 */
struct csv_rx {
	u8 buf[CSV_RX_SIZE] __aligned(8);
	unsigned int head;
	unsigned int tail;
	bool open;
	u32 left;
	struct iov_iter to;
	struct iov_iter from;
	__le32 digest;
	u8 digest_left;
	bool damaged;
	struct csv_slot *slot;
	struct csv_xcall *call;
	struct csv_rsp_slot *repeat;
	int err;
	u8 *state;
	struct kvec state_vec;
};

enum csv_conn_flag {
	CSV_CONN_DEAD,		/* failed or shut down; stays so */
	CSV_CONN_RUNNING,	/* handed over to the receive work */
	CSV_CONN_READABLE,	/* handshake: something came */
	CSV_CONN_READY,		/* handshake is over */
};

/**
 * struct csv_conn - one connection
 * @ref: the link (or the handshake) holds one, whoever sends another
 * @cn: node it belongs to
 * @peer: referenced; NULL on an accepted one whose peer is not known yet
 * @addr: that was dialled, by whichever side
 * @listener: NULL, or where it was accepted, until the handshake is over
 * @listener_entry: in csv_listener.conns
 * @ops: its kind
 * @priv: its kind's own
 * @flags: enum csv_conn_flag
 * @wait: handshake waits here for CSV_CONN_READABLE
 * @close_mutex: serialises csv_transport_ops.shutdown and .destroy
 * @send_mutex: serialises csv_transport_ops.send
 * @tx_lock: protects @tx_list and @tx_closed
 * @tx_list: messages to be sent, the first one perhaps in part
 * @tx_closed: no message is taken any more
 * @rx_work: receives while CSV_CONN_RUNNING
 * @tx_work: sends what did not fit before
 * @handshake_work: of an accepted one
 * @rx: message being received; belongs to the handshake, then to @rx_work
 * @heard: jiffies of the last byte that came
 * @partial: a message has come in part
 * @hs: what the other side said
 */
struct csv_conn {
	refcount_t ref;
	struct csv_net *cn;
	struct csv_peer *peer;
	struct sockaddr_storage addr;
	struct csv_listener *listener;
	struct list_head listener_entry;
	const struct csv_transport_ops *ops;
	void *priv;
	unsigned long flags;
	wait_queue_head_t wait;
	struct mutex close_mutex;	/* shutting down and destroying */
	struct mutex send_mutex;	/* one sender at a time */
	spinlock_t tx_lock;		/* protects tx_list, tx_closed */
	struct list_head tx_list;
	bool tx_closed;
	struct work_struct rx_work;
	struct delayed_work tx_work;
	struct work_struct handshake_work;
	struct csv_rx rx;
	unsigned long heard;
	bool partial;
	struct csv_hs hs;
};

/**
 * struct csv_listener - where peers dial in
 * @cn: node it belongs to
 * @entry: in csv_net.listeners
 * @ops: kind of connections
 * @addr: where
 * @absent: listen even if no interface has @addr yet
 * @priv: its kind's own
 * @lock: protects @conns, @nr_conns and @stopping
 * @conns: accepted, in their handshake
 * @nr_conns: of these
 * @stopping: no connection is accepted any more
 * @idle: woken when @nr_conns becomes 0
 */
struct csv_listener {
	struct csv_net *cn;
	struct list_head entry;
	const struct csv_transport_ops *ops;
	struct sockaddr_storage addr;
	bool absent;
	void *priv;
	spinlock_t lock;	/* protects what follows */
	struct list_head conns;
	unsigned int nr_conns;
	bool stopping;
	wait_queue_head_t idle;
};

static inline bool csv_conn_is_dead(const struct csv_conn *conn)
{
	return test_bit(CSV_CONN_DEAD, &conn->flags);
}

/* transport.c */
extern struct workqueue_struct *csv_io_wq;	/* receive and send works */
extern struct workqueue_struct *csv_link_wq;	/* dialing, links */
extern struct workqueue_struct *csv_guest_wq;	/* handshakes with who has dialled in */
extern const struct csv_transport_upcalls *csv_upcalls;
const struct csv_transport_ops *csv_transport_find(enum csv_transport_type type);

/* tcp.c, loop.c */
extern const struct csv_transport_ops csv_tcp_ops;
extern const struct csv_transport_ops csv_loop_ops;

/* conn.c */
struct csv_conn *csv_conn_alloc(struct csv_net *cn, const struct csv_transport_ops *ops,
				struct csv_peer *peer, unsigned int index);
struct csv_conn *csv_conn_get(struct csv_conn *conn);
void csv_conn_put(struct csv_conn *conn);
void csv_conn_start(struct csv_conn *conn);
__printf(2, 3) void csv_conn_fail(struct csv_conn *conn, const char *fmt, ...);
void csv_conn_shutdown(struct csv_conn *conn);
void csv_conn_kill(struct csv_conn *conn);
void csv_conn_readable(struct csv_conn *conn);
void csv_conn_writable(struct csv_conn *conn);

/* rx.c */
int csv_rx_header(struct csv_conn *conn, struct csv_wire_hdr **hdr);
void csv_rx_work(struct work_struct *work);
void csv_rx_discard(struct csv_rx *rx, u32 len);
void csv_rx_abort(struct csv_conn *conn);

/* tx.c */
void csv_tx_init(struct csv_tx *tx, void *hdr, unsigned int hlen, const struct iov_iter *data);
void csv_tx_set_splice(struct csv_tx *tx);
u32 csv_iter_digest(struct iov_iter iter);
void csv_conn_send(struct csv_conn *conn, struct csv_tx *tx);
void csv_conn_settle(struct csv_conn *conn);
void csv_conn_close_tx(struct csv_conn *conn);
void csv_tx_work(struct work_struct *work);

/* notice.c */
void csv_notice_goaway(struct csv_conn *conn, const char *why);
void csv_notice_cancel(struct csv_conn *conn, u32 tag, u16 opcode, u64 session, u32 seq);

/* handshake.c */
int csv_handshake_dial(struct csv_conn *conn, u64 link, unsigned int index);
int csv_handshake_accept(struct csv_conn *conn);
int csv_handshake_ready(struct csv_conn *conn, int err);

/* listener.c */
int csv_listener_accept(struct csv_listener *listener, void *priv,
			void (*attach)(struct csv_conn *conn, void *priv));

#endif /* CSV_CONN_H */
