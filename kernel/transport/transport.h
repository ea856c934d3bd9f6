/* SPDX-License-Identifier: GPL-2.0 */
/*
 * csvfs transport: exchanges with the other nodes, exactly once a session.
 *
 * Between two nodes there is one control connection and CSV_DATA_CONNS data
 * connections; the node with the lower id dials. Every connection carries
 * requests of both directions. A node is a requester towards its peer with a
 * session of its own (slots, sequence numbers), and a responder with the
 * peer's session (the reply cache).
 *
 * A request stays in its slot until its reply is there, over any number of
 * connections: after a reconnect to the same incarnation of the peer it is
 * sent again in the same slot, and the responder answers a repeated one from
 * its cache. When the peer comes back as another incarnation the session is
 * gone, and all requests in flight complete with -CSV_ESESSION.
 *
 * This layer knows nothing of what the messages mean.
 */
#ifndef CSV_TRANSPORT_H
#define CSV_TRANSPORT_H

#include <linux/bvec.h>
#include <linux/uio.h>
#include <linux/completion.h>
#include <linux/socket.h>
#include "../csv.h"
#include "../wire/wire.h"

#define CSV_DATA_CONNS	2

/**
 * struct csv_rpc - one request, seen from the requester
 * @opcode: what to do; its class (csv_wire_class()) picks slot and connection
 * @volume: id of the volume, 0 for the node itself
 * @epoch: of the volume
 * @args: the operation header behind struct csv_wire_req, encoded by the caller
 * @args_len: bytes of @args, a multiple of 8
 * @out: data to send (ITER_BVEC or ITER_KVEC source), never advanced: it may be
 *	sent again. Its pages must stay until @done
 * @in: where the reply's data goes (ITER_BVEC or ITER_KVEC dest), never advanced
 * @task: for whom, referenced as long as it is in its slot, or NULL: when it is being
 *	killed, csv_rpc_cancel() follows by itself, and without a link the exchange ends
 *	with -ERESTARTSYS. For requests whose submitter cannot wait by csv_rpc_wait()
 * @stays: when nobody waits for it any more it is executed, and answered, all the same
 * @done: called once in process context when the exchange is over, whatever
 *	became of it; may not sleep for long, may submit other requests of a
 *	later class. NULL: somebody waits by csv_rpc_wait()
 * @free: called at the last put, may be NULL
 * @err: 0 or the reply's status as errno; -CSV_ESESSION, or the error given to
 *	csv_peer_abort(), when no reply came
 * @reply: operation header of the reply behind struct csv_wire_rsp
 * @reply_len: bytes of it
 * @in_len: bytes of data that came into @in; data that does not fit fails the
 *	exchange with -EMSGSIZE
 *
 * The requester holds one reference, the transport another from submit to
 * completion. The memory behind @out, @in and @args belongs to whoever frees
 * the rpc: @free is called at the last put. So a killed waiter just leaves.
 */
struct csv_rpc {
	u16 opcode;
	u32 volume;
	u32 epoch;
	void *args;
	unsigned int args_len;
	struct iov_iter out;
	struct iov_iter in;
	struct task_struct *task;
	bool stays;
	void (*done)(struct csv_rpc *rpc);
	void (*free)(struct csv_rpc *rpc);

	int err;
	unsigned int reply_len;
	size_t in_len;
	u8 reply[512];

	/* private: transport's own */
	struct completion completion;
	refcount_t ref;
	struct list_head entry;
	struct csv_peer *peer;
	u16 slot;
	u16 gen;
	u32 seq;
	unsigned long state;
};

void csv_rpc_init(struct csv_rpc *rpc, u16 opcode);
void csv_rpc_put(struct csv_rpc *rpc);

/*
 * Takes a slot (waiting for one, killable unless @nowait) and sends. 0: @done
 * or csv_rpc_wait() will hear of it. -ERESTARTSYS (killed), -EAGAIN (nowait),
 * -ESHUTDOWN (peer being destroyed): nothing was sent and nobody is called.
 * A peer that is not connected makes the request wait in its slot.
 * Context: process, may allocate GFP_NOIO.
 */
int csv_rpc_submit(struct csv_peer *peer, struct csv_rpc *rpc, bool nowait);
/* 0 when the exchange is over (see @err), -ERESTARTSYS when killed first. */
int csv_rpc_wait(struct csv_rpc *rpc);
/* After that: let the responder know, so that it does not go on for nobody. */
void csv_rpc_cancel(struct csv_peer *peer, struct csv_rpc *rpc);

struct csv_export;

