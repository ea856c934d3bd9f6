// SPDX-License-Identifier: GPL-2.0
/* Extent map of a node (route/extent.c). */
// sources: ../../kernel/route/extent.c
#include "test.h"
#include "../../kernel/wire/wire.h"
#include "../../kernel/route/extent.h"

#define EXTENT_BLOCKS	96
#define EXTENT_ANY	CSV_EXTENT_MAP_MAX
#define EXTENT_BS	4096ull

#define HOLE		CSV_EXT_HOLE
#define UNW		CSV_EXT_UNWRITTEN
#define WRI		CSV_EXT_WRITTEN
#define RW		CSV_EXT_RW
#define EXCL		CSV_EXT_EXCL

/* What a map says about one block. */
struct extent_block {
	bool there;
	u8 state;
	u8 flags;
	u64 addr;
};

static struct extent_block extent_model[EXTENT_BLOCKS];

static void extent_check_sane(struct csv_test *test, const struct csv_extent_map *map)
{
	unsigned int i;

	CSV_ASSERT_TRUE(map->nr <= map->cap && map->cap <= CSV_EXTENT_MAP_MAX);
	CSV_ASSERT_EQ(csv_extent_map_empty(map), !map->nr);
	for (i = 0; i < map->nr; i++) {
		const struct csv_extent *ext = &map->ext[i], *prev = ext - 1;

		CSV_ASSERT_TRUE(ext->start < ext->end);
		CSV_ASSERT_TRUE(ext->state != HOLE || !ext->addr);
		if (!i)
			continue;
		CSV_ASSERT_TRUE(prev->end <= ext->start);
		/* Merged as far as possible. */
		CSV_ASSERT_TRUE(prev->end < ext->start || prev->state != ext->state ||
				prev->flags != ext->flags ||
				(ext->state != HOLE &&
				 prev->addr + prev->end - prev->start != ext->addr));
	}
}

/* The map is exactly the model. */
static void extent_check_model(struct csv_test *test, const struct csv_extent_map *map)
{
	const struct csv_extent *ext;
	unsigned int i;

	extent_check_sane(test, map);
	for (i = 0; i < EXTENT_BLOCKS; i++) {
		const struct extent_block *block = &extent_model[i];
		u64 pos = i * EXTENT_BS + (i & 1 ? EXTENT_BS - 1 : 0);

		ext = csv_extent_map_find(map, pos);
		CSV_ASSERT_EQ(!!ext, block->there);
		if (!ext)
			continue;
		CSV_ASSERT_TRUE(ext->start <= pos && pos < ext->end);
		CSV_ASSERT_EQ(ext->state, block->state);
		CSV_ASSERT_EQ(ext->flags, block->flags);
		if (ext->state != HOLE)
			CSV_ASSERT_EQ(ext->addr + (i * EXTENT_BS - ext->start), block->addr);
	}
	CSV_ASSERT_TRUE(!csv_extent_map_find(map, EXTENT_BLOCKS * EXTENT_BS));
	CSV_ASSERT_TRUE(!csv_extent_map_find(map, U64_MAX));
}

static u64 extent_model_covers(unsigned int start, unsigned int end, bool write)
{
	unsigned int i = start;

	while (i < end && extent_model[i].there && (!write || (extent_model[i].flags & RW)))
		i++;
	return (i - start) * EXTENT_BS;
}

static void extent_model_range(u64 *rnd, unsigned int *start, unsigned int *end)
{
	unsigned int len = csv_test_below(rnd, 8) ? 12 : EXTENT_BLOCKS;

	*start = csv_test_below(rnd, EXTENT_BLOCKS);
	*end = *start + 1 + csv_test_below(rnd, len);
	if (*end > EXTENT_BLOCKS)
		*end = EXTENT_BLOCKS;
}

