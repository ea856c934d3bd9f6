// SPDX-License-Identifier: GPL-2.0
/*
 * Layouts: which blocks a node may read and write by itself.
 *
 * Rules of a grant
 *
 * - READ and RW_SHARED layouts may overlap; RW_EXCL ones are alone. What is not
 *   written yet (holes, unwritten blocks) may be written under RW_EXCL only.
 * - The end of the file is part of a promise: a layout that reaches the block
 *   of the end knows the size exactly. Writing past the end therefore takes
 *   RW_EXCL from the block of the end on, and whoever has it may grow the file
 *   by COMMIT without a recall.
 * - Blocks are in the lower log before they are granted.
 * - COMMIT and RETURN take no op_lock: they are what a recall waits for.
 */
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/slab.h>
#include <linux/uio.h>
#include "service.h"

#define CSV_GRANT_EXTENTS	64

/**
 * struct csv_grant - one LAYOUT_GET at work
 * @snode: the file; op_lock is held for writing
 * @inode: the lower inode
 * @node: who asks
 * @write: for writing
 * @bs: block size
 * @start: of what is needed, in whole blocks
 * @need: its end
 * @want: how far it may be extended where nobody minds
 * @eof: start of the block of the end of the file
 * @mode: what is to be granted
 * @map_gen: of the file when it was mapped
 * @nr: extents found
 * @map: the extents
 * @nr_out: pieces granted
 * @out: the pieces, for the reply
 */
struct csv_grant {
	struct csv_snode *snode;
	struct inode *inode;
	u32 node;
	bool write;
	u32 bs;
	u64 start, need, want, eof;
	enum csv_segment_mode mode;
	u64 map_gen;
	unsigned int nr;
	struct iomap map[CSV_GRANT_EXTENTS];
	unsigned int nr_out;
	struct csv_wire_extent out[CSV_EXTENTS_MAX];
};

static int csv_grant_set_range(struct csv_grant *grant, const struct csv_args *in)
{
	struct csv_lower *lower = &grant->snode->export->lower;
	u64 size = i_size_read(grant->inode), end, max;

	grant->bs = lower->sb->s_blocksize;
	max = round_down(lower->sb->s_maxbytes, grant->bs);
	if (!in->length)
		return -EINVAL;
	/* behind what any file has, but for a file that is larger than it could become here */
	if (in->offset > max || in->length > max - in->offset)
		return -CSV_EREDIRECT;
	end = in->offset + in->length;
	grant->eof = round_down(size, grant->bs);
	grant->start = round_down(in->offset, grant->bs);
	grant->need = round_up(end, grant->bs);
	grant->want = round_up(in->offset + max_t(u64, in->length, in->count), grant->bs);
	grant->want = min(grant->want, max);
	if (!grant->write) {
		grant->need = min(grant->need, round_up(size, grant->bs));
		grant->want = min(grant->want, round_up(size, grant->bs));
		return 0;
	}
	/* a gap between the end and the write is zeroed by the lower file system */
	if (in->offset > size)
		return -CSV_EREDIRECT;
	if (end > size)
		grant->start = min(grant->start, grant->eof);
	else
		grant->want = min(grant->want, max(grant->need, grant->eof));
	return 0;
}

/* Is all that is needed written, and below the end of the file? */
static int csv_grant_set_mode(struct csv_grant *grant, bool grows)
{
	struct csv_lower *lower = &grant->snode->export->lower;
	struct iomap iomap;
	u64 pos;
	int err;

	grant->mode = grant->write ? CSV_SEGMENT_RW_EXCL : CSV_SEGMENT_READ;
	if (!grant->write || grows)
		return 0;
	for (pos = grant->start; pos < grant->need; pos += iomap.length) {
		err = csv_lower_map(lower, grant->inode, pos, grant->need - pos, false, &iomap);
		if (err)
			return err;
		if (iomap.type != IOMAP_MAPPED)
			return 0;
	}
	grant->mode = CSV_SEGMENT_RW_SHARED;
	return 0;
}

