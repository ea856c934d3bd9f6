// SPDX-License-Identifier: GPL-2.0
/*
 * COMMIT: what was written under a layout becomes data of the file.
 */
#include <linux/slab.h>
#include "../block/block.h"
#include "route.h"

/* The blocks of a range, as COMMIT names them, and the newest grant; none of a lost layout. */
static unsigned int csv_layout_collect(struct csv_hold *hold, u64 start, u64 end,
				       struct csv_wire_extent *out, unsigned int max, u64 *seq)
{
	struct csv_inode *ci = hold->ci;
	const struct csv_extent *ext;
	unsigned int nr = 0;

	spin_lock_irq(&ci->lock);
	*seq = ci->grant_seq;
	while (start < end && nr < max && !csv_layout_lost(hold)) {
		u64 to;

		ext = csv_extent_map_find(&ci->extents, start);
		if (!ext || ext->state == CSV_EXT_HOLE)
			break;
		to = min(end, ext->end);
		out[nr].offset = cpu_to_le64(start);
		out[nr].length = cpu_to_le64(to - start);
		out[nr].addr = cpu_to_le64(ext->addr + (start - ext->start));
		nr++;
		start = to;
	}
	spin_unlock_irq(&ci->lock);
	return start < end ? 0 : nr;
}

/* The coordinator knows now: the same change here. */
static void csv_layout_committed(struct csv_hold *hold, u64 start, u64 end,
				 const struct csv_attr *attr)
{
	struct csv_inode *ci = hold->ci;
	struct inode *inode = &ci->vfs_inode;
	struct csv_extent_room room = {};
	const struct csv_extent *found;
	struct csv_extent last;
	u64 bs = i_blocksize(inode), eof;
	bool excl;

	/* without memory the extents stay as they are: unwritten is only slower */
	csv_extent_room_alloc(&room, csv_extent_map_goal(&ci->extents, 6), GFP_NOFS);
	spin_lock_irq(&ci->lock);
	csv_extent_room_use(&room, &ci->extents);
	csv_attr_apply_locked(ci, attr);
	/* what is there now another coordinator has granted */
	if (csv_layout_lost(hold))
		goto unlock;
	ci->map_seq = max(ci->map_seq, attr->seq);
	eof = round_down(i_size_read(inode), bs);
	found = csv_extent_map_find(&ci->extents, eof);
	excl = found && (found->flags & CSV_EXT_EXCL);
	csv_extent_map_written(&ci->extents, start, end);
	found = csv_extent_map_find(&ci->extents, eof);
	if (excl && eof >= start && eof < end && found && found->state == CSV_EXT_WRITTEN) {
		last = (struct csv_extent){
			.start = eof, .end = eof + bs,
			.addr = found->addr + (eof - found->start),
			.state = CSV_EXT_WRITTEN, .flags = CSV_EXT_RW | CSV_EXT_EXCL,
		};
		csv_extent_map_insert(&ci->extents, &last);
	}
unlock:
	spin_unlock_irq(&ci->lock);
	csv_extent_room_free(&room);
}

/**
 * csv_layout_commit - COMMIT what was written, and a new size
 * @hold: of the range
 * @pos: from where
 * @len: how much was written
 * @new_size: the file is at least that long now
 * @task: who wrote
 *
 * No other coordinator is asked than the one that granted the layout. The next one could
 * not tell whether the blocks have been another file's since, or written to by others.
 *
 * Return: 0; -CSV_ENO_LAYOUT: the layout is lost, write again; another error
 */
int csv_layout_commit(struct csv_hold *hold, loff_t pos, size_t len, loff_t new_size,
		      struct task_struct *task)
{
	struct csv_inode *ci = hold->ci;
	struct inode *inode = &ci->vfs_inode;
	u64 bs = i_blocksize(inode), start = round_down(pos, bs), end = round_up(pos + len, bs);
	struct csv_wire_extent *ext;
	struct csv_op *op;
	unsigned int nr;
	int err = -ENOMEM;

	op = csv_op_on(inode, CSV_OP_LAYOUT_COMMIT, false);
	if (IS_ERR(op))
		return PTR_ERR(op);
	ext = kcalloc(CSV_EXTENTS_MAX, sizeof(*ext), GFP_NOFS);
	if (!ext)
		goto put;
	nr = csv_layout_collect(hold, start, end, ext, CSV_EXTENTS_MAX, &op->in.seq);
	err = -CSV_ENO_LAYOUT;
	if (!nr)
		goto put;
	op->sent = ext;
	op->kvec.iov_base = ext;
	op->kvec.iov_len = nr * sizeof(*ext);
	ext = NULL;
	iov_iter_kvec(&op->data_out, ITER_SOURCE, &op->kvec, 1, op->kvec.iov_len);
	op->task = task;
	op->in.offset = new_size;
	err = csv_op_run(op);
	/* else: executed or not, and perhaps later: what we know of these blocks may be wrong */
	if (!err)
		csv_layout_committed(hold, start, end, &op->out.attr);
	else if (err == -CSV_ENO_LAYOUT)
		csv_layout_refused(ci, start, end, hold->generation);
	else if (!csv_layout_lost(hold))
		csv_layout_doubt(ci, start, end);
put:
	kfree(ext);
	csv_op_put(op);
	return err;
}