static void extent_model_step(struct csv_test *test, struct csv_extent_map *map, u64 *rnd)
{
	unsigned int start, end, i, what = csv_test_below(rnd, 10);
	struct csv_extent ext;

	extent_model_range(rnd, &start, &end);
	CSV_ASSERT_EQ(csv_extent_map_reserve(map, 2, GFP_KERNEL), 0);
	if (what < 6) {
		ext.start = start * EXTENT_BS;
		ext.end = end * EXTENT_BS;
		ext.state = csv_test_below(rnd, 3);
		ext.flags = csv_test_below(rnd, 4);
		/* Mostly one of two linear maps, so that neighbours continue each other. */
		ext.addr = ext.start + (1 + csv_test_below(rnd, 2)) * (1ull << 40);
		if (!csv_test_below(rnd, 4))
			ext.addr = csv_test_random(rnd) >> 8 << 9;
		CSV_ASSERT_EQ(csv_extent_map_insert(map, &ext), 0);
		for (i = start; i < end; i++)
			extent_model[i] = (struct extent_block){
				true, ext.state, ext.flags,
				ext.addr + (i - start) * EXTENT_BS };
	} else if (what < 8) {
		csv_extent_map_remove(map, start * EXTENT_BS, end * EXTENT_BS);
		for (i = start; i < end; i++)
			extent_model[i].there = false;
	} else {
		csv_extent_map_written(map, start * EXTENT_BS, end * EXTENT_BS);
		for (i = start; i < end; i++) {
			extent_model[i].flags &= ~EXCL;
			if (extent_model[i].state == UNW)
				extent_model[i].state = WRI;
		}
	}
	extent_check_model(test, map);

	extent_model_range(rnd, &start, &end);
	for (i = 0; i < 2; i++)
		CSV_ASSERT_EQ(csv_extent_map_covers(map, start * EXTENT_BS, end * EXTENT_BS, i,
						    EXTENT_ANY),
			      extent_model_covers(start, end, i));
}

CSV_TEST(extent_test_model)
{
	u64 rnd = CSV_TEST_SEED();
	struct csv_extent_map map;
	unsigned int i;

	csv_extent_map_init(&map);
	memset(extent_model, 0, sizeof(extent_model));
	for (i = 0; i < CSV_TEST_ROUNDS(20000); i++)
		extent_model_step(test, &map, &rnd);
	csv_extent_map_destroy(&map);
	CSV_EXPECT_TRUE(csv_extent_map_empty(&map) && !map.cap);
}

/* One change of a small map, and what comes out. */
struct extent_case {
	const char *what;
	struct csv_extent before[3];
	char op;		/* 'i'nsert, 'r'emove, 'w'ritten */
	struct csv_extent arg;
	struct csv_extent after[5];
};

