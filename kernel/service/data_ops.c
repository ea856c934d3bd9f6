// SPDX-License-Identifier: GPL-2.0
/*
 * The file-redirected route: READ and WRITE of whole operations, and the
 * changes of the block map.
 *
 * READ takes no lock and recalls nothing: what a holder has not committed has
 * not been answered to anybody either. So a READ that a page fault sends while
 * a recall waits for the faulting process never waits for that recall.
 */
#include <linux/fs.h>
#include <linux/falloc.h>
#include <linux/uio.h>
#include "service.h"

static int csv_service_get_regular(struct csv_request *req, struct csv_snode **snodep,
				   struct file **filep)
{
	struct csv_snode *snode = csv_snode_get(req->export, &req->in.fh);
	struct file *file;

	if (IS_ERR(snode))
		return PTR_ERR(snode);
	if (!d_is_reg(snode->dentry)) {
		csv_snode_put(snode);
		return -EINVAL;
	}
	file = csv_snode_file(snode);
	if (IS_ERR(file)) {
		csv_snode_put(snode);
		return PTR_ERR(file);
	}
	*snodep = snode;
	*filep = file;
	return 0;
}

static ssize_t csv_service_do_read(struct csv_request *req, struct file *file)
{
	struct csv_call *call = req->call;
	struct iov_iter *dest = csv_service_dest(call), iter;
	size_t count = min_t(size_t, req->in.count, CSV_WIRE_IO_MAX);
	ssize_t n;
	int err;

	if (dest) {
		/* as far as the lower file system is concerned: kernel memory, in place */
		iter = *dest;
		iov_iter_truncate(&iter, count);
	} else {
		err = csv_service_alloc_out(req->export, call, count);
		if (err)
			return err;
		iov_iter_bvec(&iter, ITER_DEST, call->bvec, call->nr_bvec, count);
	}
	n = csv_lower_read(file, &iter, req->in.offset);
	if (n < 0)
		return n;
	call->out_len = n;
	if (!dest)
		iov_iter_bvec(&call->out, ITER_SOURCE, call->bvec, call->nr_bvec, n);
	if (req->in.offset + n >= i_size_read(file_inode(file)))
		req->out.flags |= CSV_READ_EOF;
	return n;
}

/**
 * csv_service_read - READ
 * @req: the request
 */
int csv_service_read(struct csv_request *req)
{
	struct csv_snode *snode;
	struct file *file;
	ssize_t n;
	int err;

	if (req->in.offset > req->export->lower.sb->s_maxbytes)
		return -EINVAL;
	err = csv_service_get_regular(req, &snode, &file);
	if (err)
		return err;
	n = req->in.count ? csv_service_do_read(req, file) : 0;
	err = n < 0 ? n : csv_commit_attr(req, snode->dentry);
	csv_snode_put(snode);
	return err;
}

/*
 * An aligned overwrite within the file, of blocks that nobody holds, and that no bio is on
 * its way to, disturbs nobody.
 */
static bool csv_service_write_alone(struct csv_request *req, struct csv_snode *snode,
				    struct file *file, u64 pos, u64 len)
{
	u32 bs = req->export->lower.sb->s_blocksize;
	u32 nodes[CSV_NODES_MAX];
	unsigned int nr;

	if (!csv_lower_aligned(file, &req->call->data, pos) ||
	    pos + len > i_size_read(d_inode(snode->dentry)))
		return false;
	mutex_lock(&snode->seg_mutex);
	nr = csv_segments_conflict(&snode->segs, 0, round_down(pos, bs), round_up(pos + len, bs),
				   CSV_SEGMENT_RW_EXCL, nodes);
	mutex_unlock(&snode->seg_mutex);
	return !nr && !atomic_read(&snode->bios);
}

/* Under op_lock, which a change of the mode takes for writing. */
static bool csv_service_drops_privs(struct csv_request *req, struct csv_snode *snode)
{
	umode_t mode = d_inode(snode->dentry)->i_mode;

	/* sgid without execution by the group is no privilege */
	return (req->in.flags & CSV_WRITE_KILL_PRIV) &&
	       ((mode & S_ISUID) || (mode & 02010) == 02010);
}

/* A change of the mode, which layouts promise. */
static int csv_service_drop_privs(struct csv_request *req, struct csv_snode *snode)
{
	struct csv_setattr set = { .valid = CSV_SET_KILL_PRIV | CSV_SET_OPENED };
	int err = csv_snode_recall(snode, req->call, 0, 0, U64_MAX, CSV_SEGMENT_RW_EXCL);

	if (err)
		return err;
	csv_commit_begin(req, d_inode(snode->dentry));
	err = csv_lower_setattr(&req->export->lower, snode->dentry, &set);
	csv_commit_end(req, d_inode(snode->dentry));
	return err;
}

static ssize_t csv_service_write_locked(struct csv_request *req, struct csv_snode *snode,
					struct file *file, u64 pos)
{
	ssize_t n;

	csv_commit_begin(req, d_inode(snode->dentry));
	n = csv_lower_write(file, &req->call->data, pos, req->in.flags & CSV_WRITE_SYNC);
	csv_commit_end(req, d_inode(snode->dentry));
	return n;
}

static ssize_t csv_service_write_excl(struct csv_request *req, struct csv_snode *snode,
				      struct file *file)
{
	u32 bs = csv_export_unit(req->export);
	u64 len = iov_iter_count(&req->call->data), pos = req->in.offset, size, start, end;
	ssize_t n;
	int err;

