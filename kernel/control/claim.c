// SPDX-License-Identifier: GPL-2.0
/*
 * CLAIM: a node that wants to mount a lower file system asks every other node
 * of the table whether it has it, and tells it to forget the layouts of an
 * earlier coordinator. Without reservations nothing else prevents a double
 * mount: a node that does not answer must be marked fenced by an administrator.
 */
#include <linux/netlink.h>
#include <linux/slab.h>
#include "../transport/transport.h"
#include "volume.h"

#define CSV_CLAIM_TIMEOUT	(10 * HZ)

struct csv_claim {
	struct csv_rpc rpc;
	u8 uuid[16];
	struct kvec kvec;
};

static void csv_claim_free(struct csv_rpc *rpc)
{
	kfree(container_of(rpc, struct csv_claim, rpc));
}

/* 0: not there; 1: there; or why we do not know */
static int csv_claim_one(struct csv_volume *vol, u32 node)
{
	struct csv_claim *claim;
	struct csv_args out = {};
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
	memcpy(claim->uuid, vol->uuid, sizeof(claim->uuid));
	claim->kvec.iov_base = claim->uuid;
	claim->kvec.iov_len = sizeof(claim->uuid);
	iov_iter_kvec(&claim->rpc.out, ITER_SOURCE, &claim->kvec, 1, sizeof(claim->uuid));
	err = csv_rpc_submit(peer, &claim->rpc, false);
	csv_peer_put(peer);
	if (!err) {
		left = wait_for_completion_killable_timeout(&claim->rpc.completion,
							    CSV_CLAIM_TIMEOUT);
		err = left > 0 ? claim->rpc.err : left ? -EINTR : -ETIMEDOUT;
	}
	if (!err)
		err = csv_wire_get_rsp(CSV_OP_CLAIM, &out, claim->rpc.reply,
				       claim->rpc.reply_len);
	csv_rpc_put(&claim->rpc);
	return err ?: !!(out.flags & CSV_CLAIM_MINE);
}

static int csv_claim_result(struct csv_volume *vol, const char *node, int ret,
			    struct netlink_ext_ack *extack)
{
	switch (ret) {
	case 0:
		return 0;
	case 1:
		NL_SET_ERR_MSG_FMT(extack, "volume %s is online on %s: set it offline there",
				   vol->name, node);
		return -EBUSY;
	case -CSV_ESTALE_EPOCH:
		NL_SET_ERR_MSG_FMT(extack, "%s has a newer table for %s: apply that here",
				   node, vol->name);
		return -ESTALE;
	case -EINTR:
		return -EINTR;
	default:
		NL_SET_ERR_MSG_FMT(extack, "%s does not answer for %s: start it or mark it fenced",
				   node, vol->name);
		return -EHOSTUNREACH;
	}
}

/**
 * csv_claim_all() - ask every other node of the table
 * @vol: the volume; state_mutex is held
 * @extack: what stands in the way
 *
 * Return: 0 when every node says that the volume is not online there, or is
 * marked fenced
 */
int csv_claim_all(struct csv_volume *vol, struct netlink_ext_ack *extack)
{
	struct {
		u32 id;
		char name[CSV_NAME_MAX + 1];
	} *nodes;
	const struct csv_table *table;
	unsigned int nr = 0, i;
	int err = 0;

	lockdep_assert_held(&vol->state_mutex);
	nodes = kcalloc(CSV_NODES_MAX, sizeof(*nodes), GFP_KERNEL);
	if (!nodes)
		return -ENOMEM;
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
	for (i = 0; !err && i < nr; i++)
		err = csv_claim_result(vol, nodes[i].name, csv_claim_one(vol, nodes[i].id),
				       extack);
	kfree(nodes);
	return err;
}

/* Whether it is ours, or about to be; if not, the layouts of its last coordinator end. */
static int csv_claim_answer(struct csv_volume *vol, u32 epoch, u32 *flags)
{
	bool mine;

	if (epoch < READ_ONCE(vol->epoch))
		return -CSV_ESTALE_EPOCH;
	spin_lock_irq(&vol->lock);
	mine = vol->export || vol->onlining;
	spin_unlock_irq(&vol->lock);
	if (mine) {
		*flags = CSV_CLAIM_MINE;
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
	struct csv_args out = {};
	int len;

	call->err = 0;
	if (vol) {
		call->err = csv_claim_answer(vol, call->epoch, &out.flags);
		csv_volume_put(vol);
	}
	len = csv_wire_put_rsp(CSV_OP_CLAIM, &out, call->reply, sizeof(call->reply));
	call->reply_len = len > 0 && !call->err ? len : 0;
	csv_call_reply(call);
}
