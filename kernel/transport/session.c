// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs transport: the requester's half of a session.
 *
 * A request owns a slot from csv_rpc_submit() until its reply has come, over
 * any number of links. It is sent once on every link, when it is submitted or
 * when the link comes up, by whoever claims it: csv_slot.link says on which
 * link that happened last. The sequence number of a slot grows by one with
 * every request that was sent; a request that ends unsent gives it back.
 *
 * A request that was aborted leaves a zombie behind: the slot stays taken until
 * the reply to that number comes. So does one that was cancelled when its link
 * breaks, since others may have gone on in the meantime. On another link a zombie is sent as a
 * CSV_OP_NULL of the same number, which the responder answers from its cache,
 * or runs in place of the request it never saw.
 */
#include <linux/hash.h>
#include <linux/slab.h>
#include "conn.h"
#include "peer.h"

#define CSV_REQ_HLEN	(sizeof(struct csv_wire_hdr) + sizeof(struct csv_wire_req))

struct csv_slot_range {
	u16 first;
	u16 count;
};

static const struct csv_slot_range csv_slot_ranges[CSV_CLASS_COUNT] = {
	[CSV_CLASS_META] = { CSV_FIRST_META, CSV_SLOTS_META },
	[CSV_CLASS_WRITE] = { CSV_FIRST_WRITE, CSV_SLOTS_WRITE },
	[CSV_CLASS_RECALL] = { CSV_FIRST_RECALL, CSV_SLOTS_RECALL },
	[CSV_CLASS_DATA] = { CSV_FIRST_DATA, CSV_SLOTS_DATA },
	[CSV_CLASS_RESV] = { CSV_FIRST_RESV, CSV_SLOTS_RESV },
};

static void csv_slot_tx_done(struct csv_tx *tx)
{
	struct csv_slot *slot = container_of(tx, struct csv_slot, tx);
	struct csv_peer *peer = slot->peer;
	bool resend;

	spin_lock(&peer->lock);
	tx->busy = false;
	/* The link changed while it was on its way out. */
	resend = peer->up && slot->state != CSV_SLOT_FREE && slot->link != peer->gen;
	spin_unlock(&peer->lock);
	if (resend)
		queue_work(csv_link_wq, &peer->resend_work);
	if (wq_has_sleeper(&peer->tx_wait))
		wake_up_all(&peer->tx_wait);
}

static void csv_session_resend(struct work_struct *work)
{
	csv_session_kick(container_of(work, struct csv_peer, resend_work));
}

/**
 * csv_session_init() - of a new peer
 * @peer: peer
 */
void csv_session_init(struct csv_peer *peer)
{
	unsigned int i;

	for (i = 0; i < CSV_CLASS_COUNT; i++) {
		INIT_LIST_HEAD(&peer->waiters[i]);
		peer->slots_agreed[i] = csv_slot_ranges[i].count;
		peer->slots_max[i] = csv_slot_ranges[i].count;
	}
	for (i = 0; i < CSV_SLOTS; i++) {
		peer->slots[i].peer = peer;
		peer->slots[i].tx.done = csv_slot_tx_done;
	}
	init_waitqueue_head(&peer->tx_wait);
	INIT_WORK(&peer->resend_work, csv_session_resend);
}

static int csv_slot_prepare(struct csv_slot *slot)
{
	if (slot->buf)
		return 0;
	slot->buf = kmalloc(CSV_WIRE_HDR_MAX, GFP_NOIO);
	return slot->buf ? 0 : -ENOMEM;
}

/**
 * csv_session_prealloc() - what ends a recall does not wait for memory
 * @peer: peer
 *
 * Return: 0 or -ENOMEM; csv_session_exit() cleans up in both cases.
 */
int csv_session_prealloc(struct csv_peer *peer)
{
	const struct csv_slot_range *range = &csv_slot_ranges[CSV_CLASS_RESV];
	unsigned int i;
	int ret = 0;

	for (i = range->first; i < range->first + range->count && !ret; i++)
		ret = csv_slot_prepare(&peer->slots[i]);
	return ret;
}

/**
 * csv_session_exit() - free what the slots hold
 * @peer: peer on its last reference
 */