	err = csv_snode_lock(snode, req->call);
	if (err)
		return err;
	if (csv_service_drops_privs(req, snode)) {
		n = csv_service_drop_privs(req, snode);
		if (n)
			goto unlock;
	}
	/*
	 * A holder that commits grows the file without op_lock: whoever may do
	 * that holds the end of the file, and is recalled first.
	 */
	size = i_size_read(d_inode(snode->dentry));
	if (req->in.flags & CSV_WRITE_APPEND) {
		err = csv_snode_recall(snode, req->call, 0, round_down(size, bs), U64_MAX,
				       CSV_SEGMENT_RW_EXCL);
		pos = i_size_read(d_inode(snode->dentry));
		start = pos;
		end = pos + len;
	} else {
		start = min(pos, size);
		end = pos + len > size ? U64_MAX : round_up(pos + len, bs);
		err = csv_snode_recall(snode, req->call, 0, round_down(start, bs), end,
				       CSV_SEGMENT_RW_EXCL);
	}
	if (!err && pos + len > req->export->lower.sb->s_maxbytes)
		err = -EFBIG;
	n = err;
	if (!err) {
		req->out.offset = pos;
		/* the lower file system may allocate more than this */
		if (pos + len > size)
			WRITE_ONCE(snode->post_eof, true);
		n = csv_service_write_locked(req, snode, file, pos);
	}
unlock:
	up_write(&snode->op_lock);
	return n;
}

static ssize_t csv_service_do_write(struct csv_request *req, struct csv_snode *snode,
				    struct file *file)
{
	u64 pos = req->in.offset, len = iov_iter_count(&req->call->data);
	ssize_t n = -EAGAIN;
	int err;

	if (!(req->in.flags & CSV_WRITE_APPEND)) {
		err = csv_snode_lock_shared(snode, req->call);
		if (err)
			return err;
		if (!csv_service_drops_privs(req, snode) &&
		    csv_service_write_alone(req, snode, file, pos, len)) {
			req->out.offset = pos;
			n = csv_service_write_locked(req, snode, file, pos);
		}
		up_read(&snode->op_lock);
	}
	return n == -EAGAIN ? csv_service_write_excl(req, snode, file) : n;
}

/**
 * csv_service_write - WRITE, also O_APPEND
 * @req: the request
 */
int csv_service_write(struct csv_request *req)
{
	u64 len = iov_iter_count(&req->call->data);
	struct csv_snode *snode;
	struct file *file;
	ssize_t n;
	int err;

	if (!len || req->in.offset > req->export->lower.sb->s_maxbytes - len)
		return -EFBIG;
	err = csv_service_get_regular(req, &snode, &file);
	if (err)
		return err;
	n = csv_service_do_write(req, snode, file);
	if (n >= 0) {
		req->out.count = n;
		err = csv_commit_attr(req, snode->dentry);
	} else {
		err = n;
	}
	csv_snode_put(snode);
	return err;
}

/* How far a change of the block map reaches. */
static void csv_service_fallocate_range(struct csv_request *req, struct inode *inode, u64 *start,
					u64 *end)
{
	u64 from = req->in.offset, to = req->in.offset + req->in.length;
	int mode = req->in.flags;

	*start = from;
	*end = to;
	if (mode & (FALLOC_FL_COLLAPSE_RANGE | FALLOC_FL_INSERT_RANGE))
		*end = U64_MAX;
	if (!(mode & FALLOC_FL_KEEP_SIZE) && to > i_size_read(inode)) {
		*start = min_t(u64, from, i_size_read(inode));
		*end = U64_MAX;
	}
}

static int csv_service_fallocate_locked(struct csv_request *req, struct csv_snode *snode,
					struct file *file)
{
	u32 bs = csv_export_unit(req->export);
	struct inode *inode = d_inode(snode->dentry);
	const struct cred *old;
	u64 start, end;
	int err;

	csv_service_fallocate_range(req, inode, &start, &end);
	err = csv_snode_recall(snode, req->call, 0, round_down(start, bs),
			       end > U64_MAX - bs ? U64_MAX : round_up(end, bs),
			       CSV_SEGMENT_RW_EXCL);
	if (err)
		return err;
	old = csv_service_assume(req);
	if (IS_ERR(old))
		return PTR_ERR(old);
	csv_commit_begin(req, inode);
	err = csv_lower_fallocate(&req->export->lower, file, req->in.flags, req->in.offset,
				  req->in.length);
	csv_commit_end(req, inode);
	csv_service_resume(old);
	return err;
}

/**
 * csv_service_fallocate - FALLOCATE
 * @req: the request
 */
int csv_service_fallocate(struct csv_request *req)
{
	struct csv_snode *snode;
	struct file *file;
	int err;

	if (req->in.offset > S64_MAX || !req->in.length ||
	    req->in.length > S64_MAX - req->in.offset)
		return -EINVAL;
	err = csv_service_get_regular(req, &snode, &file);
	if (err)
		return err;
	err = csv_snode_lock(snode, req->call);
	if (!err) {
		err = csv_service_fallocate_locked(req, snode, file);
		up_write(&snode->op_lock);
	}
	if (!err)
		err = csv_commit_attr(req, snode->dentry);
	csv_snode_put(snode);
	return err;
}

/**
 * csv_service_seek - SEEK_DATA and SEEK_HOLE
 * @req: the request
 */
int csv_service_seek(struct csv_request *req)
{
	struct csv_snode *snode;
	struct file *file;
	loff_t pos;
	int err;

	err = csv_service_get_regular(req, &snode, &file);
	if (err)
		return err;
	pos = csv_lower_seek(file, req->in.offset, req->in.flags);
	if (pos >= 0)
		req->out.offset = pos;
	csv_commit_seen(req, d_inode(snode->dentry));
	csv_snode_put(snode);
	return pos < 0 ? pos : 0;
}
