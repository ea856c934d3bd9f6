// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs: encoding and decoding of messages.
 *
 * A table in message.c says for every opcode which fields of struct csv_args its
 * request and its reply carry; they follow each other in the order of their bits, each
 * as large as its type, without padding between them:
 *
 *	cred	uid gid le32, caps le64, umask ngroups le32, then the groups
 *		le32 each if there are at most CSV_GROUPS_INLINE
 *	fh	len type u8, len bytes, zeros up to a multiple of 4
 *	name	le16 length, the bytes
 *	setattr	le32 valid, then only the fields that are valid
 *	attr	CSV_ATTR_LEN bytes
 *	fsinfo	CSV_FSINFO_LEN bytes
 *
 * and zeros up to a multiple of 8 close the whole. There is one encoding of
 * given arguments, and decoding accepts nothing else: a message that another
 * length or other padding could hide something in is refused.
 *
 * Both directions walk a cursor whose error is sticky: once something did not
 * fit, nothing after it does, and the error is looked at once in the end.
 */
#ifdef __KERNEL__
#include <linux/align.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/time64.h>
#include <linux/unaligned.h>
#endif
#include "wire.h"

#define CSV_TIME_LEN	12
#define CSV_ATTR_LEN	(64 + 4 * CSV_TIME_LEN)
#define CSV_FSINFO_LEN	48
#define CSV_WIRE_NAME_MAX	255

/* encode */

struct csv_enc {
	u8 *pos;
	u8 *end;
	int err;	/* the first one */
};

static void csv_enc_fail(struct csv_enc *enc, int err)
{
	if (!enc->err)
		enc->err = err;
	enc->end = enc->pos;
}

/* The place for @len more bytes, or NULL. */
static inline u8 *csv_enc_room(struct csv_enc *enc, unsigned int len)
{
	u8 *at = enc->pos;

	if (unlikely((size_t)(enc->end - at) < len)) {
		csv_enc_fail(enc, -EMSGSIZE);
		return NULL;
	}
	enc->pos = at + len;
	return at;
}

static inline void csv_enc_u32(struct csv_enc *enc, u32 val)
{
	u8 *at = csv_enc_room(enc, 4);

	if (at)
		put_unaligned_le32(val, at);
}

static inline void csv_enc_u64(struct csv_enc *enc, u64 val)
{
	u8 *at = csv_enc_room(enc, 8);

	if (at)
		put_unaligned_le64(val, at);
}

static void csv_enc_cred(struct csv_enc *enc, const struct csv_cred *cred)
{
	unsigned int i, nr = cred->ngroups <= CSV_GROUPS_INLINE ? cred->ngroups : 0;
	u8 *at;

	if (cred->ngroups > CSV_GROUPS_MAX) {
		csv_enc_fail(enc, -EINVAL);
		return;
	}
	at = csv_enc_room(enc, 24 + 4 * nr);
	if (!at)
		return;
	put_unaligned_le32(cred->uid, at);
	put_unaligned_le32(cred->gid, at + 4);
	put_unaligned_le64(cred->caps, at + 8);
	put_unaligned_le32(cred->umask, at + 16);
	put_unaligned_le32(cred->ngroups, at + 20);
	for (i = 0; i < nr; i++)
		put_unaligned_le32(cred->groups[i], at + 24 + 4 * i);
}

static void csv_enc_fh(struct csv_enc *enc, const struct csv_fh *fh)
{
	unsigned int len = 2 + fh->len;
	u8 *at;

	if (fh->len > CSV_FH_MAX) {
		csv_enc_fail(enc, -EINVAL);
		return;
	}
	at = csv_enc_room(enc, ALIGN(len, 4));
	if (!at)
		return;
	at[0] = fh->len;
	at[1] = fh->type;
	memcpy(at + 2, fh->data, fh->len);
	for (; len & 3; len++)
		at[len] = 0;
}

static void csv_enc_name(struct csv_enc *enc, const struct csv_name *name)
{
	u8 *at;

	if (!name->len || name->len > CSV_WIRE_NAME_MAX) {
		csv_enc_fail(enc, -EINVAL);
		return;
	}
	at = csv_enc_room(enc, 2 + name->len);
	if (!at)
		return;
	put_unaligned_le16(name->len, at);
	memcpy(at + 2, name->str, name->len);
}

/*
 * A disk may hold nanoseconds that make no sense, and nobody could decode the
 * reply then; so they are cut here.
 */
