/* SPDX-License-Identifier: GPL-2.0 */
/*
 * A volume on this node: what the table says of it, its state, and what each
 * layer keeps for it.
 */
#ifndef CSV_VOLUME_H
#define CSV_VOLUME_H

#include <linux/rwsem.h>
#include <linux/wait.h>
#include "../csv.h"
#include "../stats.h"
#include "control.h"

struct csv_export;
struct csv_bio;
struct csv_disk;
struct csv_super;

/**
 * struct csv_volume - one volume of the table on this node
 * @cn: the node
 * @ref: csv_net.volumes holds one, each mount one, each operation in flight one
 * @rcu: found by csv_volume_get() under RCU
 * @id: csv_table_volume_id() of @uuid
 * @uuid: of the lower file system, from the table
 * @name: from the table
 * @device: what the table calls its disk on this node; changes under (s) and @lock
 * @fstype: of the lower file system, from the table
 * @state_mutex: serialises the state machine; protects what is marked (s), as does
 *	@path_mutex what is marked (p)
 * @lock: protects @export, @mine and @path_moved
 * @owner: (s) node id of the coordinator, read locklessly
 * @epoch: (s) since when, read locklessly
 * @access: (s) how the table lets this node use the disk, read locklessly
 * @redirect: what an administrator asked for on this node: CSV_ACCESS_FILE,
 *	CSV_ACCESS_BLOCK, or CSV_ACCESS_COUNT for nothing; read locklessly
 * @state: (s) enum csv_volume_state, read locklessly
 * @removed: (s) the table has it no more
 * @mine: this node is about to mount the lower file system, has it mounted, or has not quite
 *	unmounted it yet: longer than there is an @export; under @lock
 * @path_mutex: one at a time opens or closes this node's own path to the disk
 * @path_err: (p) why it has none though it wants one, or 0; read locklessly
 * @path_moved: @device has changed since it was opened
 * @path_asked: how often path_work was asked to follow the table
 * @path_done: (p) up to which it has
 * @path_work: follows the table, and tries again to get a path
 * @export: the coordinator's side while the volume is online here
 * @disk: (s, p) the hidden disk, from the first mount to the last umount
 * @disk_super: (s) the mount that @disk was made for
 * @super_lock: read: @super does not go away
 * @super: the mounted super block's private data, or NULL
 * @wait: operations that wait for another coordinator, epoch or access
 * @generation: bumped whenever something that @wait waits for may have changed
 * @stats: counters
 */
struct csv_volume {
	struct csv_net *cn;
	refcount_t ref;
	struct rcu_head rcu;
	u32 id;
	u8 uuid[16];
	char name[CSV_NAME_MAX + 1];
	char device[CSV_PATH_MAX + 1];
	char fstype[16];
	struct mutex state_mutex;
	spinlock_t lock;
	u32 owner;
	u32 epoch;
	u8 access;
	u8 redirect;
	u8 state;
	bool removed;
	bool mine;
	struct mutex path_mutex;
	int path_err;
	bool path_moved;
	atomic_t path_asked;
	int path_done;
	struct delayed_work path_work;
	struct csv_export *export;
	struct csv_disk *disk;
	struct csv_super *disk_super;
	struct rw_semaphore super_lock;
	struct csv_super *super;
	wait_queue_head_t wait;
	atomic_t generation;
	struct csv_stats stats;
};

struct csv_volume *csv_volume_get(struct csv_net *cn, u32 id);
struct csv_volume *csv_volume_get_name(struct csv_net *cn, const char *name);
struct csv_volume *csv_volume_hold(struct csv_volume *vol);
void csv_volume_put(struct csv_volume *vol);

/* The coordinator's side with a reference, or NULL while it is not online here. */
struct csv_export *csv_volume_get_export(struct csv_volume *vol);

/* Something changed that waiting operations should look at. */
void csv_volume_kick(struct csv_volume *vol);
void csv_volume_set_state(struct csv_volume *vol, enum csv_volume_state state);
/* An event of this volume on this node, with its state and reasons. */
void csv_volume_event(struct csv_volume *vol, const char *text);

/* A mount begins and ends to use the volume; these make and free @disk. */
struct csv_fsinfo;
int csv_volume_wait_umount(struct csv_volume *vol);
int csv_volume_mount(struct csv_volume *vol, struct csv_super *super,
		     const struct csv_fsinfo *info, const char **why);
void csv_volume_detach(struct csv_volume *vol, struct csv_super *super);
void csv_volume_umount(struct csv_volume *vol, struct csv_super *super);

/* incarnation.c */
/* The incarnation of a node as last heard, 0: never. Compare, do not interpret. */
unsigned long csv_node_incarnation(struct csv_net *cn, u32 node);
/* Not that incarnation any more, fenced, or no node of the table: it holds nothing. */
bool csv_node_gone(struct csv_net *cn, u32 node, unsigned long incarnation);
/* What this node holds ends: its coordinator may not know of it. */
void csv_volume_forget(struct csv_volume *vol);
/* Transport's peer_up: forget what an earlier incarnation held, ask again for ours. */
void csv_volume_peer_up(struct csv_net *cn, u32 node, u64 incarnation, bool fresh);

/* path.c: this node's own path to the disk */
void csv_volume_set_path(struct csv_volume *vol);
void csv_volume_follow_path(struct csv_volume *vol);
void csv_volume_settle_paths(struct csv_net *cn);
struct csv_disk *csv_volume_set_disk(struct csv_volume *vol, struct csv_disk *disk);
void csv_volume_path_lost(struct csv_volume *vol);
void csv_volume_path_init(struct csv_volume *vol);
void csv_volume_path_exit(struct csv_volume *vol);

/* online.c: layouts of an earlier coordinator */
void csv_volume_end_layouts(struct csv_volume *vol);

/* CLAIM of another node: whether the volume is online here. */
struct csv_call;
struct netlink_ext_ack;
void csv_volume_claim(struct csv_call *call);

/**
 * struct csv_volume_client_ops - what the mounted side does for a volume
 * @drop: the session with the coordinator is over: forget all layouts
 * @reclaim: a new one has begun: pin again what is open
 * @redrive: do a bio again whose layout was lost
 * @route: how data goes, and why; csv_volume.super_lock is held
 */
struct csv_volume_client_ops {
	void (*drop)(struct csv_super *super);
	void (*reclaim)(struct csv_super *super);
	void (*redrive)(struct csv_bio *cb);
	enum csv_route (*route)(struct csv_volume *vol, u64 *file_reasons, u64 *block_reasons);
};

extern const struct csv_volume_client_ops *csv_volume_client_ops;

/* claim.c: 0 when no other node has the volume, or may have */
int csv_claim_all(struct csv_volume *vol, struct netlink_ext_ack *extack);
/* claim.c: whether a node that is connected says that the volume is online there */
bool csv_claim_is_there(struct csv_volume *vol, u32 node);

#endif /* CSV_VOLUME_H */
