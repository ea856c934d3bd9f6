// SPDX-License-Identifier: GPL-2.0
/*
 * CLAIM: a node that wants to mount a lower file system asks every other node
 * of the table whether it has it. When nobody has, it tells each of them to
 * forget the layouts of an earlier coordinator, which is gone for good then.
 * Without reservations nothing else prevents a double mount: a node that does
 * not answer must be marked fenced by an administrator.
 */
#include <linux/netlink.h>
#include <linux/slab.h>
#include "../transport/transport.h"
#include "control.h"
#include "volume.h"

#define CSV_CLAIM_TIMEOUT	(10 * HZ)
#define CSV_CLAIM_SETTLE	(3 * HZ)
#define CSV_CLAIM_FRESH		10000	/* ms: a report of another node is not older */

struct csv_claim {
	struct csv_rpc rpc;
	u8 uuid[16];
	struct kvec kvec;
	u8 args[64];
};

struct csv_claim_node {
	u32 id;
	char name[CSV_NAME_MAX + 1];
};

static void csv_claim_free(struct csv_rpc *rpc)
{
	kfree(container_of(rpc, struct csv_claim, rpc));
}

/* 0: not there; CSV_CLAIM_MINE, CSV_CLAIM_OTHER: there, or elsewhere; or why we do not know */
static int csv_claim_one(struct csv_volume *vol, u32 node, u32 flags)
{
	struct csv_claim *claim;
	struct csv_args in = { .flags = flags }, out = {};
	unsigned long end = jiffies + CSV_CLAIM_TIMEOUT;
	struct csv_peer *peer;
	long left;
	int err;

	peer = csv_peer_get(vol->cn, node);
	if (!peer)
		return -ENOTCONN;
	claim = kzalloc(sizeof(*claim), GFP_KERNEL);
	if (!claim) {
		csv_peer_put(peer);
		return -ENOMEM;
	}
	csv_rpc_init(&claim->rpc, CSV_OP_CLAIM);
	claim->rpc.volume = vol->id;
	claim->rpc.epoch = vol->epoch;
	claim->rpc.free = csv_claim_free;
	claim->rpc.args = claim->args;
	claim->rpc.args_len = csv_wire_put_req(CSV_OP_CLAIM, &in, claim->args,
					       sizeof(claim->args));
	memcpy(claim->uuid, vol->uuid, sizeof(claim->uuid));
	claim->kvec.iov_base = claim->uuid;
	claim->kvec.iov_len = sizeof(claim->uuid);
	iov_iter_kvec(&claim->rpc.out, ITER_SOURCE, &claim->kvec, 1, sizeof(claim->uuid));
	/* what a dead node has not answered may have all the slots */
	while ((err = csv_rpc_submit(peer, &claim->rpc, true)) == -EAGAIN &&
	       time_before(jiffies, end) && !fatal_signal_pending(current))
		schedule_timeout_killable(HZ / 20);
	csv_peer_put(peer);
	if (err == -EAGAIN && fatal_signal_pending(current))
		err = -EINTR;
	if (!err) {
		left = max_t(long, end - jiffies, 1);
		left = wait_for_completion_killable_timeout(&claim->rpc.completion, left);
		err = left > 0 ? claim->rpc.err : left ? -EINTR : -ETIMEDOUT;
	}
	if (!err)
		err = csv_wire_get_rsp(CSV_OP_CLAIM, &out, claim->rpc.reply,
				       claim->rpc.reply_len);
	csv_rpc_put(&claim->rpc);
	return err ?: out.flags & (CSV_CLAIM_MINE | CSV_CLAIM_OTHER);
}

/**
 * csv_claim_is_there() - ask one node whether a volume is online there
 * @vol: the volume
 * @node: id of the other node, 0: none
 *
 * Return: whether it is; not if the node is not connected, or does not answer
 */
bool csv_claim_is_there(struct csv_volume *vol, u32 node)
{
	struct csv_peer *peer = node ? csv_peer_get(vol->cn, node) : NULL;
	struct csv_peer_info info = {};

	if (!peer)
		return false;
	csv_peer_get_info(peer, &info);
	csv_peer_put(peer);
	return info.connected && csv_claim_one(vol, node, 0) == CSV_CLAIM_MINE;
}

static int csv_claim_result(struct csv_volume *vol, const char *node, int ret,
			    struct netlink_ext_ack *extack)
{
	switch (ret) {
	case 0:
		return 0;
	case CSV_CLAIM_MINE:
		NL_SET_ERR_MSG_FMT(extack, "volume %s is online on %s: set it offline there",
				   vol->name, node);
		return -EBUSY;
	case CSV_CLAIM_OTHER:
		NL_SET_ERR_MSG_FMT(extack,
				   "%s knows a node that has %s online and is not in this table",
				   node, vol->name);
		return -EBUSY;
	case -CSV_ESTALE_EPOCH:
		NL_SET_ERR_MSG_FMT(extack, "%s has a newer table for %s: apply that here",
				   node, vol->name);
		return -ESTALE;
	case -EINTR:
		return -EINTR;
	default:
		NL_SET_ERR_MSG_FMT(extack,
				   "%s does not answer for %s: see node show, fence it if off",
				   node, vol->name);
		return -EHOSTUNREACH;
	}
}