static inline void csv_enc_time(u8 *at, const struct csv_time *time)
{
	if (!at)
		return;
	put_unaligned_le64(time->sec, at);
	put_unaligned_le32(min_t(u32, time->nsec, NSEC_PER_SEC - 1), at + 8);
}

static void csv_enc_setattr(struct csv_enc *enc, const struct csv_setattr *set)
{
	if (set->valid & ~CSV_SET_ALL) {
		csv_enc_fail(enc, -EINVAL);
		return;
	}
	csv_enc_u32(enc, set->valid);
	if (set->valid & CSV_SET_MODE)
		csv_enc_u32(enc, set->mode);
	if (set->valid & CSV_SET_UID)
		csv_enc_u32(enc, set->uid);
	if (set->valid & CSV_SET_GID)
		csv_enc_u32(enc, set->gid);
	if (set->valid & CSV_SET_SIZE)
		csv_enc_u64(enc, set->size);
	if (set->valid & CSV_SET_ATIME)
		csv_enc_time(csv_enc_room(enc, CSV_TIME_LEN), &set->atime);
	if (set->valid & CSV_SET_MTIME)
		csv_enc_time(csv_enc_room(enc, CSV_TIME_LEN), &set->mtime);
}

static void csv_enc_attr(struct csv_enc *enc, const struct csv_attr *attr)
{
	u8 *at = csv_enc_room(enc, CSV_ATTR_LEN);

	if (!at)
		return;
	put_unaligned_le64(attr->seq, at);
	put_unaligned_le64(attr->ino, at + 8);
	put_unaligned_le64(attr->size, at + 16);
	put_unaligned_le64(attr->blocks, at + 24);
	put_unaligned_le64(attr->rdev, at + 32);
	put_unaligned_le32(attr->mode, at + 40);
	put_unaligned_le32(attr->nlink, at + 44);
	put_unaligned_le32(attr->uid, at + 48);
	put_unaligned_le32(attr->gid, at + 52);
	put_unaligned_le32(attr->generation, at + 56);
	put_unaligned_le32(attr->flags, at + 60);
	csv_enc_time(at + 64, &attr->atime);
	csv_enc_time(at + 76, &attr->mtime);
	csv_enc_time(at + 88, &attr->ctime);
	csv_enc_time(at + 100, &attr->btime);
}

static void csv_enc_fsinfo(struct csv_enc *enc, const struct csv_fsinfo *info)
{
	u8 *at = csv_enc_room(enc, CSV_FSINFO_LEN);

	if (!at)
		return;
	put_unaligned_le64(info->maxbytes, at);
	put_unaligned_le32(info->blocksize, at + 8);
	put_unaligned_le32(info->lbs, at + 12);
	put_unaligned_le32(info->time_gran, at + 16);
	put_unaligned_le32(info->flags, at + 20);
	put_unaligned_le64(info->capacity, at + 24);
	memcpy(at + 32, info->uuid, 16);
}

/* Pads to a multiple of 8 from @start. Bytes written, or the error. */
static int csv_enc_finish(struct csv_enc *enc, const void *start)
{
	unsigned int len = enc->pos - (u8 *)start;
	unsigned int pad = ALIGN(len, 8) - len;
	u8 *at = csv_enc_room(enc, pad);

	if (enc->err)
		return enc->err;
	memset(at, 0, pad);
	return len + pad;
}

static int csv_wire_put(u32 fields, const struct csv_args *args, void *buf, unsigned int size)
{
	struct csv_enc enc = { .pos = buf, .end = (u8 *)buf + size };

	if (fields & CSV_F_CRED)
		csv_enc_cred(&enc, &args->cred);
	if (fields & CSV_F_FH)
		csv_enc_fh(&enc, &args->fh);
	if (fields & CSV_F_FH2)
		csv_enc_fh(&enc, &args->fh2);
	if (fields & CSV_F_NAME)
		csv_enc_name(&enc, &args->name);
	if (fields & CSV_F_NAME2)
		csv_enc_name(&enc, &args->name2);
	if (fields & CSV_F_FLAGS)
		csv_enc_u32(&enc, args->flags);
	if (fields & CSV_F_MODE)
		csv_enc_u32(&enc, args->mode);
	if (fields & CSV_F_RDEV)
		csv_enc_u64(&enc, args->rdev);
	if (fields & CSV_F_OFFSET)
		csv_enc_u64(&enc, args->offset);
	if (fields & CSV_F_LENGTH)
		csv_enc_u64(&enc, args->length);
	if (fields & CSV_F_COUNT)
		csv_enc_u32(&enc, args->count);
	if (fields & CSV_F_COOKIE)
		csv_enc_u64(&enc, args->cookie);
	if (fields & CSV_F_SEQ)
		csv_enc_u64(&enc, args->seq);
	if (fields & CSV_F_SETATTR)
		csv_enc_setattr(&enc, &args->setattr);
	if (fields & CSV_F_ATTR)
		csv_enc_attr(&enc, &args->attr);
	if (fields & CSV_F_FSINFO)
		csv_enc_fsinfo(&enc, &args->fsinfo);

	return csv_enc_finish(&enc, buf);
}

