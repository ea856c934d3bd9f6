// SPDX-License-Identifier: GPL-2.0
/* Header, status and the table of opcodes (wire/message.c). */
// sources: ../../kernel/wire/message.c
#include "test.h"
#include "../../kernel/wire/wire.h"

CSV_TEST(message_test_header)
{
	static u8 memory[CSV_WIRE_HDR_MAX] __aligned(8);
	struct csv_wire_hdr *hdr = (struct csv_wire_hdr *)memory;
	u64 rnd = CSV_TEST_SEED();
	unsigned int i, len;

	for (len = sizeof(*hdr); len <= CSV_WIRE_HDR_MAX; len += 8) {
		for (i = 0; i < len; i++)
			memory[i] = csv_test_below(&rnd, 256);
		csv_wire_seal(hdr, len);
		CSV_ASSERT_EQ(hdr->hlen, len / 8);
		CSV_ASSERT_EQ(csv_wire_verify(hdr), 0);
		for (i = 0; i < 20; i++) {
			unsigned int at = csv_test_below(&rnd, len);
			u8 bit = 1 << csv_test_below(&rnd, 8);

			if (at == offsetof(struct csv_wire_hdr, hlen))
				continue;
			memory[at] ^= bit;
			CSV_ASSERT_EQ(csv_wire_verify(hdr), -EBADMSG);
			memory[at] ^= bit;
		}
	}
	hdr->hlen = 3;
	CSV_EXPECT_EQ(csv_wire_verify(hdr), -EBADMSG);
}

CSV_TEST(message_test_header_check)
{
	static const struct {
		u32 magic;
		u8 type, flags, hlen, doff;
		u32 plen;
		int err;
	} heads[] = {
		{ CSV_WIRE_MAGIC, CSV_MSG_REQ, 0, 6, 6, 0, 0 },
		{ CSV_WIRE_MAGIC, CSV_MSG_REQ, CSV_WIRE_F_DDGST, 6, 255, 4096, 0 },
		{ CSV_WIRE_MAGIC, CSV_MSG_RSP, 0, 5, 5, 0, 0 },
		{ CSV_WIRE_MAGIC, CSV_MSG_HELLO, 0, 4, 4, 0, 0 },
		{ CSV_WIRE_MAGIC, CSV_MSG_GOAWAY, 0, 255, 255, 0, 0 },
		{ CSV_WIRE_MAGIC + 1, CSV_MSG_REQ, 0, 6, 6, 0, -EPROTO },
		{ CSV_WIRE_MAGIC, 0, 0, 6, 6, 0, -EPROTO },
		{ CSV_WIRE_MAGIC, CSV_MSG_COUNT, 0, 6, 6, 0, -EPROTO },
		{ CSV_WIRE_MAGIC, CSV_MSG_REQ, 2, 6, 6, 0, -EPROTO },
		{ CSV_WIRE_MAGIC, CSV_MSG_REQ, 0, 5, 5, 0, -EBADMSG },
		{ CSV_WIRE_MAGIC, CSV_MSG_RSP, 0, 4, 4, 0, -EBADMSG },
		{ CSV_WIRE_MAGIC, CSV_MSG_PING, 0, 3, 4, 0, -EBADMSG },
		{ CSV_WIRE_MAGIC, CSV_MSG_PING, 0, 0, 0, 0, -EBADMSG },
		{ CSV_WIRE_MAGIC, CSV_MSG_REQ, 0, 7, 6, 0, -EBADMSG },
		{ CSV_WIRE_MAGIC, CSV_MSG_REQ, 0, 6, 6, 4097, -EBADMSG },
		{ CSV_WIRE_MAGIC, CSV_MSG_REQ, 0, 6, 6, 0xffffffff, -EBADMSG },
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(heads); i++) {
		struct csv_wire_hdr hdr = {
			.magic = cpu_to_le32(heads[i].magic),
			.type = heads[i].type,
			.flags = heads[i].flags,
			.hlen = heads[i].hlen,
			.doff = heads[i].doff,
			.plen = cpu_to_le32(heads[i].plen),
		};

		CSV_EXPECT_EQ(csv_wire_check(&hdr, 4096), heads[i].err);
	}
}

CSV_TEST(message_test_crc)
{
	static const u8 zeros[32];

	/* RFC 3720, B.4, and the usual check value. */
	CSV_EXPECT_EQ(~crc32c(~0u, "123456789", 9), 0xe3069283u);
	CSV_EXPECT_EQ(~crc32c(~0u, zeros, 32), 0x8a9136aau);
	CSV_EXPECT_EQ(crc32c(crc32c(~0u, "1234", 4), "56789", 5), crc32c(~0u, "123456789", 9));
}

