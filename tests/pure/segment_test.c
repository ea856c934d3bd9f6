// SPDX-License-Identifier: GPL-2.0
/* Granted segments of an inode (service/segment.c). */
// sources: ../../kernel/service/segment.c
#include "test.h"
#include "../../kernel/wire/wire.h"
#include "../../kernel/service/segment.h"

#define SEGMENT_BLOCKS	64
#define SEGMENT_BS	4096ull
#define SEGMENT_NODES	5	/* ids 1 ... 5 in the model */
#define SEGMENT_FOREVER	U64_MAX

#define READ_		CSV_SEGMENT_READ
#define SHARED		CSV_SEGMENT_RW_SHARED
#define EXCL		CSV_SEGMENT_RW_EXCL
#define HOLE		CSV_EXT_HOLE
#define UNW		CSV_EXT_UNWRITTEN
#define WRI		CSV_EXT_WRITTEN

/* What one node holds of one block. */
struct segment_block {
	bool held;
	u8 mode;
	u8 state;
	u64 addr;
};

static struct segment_block segment_model[SEGMENT_NODES + 1][SEGMENT_BLOCKS];
static u32 segment_nodes[CSV_NODES_MAX];

static void segment_check_sane(struct csv_test *test, const struct csv_segments *set)
{
	unsigned int i;

	CSV_ASSERT_TRUE(set->nr <= set->cap && set->cap <= CSV_SEGMENTS_LIMIT);
	CSV_ASSERT_EQ(csv_segments_count(set), set->nr);
	for (i = 0; i < set->nr; i++) {
		const struct csv_segment *seg = &set->seg[i], *prev = seg - 1;

		CSV_ASSERT_TRUE(seg->start < seg->end && seg->node);
		if (!i || prev->node < seg->node)
			continue;
		CSV_ASSERT_EQ(prev->node, seg->node);
		CSV_ASSERT_TRUE(prev->end <= seg->start);
	}
}

static void segment_check_model(struct csv_test *test, const struct csv_segments *set)
{
	struct csv_segment seg;
	unsigned int node, i;

	segment_check_sane(test, set);
	for (node = 1; node <= SEGMENT_NODES; node++) {
		for (i = 0; i < SEGMENT_BLOCKS; i++) {
			const struct segment_block *block = &segment_model[node][i];
			u64 pos = i * SEGMENT_BS + (i & 1 ? SEGMENT_BS - 1 : 0);

			CSV_ASSERT_EQ(csv_segments_lookup(set, node, pos, &seg), block->held);
			if (!block->held)
				continue;
			CSV_ASSERT_TRUE(seg.node == node && seg.start <= pos && pos < seg.end);
			CSV_ASSERT_EQ(seg.mode, block->mode);
			CSV_ASSERT_EQ(seg.written, block->state == WRI);
			if (block->state == HOLE)
				CSV_ASSERT_TRUE(seg.addr == CSV_SEGMENT_NO_ADDR);
			else
				CSV_ASSERT_EQ(seg.addr + (i * SEGMENT_BS - seg.start), block->addr);
		}
	}
}

static bool segment_model_holds(u32 node, unsigned int start, unsigned int end, bool write)
{
	unsigned int i;

	for (i = start; i < end; i++)
		if (!segment_model[node][i].held ||
		    (write && segment_model[node][i].mode == READ_))
			return false;
	return true;
}

static bool segment_model_conflicts(u32 asking, u32 node, unsigned int start, unsigned int end,
				    u8 want)
{
	unsigned int i;

	if (node == asking)
		return false;
	for (i = start; i < end; i++) {
		const struct segment_block *block = &segment_model[node][i];

		if (!block->held)
			continue;
		if (!asking || want == EXCL || block->mode == EXCL)
			return true;
		if (want == SHARED && block->mode == READ_ && block->state != WRI)
			return true;
	}
	return false;
}

static void segment_model_range(u64 *rnd, unsigned int *start, unsigned int *end)
{
	unsigned int len = csv_test_below(rnd, 6) ? 10 : SEGMENT_BLOCKS;

	*start = csv_test_below(rnd, SEGMENT_BLOCKS);
	*end = *start + 1 + csv_test_below(rnd, len);
	if (*end > SEGMENT_BLOCKS)
		*end = SEGMENT_BLOCKS;
}