static const struct extent_case extent_cases[] = {
	{ "first", { }, 'i', { 10, 20, 100, WRI, RW }, { { 10, 20, 100, WRI, RW } } },
	{ "a hole has no address", { }, 'i', { 10, 20, 100, HOLE, 0 }, { { 10, 20, 0, HOLE, 0 } } },
	{ "continues the left one", { { 0, 10, 100, WRI, 0 } }, 'i', { 10, 20, 110, WRI, 0 },
	  { { 0, 20, 100, WRI, 0 } } },
	{ "continues the right one", { { 20, 30, 120, WRI, 0 } }, 'i', { 10, 20, 110, WRI, 0 },
	  { { 10, 30, 110, WRI, 0 } } },
	{ "closes a gap", { { 0, 10, 100, WRI, 0 }, { 20, 30, 120, WRI, 0 } },
	  'i', { 10, 20, 110, WRI, 0 }, { { 0, 30, 100, WRI, 0 } } },
	{ "holes need no address", { { 0, 10, 0, HOLE, 0 }, { 20, 30, 0, HOLE, 0 } },
	  'i', { 10, 20, 7, HOLE, 0 }, { { 0, 30, 0, HOLE, 0 } } },
	{ "other address", { { 0, 10, 100, WRI, 0 } }, 'i', { 10, 20, 111, WRI, 0 },
	  { { 0, 10, 100, WRI, 0 }, { 10, 20, 111, WRI, 0 } } },
	{ "other flags", { { 0, 10, 100, WRI, 0 } }, 'i', { 10, 20, 110, WRI, RW },
	  { { 0, 10, 100, WRI, 0 }, { 10, 20, 110, WRI, RW } } },
	{ "into the middle", { { 0, 30, 100, WRI, 0 } }, 'i', { 10, 20, 500, UNW, RW },
	  { { 0, 10, 100, WRI, 0 }, { 10, 20, 500, UNW, RW }, { 20, 30, 120, WRI, 0 } } },
	{ "the same again", { { 0, 30, 100, WRI, 0 } }, 'i', { 10, 20, 110, WRI, 0 },
	  { { 0, 30, 100, WRI, 0 } } },
	{ "over all", { { 5, 10, 100, WRI, 0 }, { 10, 15, 0, HOLE, 0 }, { 18, 19, 7, UNW, RW } },
	  'i', { 0, 20, 500, WRI, RW }, { { 0, 20, 500, WRI, RW } } },
	{ "over two ends", { { 0, 10, 100, WRI, 0 }, { 12, 20, 200, UNW, 0 } },
	  'i', { 5, 15, 500, WRI, RW },
	  { { 0, 5, 100, WRI, 0 }, { 5, 15, 500, WRI, RW }, { 15, 20, 203, UNW, 0 } } },
	{ "remove from nothing", { }, 'r', { 0, U64_MAX }, { } },
	{ "remove nothing", { { 0, 10, 100, WRI, 0 } }, 'r', { 5, 5 },
	  { { 0, 10, 100, WRI, 0 } } },
	{ "remove beside", { { 10, 20, 100, WRI, 0 } }, 'r', { 0, 10 },
	  { { 10, 20, 100, WRI, 0 } } },
	{ "remove the start", { { 10, 20, 100, WRI, 0 } }, 'r', { 0, 15 },
	  { { 15, 20, 105, WRI, 0 } } },
	{ "remove the end", { { 10, 20, 100, WRI, 0 } }, 'r', { 15, 99 },
	  { { 10, 15, 100, WRI, 0 } } },
	{ "remove the middle", { { 10, 20, 100, WRI, 0 } }, 'r', { 12, 15 },
	  { { 10, 12, 100, WRI, 0 }, { 15, 20, 105, WRI, 0 } } },
	{ "remove all", { { 10, 20, 100, WRI, 0 }, { 30, 40, 0, HOLE, 0 } }, 'r', { 0, U64_MAX },
	  { } },
	{ "written, all", { { 10, 20, 100, UNW, RW | EXCL } }, 'w', { 0, 99 },
	  { { 10, 20, 100, WRI, RW } } },
	{ "written, the middle", { { 0, 30, 100, UNW, RW | EXCL } }, 'w', { 10, 20 },
	  { { 0, 10, 100, UNW, RW | EXCL }, { 10, 20, 110, WRI, RW },
	    { 20, 30, 120, UNW, RW | EXCL } } },
	{ "written, joins both", { { 0, 10, 100, WRI, RW }, { 10, 20, 110, UNW, RW | EXCL },
				   { 20, 30, 120, WRI, RW } }, 'w', { 10, 20 },
	  { { 0, 30, 100, WRI, RW } } },
	{ "written, only loses EXCL", { { 0, 10, 100, WRI, RW | EXCL }, { 10, 20, 0, HOLE, EXCL } },
	  'w', { 0, 15 }, { { 0, 10, 100, WRI, RW }, { 10, 15, 0, HOLE, 0 },
			    { 15, 20, 0, HOLE, EXCL } } },
	{ "written, nothing there", { { 20, 30, 100, UNW, 0 } }, 'w', { 10, 20 },
	  { { 20, 30, 100, UNW, 0 } } },
};

static bool extent_same(const struct csv_extent *a, const struct csv_extent *b)
{
	return a->start == b->start && a->end == b->end && a->addr == b->addr &&
	       a->state == b->state && a->flags == b->flags;
}

CSV_TEST(extent_test_cases)
{
	struct csv_extent_map map;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(extent_cases); i++) {
		const struct extent_case *c = &extent_cases[i];

		csv_extent_map_init(&map);
		CSV_ASSERT_EQ(csv_extent_map_reserve(&map, 5, GFP_KERNEL), 0);
		for (j = 0; j < ARRAY_SIZE(c->before) && c->before[j].end; j++)
			CSV_ASSERT_EQ(csv_extent_map_insert(&map, &c->before[j]), 0);
		CSV_ASSERT_EQ(map.nr, j);
		if (c->op == 'i')
			CSV_EXPECT_EQ(csv_extent_map_insert(&map, &c->arg), 0);
		else if (c->op == 'r')
			csv_extent_map_remove(&map, c->arg.start, c->arg.end);
		else
			csv_extent_map_written(&map, c->arg.start, c->arg.end);
		extent_check_sane(test, &map);
		for (j = 0; j < ARRAY_SIZE(c->after) && c->after[j].end; j++)
			CSV_ASSERT_TRUE(j < map.nr && extent_same(&map.ext[j], &c->after[j]));
		CSV_ASSERT_EQ(map.nr, j);
		csv_extent_map_destroy(&map);
	}
}

