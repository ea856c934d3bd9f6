// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs: messages without their arguments: the table of opcodes, the header,
 * and how errors travel.
 */
#ifdef __KERNEL__
#include <linux/crc32c.h>
#include <linux/errno.h>
#include <linux/kernel.h>
#endif
#include "wire.h"

/* opcodes */

#define CSV_OP_IDEMPOTENT	0x1

struct csv_op_desc {
	const char *name;
	u8 class;
	u8 flags;
	u16 req;
	u16 rsp;
};

#define CSV_OP(_name, _class, _flags, _req, _rsp)			\
	[CSV_OP_##_name] = { .name = #_name, .class = CSV_CLASS_##_class, \
			     .flags = (_flags), .req = (_req), .rsp = (_rsp) }

#define ONCE		0
#define AGAIN		CSV_OP_IDEMPOTENT
#define CRED		CSV_F_CRED
#define FH		CSV_F_FH
#define FH2		CSV_F_FH2
#define NAME		CSV_F_NAME
#define NAME2		CSV_F_NAME2
#define FLAGS		CSV_F_FLAGS
#define MODE		CSV_F_MODE
#define RDEV		CSV_F_RDEV
#define OFFSET		CSV_F_OFFSET
#define LENGTH		CSV_F_LENGTH
#define COUNT		CSV_F_COUNT
#define COOKIE		CSV_F_COOKIE
#define SEQ		CSV_F_SEQ
#define SETATTR		CSV_F_SETATTR
#define ATTR		CSV_F_ATTR
#define FSINFO		CSV_F_FSINFO

/*
 * AGAIN: running the operation a second time gives a reply that is as good as
 * the first one's. Every operation whose reply carries data is one of these,
 * since the reply cache holds no data.
 */
static const struct csv_op_desc csv_ops[CSV_OP_COUNT] = {
	CSV_OP(NULL, META, AGAIN, 0, 0),
	CSV_OP(ROOT, META, AGAIN, 0, FH | ATTR | FSINFO),
	CSV_OP(LOOKUP, META, AGAIN, CRED | FH | NAME, FH | ATTR),
	CSV_OP(GETATTR, META, AGAIN, FH | FLAGS, ATTR),
	CSV_OP(SETATTR, META, ONCE, CRED | FH | SETATTR, ATTR),
	CSV_OP(ACCESS, META, AGAIN, CRED | FH | FLAGS, ATTR),
	CSV_OP(OPEN, META, ONCE, CRED | FH | FLAGS, ATTR),
	CSV_OP(CREATE, META, ONCE, CRED | FH | NAME | FLAGS | MODE, FH | ATTR | FLAGS),
	CSV_OP(CLOSE, RESV, ONCE, FH | OFFSET | COUNT | SEQ, 0),
	CSV_OP(MKDIR, META, ONCE, CRED | FH | NAME | MODE, FH | ATTR),
	CSV_OP(MKNOD, META, ONCE, CRED | FH | NAME | MODE | RDEV, FH | ATTR),
	CSV_OP(SYMLINK, META, ONCE, CRED | FH | NAME, FH | ATTR),
	CSV_OP(READLINK, META, AGAIN, CRED | FH, 0),
	CSV_OP(LINK, META, ONCE, CRED | FH | FH2 | NAME, ATTR),
	CSV_OP(UNLINK, META, ONCE, CRED | FH | NAME, ATTR),
	CSV_OP(RMDIR, META, ONCE, CRED | FH | NAME, 0),
	CSV_OP(RENAME, META, ONCE, CRED | FH | FH2 | NAME | NAME2 | FLAGS, 0),
	CSV_OP(READDIR, META, AGAIN, CRED | FH | COOKIE | COUNT | FLAGS, COOKIE | FLAGS),
	CSV_OP(STATFS, META, AGAIN, FH, 0),
	CSV_OP(FSYNC, META, AGAIN, FH | FLAGS, ATTR),
	CSV_OP(FALLOCATE, META, ONCE, CRED | FH | FLAGS | OFFSET | LENGTH, ATTR),
	CSV_OP(SEEK, META, AGAIN, FH | OFFSET | FLAGS, OFFSET),
	CSV_OP(FLAGS_GET, META, AGAIN, CRED | FH, FLAGS | COOKIE),
	CSV_OP(FLAGS_SET, META, ONCE, CRED | FH | FLAGS | COOKIE, ATTR),
	CSV_OP(READ, DATA, AGAIN, FH | OFFSET | COUNT, ATTR | FLAGS),
	CSV_OP(WRITE, WRITE, ONCE, FH | OFFSET | FLAGS, ATTR | OFFSET | COUNT),
	CSV_OP(LAYOUT_GET, META, AGAIN, FH | OFFSET | LENGTH | COUNT | FLAGS, ATTR | SEQ),
	CSV_OP(LAYOUT_COMMIT, RESV, ONCE, FH | OFFSET | SEQ, ATTR),
	CSV_OP(LAYOUT_RETURN, RESV, ONCE, FH | OFFSET | LENGTH | SEQ, 0),
	CSV_OP(RECALL, RECALL, ONCE, FH | OFFSET | LENGTH | SEQ, FLAGS),
	CSV_OP(BLOCK_READ, DATA, AGAIN, FH | OFFSET | COUNT, 0),
	CSV_OP(BLOCK_WRITE, DATA, AGAIN, FH | OFFSET | FLAGS, 0),
	CSV_OP(BLOCK_FLUSH, DATA, AGAIN, 0, 0),
	CSV_OP(CLAIM, RESV, AGAIN, FLAGS, FLAGS),
};