static void segment_model_grant(struct csv_test *test, struct csv_segments *set, u64 *rnd,
				u32 node, unsigned int start, unsigned int end)
{
	u8 mode = csv_test_below(rnd, 3), state = csv_test_below(rnd, 3);
	u64 addr = (csv_test_below(rnd, 4) ? 1ull << 40 : 1ull << 50) + start * SEGMENT_BS;
	unsigned int i;

	CSV_ASSERT_EQ(csv_segments_grant(set, node, start * SEGMENT_BS, end * SEGMENT_BS, mode,
					 state, addr, 1), 0);
	for (i = start; i < end; i++)
		segment_model[node][i] = (struct segment_block){
			true, mode, state, addr + (i - start) * SEGMENT_BS };
}

static void segment_model_return(struct csv_test *test, struct csv_segments *set, u32 node,
				 unsigned int start, unsigned int end, bool all)
{
	unsigned int i, n;

	CSV_ASSERT_EQ(csv_segments_return(set, all ? CSV_SEGMENT_ALL_NODES : node,
					  start * SEGMENT_BS, end * SEGMENT_BS, 1), 0);
	for (n = 1; n <= SEGMENT_NODES; n++)
		for (i = start; i < end && (all || n == node); i++)
			segment_model[n][i].held = false;
}

static void segment_model_commit(struct csv_test *test, struct csv_segments *set, u32 node,
				 unsigned int start, unsigned int end)
{
	unsigned int i;

	CSV_ASSERT_EQ(csv_segments_commit(set, node, start * SEGMENT_BS, end * SEGMENT_BS), 0);
	for (i = start; i < end; i++) {
		struct segment_block *block = &segment_model[node][i];

		if (block->held && block->mode == EXCL && block->state == UNW) {
			block->mode = SHARED;
			block->state = WRI;
		}
	}
}

static void segment_model_ask(struct csv_test *test, const struct csv_segments *set, u64 *rnd)
{
	u32 node = 1 + csv_test_below(rnd, SEGMENT_NODES);
	u32 asking = csv_test_below(rnd, SEGMENT_NODES + 1);
	unsigned int start, end, n, i, nr;

	segment_model_range(rnd, &start, &end);
	for (i = 0; i < 2; i++)
		CSV_ASSERT_EQ(csv_segments_holds(set, node, start * SEGMENT_BS,
						 end * SEGMENT_BS, i),
			      segment_model_holds(node, start, end, i));
	for (i = READ_; i <= EXCL; i++) {
		nr = csv_segments_conflict(set, asking, start * SEGMENT_BS, end * SEGMENT_BS, i,
					   segment_nodes);
		for (n = 1; n <= SEGMENT_NODES; n++) {
			if (!segment_model_conflicts(asking, n, start, end, i))
				continue;
			CSV_ASSERT_TRUE(nr > 0);
			/* Ascending, each one once: compare from the front. */
			CSV_ASSERT_EQ(segment_nodes[0], n);
			memmove(segment_nodes, segment_nodes + 1, --nr * sizeof(u32));
		}
		CSV_ASSERT_EQ(nr, 0u);
	}
}

CSV_TEST(segment_test_model)
{
	u64 rnd = CSV_TEST_SEED();
	struct csv_segments set;
	unsigned int i, start, end;

	csv_segments_init(&set);
	memset(segment_model, 0, sizeof(segment_model));
	for (i = 0; i < CSV_TEST_ROUNDS(10000); i++) {
		unsigned int what = csv_test_below(&rnd, 20);
		u32 node = 1 + csv_test_below(&rnd, SEGMENT_NODES);

		segment_model_range(&rnd, &start, &end);
		CSV_ASSERT_EQ(csv_segments_reserve(&set, what == 19 ? CSV_SEGMENTS_EXTRA_ALL :
						   CSV_SEGMENTS_EXTRA, GFP_KERNEL), 0);
		if (what < 11) {
			segment_model_grant(test, &set, &rnd, node, start, end);
		} else if (what < 14) {
			segment_model_commit(test, &set, node, start, end);
		} else if (what == 18 && !csv_test_below(&rnd, 4)) {
			csv_segments_drop_node(&set, node);
			memset(segment_model[node], 0, sizeof(segment_model[node]));
		} else {
			segment_model_return(test, &set, node, start, end, what == 19);
		}
		segment_check_model(test, &set);
		segment_model_ask(test, &set, &rnd);
	}
	csv_segments_destroy(&set);
	CSV_EXPECT_EQ(csv_segments_count(&set), 0u);
}