CSV_TEST(extent_test_empty)
{
	struct csv_extent_map map;
	struct csv_extent ext = { .start = 5, .end = 5 };

	csv_extent_map_init(&map);
	CSV_EXPECT_EQ(csv_extent_map_insert(&map, &ext), -EINVAL);
	ext.end = 4;
	CSV_EXPECT_EQ(csv_extent_map_insert(&map, &ext), -EINVAL);
	ext.end = 6;
	CSV_EXPECT_EQ(csv_extent_map_insert(&map, &ext), -ENOSPC);
	csv_extent_map_remove(&map, 0, U64_MAX);
	csv_extent_map_written(&map, 0, U64_MAX);
	CSV_EXPECT_TRUE(!csv_extent_map_find(&map, 0));
	CSV_EXPECT_EQ(csv_extent_map_covers(&map, 0, U64_MAX, false, EXTENT_ANY), 0ull);
	CSV_EXPECT_TRUE(csv_extent_map_empty(&map));
	csv_extent_map_destroy(&map);
}

CSV_TEST(extent_test_covers)
{
	static const struct csv_extent ext[] = {
		{ 0, 10, 100, WRI, RW }, { 10, 20, 500, WRI, 0 }, { 20, 30, 0, HOLE, 0 },
		{ 40, U64_MAX, 1000, UNW, RW },
	};
	struct csv_extent_map map;
	unsigned int i, nr = 0;
	const struct csv_extent *each;

	csv_extent_map_init(&map);
	CSV_ASSERT_EQ(csv_extent_map_reserve(&map, 8, GFP_KERNEL), 0);
	for (i = ARRAY_SIZE(ext); i; i--)
		CSV_ASSERT_EQ(csv_extent_map_insert(&map, &ext[i - 1]), 0);
	csv_extent_map_for_each(&map, each)
		CSV_EXPECT_TRUE(extent_same(each, &ext[nr++]));
	CSV_EXPECT_EQ(nr, 4u);
	CSV_EXPECT_EQ(csv_extent_map_covers(&map, 0, 100, false, EXTENT_ANY), 30ull);
	CSV_EXPECT_EQ(csv_extent_map_covers(&map, 0, 100, true, EXTENT_ANY), 10ull);
	CSV_EXPECT_EQ(csv_extent_map_covers(&map, 5, 25, false, EXTENT_ANY), 20ull);
	CSV_EXPECT_EQ(csv_extent_map_covers(&map, 5, 25, false, 1), 5ull);
	CSV_EXPECT_EQ(csv_extent_map_covers(&map, 5, 5, false, EXTENT_ANY), 0ull);
	CSV_EXPECT_EQ(csv_extent_map_covers(&map, 10, 20, true, EXTENT_ANY), 0ull);
	CSV_EXPECT_EQ(csv_extent_map_covers(&map, 30, 50, false, EXTENT_ANY), 0ull);
	CSV_EXPECT_EQ(csv_extent_map_covers(&map, 40, U64_MAX, true, EXTENT_ANY), U64_MAX - 40);
	csv_extent_map_destroy(&map);
}

/* A map of CSV_EXTENT_MAP_MAX extents of 4 that nothing merges, 10 apart. */
static void extent_fill(struct csv_test *test, struct csv_extent_map *map)
{
	struct csv_extent ext = { .state = UNW, .flags = RW | EXCL };
	unsigned int i;

	csv_extent_map_init(map);
	for (i = 0; i < CSV_EXTENT_MAP_MAX; i++) {
		ext.start = 10 * i;
		ext.end = ext.start + 8;
		ext.addr = 1000 + ext.start;
		CSV_ASSERT_EQ(csv_extent_map_reserve(map, 2, GFP_KERNEL), 0);
		CSV_ASSERT_EQ(csv_extent_map_insert(map, &ext), 0);
	}
	CSV_ASSERT_EQ(map->nr, CSV_EXTENT_MAP_MAX + 0u);
	CSV_ASSERT_EQ(map->cap, CSV_EXTENT_MAP_MAX + 0u);
	extent_check_sane(test, map);
}

