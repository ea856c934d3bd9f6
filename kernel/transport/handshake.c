// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs transport: the handshake that opens every connection.
 *
 *	dialer			listener
 *	HELLO		->			who I am, what I can, a nonce
 *			<-	HELLO
 *	AUTH		->			HMAC(key, 'D', both HELLOs, session)
 *			<-	AUTH		HMAC(key, 'L', both HELLOs, session)
 *	READY		->
 *			<-	READY		the connection is part of the link
 *
 * Both sides prove that they know the cluster's key, over everything that was
 * said; the dialer first, so that nobody gets an HMAC out of a listener without
 * the key. The session in an AUTH is the one under which its sender takes
 * requests: it depends on the other side's HELLO. Whoever does not agree says
 * why in a GOAWAY.
 *
 * This authenticates the opening of the connection, not what comes later.
 */
#include <crypto/hash.h>
#include <crypto/sha2.h>
#include <crypto/utils.h>
#include <linux/delay.h>
#include <linux/random.h>
#include <linux/sched/mm.h>
#include "conn.h"
#include "peer.h"

#define CSV_FEATURES		CSV_FEATURE_DDGST	/* that this side knows */
#define CSV_HS_PAYLOAD_MAX	sizeof(struct csv_wire_hello)

/* One handshake. */
struct csv_hs_ctx {
	struct csv_conn *conn;
	unsigned long deadline;
	bool dialer;
	struct csv_wire_hello ours;
	struct csv_wire_hello theirs;
};

static int csv_hs_send(struct csv_hs_ctx *ctx, u8 type, const void *payload, unsigned int len)
{
	u8 buf[sizeof(struct csv_wire_hdr) + CSV_HS_PAYLOAD_MAX] __aligned(8) = { };
	struct csv_wire_hdr *hdr = (struct csv_wire_hdr *)buf;
	unsigned int hlen = sizeof(*hdr) + len;
	struct csv_conn *conn = ctx->conn;
	struct csv_tx tx;
	int ret;

	hdr->type = type;
	hdr->hlen = hlen / 8;
	hdr->doff = hlen / 8;
	if (len)
		memcpy(hdr + 1, payload, len);
	csv_wire_seal(hdr, hlen);
	csv_tx_init(&tx, buf, hlen, NULL);
	for (;;) {
		mutex_lock(&conn->send_mutex);
		ret = csv_conn_is_dead(conn) ? -ESHUTDOWN : conn->ops->send(conn, &tx);
		mutex_unlock(&conn->send_mutex);
		if (ret != -EAGAIN && ret != -ENOMEM)
			return ret;
		if (time_after(jiffies, ctx->deadline))
			return -ETIMEDOUT;
		msleep(20);
	}
}

/* What an administrator reads, here and (unless @local) at the other side. */
static __printf(3, 4) int csv_hs_refuse(struct csv_hs_ctx *ctx, bool local, const char *fmt, ...)
{
	struct csv_peer *peer = ctx->conn->peer;
	char text[CSV_WIRE_GOAWAY_LEN] = "";
	va_list args;

	va_start(args, fmt);
	vscnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	if (!local)
		csv_hs_send(ctx, CSV_MSG_GOAWAY, text, sizeof(text));
	if (peer)
		csv_peer_set_error(peer, "%s", text);
	else
		pr_warn_ratelimited("a connection was refused: %s\n", text);
	return -ECONNREFUSED;
}

static int csv_hs_goaway(struct csv_hs_ctx *ctx, const struct csv_wire_hdr *hdr)
{
	unsigned int len = min_t(unsigned int, hdr->hlen * 8 - sizeof(*hdr),
				 CSV_WIRE_GOAWAY_LEN - 1);
	const u8 *text = (const u8 *)(hdr + 1);
	char reason[CSV_WIRE_GOAWAY_LEN];
	unsigned int i;

	for (i = 0; i < len && text[i]; i++)
		reason[i] = text[i] >= 0x20 && text[i] < 0x7f ? text[i] : '?';
	reason[i] = '\0';
	return csv_hs_refuse(ctx, true, "the peer says: %s", reason);
}

static int csv_hs_recv_msg(struct csv_hs_ctx *ctx, struct csv_wire_hdr **hdr)
{
	struct csv_conn *conn = ctx->conn;
	long left;
	int ret;

	for (;;) {
		if (csv_conn_is_dead(conn))
			return -ESHUTDOWN;
		clear_bit(CSV_CONN_READABLE, &conn->flags);
		smp_mb__after_atomic();	/* what comes after the look below sets it again */
		ret = csv_rx_header(conn, hdr);
		if (ret != -EAGAIN)
			return ret;
		left = ctx->deadline - jiffies;
		if (left <= 0 ||
		    !wait_event_timeout(conn->wait,
					test_bit(CSV_CONN_READABLE, &conn->flags) ||
					csv_conn_is_dead(conn), left))
			return -ETIMEDOUT;
	}
}

