// SPDX-License-Identifier: GPL-2.0
/*
 * The decision which way an operation on data goes. Pure: no state, no I/O.
 */
#include "select.h"

/* What holds for the whole volume or inode, whatever the operation. */
static __u64 csv_select_file_lasting(const struct csv_select *in)
{
	__u64 reasons = 0;

	if (in->redirect == CSV_ACCESS_FILE)
		reasons |= CSV_FILE_REASON_USER;
	if (in->access == CSV_ACCESS_FILE)
		reasons |= CSV_FILE_REASON_TABLE;
	if (!in->layouts)
		reasons |= CSV_FILE_REASON_NO_EXTENT_MAP;
	if (in->unmappable)
		reasons |= CSV_FILE_REASON_UNMAPPABLE;
	return reasons;
}

/* What concerns this one operation. */
static __u64 csv_select_file_once(const struct csv_select *in)
{
	__u64 reasons = 0;

	if (in->write && (!in->aligned || in->gap))
		reasons |= CSV_FILE_REASON_UNALIGNED;
	if (in->write && in->append)
		reasons |= CSV_FILE_REASON_APPEND;
	if (in->contended)
		reasons |= CSV_FILE_REASON_CONTENDED;
	return reasons;
}

static __u64 csv_select_block(const struct csv_select *in)
{
	__u64 reasons = 0;

	if (in->redirect == CSV_ACCESS_BLOCK)
		reasons |= CSV_BLOCK_REASON_USER;
	if (in->access == CSV_ACCESS_BLOCK)
		reasons |= CSV_BLOCK_REASON_TABLE;
	if (!in->disk)
		reasons |= CSV_BLOCK_REASON_NO_DISK;
	return reasons;
}

/**
 * csv_route_select() - choose the route of one operation on data
 * @in: what it depends on
 *
 * File redirection wins over block redirection, and every reason is reported:
 * when one goes away the others still hold. The coordinator has the disk by
 * definition, so nothing redirects its blocks. Without access everything waits,
 * at the coordinator, too.
 *
 * Return: the route, and why it is not local or direct
 */
struct csv_selected csv_route_select(const struct csv_select *in)
{
	struct csv_selected out = { .route = CSV_ROUTE_COUNT };

	if (in->access == CSV_ACCESS_NONE)
		return out;
	out.file_reasons = csv_select_file_lasting(in) | csv_select_file_once(in);
	if (!in->coordinator)
		out.block_reasons = csv_select_block(in);
	if (out.file_reasons)
		out.route = CSV_ROUTE_FILE;
	else if (in->coordinator)
		out.route = CSV_ROUTE_LOCAL;
	else
		out.route = out.block_reasons ? CSV_ROUTE_BLOCK : CSV_ROUTE_DIRECT;
	return out;
}