void csv_session_exit(struct csv_peer *peer)
{
	unsigned int i;

	for (i = 0; i < CSV_SLOTS; i++)
		kfree(peer->slots[i].buf);
}

/* Whose slots those of a request count as. CLAIM asks about a volume, and is not stopped by it. */
static unsigned int csv_rpc_share(const struct csv_rpc *rpc)
{
	return rpc->opcode == CSV_OP_CLAIM ? 0 : hash_32(rpc->volume, CSV_SHARE_BITS);
}

static unsigned int csv_slot_next(const struct csv_peer *peer, enum csv_class class)
{
	const struct csv_slot_range *range = &csv_slot_ranges[class];
	unsigned int end = range->first + peer->slots_max[class];

	return find_next_zero_bit(peer->slots_used, end, range->first);
}

/*
 * A volume whose disk hangs must leave slots for the others. As in the buffers of a switch
 * (Choudhury and Hahne's dynamic thresholds), it may have so many times as many as would be
 * left: one alone gets two thirds of the slots, the next one as much of the rest, and the last
 * is for who has none.
 */
static int csv_slot_find(struct csv_peer *peer, enum csv_class class, unsigned int share)
{
	int left = peer->slots_max[class] - peer->slots_taken[class] - 1;
	unsigned int end = csv_slot_ranges[class].first + peer->slots_max[class], i;
	u8 has = peer->shares[class][share];

	lockdep_assert_held(&peer->lock);
	if (has && has >= left * CSV_SHARE_TIMES)
		return -EAGAIN;
	i = csv_slot_next(peer, class);
	if (i >= end)
		return -EAGAIN;
	__set_bit(i, peer->slots_used);
	peer->slots_taken[class]++;
	peer->shares[class][share]++;
	peer->slots[i].share = share;
	return i;
}

/**
 * csv_waiter_del() - a request waits for a slot no longer
 * @peer: peer
 * @class: of the slot
 * @waiter: it
 *
 * Context: under csv_peer.lock.
 */
void csv_waiter_del(struct csv_peer *peer, enum csv_class class, struct csv_waiter *waiter)
{
	lockdep_assert_held(&peer->lock);
	list_del(&waiter->entry);
	peer->nr_waiters[class]--;
	peer->waiting[class][waiter->share]--;
}

static void csv_waiter_add(struct csv_peer *peer, enum csv_class class, struct csv_waiter *waiter)
{
	lockdep_assert_held(&peer->lock);
	list_add_tail(&waiter->entry, &peer->waiters[class]);
	peer->nr_waiters[class]++;
	peer->waiting[class][waiter->share]++;
}

/*
 * Who waits for a slot of the class gets one, if there is one that his volume may have. Those
 * of a volume that may have none are many, and passed by without a look at each.
 */
static void csv_session_serve(struct csv_peer *peer, enum csv_class class)
{
	unsigned int end = csv_slot_ranges[class].first + peer->slots_max[class];
	unsigned int others = peer->nr_waiters[class];
	DECLARE_BITMAP(refused, CSV_SHARES) = {};
	struct csv_waiter *waiter, *next;

	lockdep_assert_held(&peer->lock);
	list_for_each_entry_safe(waiter, next, &peer->waiters[class], entry) {
		int index;

		if (!others || csv_slot_next(peer, class) >= end)
			return;
		if (test_bit(waiter->share, refused))
			continue;
		index = csv_slot_find(peer, class, waiter->share);
		if (index < 0) {
			__set_bit(waiter->share, refused);
			others -= peer->waiting[class][waiter->share];
			continue;
		}
		others--;
		csv_waiter_del(peer, class, waiter);
		waiter->slot = index;
		complete(&waiter->done);
	}
}

/**
 * csv_session_put_slot() - a slot is free
 * @peer: peer
 * @index: slot; the first one that waits and may have it gets it
 *
 * Context: under csv_peer.lock.
 */
void csv_session_put_slot(struct csv_peer *peer, unsigned int index)
{
	enum csv_class class = csv_slot_class(index);

	lockdep_assert_held(&peer->lock);
	peer->slots[index].state = CSV_SLOT_FREE;
	peer->slots[index].rpc = NULL;
	peer->slots[index].abort = 0;
	__clear_bit(index, peer->slots_used);
	peer->slots_taken[class]--;
	peer->shares[class][peer->slots[index].share]--;
	csv_session_serve(peer, class);
}