/* Whether one segment of node 2 stands against node 1's wish. */
CSV_TEST(segment_test_conflicts)
{
	static const struct {
		u8 mode, state, want;
		bool conflict;
	} cases[] = {
		{ READ_, WRI, READ_, false }, { READ_, WRI, SHARED, false },
		{ READ_, WRI, EXCL, true }, { READ_, UNW, READ_, false },
		{ READ_, UNW, SHARED, true }, { READ_, UNW, EXCL, true },
		{ READ_, HOLE, READ_, false }, { READ_, HOLE, SHARED, true },
		{ READ_, HOLE, EXCL, true }, { SHARED, WRI, READ_, false },
		{ SHARED, WRI, SHARED, false }, { SHARED, WRI, EXCL, true },
		{ EXCL, WRI, READ_, true }, { EXCL, WRI, SHARED, true },
		{ EXCL, WRI, EXCL, true }, { EXCL, UNW, READ_, true },
		{ EXCL, UNW, SHARED, true }, { EXCL, UNW, EXCL, true },
	};
	struct csv_segments set;
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(cases); i++) {
		u8 want = cases[i].want;

		csv_segments_init(&set);
		CSV_ASSERT_EQ(csv_segments_reserve(&set, 2, GFP_KERNEL), 0);
		CSV_ASSERT_EQ(csv_segments_grant(&set, 2, 100, 200, cases[i].mode, cases[i].state,
						 5000, 1), 0);
		CSV_EXPECT_EQ(csv_segments_conflict(&set, 1, 150, 160, want, segment_nodes),
			      0u + cases[i].conflict);
		CSV_EXPECT_EQ(csv_segments_conflict(&set, 1, 199, 300, want, segment_nodes),
			      0u + cases[i].conflict);
		/* Beside it, nothing, and its own holdings, neither. */
		CSV_EXPECT_EQ(csv_segments_conflict(&set, 1, 200, 300, want, segment_nodes), 0u);
		CSV_EXPECT_EQ(csv_segments_conflict(&set, 1, 0, 100, want, segment_nodes), 0u);
		CSV_EXPECT_EQ(csv_segments_conflict(&set, 1, 150, 150, want, segment_nodes), 0u);
		CSV_EXPECT_EQ(csv_segments_conflict(&set, 2, 0, 300, want, segment_nodes), 0u);
		/* The coordinator itself bears nothing. */
		CSV_EXPECT_EQ(csv_segments_conflict(&set, 0, 150, 160, want, segment_nodes), 1u);
		CSV_EXPECT_EQ(segment_nodes[0], 2u);
		csv_segments_destroy(&set);
	}
}

CSV_TEST(segment_test_refused)
{
	struct csv_segments set;
	struct csv_segment seg;

	csv_segments_init(&set);
	CSV_EXPECT_EQ(csv_segments_grant(&set, 1, 0, 10, READ_, WRI, 0, 1), -ENOSPC);
	CSV_ASSERT_EQ(csv_segments_reserve(&set, 2, GFP_KERNEL), 0);
	CSV_EXPECT_EQ(csv_segments_grant(&set, 1, 10, 10, READ_, WRI, 0, 1), -EINVAL);
	CSV_EXPECT_EQ(csv_segments_grant(&set, 1, 10, 5, READ_, WRI, 0, 1), -EINVAL);
	CSV_EXPECT_EQ(csv_segments_grant(&set, 0, 0, 10, READ_, WRI, 0, 1), -EINVAL);
	CSV_EXPECT_EQ(csv_segments_grant(&set, CSV_SEGMENT_ALL_NODES, 0, 10, READ_, WRI, 0, 1),
		      -EINVAL);
	CSV_EXPECT_EQ(csv_segments_count(&set), 0u);
	CSV_EXPECT_EQ(csv_segments_return(&set, 1, 0, SEGMENT_FOREVER, 1), 0);
	CSV_EXPECT_EQ(csv_segments_return(&set, CSV_SEGMENT_ALL_NODES, 0, SEGMENT_FOREVER, 1), 0);
	CSV_EXPECT_EQ(csv_segments_commit(&set, 1, 0, SEGMENT_FOREVER), 0);
	csv_segments_drop_node(&set, 1);
	CSV_EXPECT_TRUE(!csv_segments_holds(&set, 1, 0, 1, false));
	CSV_EXPECT_TRUE(!csv_segments_holds(&set, 1, 5, 5, false));
	CSV_EXPECT_TRUE(!csv_segments_lookup(&set, 1, 0, &seg));
	CSV_EXPECT_TRUE(!csv_segments_lookup(&set, 0, 0, &seg));
	csv_segments_destroy(&set);
}