/* More than is needed is granted where it costs no recall. */
static void csv_grant_limit(struct csv_grant *grant)
{
	struct csv_snode *snode = grant->snode;
	u32 nodes[CSV_NODES_MAX];

	if (grant->want <= grant->need)
		return;
	mutex_lock(&snode->seg_mutex);
	if (csv_segments_conflict(&snode->segs, grant->node, grant->need, grant->want,
				  grant->mode, nodes))
		grant->want = grant->need;
	mutex_unlock(&snode->seg_mutex);
}

static int csv_grant_map(struct csv_grant *grant)
{
	struct csv_lower *lower = &grant->snode->export->lower;
	struct iomap *iomap;
	bool alloc;
	u64 pos;
	int err;

	if (grant->write && grant->want > grant->eof)
		WRITE_ONCE(grant->snode->post_eof, true);
	for (pos = grant->start; pos < grant->want && grant->nr < CSV_GRANT_EXTENTS;
	     pos += iomap->length) {
		u64 end = pos < grant->need ? grant->need : grant->want;

		/* past what is needed nothing is allocated but past the end of the file */
		alloc = grant->write && (pos < grant->need || pos >= grant->eof + grant->bs);
		if (grant->mode == CSV_SEGMENT_READ || !alloc)
			end = grant->want;
		iomap = &grant->map[grant->nr];
		err = csv_lower_map(lower, grant->inode, pos, end - pos, alloc, iomap);
		if ((err == -ENOSPC || err == -EDQUOT) && pos >= grant->need)
			break;
		if (err)
			return err;
		if (grant->write && iomap->type == IOMAP_HOLE)
			break;
		if (grant->mode == CSV_SEGMENT_RW_SHARED && iomap->type != IOMAP_MAPPED)
			break;
		grant->nr++;
	}
	/* less than the beginning of what is needed is of no use */
	if (!grant->nr && grant->start < grant->need)
		return -EAGAIN;
	return csv_lower_commit_inode(lower, grant->inode);
}

static enum csv_segment_mode csv_grant_mode_of(struct csv_grant *grant,
					       const struct iomap *iomap)
{
	if (grant->mode == CSV_SEGMENT_RW_EXCL && iomap->type == IOMAP_MAPPED &&
	    iomap->offset + iomap->length <= grant->eof)
		return CSV_SEGMENT_RW_SHARED;
	return grant->mode;
}

static enum csv_ext_state csv_grant_state_of(const struct iomap *iomap)
{
	if (iomap->type == IOMAP_MAPPED)
		return CSV_EXT_WRITTEN;
	return iomap->type == IOMAP_UNWRITTEN ? CSV_EXT_UNWRITTEN : CSV_EXT_HOLE;
}

/* One piece of an extent, all in one mode: what the node may do already it may go on doing. */
static u64 csv_grant_piece(struct csv_grant *grant, const struct iomap *iomap, u64 pos,
			   enum csv_segment_mode *mode)
{
	u64 end = iomap->offset + iomap->length;
	struct csv_segment seg;

	*mode = csv_grant_mode_of(grant, iomap);
	if (!csv_segments_next(&grant->snode->segs, grant->node, pos, &seg) || seg.start >= end)
		return end;
	if (seg.start > pos)
		return seg.start;
	*mode = max(*mode, seg.mode);
	return min(end, seg.end);
}

static int csv_grant_extent(struct csv_grant *grant, const struct iomap *iomap, u64 seq)
{
	struct csv_snode *snode = grant->snode;
	enum csv_ext_state state = csv_grant_state_of(iomap);
	enum csv_segment_mode mode;
	struct csv_wire_extent *ext;
	u64 pos, end, addr;
	int err;

	for (pos = iomap->offset; pos < iomap->offset + iomap->length; pos = end) {
		if (grant->nr_out == CSV_EXTENTS_MAX)
			return -ENOSPC;
		end = csv_grant_piece(grant, iomap, pos, &mode);
		addr = state == CSV_EXT_HOLE ? 0 : iomap->addr + (pos - iomap->offset);
		err = csv_segments_reserve(&snode->segs, CSV_SEGMENTS_EXTRA, GFP_NOFS);
		if (!err)
			err = csv_segments_grant(&snode->segs, grant->node, pos, end, mode, state,
						 addr, seq);
		if (err)
			return err;
		ext = &grant->out[grant->nr_out++];
		ext->offset = cpu_to_le64(pos);
		ext->length = cpu_to_le64(end - pos);
		ext->addr = cpu_to_le64(addr);
		ext->state = cpu_to_le32(state);
		ext->flags = cpu_to_le32((mode == CSV_SEGMENT_READ ? 0 : CSV_EXT_RW) |
					 (mode == CSV_SEGMENT_RW_EXCL ? CSV_EXT_EXCL : 0));
	}
	return 0;
}

