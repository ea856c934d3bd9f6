// SPDX-License-Identifier: GPL-2.0
/*
 * Who has written a part of a block since the volume is online.
 *
 * A COMMIT of what an earlier coordinator had granted may find its blocks written. Either
 * that coordinator had executed it, or somebody else has written to them since. Where he
 * wrote all of a block, that is an order of two writes as good as the other one. Where he
 * wrote a part he filled up the rest with zeros, and the COMMIT must not be taken. That
 * can be so at both ends of what is written only. Blocks are known by hash; where two
 * meet, an innocent COMMIT is refused.
 */
#include <linux/jhash.h>
#include "service.h"

static u32 *csv_changed_block(struct csv_export *export, const struct inode *inode, u64 block)
{
	u32 key[] = {
		lower_32_bits(inode->i_ino), upper_32_bits(inode->i_ino),
		lower_32_bits(block), upper_32_bits(block),
	};

	return &export->changed[jhash2(key, ARRAY_SIZE(key), 0) % CSV_CHANGED_BUCKETS];
}

static void csv_changed_add(u32 *changed, u32 node)
{
	u32 was = READ_ONCE(*changed);

	if (was == node || was == CSV_CHANGED_ANY)
		return;
	if (cmpxchg(changed, 0, node) && READ_ONCE(*changed) != node)
		WRITE_ONCE(*changed, CSV_CHANGED_ANY);
}

/**
 * csv_changed_mark - somebody writes to a file
 * @export: the volume
 * @inode: the file
 * @start: from where
 * @end: up to where
 * @node: who, by a layout; CSV_CHANGED_ANY: otherwise
 */
void csv_changed_mark(struct csv_export *export, const struct inode *inode, u64 start, u64 end,
		      u32 node)
{
	csv_changed_add(csv_changed_block(export, inode, start >> PAGE_SHIFT), node);
	csv_changed_add(csv_changed_block(export, inode, (end - 1) >> PAGE_SHIFT), node);
}

/**
 * csv_changed_by_others - whether somebody else may have written a part of a block there
 * @export: the volume
 * @inode: the file
 * @start: from where
 * @end: up to where
 * @node: who may have
 */
bool csv_changed_by_others(struct csv_export *export, const struct inode *inode, u64 start,
			   u64 end, u32 node)
{
	u64 block;
	u32 changed;

	for (block = start >> PAGE_SHIFT; block <= (end - 1) >> PAGE_SHIFT; block++) {
		changed = READ_ONCE(*csv_changed_block(export, inode, block));
		if (changed && changed != node)
			return true;
	}
	return false;
}