/**
 * struct csv_call - one request, seen from the responder
 * @opcode: from the header, less than CSV_OP_COUNT
 * @volume: likewise, id of the volume
 * @epoch: likewise
 * @args: operation header behind struct csv_wire_req
 * @args_len: bytes of it
 * @data: the request's data in pages that belong to the call, bvec source
 * @data_len: bytes of it
 * @node: id of the requesting node
 * @incarnation: of it
 * @cn: this node
 * @task: of this node's own calls, if they are for one: which may not be who executes them
 * @cancelled: nobody waits for the reply; whoever waits on behalf of the call sleeps by
 *	wait_var_event() on this, and may end with any error
 * @err: status of the reply
 * @reply_len: bytes of @reply
 * @reply: operation header of the reply behind struct csv_wire_rsp
 * @out: data of the reply
 * @out_len: bytes of it
 * @out_stable: the pages of @out are never written to again, and are freed by
 *	put_page() only: they may be sent without a copy, and be on their way
 *	after @out_release
 * @out_release: called when the pages of @out are no longer needed; may be NULL
 * @bvec: free for the service: of @out
 * @nr_bvec: likewise
 * @inline_bvec: likewise, for few pages
 * @export: likewise: whose pages they are
 * @entry: free for the service until reply
 * @work: likewise
 * @private: for the service
 * @waits: for the service: for other nodes, and asks again before it goes on
 * @tx: free for the service until reply
 * @snode: likewise
 * @turn: free for the service until reply
 * @phase: likewise
 * @complete: finishes the call: the transport's sends, the local route's completes
 * @transport: transport's own
 *
 * The service fills @reply, @reply_len, @err and optionally @out, then calls
 * csv_call_reply() exactly once, from any process context. The data of a reply
 * that csv_wire_idempotent() does not let run again is at most one page.
 * CSV_OP_NULL is answered by the transport.
 */
struct csv_call {
	u16 opcode;
	u32 volume;
	u32 epoch;
	const void *args;
	unsigned int args_len;
	struct iov_iter data;
	size_t data_len;
	u32 node;
	u64 incarnation;
	struct csv_net *cn;
	const struct task_struct *task;
	bool cancelled;

	int err;
	unsigned int reply_len;
	u8 reply[512];
	struct iov_iter out;
	size_t out_len;
	bool out_stable;
	void (*out_release)(struct csv_call *call);
	struct bio_vec *bvec;
	unsigned int nr_bvec;
	struct bio_vec inline_bvec[2];
	struct csv_export *export;

	struct list_head entry;
	struct work_struct work;
	void *private;
	bool waits;
	u64 tx;
	struct csv_snode *snode;
	unsigned int turn;
	atomic_t phase;

	void (*complete)(struct csv_call *call);
	void *transport;
};

static inline void csv_call_reply(struct csv_call *call)
{
	call->complete(call);
}

/*
 * What the layers above give to the transport, once, before any peer exists.
 */
struct csv_transport_upcalls {
	/* A request has come. Called by a receive worker: must not block. */
	void (*request)(struct csv_call *call);
	/*
	 * The session with @node is established: @incarnation is the peer's, and
	 * @fresh says that it is not the one of the last session. Process context;
	 * when @fresh, no request of the new incarnation is delivered, and no
	 * request of ours is sent, before this returns. It must not wait for the peer.
	 */
	void (*peer_up)(struct csv_net *cn, u32 node, u64 incarnation, bool fresh);
	/* All connections are gone (informational). */
	void (*peer_down)(struct csv_net *cn, u32 node);
	/* Fill the payload of PING/PONG (state per volume); bytes used. @cursor: one per peer. */
	unsigned int (*state_fill)(struct csv_net *cn, u32 *cursor, void *buf, unsigned int size);
	void (*state_recv)(struct csv_net *cn, u32 node, const void *buf, unsigned int len);
	/* 16 bytes digest of the table in force, for HELLO; and the peer's, heard. */
	void (*digest)(struct csv_net *cn, u8 digest[16]);
	void (*digest_recv)(struct csv_net *cn, u32 node, const u8 digest[16]);
	/* Whether the table asks for digests of data. */
	bool (*data_digest)(struct csv_net *cn);
	/* Name of the cluster, NUL-terminated if shorter than @size; must be the peer's, too. */
	void (*cluster)(struct csv_net *cn, char *name, unsigned int size);
};

void csv_transport_set_upcalls(const struct csv_transport_upcalls *upcalls);

enum csv_transport_type { CSV_TRANSPORT_TCP, CSV_TRANSPORT_LOOP, CSV_TRANSPORT_COUNT };

