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

/**
 * csv_slot_is_idle() - whether a request is on no link, neither to nor from it
 * @peer: peer
 * @slot: slot
 *
 * Context: under csv_peer.lock.
 */
bool csv_slot_is_idle(const struct csv_peer *peer, const struct csv_slot *slot)
{
	lockdep_assert_held(&peer->lock);
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
 * A marked request is not sent (again). One that waits for a slot ends at once.
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
		slot->abort = err;
		if (csv_slot_is_unsafe(peer, slot))
			*unsafe = true;
	}
	for (i = 0; i < CSV_CLASS_COUNT; i++) {
		list_for_each_entry_safe(waiter, next, &peer->waiters[i], entry) {
			if (volume && waiter->volume != volume)
				continue;
			list_del(&waiter->entry);
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
 * csv_session_collect() - end the requests that csv_session_mark() marked
 * @peer: peer
 * @done: they go here, with csv_rpc.err set, for csv_rpc_complete_list()
 *
 * If some were unsafe the link was dropped in between. Context: process.
 * Return: whether one is being received into right now, and was left out.
 */
bool csv_session_collect(struct csv_peer *peer, struct list_head *done)
{
	bool left = false;
	unsigned int i;

	wait_event(peer->tx_wait, !csv_session_is_busy(peer, true));
	spin_lock(&peer->lock);
	for (i = 0; i < CSV_SLOTS; i++) {
		struct csv_slot *slot = &peer->slots[i];
		struct csv_rpc *rpc = slot->rpc;

		if (!slot->abort || slot->state != CSV_SLOT_BUSY)
			continue;
		if (slot->receiving) {
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

/**
 * csv_session_withdraw_killed() - who is being killed does not wait for a link
 * @peer: peer
 *
 * Ends the requests of such processes that are on no link, with -ERESTARTSYS.
 * Context: process.
 */
void csv_session_withdraw_killed(struct csv_peer *peer)
{
	struct csv_slot *slot;
	bool any = false;
	LIST_HEAD(done);
	unsigned int i;

	spin_lock(&peer->lock);
	for (i = 0; i < CSV_SLOTS; i++) {
		slot = &peer->slots[i];
		if (slot->abort || !csv_slot_is_idle(peer, slot) ||
		    !csv_task_is_killed(slot->rpc->task))
			continue;
		slot->abort = -ERESTARTSYS;
		any = true;
	}
	spin_unlock(&peer->lock);
	if (!any)
		return;
	csv_session_collect(peer, &done);
	csv_rpc_complete_list(&done);
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
		csv_session_collect(peer, done);
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
	while (csv_session_collect(peer, &done))
		csv_link_drop(peer);
	/* Zombies that a link came up without. */
	queue_work(csv_link_wq, &peer->resend_work);
	csv_rpc_complete_list(&done);
}
