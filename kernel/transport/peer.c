// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs transport: the other nodes.
 */
#include <linux/random.h>
#include <linux/slab.h>
#include "conn.h"
#include "peer.h"

/**
 * csv_peer_set_error() - remember why there is no link
 * @peer: peer
 * @fmt: for administrators
 */
void csv_peer_set_error(struct csv_peer *peer, const char *fmt, ...)
{
	char text[sizeof(peer->error)];
	va_list args;

	va_start(args, fmt);
	vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	spin_lock(&peer->lock);
	if (peer->stopping || !strcmp(text, peer->error)) {
		spin_unlock(&peer->lock);
		return;			/* the same again is no news */
	}
	strscpy(peer->error, text);
	spin_unlock(&peer->lock);
	pr_warn_ratelimited("node %s (%u): %s\n", peer->name, peer->node, text);
}

/**
 * csv_peer_offer_session() - the id under which requests of the peer are taken
 * @peer: peer
 * @hs: what it said of itself
 *
 * The same as long as the peer is the same, a new random one otherwise.
 * Return: the id.
 */
u64 csv_peer_offer_session(struct csv_peer *peer, const struct csv_hs *hs)
{
	u64 session = get_random_u64() | 1;

	spin_lock(&peer->lock);
	if (peer->rsp && peer->incarnation == hs->incarnation && peer->remote == hs->instance) {
		session = peer->rsp->id;
	} else if (peer->offer_session && peer->offer_incarnation == hs->incarnation &&
		   peer->offer_remote == hs->instance) {
		session = peer->offer_session;
	} else {
		peer->offer_incarnation = hs->incarnation;
		peer->offer_remote = hs->instance;
		peer->offer_session = session;
	}
	spin_unlock(&peer->lock);
	return session;
}

static void csv_peer_free(struct csv_peer *peer)
{
	csv_session_exit(peer);
	csv_rsp_put(peer->rsp);
	kfree(peer->ping_buf);
	kvfree_rcu(peer, rcu);
}

static void csv_peer_put_addrs(struct csv_peer *peer, const struct sockaddr_storage *addrs,
			       unsigned int nr)
{
	peer->nr_addrs = min_t(unsigned int, nr, CSV_ADDRS_MAX);
	memcpy(peer->addrs, addrs, peer->nr_addrs * sizeof(*addrs));
}

/**
 * csv_peer_create() - begin to talk to another node
 * @cn: this node, with its local id
 * @node: id of the other
 * @name: of the other, for messages
 * @type: kind of connections
 * @addrs: of the other's listeners, preferred ones first; dialled if its id is the higher one
 * @nr: of these, up to CSV_ADDRS_MAX
 *
 * peer_up() may be called before this returns. csv_peer_destroy() ends it.
 * Context: csv_net.control_mutex.
 * Return: the peer, or an ERR_PTR().
 */
struct csv_peer *csv_peer_create(struct csv_net *cn, u32 node, const char *name,
				 enum csv_transport_type type,
				 const struct sockaddr_storage *addrs, unsigned int nr)
{
	const struct csv_transport_ops *ops = csv_transport_find(type);
	struct csv_peer *peer;
	int ret;

	if (!ops)
		return ERR_PTR(-EOPNOTSUPP);
	if (!node || node == cn->local_id || !cn->local_id)
		return ERR_PTR(-EINVAL);
	peer = kvzalloc(sizeof(*peer), GFP_KERNEL);
	if (!peer)
		return ERR_PTR(-ENOMEM);
	refcount_set(&peer->ref, 1);
	peer->cn = cn;
	peer->node = node;
	strscpy(peer->name, name);
	peer->ops = ops;
	csv_peer_put_addrs(peer, addrs, nr);
	peer->dialer = node > cn->local_id;
	peer->instance = get_random_u64() | 1;
	spin_lock_init(&peer->lock);
	csv_session_init(peer);
	csv_link_init(peer);
	ret = csv_keepalive_init(peer);
	if (!ret)
		ret = csv_session_prealloc(peer);
	if (ret) {
		csv_peer_free(peer);
		return ERR_PTR(ret);
	}
	csv_keepalive_start(peer);
	csv_link_kick(peer);
	return peer;
}

