// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs transport: the life of a request.
 */
#include "conn.h"
#include "peer.h"

/**
 * csv_rpc_init() - prepare a request
 * @rpc: memory of it; the caller has the one reference
 * @opcode: what to do
 *
 * Everything else that the caller does not fill in is empty.
 */
void csv_rpc_init(struct csv_rpc *rpc, u16 opcode)
{
	/* The reply is written before it is read. */
	memset(rpc, 0, offsetof(struct csv_rpc, reply));
	rpc->opcode = opcode;
	iov_iter_kvec(&rpc->out, ITER_SOURCE, NULL, 0, 0);
	iov_iter_kvec(&rpc->in, ITER_DEST, NULL, 0, 0);
	init_completion(&rpc->completion);
	refcount_set(&rpc->ref, 1);
	INIT_LIST_HEAD(&rpc->entry);
	rpc->peer = NULL;
	rpc->state = 0;
}

/**
 * csv_rpc_put() - drop a reference
 * @rpc: request; csv_rpc.free is called with the last one
 */
void csv_rpc_put(struct csv_rpc *rpc)
{
	if (refcount_dec_and_test(&rpc->ref) && rpc->free)
		rpc->free(rpc);
}

/**
 * csv_rpc_wait() - wait until the exchange is over
 * @rpc: submitted request without csv_rpc.done
 *
 * Return: 0 (see csv_rpc.err), or -ERESTARTSYS when killed first: the caller
 * drops its reference and forgets the request.
 */
int csv_rpc_wait(struct csv_rpc *rpc)
{
	return wait_for_completion_killable(&rpc->completion);
}

/**
 * csv_rpc_complete() - the exchange is over
 * @rpc: request that left its slot
 * @err: result
 */
void csv_rpc_complete(struct csv_rpc *rpc, int err)
{
	rpc->err = err;
	if (rpc->done)
		rpc->done(rpc);
	else
		complete(&rpc->completion);
	csv_rpc_put(rpc);
}

/**
 * csv_rpc_complete_list() - requests end without a reply
 * @done: by csv_rpc.entry, with csv_rpc.err set
 */
void csv_rpc_complete_list(struct list_head *done)
{
	struct csv_rpc *rpc, *next;

	list_for_each_entry_safe(rpc, next, done, entry) {
		list_del_init(&rpc->entry);
		rpc->reply_len = 0;
		rpc->in_len = 0;
		csv_rpc_complete(rpc, rpc->err);
	}
}
