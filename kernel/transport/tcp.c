// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs transport: TCP.
 *
 * Sockets are the kernel's and belong to the node's network namespace without
 * a reference to it; csv_listener_stop() and csv_peer_destroy() run before it
 * dies. They never block: what can be sent is sent, and sk_write_space() asks
 * for more. Pages of large data go without a copy, so a socket is closed by a
 * reset that throws its queue away, and is waited for until no packet of its
 * own is under way any more.
 */
#include <linux/bvec.h>
#include <linux/delay.h>
#include <linux/net.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/tcp.h>
#include <net/ipv6.h>
#include <net/sock.h>
#include <net/tcp.h>
#include "conn.h"
#include "peer.h"

#define CSV_TCP_CONNECT_MS	3000
#define CSV_TCP_DRAIN_MS	5000
#define CSV_TCP_BACKLOG		128
#define CSV_TCP_SMALL_BVECS	9	/* header and 8 pages in one call */

struct csv_tcp {
	struct socket *sock;
	bool hooked;
	bool spliced;		/* pages of others were sent */
	void (*data_ready)(struct sock *sk);
	void (*write_space)(struct sock *sk);
	void (*state_change)(struct sock *sk);
};

struct csv_tcp_listener {
	struct csv_listener *listener;
	struct socket *sock;
	struct work_struct work;
	void (*data_ready)(struct sock *sk);
};

#ifdef CONFIG_DEBUG_LOCK_ALLOC
static struct lock_class_key csv_tcp_sk_key[2];
static struct lock_class_key csv_tcp_slock_key[2];

/*
 * These sockets are used under reclaim, others are not. Not for one that was accepted: the
 * lock that this makes anew may be held by a packet that has just come.
 */
static void csv_tcp_reclassify(struct sock *sk)
{
	if (!sock_allow_reclassification(sk))
		return;
	if (sk->sk_family == AF_INET6)
		sock_lock_init_class_and_name(sk, "slock-AF_INET6-CSVFS", &csv_tcp_slock_key[1],
					      "sk_lock-AF_INET6-CSVFS", &csv_tcp_sk_key[1]);
	else
		sock_lock_init_class_and_name(sk, "slock-AF_INET-CSVFS", &csv_tcp_slock_key[0],
					      "sk_lock-AF_INET-CSVFS", &csv_tcp_sk_key[0]);
}
#else
static void csv_tcp_reclassify(struct sock *sk)
{
}
#endif

static int csv_tcp_addr_len(const struct sockaddr_storage *addr)
{
	switch (addr->ss_family) {
	case AF_INET:
		return sizeof(struct sockaddr_in);
	case AF_INET6:
		return sizeof(struct sockaddr_in6);
	default:
		return -EAFNOSUPPORT;
	}
}

/* callbacks of a socket: softirq, or whoever releases the socket */

static void csv_tcp_data_ready(struct sock *sk)
{
	struct csv_conn *conn;

	read_lock_bh(&sk->sk_callback_lock);
	conn = sk->sk_user_data;
	if (conn)
		csv_conn_readable(conn);
	read_unlock_bh(&sk->sk_callback_lock);
}