static int csv_grant_record(struct csv_grant *grant, struct csv_request *req)
{
	struct csv_snode *snode = grant->snode;
	unsigned int i;

	grant->nr_out = 0;
	mutex_lock(&snode->seg_mutex);
	/* what has been committed since it was mapped would be unwritten again */
	if (snode->map_gen != grant->map_gen) {
		mutex_unlock(&snode->seg_mutex);
		return -ERESTART;
	}
	req->out.seq = atomic64_inc_return(&snode->export->seq);
	for (i = 0; i < grant->nr; i++)
		if (csv_grant_extent(grant, &grant->map[i], req->out.seq))
			break;
	csv_snode_segs_changed(snode);
	mutex_unlock(&snode->seg_mutex);
	if (!grant->nr_out && grant->start < grant->need)
		return -CSV_EREDIRECT;
	return 0;
}

static int csv_grant_answer(struct csv_grant *grant, struct csv_request *req)
{
	int err = csv_service_put_data(req, grant->out, grant->nr_out * sizeof(*grant->out));

	return err ?: csv_commit_attr(req, grant->snode->dentry);
}

/* Takes back what stands in the way. What comes back may have grown the file. */
static int csv_grant_clear(struct csv_grant *grant, struct csv_request *req)
{
	const struct csv_args *in = &req->in;
	u64 size, end = in->offset + in->length;
	int err;

	do {
		size = i_size_read(grant->inode);
		err = csv_grant_set_range(grant, in);
		if (!err)
			err = csv_grant_set_mode(grant, grant->write && end > size);
		if (!err)
			err = csv_snode_recall(grant->snode, req->call, grant->node, grant->start,
					       grant->need, grant->mode);
	} while (!err && size != i_size_read(grant->inode));
	return err;
}

/*
 * What the lower file system keeps past the end of a file by its own guess it also frees
 * by itself, at any time, unless somebody has preallocated there: so does map_blocks(),
 * but only where it finds a hole (xfs_can_free_eofblocks(), XFS_DIFLAG_PREALLOC).
 */
static int csv_grant_settle_end(struct csv_grant *grant)
{
	struct csv_snode *snode = grant->snode;
	struct csv_lower *lower = &snode->export->lower;
	u64 start = round_up(i_size_read(grant->inode), grant->bs);
	u32 nodes[CSV_NODES_MAX];
	struct iomap iomap;
	struct file *file;
	bool held;
	int err;

	if (!grant->write || grant->want <= start)
		return 0;
	mutex_lock(&snode->seg_mutex);
	held = csv_segments_conflict(&snode->segs, 0, start, U64_MAX, CSV_SEGMENT_RW_EXCL, nodes);
	mutex_unlock(&snode->seg_mutex);
	if (held)
		return 0;
	err = csv_lower_map(lower, grant->inode, start, grant->bs, false, &iomap);
	if (err || iomap.type == IOMAP_HOLE)
		return err;
	file = csv_snode_file(snode);
	if (IS_ERR(file))
		return PTR_ERR(file);
	err = csv_lower_fallocate(lower, file, FALLOC_FL_KEEP_SIZE, start, grant->bs);
	return err == -ENOSPC || err == -EDQUOT ? -EAGAIN : err;
}