/**
 * csv_wire_put_req() - encode the arguments of a request
 * @op: the opcode
 * @args: the arguments; only the fields of the opcode are read
 * @buf: where to
 * @size: bytes that fit there
 *
 * Return: bytes written, a multiple of 8; -EMSGSIZE if they do not fit, or
 * -EINVAL if the opcode is unknown or an argument cannot be encoded.
 */
int csv_wire_put_req(__u16 op, const struct csv_args *args, void *buf, unsigned int size)
{
	if (op >= CSV_OP_COUNT)
		return -EINVAL;
	return csv_wire_put(csv_wire_req_fields(op), args, buf, size);
}

/**
 * csv_wire_put_rsp() - encode the results of a reply
 * @op: the opcode of the request
 * @args: the results; only the fields of the opcode are read
 * @buf: where to
 * @size: bytes that fit there
 *
 * Return: as csv_wire_put_req().
 */
int csv_wire_put_rsp(__u16 op, const struct csv_args *args, void *buf, unsigned int size)
{
	if (op >= CSV_OP_COUNT)
		return -EINVAL;
	return csv_wire_put(csv_wire_rsp_fields(op), args, buf, size);
}

/* decode */

struct csv_dec {
	const u8 *pos;
	const u8 *end;
	bool bad;
};

static void csv_dec_fail(struct csv_dec *dec)
{
	dec->bad = true;
	dec->end = dec->pos;
}

/* The next @len bytes, or NULL. */
static inline const u8 *csv_dec_take(struct csv_dec *dec, unsigned int len)
{
	const u8 *at = dec->pos;

	if (unlikely((size_t)(dec->end - at) < len)) {
		csv_dec_fail(dec);
		return NULL;
	}
	dec->pos = at + len;
	return at;
}

static inline u32 csv_dec_u32(struct csv_dec *dec)
{
	const u8 *at = csv_dec_take(dec, 4);

	return at ? get_unaligned_le32(at) : 0;
}

static inline u64 csv_dec_u64(struct csv_dec *dec)
{
	const u8 *at = csv_dec_take(dec, 8);

	return at ? get_unaligned_le64(at) : 0;
}

/* @len bytes of padding: zeros. */
static void csv_dec_pad(struct csv_dec *dec, unsigned int len)
{
	const u8 *at = csv_dec_take(dec, len);

	if (at && memchr_inv(at, 0, len))
		csv_dec_fail(dec);
}

static void csv_dec_cred(struct csv_dec *dec, struct csv_cred *cred)
{
	const u8 *at = csv_dec_take(dec, 24);
	unsigned int i;

	if (!at)
		return;
	cred->uid = get_unaligned_le32(at);
	cred->gid = get_unaligned_le32(at + 4);
	cred->caps = get_unaligned_le64(at + 8);
	cred->umask = get_unaligned_le32(at + 16);
	cred->ngroups = get_unaligned_le32(at + 20);
	if (cred->ngroups > CSV_GROUPS_MAX) {
		csv_dec_fail(dec);
		return;
	}
	if (cred->ngroups > CSV_GROUPS_INLINE)
		return;
	at = csv_dec_take(dec, 4 * cred->ngroups);
	if (!at)
		return;
	for (i = 0; i < cred->ngroups; i++)
		cred->groups[i] = get_unaligned_le32(at + 4 * i);
}

