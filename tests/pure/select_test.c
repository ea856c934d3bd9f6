// SPDX-License-Identifier: GPL-2.0
/* Choice of the route (route/select.c): all inputs there are. */
// sources: ../../kernel/route/select.c
#include "test.h"
#include "../../kernel/route/select.h"

#define SELECT_FLAGS	9
#define SELECT_INPUTS	((1u << SELECT_FLAGS) * (CSV_ACCESS_COUNT + 1) * (CSV_ACCESS_COUNT + 1))

/* The input of a number below SELECT_INPUTS. */
static struct csv_select select_input(unsigned int n)
{
	struct csv_select in = {
		.coordinator = n & 1,
		.layouts = n & 2,
		.disk = n & 4,
		.unmappable = n & 8,
		.write = n & 0x10,
		.aligned = n & 0x20,
		.append = n & 0x40,
		.gap = n & 0x80,
		.contended = n & 0x100,
	};

	n >>= SELECT_FLAGS;
	in.access = n % (CSV_ACCESS_COUNT + 1);
	in.redirect = n / (CSV_ACCESS_COUNT + 1);
	return in;
}

/* Each reason by itself, from the words of the table in README.md. */
static u64 select_file_reasons(const struct csv_select *in)
{
	return (in->access == CSV_ACCESS_FILE ? CSV_FILE_REASON_TABLE : 0) |
	       (in->redirect == CSV_ACCESS_FILE ? CSV_FILE_REASON_USER : 0) |
	       (!in->layouts ? CSV_FILE_REASON_NO_EXTENT_MAP : 0) |
	       (in->unmappable ? CSV_FILE_REASON_UNMAPPABLE : 0) |
	       (in->contended ? CSV_FILE_REASON_CONTENDED : 0) |
	       (in->write && in->append ? CSV_FILE_REASON_APPEND : 0) |
	       (in->write && (in->gap || !in->aligned) ? CSV_FILE_REASON_UNALIGNED : 0);
}

static u64 select_block_reasons(const struct csv_select *in)
{
	return (in->access == CSV_ACCESS_BLOCK ? CSV_BLOCK_REASON_TABLE : 0) |
	       (in->redirect == CSV_ACCESS_BLOCK ? CSV_BLOCK_REASON_USER : 0) |
	       (!in->disk ? CSV_BLOCK_REASON_NO_DISK : 0);
}

CSV_TEST(select_test_all)
{
	unsigned int n;

	for (n = 0; n < SELECT_INPUTS; n++) {
		struct csv_select in = select_input(n);
		struct csv_selected out = csv_route_select(&in);

		if (in.access == CSV_ACCESS_NONE) {
			CSV_ASSERT_EQ(out.route, CSV_ROUTE_COUNT);
			continue;
		}
		CSV_ASSERT_EQ(out.file_reasons, select_file_reasons(&in));
		CSV_ASSERT_EQ(out.block_reasons, in.coordinator ? 0 : select_block_reasons(&in));
		if (out.file_reasons)
			CSV_ASSERT_EQ(out.route, CSV_ROUTE_FILE);
		else if (in.coordinator)
			CSV_ASSERT_EQ(out.route, CSV_ROUTE_LOCAL);
		else if (out.block_reasons)
			CSV_ASSERT_EQ(out.route, CSV_ROUTE_BLOCK);
		else
			CSV_ASSERT_EQ(out.route, CSV_ROUTE_DIRECT);
	}
}

/* A read is never redirected for what concerns writes only. */
CSV_TEST(select_test_reads)
{
	unsigned int n;

	for (n = 0; n < SELECT_INPUTS; n++) {
		struct csv_select in = select_input(n), plain;
		struct csv_selected out, other;

		in.write = false;
		plain = in;
		plain.aligned = true;
		plain.append = false;
		plain.gap = false;
		out = csv_route_select(&in);
		other = csv_route_select(&plain);
		CSV_ASSERT_EQ(out.route, other.route);
		CSV_ASSERT_EQ(out.file_reasons, other.file_reasons);
		CSV_ASSERT_EQ(out.block_reasons, other.block_reasons);
	}
}

CSV_TEST(select_test_rule)
{
	struct csv_select in = { .layouts = true, .disk = true, .aligned = true,
				 .redirect = CSV_ACCESS_COUNT };

	in.access = CSV_ACCESS_DIRECT;
	CSV_EXPECT_EQ(csv_route_select(&in).route, CSV_ROUTE_DIRECT);
	in.write = true;
	CSV_EXPECT_EQ(csv_route_select(&in).route, CSV_ROUTE_DIRECT);
	in.disk = false;
	CSV_EXPECT_EQ(csv_route_select(&in).route, CSV_ROUTE_BLOCK);
	in.append = true;
	CSV_EXPECT_EQ(csv_route_select(&in).route, CSV_ROUTE_FILE);
	in.coordinator = true;
	CSV_EXPECT_EQ(csv_route_select(&in).route, CSV_ROUTE_FILE);
	in.append = false;
	CSV_EXPECT_EQ(csv_route_select(&in).route, CSV_ROUTE_LOCAL);
	in.access = CSV_ACCESS_NONE;
	CSV_EXPECT_EQ(csv_route_select(&in).route, CSV_ROUTE_COUNT);
	in.coordinator = false;
	CSV_EXPECT_EQ(csv_route_select(&in).route, CSV_ROUTE_COUNT);
}

CSV_SUITE(select, CSV_CASE(select_test_all), CSV_CASE(select_test_reads),
	  CSV_CASE(select_test_rule));
