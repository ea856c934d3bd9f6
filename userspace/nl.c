// SPDX-License-Identifier: GPL-2.0
/*
 * csvctl: one conversation with the kernel's family.
 *
 * A dump is kept whole before its rows are shown: the kernel says at its end
 * whether the table changed under it, and then it is asked again.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <sched.h>
#include <time.h>
#include <unistd.h>
#include <linux/netlink.h>
#include "nl.h"

#define NL_BUFFER	(64 * 1024)
#define NL_RETRIES	20

static struct mnl_socket *nl_sock;
static u16 nl_family;
static u32 nl_group;
static u32 nl_seq;

struct nl_attrs {
	struct nlattr *tb[NL_ATTRS];
};

/* The first of each type; those of one type follow each other. */
static int nl_attr(const struct nlattr *attr, void *data)
{
	struct nl_attrs *attrs = data;
	unsigned int type = mnl_attr_get_type(attr);

	if (type < NL_ATTRS && !attrs->tb[type])
		attrs->tb[type] = (struct nlattr *)attr;
	return MNL_CB_OK;
}

int nl_parse_nested(const struct nlattr *nest, struct nlattr **tb)
{
	struct nl_attrs attrs = {};
	int ret = mnl_attr_parse_nested(nest, nl_attr, &attrs);

	memcpy(tb, attrs.tb, sizeof(attrs.tb));
	return ret;
}

u64 nl_uint(const struct nlattr *attr)
{
	const void *data;
	u16 v16;
	u32 v32;
	u64 v64;

	if (!attr)
		return 0;
	data = mnl_attr_get_payload(attr);
	switch (mnl_attr_get_payload_len(attr)) {
	case 1:
		return *(const u8 *)data;
	case 2:
		memcpy(&v16, data, sizeof(v16));
		return v16;
	case 4:
		memcpy(&v32, data, sizeof(v32));
		return v32;
	case 8:
		memcpy(&v64, data, sizeof(v64));
		return v64;
	}
	return 0;
}

const char *nl_str(const struct nlattr *attr)
{
	const char *str;
	size_t len;

	if (!attr)
		return "";
	str = mnl_attr_get_payload(attr);
	len = mnl_attr_get_payload_len(attr);
	return len && !str[len - 1] ? str : "";
}

void nl_bytes(const struct nlattr *attr, void *buf, size_t len)
{
	if (attr && mnl_attr_get_payload_len(attr) == len)
		memcpy(buf, mnl_attr_get_payload(attr), len);
	else
		memset(buf, 0, len);
}

void nl_format_addr(const struct nlattr *attr, char *buf, size_t size)
{
	size_t len = attr ? mnl_attr_get_payload_len(attr) : 0;

	if ((len != 4 && len != 16) ||
	    !inet_ntop(len == 4 ? AF_INET : AF_INET6, mnl_attr_get_payload(attr), buf, size))
		snprintf(buf, size, "?");
}

/* What the kernel said, and the text behind it. */
static void nl_complain(int err, const struct nlmsghdr *nlh, size_t fixed)
{
	struct nl_attrs attrs = {};
	const char *text;

	if (nlh->nlmsg_flags & NLM_F_ACK_TLVS)
		mnl_attr_parse(nlh, fixed, nl_attr, &attrs);
	text = nl_str(attrs.tb[NLMSGERR_ATTR_MSG]);
	fprintf(stderr, "Error: %s", *text ? text : strerror(err));
	if (err == EPERM && !*text)
		fprintf(stderr, ": csvctl needs CAP_NET_ADMIN in the initial user namespace");
	fprintf(stderr, ".\n");
}

/*
 * Receive until the end of one answer. @keep gets the rows. 0 with the kernel's
 * errno in @err, which is told unless it is @quiet; or -1 for what is wrong with
 * the socket.
 */
static int nl_receive(u32 seq, int quiet, int *err, bool *torn,
		      int (*keep)(const struct nlmsghdr *nlh, void *ctx), void *ctx)
{
	static char buf[NL_BUFFER] __attribute__((aligned(NLMSG_ALIGNTO)));
	const u32 portid = mnl_socket_get_portid(nl_sock);

	for (;;) {
		ssize_t got = mnl_socket_recvfrom(nl_sock, buf, sizeof(buf));
		const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
		int len = got;

		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0)
			return -1;
		for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
			if (!mnl_nlmsg_seq_ok(nlh, seq) || !mnl_nlmsg_portid_ok(nlh, portid))
				continue;
			if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
				*torn = true;
			if (nlh->nlmsg_type == NLMSG_ERROR || nlh->nlmsg_type == NLMSG_DONE) {
				const int *code = mnl_nlmsg_get_payload(nlh);
				size_t fixed = nlh->nlmsg_type == NLMSG_ERROR ?
					sizeof(struct nlmsgerr) : sizeof(int);

				*err = mnl_nlmsg_get_payload_len(nlh) >= sizeof(*code) &&
				       *code < 0 ? -*code : 0;
				if (*err && *err != quiet)
					nl_complain(*err, nlh, fixed);
				return 0;
			}
			if (nlh->nlmsg_type >= NLMSG_MIN_TYPE && keep && keep(nlh, ctx))
				return -1;
		}
	}
}