static void csv_dec_fh(struct csv_dec *dec, struct csv_fh *fh)
{
	const u8 *at = csv_dec_take(dec, 2);

	if (!at)
		return;
	if (at[0] > CSV_FH_MAX) {
		csv_dec_fail(dec);
		return;
	}
	fh->len = at[0];
	fh->type = at[1];
	at = csv_dec_take(dec, fh->len);
	if (!at)
		return;
	memcpy(fh->data, at, fh->len);
	csv_dec_pad(dec, -(2 + fh->len) & 3);
}

static void csv_dec_name(struct csv_dec *dec, struct csv_name *name)
{
	const u8 *at = csv_dec_take(dec, 2);
	unsigned int len;

	if (!at)
		return;
	len = get_unaligned_le16(at);
	if (!len || len > CSV_WIRE_NAME_MAX) {
		csv_dec_fail(dec);
		return;
	}
	at = csv_dec_take(dec, len);
	if (!at)
		return;
	if (memchr(at, '/', len) || memchr(at, 0, len)) {
		csv_dec_fail(dec);
		return;
	}
	name->str = (const char *)at;
	name->len = len;
}

static inline void csv_dec_time(struct csv_dec *dec, const u8 *at, struct csv_time *time)
{
	if (!at)
		return;
	time->sec = get_unaligned_le64(at);
	time->nsec = get_unaligned_le32(at + 8);
	if (unlikely(time->nsec >= NSEC_PER_SEC))
		csv_dec_fail(dec);
}

static void csv_dec_setattr(struct csv_dec *dec, struct csv_setattr *set)
{
	/* What was not sent is 0, not what was on the stack. */
	*set = (struct csv_setattr){ .valid = csv_dec_u32(dec) };
	if (set->valid & ~CSV_SET_ALL) {
		csv_dec_fail(dec);
		return;
	}
	if (set->valid & CSV_SET_MODE)
		set->mode = csv_dec_u32(dec);
	if (set->valid & CSV_SET_UID)
		set->uid = csv_dec_u32(dec);
	if (set->valid & CSV_SET_GID)
		set->gid = csv_dec_u32(dec);
	if (set->valid & CSV_SET_SIZE)
		set->size = csv_dec_u64(dec);
	if (set->valid & CSV_SET_ATIME)
		csv_dec_time(dec, csv_dec_take(dec, CSV_TIME_LEN), &set->atime);
	if (set->valid & CSV_SET_MTIME)
		csv_dec_time(dec, csv_dec_take(dec, CSV_TIME_LEN), &set->mtime);
}

static void csv_dec_attr(struct csv_dec *dec, struct csv_attr *attr)
{
	const u8 *at = csv_dec_take(dec, CSV_ATTR_LEN);

	if (!at)
		return;
	attr->seq = get_unaligned_le64(at);
	attr->ino = get_unaligned_le64(at + 8);
	attr->size = get_unaligned_le64(at + 16);
	attr->blocks = get_unaligned_le64(at + 24);
	attr->rdev = get_unaligned_le64(at + 32);
	attr->mode = get_unaligned_le32(at + 40);
	attr->nlink = get_unaligned_le32(at + 44);
	attr->uid = get_unaligned_le32(at + 48);
	attr->gid = get_unaligned_le32(at + 52);
	attr->generation = get_unaligned_le32(at + 56);
	attr->flags = get_unaligned_le32(at + 60);
	csv_dec_time(dec, at + 64, &attr->atime);
	csv_dec_time(dec, at + 76, &attr->mtime);
	csv_dec_time(dec, at + 88, &attr->ctime);
	csv_dec_time(dec, at + 100, &attr->btime);
}

static void csv_dec_fsinfo(struct csv_dec *dec, struct csv_fsinfo *info)
{
	const u8 *at = csv_dec_take(dec, CSV_FSINFO_LEN);

	if (!at)
		return;
	info->maxbytes = get_unaligned_le64(at);
	info->blocksize = get_unaligned_le32(at + 8);
	info->lbs = get_unaligned_le32(at + 12);
	info->time_gran = get_unaligned_le32(at + 16);
	info->flags = get_unaligned_le32(at + 20);
	info->capacity = get_unaligned_le64(at + 24);
	memcpy(info->uuid, at + 32, 16);
}

