// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs transport: requests that end without a reply.
 *
 * The owner of a request may reuse its pages when it hears that it is over. So
 * before that, neither a sender nor the receive work may be at them, nor may
 * they wait in a socket to be sent. If one of these holds the request is
 * unsafe, and the link is dropped first.
 */
#include "conn.h"
#include "peer.h"

/* The pages of the request may still be read or written on the link there is. */
static bool csv_slot_is_unsafe(const struct csv_peer *peer, const struct csv_slot *slot)
{
	if (slot->tx.busy || slot->receiving)
		return true;
	return slot->link == peer->gen && iov_iter_count(&slot->rpc->out);
}

/* On no link, neither to nor from it. */
static bool csv_slot_is_idle(const struct csv_peer *peer, const struct csv_slot *slot)
{
	return slot->state == CSV_SLOT_BUSY && !slot->tx.busy && !slot->receiving &&
	       slot->link != peer->gen;
}

/**
 * csv_session_mark() - requests of a volume are to end
 * @peer: peer
 * @volume: of this volume, 0: all
 * @err: with this error
 * @unsafe: set if the link has to be dropped before csv_session_collect()
 *
 * A marked request is not sent (again). One that waits for a slot ends at once. After
 * -EIO (umount -f) one that csv_rpc.stays and that nobody waits for goes on.
 */
void csv_session_mark(struct csv_peer *peer, u32 volume, int err, bool *unsafe)
{
	struct csv_waiter *waiter, *next;
	unsigned int i;

	spin_lock(&peer->lock);
	for (i = 0; i < CSV_SLOTS; i++) {
		struct csv_slot *slot = &peer->slots[i];

		if (slot->state != CSV_SLOT_BUSY || (volume && slot->rpc->volume != volume))
			continue;
		/* nobody waits for it, and it is done or not done only once */
		if (err == -EIO && slot->rpc->stays && slot->rpc->done)
			continue;
		slot->abort = err;
		if (csv_slot_is_unsafe(peer, slot))
			*unsafe = true;
	}
	for (i = 0; i < CSV_CLASS_COUNT; i++) {
		list_for_each_entry_safe(waiter, next, &peer->waiters[i], entry) {
			if (volume && waiter->volume != volume)
				continue;
			csv_waiter_del(peer, i, waiter);
			waiter->slot = err;
			complete(&waiter->done);
		}
	}
	spin_unlock(&peer->lock);
}

/* A request (that is marked) is still with a sender, which is about to return. */
static bool csv_session_is_busy(struct csv_peer *peer, bool marked)
{
	bool busy = false;
	unsigned int i;

	spin_lock(&peer->lock);
	for (i = 0; i < CSV_SLOTS && !busy; i++)
		busy = peer->slots[i].tx.busy && (peer->slots[i].abort || !marked);
	spin_unlock(&peer->lock);
	return busy;
}

/**
 * csv_session_collect() - end the requests that were marked
 * @peer: peer
 * @err: with this error; 0: with any
 * @done: they go here, with csv_rpc.err set, for csv_rpc_complete_list()
 *
 * If some were unsafe the link was dropped in between. Context: process.
 * Return: whether one is unsafe right now, and was left out.
 */
bool csv_session_collect(struct csv_peer *peer, int err, struct list_head *done)
{
	bool left = false;
	unsigned int i;

	wait_event(peer->tx_wait, !csv_session_is_busy(peer, true));
	spin_lock(&peer->lock);
	for (i = 0; i < CSV_SLOTS; i++) {
		struct csv_slot *slot = &peer->slots[i];
		struct csv_rpc *rpc = slot->rpc;

		if (!slot->abort || slot->state != CSV_SLOT_BUSY || (err && slot->abort != err))
			continue;
		/* or marked by somebody else, who is about to drop the link */
		if (csv_slot_is_unsafe(peer, slot)) {
			left = true;
			continue;
		}
		rpc->err = slot->abort;
		list_add_tail(&rpc->entry, done);
		if (slot->link) {
			slot->state = CSV_SLOT_ZOMBIE;
			slot->rpc = NULL;
			slot->abort = 0;
		} else {
			slot->seq--;
			csv_session_put_slot(peer, i);
		}
	}
	spin_unlock(&peer->lock);
	return left;
}

