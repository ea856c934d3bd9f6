/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Which way one operation on data goes. Pure.
 */
#ifndef CSV_SELECT_H
#define CSV_SELECT_H

#ifdef __KERNEL__
#include <linux/types.h>
#include "../uapi/linux/csvfs.h"
#else
#include "shim.h"
#include "uapi/linux/csvfs.h"
#endif

/**
 * struct csv_select - what the decision depends on
 * @coordinator: the volume is online on this node
 * @layouts: the lower file system maps blocks
 * @disk: this node has the disk, and it is the right one
 * @access: the table's entry, enum csv_access
 * @redirect: what an administrator asked for, CSV_ACCESS_COUNT: nothing
 * @unmappable: this inode has no layouts
 * @write: a write
 * @aligned: to logical blocks of the disk
 * @append: O_APPEND
 * @gap: a write that begins behind the end of the file
 * @contended: layouts of this inode were recalled before they could be used
 */
struct csv_select {
	bool coordinator, layouts, disk;
	__u8 access, redirect;
	bool unmappable;
	bool write, aligned, append, gap, contended;
};

struct csv_selected {
	__u8 route;		/* enum csv_route, CSV_ROUTE_COUNT: wait */
	__u64 file_reasons;
	__u64 block_reasons;
};

struct csv_selected csv_route_select(const struct csv_select *in);

#endif /* CSV_SELECT_H */