/* What was never given an address is never committed. */
CSV_TEST(segment_test_commit_hole)
{
	struct csv_segments set;
	struct csv_segment seg;

	csv_segments_init(&set);
	CSV_ASSERT_EQ(csv_segments_reserve(&set, 10, GFP_KERNEL), 0);
	CSV_ASSERT_EQ(csv_segments_grant(&set, 1, 0, 100, EXCL, HOLE, 77, 1), 0);
	CSV_ASSERT_EQ(csv_segments_grant(&set, 1, 100, 200, EXCL, UNW, 1000, 1), 0);
	CSV_EXPECT_EQ(csv_segments_commit(&set, 1, 50, 150), 0);
	CSV_EXPECT_TRUE(csv_segments_lookup(&set, 1, 60, &seg));
	CSV_EXPECT_TRUE(seg.start == 0 && seg.end == 100 && seg.mode == EXCL && !seg.written &&
			seg.addr == CSV_SEGMENT_NO_ADDR);
	CSV_EXPECT_TRUE(csv_segments_lookup(&set, 1, 110, &seg));
	CSV_EXPECT_TRUE(seg.start == 100 && seg.end == 150 && seg.mode == SHARED && seg.written &&
			seg.addr == 1000);
	CSV_EXPECT_TRUE(csv_segments_lookup(&set, 1, 150, &seg));
	CSV_EXPECT_TRUE(seg.start == 150 && seg.end == 200 && seg.mode == EXCL && !seg.written &&
			seg.addr == 1050);
	CSV_EXPECT_EQ(csv_segments_return(&set, 1, 20, 100, 1), 0);
	CSV_EXPECT_TRUE(!csv_segments_lookup(&set, 1, 20, &seg));
	CSV_EXPECT_TRUE(csv_segments_next(&set, 1, 20, &seg) && seg.start == 100);
	CSV_EXPECT_TRUE(csv_segments_next(&set, 1, 19, &seg) && seg.start == 0 && seg.end == 20);
	CSV_EXPECT_TRUE(!csv_segments_next(&set, 1, 200, &seg));
	CSV_EXPECT_TRUE(!csv_segments_next(&set, 2, 0, &seg));
	csv_segments_destroy(&set);
}

