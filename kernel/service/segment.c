// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs: granted segments of one inode, see segment.h.
 */
#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>
#endif
#include "segment.h"
#include "../wire/wire.h"

#define CSV_SEGMENTS_MIN	8

/**
 * csv_segments_init() - make an empty set
 * @set: the set
 */
void csv_segments_init(struct csv_segments *set)
{
	*set = (struct csv_segments){ };
}

/**
 * csv_segments_destroy() - free what a set holds, and leave it empty
 * @set: the set
 */
void csv_segments_destroy(struct csv_segments *set)
{
	kfree(set->seg);
	csv_segments_init(set);
}

/**
 * csv_segments_reserve() - make room for changes
 * @set: the set
 * @extra: segments that may be added: CSV_SEGMENTS_EXTRA for each change, and
 *	CSV_SEGMENTS_EXTRA_ALL for a return for all nodes
 * @gfp: how to allocate
 *
 * Return: 0; -ENOSPC if the set has come too close to CSV_SEGMENTS_LIMIT: the
 * change may fit all the same, so try it; -ENOMEM.
 */
int csv_segments_reserve(struct csv_segments *set, unsigned int extra, gfp_t gfp)
{
	struct csv_segment *seg;
	unsigned int cap;

	if (extra > CSV_SEGMENTS_LIMIT - set->nr)
		return -ENOSPC;
	if (set->nr + extra <= set->cap)
		return 0;
	cap = clamp_t(unsigned int, max(set->nr + extra, 2 * set->cap),
		      CSV_SEGMENTS_MIN, CSV_SEGMENTS_LIMIT);
	seg = krealloc_array(set->seg, cap, sizeof(*seg), gfp);
	if (!seg)
		return -ENOMEM;
	set->seg = seg;
	set->cap = cap;
	return 0;
}