/**
 * csv_peer_destroy() - end all that goes on with a peer
 * @peer: from csv_peer_create(), not in csv_net.peers any more
 *
 * Every request completes with -ESHUTDOWN. Calls of the peer that are with the
 * service stay there; their replies go nowhere. Waits for upcalls in progress:
 * peer_up() and the others must not take csv_net.control_mutex, nor may
 * csv_rpc.done. Drops the creator's reference. Context: csv_net.control_mutex.
 */
void csv_peer_destroy(struct csv_peer *peer)
{
	bool unsafe = false;
	LIST_HEAD(done);

	csv_link_stop(peer);
	csv_session_mark(peer, 0, -ESHUTDOWN, &unsafe);
	csv_session_collect(peer, 0, &done);
	csv_rpc_complete_list(&done);
	csv_peer_put(peer);
}

/**
 * csv_peer_get() - look a peer up
 * @cn: this node
 * @node: id of the other
 *
 * Return: the peer, referenced, or NULL.
 */
struct csv_peer *csv_peer_get(struct csv_net *cn, u32 node)
{
	struct csv_peer *peer;

	rcu_read_lock();
	peer = xa_load(&cn->peers, node);
	if (peer && !refcount_inc_not_zero(&peer->ref))
		peer = NULL;
	rcu_read_unlock();
	return peer;
}

/**
 * csv_peer_put() - drop a reference
 * @peer: peer
 */
void csv_peer_put(struct csv_peer *peer)
{
	if (refcount_dec_and_test(&peer->ref))
		csv_peer_free(peer);
}

/**
 * csv_peer_reset() - drop all connections; they are dialled again
 * @peer: peer
 *
 * Requests in flight are sent again. Context: process.
 */
void csv_peer_reset(struct csv_peer *peer)
{
	struct csv_conn *conn = NULL;

	spin_lock(&peer->lock);
	if (peer->up)
		conn = csv_conn_get(peer->conns[0]);
	spin_unlock(&peer->lock);
	if (conn) {
		csv_conn_fail(conn, "reset by the administrator");
		csv_conn_put(conn);
	}
}

/**
 * csv_peer_move() - the table has other addresses for it
 * @peer: peer
 * @addrs: of its listeners, preferred ones first
 * @nr: of these, up to CSV_ADDRS_MAX
 *
 * Requests in flight are sent again. Context: process.
 */
void csv_peer_move(struct csv_peer *peer, const struct sockaddr_storage *addrs, unsigned int nr)
{
	spin_lock(&peer->lock);
	csv_peer_put_addrs(peer, addrs, nr);
	spin_unlock(&peer->lock);
	csv_peer_reset(peer);
}

/**
 * csv_peer_get_info() - what an administrator wants to know
 * @peer: peer
 * @info: filled in
 */
void csv_peer_get_info(struct csv_peer *peer, struct csv_peer_info *info)
{
	u64 links = atomic64_read(&peer->links);

	memset(info, 0, sizeof(*info));
	info->last_heard_ms = ~0ULL;
	if (READ_ONCE(peer->ever_heard))
		info->last_heard_ms = jiffies_to_msecs(jiffies - READ_ONCE(peer->heard));
	info->bytes_sent = atomic64_read(&peer->bytes_sent);
	info->bytes_received = atomic64_read(&peer->bytes_received);
	info->msgs_sent = atomic64_read(&peer->msgs_sent);
	info->msgs_received = atomic64_read(&peer->msgs_received);
	info->reconnects = links ? links - 1 : 0;
	info->resends = atomic64_read(&peer->resends);
	info->bad_frames = atomic64_read(&peer->bad_frames);
	info->auth_failures = atomic64_read(&peer->auth_failures);
	spin_lock(&peer->lock);
	info->connected = peer->up;
	if (peer->up)
		info->via = peer->conns[0]->addr;
	info->incarnation = peer->incarnation;
	strscpy(info->error, peer->error);
	spin_unlock(&peer->lock);
}
