// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs transport: the link to a peer, that is all connections together.
 *
 * A link is formed as a whole and taken down as a whole: when one connection
 * fails, all go. The dialer makes all connections of a link before it uses the
 * first; at the listener they come one by one, the control connection first,
 * and a newer one takes the place of a link that the listener still believes
 * in. Only when the old connections are dead, the receive works ended and
 * their messages given back, requests are sent on new ones.
 *
 * csv_peer.work is the only one that starts a link and makes upcalls about it;
 * anybody may take one down under csv_peer.mutex.
 */
#include <linux/random.h>
#include <linux/sched/mm.h>
#include "conn.h"
#include "peer.h"

#define CSV_BACKOFF_MIN_MS	100
#define CSV_BACKOFF_MAX_MS	2000

/**
 * csv_link_kick() - have a look at the link
 * @peer: peer
 *
 * Context: any.
 */
void csv_link_kick(struct csv_peer *peer)
{
	mod_delayed_work(csv_link_wq, &peer->work, 0);
}

static bool csv_link_is_broken(const struct csv_peer *peer)
{
	unsigned int i;

	lockdep_assert_held(&peer->mutex);
	for (i = 0; i < CSV_CONNS; i++)
		if (peer->conns[i] && csv_conn_is_dead(peer->conns[i]))
			return true;
	return false;
}

static bool csv_link_is_complete(const struct csv_peer *peer)
{
	unsigned int i;

	lockdep_assert_held(&peer->mutex);
	for (i = 0; i < CSV_CONNS; i++)
		if (!peer->conns[i] || !test_bit(CSV_CONN_READY, &peer->conns[i]->flags) ||
		    csv_conn_is_dead(peer->conns[i]))
			return false;
	return true;
}

static void csv_link_teardown(struct csv_peer *peer)
{
	struct csv_conn *conns[CSV_CONNS];
	unsigned int i;

	lockdep_assert_held(&peer->mutex);
	spin_lock(&peer->lock);
	peer->up = false;
	memcpy(conns, peer->conns, sizeof(conns));
	memset(peer->conns, 0, sizeof(peer->conns));
	spin_unlock(&peer->lock);

	for (i = 0; i < CSV_CONNS; i++)		/* all at once, then one by one */
		if (conns[i])
			csv_conn_shutdown(conns[i]);
	for (i = 0; i < CSV_CONNS; i++)
		if (conns[i])
			csv_conn_kill(conns[i]);

	/* Nothing of this link is in use from here on. */
	spin_lock(&peer->lock);
	if (!++peer->gen)
		peer->gen = 1;
	spin_unlock(&peer->lock);
	for (i = 0; i < CSV_CONNS; i++)
		if (conns[i])
			csv_conn_put(conns[i]);
}

/**
 * csv_link_drop() - take the link down now, if there is one
 * @peer: peer
 *
 * Context: process; not from a receive work, whose end it waits for.
 */
void csv_link_drop(struct csv_peer *peer)
{
	mutex_lock(&peer->mutex);
	if (peer->conns[0])
		csv_link_teardown(peer);
	mutex_unlock(&peer->mutex);
	csv_link_kick(peer);
}

/**
 * csv_link_attach() - an accepted connection becomes part of the link
 * @peer: peer
 * @conn: after csv_handshake_accept(); on success the link takes the reference
 *
 * Return: 0, -ESTALE: it belongs to another link, or -ESHUTDOWN.
 */
int csv_link_attach(struct csv_peer *peer, struct csv_conn *conn)
{
	unsigned int index = conn->hs.index;
	struct csv_conn *control;
	int ret = 0;

	mutex_lock(&peer->mutex);
	if (peer->stopping) {
		ret = -ESHUTDOWN;
		goto out;
	}
	if (!index) {
		if (peer->conns[0])
			csv_link_teardown(peer);
		peer->link = conn->hs.link;
	}
	control = peer->conns[0];
	if (index && (!control || peer->conns[index] || peer->link != conn->hs.link ||
		      control->hs.incarnation != conn->hs.incarnation ||
		      control->hs.instance != conn->hs.instance)) {
		ret = -ESTALE;
		goto out;
	}
	spin_lock(&peer->lock);
	peer->conns[index] = conn;
	spin_unlock(&peer->lock);
out:
	mutex_unlock(&peer->mutex);
	return ret;
}

/* A new session if either side is another than before; ends the old ones. */
static int csv_link_set_session(struct csv_peer *peer, const struct csv_hs *hs, bool *fresh,
				struct list_head *done)
{
	struct csv_rsp *rsp, *old = peer->rsp;
	unsigned int i;

	lockdep_assert_held(&peer->mutex);
	*fresh = !old || old->id != hs->session_issued || peer->session != hs->session ||
		 peer->incarnation != hs->incarnation || peer->remote != hs->instance;
	if (!*fresh)
		return 0;

