// SPDX-License-Identifier: GPL-2.0
// sources: ../pure/shim.c ../../kernel/wire/codec.c ../../kernel/wire/message.c
// flags: -I../pure -I../../kernel -Wno-sign-compare -Wno-unused-parameter
// link: -lcrypto
/*
 * csv_peer: a peer that does not keep to the protocol.
 *
 *	csv_peer FROM-ID TO-ID ADDRESS CLUSTER KEY-FILE VOLUME-ID EPOCH PROBE...
 *
 * Dials the node TO-ID as the node FROM-ID would, and prints what comes of each
 * probe: "PROBE: goaway TEXT", "PROBE: closed", "PROBE: reply STATUS", or
 * "PROBE: open" when nothing came for a while. The probes that start with
 * "listen" let another node dial ADDRESS, and may end as "PROBE: trusted".
 */
#define _GNU_SOURCE
#include "peer_link.h"

/* The same as shake(), as the one who is dialled. */
static const struct handshake listeners[] = {
	{ .probe = "listen" },
	{ .probe = "listen-key", .wrong_mac = true },
	{ .probe = "listen-cluster", .cluster = "somewhere-else" },
	{ .probe = "listen-other", .node = 77 },
	{ .probe = "listen-link", .link = 1 },
};

static void probe_listen(const struct handshake *how)
{
	struct csv_wire_hello ours = {}, theirs = {};
	struct csv_wire_auth auth = { .session = htole64(0x1234567890abcdefULL) };
	int fd = get_conn(false);

	if (receive(fd) <= 0 || in->type != CSV_MSG_HELLO)
		fatal("no HELLO");
	memcpy(&theirs, in + 1, sizeof(theirs));
	to = le32toh(theirs.node);
	fill_hello(how, &ours, le64toh(theirs.link) ^ how->link, theirs.index);
	put_payload(fd, CSV_MSG_HELLO, &ours, sizeof(ours));
	if (receive(fd) > 0 && in->type == CSV_MSG_AUTH) {
		mac(&theirs, &ours, 'L', &auth);
		if (how->wrong_mac)
			auth.mac[0] ^= 1;
		put_payload(fd, CSV_MSG_AUTH, &auth, sizeof(auth));
		receive(fd);
	}
	tell(how->probe, fd, in->type == CSV_MSG_READY ? "trusted" : "closed");
}

static const struct handshake handshakes[] = {
	{ "version", .version = 99 },
	{ "feature", .feature = 1ULL << 63 },
	{ "cluster", .cluster = "somewhere-else" },
	{ "stranger", .node = 77 },
	{ "target", .target = 42 },
	{ "index", .index = 200 },
	{ "small", .io_max = 512 },
	{ "key", .wrong_mac = true },
	{ "hello-crc", .wrong_crc = true },
};

/* Bytes that are no handshake at all. */
static void probe_garbage(const char *probe)
{
	int fd = get_conn(true);

	if (getrandom(msg, 4096, 0) != 4096)
		fatal("getrandom");
	put(fd, msg, 4096);
	outcome(probe, fd);
}

static void probe_half(const char *probe)
{
	int fd = get_conn(true);

	begin(CSV_MSG_HELLO, sizeof(struct csv_wire_hello));
	csv_wire_seal(hdr, hdr->hlen * 8);
	put(fd, msg, 40);
	outcome(probe, fd);
}

/* One REQ on a link, and what a probe does to it before it is sealed. */
static void request(u16 opcode, unsigned int slot, u32 seq, const struct csv_args *args)
{
	int len;

	begin(CSV_MSG_REQ, sizeof(*req));
	hdr->opcode = htole16(opcode);
	hdr->tag = htole32(slot << 16 | (seq & 0xffff));
	hdr->epoch = htole32(epoch);
	hdr->volume = htole32(volume);
	req->session = htole64(session);
	req->seq = htole32(seq);
	len = args ? csv_wire_put_req(opcode, args, req + 1, 1024) : 0;
	if (len < 0)
		fatal("encode");
	hdr->hlen += len / 8;
	hdr->doff = hdr->hlen;
}

static struct csv_args getattr_args;

