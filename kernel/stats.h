/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Counters of a volume per route and operation, per CPU, summed when read.
 */
#ifndef CSV_STATS_H
#define CSV_STATS_H

#include "csv.h"
#include "wire/wire.h"

#define CSV_HIST_BUCKETS	24
#define CSV_REASON_COUNT	64

struct csv_volume;

/**
 * struct csv_stat - one operation on one route
 * @count: finished operations
 * @errors: of these, with an error
 * @bytes: data moved for applications
 * @hist: finished within 2^i microseconds (the last: or later)
 */
struct csv_stat {
	u64 count;
	u64 errors;
	u64 bytes;
	u64 hist[CSV_HIST_BUCKETS];
};

/**
 * struct csv_stats - all counters of a volume
 * @ops: CSV_OP_COUNT counters a route: one allocation would be too large
 * @reasons: operations of applications that were file-redirected, by CSV_FILE_REASON_* bit
 * @bytes: moved, in this order: read from the shared disk by this node, written
 *	to it, redirected data received, sent
 */
struct csv_stats {
	struct csv_stat __percpu *ops[CSV_ROUTE_COUNT];
	u64 __percpu *reasons;
	u64 __percpu *bytes;
};

int csv_stats_init(struct csv_stats *stats);
void csv_stats_destroy(struct csv_stats *stats);

/* READ and WRITE of applications are counted under these two on every route. */
void csv_stats_count(struct csv_volume *vol, enum csv_route route, u16 op, ktime_t start,
		     ssize_t result);
/* One operation was file-redirected, for each of these reasons. */
void csv_stats_count_reasons(struct csv_volume *vol, u64 reasons);
void csv_stats_add_disk(struct csv_volume *vol, bool write, u64 bytes);
void csv_stats_add_wire(struct csv_volume *vol, bool write, u64 bytes);
/* 0, or -ENOENT when nothing was counted */
int csv_stats_fill(struct csv_volume *vol, enum csv_route route, u16 op, struct csv_stat *out);
void csv_stats_fill_bytes(struct csv_volume *vol, u64 disk[2], u64 wire[2]);
void csv_stats_fill_reasons(struct csv_volume *vol, u64 out[CSV_REASON_COUNT]);
void csv_stats_reset(struct csv_volume *vol);

#endif /* CSV_STATS_H */
