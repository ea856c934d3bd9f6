/* SPDX-License-Identifier: GPL-2.0 */
/*
 * csvfs on the wire: message layouts, opcodes, and the codec's interface.
 *
 * Pure: this file, codec.c and message.c know no kernel object, so that they also build
 * in userspace for the property test and the fuzzer (tests/pure/shim.h).
 *
 * A message is
 *
 *	struct csv_wire_hdr	32 bytes
 *	operation header	up to hdr.hlen * 8 bytes from the start
 *	data			hdr.plen bytes from hdr.doff * 8
 *	data digest		4 bytes, where CSV_WIRE_F_DDGST is set
 *
 * All integers are little-endian. hcrc is the CRC32C of the first hdr.hlen * 8
 * bytes, with hcrc itself taken as 0.
 */
#ifndef CSV_WIRE_H
#define CSV_WIRE_H

#ifdef __KERNEL__
#include <linux/types.h>
#include <linux/stddef.h>
#include <linux/build_bug.h>
#else
#include "shim.h"
#endif

#define CSV_WIRE_MAGIC		0x31565343u	/* "CSV1" */
#define CSV_WIRE_VERSION_MIN	1
#define CSV_WIRE_VERSION	1
#define CSV_WIRE_HDR_MAX	2040		/* header and operation header */
#define CSV_WIRE_IO_MAX		(1u << 20)	/* data of one message */

enum csv_wire_type {
	CSV_MSG_HELLO = 1,
	CSV_MSG_AUTH,
	CSV_MSG_READY,
	CSV_MSG_REQ,
	CSV_MSG_RSP,
	CSV_MSG_CANCEL,
	CSV_MSG_PING,
	CSV_MSG_PONG,
	CSV_MSG_GOAWAY,
	CSV_MSG_COUNT,
};

#define CSV_WIRE_F_DDGST	0x01		/* a CRC32C of the data follows it */
#define CSV_WIRE_F_ALL		CSV_WIRE_F_DDGST

struct csv_wire_hdr {
	__le32 magic;
	__u8 type;
	__u8 flags;
	__u8 hlen;		/* in units of 8 bytes, from the start */
	__u8 doff;		/* likewise: where the data starts, >= hlen */
	__le32 plen;		/* bytes of data */
	__le32 tag;		/* slot << 16 | generation */
	__le16 opcode;
	__le16 credit;		/* RSP: slots of its class that may be used from now on */
	__le32 epoch;		/* of the volume, as the sender knows it */
	__le32 hcrc;
	__le32 volume;
};

static_assert(sizeof(struct csv_wire_hdr) == 32);
static_assert(offsetof(struct csv_wire_hdr, hcrc) == 24);

/* Classes of slots. A class never waits for one that stands before it. */
enum csv_class {
	CSV_CLASS_META,		/* may wait for recalls */
	CSV_CLASS_WRITE,	/* likewise, with up to CSV_WIRE_IO_MAX of data */
	CSV_CLASS_RECALL,	/* waits for I/O under way, and its COMMIT */
	CSV_CLASS_DATA,		/* waits for the disk at most */
	CSV_CLASS_RESV,		/* what ends a recall */
	CSV_CLASS_COUNT,
};

/* The handshake: what follows the header of a HELLO and of an AUTH. */
#define CSV_WIRE_CLUSTER_LEN	64
#define CSV_WIRE_MAC_LEN	32		/* HMAC-SHA256 */
#define CSV_WIRE_GOAWAY_LEN	80		/* text behind the header of a GOAWAY */

#define CSV_FEATURE_DDGST	(1ull << 0)	/* digests of data */

struct csv_wire_hello {
	__le32 version_min;
	__le32 version_max;
	__le64 features;		/* that I know */
	__le64 features_required;	/* that you must know */
	__le64 incarnation;
	__le64 instance;
	__le64 link;			/* chosen by the dialer */
	__le32 node;
	__le32 target;			/* whom I take you for */
	__le32 io_max;
	__le16 slots[CSV_CLASS_COUNT];
	__u8 index;			/* 0: control connection */
	__u8 reserved;
	__u8 nonce[32];
	__u8 digest[16];		/* of the table in force */
	char cluster[CSV_WIRE_CLUSTER_LEN];
};