#undef ONCE
#undef AGAIN
#undef CRED
#undef FH
#undef FH2
#undef NAME
#undef NAME2
#undef FLAGS
#undef MODE
#undef RDEV
#undef OFFSET
#undef LENGTH
#undef COUNT
#undef COOKIE
#undef SEQ
#undef SETATTR
#undef ATTR
#undef FSINFO

/**
 * csv_wire_req_fields() - the fields that a request carries
 * @op: the opcode
 *
 * Return: a set of CSV_F_*, empty for an unknown opcode.
 */
__u32 csv_wire_req_fields(__u16 op)
{
	return op < CSV_OP_COUNT ? csv_ops[op].req : 0;
}

/**
 * csv_wire_rsp_fields() - the fields that a successful reply carries
 * @op: the opcode
 *
 * Return: a set of CSV_F_*, empty for an unknown opcode.
 */
__u32 csv_wire_rsp_fields(__u16 op)
{
	return op < CSV_OP_COUNT ? csv_ops[op].rsp : 0;
}

/**
 * csv_wire_class() - the class of slots in which a request travels
 * @op: the opcode
 *
 * Return: the class, CSV_CLASS_META for an unknown opcode.
 */
enum csv_class csv_wire_class(__u16 op)
{
	return op < CSV_OP_COUNT ? csv_ops[op].class : CSV_CLASS_META;
}

/**
 * csv_wire_op_name() - an opcode for people
 * @op: the opcode
 *
 * Return: its name without CSV_OP_, never NULL.
 */
const char *csv_wire_op_name(__u16 op)
{
	return op < CSV_OP_COUNT ? csv_ops[op].name : "UNKNOWN";
}

/**
 * csv_wire_idempotent() - whether a reply can be made anew
 * @op: the opcode
 *
 * Return: true if running the operation again answers a repeated request, so
 * that its reply needs no cache; false for an unknown opcode.
 */
bool csv_wire_idempotent(__u16 op)
{
	return op < CSV_OP_COUNT && (csv_ops[op].flags & CSV_OP_IDEMPOTENT);
}

/**
 * csv_wire_shows() - whether it shows when an operation was executed twice
 * @op: the opcode
 *
 * Return: true if a second execution may answer or leave behind something else; not for
 * what only says who uses a file.
 */
bool csv_wire_shows(__u16 op)
{
	enum csv_class class = csv_wire_class(op);

	return op < CSV_OP_COUNT && !csv_wire_idempotent(op) && op != CSV_OP_OPEN &&
	       (class == CSV_CLASS_META || class == CSV_CLASS_WRITE);
}

/* header */

/*
 * CRC32C of @len bytes from @hdr, the four of hcrc taken as 0. Seeded with ~0
 * and not inverted at the end, like the rest of the kernel's users.
 */
static __u32 csv_wire_crc(const struct csv_wire_hdr *hdr, unsigned int len)
{
	static const u8 zero[sizeof(hdr->hcrc)];
	const u8 *bytes = (const u8 *)hdr;
	const unsigned int behind = offsetofend(struct csv_wire_hdr, hcrc);
	__u32 crc;

	crc = crc32c(~0u, bytes, offsetof(struct csv_wire_hdr, hcrc));
	crc = crc32c(crc, zero, sizeof(zero));
	return crc32c(crc, bytes + behind, len - behind);
}

/**
 * csv_wire_seal() - finish a header: magic, hlen and CRC
 * @hdr: the header, the operation header directly behind it; all else is set
 * @total_hlen: bytes of both, a multiple of 8, at most CSV_WIRE_HDR_MAX
 */
