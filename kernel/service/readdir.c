// SPDX-License-Identifier: GPL-2.0
/*
 * READDIR, with attributes where the node asks for them.
 *
 * Whether the directory may be read was asked by ACCESS when it was opened, and
 * is not asked again: an open directory may be read by whoever holds it. What
 * the attributes of its files say is asked for each as the caller, like LOOKUP.
 */
#include <linux/slab.h>
#include "service.h"

/* An entry with attributes and handle takes at most as many times as much. */
#define CSV_READDIR_GROWS	6

/* The attributes of an entry behind its name; none of what is gone, or not to be seen. */
static void csv_readdir_add(struct csv_request *req, struct dentry *dir,
			    struct csv_wire_dirent *entry, unsigned int room)
{
	struct csv_name name = { .str = (const char *)(entry + 1), .len = entry->namelen };
	unsigned int reclen = le16_to_cpu(entry->reclen);
	struct dentry *dentry;
	struct csv_fh fh;
	int len;

	if ((name.len == 1 && name.str[0] == '.') ||
	    (name.len == 2 && name.str[0] == '.' && name.str[1] == '.'))
		return;
	dentry = csv_lower_lookup(&req->export->lower, dir, &name);
	if (IS_ERR(dentry))
		return;
	if (!csv_lower_encode_fh(dentry, &fh) && !csv_commit_attr(req, dentry)) {
		len = csv_wire_put_attr(&req->out.attr, &fh, (u8 *)entry + reclen, room - reclen);
		if (len > 0) {
			entry->attrlen = cpu_to_le32(len);
			entry->reclen = cpu_to_le16(reclen + len);
		}
	}
	dput(dentry);
}

/* Copies the entries at @from to @to, each with its attributes; bytes there, or an error. */
static int csv_readdir_expand(struct csv_request *req, struct dentry *dir, const u8 *from,
			      unsigned int len, u8 *to, unsigned int size)
{
	const struct cred *old = csv_service_assume(req);
	unsigned int used = 0, done, reclen;
	struct csv_wire_dirent *entry;

	if (IS_ERR(old))
		return PTR_ERR(old);
	for (done = 0; done < len; done += reclen) {
		reclen = le16_to_cpu(((const struct csv_wire_dirent *)(from + done))->reclen);
		entry = (struct csv_wire_dirent *)(to + used);
		memcpy(entry, from + done, reclen);
		csv_readdir_add(req, dir, entry, size - used);
		used += le16_to_cpu(entry->reclen);
	}
	csv_service_resume(old);
	return used;
}

static int csv_readdir_plus(struct csv_request *req, struct dentry *dir, const void *buf,
			    unsigned int len, unsigned int size)
{
	void *plus = kvmalloc(size, GFP_KERNEL);
	int ret;

	if (!plus)
		return -ENOMEM;
	ret = csv_readdir_expand(req, dir, buf, len, plus, size);
	if (ret >= 0)
		ret = csv_service_put_data(req, plus, ret);
	kvfree(plus);
	return ret;
}

/**
 * csv_service_readdir - a chunk of a directory as data
 * @req: the request
 */
int csv_service_readdir(struct csv_request *req)
{
	unsigned int size = min_t(unsigned int, req->in.count, SZ_64K), raw = size;
	bool plus = req->in.flags & CSV_READDIR_PLUS, eof = false;
	struct dentry *dir;
	void *buf;
	int len;

	dir = csv_lower_decode_fh(&req->export->lower, &req->in.fh);
	if (IS_ERR(dir))
		return PTR_ERR(dir);
	len = -ENOTDIR;
	if (!d_is_dir(dir))
		goto put;
	len = -ENOMEM;
	if (plus)
		raw /= CSV_READDIR_GROWS;
	buf = kvzalloc(raw, GFP_KERNEL);
	if (!buf)
		goto put;
	req->out.cookie = req->in.cookie;
	len = csv_lower_readdir(&req->export->lower, dir, &req->out.cookie, buf, raw, &eof);
	csv_commit_seen(req, d_inode(dir));
	req->out.flags = eof ? CSV_READDIR_EOF : 0;
	if (len >= 0)
		len = plus ? csv_readdir_plus(req, dir, buf, len, size) :
			csv_service_put_data(req, buf, len);
	kvfree(buf);
put:
	dput(dir);
	return len;
}