CSV_TEST(extent_test_full)
{
	struct csv_extent ext = { 8, 9, 5, WRI, 0 };
	struct csv_extent_map map;

	extent_fill(test, &map);
	CSV_EXPECT_EQ(csv_extent_map_goal(&map, 2), 0u);
	CSV_EXPECT_EQ(csv_extent_map_reserve(&map, 100000, GFP_KERNEL), 0);

	/* One more, or a split, does not fit; nothing changes. */
	CSV_EXPECT_EQ(csv_extent_map_insert(&map, &ext), -ENOSPC);
	ext = (struct csv_extent){ 2, 4, 5, WRI, 0 };
	CSV_EXPECT_EQ(csv_extent_map_insert(&map, &ext), -ENOSPC);
	CSV_EXPECT_TRUE(extent_same(&map.ext[0],
				    &(struct csv_extent){ 0, 8, 1000, UNW, RW | EXCL }));
	CSV_EXPECT_EQ(map.nr, CSV_EXTENT_MAP_MAX + 0u);

	/* What replaces or joins, does. */
	ext = (struct csv_extent){ 10, 18, 5, WRI, 0 };
	CSV_EXPECT_EQ(csv_extent_map_insert(&map, &ext), 0);
	ext = (struct csv_extent){ 18, 20, 13, WRI, 0 };
	CSV_EXPECT_EQ(csv_extent_map_insert(&map, &ext), 0);
	CSV_EXPECT_TRUE(extent_same(&map.ext[1], &(struct csv_extent){ 10, 20, 5, WRI, 0 }));
	CSV_EXPECT_EQ(map.nr, CSV_EXTENT_MAP_MAX + 0u);

	/* Giving up never fails, and then gives up more: the shorter part. */
	csv_extent_map_remove(&map, 22, 23);
	CSV_EXPECT_TRUE(extent_same(&map.ext[2],
				    &(struct csv_extent){ 23, 28, 1023, UNW, RW | EXCL }));
	csv_extent_map_remove(&map, 35, 36);
	CSV_EXPECT_TRUE(extent_same(&map.ext[3],
				    &(struct csv_extent){ 30, 35, 1030, UNW, RW | EXCL }));
	csv_extent_map_written(&map, 42, 44);
	CSV_EXPECT_TRUE(extent_same(&map.ext[4], &(struct csv_extent){ 42, 44, 1042, WRI, RW }));
	CSV_EXPECT_EQ(map.nr, CSV_EXTENT_MAP_MAX + 0u);
	extent_check_sane(test, &map);

	/* With one slot free the end is split off, with two nothing is lost. */
	csv_extent_map_remove(&map, 500, 520);
	csv_extent_map_written(&map, 62, 64);
	CSV_EXPECT_EQ(map.nr, CSV_EXTENT_MAP_MAX + 0u);
	CSV_EXPECT_EQ(csv_extent_map_covers(&map, 60, 68, true, EXTENT_ANY), 8ull);
	extent_check_sane(test, &map);
	csv_extent_map_destroy(&map);
}

/* Growing in two steps, as it is done around a spinlock. */
CSV_TEST(extent_test_room)
{
	struct csv_extent ext = { 0, 8, 100, WRI, RW };
	struct csv_extent_map map;
	struct csv_extent_room room;
	unsigned int i, cap;

	csv_extent_map_init(&map);
	for (i = 0; i < 100; i++) {
		cap = csv_extent_map_goal(&map, 2);
		CSV_ASSERT_EQ(csv_extent_room_alloc(&room, cap, GFP_KERNEL), 0);
		csv_extent_room_use(&room, &map);
		CSV_ASSERT_TRUE(map.cap >= map.nr + 2);
		CSV_ASSERT_EQ(csv_extent_map_insert(&map, &ext), 0);
		csv_extent_room_free(&room);
		ext.start += 10;
		ext.end += 10;
	}
	CSV_EXPECT_EQ(map.nr, 100u);
	for (i = 0; i < 100; i++)
		CSV_ASSERT_TRUE(csv_extent_map_find(&map, 10 * i + 7));
	extent_check_sane(test, &map);

	/* Somebody else was faster: the larger array stays. */
	cap = map.cap;
	CSV_ASSERT_EQ(csv_extent_room_alloc(&room, 8, GFP_KERNEL), 0);
	csv_extent_room_use(&room, &map);
	CSV_EXPECT_EQ(map.cap, cap);
	CSV_EXPECT_EQ(room.cap, 8u);
	csv_extent_room_free(&room);
	CSV_EXPECT_TRUE(csv_extent_map_goal(&map, 100000) == CSV_EXTENT_MAP_MAX);
	csv_extent_map_destroy(&map);
}

#undef HOLE
#undef UNW
#undef WRI
#undef RW
#undef EXCL

CSV_SUITE(extent,
	  CSV_CASE(extent_test_model),
	  CSV_CASE(extent_test_cases),
	  CSV_CASE(extent_test_empty),
	  CSV_CASE(extent_test_covers),
	  CSV_CASE(extent_test_full),
	  CSV_CASE(extent_test_room));
