// SPDX-License-Identifier: GPL-2.0
/*
 * csvctl node: the nodes of the table, and what this one knows of them.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <sys/stat.h>
#include <unistd.h>
#include "nl.h"
#include "print.h"
#include "tablefile.h"

struct node_show {
	const char *only;		/* NULL: all, in one line each */
	unsigned int count;
};

static const struct {
	unsigned int attr;
	const char *key, *text;
} node_counters[] = {
	{ CSVFS_A_PEER_BYTES_SENT, "bytes_sent", "bytes sent" },
	{ CSVFS_A_PEER_BYTES_RECEIVED, "bytes_received", "bytes received" },
	{ CSVFS_A_PEER_MSGS_SENT, "msgs_sent", "messages sent" },
	{ CSVFS_A_PEER_MSGS_RECEIVED, "msgs_received", "messages received" },
	{ CSVFS_A_PEER_RECONNECTS, "reconnects", "reconnects" },
	{ CSVFS_A_PEER_RESENDS, "resends", "resends" },
	{ CSVFS_A_PEER_BAD_FRAMES, "bad_frames", "bad frames" },
	{ CSVFS_A_PEER_AUTH_FAILURES, "auth_failures", "failed authentications" },
};

/* Call @put with every address; the port follows the last one. */
static void node_each_addr(struct nlattr **tb, void (*put)(const char *addr, bool first))
{
	const struct nlattr *attr = tb[CSVFS_A_PEER_ADDR];
	char addr[INET6_ADDRSTRLEN];
	bool first = true;

	for (; attr && mnl_attr_get_type(attr) == CSVFS_A_PEER_ADDR; attr = mnl_attr_next(attr)) {
		nl_format_addr(attr, addr, sizeof(addr));
		put(addr, first);
		first = false;
	}
}

static void node_addr_json(const char *addr, bool first)
{
	(void)first;
	json_str(NULL, addr);
}

static void node_addr_text(const char *addr, bool first)
{
	printf("%c%s", first ? ' ' : ',', addr);
}

static void node_show_json(struct nlattr **tb)
{
	char via[INET6_ADDRSTRLEN];
	bool local = tb[CSVFS_A_PEER_LOCAL];
	unsigned int i;

	json_open(NULL, '{');
	json_str("name", nl_str(tb[CSVFS_A_PEER_NAME]));
	json_uint("id", nl_uint(tb[CSVFS_A_PEER_ID]));
	json_open("addresses", '[');
	node_each_addr(tb, node_addr_json);
	json_close(']');
	json_uint("port", nl_uint(tb[CSVFS_A_PEER_PORT]));
	json_bool("local", local);
	json_bool("fenced", nl_uint(tb[CSVFS_A_PEER_FENCED]));
	if (tb[CSVFS_A_PEER_INCARNATION])
		json_hex("incarnation", nl_uint(tb[CSVFS_A_PEER_INCARNATION]));
	if (local) {
		json_bool("key_set", tb[CSVFS_A_PEER_KEY_SET]);
		json_bool("listening", tb[CSVFS_A_PEER_LISTENING]);
	} else {
		json_bool("connected", nl_uint(tb[CSVFS_A_PEER_CONNECTED]));
		if (tb[CSVFS_A_PEER_VIA]) {
			nl_format_addr(tb[CSVFS_A_PEER_VIA], via, sizeof(via));
			json_str("via", via);
		}
		json_str("table", name_agreement(nl_uint(tb[CSVFS_A_PEER_AGREES])));
		if (tb[CSVFS_A_PEER_AGE])
			json_uint("age_ms", nl_uint(tb[CSVFS_A_PEER_AGE]));
		for (i = 0; i < ARRAY_SIZE(node_counters); i++)
			json_uint(node_counters[i].key, nl_uint(tb[node_counters[i].attr]));
		if (tb[CSVFS_A_PEER_ERROR])
			json_str("error", nl_str(tb[CSVFS_A_PEER_ERROR]));
	}
	json_close('}');
}

