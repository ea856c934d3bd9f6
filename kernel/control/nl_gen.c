// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	kernel/control/csvfs.yaml */
/* made by tests/checks/netlink-gen.sh */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "nl_gen.h"

#include "../uapi/linux/csvfs_netlink.h"

/* Common nested types */
const struct nla_policy csvfs_access_nl_policy[CSVFS_A_ACCESS_DEVICE + 1] = {
	[CSVFS_A_ACCESS_NODE] = NLA_POLICY_MIN(NLA_U32, 1),
	[CSVFS_A_ACCESS_VOLUME] = { .type = NLA_U32, },
	[CSVFS_A_ACCESS_ACCESS] = NLA_POLICY_MAX(NLA_U8, 3),
	[CSVFS_A_ACCESS_DEVICE] = { .type = NLA_NUL_STRING, .len = 255, },
};

const struct nla_policy csvfs_node_nl_policy[CSVFS_A_NODE_PORT + 1] = {
	[CSVFS_A_NODE_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[CSVFS_A_NODE_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
	[CSVFS_A_NODE_ADDR] = { .type = NLA_BINARY, },
	[CSVFS_A_NODE_PORT] = NLA_POLICY_MIN(NLA_U16, 1),
};

const struct nla_policy csvfs_volume_nl_policy[CSVFS_A_VOLUME_EPOCH + 1] = {
	[CSVFS_A_VOLUME_ID] = { .type = NLA_U32, },
	[CSVFS_A_VOLUME_UUID] = NLA_POLICY_EXACT_LEN(16),
	[CSVFS_A_VOLUME_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
	[CSVFS_A_VOLUME_DEVICE] = { .type = NLA_NUL_STRING, .len = 255, },
	[CSVFS_A_VOLUME_FSTYPE] = { .type = NLA_NUL_STRING, .len = 15, },
	[CSVFS_A_VOLUME_OWNER] = { .type = NLA_U32, },
	[CSVFS_A_VOLUME_EPOCH] = { .type = NLA_U32, },
};

/* CSVFS_CMD_TABLE_APPLY - do */
static const struct nla_policy csvfs_table_apply_nl_policy[CSVFS_A_TABLE_DATA_DIGEST + 1] = {
	[CSVFS_A_TABLE_GENERATION] = { .type = NLA_U32, },
	[CSVFS_A_TABLE_CLUSTER] = { .type = NLA_NUL_STRING, .len = 63, },
	[CSVFS_A_TABLE_TRANSPORT] = { .type = NLA_U8, },
	[CSVFS_A_TABLE_NODE] = NLA_POLICY_NESTED(csvfs_node_nl_policy),
	[CSVFS_A_TABLE_VOLUME] = NLA_POLICY_NESTED(csvfs_volume_nl_policy),
	[CSVFS_A_TABLE_ACCESS] = NLA_POLICY_NESTED(csvfs_access_nl_policy),
	[CSVFS_A_TABLE_DATA_DIGEST] = NLA_POLICY_MAX(NLA_U8, 1),
};

/* CSVFS_CMD_NODE_SET - do */
static const struct nla_policy csvfs_node_set_nl_policy[CSVFS_A_PEER_RESET + 1] = {
	[CSVFS_A_PEER_ID] = NLA_POLICY_MIN(NLA_U32, 1),
	[CSVFS_A_PEER_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
	[CSVFS_A_PEER_LOCAL] = { .type = NLA_FLAG, },
	[CSVFS_A_PEER_FENCED] = NLA_POLICY_MAX(NLA_U8, 1),
	[CSVFS_A_PEER_KEY] = { .type = NLA_BINARY, },
	[CSVFS_A_PEER_KEY_SERIAL] = { .type = NLA_S32, },
	[CSVFS_A_PEER_RESET] = { .type = NLA_FLAG, },
};

/* CSVFS_CMD_VOLUME_ONLINE - do */
static const struct nla_policy csvfs_volume_online_nl_policy[CSVFS_A_STATE_NAME + 1] = {
	[CSVFS_A_STATE_VOLUME] = { .type = NLA_U32, },
	[CSVFS_A_STATE_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
};

/* CSVFS_CMD_VOLUME_OFFLINE - do */
static const struct nla_policy csvfs_volume_offline_nl_policy[CSVFS_A_STATE_FORCE + 1] = {
	[CSVFS_A_STATE_VOLUME] = { .type = NLA_U32, },
	[CSVFS_A_STATE_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
	[CSVFS_A_STATE_FORCE] = { .type = NLA_FLAG, },
};

/* CSVFS_CMD_VOLUME_REDIRECT - do */
static const struct nla_policy csvfs_volume_redirect_nl_policy[CSVFS_A_STATE_MODE + 1] = {
	[CSVFS_A_STATE_VOLUME] = { .type = NLA_U32, },
	[CSVFS_A_STATE_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
	[CSVFS_A_STATE_MODE] = NLA_POLICY_RANGE(NLA_U8, 2, 4),
};

/* CSVFS_CMD_STAT_RESET - do */
static const struct nla_policy csvfs_stat_reset_nl_policy[CSVFS_A_STAT_NAME + 1] = {
	[CSVFS_A_STAT_VOLUME] = { .type = NLA_U32, },
	[CSVFS_A_STAT_NAME] = { .type = NLA_NUL_STRING, .len = 63, },
};

/* Ops table for csvfs */
static const struct genl_split_ops csvfs_nl_ops[] = {
	{
		.cmd		= CSVFS_CMD_TABLE_APPLY,
		.doit		= csvfs_nl_table_apply_doit,
		.policy		= csvfs_table_apply_nl_policy,
		.maxattr	= CSVFS_A_TABLE_DATA_DIGEST,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= CSVFS_CMD_TABLE_GET,
		.dumpit	= csvfs_nl_table_get_dumpit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd	= CSVFS_CMD_NODE_GET,
		.dumpit	= csvfs_nl_node_get_dumpit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= CSVFS_CMD_NODE_SET,
		.doit		= csvfs_nl_node_set_doit,
		.policy		= csvfs_node_set_nl_policy,
		.maxattr	= CSVFS_A_PEER_RESET,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= CSVFS_CMD_VOLUME_GET,
		.dumpit	= csvfs_nl_volume_get_dumpit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= CSVFS_CMD_VOLUME_ONLINE,
		.doit		= csvfs_nl_volume_online_doit,
		.policy		= csvfs_volume_online_nl_policy,
		.maxattr	= CSVFS_A_STATE_NAME,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= CSVFS_CMD_VOLUME_OFFLINE,
		.doit		= csvfs_nl_volume_offline_doit,
		.policy		= csvfs_volume_offline_nl_policy,
		.maxattr	= CSVFS_A_STATE_FORCE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd		= CSVFS_CMD_VOLUME_REDIRECT,
		.doit		= csvfs_nl_volume_redirect_doit,
		.policy		= csvfs_volume_redirect_nl_policy,
		.maxattr	= CSVFS_A_STATE_MODE,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
	{
		.cmd	= CSVFS_CMD_STAT_GET,
		.dumpit	= csvfs_nl_stat_get_dumpit,
		.flags	= GENL_ADMIN_PERM | GENL_CMD_CAP_DUMP,
	},
	{
		.cmd		= CSVFS_CMD_STAT_RESET,
		.doit		= csvfs_nl_stat_reset_doit,
		.policy		= csvfs_stat_reset_nl_policy,
		.maxattr	= CSVFS_A_STAT_NAME,
		.flags		= GENL_ADMIN_PERM | GENL_CMD_CAP_DO,
	},
};

static const struct genl_multicast_group csvfs_nl_mcgrps[] = {
	[CSVFS_NLGRP_EVENTS] = { "events", .flags = GENL_MCAST_CAP_NET_ADMIN, },
};

struct genl_family csvfs_nl_family __ro_after_init = {
	.name		= CSVFS_FAMILY_NAME,
	.version	= CSVFS_FAMILY_VERSION,
	.netnsok	= true,
	.parallel_ops	= true,
	.module		= THIS_MODULE,
	.split_ops	= csvfs_nl_ops,
	.n_split_ops	= ARRAY_SIZE(csvfs_nl_ops),
	.mcgrps		= csvfs_nl_mcgrps,
	.n_mcgrps	= ARRAY_SIZE(csvfs_nl_mcgrps),
};