/* Growing and merging with several nodes on the same range. */
CSV_TEST(segment_test_nodes)
{
	struct csv_segments set;
	unsigned int i, nr;

	csv_segments_init(&set);
	for (i = CSV_NODES_MAX; i; i--) {
		CSV_ASSERT_EQ(csv_segments_reserve(&set, CSV_SEGMENTS_EXTRA, GFP_KERNEL), 0);
		CSV_ASSERT_EQ(csv_segments_grant(&set, 1000 * i, 0, 50, READ_, WRI, 100, 1), 0);
		CSV_ASSERT_EQ(csv_segments_grant(&set, 1000 * i, 50, 100, READ_, WRI, 150, 1), 0);
	}
	CSV_EXPECT_EQ(csv_segments_count(&set), CSV_NODES_MAX + 0u);
	segment_check_sane(test, &set);
	nr = csv_segments_conflict(&set, 0, 10, 11, READ_, segment_nodes);
	CSV_ASSERT_EQ(nr, CSV_NODES_MAX + 0u);
	for (i = 0; i < nr; i++)
		CSV_ASSERT_EQ(segment_nodes[i], 1000 * (i + 1));
	CSV_EXPECT_EQ(csv_segments_conflict(&set, 1000, 10, 11, EXCL, segment_nodes),
		      CSV_NODES_MAX - 1u);

	/* All are cut: one slot each. Without room, nothing changes. */
	i = set.cap;
	set.cap = set.nr + CSV_NODES_MAX - 1;
	if (set.cap <= i)
		CSV_EXPECT_EQ(csv_segments_return(&set, CSV_SEGMENT_ALL_NODES, 40, 60, 1), -ENOSPC);
	set.cap = i;
	CSV_EXPECT_EQ(csv_segments_count(&set), CSV_NODES_MAX + 0u);
	CSV_ASSERT_EQ(csv_segments_reserve(&set, CSV_SEGMENTS_EXTRA_ALL, GFP_KERNEL), 0);
	CSV_EXPECT_EQ(csv_segments_return(&set, CSV_SEGMENT_ALL_NODES, 40, 60, 1), 0);
	CSV_EXPECT_EQ(csv_segments_count(&set), 2u * CSV_NODES_MAX);
	CSV_EXPECT_EQ(csv_segments_conflict(&set, 0, 40, 60, READ_, segment_nodes), 0u);
	segment_check_sane(test, &set);
	csv_segments_drop_node(&set, 1000);
	csv_segments_drop_node(&set, 1001);
	csv_segments_drop_node(&set, 1000 * CSV_NODES_MAX);
	CSV_EXPECT_EQ(csv_segments_count(&set), 2u * (CSV_NODES_MAX - 2));
	CSV_EXPECT_EQ(csv_segments_return(&set, CSV_SEGMENT_ALL_NODES, 0, SEGMENT_FOREVER, 1), 0);
	CSV_EXPECT_EQ(csv_segments_count(&set), 0u);
	csv_segments_destroy(&set);
}

CSV_TEST(segment_test_limits)
{
	struct csv_segments set;
	unsigned int i;

	csv_segments_init(&set);
	for (i = 0; i < CSV_SEGMENTS_MAX; i++) {
		CSV_ASSERT_EQ(csv_segments_reserve(&set, CSV_SEGMENTS_EXTRA, GFP_KERNEL), 0);
		CSV_ASSERT_EQ(csv_segments_grant(&set, 1, 10 * i, 10 * i + 8, EXCL, UNW, 20 * i, 1),
			      0);
	}
	/* Grants end here, unless they replace something ... */
	CSV_ASSERT_EQ(csv_segments_reserve(&set, CSV_SEGMENTS_EXTRA, GFP_KERNEL), 0);
	CSV_EXPECT_EQ(csv_segments_grant(&set, 2, 0, 8, READ_, WRI, 0, 1), -ENOSPC);
	CSV_EXPECT_EQ(csv_segments_grant(&set, 1, 2, 4, READ_, WRI, 0, 1), -ENOSPC);
	CSV_EXPECT_EQ(csv_segments_grant(&set, 1, 0, 8, READ_, WRI, 0, 1), 0);
	/* ... but commits and returns go on, and cut exactly. */
	for (i = 1; i <= CSV_SEGMENTS_MAX / 2 - 2; i++) {
		CSV_ASSERT_EQ(csv_segments_reserve(&set, CSV_SEGMENTS_EXTRA, GFP_KERNEL), 0);
		CSV_ASSERT_EQ(csv_segments_commit(&set, 1, 10 * i + 2, 10 * i + 4), 0);
		CSV_ASSERT_TRUE(!csv_segments_holds(&set, 1, 10 * i, 10 * i + 9, false));
		CSV_ASSERT_TRUE(csv_segments_holds(&set, 1, 10 * i, 10 * i + 8, true));
	}
	segment_check_sane(test, &set);
	for (; csv_segments_count(&set) < CSV_SEGMENTS_LIMIT; i++) {
		csv_segments_reserve(&set, 1, GFP_KERNEL);
		CSV_ASSERT_EQ(csv_segments_return(&set, 1, 10 * i + 2, 10 * i + 4, 1), 0);
	}
	segment_check_sane(test, &set);
	/* The end: refused, and nothing is forgotten. */
	CSV_EXPECT_EQ(csv_segments_reserve(&set, 1, GFP_KERNEL), -ENOSPC);
	CSV_EXPECT_EQ(csv_segments_return(&set, 1, 10 * i + 2, 10 * i + 4, 1), -ENOSPC);
	CSV_EXPECT_EQ(csv_segments_commit(&set, 1, 10 * i + 2, 10 * i + 4), -ENOSPC);
	CSV_EXPECT_TRUE(csv_segments_holds(&set, 1, 10 * i, 10 * i + 8, true));
	/* What needs no slot still works. */
	CSV_EXPECT_EQ(csv_segments_return(&set, 1, 10 * i + 2, 10 * i + 8, 1), 0);
	CSV_EXPECT_EQ(csv_segments_commit(&set, 1, 10 * i, 10 * i + 8), 0);
	segment_check_sane(test, &set);
	CSV_EXPECT_EQ(csv_segments_count(&set), CSV_SEGMENTS_LIMIT + 0u);
	csv_segments_destroy(&set);
}

