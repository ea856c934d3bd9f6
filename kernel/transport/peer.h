/* SPDX-License-Identifier: GPL-2.0 */
/*
 * csvfs transport: a peer, its link, and the two sessions with it.
 */
#ifndef CSV_PEER_H
#define CSV_PEER_H

#include <linux/bitmap.h>
#include "conn.h"

/* Among how many volumes slots are shared out; how many times as many as are free one may have */
#define CSV_SHARE_BITS	6
#define CSV_SHARES	(1 << CSV_SHARE_BITS)
#define CSV_SHARE_TIMES	2

enum csv_slot_state {
	CSV_SLOT_FREE,
	CSV_SLOT_BUSY,		/* has a request */
	CSV_SLOT_ZOMBIE,	/* the request was aborted, its reply is to come */
};

/**
 * struct csv_slot - requester: one exchange at a time; under csv_peer.lock
 * @peer: owner
 * @state: enum csv_slot_state
 * @share: index into csv_peer.shares while it is taken
 * @receiving: the receive work writes to @rpc
 * @cancelled: nobody waits for @rpc: not on another link
 * @abort: 0, or the error that @rpc is about to complete with: do not send it
 * @link: csv_peer.gen it was last sent under, 0: not in this session
 * @seq: of the exchange
 * @rpc: NULL in a zombie
 * @tx: the request on its way; touched by one sender while tx.busy
 * @buf: header of the request, allocated at first use
 */
struct csv_slot {
	struct csv_peer *peer;
	u8 state;
	u8 share;
	bool receiving;
	bool cancelled;
	int abort;
	u32 link;
	u32 seq;
	struct csv_rpc *rpc;
	struct csv_tx tx;
	u8 *buf;
};

/* One that waits for a slot; under csv_peer.lock. */
struct csv_waiter {
	struct list_head entry;
	struct completion done;
	u32 volume;
	u8 share;		/* index into csv_peer.shares */
	struct task_struct *task;
	int slot;		/* >= 0: got it, -EAGAIN: waits, else an error */
};

enum csv_rsp_state {
	CSV_RSP_IDLE,		/* nothing runs, no reply is kept */
	CSV_RSP_RECEIVING,	/* the data of a request is being received */
	CSV_RSP_RUNNING,	/* with the service */
	CSV_RSP_CACHED,		/* the reply is kept */
};

/**
 * struct csv_rsp_slot - responder: the last exchange of a slot
 * @state: enum csv_rsp_state
 * @rerun: the last operation may run again
 * @seq: of the last request that ran
 * @call: allocated at first use, then kept
 */
struct csv_rsp_slot {
	u8 state;
	bool rerun;
	u32 seq;
	struct csv_xcall *call;
};

/**
 * struct csv_rsp - the session of a requester here
 * @ref: the peer holds one, every call with the service or on its way out another
 * @id: as issued in the handshake
 * @cn: this node
 * @node: the requester
 * @incarnation: of it
 * @lock: protects @slots, @pages
 * @slots: the reply cache
 * @pages: for data of requests, used before
 * @nr_pages: number of these
 * @credit: slots of each class that the requester may use: halved when there is no
 *	memory for a request, grows again with the replies
 */
struct csv_rsp {
	refcount_t ref;
	u64 id;
	struct csv_net *cn;
	u32 node;
	u64 incarnation;
	spinlock_t lock;	/* protects what follows */
	struct csv_rsp_slot slots[CSV_SLOTS];
	struct list_head pages;
	unsigned int nr_pages;
	u16 credit[CSV_CLASS_COUNT];
};