void csv_wire_seal(struct csv_wire_hdr *hdr, unsigned int total_hlen)
{
	hdr->magic = cpu_to_le32(CSV_WIRE_MAGIC);
	hdr->hlen = total_hlen / 8;
	hdr->hcrc = cpu_to_le32(csv_wire_crc(hdr, total_hlen));
}

/**
 * csv_wire_check() - whether a header makes sense, before the rest has come
 * @hdr: the fixed part; nothing behind it is looked at
 * @io_max: the most data that this receiver accepts
 *
 * Return: 0; -EPROTO if this is not our protocol (magic, type, flags), or
 * -EBADMSG if the lengths are impossible.
 */
int csv_wire_check(const struct csv_wire_hdr *hdr, __u32 io_max)
{
	unsigned int hlen = hdr->hlen * 8;
	unsigned int need = sizeof(*hdr);

	if (hdr->magic != cpu_to_le32(CSV_WIRE_MAGIC) ||
	    hdr->type < CSV_MSG_HELLO || hdr->type >= CSV_MSG_COUNT ||
	    (hdr->flags & ~CSV_WIRE_F_ALL))
		return -EPROTO;

	if (hdr->type == CSV_MSG_REQ || hdr->type == CSV_MSG_CANCEL)
		need += sizeof(struct csv_wire_req);
	else if (hdr->type == CSV_MSG_RSP)
		need += sizeof(struct csv_wire_rsp);

	if (hlen < need || hdr->doff < hdr->hlen || le32_to_cpu(hdr->plen) > io_max)
		return -EBADMSG;
	return 0;
}

/**
 * csv_wire_verify() - check the CRC of a header
 * @hdr: a header that csv_wire_check() has passed, hlen * 8 bytes in memory
 *
 * Return: 0 or -EBADMSG.
 */
int csv_wire_verify(const struct csv_wire_hdr *hdr)
{
	unsigned int hlen = hdr->hlen * 8;

	if (hlen < sizeof(*hdr) || csv_wire_crc(hdr, hlen) != le32_to_cpu(hdr->hcrc))
		return -EBADMSG;
	return 0;
}

/* status */

/*
 * The numbers of include/uapi/asm-generic/errno.h, which are not those of every
 * architecture. Holes are statuses that nobody sends.
 */
static const u16 csv_errnos[] = {
	[1] = EPERM, [2] = ENOENT, [3] = ESRCH, [4] = EINTR, [5] = EIO,
	[6] = ENXIO, [7] = E2BIG, [8] = ENOEXEC, [9] = EBADF, [10] = ECHILD,
	[11] = EAGAIN, [12] = ENOMEM, [13] = EACCES, [14] = EFAULT,
	[15] = ENOTBLK, [16] = EBUSY, [17] = EEXIST, [18] = EXDEV,
	[19] = ENODEV, [20] = ENOTDIR, [21] = EISDIR, [22] = EINVAL,
	[23] = ENFILE, [24] = EMFILE, [25] = ENOTTY, [26] = ETXTBSY,
	[27] = EFBIG, [28] = ENOSPC, [29] = ESPIPE, [30] = EROFS,
	[31] = EMLINK, [32] = EPIPE, [33] = EDOM, [34] = ERANGE,
	[35] = EDEADLK, [36] = ENAMETOOLONG, [37] = ENOLCK, [38] = ENOSYS,
	[39] = ENOTEMPTY, [40] = ELOOP, [42] = ENOMSG, [43] = EIDRM,
	[44] = ECHRNG, [45] = EL2NSYNC, [46] = EL3HLT, [47] = EL3RST,
	[48] = ELNRNG, [49] = EUNATCH, [50] = ENOCSI, [51] = EL2HLT,
	[52] = EBADE, [53] = EBADR, [54] = EXFULL, [55] = ENOANO,
	[56] = EBADRQC, [57] = EBADSLT, [59] = EBFONT, [60] = ENOSTR,
	[61] = ENODATA, [62] = ETIME, [63] = ENOSR, [64] = ENONET,
	[65] = ENOPKG, [66] = EREMOTE, [67] = ENOLINK, [68] = EADV,
	[69] = ESRMNT, [70] = ECOMM, [71] = EPROTO, [72] = EMULTIHOP,
	[73] = EDOTDOT, [74] = EBADMSG, [75] = EOVERFLOW, [76] = ENOTUNIQ,
	[77] = EBADFD, [78] = EREMCHG, [79] = ELIBACC, [80] = ELIBBAD,
	[81] = ELIBSCN, [82] = ELIBMAX, [83] = ELIBEXEC, [84] = EILSEQ,
	[85] = ERESTART, [86] = ESTRPIPE, [87] = EUSERS, [88] = ENOTSOCK,
	[89] = EDESTADDRREQ, [90] = EMSGSIZE, [91] = EPROTOTYPE,
	[92] = ENOPROTOOPT, [93] = EPROTONOSUPPORT, [94] = ESOCKTNOSUPPORT,
	[95] = EOPNOTSUPP, [96] = EPFNOSUPPORT, [97] = EAFNOSUPPORT,
	[98] = EADDRINUSE, [99] = EADDRNOTAVAIL, [100] = ENETDOWN,
	[101] = ENETUNREACH, [102] = ENETRESET, [103] = ECONNABORTED,
	[104] = ECONNRESET, [105] = ENOBUFS, [106] = EISCONN, [107] = ENOTCONN,
	[108] = ESHUTDOWN, [109] = ETOOMANYREFS, [110] = ETIMEDOUT,
	[111] = ECONNREFUSED, [112] = EHOSTDOWN, [113] = EHOSTUNREACH,
	[114] = EALREADY, [115] = EINPROGRESS, [116] = ESTALE, [117] = EUCLEAN,
	[118] = ENOTNAM, [119] = ENAVAIL, [120] = EISNAM, [121] = EREMOTEIO,
	[122] = EDQUOT, [123] = ENOMEDIUM, [124] = EMEDIUMTYPE,
	[125] = ECANCELED, [126] = ENOKEY, [127] = EKEYEXPIRED,
	[128] = EKEYREVOKED, [129] = EKEYREJECTED, [130] = EOWNERDEAD,
	[131] = ENOTRECOVERABLE, [132] = ERFKILL, [133] = EHWPOISON,
};

