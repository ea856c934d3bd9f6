// SPDX-License-Identifier: GPL-2.0
/*
 * Operations on names. Each one: decode the handles as ourselves, act as the
 * caller, number the change, and answer with handle and attributes.
 */
#include <linux/slab.h>
#include <linux/uio.h>
#include "service.h"

/* Handle and attributes of a new or found file into the reply. Consumes @dentry. */
static int csv_service_answer(struct csv_request *req, struct dentry *dentry)
{
	int err;

	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	err = csv_lower_encode_fh(dentry, &req->out.fh);
	if (!err)
		err = csv_commit_attr(req, dentry);
	dput(dentry);
	return err;
}

/**
 * csv_service_root - handle, attributes and parameters of the file system
 * @req: the request
 */
int csv_service_root(struct csv_request *req)
{
	csv_lower_get_fsinfo(&req->export->lower, &req->out.fsinfo);
	return csv_service_answer(req, dget(req->export->lower.mnt->mnt_root));
}

/* Runs @fn on the directory of the request under the caller's identity. */
static int csv_service_in_dir(struct csv_request *req, bool change,
			      struct dentry *(*fn)(struct csv_request *req, struct dentry *dir))
{
	struct csv_export *export = req->export;
	struct dentry *dir, *dentry;
	const struct cred *old;

	dir = csv_lower_decode_fh(&export->lower, &req->in.fh);
	if (IS_ERR(dir))
		return PTR_ERR(dir);
	old = csv_service_assume(req);
	if (IS_ERR(old)) {
		dput(dir);
		return PTR_ERR(old);
	}
	if (change)
		csv_commit_begin(req, d_inode(dir));
	dentry = fn(req, dir);
	csv_service_resume(old);
	if (change)
		csv_commit_end(req, d_inode(dir));
	else
		csv_commit_seen(req, d_inode(dir));
	dput(dir);
	if (!dentry)
		return 0;
	return csv_service_answer(req, dentry);
}

static struct dentry *csv_service_do_lookup(struct csv_request *req, struct dentry *dir)
{
	return csv_lower_lookup(&req->export->lower, dir, &req->in.name);
}

/**
 * csv_service_lookup - find a name
 * @req: the request
 */
int csv_service_lookup(struct csv_request *req)
{
	return csv_service_in_dir(req, false, csv_service_do_lookup);
}

static struct dentry *csv_service_do_mkdir(struct csv_request *req, struct dentry *dir)
{
	return csv_lower_mkdir(&req->export->lower, dir, &req->in.name, req->in.mode & 07777);
}

/**
 * csv_service_mkdir - create a directory
 * @req: the request
 */
int csv_service_mkdir(struct csv_request *req)
{
	return csv_service_in_dir(req, true, csv_service_do_mkdir);
}

static struct dentry *csv_service_do_mknod(struct csv_request *req, struct dentry *dir)
{
	return csv_lower_mknod(&req->export->lower, dir, &req->in.name, req->in.mode,
			       new_decode_dev(req->in.rdev));
}

/**
 * csv_service_mknod - create a special file
 * @req: the request
 */
int csv_service_mknod(struct csv_request *req)
{
	return csv_service_in_dir(req, true, csv_service_do_mknod);
}

static struct dentry *csv_service_do_symlink(struct csv_request *req, struct dentry *dir)
{
	size_t len = iov_iter_count(&req->call->data);
	struct dentry *dentry;
	char *target;

	if (!len || len >= PATH_MAX)
		return ERR_PTR(len ? -ENAMETOOLONG : -ENOENT);
	target = kzalloc(len + 1, GFP_KERNEL);
	if (!target)
		return ERR_PTR(-ENOMEM);
	if (copy_from_iter(target, len, &req->call->data) != len || strlen(target) != len)
		dentry = ERR_PTR(-EINVAL);
	else
		dentry = csv_lower_symlink(&req->export->lower, dir, &req->in.name, target);
	kfree(target);
	return dentry;
}

/**
 * csv_service_symlink - create a symbolic link; the target is the data
 * @req: the request
 */
int csv_service_symlink(struct csv_request *req)
{
	return csv_service_in_dir(req, true, csv_service_do_symlink);
}

/* What a removal or a rename changes beside the directories, numbered with it. */
struct csv_service_victims {
	struct csv_lower_victims lower;
	struct csv_request *req;
};

static void csv_service_victim_begin(struct csv_lower_victims *lower, const struct inode *inode)
{
	struct csv_service_victims *victims = container_of(lower, struct csv_service_victims,
							   lower);

	csv_commit_begin(victims->req, inode);
}

static void csv_service_victims_end(struct csv_service_victims *victims)
{
	unsigned int i;

	for (i = 0; i < victims->lower.nr; i++)
		csv_commit_end(victims->req, d_inode(victims->lower.dentry[i]));
}