/* Receive a message of @type with @len bytes of payload. */
static int csv_hs_recv(struct csv_hs_ctx *ctx, u8 type, void *payload, unsigned int len)
{
	struct csv_wire_hdr *hdr;
	int ret;

	ret = csv_hs_recv_msg(ctx, &hdr);
	if (ret == -EBADMSG || ret == -EPROTO)
		return csv_hs_refuse(ctx, false, "this is not csvfs, or was damaged");
	if (ret == -ETIMEDOUT)
		return csv_hs_refuse(ctx, true, "no answer in the handshake");
	if (ret)
		return csv_hs_refuse(ctx, true, "connection lost in the handshake (%d)", ret);
	if (hdr->type == CSV_MSG_GOAWAY)
		return csv_hs_goaway(ctx, hdr);
	if (hdr->type != type || hdr->plen || hdr->flags ||
	    hdr->hlen * 8 != sizeof(*hdr) + len || hdr->doff != hdr->hlen)
		return csv_hs_refuse(ctx, false, "unexpected message in the handshake");
	if (len)
		memcpy(payload, hdr + 1, len);
	return 0;
}

static void csv_hs_fill_hello(struct csv_hs_ctx *ctx, u64 link, unsigned int index)
{
	struct csv_peer *peer = ctx->conn->peer;
	struct csv_wire_hello *hello = &ctx->ours;
	struct csv_net *cn = peer->cn;
	unsigned int i;

	memset(hello, 0, sizeof(*hello));
	hello->version_min = cpu_to_le32(CSV_WIRE_VERSION_MIN);
	hello->version_max = cpu_to_le32(CSV_WIRE_VERSION);
	hello->features = cpu_to_le64(CSV_FEATURES);
	if (csv_upcalls->data_digest && csv_upcalls->data_digest(cn))
		hello->features_required = cpu_to_le64(CSV_FEATURE_DDGST);
	hello->incarnation = cpu_to_le64(cn->incarnation);
	hello->instance = cpu_to_le64(peer->instance);
	hello->link = cpu_to_le64(link);
	hello->node = cpu_to_le32(cn->local_id);
	hello->target = cpu_to_le32(peer->node);
	hello->io_max = cpu_to_le32(CSV_WIRE_IO_MAX);
	for (i = 0; i < CSV_CLASS_COUNT; i++)
		hello->slots[i] = cpu_to_le16(csv_slot_count(i));
	hello->index = index;
	get_random_bytes(hello->nonce, sizeof(hello->nonce));
	if (csv_upcalls->digest)
		csv_upcalls->digest(cn, hello->digest);
	if (csv_upcalls->cluster)
		csv_upcalls->cluster(cn, hello->cluster, sizeof(hello->cluster) - 1);
}

/* Take over what the other side said; nothing of it is believed before AUTH. */
static int csv_hs_check_hello(struct csv_hs_ctx *ctx)
{
	struct csv_peer *peer = ctx->conn->peer;
	struct csv_wire_hello *hello = &ctx->theirs;
	struct csv_hs *hs = &ctx->conn->hs;
	unsigned int i;

	if (le32_to_cpu(hello->version_min) > CSV_WIRE_VERSION ||
	    le32_to_cpu(hello->version_max) < CSV_WIRE_VERSION_MIN)
		return csv_hs_refuse(ctx, false, "no common version: %u..%u here, %u..%u there",
				     CSV_WIRE_VERSION_MIN, CSV_WIRE_VERSION,
				     le32_to_cpu(hello->version_min),
				     le32_to_cpu(hello->version_max));
	if (le64_to_cpu(hello->features_required) & ~CSV_FEATURES)
		return csv_hs_refuse(ctx, false, "a required feature is unknown here");
	if (ctx->ours.features_required & ~hello->features)
		return csv_hs_refuse(ctx, false, "a feature required here is unknown there");
	if (memcmp(hello->cluster, ctx->ours.cluster, sizeof(hello->cluster)))
		return csv_hs_refuse(ctx, false, "not the same cluster name: compare the tables");
	if (le32_to_cpu(hello->node) != peer->node ||
	    le32_to_cpu(hello->target) != peer->cn->local_id)
		return csv_hs_refuse(ctx, false, "not the node that was expected: %u for %u",
				     le32_to_cpu(hello->node), le32_to_cpu(hello->target));
	if (!hello->incarnation || !hello->link)
		return csv_hs_refuse(ctx, false, "no incarnation");

	hs->node = le32_to_cpu(hello->node);
	hs->incarnation = le64_to_cpu(hello->incarnation);
	hs->instance = le64_to_cpu(hello->instance);
	hs->link = le64_to_cpu(hello->link);
	hs->index = hello->index;
	hs->io_max = min_t(u32, le32_to_cpu(hello->io_max), CSV_WIRE_IO_MAX);
	for (i = 0; i < CSV_CLASS_COUNT; i++)
		hs->slots[i] = le16_to_cpu(hello->slots[i]);
	memcpy(hs->digest, hello->digest, sizeof(hs->digest));
	hs->ddgst = le64_to_cpu(hello->features_required | ctx->ours.features_required) &
		CSV_FEATURE_DDGST;
	if (hs->io_max < CSV_WIRE_IO_MAX)
		return csv_hs_refuse(ctx, false, "messages of %u bytes are too small", hs->io_max);
	hs->session_issued = csv_peer_offer_session(peer, hs);
	return 0;
}

