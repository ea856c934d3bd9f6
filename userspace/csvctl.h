/* SPDX-License-Identifier: GPL-2.0 */
/*
 * csvctl: what every object's file shares.
 */
#ifndef CSVCTL_H
#define CSVCTL_H

#include "shim.h"
#include "control/table.h"
#include "uapi/linux/csvfs.h"
#include "uapi/linux/csvfs_netlink.h"

/* What csvctl and each of its commands return. */
#define CSVCTL_OK	0
#define CSVCTL_USAGE	1	/* the command or the file is wrong */
#define CSVCTL_KERNEL	2	/* the kernel refused */

/**
 * struct csvctl_cmd - one word of the command line and what it does
 * @name: the word; an unambiguous beginning of it is enough
 * @run: gets the words behind it
 */
struct csvctl_cmd {
	const char *name;
	int (*run)(int argc, char **argv);
};

/* The entry that @word names, or NULL with a message. Ends with a NULL name. */
const struct csvctl_cmd *csvctl_find(const struct csvctl_cmd *cmds, const char *what,
				     const char *word);
/* Run the verb argv[0]; without one the first verb. */
int csvctl_run(const struct csvctl_cmd *cmds, const char *what, int argc, char **argv);
/* Say on stderr what is wrong with the command: CSVCTL_USAGE. */
int csvctl_usage(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Something else is wrong on this side: CSVCTL_USAGE, too. */
int csvctl_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* Whether @word is @full, or an option's or keyword's beginning of it. */
bool csvctl_matches(const char *word, const char *full);
int csvctl_help(void);

int csvctl_cluster(int argc, char **argv);
int csvctl_node(int argc, char **argv);
int csvctl_volume(int argc, char **argv);
int csvctl_stat(int argc, char **argv);
int csvctl_monitor(int argc, char **argv);

/* cluster.c: the table of this node, for volume add and del */
struct tablefile;
int cluster_get_table(struct tablefile *tf);
int cluster_put_table(struct tablefile *tf, bool *again);
/* Get, edit, put; again while somebody else changes it meanwhile. */
int cluster_edit_table(int (*edit)(struct tablefile *tf, void *ctx), void *ctx);

#endif /* CSVCTL_H */