static int nl_group_attr(const struct nlattr *attr, void *data)
{
	struct nlattr *tb[NL_ATTRS];

	(void)data;
	nl_parse_nested(attr, tb);
	if (!strcmp(nl_str(tb[CTRL_ATTR_MCAST_GRP_NAME]), "events"))
		nl_group = nl_uint(tb[CTRL_ATTR_MCAST_GRP_ID]);
	return MNL_CB_OK;
}

static int nl_keep_family(const struct nlmsghdr *nlh, void *ctx)
{
	struct nl_attrs attrs = {};

	(void)ctx;
	mnl_attr_parse(nlh, sizeof(struct genlmsghdr), nl_attr, &attrs);
	nl_family = nl_uint(attrs.tb[CTRL_ATTR_FAMILY_ID]);
	if (attrs.tb[CTRL_ATTR_MCAST_GROUPS])
		mnl_attr_parse_nested(attrs.tb[CTRL_ATTR_MCAST_GROUPS], nl_group_attr, NULL);
	return 0;
}

static struct nlmsghdr *nl_alloc(u16 type, u8 cmd, u8 version, size_t size)
{
	struct nlmsghdr *nlh;
	struct genlmsghdr *genl;
	void *buf = calloc(1, NLMSG_HDRLEN + GENL_HDRLEN + size);

	if (!buf) {
		csvctl_error("out of memory");
		return NULL;
	}
	nlh = mnl_nlmsg_put_header(buf);
	nlh->nlmsg_type = type;
	nlh->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	nlh->nlmsg_seq = ++nl_seq;
	genl = mnl_nlmsg_put_extra_header(nlh, sizeof(*genl));
	genl->cmd = cmd;
	genl->version = version;
	return nlh;
}

static int nl_find_family(void)
{
	struct nlmsghdr *nlh = nl_alloc(GENL_ID_CTRL, CTRL_CMD_GETFAMILY, 1, 256);
	int err = 0, ret;
	bool torn = false;

	if (!nlh)
		return -1;
	mnl_attr_put_strz(nlh, CTRL_ATTR_FAMILY_NAME, CSVFS_FAMILY_NAME);
	ret = mnl_socket_sendto(nl_sock, nlh, nlh->nlmsg_len) < 0 ? -1 :
	      nl_receive(nlh->nlmsg_seq, ENOENT, &err, &torn, nl_keep_family, NULL);
	free(nlh);
	if (!ret && !err && nl_family)
		return 0;
	if (err == ENOENT)
		fprintf(stderr, "Error: the csvfs module is not loaded (insmod csvfs.ko).\n");
	else
		fprintf(stderr, "Error: netlink: %s.\n", strerror(err ? err : errno));
	return -1;
}

static int nl_open(void)
{
	int one = 1, size = 16 << 20;

	if (nl_sock)
		return 0;
	nl_seq = time(NULL);
	nl_sock = mnl_socket_open2(NETLINK_GENERIC, SOCK_CLOEXEC);
	if (!nl_sock || mnl_socket_bind(nl_sock, 0, MNL_SOCKET_AUTOPID) < 0) {
		fprintf(stderr, "Error: netlink: %s.\n", strerror(errno));
		nl_close();
		return -1;
	}
	mnl_socket_setsockopt(nl_sock, NETLINK_EXT_ACK, &one, sizeof(one));
	mnl_socket_setsockopt(nl_sock, NETLINK_CAP_ACK, &one, sizeof(one));
	/* the largest table is one message of some megabytes */
	setsockopt(mnl_socket_get_fd(nl_sock), SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof(size));
	if (nl_find_family()) {
		nl_close();
		return -1;
	}
	return 0;
}

void nl_close(void)
{
	if (nl_sock)
		mnl_socket_close(nl_sock);
	nl_sock = NULL;
	nl_family = 0;
}

int nl_set_netns(const char *name)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof(path), "%s%s", strchr(name, '/') ? "" : "/run/netns/", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET)) {
		csvctl_error("network namespace %s: %s", name, strerror(errno));
		if (fd >= 0)
			close(fd);
		return CSVCTL_USAGE;
	}
	close(fd);
	return CSVCTL_OK;
}

struct nlmsghdr *nl_begin(u8 cmd, size_t size)
{
	if (nl_open())
		return NULL;
	return nl_alloc(nl_family, cmd, CSVFS_FAMILY_VERSION, size);
}

static int nl_exchange(struct nlmsghdr *nlh, int quiet, int *err, bool *torn,
		       int (*keep)(const struct nlmsghdr *nlh, void *ctx), void *ctx)
{
	*err = 0;
	if (mnl_socket_sendto(nl_sock, nlh, nlh->nlmsg_len) >= 0 &&
	    !nl_receive(nlh->nlmsg_seq, quiet, err, torn, keep, ctx))
		return *err ? CSVCTL_KERNEL : CSVCTL_OK;
	fprintf(stderr, "Error: netlink: %s.\n", strerror(errno));
	nl_close();
	return CSVCTL_KERNEL;
}