static void node_show_text(struct nlattr **tb, bool details)
{
	bool local = tb[CSVFS_A_PEER_LOCAL];
	char via[INET6_ADDRSTRLEN];
	unsigned int i;
	char age[32];

	printf("%s id %" PRIu64 " address", nl_str(tb[CSVFS_A_PEER_NAME]),
	       nl_uint(tb[CSVFS_A_PEER_ID]));
	node_each_addr(tb, node_addr_text);
	printf(" port %" PRIu64, nl_uint(tb[CSVFS_A_PEER_PORT]));
	if (nl_uint(tb[CSVFS_A_PEER_FENCED]))
		printf(" fenced");
	if (local) {
		printf(" local key %s %slistening\n", tb[CSVFS_A_PEER_KEY_SET] ? "set" : "missing",
		       tb[CSVFS_A_PEER_LISTENING] ? "" : "not ");
	} else {
		format_age(nl_uint(tb[CSVFS_A_PEER_AGE]), !tb[CSVFS_A_PEER_AGE], age, sizeof(age));
		printf(" %sconnected table %s age %s\n",
		       nl_uint(tb[CSVFS_A_PEER_CONNECTED]) ? "" : "not ",
		       name_agreement(nl_uint(tb[CSVFS_A_PEER_AGREES])), age);
		if (tb[CSVFS_A_PEER_ERROR])
			printf("    error %s\n", nl_str(tb[CSVFS_A_PEER_ERROR]));
	}
	if (!details)
		return;
	if (tb[CSVFS_A_PEER_VIA]) {
		nl_format_addr(tb[CSVFS_A_PEER_VIA], via, sizeof(via));
		printf("    via %s\n", via);
	}
	printf("    incarnation 0x%" PRIx64 "\n", nl_uint(tb[CSVFS_A_PEER_INCARNATION]));
	for (i = 0; !local && i < ARRAY_SIZE(node_counters); i++)
		printf("    %s %" PRIu64 "\n", node_counters[i].text,
		       nl_uint(tb[node_counters[i].attr]));
}

static int node_show_row(struct nlattr **tb, void *ctx)
{
	struct node_show *show = ctx;

	if (show->only && strcmp(show->only, nl_str(tb[CSVFS_A_PEER_NAME])))
		return CSVCTL_OK;
	show->count++;
	if (print_json)
		node_show_json(tb);
	else
		node_show_text(tb, show->only);
	return CSVCTL_OK;
}

static int node_show(int argc, char **argv)
{
	struct node_show show = {};
	int ret;

	if (argc > 1)
		return csvctl_usage("\"%s\" behind node show NAME", argv[1]);
	if (argc)
		show.only = argv[0];
	if (print_json)
		json_open(NULL, '[');
	ret = nl_dump(CSVFS_CMD_NODE_GET, node_show_row, &show);
	if (print_json)
		json_close(']');
	if (!ret && show.only && !show.count) {
		csvctl_error("no node %s in the table", show.only);
		ret = CSVCTL_KERNEL;
	}
	return ret;
}

/* The bytes of a file that only its owner may read; a newline at the end is not the key's. */
static int node_read_key(const char *path, u8 *key, size_t *len)
{
	int fd = strcmp(path, "-") ? open(path, O_RDONLY | O_CLOEXEC) : dup(STDIN_FILENO);
	struct stat st;
	ssize_t got;

	*len = 0;
	if (fd < 0 || fstat(fd, &st)) {
		csvctl_error("key file %s: %s", path, strerror(errno));
		goto fail;
	}
	if (S_ISREG(st.st_mode) && ((st.st_mode & 077) || (st.st_uid && st.st_uid != geteuid()))) {
		csvctl_error("key file %s: others may read it: chown root, chmod 600", path);
		goto fail;
	}
	while ((got = read(fd, key + *len, CSV_KEY_MAX + 2 - *len)) > 0)
		*len += got;
	if (got < 0) {
		csvctl_error("key file %s: %s", path, strerror(errno));
		goto fail;
	}
	close(fd);
	if (*len && key[*len - 1] == '\n')
		(*len)--;
	if (*len >= CSV_KEY_MIN && *len <= CSV_KEY_MAX)
		return CSVCTL_OK;
	return csvctl_error("key file %s: a key has %d to %d bytes", path, CSV_KEY_MIN,
			    CSV_KEY_MAX);
fail:
	if (fd >= 0)
		close(fd);
	return CSVCTL_USAGE;
}

struct node_set {
	bool local, reset, key;
	int fenced;			/* -1: as it is */
	u32 serial;			/* 0: none */
	u8 bytes[CSV_KEY_MAX + 2];
	size_t len;
};