	rsp = csv_rsp_alloc(peer->cn, peer->node, hs->incarnation, hs->session_issued);
	if (!rsp)
		return -ENOMEM;
	csv_session_reset(peer, done);
	spin_lock(&peer->lock);
	peer->rsp = rsp;
	peer->session = hs->session;
	peer->incarnation = hs->incarnation;
	peer->remote = hs->instance;
	for (i = 0; i < CSV_CLASS_COUNT; i++) {
		peer->slots_agreed[i] = clamp_t(u16, hs->slots[i], 1, csv_slot_count(i));
		peer->slots_max[i] = peer->slots_agreed[i];
	}
	spin_unlock(&peer->lock);
	csv_rsp_put(old);
	return 0;
}

static void csv_link_announce(struct csv_peer *peer, const struct csv_hs *hs, bool fresh)
{
	peer->announced = true;
	if (csv_upcalls->peer_up)
		csv_upcalls->peer_up(peer->cn, peer->node, hs->incarnation, fresh);
	if (csv_upcalls->digest_recv)
		csv_upcalls->digest_recv(peer->cn, peer->node, hs->digest);
}

static void csv_link_retract(struct csv_peer *peer)
{
	if (!peer->announced)
		return;
	peer->announced = false;
	if (csv_upcalls->peer_down)
		csv_upcalls->peer_down(peer->cn, peer->node);
}

/* The link @id is complete: use it. */
static void csv_link_start(struct csv_peer *peer, u64 id)
{
	bool fresh, up = false;
	struct csv_hs hs;
	LIST_HEAD(done);
	unsigned int i;
	int ret = -ESTALE;

	mutex_lock(&peer->mutex);
	if (peer->link == id && csv_link_is_complete(peer) && !peer->stopping) {
		hs = peer->conns[0]->hs;
		ret = csv_link_set_session(peer, &hs, &fresh, &done);
		if (ret)
			csv_link_teardown(peer);
	}
	mutex_unlock(&peer->mutex);
	csv_rpc_complete_list(&done);
	if (ret) {
		csv_link_kick(peer);
		return;
	}

	/* Neither do requests come in nor do they go out before this returns. */
	csv_link_announce(peer, &hs, fresh);

	mutex_lock(&peer->mutex);
	if (peer->link == id && csv_link_is_complete(peer) && !peer->stopping) {
		peer->backoff_ms = 0;
		WRITE_ONCE(peer->heard, jiffies);
		spin_lock(&peer->lock);
		peer->up = true;
		peer->error[0] = '\0';
		spin_unlock(&peer->lock);
		for (i = 0; i < CSV_CONNS; i++)
			csv_conn_start(peer->conns[i]);
		up = true;
	}
	mutex_unlock(&peer->mutex);
	if (!up)
		return;
	pr_info("node %s (%u) is connected\n", peer->name, peer->node);
	atomic64_inc(&peer->links);
	csv_keepalive_start(peer);
	csv_session_kick(peer);
}

/* dialing */

static struct csv_conn *csv_link_dial_one(struct csv_peer *peer,
					  const struct sockaddr_storage *addr, u64 link,
					  unsigned int index)
{
	struct csv_conn *conn;
	bool stopping;
	int ret;

	conn = csv_conn_alloc(peer->cn, peer->ops, peer, index);
	if (!conn)
		return NULL;
	conn->addr = *addr;
	spin_lock(&peer->lock);
	stopping = peer->stopping;
	if (!stopping)
		peer->dialing = csv_conn_get(conn);
	spin_unlock(&peer->lock);
	if (stopping)
		goto out;

	ret = peer->ops->connect(conn, addr);
	/* one text for all addresses: a node that is down is no news each time */
	if (ret)
		csv_peer_set_error(peer, "cannot connect (%d)", ret);
	else
		ret = csv_handshake_dial(conn, link, index);

	spin_lock(&peer->lock);
	peer->dialing = NULL;
	spin_unlock(&peer->lock);
	csv_conn_put(conn);
	if (ret)
		goto out;
	set_bit(CSV_CONN_READY, &conn->flags);
	return conn;

out:
	csv_conn_kill(conn);
	csv_conn_put(conn);
	return NULL;
}

/* Both have been told by the same peer? */
static bool csv_link_is_same(const struct csv_conn *a, const struct csv_conn *b)
{
	return a->hs.incarnation == b->hs.incarnation && a->hs.instance == b->hs.instance;
}

