/* SPDX-License-Identifier: GPL-2.0 */
/*
 * csvfs: the extents of one inode that a node may use without asking.
 *
 * Pure. Changes never allocate, since they are made under csv_inode.lock: the
 * caller first makes room for what they may need, two more extents each. As the
 * array of a map in use cannot be reallocated outside of the lock, that takes
 * two steps:
 *
 *	csv_extent_room_alloc(&room, csv_extent_map_goal(map, 2), GFP_NOFS);
 *	spin_lock(...);
 *	csv_extent_room_use(&room, map);
 *	err = csv_extent_map_insert(map, &ext);		-ENOSPC: try again
 *	spin_unlock(...);
 *	csv_extent_room_free(&room);
 *
 * csv_extent_map_reserve() is for who owns the map alone, or holds the lock and
 * allocates with GFP_NOWAIT.
 *
 * The map is a cache: a range that is missing costs another LAYOUT_GET and does
 * no harm. So what gives a range up never fails; without room for a split it
 * gives up a bit more.
 */
#ifndef CSV_EXTENT_H
#define CSV_EXTENT_H

#ifdef __KERNEL__
#include <linux/gfp_types.h>
#include <linux/types.h>
#else
#include "shim.h"
#endif

#define CSV_EXTENT_MAP_MAX	512

/**
 * struct csv_extent - a range of a file and what is known of it
 * @start: first byte
 * @end: behind the last byte
 * @addr: of @start on the volume's disk; 0 for CSV_EXT_HOLE
 * @state: enum csv_ext_state
 * @flags: CSV_EXT_RW, CSV_EXT_EXCL
 */
struct csv_extent {
	u64 start;
	u64 end;
	u64 addr;
	u8 state;
	u8 flags;
};

/**
 * struct csv_extent_map - sorted extents that do not overlap
 * @ext: the extents
 * @nr: how many there are
 * @cap: how many fit, at most CSV_EXTENT_MAP_MAX
 */
struct csv_extent_map {
	struct csv_extent *ext;
	unsigned int nr;
	unsigned int cap;
};

/**
 * struct csv_extent_room - an array on its way into, or out of, a map
 * @ext: the memory
 * @cap: extents that fit there
 */
struct csv_extent_room {
	struct csv_extent *ext;
	unsigned int cap;
};

void csv_extent_map_init(struct csv_extent_map *map);
void csv_extent_map_destroy(struct csv_extent_map *map);

int csv_extent_map_reserve(struct csv_extent_map *map, unsigned int extra, gfp_t gfp);
unsigned int csv_extent_map_goal(const struct csv_extent_map *map, unsigned int extra);
int csv_extent_room_alloc(struct csv_extent_room *room, unsigned int cap, gfp_t gfp);
void csv_extent_room_use(struct csv_extent_room *room, struct csv_extent_map *map);
void csv_extent_room_free(struct csv_extent_room *room);

int csv_extent_map_insert(struct csv_extent_map *map, const struct csv_extent *ext);
void csv_extent_map_remove(struct csv_extent_map *map, u64 start, u64 end);
void csv_extent_map_written(struct csv_extent_map *map, u64 start, u64 end);

const struct csv_extent *csv_extent_map_find(const struct csv_extent_map *map, u64 pos);
u64 csv_extent_map_covers(const struct csv_extent_map *map, u64 start, u64 end, bool write,
			  unsigned int max);

static inline bool csv_extent_map_empty(const struct csv_extent_map *map)
{
	return !map->nr;
}

/* The one that ends last, NULL in an empty map; valid until the map changes. */
static inline const struct csv_extent *csv_extent_map_last(const struct csv_extent_map *map)
{
	return map->nr ? &map->ext[map->nr - 1] : NULL;
}

/* @pos walks over the extents of @map, which must not change meanwhile. */
#define csv_extent_map_for_each(map, pos)				\
	for ((pos) = (map)->ext; (pos) < (map)->ext + (map)->nr; (pos)++)

#endif /* CSV_EXTENT_H */