static_assert(sizeof(struct csv_wire_hello) == 184);

struct csv_wire_auth {
	__le64 session;			/* under which the sender takes requests */
	__u8 mac[CSV_WIRE_MAC_LEN];
};

static_assert(sizeof(struct csv_wire_auth) == 40);

/* Opens the operation header of a REQ; all of it in a CANCEL, which has the REQ's tag. */
struct csv_wire_req {
	__le64 session;
	__le32 seq;		/* of the slot */
	__le32 flags;
};

static_assert(sizeof(struct csv_wire_req) == 16);

/* Opens the operation header of a RSP. */
struct csv_wire_rsp {
	__le32 seq;
	__le32 status;		/* 0, an errno by its asm-generic number, or CSV_ST_* */
};

static_assert(sizeof(struct csv_wire_rsp) == 8);

/* Answers that are not errors of the operation; as errno in the kernel, see message.c. */
#define CSV_ST_STALE_EPOCH	1001	/* the sender's table is older than ours */
#define CSV_ST_BEHIND		1002	/* ours is older than the sender's: wait */
#define CSV_ST_NOT_COORD	1003	/* not mine, or not online yet: wait */
#define CSV_ST_NO_LAYOUT	1004	/* the range is not granted (any more) */
#define CSV_ST_UNMAPPABLE	1005	/* this inode has no layouts, for now or for ever */
#define CSV_ST_DIGEST		1007	/* the data was damaged, or changed on its way: again */
#define CSV_ST_REDIRECT		1006	/* no layout this time: let the coordinator do it */

#define CSV_SLOTS_META	64
#define CSV_SLOTS_WRITE	64
#define CSV_SLOTS_RECALL	16
#define CSV_SLOTS_DATA	64
#define CSV_SLOTS_RESV	16
#define CSV_SLOTS	(CSV_SLOTS_META + CSV_SLOTS_WRITE + CSV_SLOTS_RECALL + \
			 CSV_SLOTS_DATA + CSV_SLOTS_RESV)

enum csv_opcode {
	CSV_OP_NULL,
	/* metadata */
	CSV_OP_ROOT,		/* -> fh attr fsinfo */
	CSV_OP_LOOKUP,		/* cred fh name -> fh attr */
	CSV_OP_GETATTR,		/* fh flags -> attr */
	CSV_OP_SETATTR,		/* cred fh iattr -> attr */
	CSV_OP_ACCESS,		/* cred fh flags(mask) -> attr */
	CSV_OP_OPEN,		/* cred fh flags -> attr */
	CSV_OP_CREATE,		/* cred fh name flags mode -> fh attr flags(CREATED) */
	/* fh offset(layouts from there on go back) count(pins) seq(newest grant seen) */
	CSV_OP_CLOSE,
	CSV_OP_MKDIR,		/* cred fh name mode -> fh attr */
	CSV_OP_MKNOD,		/* cred fh name mode rdev -> fh attr */
	CSV_OP_SYMLINK,		/* cred fh name, data: target -> fh attr */
	CSV_OP_READLINK,	/* cred fh -> data: target */
	CSV_OP_LINK,		/* cred fh(source) fh2(dir) name -> attr */
	CSV_OP_UNLINK,		/* cred fh(dir) name -> attr(victim) */
	CSV_OP_RMDIR,		/* cred fh(dir) name */
	CSV_OP_RENAME,		/* cred fh name fh2 name2 flags */
	CSV_OP_READDIR,		/* cred fh cookie count flags -> cookie flags(EOF), data */
	CSV_OP_STATFS,		/* fh -> data: csv_wire_statfs */
	CSV_OP_FSYNC,		/* fh flags -> attr */
	CSV_OP_FALLOCATE,	/* cred fh flags(mode) offset length -> attr */
	CSV_OP_SEEK,		/* fh offset flags(whence) -> offset */
	CSV_OP_FLAGS_GET,	/* cred fh -> flags cookie */
	CSV_OP_FLAGS_SET,	/* cred fh flags cookie -> attr */
	/* file-redirected data */
	CSV_OP_READ,		/* fh offset count -> attr flags(EOF), data */
	CSV_OP_WRITE,		/* fh offset flags, data -> attr offset count */
	/* layouts */
	/* fh offset length count(wish) flags(RW) -> attr seq, data: extents */
	CSV_OP_LAYOUT_GET,
	/* fh offset(new size or 0) seq(newest grant seen), data: extents -> attr */
	CSV_OP_LAYOUT_COMMIT,
	CSV_OP_LAYOUT_RETURN,	/* fh offset length seq(newest grant seen) */
	CSV_OP_RECALL,		/* coordinator to holder: fh offset length seq -> flags */
	/* block-redirected data */
	CSV_OP_BLOCK_READ,	/* fh offset count -> data */
	CSV_OP_BLOCK_WRITE,	/* fh offset flags(FUA), data */
	CSV_OP_BLOCK_FLUSH,
	/* between nodes, about volumes */
	CSV_OP_CLAIM,		/* flags; data: uuid; epoch in the header -> flags(MINE) */
	CSV_OP_COUNT,
};