static int csv_hs_digest(struct csv_hs_ctx *ctx, struct crypto_shash *tfm, bool by_dialer,
			 __le64 session, u8 mac[SHA256_DIGEST_SIZE])
{
	struct csv_wire_hello *first = ctx->dialer ? &ctx->ours : &ctx->theirs;
	struct csv_wire_hello *second = ctx->dialer ? &ctx->theirs : &ctx->ours;
	SHASH_DESC_ON_STACK(desc, tfm);
	u8 role = by_dialer ? 'D' : 'L';
	int ret;

	desc->tfm = tfm;
	ret = crypto_shash_init(desc);
	ret = ret ?: crypto_shash_update(desc, &role, sizeof(role));
	ret = ret ?: crypto_shash_update(desc, (u8 *)first, sizeof(*first));
	ret = ret ?: crypto_shash_update(desc, (u8 *)second, sizeof(*second));
	ret = ret ?: crypto_shash_update(desc, (u8 *)&session, sizeof(session));
	ret = ret ?: crypto_shash_final(desc, mac);
	shash_desc_zero(desc);
	return ret;
}

static int csv_hs_mac(struct csv_hs_ctx *ctx, bool by_dialer, __le64 session,
		      u8 mac[SHA256_DIGEST_SIZE])
{
	struct csv_net *cn = ctx->conn->cn;
	unsigned int noio = memalloc_noio_save();
	struct crypto_shash *tfm;
	int ret;

	tfm = crypto_alloc_shash("hmac(sha256)", 0, 0);
	if (IS_ERR(tfm)) {
		ret = PTR_ERR(tfm);
		goto out;
	}
	ret = crypto_shash_setkey(tfm, cn->key, cn->key_len);
	if (!ret)
		ret = csv_hs_digest(ctx, tfm, by_dialer, session, mac);
	crypto_free_shash(tfm);
out:
	memalloc_noio_restore(noio);
	return ret;
}

static int csv_hs_send_auth(struct csv_hs_ctx *ctx)
{
	struct csv_wire_auth auth = {
		.session = cpu_to_le64(ctx->conn->hs.session_issued),
	};
	int ret;

	ret = csv_hs_mac(ctx, ctx->dialer, auth.session, auth.mac);
	if (ret)
		return csv_hs_refuse(ctx, false, "hmac(sha256) failed (%d)", ret);
	return csv_hs_send(ctx, CSV_MSG_AUTH, &auth, sizeof(auth));
}

static int csv_hs_recv_auth(struct csv_hs_ctx *ctx)
{
	u8 mac[SHA256_DIGEST_SIZE];
	struct csv_wire_auth auth;
	int ret;

	ret = csv_hs_recv(ctx, CSV_MSG_AUTH, &auth, sizeof(auth));
	if (ret)
		return ret;
	ret = csv_hs_mac(ctx, !ctx->dialer, auth.session, mac);
	if (ret)
		return csv_hs_refuse(ctx, false, "hmac(sha256) failed (%d)", ret);
	if (crypto_memneq(mac, auth.mac, sizeof(mac))) {
		atomic64_inc(&ctx->conn->peer->auth_failures);
		return csv_hs_refuse(ctx, false,
				     "authentication failed: not the same key, set it anew");
	}
	ctx->conn->hs.session = le64_to_cpu(auth.session);
	return 0;
}