int nl_do(struct nlmsghdr *nlh, int *err)
{
	bool torn = false;
	int code, ret;

	ret = nl_exchange(nlh, err ? EAGAIN : 0, &code, &torn, NULL, NULL);
	explicit_bzero(nlh, nlh->nlmsg_len);	/* it may hold a key */
	free(nlh);
	if (err)
		*err = code;
	return ret;
}

/* The messages of a dump, one behind the other. */
struct nl_rows {
	char *data;
	size_t used, size;
};

static int nl_keep_row(const struct nlmsghdr *nlh, void *ctx)
{
	struct nl_rows *rows = ctx;
	size_t len = NLMSG_ALIGN(nlh->nlmsg_len);

	if (rows->size - rows->used < len) {
		size_t size = rows->size * 2 + len;
		char *data = realloc(rows->data, size);

		if (!data)
			return -1;
		rows->data = data;
		rows->size = size;
	}
	memset(rows->data + rows->used, 0, len);
	memcpy(rows->data + rows->used, nlh, nlh->nlmsg_len);
	rows->used += len;
	return 0;
}

static int nl_show_rows(const struct nl_rows *rows,
			int (*row)(struct nlattr **tb, void *ctx), void *ctx)
{
	size_t at = 0;

	while (at < rows->used) {
		const struct nlmsghdr *nlh = (const void *)(rows->data + at);
		struct nl_attrs attrs = {};
		int ret;

		mnl_attr_parse(nlh, sizeof(struct genlmsghdr), nl_attr, &attrs);
		ret = row(attrs.tb, ctx);
		if (ret)
			return ret;
		at += NLMSG_ALIGN(nlh->nlmsg_len);
	}
	return CSVCTL_OK;
}

int nl_dump(u8 cmd, int (*row)(struct nlattr **tb, void *ctx), void *ctx)
{
	struct nl_rows rows = {};
	unsigned int attempt;
	bool torn = true;
	int ret = CSVCTL_OK;

	for (attempt = 0; torn && !ret && attempt < NL_RETRIES; attempt++) {
		struct nlmsghdr *nlh = nl_begin(cmd, 0);
		int err;

		if (!nlh)
			return CSVCTL_KERNEL;
		nlh->nlmsg_flags |= NLM_F_DUMP;
		rows.used = 0;
		torn = false;
		ret = nl_exchange(nlh, 0, &err, &torn, nl_keep_row, &rows);
		free(nlh);
	}
	if (!ret && torn) {
		fprintf(stderr, "Error: the table changes faster than it can be read.\n");
		ret = CSVCTL_KERNEL;
	}
	if (!ret)
		ret = nl_show_rows(&rows, row, ctx);
	free(rows.data);
	return ret;
}

static int nl_listen_once(int (*event)(struct nlattr **tb, bool lost, void *ctx), void *ctx)
{
	static char buf[NL_BUFFER] __attribute__((aligned(NLMSG_ALIGNTO)));
	ssize_t got = mnl_socket_recvfrom(nl_sock, buf, sizeof(buf));
	const struct nlmsghdr *nlh = (const struct nlmsghdr *)buf;
	int len = got, ret;

	if (got < 0 && errno == ENOBUFS)
		return event(NULL, true, ctx);
	if (got < 0 && errno == EINTR)
		return 0;
	if (got < 0) {
		fprintf(stderr, "Error: netlink: %s.\n", strerror(errno));
		return -1;
	}
	for (; mnl_nlmsg_ok(nlh, len); nlh = mnl_nlmsg_next(nlh, &len)) {
		const struct genlmsghdr *genl = mnl_nlmsg_get_payload(nlh);
		struct nl_attrs attrs = {};

		if (nlh->nlmsg_type != nl_family || genl->cmd != CSVFS_CMD_EVENT)
			continue;
		mnl_attr_parse(nlh, sizeof(*genl), nl_attr, &attrs);
		ret = event(attrs.tb, false, ctx);
		if (ret)
			return ret;
	}
	return 0;
}

int nl_listen(int (*event)(struct nlattr **tb, bool lost, void *ctx), void *ctx)
{
	int ret;

	if (nl_open())
		return CSVCTL_KERNEL;
	if (mnl_socket_setsockopt(nl_sock, NETLINK_ADD_MEMBERSHIP, &nl_group,
				  sizeof(nl_group)) < 0) {
		fprintf(stderr, "Error: events: %s: csvctl needs CAP_NET_ADMIN.\n",
			strerror(errno));
		return CSVCTL_KERNEL;
	}
	do {
		ret = nl_listen_once(event, ctx);
	} while (!ret);
	return ret < 0 ? CSVCTL_KERNEL : CSVCTL_OK;
}