/* What a node returns it returns of what it has seen, whatever others were granted since. */
CSV_TEST(segment_test_seq)
{
	struct csv_segments set;
	struct csv_segment seg;

	csv_segments_init(&set);
	CSV_ASSERT_EQ(csv_segments_reserve(&set, 20, GFP_KERNEL), 0);
	CSV_ASSERT_EQ(csv_segments_grant(&set, 1, 0, 10, READ_, WRI, 100, 1), 0);
	CSV_ASSERT_EQ(csv_segments_grant(&set, 2, 0, 10, READ_, WRI, 100, 2), 0);
	CSV_EXPECT_EQ(csv_segments_return(&set, 1, 0, SEGMENT_FOREVER, 1), 0);
	CSV_EXPECT_TRUE(!csv_segments_holds(&set, 1, 0, 10, false));
	CSV_EXPECT_TRUE(csv_segments_holds(&set, 2, 0, 10, false));

	CSV_ASSERT_EQ(csv_segments_grant(&set, 1, 0, 10, READ_, WRI, 100, 3), 0);
	CSV_ASSERT_EQ(csv_segments_grant(&set, 1, 20, 30, READ_, WRI, 200, 5), 0);
	CSV_EXPECT_EQ(csv_segments_return(&set, 1, 5, 25, 4), 0);
	CSV_EXPECT_TRUE(csv_segments_holds(&set, 1, 0, 5, false));
	CSV_EXPECT_TRUE(!csv_segments_lookup(&set, 1, 5, &seg));
	CSV_EXPECT_TRUE(csv_segments_holds(&set, 1, 20, 30, false));

	/* of what has become one segment nothing is returned that is not known */
	CSV_ASSERT_EQ(csv_segments_grant(&set, 1, 30, 40, READ_, WRI, 210, 6), 0);
	CSV_EXPECT_EQ(csv_segments_return(&set, 1, 20, 40, 5), 0);
	CSV_EXPECT_TRUE(csv_segments_holds(&set, 1, 20, 40, false));
	CSV_EXPECT_EQ(csv_segments_return(&set, 1, 25, 35, 6), 0);
	CSV_EXPECT_TRUE(csv_segments_holds(&set, 1, 20, 25, false));
	CSV_EXPECT_TRUE(!csv_segments_lookup(&set, 1, 30, &seg));
	CSV_EXPECT_TRUE(csv_segments_lookup(&set, 1, 35, &seg) && seg.addr == 215);
	CSV_EXPECT_EQ(csv_segments_return(&set, CSV_SEGMENT_ALL_NODES, 0, SEGMENT_FOREVER, 5), 0);
	CSV_EXPECT_EQ(csv_segments_count(&set), 2u);
	segment_check_sane(test, &set);
	csv_segments_destroy(&set);
}

#undef READ_
#undef SHARED
#undef EXCL
#undef HOLE
#undef UNW
#undef WRI

CSV_SUITE(segment,
	  CSV_CASE(segment_test_model),
	  CSV_CASE(segment_test_conflicts),
	  CSV_CASE(segment_test_refused),
	  CSV_CASE(segment_test_commit_hole),
	  CSV_CASE(segment_test_nodes),
	  CSV_CASE(segment_test_seq),
	  CSV_CASE(segment_test_limits));
