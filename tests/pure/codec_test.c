// SPDX-License-Identifier: GPL-2.0
/* Encoding and decoding of arguments (wire/codec.c). */
// sources: ../../kernel/wire/codec.c ../../kernel/wire/message.c
#include "test.h"
#include "../../kernel/wire/wire.h"

#define CODEC_BUF	1024
#define CODEC_POISON	0xa5

static u8 codec_buf[CODEC_BUF], codec_again[CODEC_BUF];
static char codec_names[2][256];
static struct csv_args codec_in, codec_out;

static int codec_put(bool rsp, u16 op, const struct csv_args *args, void *buf, unsigned int size)
{
	return rsp ? csv_wire_put_rsp(op, args, buf, size) : csv_wire_put_req(op, args, buf, size);
}

static int codec_get(bool rsp, u16 op, struct csv_args *args, const void *buf, unsigned int size)
{
	return rsp ? csv_wire_get_rsp(op, args, buf, size) : csv_wire_get_req(op, args, buf, size);
}

static u32 codec_fields(bool rsp, u16 op)
{
	return rsp ? csv_wire_rsp_fields(op) : csv_wire_req_fields(op);
}

/* Decodes from memory of exactly the right size, so that ASAN and KASAN see more. */
static int codec_get_exact(bool rsp, u16 op, struct csv_args *args, const u8 *buf,
			   unsigned int size)
{
	u8 *copy = kmalloc_array(size + 1, 1, GFP_KERNEL);
	int err;

	if (!copy)
		return -ENOMEM;
	memcpy(copy + 1, buf, size);
	err = codec_get(rsp, op, args, copy + 1, size);
	kfree(copy);
	return err;
}

static void codec_fill_bytes(u64 *rnd, void *to, unsigned int len)
{
	u8 *p = to;

	while (len--)
		*p++ = csv_test_random(rnd) >> 32;
}

static void codec_fill_fh(u64 *rnd, struct csv_fh *fh)
{
	codec_fill_bytes(rnd, fh, sizeof(*fh));
	fh->len = csv_test_below(rnd, CSV_FH_MAX + 1);
}

static void codec_fill_name(u64 *rnd, struct csv_name *name, char *str)
{
	unsigned int i;

	name->len = 1 + csv_test_below(rnd, 255);
	name->str = str;
	for (i = 0; i < name->len; i++) {
		str[i] = 1 + csv_test_below(rnd, 255);
		if (str[i] == '/')
			str[i] = '.';
	}
}

static void codec_fill_time(u64 *rnd, struct csv_time *time)
{
	time->sec = csv_test_random(rnd);
	time->nsec = csv_test_below(rnd, 1000000000);
}

/* Random arguments that can be encoded. */
static void codec_fill(u64 *rnd, struct csv_args *args)
{
	struct csv_attr *attr = &args->attr;

	codec_fill_bytes(rnd, args, sizeof(*args));
	args->cred.ngroups = csv_test_below(rnd, 4) ? csv_test_below(rnd, CSV_GROUPS_INLINE + 1) :
						     csv_test_below(rnd, CSV_GROUPS_MAX + 1);
	codec_fill_fh(rnd, &args->fh);
	codec_fill_fh(rnd, &args->fh2);
	codec_fill_name(rnd, &args->name, codec_names[0]);
	codec_fill_name(rnd, &args->name2, codec_names[1]);
	args->setattr.valid &= CSV_SET_ALL;
	codec_fill_time(rnd, &args->setattr.atime);
	codec_fill_time(rnd, &args->setattr.mtime);
	codec_fill_time(rnd, &attr->atime);
	codec_fill_time(rnd, &attr->mtime);
	codec_fill_time(rnd, &attr->ctime);
	codec_fill_time(rnd, &attr->btime);
}

static bool codec_same_cred(const struct csv_cred *a, const struct csv_cred *b)
{
	if (a->uid != b->uid || a->gid != b->gid || a->caps != b->caps || a->umask != b->umask ||
	    a->ngroups != b->ngroups)
		return false;
	return a->ngroups > CSV_GROUPS_INLINE ||
	       !memcmp(a->groups, b->groups, 4 * a->ngroups);
}

static bool codec_same_fh(const struct csv_fh *a, const struct csv_fh *b)
{
	return a->len == b->len && a->type == b->type && !memcmp(a->data, b->data, a->len);
}

static bool codec_same_name(const struct csv_name *a, const struct csv_name *b)
{
	return a->len == b->len && !memcmp(a->str, b->str, a->len);
}