/**
 * struct csv_peer - another node
 * @ref: the creator holds one, connections another
 * @rcu: found by csv_peer_get() under RCU
 * @cn: this node
 * @node: id of the other one
 * @name: of it
 * @ops: kind of connections
 * @dialer: we dial
 * @instance: random: two peers of the same two nodes one after the other differ
 * @stopping: csv_peer_destroy() has begun; set under @mutex and @lock
 * @mutex: serialises forming and taking down the link
 * @lock: protects what follows, up to @work
 * @addrs: of the other node's listeners, preferred ones first
 * @nr_addrs: of these
 * @conns: the link: all, or the first ones that have come, or none
 * @dialing: connection that is being dialled, for csv_peer_destroy()
 * @link: id of the link, chosen by the dialer
 * @up: the link is complete and in use
 * @gen: number of the link, never 0; grows when one has been taken down
 * @slots_used: slots of the requester
 * @slots_agreed: of each class, as agreed in the handshake
 * @slots_max: of these, as the responder lets us use now
 * @slots_taken: by class
 * @shares: of these, by a hash of the volume
 * @waiters: csv_waiter, by class
 * @nr_waiters: number of these
 * @waiting: of these, by the same hash
 * @slots: the requester's
 * @error: why the last attempt failed
 * @work: forms and takes down the link
 * @resend_work: sends what waits in its slot
 * @keepalive_work: every second
 * @state_cursor: which volumes the next keepalive tells of
 * @announced: peer_up() was called, peer_down() not; @work's own
 * @backoff_ms: before the next attempt to dial; @work's own
 * @retry_at: jiffies of it
 * @tx_wait: woken when a request left its connection
 * @incarnation: of the last session, 0: never one
 * @remote: csv_peer.instance of the other side in the last session
 * @session: id under which we send
 * @rsp: the other side's session here
 * @offer_incarnation: for whom @offer_session was issued
 * @offer_remote: likewise
 * @offer_session: session id issued in the last handshake
 * @ping: the PING on its way
 * @ping_buf: header and payload of @ping
 * @ping_vec: of the payload
 * @pong: the PONG on its way
 * @pong_hdr: header of @pong
 * @heard: jiffies of the last byte received, valid if @ever_heard
 * @ever_heard: something was
 * @bytes_sent: on the wire, headers included
 * @bytes_received: likewise
 * @msgs_sent: messages
 * @msgs_received: likewise
 * @links: how often the link came up
 * @resends: requests sent again over another connection
 * @bad_frames: messages that ended their connection
 * @auth_failures: handshakes refused for want of the key
 */
struct csv_peer {
	refcount_t ref;
	struct rcu_head rcu;
	struct csv_net *cn;
	u32 node;
	char name[CSV_NAME_MAX + 1];
	const struct csv_transport_ops *ops;
	bool dialer;
	u64 instance;
	bool stopping;
	struct mutex mutex;	/* forming and taking down the link */

	spinlock_t lock;	/* protects the addresses, the link and the slots */
	struct sockaddr_storage addrs[CSV_ADDRS_MAX];
	unsigned int nr_addrs;
	struct csv_conn *conns[CSV_CONNS];
	struct csv_conn *dialing;
	u64 link;
	bool up;
	u32 gen;
	DECLARE_BITMAP(slots_used, CSV_SLOTS);
	u16 slots_agreed[CSV_CLASS_COUNT];
	u16 slots_max[CSV_CLASS_COUNT];
	u16 slots_taken[CSV_CLASS_COUNT];
	u8 shares[CSV_CLASS_COUNT][CSV_SHARES];
	struct list_head waiters[CSV_CLASS_COUNT];
	u32 nr_waiters[CSV_CLASS_COUNT];
	u32 waiting[CSV_CLASS_COUNT][CSV_SHARES];
	struct csv_slot slots[CSV_SLOTS];
	char error[96];

	struct delayed_work work;
	struct work_struct resend_work;
	struct delayed_work keepalive_work;
	u32 state_cursor;
	bool announced;
	unsigned int backoff_ms;
	unsigned long retry_at;
	wait_queue_head_t tx_wait;

	/* under mutex */
	u64 incarnation;
	u64 remote;
	u64 session;
	struct csv_rsp *rsp;
	u64 offer_incarnation;
	u64 offer_remote;
	u64 offer_session;

	struct csv_tx ping;
	u8 *ping_buf;
	struct kvec ping_vec;
	struct csv_tx pong;
	struct csv_wire_hdr pong_hdr;

	unsigned long heard;
	bool ever_heard;
	atomic64_t bytes_sent;
	atomic64_t bytes_received;
	atomic64_t msgs_sent;
	atomic64_t msgs_received;
	atomic64_t links;
	atomic64_t resends;
	atomic64_t bad_frames;
	atomic64_t auth_failures;
};

/* peer.c */
__printf(2, 3) void csv_peer_set_error(struct csv_peer *peer, const char *fmt, ...);
u64 csv_peer_offer_session(struct csv_peer *peer, const struct csv_hs *hs);

/* link.c */
void csv_link_init(struct csv_peer *peer);
void csv_link_kick(struct csv_peer *peer);
void csv_link_drop(struct csv_peer *peer);
void csv_link_stop(struct csv_peer *peer);
int csv_link_attach(struct csv_peer *peer, struct csv_conn *conn);