/**
 * csv_session_set_credit() - the responder says how many slots of a class may be used
 * @peer: peer
 * @class: which
 * @credit: how many; at least one, at most what the handshake agreed on
 *
 * Requests beyond that stay where they are. Context: under csv_peer.lock.
 */
void csv_session_set_credit(struct csv_peer *peer, enum csv_class class, u16 credit)
{
	lockdep_assert_held(&peer->lock);
	credit = clamp_t(u16, credit, 1, peer->slots_agreed[class]);
	if (likely(credit == peer->slots_max[class]))
		return;
	peer->slots_max[class] = credit;
	csv_session_serve(peer, class);
}

static int csv_slot_wait(struct csv_peer *peer, enum csv_class class, struct csv_waiter *waiter)
{
	if (!wait_for_completion_killable(&waiter->done))
		return waiter->slot;

	spin_lock(&peer->lock);
	if (waiter->slot >= 0)
		csv_session_put_slot(peer, waiter->slot);
	else if (waiter->slot == -EAGAIN)
		csv_waiter_del(peer, class, waiter);
	spin_unlock(&peer->lock);
	return -ERESTARTSYS;
}

/**
 * csv_session_get_slot() - find a slot for a request
 * @peer: peer
 * @rpc: request
 * @nowait: do not wait for one
 *
 * Return: the slot, -EAGAIN, -ESHUTDOWN, -ERESTARTSYS, or the error of a
 * csv_peer_abort() that met the waiting request.
 */
int csv_session_get_slot(struct csv_peer *peer, struct csv_rpc *rpc, bool nowait)
{
	enum csv_class class = csv_wire_class(rpc->opcode);
	struct csv_waiter waiter;
	int ret;

	spin_lock(&peer->lock);
	if (peer->stopping)
		ret = -ESHUTDOWN;
	else
		ret = csv_slot_find(peer, class, csv_rpc_share(rpc));
	if (ret != -EAGAIN || nowait) {
		spin_unlock(&peer->lock);
		return ret;
	}
	waiter.slot = -EAGAIN;
	waiter.volume = rpc->volume;
	waiter.share = csv_rpc_share(rpc);
	waiter.task = rpc->task;
	init_completion(&waiter.done);
	csv_waiter_add(peer, class, &waiter);
	spin_unlock(&peer->lock);
	return csv_slot_wait(peer, class, &waiter);
}

static int csv_slot_encode(struct csv_slot *slot, const struct csv_rpc *rpc, unsigned int index)
{
	unsigned int hlen = CSV_REQ_HLEN + rpc->args_len;
	size_t len = iov_iter_count(&rpc->out);
	struct csv_wire_hdr *hdr;
	int ret;

	if (rpc->args_len % 8 || hlen > CSV_WIRE_HDR_MAX || len > CSV_WIRE_IO_MAX)
		return -EMSGSIZE;
	ret = csv_slot_prepare(slot);
	if (ret)
		return ret;
	hdr = (struct csv_wire_hdr *)slot->buf;
	memset(hdr, 0, CSV_REQ_HLEN);
	hdr->type = CSV_MSG_REQ;
	hdr->hlen = hlen / 8;
	hdr->doff = hlen / 8;
	hdr->plen = cpu_to_le32(len);
	hdr->opcode = cpu_to_le16(rpc->opcode);
	hdr->epoch = cpu_to_le32(rpc->epoch);
	hdr->volume = cpu_to_le32(rpc->volume);
	hdr->tag = cpu_to_le32(index << 16);
	memcpy(slot->buf + CSV_REQ_HLEN, rpc->args, rpc->args_len);
	return 0;
}

/* What is left of an aborted request: its number. */
static void csv_slot_make_null(struct csv_wire_hdr *hdr)
{
	hdr->hlen = CSV_REQ_HLEN / 8;
	hdr->doff = CSV_REQ_HLEN / 8;
	hdr->plen = 0;
	hdr->opcode = cpu_to_le16(CSV_OP_NULL);
	hdr->volume = 0;
	hdr->epoch = 0;
}

