/* SPDX-License-Identifier: GPL-2.0 */
/*
 * csvfs control plane: the ownership table, nodes, volumes and their states.
 */
#ifndef CSV_CONTROL_H
#define CSV_CONTROL_H

#include <linux/hashtable.h>
#include <linux/spinlock.h>
#include "../csv.h"
#include "table.h"

struct netlink_ext_ack;
struct netlink_callback;
struct sk_buff;

/**
 * struct csv_control - what only control/ knows of a node
 * @cn: the part that all layers share
 * @generation: of the last table that came into force; control_mutex
 * @state_lock: protects @states
 * @states: what the other nodes said, by node and volume
 * @event_lock: events leave in the order of their numbers
 */
struct csv_control {
	struct csv_net cn;
	u32 generation;
	spinlock_t state_lock;		/* see above */
	DECLARE_HASHTABLE(states, 8);
	spinlock_t event_lock;		/* see above */
};

static inline struct csv_control *csv_net_control(struct csv_net *cn)
{
	return container_of(cn, struct csv_control, cn);
}

/* net.c: module-wide and per-namespace life */
int csv_control_init(void);
void csv_control_exit(void);

/* node.c: peers and the listener follow the table. All under csv_net.control_mutex. */
int csv_node_apply(struct csv_net *cn, const struct csv_table *old,
		   const struct csv_table *new, struct netlink_ext_ack *extack);
void csv_node_stop(struct csv_net *cn);

/**
 * struct csv_node_change - what an administrator changes about a node
 * @id: which node
 * @local: it is this one
 * @key: the cluster's key, NULL to leave it
 * @key_len: bytes of it
 * @fenced: 1 or 0, -1 to leave the mark
 * @reset: drop the connections to it; of the local node, all
 */
struct csv_node_change {
	u32 id;
	bool local;
	const u8 *key;
	unsigned int key_len;
	int fenced;
	bool reset;
};

/* Takes control_mutex. */
int csv_node_set(struct csv_net *cn, const struct csv_node_change *change,
		 struct netlink_ext_ack *extack);
/* The payload of a user or logon key: its length, or an error. */
int csv_node_read_key(s32 serial, u8 key[CSV_KEY_MAX], struct netlink_ext_ack *extack);

/* apply.c: one table follows another */
int csv_table_apply(struct csv_net *cn, struct csv_table *table,
		    struct netlink_ext_ack *extack);
int csv_table_fence(struct csv_net *cn, u32 node, bool fenced, struct netlink_ext_ack *extack);
void csv_table_withdraw(struct csv_net *cn);
struct csv_table *csv_table_alloc(u32 nr_nodes, u32 nr_volumes, u32 nr_access);
void csv_table_free(struct csv_table *table);
/* The table under control_mutex. */
static inline struct csv_table *csv_table_locked(struct csv_net *cn)
{
	return rcu_dereference_protected(cn->table, lockdep_is_held(&cn->control_mutex));
}

/* Of the table in force, for the transport. */
void csv_table_digest_net(struct csv_net *cn, u8 digest[16]);
bool csv_table_data_digest_net(struct csv_net *cn);

/* The family, see csvfs.yaml; netlink.c, nltable.c */
int csv_netlink_init(void);
void csv_netlink_exit(void);
bool csv_netlink_listened(struct net *net);	/* somebody hears the events of @net */
int csv_nl_put_addrs(struct sk_buff *skb, int addr, int port, const struct csv_table_node *node);
void *csv_nl_put_head(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd);
int csv_nl_dump_result(struct sk_buff *skb, int err);

/* What a namespace that ends is left with. */
extern struct csv_table csv_table_empty;

/* volume.c, online.c */
struct csv_volume_info {
	u32 id;
	u8 state;			/* enum csv_volume_state */
	u8 info;			/* enum csv_state_info */
	u8 access;			/* enum csv_access of this node */
	bool online;			/* coordinator: as csv_volume.mine */
	bool mounted;			/* csvfs is mounted here */
	u64 file_reasons, block_reasons;
	u32 epoch;
	u64 opens;			/* coordinator: pinned inodes */
	u64 layouts;			/* coordinator: granted segments */
};

int csv_volume_apply(struct csv_net *cn, const struct csv_table *old,
		     const struct csv_table *new);
int csv_volume_may_change(struct csv_net *cn, const struct csv_table_volume *old,
			  const struct csv_table_volume *new,
			  struct netlink_ext_ack *extack);
int csv_volume_online(struct csv_net *cn, u32 id, struct netlink_ext_ack *extack);
int csv_volume_offline(struct csv_net *cn, u32 id, bool force,
		       struct netlink_ext_ack *extack);
int csv_volume_redirect(struct csv_net *cn, u32 id, enum csv_access mode,
			struct netlink_ext_ack *extack);
int csv_volume_get_info(struct csv_net *cn, u32 id, struct csv_volume_info *info);

/* state.c: what the other nodes say of their volumes, last known with its age */
#define CSV_STATE_ONLINE	1
#define CSV_STATE_MOUNTED	2
struct csv_state_report {
	u32 volume;
	u32 epoch;
	u8 state, info, access, flags;	/* flags: CSV_STATE_* */
	u64 file_reasons, block_reasons;
	u64 age_ms;			/* ~0ULL: never heard */
};

int csv_state_get(struct csv_net *cn, u32 node, u32 volume, struct csv_state_report *report);
unsigned int csv_state_fill(struct csv_net *cn, u32 *cursor, void *buf, unsigned int size);
void csv_state_recv(struct csv_net *cn, u32 node, const void *buf, unsigned int len);
/* The digest of a peer's table has come by HELLO. */
void csv_node_digest_recv(struct csv_net *cn, u32 node, const u8 digest[16]);
/* enum csvfs_agreement: whether @node has our table, as last heard */
u8 csv_state_agreement(struct csv_net *cn, u32 node);
/* Forget nodes and volumes that @table (NULL: empty) does not have. */
void csv_state_prune(struct csv_net *cn, const struct csv_table *table);

/* event.c: multicast to listeners. Any context but hard interrupts. */
enum csv_event {
	CSV_EVENT_TABLE = 1,	/* a table came into force */
	CSV_EVENT_NODE,		/* a peer came up, went down, was fenced */
	CSV_EVENT_VOLUME,	/* a volume changed its state or its route */
};

void csv_event_send(struct csv_net *cn, enum csv_event event, u32 node, u32 volume,
		    u32 state, u64 file_reasons, u64 block_reasons, const char *text);

#endif /* CSV_CONTROL_H */