/* A request that nobody waits for any more, by the time the lock is dropped. */
struct csv_cancel {
	struct csv_conn *conn;
	u32 tag;
	u16 opcode;
	u64 session;
	u32 seq;
};

/*
 * What is on no link is marked for csv_session_collect(): who knows when there is one
 * again, and what is in these pages then. The responder is to hear of what was sent; if
 * that is lost with the link, csv_session_forsake() does the rest.
 * Return: whether it was marked.
 */
static bool csv_slot_cancel(struct csv_peer *peer, struct csv_slot *slot,
			    struct csv_cancel *cancel)
{
	struct csv_rpc *rpc = slot->rpc;

	lockdep_assert_held(&peer->lock);
	cancel->conn = NULL;
	/* what was never sent has pinned nothing */
	slot->cancelled = !rpc->stays || !slot->link;
	if (peer->up && slot->link == peer->gen) {
		cancel->conn = csv_conn_get(peer->conns[csv_slot_conn(rpc->slot)]);
		cancel->tag = (u32)rpc->slot << 16 | rpc->gen;
		cancel->opcode = rpc->opcode;
		cancel->session = peer->session;
		cancel->seq = rpc->seq;
	} else if (slot->cancelled && !slot->abort && csv_slot_is_idle(peer, slot)) {
		slot->abort = -ERESTARTSYS;
		return true;
	}
	return false;
}

static void csv_cancel_send(struct csv_cancel *cancel)
{
	if (!cancel->conn)
		return;
	csv_notice_cancel(cancel->conn, cancel->tag, cancel->opcode, cancel->session, cancel->seq);
	csv_conn_put(cancel->conn);
}

/* What csv_slot_cancel() marked; what others did may be on the link still. */
static void csv_session_withdraw(struct csv_peer *peer)
{
	LIST_HEAD(done);

	csv_session_collect(peer, -ERESTARTSYS, &done);
	/* zombies that a link came up without */
	queue_work(csv_link_wq, &peer->resend_work);
	csv_rpc_complete_list(&done);
}

/**
 * csv_session_forsake() - what nobody waits for any more is not sent on another link
 * @peer: peer whose link has come up, nothing of the session having been sent on it
 *
 * Others may have seen that its process is gone, and have gone on with the file.
 * Context: process.
 */
void csv_session_forsake(struct csv_peer *peer)
{
	bool marked = false;
	LIST_HEAD(done);
	unsigned int i;

	spin_lock(&peer->lock);
	for (i = 0; i < CSV_SLOTS; i++) {
		struct csv_slot *slot = &peer->slots[i];

		if (!csv_slot_is_idle(peer, slot) || slot->abort ||
		    (slot->rpc->stays && slot->link) ||
		    !(slot->cancelled || csv_task_is_killed(slot->rpc->task)))
			continue;
		slot->abort = -ERESTARTSYS;
		marked = true;
	}
	spin_unlock(&peer->lock);
	if (!marked)
		return;
	csv_session_collect(peer, -ERESTARTSYS, &done);
	csv_rpc_complete_list(&done);
}

/* Of those that wait for a slot. */
static void csv_session_cancel_waiters(struct csv_peer *peer)
{
	struct csv_waiter *waiter, *next;
	unsigned int i;

	lockdep_assert_held(&peer->lock);
	for (i = 0; i < CSV_CLASS_COUNT; i++) {
		list_for_each_entry_safe(waiter, next, &peer->waiters[i], entry) {
			if (!csv_task_is_killed(waiter->task))
				continue;
			csv_waiter_del(peer, i, waiter);
			waiter->slot = -ERESTARTSYS;
			complete(&waiter->done);
		}
	}
}