CSV_TEST(message_test_status)
{
	static const struct {
		int err;
		u32 status;
	} known[] = {
		{ 0, 0 }, { -EPERM, 1 }, { -ENOENT, 2 }, { -EIO, 5 }, { -EAGAIN, 11 },
		{ -EEXIST, 17 }, { -EXDEV, 18 }, { -EINVAL, 22 }, { -ENOSPC, 28 },
		{ -EDEADLK, 35 }, { -ENAMETOOLONG, 36 }, { -ENOTEMPTY, 39 }, { -ENODATA, 61 },
		{ -EOVERFLOW, 75 }, { -EOPNOTSUPP, 95 }, { -ETIMEDOUT, 110 }, { -ESTALE, 116 },
		{ -EDQUOT, 122 }, { -CSV_ESTALE_EPOCH, 1001 }, { -CSV_EBEHIND, 1002 },
		{ -CSV_ENOT_COORD, 1003 }, { -CSV_ENO_LAYOUT, 1004 }, { -CSV_EUNMAPPABLE, 1005 },
		{ -CSV_EREDIRECT, 1006 }, { -CSV_EDIGEST, 1007 },
	};
	unsigned int i;
	u32 status;
	int err;

	for (i = 0; i < ARRAY_SIZE(known); i++) {
		CSV_EXPECT_EQ(csv_wire_status(known[i].err), known[i].status);
		CSV_EXPECT_EQ(csv_wire_errno(known[i].status), known[i].err);
	}
	for (status = 1; status < 70000; status++) {
		err = csv_wire_errno(status);
		CSV_ASSERT_TRUE(err < 0);
		CSV_ASSERT_TRUE(err == -EIO || csv_wire_status(err) == status);
	}
	for (err = -5000; err < 0; err++)
		CSV_ASSERT_TRUE(csv_wire_status(err) > 0 &&
				csv_wire_errno(csv_wire_status(err)) < 0);
	CSV_EXPECT_EQ(csv_wire_errno(41), -EIO);
	CSV_EXPECT_EQ(csv_wire_errno(1099), -EIO);
	CSV_EXPECT_EQ(csv_wire_errno(0x80000000), -EIO);
	CSV_EXPECT_EQ(csv_wire_errno(0xffffffff), -EIO);
	CSV_EXPECT_EQ(csv_wire_status(-CSV_ESESSION), 5u);
	CSV_EXPECT_EQ(csv_wire_status(-100000), 5u);
	CSV_EXPECT_EQ(csv_wire_status(1), 5u);
	CSV_EXPECT_EQ(csv_wire_status(EPERM), 5u);
	CSV_EXPECT_EQ(csv_wire_status(-2147483647 - 1), 5u);
#ifdef __KERNEL__
	CSV_EXPECT_EQ(csv_wire_status(-ERESTARTSYS), 4u);
	CSV_EXPECT_EQ(csv_wire_status(-EOPENSTALE), 116u);
#endif
}

CSV_TEST(message_test_opcodes)
{
	static const u16 resv[] = { CSV_OP_CLOSE, CSV_OP_LAYOUT_COMMIT, CSV_OP_LAYOUT_RETURN,
				    CSV_OP_CLAIM };
	static const u16 data[] = { CSV_OP_READ, CSV_OP_BLOCK_READ, CSV_OP_BLOCK_WRITE,
				    CSV_OP_BLOCK_FLUSH };
	/* Their replies carry data, which no cache keeps. */
	static const u16 again[] = { CSV_OP_READLINK, CSV_OP_READDIR, CSV_OP_STATFS, CSV_OP_READ,
				     CSV_OP_LAYOUT_GET, CSV_OP_BLOCK_READ };
	static const u16 once[] = { CSV_OP_SETATTR, CSV_OP_OPEN, CSV_OP_CREATE, CSV_OP_CLOSE,
				    CSV_OP_MKDIR, CSV_OP_LINK, CSV_OP_UNLINK, CSV_OP_RENAME,
				    CSV_OP_WRITE, CSV_OP_FALLOCATE, CSV_OP_LAYOUT_RETURN };
	enum csv_class class;
	unsigned int i, op;

	for (op = 0; op < CSV_OP_COUNT; op++) {
		CSV_ASSERT_TRUE(!!csv_wire_op_name(op));
		class = CSV_CLASS_META;
		for (i = 0; i < ARRAY_SIZE(resv); i++)
			if (resv[i] == op)
				class = CSV_CLASS_RESV;
		for (i = 0; i < ARRAY_SIZE(data); i++)
			if (data[i] == op)
				class = CSV_CLASS_DATA;
		if (op == CSV_OP_RECALL)
			class = CSV_CLASS_RECALL;
		if (op == CSV_OP_WRITE)
			class = CSV_CLASS_WRITE;
		CSV_EXPECT_EQ(csv_wire_class(op), class);
	}
	for (i = 0; i < ARRAY_SIZE(again); i++)
		CSV_EXPECT_TRUE(csv_wire_idempotent(again[i]));
	for (i = 0; i < ARRAY_SIZE(once); i++)
		CSV_EXPECT_TRUE(!csv_wire_idempotent(once[i]));
	CSV_EXPECT_TRUE(!strcmp(csv_wire_op_name(CSV_OP_LAYOUT_GET), "LAYOUT_GET"));
	CSV_EXPECT_TRUE(!strcmp(csv_wire_op_name(CSV_OP_COUNT), "UNKNOWN"));
	CSV_EXPECT_TRUE(!csv_wire_idempotent(CSV_OP_COUNT));
	CSV_EXPECT_EQ(csv_wire_class(0xffff), CSV_CLASS_META);
	CSV_EXPECT_EQ(csv_wire_req_fields(CSV_OP_COUNT) | csv_wire_rsp_fields(0xffff), 0u);
}

CSV_SUITE(message,
	  CSV_CASE(message_test_header),
	  CSV_CASE(message_test_header_check),
	  CSV_CASE(message_test_crc),
	  CSV_CASE(message_test_status),
	  CSV_CASE(message_test_opcodes));
