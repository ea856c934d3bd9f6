/* SPDX-License-Identifier: GPL-2.0 */
/*
 * csvfs: types shared by every layer, and the lock order.
 *
 * Lock order, outermost first. A lock may be taken while any lock above it is
 * held, never the other way round. Locks on one line are never nested.
 *
 *	csv_net.control_mutex		one change of the table or of a state at a time
 *	csvfs sb->s_umount		taken by the VFS: a mount begins or ends
 *	  csv_volume.state_mutex	the state machine of one volume
 *	    csv_volume.path_mutex	this node's own path to its disk; no apply takes it
 *	csvfs i_rwsem			taken by the VFS
 *	  csvfs mapping invalidate_lock
 *	    csv_inode.get_mutex		one LAYOUT_GET of an inode at a time
 *	      csv_snode.op_lock		coordinator: one change of the block map
 *	        csv_export.block_mutex	one wait for redirected bios at a time
 *	        csv_snode.seg_mutex	coordinator: the granted segments
 *	          csv_export.attr_mutex	one sample of attributes at a time
 *	            lower i_rwsem	taken by the lower file system
 *	            csv_export.commit_mutex  one log force at a time
 *	              csv_export.commit_lock (spin)  replies that wait for it
 *	              lower i_rwsem of the reserved directory
 *	              lower sb->s_umount	read, for sync_fs()
 *	csv_volume.super_lock		the mount stays; for reading under all of the above
 *	  csv_inode.open_mutex		the count of opens and the pin it holds
 *	csv_super.lock (spin)		which inodes hold layouts
 *	  csv_inode.lock (spin, irq)	extents and holds
 *	all other spin locks, and the locks of csv_peer and csv_conn (transport/conn.h): leaves
 *
 * A recall is waited for under csv_snode.op_lock. What ends a recall (an I/O
 * in flight, COMMIT, RETURN, CLOSE) therefore never takes op_lock, and never
 * takes a lock of the VFS.
 */
#ifndef CSV_H
#define CSV_H

#include <linux/types.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/sched/signal.h>
#include <linux/uuid.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>
#include "uapi/linux/csvfs.h"

#undef pr_fmt
#define pr_fmt(fmt) "csvfs: " fmt

struct csv_table;
struct csv_volume;
struct csv_peer;

/**
 * struct csv_net - all that one node (a network namespace) knows
 * @net: the namespace, not referenced: the state dies with it
 * @incarnation: random, never 0; another one means that the node was reborn
 * @local_id: id of this node, 0 until an administrator has set it
 * @key: the cluster's pre-shared key
 * @key_len: bytes of it, 0 until it has been set
 * @table: the ownership table in force, under RCU
 * @control_mutex: serialises everything that changes @table, @volumes, @peers
 * @volumes: the volumes of @table by their id; freed through RCU
 * @peers: the other nodes of @table by node id, transport's objects
 * @works: CLAIMs and RECALLs of other nodes being executed, which use all this
 * @incarnations: of the other nodes, as last heard, shifted into xarray values
 * @listeners: where peers dial in, none while there is no local identity
 * @event_seq: number of the last event multicast to listeners
 */
struct csv_net {
	struct net *net;
	u64 incarnation;
	u32 local_id;
	u8 key[64];
	unsigned int key_len;
	struct csv_table __rcu *table;
	struct mutex control_mutex;
	struct xarray volumes;
	struct xarray peers;
	struct xarray incarnations;
	struct list_head listeners;
	atomic_t event_seq;
	atomic_t works;
};

struct csv_net *csv_net_get(struct net *net);

/**
 * csv_task_is_killed - whether a process ends, and so nobody looks at what was done for it
 * @task: one of its threads, referenced; NULL: nobody in particular
 */
static inline bool csv_task_is_killed(const struct task_struct *task)
{
	return task && (READ_ONCE(task->signal->flags) & SIGNAL_GROUP_EXIT);
}

extern struct workqueue_struct *csv_wq;		/* WQ_MEM_RECLAIM, unbound */

#endif /* CSV_H */
