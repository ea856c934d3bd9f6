// SPDX-License-Identifier: GPL-2.0
/*
 * Counters: added on the CPU that finishes an operation, summed on reading.
 */
#include <linux/percpu.h>
#include "stats.h"
#include "control/volume.h"

static unsigned int csv_stats_bucket(ktime_t start)
{
	u64 us = max_t(s64, ktime_us_delta(ktime_get(), start), 0);

	return min_t(unsigned int, us ? fls64(us) : 0, CSV_HIST_BUCKETS - 1);
}

/**
 * csv_stats_init - allocate counters
 * @stats: to fill in
 */
int csv_stats_init(struct csv_stats *stats)
{
	unsigned int route;

	stats->bytes = __alloc_percpu(4 * sizeof(u64), sizeof(u64));
	stats->reasons = __alloc_percpu(CSV_REASON_COUNT * sizeof(u64), sizeof(u64));
	if (!stats->bytes || !stats->reasons) {
		csv_stats_destroy(stats);
		return -ENOMEM;
	}
	for (route = 0; route < CSV_ROUTE_COUNT; route++) {
		stats->ops[route] = __alloc_percpu(CSV_OP_COUNT * sizeof(struct csv_stat),
						   sizeof(u64));
		if (!stats->ops[route]) {
			csv_stats_destroy(stats);
			return -ENOMEM;
		}
	}
	return 0;
}

/**
 * csv_stats_destroy - free counters, also half-made ones
 * @stats: zeroed before csv_stats_init()
 */
void csv_stats_destroy(struct csv_stats *stats)
{
	unsigned int route;

	for (route = 0; route < CSV_ROUTE_COUNT; route++)
		free_percpu(stats->ops[route]);
	free_percpu(stats->reasons);
	free_percpu(stats->bytes);
}

/**
 * csv_stats_count - one operation has finished
 * @vol: on this volume
 * @route: how it travelled
 * @op: what it was
 * @start: when it began
 * @result: bytes, 0, or a negative errno
 *
 * Context: any
 */
void csv_stats_count(struct csv_volume *vol, enum csv_route route, u16 op, ktime_t start,
		     ssize_t result)
{
	struct csv_stat __percpu *stat;

	if (route >= CSV_ROUTE_COUNT || op >= CSV_OP_COUNT)
		return;
	stat = vol->stats.ops[route] + op;
	this_cpu_inc(stat->count);
	this_cpu_inc(stat->hist[csv_stats_bucket(start)]);
	if (result < 0)
		this_cpu_inc(stat->errors);
	else if (result > 0)
		this_cpu_add(stat->bytes, result);
}

/**
 * csv_stats_count_reasons - one operation of an application was file-redirected
 * @vol: on this volume
 * @reasons: CSV_FILE_REASON_*; each of them is counted
 *
 * Context: any
 */
void csv_stats_count_reasons(struct csv_volume *vol, u64 reasons)
{
	for (; reasons; reasons &= reasons - 1)
		this_cpu_inc(vol->stats.reasons[__ffs64(reasons)]);
}

/**
 * csv_stats_fill_reasons - sum why operations were file-redirected
 * @vol: the volume
 * @out: operations by bit of their reason
 */
void csv_stats_fill_reasons(struct csv_volume *vol, u64 out[CSV_REASON_COUNT])
{
	unsigned int cpu, i;

	memset(out, 0, CSV_REASON_COUNT * sizeof(*out));
	for_each_possible_cpu(cpu)
		for (i = 0; i < CSV_REASON_COUNT; i++)
			out[i] += READ_ONCE(per_cpu_ptr(vol->stats.reasons, cpu)[i]);
}

/**
 * csv_stats_add_disk - this node moved bytes between memory and the shared disk
 * @vol: the volume
 * @write: direction
 * @bytes: how many
 */
void csv_stats_add_disk(struct csv_volume *vol, bool write, u64 bytes)
{
	this_cpu_add(vol->stats.bytes[write], bytes);
}

/**
 * csv_stats_add_wire - redirected data crossed the network
 * @vol: the volume
 * @write: sent by this node
 * @bytes: payload bytes
 */
void csv_stats_add_wire(struct csv_volume *vol, bool write, u64 bytes)
{
	this_cpu_add(vol->stats.bytes[2 + write], bytes);
}

/**
 * csv_stats_fill - sum one operation on one route over all CPUs
 * @vol: the volume
 * @route: the route
 * @op: the operation
 * @out: the sums
 */
int csv_stats_fill(struct csv_volume *vol, enum csv_route route, u16 op, struct csv_stat *out)
{
	unsigned int cpu, i;

	memset(out, 0, sizeof(*out));
	for_each_possible_cpu(cpu) {
		struct csv_stat *stat = per_cpu_ptr(vol->stats.ops[route] + op, cpu);

		out->count += READ_ONCE(stat->count);
		out->errors += READ_ONCE(stat->errors);
		out->bytes += READ_ONCE(stat->bytes);
		for (i = 0; i < CSV_HIST_BUCKETS; i++)
			out->hist[i] += READ_ONCE(stat->hist[i]);
	}
	return out->count ? 0 : -ENOENT;
}

/**
 * csv_stats_fill_bytes - sum the bytes moved
 * @vol: the volume
 * @disk: read from and written to the shared disk by this node
 * @wire: redirected data received and sent
 */
void csv_stats_fill_bytes(struct csv_volume *vol, u64 disk[2], u64 wire[2])
{
	unsigned int cpu, i;

	for (i = 0; i < 2; i++) {
		disk[i] = 0;
		wire[i] = 0;
		for_each_possible_cpu(cpu) {
			u64 *bytes = per_cpu_ptr(vol->stats.bytes, cpu);

			disk[i] += READ_ONCE(bytes[i]);
			wire[i] += READ_ONCE(bytes[2 + i]);
		}
	}
}

/**
 * csv_stats_reset - count from 0 again
 * @vol: the volume
 *
 * Additions that race with it may survive; nothing is torn.
 */
void csv_stats_reset(struct csv_volume *vol)
{
	unsigned int cpu, route;

	for_each_possible_cpu(cpu) {
		for (route = 0; route < CSV_ROUTE_COUNT; route++)
			memset(per_cpu_ptr(vol->stats.ops[route], cpu), 0,
			       CSV_OP_COUNT * sizeof(struct csv_stat));
		memset(per_cpu_ptr(vol->stats.reasons, cpu), 0, CSV_REASON_COUNT * sizeof(u64));
		memset(per_cpu_ptr(vol->stats.bytes, cpu), 0, 4 * sizeof(u64));
	}
}