static int csv_wire_get(u32 fields, struct csv_args *args, const void *buf, unsigned int size)
{
	struct csv_dec dec = { .pos = buf, .end = (const u8 *)buf + size };
	size_t rest;

	if (size & 7)
		return -EBADMSG;

	if (fields & CSV_F_CRED)
		csv_dec_cred(&dec, &args->cred);
	if (fields & CSV_F_FH)
		csv_dec_fh(&dec, &args->fh);
	if (fields & CSV_F_FH2)
		csv_dec_fh(&dec, &args->fh2);
	if (fields & CSV_F_NAME)
		csv_dec_name(&dec, &args->name);
	if (fields & CSV_F_NAME2)
		csv_dec_name(&dec, &args->name2);
	if (fields & CSV_F_FLAGS)
		args->flags = csv_dec_u32(&dec);
	if (fields & CSV_F_MODE)
		args->mode = csv_dec_u32(&dec);
	if (fields & CSV_F_RDEV)
		args->rdev = csv_dec_u64(&dec);
	if (fields & CSV_F_OFFSET)
		args->offset = csv_dec_u64(&dec);
	if (fields & CSV_F_LENGTH)
		args->length = csv_dec_u64(&dec);
	if (fields & CSV_F_COUNT)
		args->count = csv_dec_u32(&dec);
	if (fields & CSV_F_COOKIE)
		args->cookie = csv_dec_u64(&dec);
	if (fields & CSV_F_SEQ)
		args->seq = csv_dec_u64(&dec);
	if (fields & CSV_F_SETATTR)
		csv_dec_setattr(&dec, &args->setattr);
	if (fields & CSV_F_ATTR)
		csv_dec_attr(&dec, &args->attr);
	if (fields & CSV_F_FSINFO)
		csv_dec_fsinfo(&dec, &args->fsinfo);

	rest = dec.end - dec.pos;
	if (rest > 7)
		return -EBADMSG;
	csv_dec_pad(&dec, rest);
	return dec.bad ? -EBADMSG : 0;
}

/**
 * csv_wire_get_req() - decode the arguments of a request
 * @op: the opcode
 * @args: where to; fields that the opcode lacks are left alone, and all is
 *	undefined after an error. Of the groups of a cred with more than
 *	CSV_GROUPS_INLINE only the number is set. Names point into @buf
 * @buf: the operation header behind struct csv_wire_req
 * @size: bytes of it
 *
 * Return: 0 or -EBADMSG.
 */
int csv_wire_get_req(__u16 op, struct csv_args *args, const void *buf, unsigned int size)
{
	if (op >= CSV_OP_COUNT)
		return -EBADMSG;
	return csv_wire_get(csv_wire_req_fields(op), args, buf, size);
}

/**
 * csv_wire_get_rsp() - decode the results of a reply
 * @op: the opcode of the request
 * @args: where to, as for csv_wire_get_req()
 * @buf: the operation header behind struct csv_wire_rsp
 * @size: bytes of it
 *
 * Return: 0 or -EBADMSG.
 */
int csv_wire_get_rsp(__u16 op, struct csv_args *args, const void *buf, unsigned int size)
{
	if (op >= CSV_OP_COUNT)
		return -EBADMSG;
	return csv_wire_get(csv_wire_rsp_fields(op), args, buf, size);
}

/**
 * csv_wire_put_attr() - encode attributes and a file handle, for READDIR_PLUS
 * @attr: the attributes
 * @fh: the handle
 * @buf: where to
 * @size: bytes that fit there
 *
 * Return: bytes written, a multiple of 8; -EMSGSIZE or -EINVAL.
 */
int csv_wire_put_attr(const struct csv_attr *attr, const struct csv_fh *fh, void *buf,
		      unsigned int size)
{
	struct csv_enc enc = { .pos = buf, .end = (u8 *)buf + size };

	csv_enc_attr(&enc, attr);
	csv_enc_fh(&enc, fh);
	return csv_enc_finish(&enc, buf);
}

/**
 * csv_wire_get_attr() - decode what csv_wire_put_attr() has encoded
 * @attr: where the attributes go
 * @fh: where the handle goes
 * @buf: the encoded bytes; more may follow behind them
 * @size: bytes there
 *
 * Return: bytes used, a multiple of 8, or -EBADMSG.
 */
int csv_wire_get_attr(struct csv_attr *attr, struct csv_fh *fh, const void *buf, unsigned int size)
{
	struct csv_dec dec = { .pos = buf, .end = (const u8 *)buf + size };

	csv_dec_attr(&dec, attr);
	csv_dec_fh(&dec, fh);
	csv_dec_pad(&dec, -(dec.pos - (const u8 *)buf) & 7);
	return dec.bad ? -EBADMSG : dec.pos - (const u8 *)buf;
}
