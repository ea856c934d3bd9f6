// SPDX-License-Identifier: GPL-2.0
/*
 * Who has written where since the volume is online, roughly.
 *
 * A COMMIT of what an earlier coordinator had granted may find its blocks written. Either
 * that coordinator had executed it, or somebody else has written to them since, and has
 * filled up with zeros what he did not write himself: then the COMMIT must not be taken.
 * Parts of files are known by hash; where two meet, an innocent COMMIT is refused, and
 * its data written again.
 */
#include <linux/jhash.h>
#include "service.h"

#define CSV_CHANGED_SHIFT	20	/* a part is a mebibyte */
#define CSV_CHANGED_PARTS	64	/* more at a time are the whole file */
#define CSV_CHANGED_WHOLE	0xffffffffu

static u32 *csv_changed_part(struct csv_export *export, const struct inode *inode, u32 part)
{
	return &export->changed[jhash_3words(lower_32_bits(inode->i_ino),
					     upper_32_bits(inode->i_ino), part, 0) %
				CSV_CHANGED_BUCKETS];
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
	u64 part = start >> CSV_CHANGED_SHIFT, last = (end - 1) >> CSV_CHANGED_SHIFT;

	if (last - part >= CSV_CHANGED_PARTS)
		part = last = CSV_CHANGED_WHOLE;
	for (; part <= last; part++)
		csv_changed_add(csv_changed_part(export, inode, part), node);
}

/**
 * csv_changed_by_others - whether somebody else may have written there
 * @export: the volume
 * @inode: the file
 * @start: from where
 * @end: up to where
 * @node: who may have
 */
bool csv_changed_by_others(struct csv_export *export, const struct inode *inode, u64 start,
			   u64 end, u32 node)
{
	u64 part = start >> CSV_CHANGED_SHIFT, last = (end - 1) >> CSV_CHANGED_SHIFT;
	u32 changed = READ_ONCE(*csv_changed_part(export, inode, CSV_CHANGED_WHOLE));

	for (;; part++) {
		if (changed && changed != node)
			return true;
		if (part > last)
			return false;
		changed = READ_ONCE(*csv_changed_part(export, inode, part));
	}
}