/* A file handle of the lower file system, the same on every node. */
#define CSV_FH_MAX	38
struct csv_fh {
	__u8 len;
	__u8 type;
	__u8 data[CSV_FH_MAX];
};

static_assert(sizeof(struct csv_fh) == 40);

/* Who calls: travels with every operation that checks a permission. */
#define CSV_GROUPS_INLINE	16	/* more travel at the start of the data */
#define CSV_GROUPS_MAX		65536
struct csv_cred {
	__u32 uid, gid;		/* fsuid, fsgid in the initial user namespace */
	__u64 caps;		/* effective; 0 outside the initial user namespace */
	__u32 umask;
	__u32 ngroups;
	__u32 groups[CSV_GROUPS_INLINE];
};

struct csv_time {
	__s64 sec;
	__u32 nsec;
};

/* What a node knows of an inode. Newer by @seq wins. */
struct csv_attr {
	__u64 seq;		/* grows with every answer about this volume */
	__u64 ino;
	__u64 size;
	__u64 blocks;		/* of 512 bytes */
	__u64 rdev;		/* new_encode_dev */
	__u32 mode;
	__u32 nlink;
	__u32 uid, gid;
	__u32 generation;
	__u32 flags;		/* what matters to a node: CSV_IATTR_* below */
	struct csv_time atime, mtime, ctime, btime;
};

#define CSV_IATTR_IMMUTABLE	0x1
#define CSV_IATTR_APPEND	0x2
#define CSV_IATTR_NOATIME	0x4
#define CSV_IATTR_UNMAPPABLE	0x8	/* file-redirected; no layouts */
#define CSV_IATTR_SYNC		0x10	/* each write is as by O_SYNC */
#define CSV_IATTR_NODUMP	0x20	/* statx() tells it, that is all */

/* SETATTR. */
#define CSV_SET_MODE		0x001
#define CSV_SET_UID		0x002
#define CSV_SET_GID		0x004
#define CSV_SET_SIZE		0x008
#define CSV_SET_ATIME		0x010	/* to the value sent */
#define CSV_SET_MTIME		0x020
#define CSV_SET_ATIME_NOW	0x040	/* to the coordinator's clock */
#define CSV_SET_MTIME_NOW	0x080
#define CSV_SET_KILL_PRIV	0x100	/* drop suid, sgid and file capabilities */
#define CSV_SET_TOUCH		0x200	/* a direct overwrite: mtime and ctime, no permission */
#define CSV_SET_OPENED		0x400	/* an open file may do SIZE and KILL_PRIV: open() asked */
#define CSV_SET_ALL		0x7ff
struct csv_setattr {
	__u32 valid;
	__u32 mode, uid, gid;
	__u64 size;
	struct csv_time atime, mtime;
};