/* Errors that only have a meaning inside one kernel, and what others see. */
static u32 csv_status_internal(int err)
{
	switch (err) {
	case -CSV_ESTALE_EPOCH:
		return CSV_ST_STALE_EPOCH;
	case -CSV_EBEHIND:
		return CSV_ST_BEHIND;
	case -CSV_ENOT_COORD:
		return CSV_ST_NOT_COORD;
	case -CSV_ENO_LAYOUT:
		return CSV_ST_NO_LAYOUT;
	case -CSV_EUNMAPPABLE:
		return CSV_ST_UNMAPPABLE;
	case -CSV_EREDIRECT:
		return CSV_ST_REDIRECT;
	case -CSV_EDIGEST:
		return CSV_ST_DIGEST;
#ifdef __KERNEL__
	case -ERESTARTSYS:
	case -ERESTARTNOINTR:
	case -ERESTARTNOHAND:
	case -ERESTART_RESTARTBLOCK:
		return csv_wire_status(-EINTR);
	case -EOPENSTALE:
	case -EBADHANDLE:
		return csv_wire_status(-ESTALE);
	case -ENOTSUPP:
		return csv_wire_status(-EOPNOTSUPP);
#endif
	}
	return csv_wire_status(-EIO);
}

/**
 * csv_wire_status() - an error as the number that travels
 * @err: 0 or a negative errno; anything else is taken as -EIO
 *
 * Return: 0 for 0 only, else the status.
 */
__u32 csv_wire_status(int err)
{
	u32 i;

	if (!err)
		return 0;
	if (err < 0 && err > -(int)ARRAY_SIZE(csv_errnos) && csv_errnos[-err] == -err)
		return -err;
	for (i = 1; i < ARRAY_SIZE(csv_errnos); i++)
		if (csv_errnos[i] && csv_errnos[i] == -(s64)err)
			return i;
	return csv_status_internal(err);
}

/**
 * csv_wire_errno() - the error behind a number that came
 * @status: from the wire
 *
 * Return: 0 for 0 only, else a negative errno; -EIO for an unknown status.
 */
int csv_wire_errno(__u32 status)
{
	if (!status)
		return 0;
	if (status < ARRAY_SIZE(csv_errnos) && csv_errnos[status])
		return -csv_errnos[status];
	switch (status) {
	case CSV_ST_STALE_EPOCH:
		return -CSV_ESTALE_EPOCH;
	case CSV_ST_BEHIND:
		return -CSV_EBEHIND;
	case CSV_ST_NOT_COORD:
		return -CSV_ENOT_COORD;
	case CSV_ST_NO_LAYOUT:
		return -CSV_ENO_LAYOUT;
	case CSV_ST_UNMAPPABLE:
		return -CSV_EUNMAPPABLE;
	case CSV_ST_REDIRECT:
		return -CSV_EREDIRECT;
	case CSV_ST_DIGEST:
		return -CSV_EDIGEST;
	}
	return -EIO;
}
