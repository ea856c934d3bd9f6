// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs: extent map of one inode, see extent.h.
 *
 * Every change replaces a run of extents by up to three others: what is left of
 * the first, something new, and what is left of the last.
 */
#ifdef __KERNEL__
#include <linux/errno.h>
#include <linux/minmax.h>
#include <linux/slab.h>
#include <linux/string.h>
#endif
#include "extent.h"
#include "../wire/wire.h"

#define CSV_EXTENT_MAP_MIN	8

/**
 * csv_extent_map_init() - make an empty map
 * @map: the map
 */
void csv_extent_map_init(struct csv_extent_map *map)
{
	*map = (struct csv_extent_map){ };
}

/**
 * csv_extent_map_destroy() - free what a map holds, and leave it empty
 * @map: the map, no longer used by anybody else
 */
void csv_extent_map_destroy(struct csv_extent_map *map)
{
	kfree(map->ext);
	csv_extent_map_init(map);
}

/**
 * csv_extent_map_goal() - how large an array to allocate
 * @map: the map; the answer is a hint if it may change meanwhile
 * @extra: extents that will be added
 *
 * Return: 0 if there is room already or can be no more, else the capacity for
 * csv_extent_room_alloc().
 */
unsigned int csv_extent_map_goal(const struct csv_extent_map *map, unsigned int extra)
{
	unsigned int cap = map->cap, need;

	need = min(map->nr + min_t(unsigned int, extra, CSV_EXTENT_MAP_MAX),
		   CSV_EXTENT_MAP_MAX);
	if (need <= cap)
		return 0;
	return clamp_t(unsigned int, max(need, 2 * cap), CSV_EXTENT_MAP_MIN, CSV_EXTENT_MAP_MAX);
}

/**
 * csv_extent_room_alloc() - allocate an array for csv_extent_room_use()
 * @room: set in any case
 * @cap: from csv_extent_map_goal(); 0 allocates nothing
 * @gfp: how to allocate
 *
 * Return: 0 or -ENOMEM.
 */
int csv_extent_room_alloc(struct csv_extent_room *room, unsigned int cap, gfp_t gfp)
{
	*room = (struct csv_extent_room){ };
	if (!cap)
		return 0;
	room->ext = kmalloc_array(cap, sizeof(*room->ext), gfp);
	if (!room->ext)
		return -ENOMEM;
	room->cap = cap;
	return 0;
}

/**
 * csv_extent_room_use() - move a map into a larger array
 * @room: the array; afterwards the one that was replaced. Nothing happens if it
 *	is no larger than the map's
 * @map: the map, locked
 */
void csv_extent_room_use(struct csv_extent_room *room, struct csv_extent_map *map)
{
	struct csv_extent_room old = { .ext = map->ext, .cap = map->cap };

	if (room->cap <= map->cap)
		return;
	if (map->nr)
		memcpy(room->ext, map->ext, map->nr * sizeof(*map->ext));
	map->ext = room->ext;
	map->cap = room->cap;
	*room = old;
}

/**
 * csv_extent_room_free() - free what csv_extent_room_use() has left
 * @room: the array
 */
void csv_extent_room_free(struct csv_extent_room *room)
{
	kfree(room->ext);
	*room = (struct csv_extent_room){ };
}

/**
 * csv_extent_map_reserve() - make room in a map that nobody else changes or reads
 * @map: the map
 * @extra: extents that will be added: two for each change
 * @gfp: how to allocate
 *
 * Return: 0 if there is room for @extra more, or as much as there ever will be;
 * else -ENOMEM.
 */
int csv_extent_map_reserve(struct csv_extent_map *map, unsigned int extra, gfp_t gfp)
{
	struct csv_extent_room room;
	int err;

	err = csv_extent_room_alloc(&room, csv_extent_map_goal(map, extra), gfp);
	if (err)
		return err;
	csv_extent_room_use(&room, map);
	csv_extent_room_free(&room);
	return 0;
}