/* Index of the first segment of @node that ends behind @pos, or of a later node. */
static unsigned int csv_segments_index(const struct csv_segments *set, u32 node, u64 pos)
{
	unsigned int low = 0, high = set->nr;

	while (low < high) {
		unsigned int mid = (low + high) / 2;
		const struct csv_segment *seg = &set->seg[mid];

		if (seg->node < node || (seg->node == node && seg->end <= pos))
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Whether there is a segment at @index, of @node and before @end. */
static bool csv_segments_within(const struct csv_segments *set, unsigned int index,
				u32 node, u64 end)
{
	return index < set->nr && set->seg[index].node == node && set->seg[index].start < end;
}

/* Index behind the last segment of the node at @index, which exists. */
static unsigned int csv_segments_next_node(const struct csv_segments *set, unsigned int index)
{
	return csv_segments_index(set, set->seg[index].node + 1, 0);
}

static struct csv_segment csv_segment_from(struct csv_segment seg, u64 start)
{
	if (seg.addr != CSV_SEGMENT_NO_ADDR)
		seg.addr += start - seg.start;
	seg.start = start;
	return seg;
}

static struct csv_segment csv_segment_until(struct csv_segment seg, u64 end)
{
	seg.end = end;
	return seg;
}

static bool csv_segment_mergeable(const struct csv_segment *left, const struct csv_segment *right)
{
	if (left->node != right->node || left->end != right->start ||
	    left->mode != right->mode || left->written != right->written)
		return false;
	if (left->addr == CSV_SEGMENT_NO_ADDR || right->addr == CSV_SEGMENT_NO_ADDR)
		return left->addr == right->addr;
	return left->addr + (left->end - left->start) == right->addr;
}

/* Replaces the segments from @first to before @last by @nr others. */
static int csv_segments_splice(struct csv_segments *set, unsigned int first, unsigned int last,
			       const struct csv_segment *seg, unsigned int nr)
{
	unsigned int total = set->nr - (last - first) + nr;

	if (total > set->cap)
		return -ENOSPC;
	if (last - first != nr)
		memmove(set->seg + first + nr, set->seg + last,
			(set->nr - last) * sizeof(*seg));
	if (nr)
		memcpy(set->seg + first, seg, nr * sizeof(*seg));
	set->nr = total;
	return 0;
}

/**
 * csv_segments_grant() - a node may use a range
 * @set: the set, with room for CSV_SEGMENTS_EXTRA more
 * @node: the node; what it had in the range is replaced
 * @start: first byte
 * @end: behind the last byte
 * @mode: enum csv_segment_mode
 * @state: enum csv_ext_state of the blocks
 * @addr: of @start on the volume's disk, ignored for CSV_EXT_HOLE
 * @seq: number of the grant
 *
 * Return: 0; -ENOSPC, with nothing changed, if the inode has too many segments
 * or there was no room; -EINVAL for an empty range or no node.
 */
int csv_segments_grant(struct csv_segments *set, u32 node, u64 start, u64 end,
		       u8 mode, u8 state, u64 addr, u64 seq)
{
	struct csv_segment piece[3], new = {
		.start = start,
		.end = end,
		.seq = seq,
		.node = node,
		.mode = mode,
		.written = state == CSV_EXT_WRITTEN,
		.addr = state == CSV_EXT_HOLE ? CSV_SEGMENT_NO_ADDR : addr,
	};
	unsigned int first, last, nr = 0;

	if (start >= end || !node || node == CSV_SEGMENT_ALL_NODES)
		return -EINVAL;

	first = csv_segments_index(set, node, start);
	last = first;
	while (csv_segments_within(set, last, node, end))
		last++;

	/* Left: what the first overlapped one leaves, else the neighbour. */
	if (first < last && set->seg[first].start < start)
		piece[nr++] = csv_segment_until(set->seg[first], start);
	else if (first > 0)
		piece[nr++] = set->seg[--first];
	if (nr && csv_segment_mergeable(&piece[0], &new)) {
		new.start = piece[0].start;
		new.addr = piece[0].addr;
		new.seq = max(new.seq, piece[0].seq);
		nr = 0;
	}
	piece[nr++] = new;

	/* Right, likewise. The last overlapped one may be the first one, too. */
	if (last > 0 && set->seg[last - 1].node == node && set->seg[last - 1].end > end)
		piece[nr++] = csv_segment_from(set->seg[last - 1], end);
	else if (last < set->nr)
		piece[nr++] = set->seg[last++];
	if (nr > 1 && piece[nr - 1].start == end &&
	    csv_segment_mergeable(&piece[nr - 2], &piece[nr - 1])) {
		piece[nr - 2].end = piece[nr - 1].end;
		piece[nr - 2].seq = max(piece[nr - 2].seq, piece[nr - 1].seq);
		nr--;
	}

	if (nr > last - first && set->nr - (last - first) + nr > CSV_SEGMENTS_MAX)
		return -ENOSPC;
	return csv_segments_splice(set, first, last, piece, nr);
}

/* What csv_segments_return() does for one node: all in the middle that is old enough goes. */
static int csv_segments_return_one(struct csv_segments *set, u32 node, u64 start, u64 end,
				   u64 seq)
{
	unsigned int first = csv_segments_index(set, node, start), to, i;
	struct csv_segment piece[2];

	for (i = first; csv_segments_within(set, i, node, end); i++) {
		const struct csv_segment *seg = &set->seg[i];

		if (seg->seq > seq || seg->start >= start || seg->end <= end)
			continue;
		/* the only one, from before to behind the range */
		piece[0] = csv_segment_until(*seg, start);
		piece[1] = csv_segment_from(*seg, end);
		return csv_segments_splice(set, i, i + 1, piece, 2);
	}
	for (to = first, i = first; csv_segments_within(set, i, node, end); i++) {
		struct csv_segment seg = set->seg[i];

		if (seg.seq <= seq && seg.start >= start && seg.end <= end)
			continue;
		if (seg.seq <= seq && seg.start < start)
			seg = csv_segment_until(seg, start);
		else if (seg.seq <= seq)
			seg = csv_segment_from(seg, end);
		set->seg[to++] = seg;
	}
	return csv_segments_splice(set, to, i, NULL, 0);
}

/* Segments that a return of a range for all nodes adds: one where one is cut in two. */
static unsigned int csv_segments_cuts(const struct csv_segments *set, u64 start, u64 end, u64 seq)
{
	unsigned int i, nr = 0;

	for (i = 0; i < set->nr; i++)
		nr += set->seg[i].start < start && set->seg[i].end > end && set->seg[i].seq <= seq;
	return nr;
}

/**
 * csv_segments_return() - a node no longer uses a range
 * @set: the set, with room for CSV_SEGMENTS_EXTRA more, or
 *	CSV_SEGMENTS_EXTRA_ALL for all nodes
 * @node: the node, or CSV_SEGMENT_ALL_NODES
 * @start: first byte
 * @end: behind the last byte
 * @seq: number of the newest grant that it had seen by then: what was granted since stays
 *
 * Return: 0, also if the node held nothing there; -ENOSPC, with nothing
 * changed, if there was no room.
 */
int csv_segments_return(struct csv_segments *set, u32 node, u64 start, u64 end, u64 seq)
{
	unsigned int index = 0;

	if (start >= end)
		return 0;
	if (node != CSV_SEGMENT_ALL_NODES)
		return csv_segments_return_one(set, node, start, end, seq);

	if (set->nr + csv_segments_cuts(set, start, end, seq) > set->cap)
		return -ENOSPC;
	while (index < set->nr) {
		node = set->seg[index].node;
		csv_segments_return_one(set, node, start, end, seq);
		index = csv_segments_index(set, node + 1, 0);
	}
	return 0;
}

/* Merges the segments from @first to @last with each other where possible. */
static void csv_segments_merge(struct csv_segments *set, unsigned int first, unsigned int last)
{
	unsigned int from, to = first;

	if (last <= first)
		return;
	for (from = first + 1; from <= last; from++) {
		struct csv_segment *left = &set->seg[to], *right = &set->seg[from];

		if (csv_segment_mergeable(left, right)) {
			left->end = right->end;
			left->seq = max(left->seq, right->seq);
		} else {
			set->seg[++to] = *right;
		}
	}
	memmove(set->seg + to + 1, set->seg + last + 1, (set->nr - last - 1) * sizeof(*set->seg));
	set->nr -= last - to;
}

/* Whether a commit changes the segment. */
static bool csv_segment_uncommitted(const struct csv_segment *seg)
{
	return seg->mode == CSV_SEGMENT_RW_EXCL && !seg->written &&
	       seg->addr != CSV_SEGMENT_NO_ADDR;
}

/* Whether a commit that starts or ends at @pos cuts a segment, and which one. */
static bool csv_segments_cut(const struct csv_segments *set, u32 node, u64 pos,
			     unsigned int *index)
{
	*index = csv_segments_index(set, node, pos);
	return csv_segments_within(set, *index, node, pos) &&
	       csv_segment_uncommitted(&set->seg[*index]);
}

static void csv_segments_split(struct csv_segments *set, u32 node, u64 pos)
{
	struct csv_segment piece[2];
	unsigned int index;

	if (!csv_segments_cut(set, node, pos, &index))
		return;
	piece[0] = csv_segment_until(set->seg[index], pos);
	piece[1] = csv_segment_from(set->seg[index], pos);
	csv_segments_splice(set, index, index + 1, piece, 2);
}

/**
 * csv_segments_commit() - a node has written a range that it held exclusively
 * @set: the set, with room for CSV_SEGMENTS_EXTRA more
 * @node: the node
 * @start: first byte
 * @end: behind the last byte
 *
 * What was exclusive and unwritten becomes shared and written.
 *
 * Return: 0; -ENOSPC, with nothing changed, if there was no room.
 */
int csv_segments_commit(struct csv_segments *set, u32 node, u64 start, u64 end)
{
	unsigned int first, last, cuts;

	if (start >= end)
		return 0;
	cuts = csv_segments_cut(set, node, start, &first) + csv_segments_cut(set, node, end, &last);
	if (set->nr + cuts > set->cap)
		return -ENOSPC;
	csv_segments_split(set, node, start);
	csv_segments_split(set, node, end);

	first = csv_segments_index(set, node, start);
	for (last = first; csv_segments_within(set, last, node, end); last++) {
		if (csv_segment_uncommitted(&set->seg[last])) {
			set->seg[last].mode = CSV_SEGMENT_RW_SHARED;
			set->seg[last].written = 1;
		}
	}
	if (first == last)
		return 0;
	if (first > 0)
		first--;
	csv_segments_merge(set, first, min(last, set->nr - 1));
	return 0;
}

/**
 * csv_segments_drop_node() - a node is gone, and with it all that it held
 * @set: the set
 * @node: the node
 */
void csv_segments_drop_node(struct csv_segments *set, u32 node)
{
	unsigned int first = csv_segments_index(set, node, 0);

	if (first < set->nr && set->seg[first].node == node)
		csv_segments_splice(set, first, csv_segments_next_node(set, first), NULL, 0);
}

/**
 * csv_segments_holds() - whether a node may use all of a range
 * @set: the set
 * @node: the node
 * @start: first byte
 * @end: behind the last byte
 * @need_write: whether it is to be written
 *
 * Return: true if all of the range was granted; false for an empty range.
 */
bool csv_segments_holds(const struct csv_segments *set, u32 node, u64 start, u64 end,
			bool need_write)
{
	unsigned int index = csv_segments_index(set, node, start);

	if (start >= end)
		return false;
	for (; csv_segments_within(set, index, node, end); index++) {
		const struct csv_segment *seg = &set->seg[index];

		if (seg->start > start || (need_write && seg->mode == CSV_SEGMENT_READ))
			return false;
		if (seg->end >= end)
			return true;
		start = seg->end;
	}
	return false;
}

/**
 * csv_segments_lookup() - the segment of a node at a position
 * @set: the set
 * @node: the node
 * @pos: the position
 * @seg: a copy of the segment, if there is one
 *
 * Return: whether there is one.
 */
bool csv_segments_lookup(const struct csv_segments *set, u32 node, u64 pos,
			 struct csv_segment *seg)
{
	return csv_segments_next(set, node, pos, seg) && seg->start <= pos;
}

/**
 * csv_segments_next() - the first segment of a node that ends behind a position
 * @set: the set
 * @node: the node
 * @pos: the position
 * @seg: a copy of the segment, if there is one
 *
 * Return: whether there is one.
 */
bool csv_segments_next(const struct csv_segments *set, u32 node, u64 pos, struct csv_segment *seg)
{
	unsigned int index = csv_segments_index(set, node, pos);

	if (index == set->nr || set->seg[index].node != node)
		return false;
	*seg = set->seg[index];
	return true;
}

/* Whether @seg of another node stands against a grant of @want over the same range. */
static bool csv_segment_conflicts(const struct csv_segment *seg, u8 want)
{
	if (want == CSV_SEGMENT_RW_EXCL || seg->mode == CSV_SEGMENT_RW_EXCL)
		return true;
	/* Shared writers write to written blocks: who still sees zeros there is stale. */
	return want == CSV_SEGMENT_RW_SHARED && seg->mode == CSV_SEGMENT_READ && !seg->written;
}

/**
 * csv_segments_conflict() - who must give something up before a grant
 * @set: the set
 * @node_asking: who is to get the range; what it holds itself does not count.
 *	0: the coordinator, to change the block map, which conflicts with
 *	everything that anybody holds
 * @start: first byte
 * @end: behind the last byte
 * @want: enum csv_segment_mode, of no meaning for the coordinator
 * @nodes: the ids of the nodes that hold something that conflicts, ascending
 *
 * Return: how many nodes that are.
 */
unsigned int csv_segments_conflict(const struct csv_segments *set, u32 node_asking, u64 start,
				   u64 end, u8 want, u32 nodes[CSV_NODES_MAX])
{
	unsigned int index = 0, nr = 0;

	if (start >= end)
		return 0;
	while (index < set->nr && nr < CSV_NODES_MAX) {
		u32 node = set->seg[index].node;
		unsigned int next = csv_segments_next_node(set, index);

		index = csv_segments_index(set, node, start);
		for (; node != node_asking && csv_segments_within(set, index, node, end); index++) {
			if (!node_asking || csv_segment_conflicts(&set->seg[index], want)) {
				nodes[nr++] = node;
				break;
			}
		}
		index = next;
	}
	return nr;
}