/* Layouts of what has no name any more would keep its blocks. */
static void csv_service_victims_put(struct csv_service_victims *victims)
{
	unsigned int i;

	for (i = 0; i < victims->lower.nr; i++) {
		if (d_is_reg(victims->lower.dentry[i]))
			csv_snode_unlinked(victims->req->export, victims->lower.dentry[i]);
		if (victims->req->call->opcode == CSV_OP_RENAME)
			csv_replaced_add(&victims->req->export->replaced,
					 victims->lower.dentry[i]);
		else
			dput(victims->lower.dentry[i]);
	}
}

static struct dentry *csv_service_do_unlink(struct csv_request *req, struct dentry *dir)
{
	struct csv_service_victims victims = {
		.lower.begin = csv_service_victim_begin, .req = req,
	};
	int err = csv_lower_unlink(&req->export->lower, dir, &req->in.name, &victims.lower);

	csv_service_victims_end(&victims);
	/* how many names are left */
	if (!err)
		err = csv_commit_attr(req, victims.lower.dentry[0]);
	csv_service_victims_put(&victims);
	return err ? ERR_PTR(err) : NULL;
}

/**
 * csv_service_unlink - remove the name of a file
 * @req: the request
 */
int csv_service_unlink(struct csv_request *req)
{
	return csv_service_in_dir(req, true, csv_service_do_unlink);
}

static struct dentry *csv_service_do_rmdir(struct csv_request *req, struct dentry *dir)
{
	struct csv_service_victims victims = {
		.lower.begin = csv_service_victim_begin, .req = req,
	};
	int err = csv_lower_rmdir(&req->export->lower, dir, &req->in.name, &victims.lower);

	csv_service_victims_end(&victims);
	csv_service_victims_put(&victims);
	return err ? ERR_PTR(err) : NULL;
}

/**
 * csv_service_rmdir - remove an empty directory
 * @req: the request
 */
int csv_service_rmdir(struct csv_request *req)
{
	return csv_service_in_dir(req, true, csv_service_do_rmdir);
}

/* Runs @fn on the two handles of the request under the caller's identity. */
static int csv_service_on_two(struct csv_request *req,
			      int (*fn)(struct csv_request *req, struct dentry *a,
					struct dentry *b))
{
	struct csv_lower *lower = &req->export->lower;
	const struct cred *old;
	struct dentry *a, *b;
	int err;

	a = csv_lower_decode_fh(lower, &req->in.fh);
	if (IS_ERR(a))
		return PTR_ERR(a);
	b = csv_lower_decode_fh(lower, &req->in.fh2);
	if (IS_ERR(b)) {
		err = PTR_ERR(b);
		goto put_a;
	}
	old = csv_service_assume(req);
	if (IS_ERR(old)) {
		err = PTR_ERR(old);
		goto put_b;
	}
	csv_commit_begin(req, d_inode(a));
	csv_commit_begin(req, d_inode(b));
	err = fn(req, a, b);
	csv_service_resume(old);
	csv_commit_end(req, d_inode(b));
	csv_commit_end(req, d_inode(a));
	if (!err && req->call->opcode == CSV_OP_LINK)
		err = csv_commit_attr(req, a);
put_b:
	dput(b);
put_a:
	dput(a);
	return err;
}

static int csv_service_do_link(struct csv_request *req, struct dentry *source,
			       struct dentry *dir)
{
	return csv_lower_link(&req->export->lower, source, dir, &req->in.name);
}

/**
 * csv_service_link - another name for a file
 * @req: the request
 */
int csv_service_link(struct csv_request *req)
{
	return csv_service_on_two(req, csv_service_do_link);
}

static int csv_service_do_rename(struct csv_request *req, struct dentry *dir,
				 struct dentry *dir2)
{
	struct csv_service_victims victims = {
		.lower.begin = csv_service_victim_begin, .req = req,
	};
	int err = csv_lower_rename(&req->export->lower, dir, &req->in.name, dir2, &req->in.name2,
				   req->in.flags, &victims.lower);

	csv_service_victims_end(&victims);
	csv_service_victims_put(&victims);
	return err;
}

/**
 * csv_service_rename - rename, with all flags
 * @req: the request
 */
int csv_service_rename(struct csv_request *req)
{
	return csv_service_on_two(req, csv_service_do_rename);
}

/* May the caller open @dentry this way? */
static int csv_service_may_open(struct csv_request *req, struct dentry *dentry, u32 flags)
{
	struct inode *inode = d_inode(dentry);
	int mask = (flags & CSV_OPEN_READ ? MAY_READ : 0) |
		   (flags & CSV_OPEN_WRITE ? MAY_WRITE : 0) |
		   (flags & CSV_OPEN_EXEC ? MAY_EXEC : 0);

	if (S_ISDIR(inode->i_mode) && (flags & (CSV_OPEN_WRITE | CSV_OPEN_TRUNC)))
		return -EISDIR;
	if (flags & CSV_OPEN_TRUNC)
		mask |= MAY_WRITE;
	if (IS_APPEND(inode) && (flags & CSV_OPEN_WRITE) && !(flags & CSV_OPEN_APPEND))
		return -EPERM;
	return csv_lower_access(dentry, mask);
}