/* Index of the first extent that ends behind @pos. */
static unsigned int csv_extent_map_index(const struct csv_extent_map *map, u64 pos)
{
	unsigned int low = 0, high = map->nr;

	while (low < high) {
		unsigned int mid = (low + high) / 2;

		if (map->ext[mid].end <= pos)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* @ext without what is before @start. */
static struct csv_extent csv_extent_from(struct csv_extent ext, u64 start)
{
	if (ext.state != CSV_EXT_HOLE)
		ext.addr += start - ext.start;
	ext.start = start;
	return ext;
}

/* @ext without what is behind @end. */
static struct csv_extent csv_extent_until(struct csv_extent ext, u64 end)
{
	ext.end = end;
	return ext;
}

static bool csv_extent_mergeable(const struct csv_extent *left, const struct csv_extent *right)
{
	return left->end == right->start &&
	       left->state == right->state && left->flags == right->flags &&
	       (left->state == CSV_EXT_HOLE ||
		left->addr + (left->end - left->start) == right->addr);
}

/* Replaces the extents from @first to before @last by @nr others. */
static int csv_extent_map_splice(struct csv_extent_map *map, unsigned int first,
				 unsigned int last, const struct csv_extent *ext, unsigned int nr)
{
	unsigned int total = map->nr - (last - first) + nr;

	if (total > map->cap)
		return -ENOSPC;
	if (last - first != nr)
		memmove(map->ext + first + nr, map->ext + last,
			(map->nr - last) * sizeof(*ext));
	memcpy(map->ext + first, ext, nr * sizeof(*ext));
	map->nr = total;
	return 0;
}

/**
 * csv_extent_map_insert() - add an extent in place of all that it overlaps
 * @map: the map; at most two more extents are needed
 * @ext: what to add; merged with its neighbours where it continues them
 *
 * Return: 0; -ENOSPC if there is no room, the map is as it was then; -EINVAL if
 * @ext is empty.
 */
int csv_extent_map_insert(struct csv_extent_map *map, const struct csv_extent *ext)
{
	struct csv_extent piece[3], new = *ext;
	unsigned int first, last, nr = 0;

	if (new.start >= new.end)
		return -EINVAL;
	if (new.state == CSV_EXT_HOLE)
		new.addr = 0;

	first = csv_extent_map_index(map, new.start);
	last = first;
	while (last < map->nr && map->ext[last].start < new.end)
		last++;

	/* Left: what the first overlapped one leaves, else the neighbour. */
	if (first < last && map->ext[first].start < new.start)
		piece[nr++] = csv_extent_until(map->ext[first], new.start);
	else if (first > 0)
		piece[nr++] = map->ext[--first];
	if (nr && csv_extent_mergeable(&piece[0], &new)) {
		new.start = piece[0].start;
		new.addr = piece[0].addr;
		nr = 0;
	}
	piece[nr++] = new;

	/* Right, likewise. The last overlapped one may be the first one, too. */
	if (last > 0 && map->ext[last - 1].end > new.end)
		piece[nr++] = csv_extent_from(map->ext[last - 1], new.end);
	else if (last < map->nr)
		piece[nr++] = map->ext[last++];
	if (nr > 1 && piece[nr - 1].start == new.end &&
	    csv_extent_mergeable(&piece[nr - 2], &piece[nr - 1])) {
		piece[nr - 2].end = piece[nr - 1].end;
		nr--;
	}
	return csv_extent_map_splice(map, first, last, piece, nr);
}

/**
 * csv_extent_map_remove() - forget a range
 * @map: the map; one more extent may be needed, and without room for it the
 *	shorter one of two remaining parts is forgotten, too
 * @start: first byte
 * @end: behind the last byte
 */
void csv_extent_map_remove(struct csv_extent_map *map, u64 start, u64 end)
{
	struct csv_extent piece[2];
	unsigned int first, last, nr = 0;

	if (start >= end)
		return;
	first = csv_extent_map_index(map, start);
	last = first;
	while (last < map->nr && map->ext[last].start < end)
		last++;
	if (first == last)
		return;

	if (map->ext[first].start < start)
		piece[nr++] = csv_extent_until(map->ext[first], start);
	if (map->ext[last - 1].end > end)
		piece[nr++] = csv_extent_from(map->ext[last - 1], end);
	if (!csv_extent_map_splice(map, first, last, piece, nr))
		return;
	if (piece[1].end - piece[1].start > piece[0].end - piece[0].start)
		piece[0] = piece[1];
	csv_extent_map_splice(map, first, last, piece, 1);
}

/*
 * Makes @pos a border if it is inside of an extent. Without room, the part that
 * is not wanted goes: the one before @pos if @keep_right, else the one behind.
 */
static void csv_extent_map_split(struct csv_extent_map *map, u64 pos, bool keep_right)
{
	unsigned int index = csv_extent_map_index(map, pos);
	struct csv_extent piece[2];

	if (index == map->nr || map->ext[index].start >= pos)
		return;
	piece[0] = csv_extent_until(map->ext[index], pos);
	piece[1] = csv_extent_from(map->ext[index], pos);
	if (csv_extent_map_splice(map, index, index + 1, piece, 2))
		map->ext[index] = piece[keep_right];
}

/* Merges the extents from @first to @last with each other where possible. */
static void csv_extent_map_merge(struct csv_extent_map *map, unsigned int first, unsigned int last)
{
	unsigned int from, to = first;

	if (last <= first)
		return;
	for (from = first + 1; from <= last; from++) {
		if (csv_extent_mergeable(&map->ext[to], &map->ext[from]))
			map->ext[to].end = map->ext[from].end;
		else
			map->ext[++to] = map->ext[from];
	}
	memmove(map->ext + to + 1, map->ext + last + 1,
		(map->nr - last - 1) * sizeof(*map->ext));
	map->nr -= last - to;
}

/**
 * csv_extent_map_written() - a range was committed as written
 * @map: the map; two more extents may be needed, and without room for them the
 *	parts of extents that reach out of the range are forgotten
 * @start: first byte
 * @end: behind the last byte
 *
 * Unwritten extents become written, and nothing there is exclusive any more.
 */
void csv_extent_map_written(struct csv_extent_map *map, u64 start, u64 end)
{
	unsigned int first, last;

	if (start >= end)
		return;
	csv_extent_map_split(map, start, true);
	csv_extent_map_split(map, end, false);

	first = csv_extent_map_index(map, start);
	for (last = first; last < map->nr && map->ext[last].start < end; last++) {
		if (map->ext[last].state == CSV_EXT_UNWRITTEN)
			map->ext[last].state = CSV_EXT_WRITTEN;
		map->ext[last].flags &= ~CSV_EXT_EXCL;
	}
	if (first == last)
		return;
	if (first > 0)
		first--;
	csv_extent_map_merge(map, first, min(last, map->nr - 1));
}

/**
 * csv_extent_map_find() - the extent at a position
 * @map: the map
 * @pos: the position
 *
 * Return: the extent, valid until the map changes, or NULL.
 */
const struct csv_extent *csv_extent_map_find(const struct csv_extent_map *map, u64 pos)
{
	unsigned int index = csv_extent_map_index(map, pos);

	if (index == map->nr || map->ext[index].start > pos)
		return NULL;
	return &map->ext[index];
}

/**
 * csv_extent_map_covers() - how much from a position on may be used
 * @map: the map
 * @start: the position
 * @end: where interest ends
 * @write: whether to write there: then only extents with CSV_EXT_RW count
 * @max: extents that may be used, at least 1
 *
 * Return: bytes from @start that are covered without a gap, at most up to @end.
 */
u64 csv_extent_map_covers(const struct csv_extent_map *map, u64 start, u64 end, bool write,
			  unsigned int max)
{
	unsigned int index = csv_extent_map_index(map, start);
	u64 pos = start;

	for (; pos < end && index < map->nr && max; index++, max--) {
		const struct csv_extent *ext = &map->ext[index];

		if (ext->start > pos || (write && !(ext->flags & CSV_EXT_RW)))
			break;
		pos = min(ext->end, end);
	}
	return pos - start;
}