static int csv_link_dial_at(struct csv_peer *peer, const struct sockaddr_storage *addr)
{
	struct csv_conn *conns[CSV_CONNS] = { };
	u64 link = get_random_u64() | 1;
	unsigned int i;

	for (i = 0; i < CSV_CONNS; i++) {
		conns[i] = csv_link_dial_one(peer, addr, link, i);
		if (!conns[i] || !csv_link_is_same(conns[0], conns[i]))
			goto out_kill;
	}
	mutex_lock(&peer->mutex);
	if (peer->stopping) {
		mutex_unlock(&peer->mutex);
		goto out_kill;
	}
	peer->link = link;
	spin_lock(&peer->lock);
	memcpy(peer->conns, conns, sizeof(conns));
	spin_unlock(&peer->lock);
	mutex_unlock(&peer->mutex);
	return 0;

out_kill:
	for (i = 0; i < CSV_CONNS; i++) {
		if (!conns[i])
			continue;
		csv_conn_kill(conns[i]);
		csv_conn_put(conns[i]);
	}
	return -ENOTCONN;
}

/* The addresses change with the table. */
static bool csv_link_get_addr(struct csv_peer *peer, unsigned int i, struct sockaddr_storage *addr)
{
	bool found;

	spin_lock(&peer->lock);
	found = i < peer->nr_addrs && !peer->stopping;
	if (found)
		*addr = peer->addrs[i];
	spin_unlock(&peer->lock);
	return found;
}

static int csv_link_dial(struct csv_peer *peer)
{
	struct sockaddr_storage addr;
	int ret = -ENOTCONN;
	unsigned int i;

	for (i = 0; ret && csv_link_get_addr(peer, i, &addr); i++)
		ret = csv_link_dial_at(peer, &addr);
	return ret;
}

/* After an attempt, good or bad: not again before csv_peer.retry_at. */
static void csv_link_back_off(struct csv_peer *peer)
{
	unsigned int ms = clamp_t(unsigned int, peer->backoff_ms * 2, CSV_BACKOFF_MIN_MS,
				  CSV_BACKOFF_MAX_MS);

	peer->backoff_ms = ms;
	peer->retry_at = jiffies + msecs_to_jiffies(ms / 2 + get_random_u32_below(ms / 2 + 1));
}

static void csv_link_try(struct csv_peer *peer)
{
	if (time_before(jiffies, peer->retry_at)) {
		queue_delayed_work(csv_link_wq, &peer->work, peer->retry_at - jiffies);
		return;
	}
	csv_link_back_off(peer);
	if (csv_link_dial(peer) && !READ_ONCE(peer->stopping))
		queue_delayed_work(csv_link_wq, &peer->work, peer->retry_at - jiffies);
	else
		csv_link_kick(peer);
}

static void csv_link_run(struct csv_peer *peer)
{
	bool start, none, up;
	u64 id;

	mutex_lock(&peer->mutex);
	if (csv_link_is_broken(peer))
		csv_link_teardown(peer);
	up = peer->up;
	start = !up && csv_link_is_complete(peer);
	none = !peer->conns[0];
	id = peer->link;
	mutex_unlock(&peer->mutex);

	if (!up)
		csv_link_retract(peer);
	if (READ_ONCE(peer->stopping))
		return;
	if (start)
		csv_link_start(peer, id);
	else if (none && peer->dialer)
		csv_link_try(peer);
}

static void csv_link_work(struct work_struct *work)
{
	struct csv_peer *peer = container_of(to_delayed_work(work), struct csv_peer, work);
	/* sockets are made with GFP_KERNEL, and reclaim may wait for this very link */
	unsigned int flags = memalloc_noio_save();

	csv_link_run(peer);
	memalloc_noio_restore(flags);
}

/**
 * csv_link_init() - of a new peer
 * @peer: peer
 */
void csv_link_init(struct csv_peer *peer)
{
	mutex_init(&peer->mutex);
	INIT_DELAYED_WORK(&peer->work, csv_link_work);
	peer->retry_at = jiffies;
	peer->gen = 1;
}

/**
 * csv_link_stop() - take the link down for good
 * @peer: peer
 *
 * Context: process, waits for all works.
 */
void csv_link_stop(struct csv_peer *peer)
{
	struct csv_conn *dialing;

	mutex_lock(&peer->mutex);
	spin_lock(&peer->lock);
	peer->stopping = true;
	dialing = peer->dialing;
	if (dialing)
		csv_conn_get(dialing);
	spin_unlock(&peer->lock);
	mutex_unlock(&peer->mutex);
	if (dialing) {
		csv_conn_shutdown(dialing);
		csv_conn_put(dialing);
	}
	disable_delayed_work_sync(&peer->work);
	mutex_lock(&peer->mutex);
	if (peer->conns[0]) {
		if (peer->up)
			csv_notice_goaway(peer->conns[0], "this node leaves");
		csv_link_teardown(peer);
	}
	mutex_unlock(&peer->mutex);
	csv_keepalive_stop(peer);
	disable_work_sync(&peer->resend_work);
	csv_link_retract(peer);
}