static int csv_hs_has_key(struct csv_hs_ctx *ctx)
{
	if (ctx->conn->cn->key_len)
		return 0;
	return csv_hs_refuse(ctx, false, "the key is not set");
}

static void csv_hs_begin(struct csv_hs_ctx *ctx, struct csv_conn *conn, bool dialer)
{
	ctx->conn = conn;
	ctx->dialer = dialer;
	ctx->deadline = jiffies + msecs_to_jiffies(CSV_HANDSHAKE_MS);
}

/**
 * csv_handshake_dial() - the dialer's side, all of it
 * @conn: connected
 * @link: id of the link it is to be part of
 * @index: 0: control connection
 *
 * Context: process, blocks.
 * Return: 0; otherwise csv_peer_info.error says why not.
 */
int csv_handshake_dial(struct csv_conn *conn, u64 link, unsigned int index)
{
	struct csv_hs_ctx ctx;
	int ret;

	csv_hs_begin(&ctx, conn, true);
	csv_hs_fill_hello(&ctx, link, index);
	ret = csv_hs_has_key(&ctx);
	ret = ret ?: csv_hs_send(&ctx, CSV_MSG_HELLO, &ctx.ours, sizeof(ctx.ours));
	ret = ret ?: csv_hs_recv(&ctx, CSV_MSG_HELLO, &ctx.theirs, sizeof(ctx.theirs));
	ret = ret ?: csv_hs_check_hello(&ctx);
	if (!ret && (conn->hs.link != link || conn->hs.index != index))
		ret = csv_hs_refuse(&ctx, false, "an answer to another question");
	ret = ret ?: csv_hs_send_auth(&ctx);
	ret = ret ?: csv_hs_recv_auth(&ctx);
	ret = ret ?: csv_hs_send(&ctx, CSV_MSG_READY, NULL, 0);
	ret = ret ?: csv_hs_recv(&ctx, CSV_MSG_READY, NULL, 0);
	return ret;
}

static int csv_hs_find_peer(struct csv_hs_ctx *ctx)
{
	struct csv_conn *conn = ctx->conn;
	u32 node = le32_to_cpu(ctx->theirs.node);
	struct csv_peer *peer;

	peer = csv_peer_get(conn->cn, node);
	if (!peer)
		return csv_hs_refuse(ctx, false, "node %u is not in the table", node);
	conn->peer = peer;
	if (peer->dialer || peer->ops != conn->ops)
		return csv_hs_refuse(ctx, false, "node %u is not the one to dial", node);
	if (ctx->theirs.index >= CSV_CONNS)
		return csv_hs_refuse(ctx, false, "there is no connection %u", ctx->theirs.index);
	return 0;
}

/**
 * csv_handshake_accept() - the listener's side, but for READY
 * @conn: accepted; gets its csv_conn.peer here
 *
 * Context: process, blocks.
 * Return: 0: csv_link_attach() and csv_handshake_ready() follow.
 */
int csv_handshake_accept(struct csv_conn *conn)
{
	struct csv_hs_ctx ctx;
	int ret;

	csv_hs_begin(&ctx, conn, false);
	ret = csv_hs_recv(&ctx, CSV_MSG_HELLO, &ctx.theirs, sizeof(ctx.theirs));
	ret = ret ?: csv_hs_has_key(&ctx);
	ret = ret ?: csv_hs_find_peer(&ctx);
	if (ret)
		return ret;
	csv_hs_fill_hello(&ctx, le64_to_cpu(ctx.theirs.link), ctx.theirs.index);
	ret = csv_hs_check_hello(&ctx);
	ret = ret ?: csv_hs_send(&ctx, CSV_MSG_HELLO, &ctx.ours, sizeof(ctx.ours));
	ret = ret ?: csv_hs_recv_auth(&ctx);
	ret = ret ?: csv_hs_send_auth(&ctx);
	ret = ret ?: csv_hs_recv(&ctx, CSV_MSG_READY, NULL, 0);
	return ret;
}

/**
 * csv_handshake_ready() - tell the dialer what csv_link_attach() said
 * @conn: connection
 * @err: of csv_link_attach()
 *
 * Return: 0: the connection is part of the link.
 */
int csv_handshake_ready(struct csv_conn *conn, int err)
{
	struct csv_hs_ctx ctx;

	csv_hs_begin(&ctx, conn, false);
	if (err == -ESTALE)
		return csv_hs_refuse(&ctx, false, "a newer link took its place");
	if (err)
		return csv_hs_refuse(&ctx, false, "the node is on its way out (%d)", err);
	return csv_hs_send(&ctx, CSV_MSG_READY, NULL, 0);
}
