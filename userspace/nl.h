/* SPDX-License-Identifier: GPL-2.0 */
/*
 * csvctl: one conversation with the kernel's family.
 */
#ifndef CSVCTL_NL_H
#define CSVCTL_NL_H

#include <libmnl/libmnl.h>
#include <linux/genetlink.h>
#include "csvctl.h"

/* A request to fill in, with room for @size bytes of attributes. NULL with a message. */
struct nlmsghdr *nl_begin(u8 cmd, size_t size);
/*
 * Send it and wait for the answer; frees it. @err: the kernel's errno, of which
 * EAGAIN is left to the caller to tell; may be NULL.
 */
int nl_do(struct nlmsghdr *nlh, int *err);
/* Every message of a dump, after the whole dump has come consistently. */
int nl_dump(u8 cmd, int (*row)(struct nlattr **tb, void *ctx), void *ctx);
/* Events, until @event returns another thing than 0. @lost: some were missed. */
int nl_listen(int (*event)(struct nlattr **tb, bool lost, void *ctx), void *ctx);
/* Name a network namespace before the first conversation. */
int nl_set_netns(const char *name);
void nl_close(void);

/* Attributes of rows; all sets have fewer than NL_ATTRS. */
#define NL_ATTRS	32
int nl_parse_nested(const struct nlattr *nest, struct nlattr **tb);
u64 nl_uint(const struct nlattr *attr);		/* of any width; NULL: 0 */
const char *nl_str(const struct nlattr *attr);		/* NULL: "" */
/* Exactly @len bytes, or zeros. */
void nl_bytes(const struct nlattr *attr, void *buf, size_t len);
/* "10.77.0.1", "fd77::2" */
void nl_format_addr(const struct nlattr *attr, char *buf, size_t size);

#endif /* CSVCTL_NL_H */