/**
 * csv_session_claim() - decide to send a request on the link there is
 * @peer: peer
 * @index: slot
 *
 * Context: under csv_peer.lock; csv_session_send() follows outside.
 * Return: the connection to send it on, referenced, or NULL: not now.
 */
struct csv_conn *csv_session_claim(struct csv_peer *peer, unsigned int index)
{
	struct csv_slot *slot = &peer->slots[index];
	struct csv_wire_hdr *hdr = (struct csv_wire_hdr *)slot->buf;
	struct csv_wire_req *req = (struct csv_wire_req *)(hdr + 1);

	lockdep_assert_held(&peer->lock);
	if (!peer->up || slot->state == CSV_SLOT_FREE || slot->abort || slot->tx.busy ||
	    slot->link == peer->gen)
		return NULL;

	if (slot->link)
		atomic64_inc(&peer->resends);
	if (slot->state == CSV_SLOT_ZOMBIE)
		csv_slot_make_null(hdr);
	hdr->tag = cpu_to_le32(index << 16 | (slot->seq & 0xffff));
	req->session = cpu_to_le64(peer->session);
	req->seq = cpu_to_le32(slot->seq);
	csv_tx_init(&slot->tx, hdr, hdr->hlen * 8, slot->rpc ? &slot->rpc->out : NULL);
	slot->tx.busy = true;
	slot->link = peer->gen;
	return csv_conn_get(peer->conns[csv_slot_conn(index)]);
}

/**
 * csv_session_send() - send a claimed request
 * @conn: from csv_session_claim(); the reference goes
 * @slot: slot
 */
void csv_session_send(struct csv_conn *conn, struct csv_slot *slot)
{
	csv_tx_set_splice(&slot->tx);
	csv_conn_send(conn, &slot->tx);
	csv_conn_put(conn);
}

/**
 * csv_session_kick() - send all that waits in its slot
 * @peer: peer whose link has come up
 */
void csv_session_kick(struct csv_peer *peer)
{
	struct csv_conn *conn;
	unsigned int i;

	csv_session_forsake(peer);
	for (i = 0; i < CSV_SLOTS; i++) {
		spin_lock(&peer->lock);
		conn = csv_session_claim(peer, i);
		spin_unlock(&peer->lock);
		if (conn)
			csv_session_send(conn, &peer->slots[i]);
	}
}

/**
 * csv_rpc_submit() - send a request
 * @peer: to whom, referenced by the caller until this returns
 * @rpc: request, from csv_rpc_init(), filled in
 * @nowait: do not wait for a slot
 *
 * Context: process; may allocate with GFP_NOIO. From csv_rpc.done only with
 * @nowait: replies of the same connection wait until @done returns.
 * Return: 0: csv_rpc.done or csv_rpc_wait() will hear of it. Otherwise nothing
 * was sent, and nobody is called: -ERESTARTSYS (killed), -EAGAIN (@nowait),
 * -ESHUTDOWN (peer is being destroyed), -EMSGSIZE, -ENOMEM, or the error of a
 * csv_peer_abort() that met it waiting for a slot.
 */
int csv_rpc_submit(struct csv_peer *peer, struct csv_rpc *rpc, bool nowait)
{
	struct csv_conn *conn = NULL;
	struct csv_slot *slot;
	int index, ret;

	index = csv_session_get_slot(peer, rpc, nowait);
	if (index < 0)
		return index;
	slot = &peer->slots[index];
	ret = csv_slot_encode(slot, rpc, index);

	spin_lock(&peer->lock);
	if (!ret && peer->stopping)
		ret = -ESHUTDOWN;
	if (ret) {
		csv_session_put_slot(peer, index);
		spin_unlock(&peer->lock);
		return ret;
	}
	refcount_inc(&rpc->ref);
	rpc->peer = peer;
	rpc->slot = index;
	rpc->seq = ++slot->seq;
	rpc->gen = slot->seq & 0xffff;
	slot->rpc = rpc;
	slot->link = 0;
	slot->cancelled = false;
	slot->state = CSV_SLOT_BUSY;
	conn = csv_session_claim(peer, index);
	spin_unlock(&peer->lock);
	if (conn)
		csv_session_send(conn, slot);
	return 0;
}
