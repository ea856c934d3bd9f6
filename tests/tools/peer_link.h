/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Of csv_peer: connections to a node, their messages, and the handshake that makes them one
 * link. There is one link at a time.
 */
#ifndef PEER_LINK_H
#define PEER_LINK_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <openssl/hmac.h>
#include <signal.h>
#include <sys/random.h>
#include <sys/time.h>
#include <unistd.h>
#include "shim.h"
#include "uapi/linux/csvfs.h"
#include "wire/wire.h"

#define CONNS	3
#define WAIT_S	8

static unsigned int from, to, volume, epoch;
static const char *address, *cluster;
static u8 key[64];
static unsigned int key_len;

static u8 msg[CSV_WIRE_HDR_MAX + 4096] __aligned(8);	/* being built */
static u8 got[CSV_WIRE_HDR_MAX + 8192] __aligned(8);	/* last received */
static u64 session;

static struct csv_wire_hdr *hdr = (struct csv_wire_hdr *)msg;
static struct csv_wire_req *req = (struct csv_wire_req *)(msg + sizeof(struct csv_wire_hdr));
static struct csv_wire_hdr *in = (struct csv_wire_hdr *)got;

static void fatal(const char *what)
{
	perror(what);
	exit(2);
}

/* To the address, or of who dials it. */
static int get_conn(bool dial)
{
	struct sockaddr_in sin = { .sin_family = AF_INET, .sin_port = htons(CSV_PORT) };
	struct timeval wait = { .tv_sec = WAIT_S };
	int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1, listener;

	if (fd < 0 || inet_pton(AF_INET, address, &sin.sin_addr) != 1 ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof(wait)) ||
	    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)))
		fatal(address);
	if (dial && !connect(fd, (struct sockaddr *)&sin, sizeof(sin)))
		return fd;
	if (dial || bind(fd, (struct sockaddr *)&sin, sizeof(sin)) || listen(fd, 1))
		fatal(address);
	listener = fd;
	fd = accept(listener, NULL, NULL);	/* with the time-out of the listener */
	if (fd < 0)
		fatal("accept");
	close(listener);
	return fd;
}

