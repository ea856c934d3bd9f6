// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs control plane: events for whoever listens.
 *
 * Every event takes a number, whether somebody listens or not and whether there
 * is memory or not: a listener that sees a gap has missed something and dumps
 * the states again.
 */
#include <net/genetlink.h>
#include "control.h"
#include "nl_gen.h"

static_assert((int)CSV_EVENT_TABLE == (int)CSVFS_EVENT_TYPE_TABLE);
static_assert((int)CSV_EVENT_NODE == (int)CSVFS_EVENT_TYPE_NODE);
static_assert((int)CSV_EVENT_VOLUME == (int)CSVFS_EVENT_TYPE_VOLUME);

/* Names, as the table in force has them. */
static int csv_event_put_names(struct csv_net *cn, struct sk_buff *skb, u32 node, u32 volume)
{
	const struct csv_table_volume *v = NULL;
	const struct csv_table_node *n = NULL;
	const struct csv_table *table;
	int err = 0;

	rcu_read_lock();
	table = rcu_dereference(cn->table);
	if (table && node)
		n = csv_table_find_node(table, node);
	if (table && volume)
		v = csv_table_find_volume(table, volume);
	if (n)
		err = nla_put_string(skb, CSVFS_A_EVENT_NODE_NAME, n->name);
	if (v && !err)
		err = nla_put_string(skb, CSVFS_A_EVENT_VOLUME_NAME, v->name);
	rcu_read_unlock();
	return err;
}

/**
 * csv_event_send() - tell listeners that something happened
 * @cn: this node
 * @event: what it is about
 * @node: id of the node, 0: this one
 * @volume: id of the volume, 0: none
 * @state: of the node or the volume; of a table, its generation
 * @file_reasons: why the volume is file-redirected
 * @block_reasons: why it is block-redirected
 * @text: for people, may be NULL
 *
 * Context: any but hard interrupts.
 */
void csv_event_send(struct csv_net *cn, enum csv_event event, u32 node, u32 volume,
		    u32 state, u64 file_reasons, u64 block_reasons, const char *text)
{
	struct csv_control *control = csv_net_control(cn);
	struct sk_buff *skb = NULL;
	void *head;
	u32 seq;

	spin_lock_bh(&control->event_lock);
	seq = atomic_inc_return(&cn->event_seq);
	if (!csv_netlink_listened(cn->net))
		goto out;
	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_ATOMIC);
	if (!skb)
		goto out;
	head = genlmsg_put(skb, 0, 0, &csvfs_nl_family, 0, CSVFS_CMD_EVENT);
	if (!head ||
	    nla_put_u32(skb, CSVFS_A_EVENT_SEQ, seq) ||
	    nla_put_u8(skb, CSVFS_A_EVENT_TYPE, event) ||
	    nla_put_u32(skb, CSVFS_A_EVENT_NODE, node ?: cn->local_id) ||
	    (volume && nla_put_u32(skb, CSVFS_A_EVENT_VOLUME, volume)) ||
	    nla_put_u32(skb, CSVFS_A_EVENT_STATE, state) ||
	    nla_put_uint(skb, CSVFS_A_EVENT_FILE_REASONS, file_reasons) ||
	    nla_put_uint(skb, CSVFS_A_EVENT_BLOCK_REASONS, block_reasons) ||
	    (text && nla_put_string(skb, CSVFS_A_EVENT_TEXT, text)) ||
	    csv_event_put_names(cn, skb, node ?: cn->local_id, volume))
		goto out;
	genlmsg_end(skb, head);
	genlmsg_multicast_netns(&csvfs_nl_family, cn->net, skb, 0, CSVFS_NLGRP_EVENTS, GFP_ATOMIC);
	skb = NULL;
out:
	spin_unlock_bh(&control->event_lock);
	nlmsg_free(skb);
}