/* flags of the operations */
#define CSV_GETATTR_TOUCH	0x1	/* the node overwrote data directly */
#define CSV_OPEN_READ		0x01
#define CSV_OPEN_WRITE		0x02
#define CSV_OPEN_EXEC		0x04
#define CSV_OPEN_TRUNC		0x08
#define CSV_OPEN_EXCL		0x10
#define CSV_OPEN_APPEND		0x20
#define CSV_OPEN_RECLAIM	0x80	/* of OPEN: all that the node has open of the file */
#define CSV_OPEN_CREAT		0x40	/* CREATE without it only opens what is there */
#define CSV_CREATE_CREATED	0x1	/* reply: the file is new */
#define CSV_FSYNC_DATA		0x1
#define CSV_FSYNC_TOUCH		0x2
#define CSV_FSYNC_ALL		0x4	/* of the volume: all that has reached its disk, too */
#define CSV_READDIR_PLUS	0x1
#define CSV_READDIR_EOF		0x1	/* reply */
#define CSV_READ_EOF		0x1	/* reply */
#define CSV_WRITE_APPEND	0x1
#define CSV_WRITE_SYNC		0x2
#define CSV_WRITE_KILL_PRIV	0x4	/* the writer may not keep suid and sgid */
#define CSV_LAYOUT_WRITE	0x1
#define CSV_BLOCK_FUA		0x1
#define CSV_RECALL_TOUCHED	0x1	/* reply: data was overwritten, set the times */
#define CSV_CLAIM_TAKE		0x1	/* nobody has it: the layouts of its last coordinator end */
#define CSV_CLAIM_MINE		0x1	/* reply: the volume is online here */
#define CSV_CLAIM_OTHER		0x2	/* reply: another node says that it is online there */

/* One extent of LAYOUT_GET (reply) and LAYOUT_COMMIT (request): 32 bytes. */
enum csv_ext_state {
	CSV_EXT_HOLE,		/* reads as zeros, has no address */
	CSV_EXT_UNWRITTEN,	/* reads as zeros, may be written under an RW layout */
	CSV_EXT_WRITTEN,
};

#define CSV_EXT_RW		0x1	/* may be written */
#define CSV_EXT_EXCL		0x2	/* nobody else holds a part of it */
struct csv_wire_extent {
	__le64 offset;		/* in the file, in bytes */
	__le64 length;
	__le64 addr;		/* on the volume's disk, in bytes */
	__le32 state;
	__le32 flags;
};

static_assert(sizeof(struct csv_wire_extent) == 32);
#define CSV_EXTENTS_MAX		128	/* in one message */

/* One entry of READDIR's data; the name follows, padded to 8 bytes. */
struct csv_wire_dirent {
	__le64 ino;
	__le64 cookie;		/* continue behind this entry */
	__le16 reclen;		/* of all of it, a multiple of 8 */
	__u8 type;		/* DT_* */
	__u8 namelen;
	__le32 attrlen;		/* PLUS: an encoded csv_attr and csv_fh follow the name */
};

static_assert(sizeof(struct csv_wire_dirent) == 24);

struct csv_wire_statfs {
	__le64 type, bsize, blocks, bfree, bavail, files, ffree, namelen, frsize;
};

/* ROOT's reply: what a super block needs. */
struct csv_fsinfo {
	__u64 maxbytes;
	__u32 blocksize;	/* of the lower file system */
	__u32 lbs;		/* logical block size of the disk */
	__u32 time_gran;
	__u32 flags;		/* CSV_FS_* */
	__u64 capacity;		/* of the disk, in bytes */
	__u8 uuid[16];
};

#define CSV_FS_LAYOUTS		0x1	/* the lower file system can map blocks */

struct csv_name {
	const char *str;	/* not NUL-terminated when decoded */
	__u32 len;
};