/* One setting at @argv; how many words it takes, 0 when it is wrong. */
static int node_set_word(struct node_set *set, int argc, char **argv)
{
	const char *word = argv[0], *value = argc > 1 ? argv[1] : NULL;

	if (!strcmp(word, "local")) {
		set->local = true;
		return 1;
	}
	if (!strcmp(word, "reset")) {
		set->reset = true;
		return 1;
	}
	if (!strcmp(word, "fenced")) {
		bool off = value && !strcmp(value, "off");

		set->fenced = !off;
		return off || (value && !strcmp(value, "on")) ? 2 : 1;
	}
	if (strcmp(word, "key-file") && strcmp(word, "key")) {
		csvctl_usage("node setting \"%s\" is not known", word);
		return 0;
	}
	if (!value) {
		csvctl_usage("%s what?", word);
		return 0;
	}
	if (set->key) {
		csvctl_usage("one key is enough");
		return 0;
	}
	set->key = true;
	if (!strcmp(word, "key-file"))
		return node_read_key(value, set->bytes, &set->len) ? 0 : 2;
	if (!tablefile_parse_u32(value, 1, INT32_MAX, &set->serial)) {
		csvctl_usage("key takes the serial number of a key (keyctl show)");
		return 0;
	}
	return 2;
}

static int node_find_row(struct nlattr **tb, void *ctx)
{
	struct node_show *show = ctx;

	show->count += !strcmp(show->only, nl_str(tb[CSVFS_A_PEER_NAME]));
	return CSVCTL_OK;
}

/* A name of the table, or else a number: the table may come later. */
static int node_put_name(struct nlmsghdr *nlh, const char *name)
{
	struct node_show find = { .only = name };
	u32 id;
	int ret;

	if (tablefile_parse_u32(name, 1, U32_MAX, &id)) {
		ret = nl_dump(CSVFS_CMD_NODE_GET, node_find_row, &find);
		if (ret)
			return ret;
		if (!find.count) {
			mnl_attr_put_u32(nlh, CSVFS_A_PEER_ID, id);
			return CSVCTL_OK;
		}
	}
	if (strlen(name) > CSV_NAME_MAX)
		return csvctl_error("a name has at most %d bytes", CSV_NAME_MAX);
	mnl_attr_put_strz(nlh, CSVFS_A_PEER_NAME, name);
	return CSVCTL_OK;
}

static int node_set_send(const char *name, const struct node_set *set)
{
	struct nlmsghdr *nlh = nl_begin(CSVFS_CMD_NODE_SET, 512);
	int ret;

	if (!nlh)
		return CSVCTL_KERNEL;
	ret = node_put_name(nlh, name);
	if (ret) {
		free(nlh);
		return ret;
	}
	if (set->local)
		mnl_attr_put(nlh, CSVFS_A_PEER_LOCAL, 0, NULL);
	if (set->reset)
		mnl_attr_put(nlh, CSVFS_A_PEER_RESET, 0, NULL);
	if (set->fenced >= 0)
		mnl_attr_put_u8(nlh, CSVFS_A_PEER_FENCED, set->fenced);
	if (set->serial)
		mnl_attr_put_u32(nlh, CSVFS_A_PEER_KEY_SERIAL, set->serial);
	else if (set->key)
		mnl_attr_put(nlh, CSVFS_A_PEER_KEY, set->len, set->bytes);
	return nl_do(nlh, NULL);
}

static int node_set(int argc, char **argv)
{
	struct node_set set = { .fenced = -1 };
	int used, ret = CSVCTL_OK, i;

	if (argc < 2)
		return csvctl_usage("node set NAME takes local, key-file, key, fenced or reset");
	for (i = 1; i < argc && !ret; i += used) {
		used = node_set_word(&set, argc - i, argv + i);
		if (!used)
			ret = CSVCTL_USAGE;
	}
	if (!ret)
		ret = node_set_send(argv[0], &set);
	explicit_bzero(&set, sizeof(set));
	return ret;
}

static const struct csvctl_cmd node_verbs[] = {
	{ "show", node_show },
	{ "set", node_set },
	{ NULL, NULL }
};

int csvctl_node(int argc, char **argv)
{
	return csvctl_run(node_verbs, "node verb", argc, argv);
}
