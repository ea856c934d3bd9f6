// SPDX-License-Identifier: GPL-2.0
/*
 * csvctl monitor: events as they happen.
 *
 * One line an event. Events are numbered: where numbers are missing, a line says
 * so, and whoever follows states reads them anew (volume show, node show).
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include <sys/time.h>
#include <time.h>
#include "nl.h"
#include "print.h"

struct monitor {
	bool started;			/* @seq is the last number that was seen */
	u32 seq;
};

static void monitor_time(char *buf, size_t size)
{
	struct timeval now;
	struct tm tm;
	size_t used;

	gettimeofday(&now, NULL);
	localtime_r(&now.tv_sec, &tm);
	used = strftime(buf, size, "%Y-%m-%dT%H:%M:%S", &tm);
	snprintf(buf + used, size - used, ".%03u", (unsigned int)(now.tv_usec / 1000));
}

/* @count: how many, 0 if that is not known. */
static void monitor_missed(u32 count)
{
	char now[40];

	monitor_time(now, sizeof(now));
	if (print_json) {
		json_open(NULL, '{');
		json_str("time", now);
		json_str("event", "missed");
		json_uint("count", count);
		json_close('}');
	} else if (count) {
		printf("%s missed %u events\n", now, count);
	} else {
		printf("%s missed some events\n", now);
	}
}

static const char *monitor_type(unsigned int type)
{
	switch (type) {
	case CSVFS_EVENT_TYPE_TABLE:
		return "table";
	case CSVFS_EVENT_TYPE_NODE:
		return "node";
	case CSVFS_EVENT_TYPE_VOLUME:
		return "volume";
	}
	return "unknown";
}

static void monitor_json(struct nlattr **tb, const char *now)
{
	unsigned int type = nl_uint(tb[CSVFS_A_EVENT_TYPE]);

	json_open(NULL, '{');
	json_str("time", now);
	json_uint("seq", nl_uint(tb[CSVFS_A_EVENT_SEQ]));
	json_str("event", monitor_type(type));
	json_uint("node_id", nl_uint(tb[CSVFS_A_EVENT_NODE]));
	if (tb[CSVFS_A_EVENT_NODE_NAME])
		json_str("node", nl_str(tb[CSVFS_A_EVENT_NODE_NAME]));
	if (tb[CSVFS_A_EVENT_VOLUME])
		json_uint("volume_id", nl_uint(tb[CSVFS_A_EVENT_VOLUME]));
	if (tb[CSVFS_A_EVENT_VOLUME_NAME])
		json_str("volume", nl_str(tb[CSVFS_A_EVENT_VOLUME_NAME]));
	if (type == CSVFS_EVENT_TYPE_TABLE)
		json_uint("generation", nl_uint(tb[CSVFS_A_EVENT_STATE]));
	else if (type == CSVFS_EVENT_TYPE_VOLUME)
		json_str("state", name_state(nl_uint(tb[CSVFS_A_EVENT_STATE])));
	else
		json_uint("state", nl_uint(tb[CSVFS_A_EVENT_STATE]));
	json_hex("file_reasons", nl_uint(tb[CSVFS_A_EVENT_FILE_REASONS]));
	json_hex("block_reasons", nl_uint(tb[CSVFS_A_EVENT_BLOCK_REASONS]));
	if (tb[CSVFS_A_EVENT_TEXT])
		json_str("text", nl_str(tb[CSVFS_A_EVENT_TEXT]));
	json_close('}');
}

static void monitor_text(struct nlattr **tb, const char *now)
{
	unsigned int type = nl_uint(tb[CSVFS_A_EVENT_TYPE]);
	char names[256];
	u64 mask;

	printf("%s %" PRIu64 " %s", now, nl_uint(tb[CSVFS_A_EVENT_SEQ]), monitor_type(type));
	if (tb[CSVFS_A_EVENT_VOLUME_NAME])
		printf(" %s", nl_str(tb[CSVFS_A_EVENT_VOLUME_NAME]));
	if (tb[CSVFS_A_EVENT_NODE_NAME])
		printf("%s %s", type == CSVFS_EVENT_TYPE_NODE ? "" : " on",
		       nl_str(tb[CSVFS_A_EVENT_NODE_NAME]));
	if (type == CSVFS_EVENT_TYPE_TABLE)
		printf(" generation %" PRIu64, nl_uint(tb[CSVFS_A_EVENT_STATE]));
	if (type == CSVFS_EVENT_TYPE_VOLUME)
		printf(" state %s", name_state(nl_uint(tb[CSVFS_A_EVENT_STATE])));
	mask = nl_uint(tb[CSVFS_A_EVENT_FILE_REASONS]);
	if (mask) {
		format_reasons(REASON_FILE, mask, names, sizeof(names));
		printf(" file 0x%" PRIx64 " (%s)", mask, names);
	}
	mask = nl_uint(tb[CSVFS_A_EVENT_BLOCK_REASONS]);
	if (mask) {
		format_reasons(REASON_BLOCK, mask, names, sizeof(names));
		printf(" block 0x%" PRIx64 " (%s)", mask, names);
	}
	if (tb[CSVFS_A_EVENT_TEXT])
		printf(": %s", nl_str(tb[CSVFS_A_EVENT_TEXT]));
	putchar('\n');
}

static int monitor_event(struct nlattr **tb, bool lost, void *ctx)
{
	struct monitor *monitor = ctx;
	char now[40];
	u32 seq;

	if (lost) {
		/* how many, the next number will tell; but that may be long in coming */
		monitor_missed(0);
		return fflush(stdout) ? 1 : 0;
	}
	seq = nl_uint(tb[CSVFS_A_EVENT_SEQ]);
	if (monitor->started && seq != monitor->seq + 1)
		monitor_missed(seq - monitor->seq - 1);
	monitor->started = true;
	monitor->seq = seq;
	monitor_time(now, sizeof(now));
	if (print_json)
		monitor_json(tb, now);
	else
		monitor_text(tb, now);
	return fflush(stdout) ? 1 : 0;		/* nobody reads it any more */
}

int csvctl_monitor(int argc, char **argv)
{
	struct monitor monitor = {};

	if (argc && !strcmp(argv[0], "help"))
		return csvctl_help();
	if (argc == 1 && !strcmp(argv[0], "json"))
		print_json = true;
	else if (argc)
		return csvctl_usage("\"%s\" behind monitor", argv[0]);
	print_pretty = false;			/* one line an event */
	return nl_listen(monitor_event, &monitor);
}