static void req_null(void)
{
	request(CSV_OP_NULL, 0, 1, NULL);
}

static void req_root(void)
{
	request(CSV_OP_ROOT, 0, 1, NULL);
}

static void req_stale(void)
{
	request(CSV_OP_ROOT, 0, 1, NULL);
	hdr->epoch = htole32(epoch - 1);
}

static void req_ahead(void)
{
	request(CSV_OP_ROOT, 0, 1, NULL);
	hdr->epoch = htole32(epoch + 1);
}

static void req_volume(void)
{
	request(CSV_OP_ROOT, 0, 1, NULL);
	hdr->volume = htole32(volume ^ 1);
}

static void req_opcode(void)
{
	request(CSV_OP_NULL, 0, 1, NULL);
	hdr->opcode = htole16(999);
}

static void req_slot(void)
{
	request(CSV_OP_NULL, 500, 1, NULL);
}

static void req_class(void)
{
	request(CSV_OP_CLOSE, 0, 1, NULL);
}

static void req_session(void)
{
	request(CSV_OP_NULL, 0, 1, NULL);
	req->session ^= 1;
}

static void req_sequence(void)
{
	request(CSV_OP_NULL, 0, 5, NULL);
}

static void req_args(void)
{
	request(CSV_OP_LOOKUP, 0, 1, NULL);
	hdr->hlen += 2;
	hdr->doff = hdr->hlen;
	memset(req + 1, 0xff, 16);
}

/* A handle that nobody gave out. */
static void req_handle(void)
{
	getattr_args.fh.len = 8;
	getattr_args.fh.type = 1;
	memset(getattr_args.fh.data, 0x5a, 8);
	request(CSV_OP_GETATTR, 0, 1, &getattr_args);
}

static void req_plen(void)
{
	request(CSV_OP_NULL, 0, 1, NULL);
	hdr->plen = htole32(0x7fffffff);
}

static void req_doff(void)
{
	request(CSV_OP_NULL, 0, 1, NULL);
	hdr->doff = hdr->hlen - 1;
}

static void req_type(void)
{
	request(CSV_OP_NULL, 0, 1, NULL);
	hdr->type = 77;
}

static void req_flags(void)
{
	request(CSV_OP_NULL, 0, 1, NULL);
	hdr->flags = 0x80;
}

/* A digest that was not agreed on. */
static void req_digest(void)
{
	request(CSV_OP_NULL, 0, 1, NULL);
	hdr->plen = htole32(8);
	hdr->flags = CSV_WIRE_F_DDGST;
}

static void req_hello(void)
{
	begin(CSV_MSG_HELLO, sizeof(struct csv_wire_hello));
}

/* An answer to nothing. */
static void req_reply(void)
{
	begin(CSV_MSG_RSP, sizeof(struct csv_wire_rsp));
	hdr->tag = htole32(3 << 16);
}

static void req_cancel(void)
{
	request(CSV_OP_NULL, 0, 1, NULL);
	hdr->type = CSV_MSG_CANCEL;
	req->seq = htole32(0xffffffff);
}

static void req_ping(void)
{
	begin(CSV_MSG_PING, 0);
	hdr->plen = htole32(1 << 20);
}

static const struct {
	const char *name;
	void (*build)(void);
	bool harmless;		/* so that a NULL behind it is answered */
} requests[] = {
#define REQUEST(request, ...)	{ .name = #request, .build = req_##request, __VA_ARGS__ }
	REQUEST(null), REQUEST(root), REQUEST(stale), REQUEST(ahead), REQUEST(volume),
	REQUEST(opcode), REQUEST(slot), REQUEST(class), REQUEST(session), REQUEST(sequence),
	REQUEST(args), REQUEST(handle), REQUEST(plen), REQUEST(doff), REQUEST(type),
	REQUEST(flags), REQUEST(digest), REQUEST(hello), REQUEST(ping),
	REQUEST(reply, .harmless = true), REQUEST(cancel, .harmless = true),
#undef REQUEST
};

