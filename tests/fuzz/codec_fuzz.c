// SPDX-License-Identifier: GPL-2.0
/*
 * Fuzzes what a peer can send to the codec. The first three bytes choose, see
 * codec_seed.c; the rest is the message.
 */
// sources: ../../kernel/wire/codec.c ../../kernel/wire/message.c
#include "shim.h"
#include "wire/wire.h"

#define CODEC_FUZZ_MAX	4096

static void codec_fuzz_require(bool good)
{
	if (!good)
		abort();
}

/* Names that the decoder lets through. */
static void codec_fuzz_name(const struct csv_name *name, const u8 *buf, size_t size)
{
	codec_fuzz_require(name->len >= 1 && name->len <= 255);
	codec_fuzz_require((const u8 *)name->str >= buf &&
			   (const u8 *)name->str + name->len <= buf + size);
	codec_fuzz_require(!memchr(name->str, '/', name->len) &&
			   !memchr(name->str, 0, name->len));
}

/* What is accepted has one encoding: the one that came. */
static void codec_fuzz_args(u16 op, bool rsp, const u8 *buf, size_t size)
{
	static u8 again[CODEC_FUZZ_MAX];
	u32 fields = rsp ? csv_wire_rsp_fields(op) : csv_wire_req_fields(op);
	struct csv_args args;
	int len;

	if (rsp ? csv_wire_get_rsp(op, &args, buf, size) : csv_wire_get_req(op, &args, buf, size))
		return;
	if (fields & CSV_F_NAME)
		codec_fuzz_name(&args.name, buf, size);
	if (fields & CSV_F_NAME2)
		codec_fuzz_name(&args.name2, buf, size);
	len = rsp ? csv_wire_put_rsp(op, &args, again, sizeof(again)) :
		    csv_wire_put_req(op, &args, again, sizeof(again));
	codec_fuzz_require(len == (int)size && !memcmp(again, buf, size));
}

static void codec_fuzz_attr(const u8 *buf, size_t size)
{
	static u8 again[CODEC_FUZZ_MAX];
	struct csv_attr attr;
	struct csv_fh fh;
	int used = csv_wire_get_attr(&attr, &fh, buf, size);

	if (used < 0)
		return;
	codec_fuzz_require(used <= (int)size && used % 8 == 0);
	codec_fuzz_require(csv_wire_put_attr(&attr, &fh, again, sizeof(again)) == used);
	codec_fuzz_require(!memcmp(again, buf, used));
}

static void codec_fuzz_header(const u8 *buf, size_t size)
{
	static u8 memory[CODEC_FUZZ_MAX] __aligned(8);
	struct csv_wire_hdr *hdr = (struct csv_wire_hdr *)memory;

	if (size < sizeof(*hdr))
		return;
	memcpy(memory, buf, size);
	if (csv_wire_check(hdr, CSV_WIRE_IO_MAX) || hdr->hlen * 8u > size)
		return;
	if (csv_wire_verify(hdr)) {
		csv_wire_seal(hdr, hdr->hlen * 8);
		codec_fuzz_require(!csv_wire_verify(hdr));
		codec_fuzz_require(!csv_wire_check(hdr, CSV_WIRE_IO_MAX));
	}
}

int LLVMFuzzerTestOneInput(const u8 *data, size_t size);
int LLVMFuzzerTestOneInput(const u8 *data, size_t size)
{
	u16 op;
	u8 *buf;

	if (size < 3 || size > CODEC_FUZZ_MAX)
		return 0;
	op = data[1] | data[2] << 8;
	/* Memory of exactly the size, so that ASAN sees every step beyond. */
	buf = malloc(size - 3 ? size - 3 : 1);
	if (!buf)
		return 0;
	memcpy(buf, data + 3, size - 3);
	switch (data[0] % 5) {
	case 0:
	case 1:
		codec_fuzz_args(op, data[0] & 1, buf, size - 3);
		break;
	case 2:
		codec_fuzz_attr(buf, size - 3);
		break;
	case 3:
		codec_fuzz_header(buf, size - 3);
		break;
	case 4:
		codec_fuzz_require(csv_wire_errno(op) <= 0);
		codec_fuzz_require((csv_wire_errno(op) == 0) == (op == 0));
		break;
	}
	free(buf);
	return 0;
}
