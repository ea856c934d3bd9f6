/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	kernel/control/csvfs.yaml */
/* made by tests/checks/netlink-gen.sh */

#ifndef _LINUX_CSVFS_GEN_H
#define _LINUX_CSVFS_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include "../uapi/linux/csvfs_netlink.h"

/* Common nested types */
extern const struct nla_policy csvfs_access_nl_policy[CSVFS_A_ACCESS_DEVICE + 1];
extern const struct nla_policy csvfs_node_nl_policy[CSVFS_A_NODE_PORT + 1];
extern const struct nla_policy csvfs_volume_nl_policy[CSVFS_A_VOLUME_EPOCH + 1];

int csvfs_nl_table_apply_doit(struct sk_buff *skb, struct genl_info *info);
int csvfs_nl_table_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int csvfs_nl_node_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int csvfs_nl_node_set_doit(struct sk_buff *skb, struct genl_info *info);
int csvfs_nl_volume_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int csvfs_nl_volume_online_doit(struct sk_buff *skb, struct genl_info *info);
int csvfs_nl_volume_offline_doit(struct sk_buff *skb, struct genl_info *info);
int csvfs_nl_volume_redirect_doit(struct sk_buff *skb, struct genl_info *info);
int csvfs_nl_stat_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int csvfs_nl_stat_reset_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	CSVFS_NLGRP_EVENTS,
};

extern struct genl_family csvfs_nl_family;

#endif /* _LINUX_CSVFS_GEN_H */