static void put(int fd, const void *data, size_t len)
{
	/* the other side may have closed it already, which is what is to be seen */
	if (send(fd, data, len, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
		fatal("send");
}

/* 1: got it all, 0: closed, -1: nothing came for a while */
static int get(int fd, u8 *buf, size_t len)
{
	ssize_t n;

	for (; len; buf += n, len -= n) {
		n = recv(fd, buf, len, 0);
		if (n < 0 && errno == EAGAIN)
			return -1;
		if (n <= 0)
			return 0;
	}
	return 1;
}

/* The next message that is no PING. */
static int receive(int fd)
{
	unsigned int hlen, plen;
	int ret;

	do {
		ret = get(fd, got, sizeof(*in));
		if (ret <= 0)
			return ret;
		hlen = in->doff * 8;
		plen = le32toh(in->plen);
		if (hlen < sizeof(*in) || hlen + plen > sizeof(got))
			return 0;
		ret = get(fd, got + sizeof(*in), hlen + plen - sizeof(*in));
		if (ret <= 0)
			return ret;
	} while (in->type == CSV_MSG_PING || in->type == CSV_MSG_PONG);
	return 1;
}

/* The end of a probe: why, if the other side has said it. */
static void tell(const char *probe, int fd, const char *otherwise)
{
	if (in->type == CSV_MSG_GOAWAY)
		printf("%s: goaway %.80s\n", probe, (const char *)(in + 1));
	else
		printf("%s: %s\n", probe, otherwise);
	fflush(stdout);
	close(fd);
}

static void outcome(const char *probe, int fd)
{
	const struct csv_wire_rsp *rsp = (void *)(in + 1);
	char reply[32];
	int ret;

	in->type = 0;
	ret = receive(fd);
	snprintf(reply, sizeof(reply), in->type == CSV_MSG_RSP ? "reply %u" : "message %u",
		 in->type == CSV_MSG_RSP ? le32toh(rsp->status) : in->type);
	tell(probe, fd, ret < 0 ? "open" : ret ? reply : "closed");
}

static void begin(u8 type, unsigned int len)
{
	memset(msg, 0, sizeof(msg));
	hdr->type = type;
	hdr->hlen = (sizeof(*hdr) + len) / 8;
	hdr->doff = hdr->hlen;
}

static void finish(int fd)
{
	csv_wire_seal(hdr, hdr->hlen * 8);
	put(fd, msg, hdr->doff * 8 + (le32toh(hdr->plen) <= 4096 ? le32toh(hdr->plen) : 0));
}

/* What a probe changes in a handshake; the outcome is told if it ends it. */
struct handshake {
	const char *probe, *cluster;
	unsigned int version, node, target, index, io_max;
	u64 feature;
	bool wrong_mac, wrong_crc;
	u64 link;			/* of a listener: is changed by that */
};

static void put_payload(int fd, u8 type, const void *payload, unsigned int len)
{
	begin(type, len);
	memcpy(hdr + 1, payload, len);
	finish(fd);
}

static void fill_hello(const struct handshake *how, struct csv_wire_hello *hello, u64 link,
		       unsigned int index)
{
	static u64 self;

	while (!self)
		if (getrandom(&self, sizeof(self), 0) < 0)
			fatal("getrandom");
	hello->version_min = htole32(how->version ?: CSV_WIRE_VERSION_MIN);
	hello->version_max = htole32(how->version ?: CSV_WIRE_VERSION);
	hello->features_required = htole64(how->feature);
	hello->incarnation = htole64(self | 1);
	hello->instance = htole64(self | 1);
	hello->link = htole64(link);
	hello->node = htole32(how->node ?: from);
	hello->target = htole32(how->target ?: to);
	hello->io_max = htole32(how->io_max ?: CSV_WIRE_IO_MAX);
	hello->slots[CSV_CLASS_META] = htole16(CSV_SLOTS_META);
	hello->slots[CSV_CLASS_WRITE] = htole16(CSV_SLOTS_WRITE);
	hello->slots[CSV_CLASS_RECALL] = htole16(CSV_SLOTS_RECALL);
	hello->slots[CSV_CLASS_DATA] = htole16(CSV_SLOTS_DATA);
	hello->slots[CSV_CLASS_RESV] = htole16(CSV_SLOTS_RESV);
	hello->index = how->index ?: index;
	if (getrandom(hello->nonce, sizeof(hello->nonce), 0) < 0)
		fatal("getrandom");
	snprintf(hello->cluster, sizeof(hello->cluster), "%s", how->cluster ?: cluster);
}

static void mac(const struct csv_wire_hello *ours, const struct csv_wire_hello *theirs, u8 role,
		struct csv_wire_auth *auth)
{
	u8 text[1 + 2 * sizeof(*ours) + sizeof(auth->session)] = { role };
	unsigned int len = sizeof(auth->mac);

	memcpy(text + 1, ours, sizeof(*ours));
	memcpy(text + 1 + sizeof(*ours), theirs, sizeof(*theirs));
	memcpy(text + 1 + 2 * sizeof(*ours), &auth->session, sizeof(auth->session));
	if (!HMAC(EVP_sha256(), key, key_len, text, sizeof(text), auth->mac, &len))
		fatal("HMAC");
}

/* A connection after its handshake, or -1 with the outcome told. */
static int shake(const struct handshake *how, u64 link, unsigned int index)
{
	struct csv_wire_hello ours = {}, theirs;
	struct csv_wire_auth auth = { .session = htole64(0x1234567890abcdefULL) };
	int fd = get_conn(true);

	fill_hello(how, &ours, link, index);
	begin(CSV_MSG_HELLO, sizeof(ours));
	memcpy(hdr + 1, &ours, sizeof(ours));
	csv_wire_seal(hdr, hdr->hlen * 8);
	if (how->wrong_crc)
		hdr->hcrc ^= 1;
	put(fd, msg, hdr->hlen * 8);
	if (receive(fd) <= 0 || in->type != CSV_MSG_HELLO)
		goto told;
	memcpy(&theirs, in + 1, sizeof(theirs));
	mac(&ours, &theirs, 'D', &auth);
	if (how->wrong_mac)
		auth.mac[31] ^= 1;
	put_payload(fd, CSV_MSG_AUTH, &auth, sizeof(auth));
	if (receive(fd) <= 0 || in->type != CSV_MSG_AUTH)
		goto told;
	session = le64toh(((struct csv_wire_auth *)(in + 1))->session);
	begin(CSV_MSG_READY, 0);
	finish(fd);
	if (receive(fd) <= 0 || in->type != CSV_MSG_READY)
		goto told;
	return fd;

told:
	tell(how->probe, fd, "closed");
	return -1;
}

#endif /* PEER_LINK_H */
