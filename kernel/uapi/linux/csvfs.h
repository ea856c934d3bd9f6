/* SPDX-License-Identifier: GPL-2.0 WITH Linux-syscall-note */
/*
 * csvfs: numbers that user space sees beside the netlink attributes.
 *
 * The states, the routes ("StateInfo") and the two reason masks carry the
 * numbers of Windows' Cluster Shared Volumes; reasons of our own start at
 * bit 32.
 */
#ifndef _UAPI_LINUX_CSVFS_H
#define _UAPI_LINUX_CSVFS_H

#define CSV_NAME_MAX	63	/* of a node or a volume, without the NUL */
#define CSV_PATH_MAX	255	/* of a device, without the NUL */
#define CSV_KEY_MAX	64	/* bytes of a pre-shared key */
#define CSV_KEY_MIN	16
#define CSV_NODES_MAX	64
#define CSV_ADDRS_MAX	4	/* of a node */
#define CSV_VOLUMES_MAX	256
#define CSV_PORT	7791	/* TCP, where a node listens */

/* How a node may use the disk of a volume: the table's entry. */
enum csv_access {
	CSV_ACCESS_NONE,	/* no mounts; running operations wait */
	CSV_ACCESS_DIRECT,
	CSV_ACCESS_BLOCK,
	CSV_ACCESS_FILE,
	CSV_ACCESS_COUNT,
};

/* How one operation travels. */
enum csv_route {
	CSV_ROUTE_LOCAL,
	CSV_ROUTE_DIRECT,
	CSV_ROUTE_BLOCK,
	CSV_ROUTE_FILE,
	CSV_ROUTE_COUNT,
};

/* Windows' StateInfo of a (volume, node). */
enum csv_state_info {
	CSV_INFO_UNAVAILABLE		= 0,
	CSV_INFO_PAUSED			= 1,
	CSV_INFO_DIRECT			= 2,
	CSV_INFO_FILE_REDIRECTED	= 3,
	CSV_INFO_BLOCK_REDIRECTED	= 4,
};

/* The state machine of a volume on a node. */
enum csv_volume_state {
	CSV_VOLUME_INIT			= 0,
	CSV_VOLUME_PAUSED		= 1,
	CSV_VOLUME_DRAINING		= 2,
	CSV_VOLUME_SET_DOWNLEVEL	= 3,
	CSV_VOLUME_ACTIVE		= 4,
};

/* Why a volume or an inode is file-redirected. */
#define CSV_FILE_REASON_USER		(1ULL << 0)
#define CSV_FILE_REASON_LOWER_STACK	(1ULL << 1)
#define CSV_FILE_REASON_BLOCK_STACK	(1ULL << 2)
#define CSV_FILE_REASON_LOWER_FEATURE	(1ULL << 3)
#define CSV_FILE_REASON_ENCRYPTION_INIT	(1ULL << 4)
#define CSV_FILE_REASON_NO_EXTENT_MAP	(1ULL << 5)	/* the lower fs has none */
#define CSV_FILE_REASON_TABLE		(1ULL << 32)	/* the access table says so */
#define CSV_FILE_REASON_UNALIGNED	(1ULL << 33)	/* one operation */
#define CSV_FILE_REASON_APPEND		(1ULL << 34)	/* one operation */
#define CSV_FILE_REASON_UNMAPPABLE	(1ULL << 35)	/* this inode */
#define CSV_FILE_REASON_CONTENDED	(1ULL << 36)	/* one operation */

/* Why a volume is block-redirected. */
#define CSV_BLOCK_REASON_NO_DISK	(1ULL << 0)
#define CSV_BLOCK_REASON_NOT_ASSEMBLED	(1ULL << 1)
#define CSV_BLOCK_REASON_REPLICATED	(1ULL << 2)
#define CSV_BLOCK_REASON_TABLE		(1ULL << 32)
#define CSV_BLOCK_REASON_USER		(1ULL << 33)
#define CSV_BLOCK_REASON_WRONG_DISK	(1ULL << 34)	/* not the volume's UUID */

#endif /* _UAPI_LINUX_CSVFS_H */
