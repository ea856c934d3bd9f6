/* SPDX-License-Identifier: GPL-2.0 */
/*
 * csvfs: which node was granted which part of one inode's block map.
 *
 * Pure, and kept by the coordinator under csv_snode.seg_mutex. Unlike the map
 * of a node (route/extent.h) this one is the truth: a segment that is missing
 * here while its holder uses it corrupts data. So nothing is ever given up for
 * lack of room. Changes do not allocate: csv_segments_reserve() comes first, and
 * they fail with -ENOSPC, unchanged, if it was not enough.
 *
 * Segments are sorted by node, then by start. Those of one node never overlap,
 * so each node's run can be searched; those of different nodes may.
 */
#ifndef CSV_SEGMENT_H
#define CSV_SEGMENT_H

#ifdef __KERNEL__
#include <linux/gfp_types.h>
#include <linux/types.h>
#include "../uapi/linux/csvfs.h"
#else
#include "shim.h"
#include "uapi/linux/csvfs.h"
#endif

/*
 * Grants stop at the first limit. Returns and commits, which may split what was
 * granted, go on up to the second.
 */
#define CSV_SEGMENTS_MAX	1024
#define CSV_SEGMENTS_LIMIT	(2 * CSV_SEGMENTS_MAX)

/* Slots that one change may need; a return for all nodes, one for each of them. */
#define CSV_SEGMENTS_EXTRA	2
#define CSV_SEGMENTS_EXTRA_ALL	CSV_NODES_MAX

#define CSV_SEGMENT_ALL_NODES	0xffffffffu
#define CSV_SEGMENT_NO_ADDR	(~0ull)

enum csv_segment_mode {
	CSV_SEGMENT_READ,
	CSV_SEGMENT_RW_SHARED,	/* of written blocks only */
	CSV_SEGMENT_RW_EXCL,
};

/**
 * struct csv_segment - a range that a node may use
 * @start: first byte
 * @end: behind the last byte
 * @node: who
 * @mode: enum csv_segment_mode
 * @written: 1 if the blocks are, 0 if they read as zeros (unwritten, or a hole)
 * @addr: of @start on the volume's disk, CSV_SEGMENT_NO_ADDR for a hole
 * @seq: number of the newest grant in it
 */
struct csv_segment {
	u64 start;
	u64 end;
	u64 seq;
	u32 node;
	u8 mode;
	u8 written;
	u64 addr;
};

/**
 * struct csv_segments - the granted segments of one inode
 * @seg: sorted by node, start
 * @nr: how many there are
 * @cap: how many fit
 */
struct csv_segments {
	struct csv_segment *seg;
	unsigned int nr;
	unsigned int cap;
};

void csv_segments_init(struct csv_segments *set);
void csv_segments_destroy(struct csv_segments *set);
int csv_segments_reserve(struct csv_segments *set, unsigned int extra, gfp_t gfp);

int csv_segments_grant(struct csv_segments *set, u32 node, u64 start, u64 end,
		       u8 mode, u8 state, u64 addr, u64 seq);
int csv_segments_return(struct csv_segments *set, u32 node, u64 start, u64 end, u64 seq);
int csv_segments_commit(struct csv_segments *set, u32 node, u64 start, u64 end);
void csv_segments_drop_node(struct csv_segments *set, u32 node);

bool csv_segments_holds(const struct csv_segments *set, u32 node, u64 start, u64 end,
			bool need_write);
bool csv_segments_lookup(const struct csv_segments *set, u32 node, u64 pos,
			 struct csv_segment *seg);
bool csv_segments_next(const struct csv_segments *set, u32 node, u64 pos, struct csv_segment *seg);
unsigned int csv_segments_conflict(const struct csv_segments *set, u32 node_asking, u64 start,
				   u64 end, u8 want, u32 nodes[CSV_NODES_MAX]);

static inline unsigned int csv_segments_count(const struct csv_segments *set)
{
	return set->nr;
}

#endif /* CSV_SEGMENT_H */
