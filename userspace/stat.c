// SPDX-License-Identifier: GPL-2.0
/*
 * csvctl stat: counters by volume, route and operation.
 *
 * Bucket n of a histogram counts what took less than 2^n microseconds, the last
 * one also what took longer. A percentile is the upper end of its bucket.
 */
#define _GNU_SOURCE
#include <inttypes.h>
#include "nl.h"
#include "print.h"

#define STAT_BUCKETS	24
#define STAT_REASONS	64

struct stat_show {
	const char *only;		/* NULL: all volumes */
	unsigned int count;
	char last[CSV_NAME_MAX + 1];
};

/* Microseconds within which @percent of @hist finished. */
static u64 stat_percentile(const u64 *hist, unsigned int percent)
{
	u64 total = 0, sum = 0;
	unsigned int i;

	for (i = 0; i < STAT_BUCKETS; i++)
		total += hist[i];
	for (i = 0; i < STAT_BUCKETS - 1; i++) {
		sum += hist[i];
		if (sum * 100 >= total * percent)
			break;
	}
	return total ? 1ULL << i : 0;
}

static const struct {
	unsigned int attr;
	const char *key;
} stat_bytes[] = {
	{ CSVFS_A_STAT_DISK_READ, "disk_read" },
	{ CSVFS_A_STAT_DISK_WRITTEN, "disk_written" },
	{ CSVFS_A_STAT_WIRE_SENT, "wire_sent" },
	{ CSVFS_A_STAT_WIRE_RECEIVED, "wire_received" },
};

/* Why operations were file-redirected, and how many. */
static void stat_show_reasons(struct nlattr **tb)
{
	u64 counts[STAT_REASONS];
	unsigned int bit;
	char name[32];

	nl_bytes(tb[CSVFS_A_STAT_FILE_REASONS], counts, sizeof(counts));
	if (print_json)
		json_open("file_redirected", '{');
	for (bit = 0; bit < STAT_REASONS; bit++) {
		if (!counts[bit])
			continue;
		format_reasons(REASON_FILE, 1ULL << bit, name, sizeof(name));
		if (print_json)
			json_uint(name, counts[bit]);
		else
			printf("    file-redirected %-14s %12" PRIu64 "\n", name, counts[bit]);
	}
	if (print_json)
		json_close('}');
}

static void stat_show_json(struct nlattr **tb, const u64 *hist)
{
	unsigned int i;

	json_open(NULL, '{');
	json_str("volume", nl_str(tb[CSVFS_A_STAT_NAME]));
	if (!tb[CSVFS_A_STAT_ROUTE]) {
		for (i = 0; i < ARRAY_SIZE(stat_bytes); i++)
			json_uint(stat_bytes[i].key, nl_uint(tb[stat_bytes[i].attr]));
		stat_show_reasons(tb);
		json_close('}');
		return;
	}
	json_str("route", name_route(nl_uint(tb[CSVFS_A_STAT_ROUTE])));
	json_str("op", nl_str(tb[CSVFS_A_STAT_OP_NAME]));
	json_uint("count", nl_uint(tb[CSVFS_A_STAT_COUNT]));
	json_uint("errors", nl_uint(tb[CSVFS_A_STAT_ERRORS]));
	json_uint("bytes", nl_uint(tb[CSVFS_A_STAT_BYTES]));
	json_uint("lat_us_p50", stat_percentile(hist, 50));
	json_uint("lat_us_p99", stat_percentile(hist, 99));
	json_open("lat_us_log2", '[');
	for (i = 0; i < STAT_BUCKETS; i++)
		json_uint(NULL, hist[i]);
	json_close(']');
	json_close('}');
}