static bool codec_same_time(const struct csv_time *a, const struct csv_time *b)
{
	return a->sec == b->sec && a->nsec == b->nsec;
}

/* @b was decoded: what is not valid there is 0. */
static bool codec_same_setattr(const struct csv_setattr *a, const struct csv_setattr *b)
{
	static const struct csv_time none;
	u32 valid = a->valid;

	return valid == b->valid &&
	       b->mode == (valid & CSV_SET_MODE ? a->mode : 0) &&
	       b->uid == (valid & CSV_SET_UID ? a->uid : 0) &&
	       b->gid == (valid & CSV_SET_GID ? a->gid : 0) &&
	       b->size == (valid & CSV_SET_SIZE ? a->size : 0) &&
	       codec_same_time(&b->atime, valid & CSV_SET_ATIME ? &a->atime : &none) &&
	       codec_same_time(&b->mtime, valid & CSV_SET_MTIME ? &a->mtime : &none);
}

static bool codec_same_attr(const struct csv_attr *a, const struct csv_attr *b)
{
	return a->seq == b->seq && a->ino == b->ino && a->size == b->size &&
	       a->blocks == b->blocks && a->rdev == b->rdev && a->mode == b->mode &&
	       a->nlink == b->nlink && a->uid == b->uid && a->gid == b->gid &&
	       a->generation == b->generation && a->flags == b->flags &&
	       codec_same_time(&a->atime, &b->atime) && codec_same_time(&a->mtime, &b->mtime) &&
	       codec_same_time(&a->ctime, &b->ctime) && codec_same_time(&a->btime, &b->btime);
}

static bool codec_same_fsinfo(const struct csv_fsinfo *a, const struct csv_fsinfo *b)
{
	return a->maxbytes == b->maxbytes && a->blocksize == b->blocksize && a->lbs == b->lbs &&
	       a->time_gran == b->time_gran && a->flags == b->flags &&
	       a->capacity == b->capacity && !memcmp(a->uuid, b->uuid, 16);
}

static bool codec_is_poison(const void *p, unsigned int len)
{
	return !memchr_inv(p, CODEC_POISON, len);
}