/* All connections of a link; the request goes on the first one. */
static void probe_request(const char *probe, void (*build)(void), bool harmless)
{
	struct handshake how = { .probe = probe };
	int fds[CONNS], i;
	u64 link;

	if (getrandom(&link, sizeof(link), 0) < 0)
		fatal("getrandom");
	for (i = 0; i < CONNS; i++) {
		fds[i] = shake(&how, link | 1, i);
		if (fds[i] < 0)
			return;
	}
	build();
	finish(fds[0]);
	if (harmless) {
		req_null();
		finish(fds[0]);
	}
	outcome(probe, fds[0]);
	for (i = 1; i < CONNS; i++)
		close(fds[i]);
}

/* Half of the data of a WRITE, then nothing any more. */
static void probe_cut(const char *probe)
{
	struct handshake how = { .probe = probe };
	struct csv_args args = {};
	u64 link = 0x77;
	int fds[CONNS], i;

	for (i = 0; i < CONNS; i++) {
		fds[i] = shake(&how, link, i);
		if (fds[i] < 0)
			return;
	}
	args.fh.len = 8;
	args.fh.type = 1;
	/* the first slot of its class, an even one, belongs to the first data connection */
	request(CSV_OP_WRITE, CSV_SLOTS_META, 1, &args);
	hdr->plen = htole32(1 << 20);
	finish(fds[1]);
	put(fds[1], msg, sizeof(msg));
	for (i = 0; i < CONNS; i++)
		close(fds[i]);
	printf("%s: closed\n", probe);
}

/* A node that uses what it was not granted. */
static const struct layout_probe {
	const char *name;
	u16 opcode;
	bool get, write;	/* LAYOUT_GET before, to read or to write */
	u64 offset, moved;	/* of the block, and how far from where it is on the disk */
	u64 seq;		/* of the newest grant that it knows */
} layout_probes[] = {
	{ "commit-none", CSV_OP_LAYOUT_COMMIT, .seq = -1 },
	{ "commit-read", CSV_OP_LAYOUT_COMMIT, .get = true, .seq = -1 },
	{ "commit-moved", CSV_OP_LAYOUT_COMMIT, .get = true, .write = true, .moved = 4096,
	  .seq = -1 },
	{ "commit-behind", CSV_OP_LAYOUT_COMMIT, .get = true, .write = true, .offset = 1 << 30,
	  .seq = -1 },
	{ "commit-old", CSV_OP_LAYOUT_COMMIT, .get = true, .write = true, .seq = 1 },
	{ "commit", CSV_OP_LAYOUT_COMMIT, .get = true, .write = true, .seq = -1 },
	{ "block-read-none", CSV_OP_BLOCK_READ, .get = false },
	{ "block-write-none", CSV_OP_BLOCK_WRITE, .get = false },
	{ "block-write-read", CSV_OP_BLOCK_WRITE, .get = true },
	{ "block-write-behind", CSV_OP_BLOCK_WRITE, .get = true, .write = true,
	  .offset = 1 << 30 },
};

/* Grants of 64 KiB of the file; the address of its first block. */
static u64 layout_get(int fd, const struct csv_fh *fh, bool write)
{
	struct csv_args args = {
		.fh = *fh,
		.length = 65536,
		.count = 65536,
		.flags = write ? CSV_LAYOUT_WRITE : 0,
	};
	const struct csv_wire_extent *ext;

	request(CSV_OP_LAYOUT_GET, 0, 1, &args);
	finish(fd);
	if (receive(fd) != 1 || in->type != CSV_MSG_RSP || le32toh(in->plen) < sizeof(*ext))
		fatal("LAYOUT_GET");
	ext = (void *)(got + in->doff * 8);
	return le64toh(ext->addr);
}

/* HANDLE: type and bytes of a file, as csv_call handle prints them. */
static void layout_handle(struct csv_fh *fh)
{
	const char *text = getenv("HANDLE");
	int type, used = 0, i;

	if (!text || sscanf(text, "%d %n", &type, &used) != 1)
		fatal("HANDLE");
	fh->type = type;
	fh->len = strlen(text + used) / 2;
	for (i = 0; i < fh->len; i++)
		if (sscanf(text + used + 2 * i, "%2hhx", &fh->data[i]) != 1)
			fatal("HANDLE");
}