/* keepalive.c */
int csv_keepalive_init(struct csv_peer *peer);
void csv_keepalive_start(struct csv_peer *peer);
void csv_keepalive_stop(struct csv_peer *peer);
int csv_keepalive_begin(struct csv_conn *conn, const struct csv_wire_hdr *hdr);
void csv_keepalive_end(struct csv_conn *conn, const struct csv_wire_hdr *hdr);

/* session.c */
void csv_session_init(struct csv_peer *peer);
int csv_session_prealloc(struct csv_peer *peer);
void csv_session_exit(struct csv_peer *peer);
int csv_session_get_slot(struct csv_peer *peer, struct csv_rpc *rpc, bool nowait);
void csv_session_put_slot(struct csv_peer *peer, unsigned int index);
void csv_waiter_del(struct csv_peer *peer, enum csv_class class, struct csv_waiter *waiter);
void csv_session_set_credit(struct csv_peer *peer, enum csv_class class, u16 credit);
struct csv_conn *csv_session_claim(struct csv_peer *peer, unsigned int index);
void csv_session_send(struct csv_conn *conn, struct csv_slot *slot);
void csv_session_kick(struct csv_peer *peer);

/* abort.c */
void csv_session_cancel_killed(struct csv_peer *peer);
void csv_session_forsake(struct csv_peer *peer);
void csv_session_mark(struct csv_peer *peer, u32 volume, int err, bool *unsafe);
bool csv_session_collect(struct csv_peer *peer, int err, struct list_head *done);
void csv_session_reset(struct csv_peer *peer, struct list_head *done);

/* reply.c */
int csv_reply_begin(struct csv_conn *conn, const struct csv_wire_hdr *hdr);
void csv_reply_end(struct csv_conn *conn);
void csv_reply_abort(struct csv_conn *conn);

/* rpc.c */
void csv_rpc_complete(struct csv_rpc *rpc, int err);
void csv_rpc_complete_list(struct list_head *done);

/* call.c */
int csv_call_init(void);
void csv_call_exit(void);
struct csv_rsp *csv_rsp_alloc(struct csv_net *cn, u32 node, u64 incarnation, u64 id);
void csv_rsp_put(struct csv_rsp *rsp);
int csv_call_begin(struct csv_conn *conn, const struct csv_wire_hdr *hdr);
int csv_call_end(struct csv_conn *conn);
void csv_call_abort(struct csv_conn *conn);
void csv_call_cancel(struct csv_conn *conn, const struct csv_wire_hdr *hdr);

/* The classes' slots, one class behind the other. */
#define CSV_FIRST_META		0
#define CSV_FIRST_WRITE		(CSV_FIRST_META + CSV_SLOTS_META)
#define CSV_FIRST_RECALL	(CSV_FIRST_WRITE + CSV_SLOTS_WRITE)
#define CSV_FIRST_DATA		(CSV_FIRST_RECALL + CSV_SLOTS_RECALL)
#define CSV_FIRST_RESV		(CSV_FIRST_DATA + CSV_SLOTS_DATA)

static inline enum csv_class csv_slot_class(unsigned int index)
{
	if (index < CSV_FIRST_WRITE)
		return CSV_CLASS_META;
	if (index < CSV_FIRST_RECALL)
		return CSV_CLASS_WRITE;
	if (index < CSV_FIRST_DATA)
		return CSV_CLASS_RECALL;
	if (index < CSV_FIRST_RESV)
		return CSV_CLASS_DATA;
	return CSV_CLASS_RESV;
}

static inline u16 csv_slot_count(enum csv_class class)
{
	static const u16 counts[CSV_CLASS_COUNT] = {
		CSV_SLOTS_META, CSV_SLOTS_WRITE, CSV_SLOTS_RECALL, CSV_SLOTS_DATA,
		CSV_SLOTS_RESV,
	};

	return counts[class];
}

/* Data has connections of its own, so that it does not stand in the way. */
static inline unsigned int csv_slot_conn(unsigned int index)
{
	enum csv_class class = csv_slot_class(index);

	if (class == CSV_CLASS_DATA || class == CSV_CLASS_WRITE)
		return 1 + index % CSV_DATA_CONNS;
	return 0;
}

#endif /* CSV_PEER_H */