static void stat_show_bytes(struct nlattr **tb)
{
	char disk_read[16], disk_written[16], wire_sent[16], wire_received[16];

	format_bytes(nl_uint(tb[CSVFS_A_STAT_DISK_READ]), disk_read, sizeof(disk_read));
	format_bytes(nl_uint(tb[CSVFS_A_STAT_DISK_WRITTEN]), disk_written, sizeof(disk_written));
	format_bytes(nl_uint(tb[CSVFS_A_STAT_WIRE_SENT]), wire_sent, sizeof(wire_sent));
	format_bytes(nl_uint(tb[CSVFS_A_STAT_WIRE_RECEIVED]), wire_received,
		     sizeof(wire_received));
	printf("    disk read %s written %s, wire sent %s received %s\n", disk_read, disk_written,
	       wire_sent, wire_received);
	stat_show_reasons(tb);
	printf("    %-7s %-14s %12s %8s %9s %9s %9s\n", "ROUTE", "OPERATION", "COUNT", "ERRORS",
	       "BYTES", "P50us", "P99us");
}

static int stat_show_row(struct nlattr **tb, void *ctx)
{
	const char *name = nl_str(tb[CSVFS_A_STAT_NAME]);
	struct stat_show *show = ctx;
	u64 hist[STAT_BUCKETS];
	char bytes[16];

	if (show->only && strcmp(show->only, name))
		return CSVCTL_OK;
	show->count++;
	nl_bytes(tb[CSVFS_A_STAT_HIST], hist, sizeof(hist));
	if (print_json) {
		stat_show_json(tb, hist);
		return CSVCTL_OK;
	}
	if (strcmp(show->last, name))
		printf("%s\n", name);
	snprintf(show->last, sizeof(show->last), "%s", name);
	if (!tb[CSVFS_A_STAT_ROUTE]) {
		stat_show_bytes(tb);
		return CSVCTL_OK;
	}
	format_bytes(nl_uint(tb[CSVFS_A_STAT_BYTES]), bytes, sizeof(bytes));
	printf("    %-7s %-14s %12" PRIu64 " %8" PRIu64 " %9s %9" PRIu64 " %9" PRIu64 "\n",
	       name_route(nl_uint(tb[CSVFS_A_STAT_ROUTE])), nl_str(tb[CSVFS_A_STAT_OP_NAME]),
	       nl_uint(tb[CSVFS_A_STAT_COUNT]), nl_uint(tb[CSVFS_A_STAT_ERRORS]), bytes,
	       stat_percentile(hist, 50), stat_percentile(hist, 99));
	return CSVCTL_OK;
}

static int stat_show(int argc, char **argv)
{
	struct stat_show show = {};
	int ret;

	if (argc > 1)
		return csvctl_usage("\"%s\" behind stat VOLUME", argv[1]);
	if (argc)
		show.only = argv[0];
	if (print_json)
		json_open(NULL, '[');
	ret = nl_dump(CSVFS_CMD_STAT_GET, stat_show_row, &show);
	if (print_json)
		json_close(']');
	if (!ret && show.only && !show.count) {
		csvctl_error("no volume %s in the table", show.only);
		ret = CSVCTL_KERNEL;
	}
	return ret;
}

static int stat_reset(const char *name)
{
	struct nlmsghdr *nlh;

	if (name && strlen(name) > CSV_NAME_MAX)
		return csvctl_error("a name has at most %d bytes", CSV_NAME_MAX);
	nlh = nl_begin(CSVFS_CMD_STAT_RESET, 256);
	if (!nlh)
		return CSVCTL_KERNEL;
	if (name)
		mnl_attr_put_strz(nlh, CSVFS_A_STAT_NAME, name);
	return nl_do(nlh, NULL);
}

/* [show] [VOLUME] [reset], or reset [VOLUME] */
int csvctl_stat(int argc, char **argv)
{
	bool reset = false;

	if (argc && !strcmp(argv[0], "help"))
		return csvctl_help();
	if (argc && !strcmp(argv[0], "reset")) {
		reset = true;
		argc--;
		argv++;
	} else if (argc && !strcmp(argv[0], "show")) {
		argc--;
		argv++;
	}
	if (!reset && argc && !strcmp(argv[argc - 1], "reset")) {
		reset = true;
		argc--;
	}
	if (!reset)
		return stat_show(argc, argv);
	if (argc > 1)
		return csvctl_usage("\"%s\" behind stat reset VOLUME", argv[1]);
	return stat_reset(argc ? argv[0] : NULL);
}