/* @out is @in in @fields, and untouched in all others. */
static void codec_compare(struct csv_test *test, u32 fields, const struct csv_args *in,
			  const struct csv_args *out)
{
#define CODEC_FIELD(bit, member, same) \
	CSV_ASSERT_TRUE((fields & CSV_F_##bit) ? (same) : \
			codec_is_poison(&out->member, sizeof(out->member)))
#define CODEC_INT(bit, member) \
	CODEC_FIELD(bit, member, in->member == out->member)
	CODEC_FIELD(CRED, cred, codec_same_cred(&in->cred, &out->cred));
	CODEC_FIELD(FH, fh, codec_same_fh(&in->fh, &out->fh));
	CODEC_FIELD(FH2, fh2, codec_same_fh(&in->fh2, &out->fh2));
	CODEC_FIELD(NAME, name, codec_same_name(&in->name, &out->name));
	CODEC_FIELD(NAME2, name2, codec_same_name(&in->name2, &out->name2));
	CODEC_INT(FLAGS, flags);
	CODEC_INT(MODE, mode);
	CODEC_INT(RDEV, rdev);
	CODEC_INT(OFFSET, offset);
	CODEC_INT(LENGTH, length);
	CODEC_INT(COUNT, count);
	CODEC_INT(COOKIE, cookie);
	CODEC_INT(SEQ, seq);
	CODEC_FIELD(SETATTR, setattr, codec_same_setattr(&in->setattr, &out->setattr));
	CODEC_FIELD(ATTR, attr, codec_same_attr(&in->attr, &out->attr));
	CODEC_FIELD(FSINFO, fsinfo, codec_same_fsinfo(&in->fsinfo, &out->fsinfo));
#undef CODEC_FIELD
#undef CODEC_INT
}

CSV_TEST(codec_test_roundtrip)
{
	u64 rnd = CSV_TEST_SEED();
	unsigned int i, op;
	int len;

	for (op = 0; op < 2 * CSV_OP_COUNT; op++) {
		for (i = 0; i < CSV_TEST_ROUNDS(300); i++) {
			bool rsp = op & 1;

			codec_fill(&rnd, &codec_in);
			memset(codec_buf, CODEC_POISON, sizeof(codec_buf));
			len = codec_put(rsp, op / 2, &codec_in, codec_buf, sizeof(codec_buf));
			CSV_ASSERT_TRUE(len >= 0 && len % 8 == 0);
			CSV_ASSERT_TRUE(codec_is_poison(codec_buf + len, sizeof(codec_buf) - len));
			memset(&codec_out, CODEC_POISON, sizeof(codec_out));
			CSV_ASSERT_EQ(codec_get(rsp, op / 2, &codec_out, codec_buf, len), 0);
			codec_compare(test, codec_fields(rsp, op / 2), &codec_in, &codec_out);
		}
	}
}

CSV_TEST(codec_test_lengths)
{
	u64 rnd = CSV_TEST_SEED();
	unsigned int i, op;
	int len, cut;

	for (op = 0; op < 2 * CSV_OP_COUNT; op++) {
		for (i = 0; i < 10; i++) {
			bool rsp = op & 1;

			codec_fill(&rnd, &codec_in);
			len = codec_put(rsp, op / 2, &codec_in, codec_buf, sizeof(codec_buf));
			CSV_ASSERT_TRUE(len >= 0 && len + 8 <= CODEC_BUF);
			memset(codec_buf + len, 0, 8);
			for (cut = 0; cut <= len + 8; cut++)
				CSV_ASSERT_EQ(codec_get_exact(rsp, op / 2, &codec_out, codec_buf,
							      cut),
					      cut == len ? 0 : -EBADMSG);
			for (cut = 0; cut < len; cut++) {
				memset(codec_again, CODEC_POISON, sizeof(codec_again));
				CSV_ASSERT_EQ(codec_put(rsp, op / 2, &codec_in, codec_again, cut),
					      -EMSGSIZE);
				CSV_ASSERT_TRUE(codec_is_poison(codec_again + cut,
								sizeof(codec_again) - cut));
			}
		}
	}
}

/* Whatever comes: either it is refused, or encoding the result gives it again. */
CSV_TEST(codec_test_corruption)
{
	u64 rnd = CSV_TEST_SEED();
	unsigned int i, op;
	int len;

	for (i = 0; i < CSV_TEST_ROUNDS(20000); i++) {
		bool rsp = csv_test_below(&rnd, 2);

		op = csv_test_below(&rnd, CSV_OP_COUNT);
		codec_fill(&rnd, &codec_in);
		len = codec_put(rsp, op, &codec_in, codec_buf, sizeof(codec_buf));
		CSV_ASSERT_TRUE(len >= 0);
		if (!len)
			continue;
		do {
			codec_buf[csv_test_below(&rnd, len)] = csv_test_below(&rnd, 256);
		} while (csv_test_below(&rnd, 3));
		if (codec_get_exact(rsp, op, &codec_out, codec_buf, len))
			continue;
		/* Names pointed into the copy, which is gone. */
		CSV_ASSERT_EQ(codec_get(rsp, op, &codec_out, codec_buf, len), 0);
		CSV_ASSERT_EQ(codec_put(rsp, op, &codec_out, codec_again, CODEC_BUF), len);
		CSV_ASSERT_TRUE(!memcmp(codec_buf, codec_again, len));
	}
}

CSV_TEST(codec_test_garbage)
{
	u64 rnd = CSV_TEST_SEED();
	unsigned int i;

	for (i = 0; i < CSV_TEST_ROUNDS(20000); i++) {
		unsigned int len = csv_test_below(&rnd, 40) * 8;

		codec_fill_bytes(&rnd, codec_buf, len);
		codec_get_exact(i & 1, csv_test_below(&rnd, CSV_OP_COUNT + 3), &codec_out,
				codec_buf, len);
	}
}

/* The bytes, so that nobody changes them by accident. */
CSV_TEST(codec_test_layout)
{
	static const u8 want[] = {
		0x01, 0x02, 0x03, 0x04, 0x11, 0x12, 0x13, 0x14,		/* uid, gid */
		0x21, 0x22, 0x23, 0x24, 0x25, 0x26, 0x27, 0x28,		/* caps */
		0x12, 0x00, 0x00, 0x00, 0x01, 0x00, 0x00, 0x00,		/* umask, ngroups */
		0x31, 0x32, 0x33, 0x34,					/* a group */
		0x03, 0x81, 0xaa, 0xbb, 0xcc, 0x00, 0x00, 0x00,		/* fh */
		0x05, 0x00, 'h', 'e', 'l', 'l', 'o',			/* name */
		0xa4, 0x81, 0x00, 0x00,					/* mode */
		0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01,		/* rdev */
		0x00,							/* padding */
	};
	static const struct csv_args args = {
		.cred = { .uid = 0x04030201, .gid = 0x14131211, .caps = 0x2827262524232221ull,
			  .umask = 022, .ngroups = 1, .groups = { 0x34333231 } },
		.fh = { .len = 3, .type = 0x81, .data = { 0xaa, 0xbb, 0xcc } },
		.name = { .str = "hello", .len = 5 },
		.mode = 0100644,
		.rdev = 0x0102030405060708ull,
	};

	CSV_ASSERT_EQ(csv_wire_put_req(CSV_OP_MKNOD, &args, codec_buf, sizeof(codec_buf)),
		      (int)sizeof(want));
	CSV_EXPECT_TRUE(!memcmp(codec_buf, want, sizeof(want)));
}

CSV_TEST(codec_test_put_refused)
{
	static const char name[300];
	struct csv_args *args = &codec_in;
	u64 rnd = CSV_TEST_SEED();
	unsigned int i;

	for (i = 0; i < 8; i++) {
		u16 op = CSV_OP_RENAME;

		codec_fill(&rnd, args);
		switch (i) {
		case 0:
			args->name.len = 0;
			break;
		case 1:
			args->name2 = (struct csv_name){ .str = name, .len = 256 };
			break;
		case 2:
			args->fh.len = CSV_FH_MAX + 1;
			break;
		case 3:
			args->fh2.len = 255;
			break;
		case 4:
			args->cred.ngroups = CSV_GROUPS_MAX + 1;
			break;
		case 5:
			op = CSV_OP_SETATTR;
			args->setattr.valid = CSV_SET_ALL + 1;
			break;
		case 6:
			op = CSV_OP_COUNT;
			break;
		case 7:
			op = 0xffff;
			break;
		}
		CSV_EXPECT_EQ(csv_wire_put_req(op, args, codec_buf, sizeof(codec_buf)), -EINVAL);
	}
	/* Which came first is what is said. */
	codec_fill(&rnd, args);
	args->name2.len = 0;
	CSV_EXPECT_EQ(csv_wire_put_req(CSV_OP_RENAME, args, codec_buf, 8), -EMSGSIZE);
}

/* One byte changed in an encoded message, and decoding must refuse it. */
CSV_TEST(codec_test_get_refused)
{
	static const struct {
		u16 op;
		bool rsp;
		u16 at;
		u8 byte;
	} bad[] = {
		{ CSV_OP_LOOKUP, false, 22, 1 },		/* 65537 groups */
		{ CSV_OP_LOOKUP, false, 24, CSV_FH_MAX + 1 },	/* fh.len */
		{ CSV_OP_LOOKUP, false, 27, 1 },		/* padding of fh */
		{ CSV_OP_LOOKUP, false, 28, 0 },		/* no name */
		{ CSV_OP_LOOKUP, false, 29, 1 },		/* name of 259 bytes */
		{ CSV_OP_LOOKUP, false, 30, '/' },
		{ CSV_OP_LOOKUP, false, 31, 0 },
		{ CSV_OP_LOOKUP, false, 33, 1 },		/* padding in the end */
		{ CSV_OP_LOOKUP, false, 39, 0xff },
		{ CSV_OP_SETATTR, false, 29, 0x08 },		/* an unknown bit */
		{ CSV_OP_SETATTR, false, 31, 0x80 },
		{ CSV_OP_SETATTR, false, 28, 0x30 },		/* one field more */
		{ CSV_OP_SETATTR, false, 28, 0x00 },		/* one less */
		{ CSV_OP_SETATTR, false, 43, 0x40 },		/* nsec */
		{ CSV_OP_GETATTR, true, 75, 0x40 },		/* the four times */
		{ CSV_OP_GETATTR, true, 87, 0x40 },
		{ CSV_OP_GETATTR, true, 99, 0xff },
		{ CSV_OP_GETATTR, true, 111, 0x40 },
	};
	unsigned int i;
	int len;

	memset(&codec_in, 0, sizeof(codec_in));
	codec_in.fh.len = 1;
	codec_in.name = (struct csv_name){ .str = "abc", .len = 3 };
	codec_in.setattr.valid = CSV_SET_ATIME;
	codec_in.attr.atime.nsec = 999999999;
	for (i = 0; i < ARRAY_SIZE(bad); i++) {
		len = codec_put(bad[i].rsp, bad[i].op, &codec_in, codec_buf, sizeof(codec_buf));
		CSV_ASSERT_TRUE(len > bad[i].at);
		CSV_EXPECT_EQ(codec_get(bad[i].rsp, bad[i].op, &codec_out, codec_buf, len), 0);
		CSV_EXPECT_TRUE(codec_buf[bad[i].at] != bad[i].byte);
		codec_buf[bad[i].at] = bad[i].byte;
		if (i == 0)
			codec_buf[20] = 1;
		CSV_EXPECT_EQ(codec_get(bad[i].rsp, bad[i].op, &codec_out, codec_buf, len),
			      -EBADMSG);
	}
	CSV_EXPECT_EQ(csv_wire_get_req(CSV_OP_COUNT, &codec_out, codec_buf, 0), -EBADMSG);
	CSV_EXPECT_EQ(csv_wire_get_rsp(0xffff, &codec_out, codec_buf, 0), -EBADMSG);
	CSV_EXPECT_EQ(csv_wire_get_req(CSV_OP_NULL, &codec_out, codec_buf, 0), 0);
}

CSV_TEST(codec_test_groups)
{
	static const struct {
		u32 ngroups;
		int len;
	} groups[] = { { 0, 32 }, { 1, 32 }, { 2, 40 }, { 16, 96 }, { 17, 32 }, { 65536, 32 } };
	unsigned int i;

	memset(&codec_in, 0, sizeof(codec_in));
	codec_in.fh.len = 2;
	for (i = 0; i < ARRAY_SIZE(groups); i++) {
		codec_in.cred.ngroups = groups[i].ngroups;
		CSV_EXPECT_EQ(csv_wire_put_req(CSV_OP_READLINK, &codec_in, codec_buf, CODEC_BUF),
			      groups[i].len);
		CSV_EXPECT_EQ(csv_wire_get_req(CSV_OP_READLINK, &codec_out, codec_buf,
					       groups[i].len), 0);
		CSV_EXPECT_EQ(codec_out.cred.ngroups, groups[i].ngroups);
	}
}

/* A reply must be decodable whatever the disk says. */
CSV_TEST(codec_test_bad_time)
{
	u64 rnd = CSV_TEST_SEED();
	int len;

	codec_fill(&rnd, &codec_in);
	codec_in.attr.mtime.nsec = 1000000000;
	codec_in.attr.btime.nsec = 0xffffffff;
	len = csv_wire_put_rsp(CSV_OP_GETATTR, &codec_in, codec_buf, sizeof(codec_buf));
	CSV_ASSERT_EQ(len, 112);
	CSV_EXPECT_EQ(csv_wire_get_rsp(CSV_OP_GETATTR, &codec_out, codec_buf, len), 0);
	CSV_EXPECT_EQ(codec_out.attr.mtime.nsec, 999999999u);
	CSV_EXPECT_EQ(codec_out.attr.btime.nsec, 999999999u);
}

CSV_TEST(codec_test_attr)
{
	u64 rnd = CSV_TEST_SEED();
	unsigned int i;
	int len, cut;

	for (i = 0; i < CSV_TEST_ROUNDS(200); i++) {
		codec_fill(&rnd, &codec_in);
		len = csv_wire_put_attr(&codec_in.attr, &codec_in.fh, codec_buf, CODEC_BUF);
		CSV_ASSERT_EQ(len, (int)ALIGN(112 + ALIGN(2 + codec_in.fh.len, 4), 8));
		for (cut = 0; cut < len; cut++) {
			CSV_ASSERT_EQ(csv_wire_put_attr(&codec_in.attr, &codec_in.fh, codec_again,
							cut), -EMSGSIZE);
			CSV_ASSERT_EQ(csv_wire_get_attr(&codec_out.attr, &codec_out.fh, codec_buf,
							cut), -EBADMSG);
		}
		CSV_ASSERT_EQ(csv_wire_get_attr(&codec_out.attr, &codec_out.fh, codec_buf,
						CODEC_BUF), len);
		CSV_ASSERT_TRUE(codec_same_attr(&codec_in.attr, &codec_out.attr));
		CSV_ASSERT_TRUE(codec_same_fh(&codec_in.fh, &codec_out.fh));
	}
}

CSV_SUITE(codec,
	  CSV_CASE(codec_test_roundtrip),
	  CSV_CASE(codec_test_lengths),
	  CSV_CASE(codec_test_corruption),
	  CSV_CASE(codec_test_garbage),
	  CSV_CASE(codec_test_layout),
	  CSV_CASE(codec_test_put_refused),
	  CSV_CASE(codec_test_get_refused),
	  CSV_CASE(codec_test_groups),
	  CSV_CASE(codec_test_bad_time),
	  CSV_CASE(codec_test_attr));