/**
 * csv_rpc_cancel() - nobody waits for a request any more
 * @peer: the one it was submitted to, referenced by the caller
 * @rpc: the request, referenced by the caller
 *
 * Tells the responder, which may then end what it waits for. Advisory: the slot is
 * free when the reply has come, as ever. Without a link the request is withdrawn.
 * Context: process.
 */
void csv_rpc_cancel(struct csv_peer *peer, struct csv_rpc *rpc)
{
	struct csv_slot *slot = &peer->slots[rpc->slot];
	struct csv_cancel cancel = {};
	bool marked = false;

	spin_lock(&peer->lock);
	if (slot->rpc == rpc)
		marked = csv_slot_cancel(peer, slot, &cancel);
	spin_unlock(&peer->lock);
	if (marked)
		csv_session_withdraw(peer);
	csv_cancel_send(&cancel);
}

/**
 * csv_session_cancel_killed() - who is being killed does not wait for a reply
 * @peer: peer
 *
 * csv_rpc_cancel() for the requests of such processes that cannot call it themselves.
 * Context: process.
 */
void csv_session_cancel_killed(struct csv_peer *peer)
{
	struct csv_cancel cancel;
	bool marked = false;
	unsigned int i;

	spin_lock(&peer->lock);
	csv_session_cancel_waiters(peer);
	spin_unlock(&peer->lock);
	for (i = 0; i < CSV_SLOTS; i++) {
		struct csv_slot *slot = &peer->slots[i];

		cancel.conn = NULL;
		spin_lock(&peer->lock);
		if (slot->state == CSV_SLOT_BUSY && csv_task_is_killed(slot->rpc->task))
			marked |= csv_slot_cancel(peer, slot, &cancel);
		spin_unlock(&peer->lock);
		csv_cancel_send(&cancel);
	}
	if (marked)
		csv_session_withdraw(peer);
}

/**
 * csv_session_reset() - our session at the peer is gone
 * @peer: peer, without a link
 * @done: requests in flight, with -CSV_ESESSION
 *
 * The very first session has nothing that could be lost with another: what
 * waits to be sent stays. Context: csv_peer.mutex.
 */
void csv_session_reset(struct csv_peer *peer, struct list_head *done)
{
	bool unsafe = false;
	unsigned int i;

	lockdep_assert_held(&peer->mutex);
	if (peer->incarnation) {
		csv_session_mark(peer, 0, -CSV_ESESSION, &unsafe);
		csv_session_collect(peer, 0, done);
	}
	wait_event(peer->tx_wait, !csv_session_is_busy(peer, false));
	spin_lock(&peer->lock);
	for (i = 0; i < CSV_SLOTS; i++) {
		struct csv_slot *slot = &peer->slots[i];

		if (slot->state == CSV_SLOT_ZOMBIE)
			csv_session_put_slot(peer, i);
		slot->link = 0;
		slot->seq = slot->state == CSV_SLOT_BUSY ? 1 : 0;
		if (slot->rpc)
			slot->rpc->seq = slot->seq;
	}
	spin_unlock(&peer->lock);
}

/**
 * csv_peer_abort() - complete requests now, whatever becomes of them
 * @peer: peer
 * @volume: requests for this volume, 0: all
 * @err: csv_rpc.err of them
 *
 * Requests that wait for a slot return @err from csv_rpc_submit(). May drop
 * the connections, when the peer could still receive from pages of a request.
 * Context: process; neither from csv_rpc.done nor from an upcall of a receive
 * worker (request(), state_recv()), since it may wait for these.
 */
void csv_peer_abort(struct csv_peer *peer, u32 volume, int err)
{
	bool unsafe = false;
	LIST_HEAD(done);

	csv_session_mark(peer, volume, err, &unsafe);
	if (unsafe)
		csv_link_drop(peer);
	while (csv_session_collect(peer, 0, &done))
		csv_link_drop(peer);
	/* Zombies that a link came up without. */
	queue_work(csv_link_wq, &peer->resend_work);
	csv_rpc_complete_list(&done);
}