/* The other nodes of the table, but those that are off; how many. */
static unsigned int csv_claim_nodes(struct csv_volume *vol, struct csv_claim_node *nodes)
{
	const struct csv_table *table;
	unsigned int nr = 0, i;

	rcu_read_lock();
	table = rcu_dereference(vol->cn->table);
	for (i = 0; table && i < table->nr_nodes && nr < CSV_NODES_MAX; i++) {
		if (table->nodes[i].fenced || table->nodes[i].id == vol->cn->local_id)
			continue;
		nodes[nr].id = table->nodes[i].id;
		strscpy(nodes[nr].name, table->nodes[i].name);
		nr++;
	}
	rcu_read_unlock();
	return nr;
}

/* Asks all; @elsewhere: who says that another node has it. */
static int csv_claim_phase(struct csv_volume *vol, const struct csv_claim_node *nodes,
			   unsigned int nr, u32 flags, const char **elsewhere,
			   struct netlink_ext_ack *extack)
{
	unsigned int i;
	int err = 0, ret;

	*elsewhere = NULL;
	for (i = 0; !err && i < nr; i++) {
		ret = csv_claim_one(vol, nodes[i].id, flags);
		if (ret == CSV_CLAIM_OTHER)
			*elsewhere = nodes[i].name;
		else
			err = csv_claim_result(vol, nodes[i].name, ret, extack);
	}
	return err;
}

/**
 * csv_claim_all() - ask every other node of the table
 * @vol: the volume; state_mutex is held
 * @extack: what stands in the way
 *
 * Nobody gives anything up before all have said that the volume is not theirs.
 *
 * Return: 0 when every node says that the volume is not online there, or is
 * marked fenced
 */
int csv_claim_all(struct csv_volume *vol, struct netlink_ext_ack *extack)
{
	struct csv_claim_node *nodes;
	unsigned long end = jiffies + CSV_CLAIM_SETTLE;
	const char *elsewhere;
	unsigned int nr;
	int err;

	lockdep_assert_held(&vol->state_mutex);
	nodes = kcalloc(CSV_NODES_MAX, sizeof(*nodes), GFP_KERNEL);
	if (!nodes)
		return -ENOMEM;
	nr = csv_claim_nodes(vol, nodes);
	/* what others know of others is a keepalive old */
	while (!(err = csv_claim_phase(vol, nodes, nr, 0, &elsewhere, extack)) && elsewhere &&
	       time_before(jiffies, end) && !fatal_signal_pending(current))
		schedule_timeout_killable(HZ / 10);
	if (!err && elsewhere)
		err = csv_claim_result(vol, elsewhere, CSV_CLAIM_OTHER, extack);
	if (!err)
		err = csv_claim_phase(vol, nodes, nr, CSV_CLAIM_TAKE, &elsewhere, extack);
	kfree(nodes);
	return err;
}

/*
 * Whether another node has it online, as far as we know: the claimant's table may lack it.
 * What has been taken is asked for no more.
 */
static bool csv_claim_is_elsewhere(struct csv_volume *vol, u32 claimant)
{
	struct csv_peer_info info = {};
	struct csv_state_report report;
	struct csv_peer *peer;
	unsigned long id;

	xa_for_each(&vol->cn->peers, id, peer) {
		if (id == claimant || csv_state_get(vol->cn, id, vol->id, &report) ||
		    !(report.flags & CSV_STATE_ONLINE) || report.age_ms > CSV_CLAIM_FRESH)
			continue;
		peer = csv_peer_get(vol->cn, id);
		if (!peer)
			continue;
		csv_peer_get_info(peer, &info);
		csv_peer_put(peer);
		if (info.connected)
			return true;
	}
	return false;
}

/* Whether it is ours; if not, and it is taken, its layouts end here. */
static int csv_claim_answer(struct csv_volume *vol, u32 claimant, u32 epoch, bool take,
			    u32 *flags)
{
	bool mine;

	if (epoch < READ_ONCE(vol->epoch))
		return -CSV_ESTALE_EPOCH;
	spin_lock_irq(&vol->lock);
	mine = vol->mine;
	spin_unlock_irq(&vol->lock);
	if (mine) {
		*flags = CSV_CLAIM_MINE;
		return 0;
	}
	if (!take) {
		*flags = csv_claim_is_elsewhere(vol, claimant) ? CSV_CLAIM_OTHER : 0;
		return 0;
	}
	csv_volume_end_layouts(vol);
	/* the next one does not know who has what open: it is told when it is online */
	down_read(&vol->super_lock);
	if (vol->super)
		csv_volume_client_ops->reclaim(vol->super);
	up_read(&vol->super_lock);
	return 0;
}

/**
 * csv_volume_claim() - CLAIM of another node
 * @call: answered; a volume that our table does not have is not ours
 *
 * Context: a worker; waits for this node's bios on the disk
 */
void csv_volume_claim(struct csv_call *call)
{
	struct csv_volume *vol = csv_volume_get(call->cn, call->volume);
	struct csv_args in, out = {};
	int len;

	call->err = csv_wire_get_req(CSV_OP_CLAIM, &in, call->args, call->args_len);
	if (vol && !call->err)
		call->err = csv_claim_answer(vol, call->node, call->epoch,
					     in.flags & CSV_CLAIM_TAKE, &out.flags);
	if (vol)
		csv_volume_put(vol);
	len = csv_wire_put_rsp(CSV_OP_CLAIM, &out, call->reply, sizeof(call->reply));
	call->reply_len = len > 0 && !call->err ? len : 0;
	csv_call_reply(call);
}
