/* SPDX-License-Identifier: GPL-2.0 */
/*
 * The ownership table: which nodes there are, who owns which volume since
 * which epoch, and how each node may reach each volume's disk.
 *
 * Pure: table.c builds in userspace too, where csvctl uses it to check a table
 * file as a whole and the tests check the rules.
 */
#ifndef CSV_TABLE_H
#define CSV_TABLE_H

#ifdef __KERNEL__
#include <linux/types.h>
#include <linux/rcupdate.h>
#include <linux/socket.h>
#include "../uapi/linux/csvfs.h"
#else
#include "shim.h"
#include "uapi/linux/csvfs.h"
#endif

#define CSV_TABLE_TRANSPORTS	2	/* enum csv_transport_type has as many */

struct csv_table_node {
	u32 id;				/* 1 ...; stays first: it is what sorts */
	char name[CSV_NAME_MAX + 1];
	u32 nr_addrs;
	struct sockaddr_storage addrs[CSV_ADDRS_MAX];	/* with their port, preferred ones first */
	bool fenced;			/* an administrator says: it is off, and stays off */
};

struct csv_table_volume {
	u32 id;				/* csv_table_volume_id() of the UUID */
	u8 uuid[16];
	char name[CSV_NAME_MAX + 1];
	char device[CSV_PATH_MAX + 1];	/* on every node that has no own in an access entry */
	char fstype[16];		/* "xfs", "ext4" */
	u32 owner;			/* node id, 0: nobody */
	u32 epoch;			/* only grows */
};

struct csv_table_access {
	u32 node, volume;
	u8 access;			/* enum csv_access; without an entry: direct */
	char device[CSV_PATH_MAX + 1];	/* "" : the volume's */
};

struct csv_table {
	char cluster[CSV_NAME_MAX + 1];
	u8 transport;			/* enum csv_transport_type */
	bool data_digest;		/* messages carry a digest of their data */
	u32 generation;			/* grows with every change on this node; 0: none */
	bool compare;			/* applied only in place of the one of that generation */
	u32 nr_nodes, nr_volumes, nr_access;
	struct csv_table_node *nodes;		/* by id, ascending */
	struct csv_table_volume *volumes;	/* by id, ascending */
	struct csv_table_access *access;	/* by (volume, node), ascending */
#ifdef __KERNEL__
	struct rcu_head rcu;
#endif
};

/*
 * The first rule that the table breaks as a text in @msg, and where: its kind
 * ('c'luster, 'n'ode, 'v'olume, 'a'ccess) and index; 0 if none.
 */
struct csv_table_error {
	char msg[160];
	char kind;
	u32 index;
};

/* table.c: the rules */
int csv_table_check(struct csv_table *table, struct csv_table_error *error);
unsigned int csv_table_check_each(const struct csv_table *table,
				  void (*report)(void *ctx, const struct csv_table_error *error),
				  void *ctx);
int csv_table_check_change(const struct csv_table *old, const struct csv_table *new,
			   struct csv_table_error *error);
u32 csv_table_volume_id(const u8 uuid[16]);
void csv_table_digest(const struct csv_table *table, u8 digest[16]);

/* lookup.c: what a table says of a node or a volume */
const struct csv_table_node *csv_table_find_node(const struct csv_table *table, u32 id);
const struct csv_table_node *csv_table_find_node_name(const struct csv_table *table,
						      const char *name);
const struct csv_table_volume *csv_table_find_volume(const struct csv_table *table, u32 id);
const struct csv_table_volume *csv_table_find_volume_name(const struct csv_table *table,
							  const char *name);
enum csv_access csv_table_access(const struct csv_table *table, u32 node, u32 volume);
const char *csv_table_device(const struct csv_table *table, u32 node, u32 volume);

#endif /* CSV_TABLE_H */