static int csv_grant_run(struct csv_grant *grant, struct csv_request *req)
{
	struct csv_snode *snode = grant->snode;
	int err;

	if (READ_ONCE(snode->export->draining))
		return -CSV_ENOT_COORD;
	err = csv_grant_clear(grant, req);
	if (err)
		return err;
	csv_grant_limit(grant);
	err = csv_grant_settle_end(grant);
	if (err)
		return err;
	do {
		mutex_lock(&snode->seg_mutex);
		grant->map_gen = snode->map_gen;
		mutex_unlock(&snode->seg_mutex);
		grant->nr = 0;
		err = grant->start < grant->need ? csv_grant_map(grant) : 0;
		if (!err)
			err = csv_grant_record(grant, req);
	} while (err == -ERESTART);
	return err ?: csv_grant_answer(grant, req);
}

/**
 * csv_service_layout_get - LAYOUT_GET
 * @req: the request
 *
 * Return: 0; -CSV_EUNMAPPABLE or -CSV_EREDIRECT for the file-redirected route; an error
 */
int csv_service_layout_get(struct csv_request *req)
{
	struct csv_snode *snode = csv_snode_get(req->export, &req->in.fh);
	struct csv_grant *grant;
	int err = -CSV_EUNMAPPABLE;

	if (IS_ERR(snode))
		return PTR_ERR(snode);
	if (!req->export->lower.layouts || !d_is_reg(snode->dentry))
		goto put;
	err = -ENOMEM;
	grant = kvzalloc(sizeof(*grant), GFP_NOFS);
	if (!grant)
		goto put;
	grant->snode = snode;
	grant->inode = d_inode(snode->dentry);
	grant->node = req->call->node;
	grant->write = req->in.flags & CSV_LAYOUT_WRITE;
	if (grant->write) {
		struct file *file = csv_snode_file(snode);

		csv_commit_begin(req, grant->inode);
		err = IS_ERR(file) ? PTR_ERR(file) : csv_lower_remove_privs(file);
		csv_commit_end(req, grant->inode);
		if (err)
			goto free;
	}
	err = csv_snode_lock(snode, req->call);
	if (err)
		goto free;
	csv_commit_begin(req, grant->inode);
	err = csv_grant_run(grant, req);
	csv_commit_end(req, grant->inode);
	up_write(&snode->op_lock);
free:
	kvfree(grant);
	if (err == -ENXIO)
		err = -CSV_EUNMAPPABLE;
	else if (err == -EAGAIN)
		err = -CSV_EREDIRECT;
put:
	csv_snode_put(snode);
	return err;
}

/* COMMIT's ranges lie wholly within RW grants of the node, at the granted addresses. */
static int csv_commit_check(struct csv_snode *snode, u32 node, const struct iomap *maps, int nr,
			    const struct csv_args *in)
{
	u32 bs = snode->export->lower.sb->s_blocksize;
	u64 size = i_size_read(d_inode(snode->dentry)), new_size = in->offset;
	struct csv_segment seg;
	int i;

	lockdep_assert_held(&snode->seg_mutex);
	if (csv_export_is_void(snode->export, node, in->seq))
		return -CSV_ENO_LAYOUT;
	for (i = 0; i < nr; i++) {
		u64 start = maps[i].offset, end = start + maps[i].length;

		if ((start | end) & (bs - 1) || end <= start)
			return -EINVAL;
		if (!csv_segments_holds(&snode->segs, node, start, end, true) ||
		    !csv_segments_lookup(&snode->segs, node, start, &seg) ||
		    seg.addr == CSV_SEGMENT_NO_ADDR ||
		    seg.addr + (start - seg.start) != maps[i].addr)
			return -CSV_ENO_LAYOUT;
	}
	if (new_size <= size)
		return 0;
	/* who grows the file holds everything from its end on, alone */
	if (!csv_segments_holds(&snode->segs, node, round_down(size, bs), round_up(new_size, bs),
				true) ||
	    !csv_segments_lookup(&snode->segs, node, round_down(size, bs), &seg) ||
	    seg.mode != CSV_SEGMENT_RW_EXCL)
		return -CSV_ENO_LAYOUT;
	return 0;
}