static void probe_layout(const struct layout_probe *probe)
{
	struct handshake how = { .probe = probe->name };
	struct csv_wire_extent *ext;
	struct csv_args args = {};
	int fds[CONNS], i, conn = 0;
	u64 link, addr = 0;

	if (getrandom(&link, sizeof(link), 0) < 0)
		fatal("getrandom");
	for (i = 0; i < CONNS; i++) {
		fds[i] = shake(&how, link | 1, i);
		if (fds[i] < 0)
			return;
	}
	layout_handle(&args.fh);
	if (probe->get)
		addr = layout_get(fds[0], &args.fh, probe->write);
	args.seq = probe->seq;
	if (probe->opcode == CSV_OP_LAYOUT_COMMIT) {
		request(probe->opcode, CSV_SLOTS - CSV_SLOTS_RESV, 1, &args);
		ext = (void *)(msg + hdr->doff * 8);
		ext->offset = htole64(probe->offset);
		ext->length = htole64(4096);
		ext->addr = htole64(addr + probe->moved);
		hdr->plen = htole32(sizeof(*ext));
	} else {
		args.offset = probe->offset;
		args.count = 4096;
		/* an even slot is one of the first data connection */
		request(probe->opcode, CSV_SLOTS - CSV_SLOTS_RESV - CSV_SLOTS_DATA, 1, &args);
		if (probe->opcode == CSV_OP_BLOCK_WRITE)
			hdr->plen = htole32(4096);
		conn = 1;
	}
	finish(fds[conn]);
	outcome(probe->name, fds[conn]);
	for (i = 0; i < CONNS; i++)
		if (i != conn)
			close(fds[i]);
}

/* Strangers that say nothing, as many as there is room for, until they are killed. */
static void probe_flood(const char *probe)
{
	int fds[400] = {}, i;

	for (i = 0;; i = (i + 1) % ARRAY_SIZE(fds)) {
		if (fds[i] > 0)
			close(fds[i]);
		fds[i] = get_conn(true);
		usleep(2000);
	}
}

static void run(const char *probe)
{
	unsigned int i;
	int fd;

	in->type = 0;
	for (i = 0; i < ARRAY_SIZE(handshakes); i++) {
		if (strcmp(handshakes[i].probe, probe))
			continue;
		fd = shake(&handshakes[i], 0x55, 0);
		if (fd >= 0)
			outcome(probe, fd);
		return;
	}
	for (i = 0; i < ARRAY_SIZE(requests); i++) {
		if (!strcmp(requests[i].name, probe)) {
			probe_request(probe, requests[i].build, requests[i].harmless);
			return;
		}
	}
	for (i = 0; i < ARRAY_SIZE(listeners); i++) {
		if (!strcmp(listeners[i].probe, probe)) {
			probe_listen(&listeners[i]);
			return;
		}
	}
	for (i = 0; i < ARRAY_SIZE(layout_probes); i++) {
		if (!strcmp(layout_probes[i].name, probe)) {
			probe_layout(&layout_probes[i]);
			return;
		}
	}
	if (!strcmp(probe, "flood"))
		probe_flood(probe);
	else if (!strcmp(probe, "garbage"))
		probe_garbage(probe);
	else if (!strcmp(probe, "half"))
		probe_half(probe);
	else if (!strcmp(probe, "cut"))
		probe_cut(probe);
	else
		printf("%s: no such probe\n", probe);
}

int main(int argc, char **argv)
{
	FILE *file;
	int i;

	if (argc < 9) {
		fputs("csv_peer FROM TO ADDRESS CLUSTER KEY-FILE VOLUME EPOCH PROBE...\n", stderr);
		return 2;
	}
	from = atoi(argv[1]);
	to = atoi(argv[2]);
	address = argv[3];
	cluster = argv[4];
	volume = strtoul(argv[6], NULL, 0);
	epoch = atoi(argv[7]);
	file = fopen(argv[5], "r");
	if (!file || fscanf(file, "%63s", (char *)key) != 1)
		fatal(argv[5]);
	fclose(file);
	key_len = strlen((char *)key);
	for (i = 8; i < argc; i++)
		run(argv[i]);
	return 0;
}