/* The pin keeps the file when it is unlinked. */
static int csv_service_do_pin(struct csv_request *req, struct dentry *dentry)
{
	struct csv_snode *snode;
	struct csv_fh fh;
	int err;

	if (!d_is_reg(dentry))
		return 0;
	err = csv_lower_encode_fh(dentry, &fh);
	if (err)
		return err;
	snode = csv_snode_get(req->export, &fh);
	if (IS_ERR(snode))
		return PTR_ERR(snode);
	err = csv_snode_pin(snode, req->call->node, req->in.flags & CSV_OPEN_RECLAIM);
	csv_snode_put(snode);
	return err;
}

static struct dentry *csv_service_do_create(struct csv_request *req, struct dentry *dir)
{
	struct csv_lower *lower = &req->export->lower;
	struct dentry *dentry;
	bool created = false;
	int err = 0;

	if (req->in.flags & CSV_OPEN_CREAT)
		dentry = csv_lower_create(lower, dir, &req->in.name, req->in.mode & 07777,
					  req->in.flags & CSV_OPEN_EXCL, &created);
	else
		dentry = csv_lower_lookup(lower, dir, &req->in.name);
	if (IS_ERR(dentry))
		return dentry;
	req->out.flags = created ? CSV_CREATE_CREATED : 0;
	/* what is no regular file is only found here: opening it is the node's affair */
	if (!created && d_is_reg(dentry))
		err = csv_service_may_open(req, dentry, req->in.flags);
	if (err) {
		dput(dentry);
		return ERR_PTR(err);
	}
	return dentry;
}

/**
 * csv_service_create - create and open, or only open, a file by its name
 * @req: the request
 *
 * The node truncates by a SETATTR of its own: a truncation recalls layouts.
 */
int csv_service_create(struct csv_request *req)
{
	struct dentry *dentry;
	int err;

	err = csv_service_in_dir(req, req->in.flags & CSV_OPEN_CREAT, csv_service_do_create);
	if (err)
		return err;
	dentry = csv_lower_decode_fh(&req->export->lower, &req->out.fh);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	err = csv_service_do_pin(req, dentry);
	dput(dentry);
	return err;
}

/**
 * csv_service_open - open by handle: check, and pin
 * @req: the request
 */
int csv_service_open(struct csv_request *req)
{
	const struct cred *old;
	struct dentry *dentry;
	int err;

	dentry = csv_lower_decode_fh(&req->export->lower, &req->in.fh);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	old = csv_service_assume(req);
	if (IS_ERR(old)) {
		err = PTR_ERR(old);
		goto put;
	}
	err = csv_service_may_open(req, dentry, req->in.flags);
	csv_service_resume(old);
	if (!err)
		err = csv_commit_attr(req, dentry);
	if (!err)
		err = csv_service_do_pin(req, dentry);
put:
	dput(dentry);
	return err;
}

/**
 * csv_service_close - give back pins
 * @req: the request
 */
int csv_service_close(struct csv_request *req)
{
	struct csv_snode *snode = csv_snode_find(req->export, &req->in.fh);

	if (!snode)
		return 0;
	if (req->in.offset != U64_MAX)
		csv_snode_return(snode, req->call->node, req->in.offset, U64_MAX, req->in.seq);
	csv_snode_unpin(snode, req->call->node, req->in.count);
	csv_snode_put(snode);
	return 0;
}

/**
 * csv_service_readlink - the target as data
 * @req: the request
 */
int csv_service_readlink(struct csv_request *req)
{
	struct dentry *dentry;
	char *buf;
	int len;

	dentry = csv_lower_decode_fh(&req->export->lower, &req->in.fh);
	if (IS_ERR(dentry))
		return PTR_ERR(dentry);
	buf = kmalloc(PATH_MAX, GFP_KERNEL);
	len = buf ? csv_lower_readlink(&req->export->lower, dentry, buf, PATH_MAX) : -ENOMEM;
	csv_commit_seen(req, d_inode(dentry));
	dput(dentry);
	if (len > 0)
		len = csv_service_put_data(req, buf, len);
	kfree(buf);
	return len < 0 ? len : 0;
}

/**
 * csv_service_statfs - statfs as data
 * @req: the request
 */
int csv_service_statfs(struct csv_request *req)
{
	struct csv_wire_statfs st;
	int err = csv_lower_statfs(&req->export->lower, &st);

	return err ?: csv_service_put_data(req, &st, sizeof(st));
}