/* All under csv_net.control_mutex. */
int csv_listener_start(struct csv_net *cn, enum csv_transport_type type,
		       const struct sockaddr_storage *addrs, unsigned int nr, unsigned int *at);
void csv_listener_stop(struct csv_net *cn);
int csv_listener_restart(struct csv_net *cn);

/*
 * A peer dials (or waits to be dialled) from the moment of its creation until
 * csv_peer_destroy(), which ends every request with -ESHUTDOWN and waits for
 * all workers. The caller keeps it in csv_net.peers; use elsewhere is under a
 * reference from csv_peer_get().
 */
struct csv_peer *csv_peer_create(struct csv_net *cn, u32 node, const char *name,
				 enum csv_transport_type type,
				 const struct sockaddr_storage *addrs, unsigned int nr);
void csv_peer_destroy(struct csv_peer *peer);
struct csv_peer *csv_peer_get(struct csv_net *cn, u32 node);	/* NULL: unknown */
void csv_peer_put(struct csv_peer *peer);

/* Complete every request in flight or queued for @volume (0: all) with @err. */
void csv_peer_abort(struct csv_peer *peer, u32 volume, int err);
/* Our state has changed: tell all peers now, not with the next keepalive. */
void csv_peer_tell_all(struct csv_net *cn);
/* Drop all connections now; they are dialled again (an administrator's reset, tests). */
void csv_peer_reset(struct csv_peer *peer);
void csv_peer_move(struct csv_peer *peer, const struct sockaddr_storage *addrs, unsigned int nr);

struct csv_peer_info {
	bool connected;			/* control and all data connections are up */
	struct sockaddr_storage via;	/* the address that was dialled, while connected */
	u64 incarnation;		/* 0: never heard of */
	u64 last_heard_ms;		/* age of the last message, ~0ULL: never */
	u64 bytes_sent, bytes_received;	/* on the wire, headers included */
	u64 msgs_sent, msgs_received, reconnects, resends, bad_frames, auth_failures;
	char error[96];			/* why the last attempt failed, or "" */
};

void csv_peer_get_info(struct csv_peer *peer, struct csv_peer_info *info);
bool csv_peer_is_unsure(struct csv_peer *peer, u32 volume, u32 epoch);

int csv_transport_init(void);
void csv_transport_exit(void);

/* ---- the edge to tcp.c, loop.c and, later, the rdma module: at most 11 ---- */

struct csv_conn;
struct csv_listener;
struct csv_tx;

/**
 * struct csv_transport_ops - one kind of connection
 * @type: how the table names it
 * @owner: module that implements it
 * @name: for messages
 * @init: once, before any other call; may be NULL
 * @exit: once, after everything of it was destroyed; may be NULL
 * @listen: start to listen at csv_listener.addr, and call csv_listener_accept()
 *	for every connection that comes in
 * @unlisten: stop; csv_listener_accept() is not called any more on return
 * @connect: connect to @addr. May block for a few seconds; @shutdown ends it
 * @send: send what has not been sent of one message, without blocking. 0: all
 *	of it; -EAGAIN: not all, csv_conn_writable() will be called; -ENOMEM: not
 *	all, try again later; else the connection is broken. Calls are serialised
 *	by csv_conn.send_mutex
 * @recv: receive into @to what has come, without blocking. The number of bytes
 *	(> 0); -EAGAIN: nothing, csv_conn_readable() will be called; else the
 *	connection is broken
 * @shutdown: nothing is to be sent or received any more; ends a @connect, and
 *	lets @send and @recv fail from now on. May be called more than once
 * @destroy: after @shutdown, when neither @send nor @recv runs: free
 *	csv_conn.priv. On return nobody reads the pages of messages that were
 *	sent, as far as this node can know
 *
 * A connection is an ordered stream of bytes. All are called in process context.
 */
struct csv_transport_ops {
	enum csv_transport_type type;
	struct module *owner;
	const char *name;
	int (*init)(void);
	void (*exit)(void);
	int (*listen)(struct csv_listener *listener);
	void (*unlisten)(struct csv_listener *listener);
	int (*connect)(struct csv_conn *conn, const struct sockaddr_storage *addr);
	int (*send)(struct csv_conn *conn, struct csv_tx *tx);
	int (*recv)(struct csv_conn *conn, struct iov_iter *to);
	void (*shutdown)(struct csv_conn *conn);
	void (*destroy)(struct csv_conn *conn);
};

#endif /* CSV_TRANSPORT_H */