/* What was written may be shared from now on, but for the block of the end. */
static void csv_commit_record(struct csv_snode *snode, u32 node, const struct iomap *maps, int nr)
{
	u32 bs = snode->export->lower.sb->s_blocksize;
	u64 eof = round_down(i_size_read(d_inode(snode->dentry)), bs);
	struct csv_segment seg;
	bool excl;
	int i;

	for (i = 0; i < nr; i++) {
		u64 start = maps[i].offset, end = start + maps[i].length;

		excl = csv_segments_lookup(&snode->segs, node, eof, &seg) &&
		       seg.mode == CSV_SEGMENT_RW_EXCL;
		csv_segments_reserve(&snode->segs, 2 * CSV_SEGMENTS_EXTRA,
				     GFP_NOFS | __GFP_NOFAIL);
		csv_segments_commit(&snode->segs, node, start, end);
		if (!excl || eof < start || eof >= end ||
		    !csv_segments_lookup(&snode->segs, node, eof, &seg))
			continue;
		csv_segments_reserve(&snode->segs, CSV_SEGMENTS_EXTRA, GFP_NOFS | __GFP_NOFAIL);
		csv_segments_grant(&snode->segs, node, eof, eof + bs, CSV_SEGMENT_RW_EXCL,
				   CSV_EXT_WRITTEN, seg.addr + (eof - seg.start), seg.seq);
	}
}

static int csv_commit_decode(struct csv_request *req, struct iomap *maps, int *nrp)
{
	size_t len = iov_iter_count(&req->call->data);
	struct csv_wire_extent ext;
	int i, nr = len / sizeof(ext);

	if (len % sizeof(ext) || nr > CSV_EXTENTS_MAX)
		return -EINVAL;
	for (i = 0; i < nr; i++) {
		if (copy_from_iter(&ext, sizeof(ext), &req->call->data) != sizeof(ext))
			return -EINVAL;
		maps[i].offset = le64_to_cpu(ext.offset);
		maps[i].length = le64_to_cpu(ext.length);
		maps[i].addr = le64_to_cpu(ext.addr);
		maps[i].type = IOMAP_UNWRITTEN;
		if (maps[i].length > S64_MAX || maps[i].offset > S64_MAX - maps[i].length)
			return -EINVAL;
	}
	*nrp = nr;
	return 0;
}

/**
 * csv_service_layout_commit - COMMIT: what was written is data from now on
 * @req: the request
 *
 * Context: a reserved thread; waits for the disk, never for a recall
 */
int csv_service_layout_commit(struct csv_request *req)
{
	struct csv_snode *snode;
	struct iomap *maps;
	struct inode *inode;
	int err, nr = 0;

	snode = csv_snode_find(req->export, &req->in.fh);
	if (!snode)
		return -CSV_ENO_LAYOUT;
	inode = d_inode(snode->dentry);
	maps = kcalloc(CSV_EXTENTS_MAX, sizeof(*maps), GFP_NOFS);
	err = maps ? csv_commit_decode(req, maps, &nr) : -ENOMEM;
	if (err)
		goto out;
	mutex_lock(&snode->seg_mutex);
	/* who was killed meanwhile may have given the blocks up, and got them again */
	err = csv_service_goes_on(req->call) ? 0 : -ERESTARTSYS;
	if (!err)
		err = csv_commit_check(snode, req->call->node, maps, nr, &req->in);
	if (!err) {
		csv_commit_begin(req, inode);
		err = csv_lower_commit(&req->export->lower, inode, maps, nr, req->in.offset);
		csv_commit_end(req, inode);
		/* commit_blocks() has logged it synchronously: no force of our own */
		if (!err) {
			snode->map_gen++;
			csv_commit_record(snode, req->call->node, maps, nr);
		}
	}
	mutex_unlock(&snode->seg_mutex);
	if (!err)
		err = csv_commit_attr(req, snode->dentry);
out:
	kfree(maps);
	csv_snode_put(snode);
	return err;
}

/**
 * csv_service_layout_return - RETURN: a node gives up a range
 * @req: the request
 */
int csv_service_layout_return(struct csv_request *req)
{
	struct csv_snode *snode = csv_snode_find(req->export, &req->in.fh);
	u64 end;

	if (!snode)
		return 0;
	end = req->in.length > U64_MAX - req->in.offset ? U64_MAX :
		req->in.offset + req->in.length;
	csv_snode_return(snode, req->call->node, req->in.offset, end, req->in.seq);
	csv_snode_put(snode);
	return 0;
}