static void csv_tcp_write_space(struct sock *sk)
{
	struct csv_conn *conn;

	read_lock_bh(&sk->sk_callback_lock);
	conn = sk->sk_user_data;
	if (conn && sk_stream_is_writeable(sk)) {
		clear_bit(SOCK_NOSPACE, &sk->sk_socket->flags);
		csv_conn_writable(conn);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

static void csv_tcp_state_change(struct sock *sk)
{
	struct csv_tcp *tcp = NULL;
	struct csv_conn *conn;

	read_lock_bh(&sk->sk_callback_lock);
	conn = sk->sk_user_data;
	if (conn) {
		tcp = conn->priv;
		tcp->state_change(sk);
		/* Receiving finds out what happened; a sender must not wait, either. */
		csv_conn_readable(conn);
		csv_conn_writable(conn);
	}
	read_unlock_bh(&sk->sk_callback_lock);
}

static void csv_tcp_hook(struct csv_conn *conn, struct csv_tcp *tcp)
{
	struct sock *sk = tcp->sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	tcp->data_ready = sk->sk_data_ready;
	tcp->write_space = sk->sk_write_space;
	tcp->state_change = sk->sk_state_change;
	sk->sk_user_data = conn;
	sk->sk_data_ready = csv_tcp_data_ready;
	sk->sk_write_space = csv_tcp_write_space;
	sk->sk_state_change = csv_tcp_state_change;
	tcp->hooked = true;
	write_unlock_bh(&sk->sk_callback_lock);
}

static void csv_tcp_unhook(struct csv_tcp *tcp)
{
	struct sock *sk = tcp->sock->sk;

	if (!tcp->hooked)
		return;
	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_data_ready = tcp->data_ready;
	sk->sk_write_space = tcp->write_space;
	sk->sk_state_change = tcp->state_change;
	sk->sk_user_data = NULL;
	tcp->hooked = false;
	write_unlock_bh(&sk->sk_callback_lock);
}

static void csv_tcp_setup(struct socket *sock)
{
	struct sock *sk = sock->sk;

	sk->sk_allocation = GFP_NOIO;
	sk->sk_use_task_frag = false;
	sk_set_memalloc(sk);
	sock_no_linger(sk);
	tcp_sock_set_nodelay(sk);
	sock_set_keepalive(sk);
	tcp_sock_set_keepidle(sk, 2);
	tcp_sock_set_keepintvl(sk, 1);
	tcp_sock_set_keepcnt(sk, 3);
	tcp_sock_set_user_timeout(sk, CSV_DEAD_MS);
}

static int csv_tcp_connect(struct csv_conn *conn, const struct sockaddr_storage *addr)
{
	int len = csv_tcp_addr_len(addr);
	struct sockaddr_storage to = *addr;
	struct csv_tcp *tcp;
	int ret;

	if (len < 0)
		return len;
	tcp = kzalloc(sizeof(*tcp), GFP_NOIO);
	if (!tcp)
		return -ENOMEM;
	ret = sock_create_kern(conn->cn->net, addr->ss_family, SOCK_STREAM, IPPROTO_TCP,
			       &tcp->sock);
	if (ret) {
		kfree(tcp);
		return ret;
	}
	csv_tcp_reclassify(tcp->sock->sk);
	csv_tcp_setup(tcp->sock);
	tcp->sock->sk->sk_sndtimeo = msecs_to_jiffies(CSV_TCP_CONNECT_MS);
	smp_store_mb(conn->priv, tcp);	/* pairs with csv_conn_shutdown() */
	if (csv_conn_is_dead(conn))
		return -ESHUTDOWN;
	ret = kernel_connect(tcp->sock, (struct sockaddr *)&to, len, 0);
	if (ret == -EINPROGRESS)
		return -ETIMEDOUT;
	if (!ret)
		csv_tcp_hook(conn, tcp);
	return ret;
}

/* Header and data in one call, by copy. */
static int csv_tcp_send_small(struct socket *sock, struct csv_tx *tx, struct msghdr *msg)
{
	struct bio_vec bvec[CSV_TCP_SMALL_BVECS];
	size_t left = iov_iter_count(&tx->data);
	size_t total = tx->hlen - tx->pos + left;
	size_t skip = tx->data.iov_offset;
	const struct bio_vec *from = tx->data.bvec;
	unsigned int n = 1;

	bvec_set_virt(&bvec[0], tx->hdr + tx->pos, tx->hlen - tx->pos);
	for (; left && n < ARRAY_SIZE(bvec); n++, from++) {
		bvec[n] = *from;
		bvec[n].bv_offset += skip;
		bvec[n].bv_len = min_t(size_t, from->bv_len - skip, left);
		left -= bvec[n].bv_len;
		skip = 0;
	}
	if (left || tx->digest_left)
		msg->msg_flags |= MSG_MORE;
	iov_iter_bvec(&msg->msg_iter, ITER_SOURCE, bvec, n, total - left);
	return sock_sendmsg(sock, msg);
}

static int csv_tcp_send_some(struct socket *sock, struct csv_tx *tx)
{
	size_t left = iov_iter_count(&tx->data);
	struct msghdr msg = { .msg_flags = MSG_DONTWAIT | MSG_NOSIGNAL };
	struct kvec vec;

	if (tx->pos == tx->hlen && left) {
		msg.msg_flags |= (tx->splice ? MSG_SPLICE_PAGES : 0) |
				 (tx->digest_left ? MSG_MORE : 0);
		msg.msg_iter = tx->data;
		return sock_sendmsg(sock, &msg);
	}
	if (tx->pos == tx->hlen) {
		vec.iov_base = (u8 *)(&tx->digest + 1) - tx->digest_left;
		vec.iov_len = tx->digest_left;
		return kernel_sendmsg(sock, &msg, &vec, 1, vec.iov_len);
	}
	if (left && !tx->splice && iov_iter_is_bvec(&tx->data))
		return csv_tcp_send_small(sock, tx, &msg);
	if (left)
		msg.msg_flags |= MSG_MORE;
	vec.iov_base = tx->hdr + tx->pos;
	vec.iov_len = tx->hlen - tx->pos;
	return kernel_sendmsg(sock, &msg, &vec, 1, vec.iov_len);
}

static int csv_tcp_send(struct csv_conn *conn, struct csv_tx *tx)
{
	struct csv_tcp *tcp = conn->priv;
	unsigned int noreclaim, hdr, data;
	int ret = 0;

	if (tx->splice)
		tcp->spliced = true;
	noreclaim = memalloc_noreclaim_save();
	while (csv_tx_left(tx)) {
		ret = csv_tcp_send_some(tcp->sock, tx);
		if (ret <= 0)
			break;
		hdr = min_t(unsigned int, ret, tx->hlen - tx->pos);
		data = min_t(size_t, ret - hdr, iov_iter_count(&tx->data));
		tx->pos += hdr;
		iov_iter_advance(&tx->data, data);
		tx->digest_left -= ret - hdr - data;
		ret = 0;
	}
	memalloc_noreclaim_restore(noreclaim);
	if (ret == -ENOBUFS)
		ret = -ENOMEM;
	/* there is room: it is memory that it waits for, and nobody would tell us of that */
	if (ret == -EAGAIN && sk_stream_is_writeable(tcp->sock->sk))
		ret = -ENOMEM;
	return ret;
}

static int csv_tcp_recv(struct csv_conn *conn, struct iov_iter *to)
{
	struct msghdr msg = { .msg_iter = *to };
	struct csv_tcp *tcp = conn->priv;
	int ret;

	ret = sock_recvmsg(tcp->sock, &msg, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (ret > 0)
		iov_iter_advance(to, ret);
	return ret ?: -ECONNRESET;
}

static void csv_tcp_shutdown(struct csv_conn *conn)
{
	struct csv_tcp *tcp = READ_ONCE(conn->priv);

	if (tcp)
		kernel_sock_shutdown(tcp->sock, SHUT_RDWR);
}

static void csv_tcp_destroy(struct csv_conn *conn)
{
	unsigned long end = jiffies + msecs_to_jiffies(CSV_TCP_DRAIN_MS);
	struct csv_tcp *tcp = conn->priv;
	struct sock *sk;

	if (!tcp)
		return;
	sk = tcp->sock->sk;
	csv_tcp_unhook(tcp);
	sock_hold(sk);
	sk_clear_memalloc(sk);
	sock_release(tcp->sock);
	/* Packets that a device still has refer to pages of our callers. */
	while (tcp->spliced && sk_wmem_alloc_get(sk) && time_before(jiffies, end))
		usleep_range(100, 1000);
	if (tcp->spliced && sk_wmem_alloc_get(sk))
		pr_warn_ratelimited("packets of a closed connection are still under way\n");
	sock_put(sk);
	kfree(tcp);
	conn->priv = NULL;
}

/* listening */

static void csv_tcp_attach(struct csv_conn *conn, void *priv)
{
	struct csv_tcp *tcp = priv;

	conn->priv = tcp;
	csv_tcp_hook(conn, tcp);
	/* What came before the hook did not wake anybody. */
	csv_conn_readable(conn);
}

static int csv_tcp_accept_one(struct csv_tcp_listener *tl)
{
	struct csv_tcp *tcp;
	struct sock *sk;
	int ret;

	tcp = kzalloc(sizeof(*tcp), GFP_NOIO);
	if (!tcp)
		return -ENOMEM;
	ret = kernel_accept(tl->sock, &tcp->sock, O_NONBLOCK);
	if (ret) {
		kfree(tcp);
		return ret;
	}
	/* What it has inherited is the listener's. */
	sk = tcp->sock->sk;
	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_data_ready = tl->data_ready;
	sk->sk_user_data = NULL;
	write_unlock_bh(&sk->sk_callback_lock);
	csv_tcp_setup(tcp->sock);
	ret = csv_listener_accept(tl->listener, tcp, csv_tcp_attach);
	if (ret) {
		sk_clear_memalloc(sk);
		sock_release(tcp->sock);
		kfree(tcp);
	}
	return 0;
}

static void csv_tcp_accept(struct work_struct *work)
{
	struct csv_tcp_listener *tl = container_of(work, struct csv_tcp_listener, work);
	unsigned int flags = memalloc_noio_save();
	int ret;

	do {
		ret = csv_tcp_accept_one(tl);
	} while (!ret);
	memalloc_noio_restore(flags);
	if (ret != -EAGAIN && ret != -EINVAL)
		pr_warn_ratelimited("accepting a connection failed (%d)\n", ret);
}

static void csv_tcp_listen_ready(struct sock *sk)
{
	struct csv_tcp_listener *tl;

	read_lock_bh(&sk->sk_callback_lock);
	tl = sk->sk_user_data;
	if (tl && sk->sk_state == TCP_LISTEN)
		queue_work(csv_link_wq, &tl->work);
	read_unlock_bh(&sk->sk_callback_lock);
}

static int csv_tcp_listen(struct csv_listener *listener)
{
	int len = csv_tcp_addr_len(&listener->addr);
	struct csv_tcp_listener *tl;
	struct sock *sk;
	int ret;

	if (len < 0)
		return len;
	tl = kzalloc(sizeof(*tl), GFP_KERNEL);
	if (!tl)
		return -ENOMEM;
	tl->listener = listener;
	INIT_WORK(&tl->work, csv_tcp_accept);
	ret = sock_create_kern(listener->cn->net, listener->addr.ss_family, SOCK_STREAM,
			       IPPROTO_TCP, &tl->sock);
	if (ret)
		goto out_free;
	sk = tl->sock->sk;
	csv_tcp_reclassify(sk);
	sk->sk_allocation = GFP_NOIO;
	sk->sk_use_task_frag = false;
	sock_set_reuseaddr(sk);
	if (listener->absent)
		ip_sock_set_freebind(sk);
	ret = kernel_bind(tl->sock, (struct sockaddr *)&listener->addr, len);
	if (ret)
		goto out_release;
	write_lock_bh(&sk->sk_callback_lock);
	tl->data_ready = sk->sk_data_ready;
	sk->sk_data_ready = csv_tcp_listen_ready;
	sk->sk_user_data = tl;
	write_unlock_bh(&sk->sk_callback_lock);
	listener->priv = tl;
	ret = kernel_listen(tl->sock, CSV_TCP_BACKLOG);
	if (ret)
		goto out_release;
	return 0;

out_release:
	sock_release(tl->sock);
	cancel_work_sync(&tl->work);
out_free:
	kfree(tl);
	listener->priv = NULL;
	return ret;
}

static void csv_tcp_unlisten(struct csv_listener *listener)
{
	struct csv_tcp_listener *tl = listener->priv;
	struct sock *sk = tl->sock->sk;

	write_lock_bh(&sk->sk_callback_lock);
	sk->sk_data_ready = tl->data_ready;
	sk->sk_user_data = NULL;
	write_unlock_bh(&sk->sk_callback_lock);
	kernel_sock_shutdown(tl->sock, SHUT_RDWR);
	cancel_work_sync(&tl->work);
	sock_release(tl->sock);
	kfree(tl);
	listener->priv = NULL;
}

const struct csv_transport_ops csv_tcp_ops = {
	.type = CSV_TRANSPORT_TCP,
	.owner = THIS_MODULE,
	.name = "tcp",
	.listen = csv_tcp_listen,
	.unlisten = csv_tcp_unlisten,
	.connect = csv_tcp_connect,
	.send = csv_tcp_send,
	.recv = csv_tcp_recv,
	.shutdown = csv_tcp_shutdown,
	.destroy = csv_tcp_destroy,
};