/*
 * The arguments of every request, and the results of every reply, are one
 * structure each; a table in message.c says which fields an opcode carries, in
 * the order of the bits.
 */
#define CSV_F_CRED	0x0001
#define CSV_F_FH	0x0002
#define CSV_F_FH2	0x0004
#define CSV_F_NAME	0x0008
#define CSV_F_NAME2	0x0010
#define CSV_F_FLAGS	0x0020
#define CSV_F_MODE	0x0040
#define CSV_F_RDEV	0x0080
#define CSV_F_OFFSET	0x0100
#define CSV_F_LENGTH	0x0200
#define CSV_F_COUNT	0x0400
#define CSV_F_COOKIE	0x0800
#define CSV_F_SEQ	0x1000
#define CSV_F_SETATTR	0x2000
#define CSV_F_ATTR	0x4000
#define CSV_F_FSINFO	0x8000

struct csv_args {
	struct csv_cred cred;
	struct csv_fh fh, fh2;
	struct csv_name name, name2;
	__u32 flags;
	__u32 mode;
	__u64 rdev;
	__u64 offset;
	__u64 length;
	__u32 count;
	__u64 cookie;
	__u64 seq;
	struct csv_setattr setattr;
	struct csv_attr attr;		/* replies only */
	struct csv_fsinfo fsinfo;	/* replies only */
};

/* codec.c, message.c */

/* Sets magic, hlen and hcrc; @total_hlen is of the header and the operation header. */
void csv_wire_seal(struct csv_wire_hdr *hdr, unsigned int total_hlen);
/* 0, or -EBADMSG / -EPROTO: magic, type, flags, lengths. Only the 32 bytes are read. */
int csv_wire_check(const struct csv_wire_hdr *hdr, __u32 io_max);
/* Whole header in memory: -EBADMSG if the CRC is wrong. */
int csv_wire_verify(const struct csv_wire_hdr *hdr);

/* Encode @args of @op at @buf; bytes written (a multiple of 8), or -EMSGSIZE/-EINVAL. */
int csv_wire_put_req(__u16 op, const struct csv_args *args, void *buf, unsigned int size);
int csv_wire_put_rsp(__u16 op, const struct csv_args *args, void *buf, unsigned int size);
/* Decode; 0 or -EBADMSG. Names point into @buf. Fields the opcode lacks are left alone. */
int csv_wire_get_req(__u16 op, struct csv_args *args, const void *buf, unsigned int size);
int csv_wire_get_rsp(__u16 op, struct csv_args *args, const void *buf, unsigned int size);

__u32 csv_wire_req_fields(__u16 op);
__u32 csv_wire_rsp_fields(__u16 op);
enum csv_class csv_wire_class(__u16 op);
const char *csv_wire_op_name(__u16 op);
/* Whether a reply can be made anew by running the operation again (no cache needed). */
bool csv_wire_idempotent(__u16 op);
bool csv_wire_shows(__u16 op);

/* errno (negative) <-> status on the wire (positive). Unknown status: -EIO. */
__u32 csv_wire_status(int err);
int csv_wire_errno(__u32 status);

/* The CSV_ST_* as errno values inside the kernel; none reaches an application. */
#define CSV_ESTALE_EPOCH	1001
#define CSV_EBEHIND		1002
#define CSV_ENOT_COORD		1003
#define CSV_ENO_LAYOUT		1004
#define CSV_EUNMAPPABLE		1005
#define CSV_EREDIRECT		1006
#define CSV_EDIGEST		1007
#define CSV_ESESSION		1008	/* local: the session ended under the request */

/* One csv_attr and csv_fh behind each other, for READDIR_PLUS; bytes used or -EBADMSG/-EMSGSIZE. */
int csv_wire_put_attr(const struct csv_attr *attr, const struct csv_fh *fh, void *buf,
		      unsigned int size);
int csv_wire_get_attr(struct csv_attr *attr, struct csv_fh *fh, const void *buf,
		      unsigned int size);

#endif /* CSV_WIRE_H */
