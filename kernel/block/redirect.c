// SPDX-License-Identifier: GPL-2.0
/*
 * Bios by messages: (file, offset, length) to the coordinator, which knows what
 * was granted and derives the address itself.
 */
#include <linux/slab.h>
#include "../control/volume.h"
#include "../transport/transport.h"
#include "block.h"

/* One message of a bio; a large bio takes several. */
struct csv_redirect {
	struct csv_rpc rpc;
	struct csv_bio *cb;
	struct csv_args in;
	u8 args[96];
};

/* What the coordinator may say that no application should hear: do it again. */
static bool csv_redirect_lost(int err)
{
	return err <= -CSV_ESTALE_EPOCH || err == -ESHUTDOWN;
}

/*
 * The bio ends with the last of its messages; the first error wins. A bio that
 * lost its layout on the way is done again as a whole.
 */
static void csv_redirect_finish(struct csv_bio *cb, int err)
{
	if (err && csv_redirect_lost(err))
		WRITE_ONCE(cb->lost, err);
	else if (err)
		cmpxchg(&cb->bio.bi_status, 0, errno_to_blk_status(err));
	if (!atomic_dec_and_test(&cb->left))
		return;
	if (cb->lost && !cb->bio.bi_status)
		cb->disk->redrive(cb);
	else
		bio_endio(&cb->bio);
}

static void csv_redirect_done(struct csv_rpc *rpc)
{
	struct csv_redirect *rd = container_of(rpc, struct csv_redirect, rpc);
	bool write = rpc->opcode == CSV_OP_BLOCK_WRITE;
	int err = rpc->err;

	if (!err && !write && rpc->in_len != rd->in.count)
		err = -EIO;
	if (!err)
		csv_stats_add_wire(rd->cb->disk->vol, write, rd->in.count);
	csv_redirect_finish(rd->cb, err);
}

static void csv_redirect_free(struct csv_rpc *rpc)
{
	kfree(container_of(rpc, struct csv_redirect, rpc));
}

static struct csv_redirect *csv_redirect_alloc(struct csv_bio *cb, size_t skip, size_t len)
{
	struct csv_redirect *rd = kmalloc(sizeof(*rd), GFP_NOIO | __GFP_NOFAIL);
	struct csv_volume *vol = cb->disk->vol;
	struct bio *bio = &cb->bio;
	bool write = op_is_write(bio_op(bio));
	u16 opcode = write ? CSV_OP_BLOCK_WRITE : CSV_OP_BLOCK_READ;
	struct iov_iter iter;

	rd->cb = cb;
	rd->in.fh = *cb->fh;
	rd->in.offset = cb->pos + skip;
	rd->in.count = len;
	rd->in.flags = bio->bi_opf & REQ_FUA ? CSV_BLOCK_FUA : 0;
	csv_rpc_init(&rd->rpc, opcode);
	rd->rpc.volume = vol->id;
	rd->rpc.epoch = READ_ONCE(vol->epoch);
	rd->rpc.args = rd->args;
	rd->rpc.args_len = csv_wire_put_req(opcode, &rd->in, rd->args, sizeof(rd->args));
	rd->rpc.task = cb->task;
	rd->rpc.done = csv_redirect_done;
	rd->rpc.free = csv_redirect_free;
	skip += bio->bi_iter.bi_bvec_done;
	iov_iter_bvec(&iter, write ? ITER_SOURCE : ITER_DEST, bio->bi_io_vec, bio->bi_vcnt,
		      skip + len);
	iov_iter_advance(&iter, skip);
	if (write)
		rd->rpc.out = iter;
	else
		rd->rpc.in = iter;
	return rd;
}

/**
 * csv_redirect_bio - send a bio to the coordinator
 * @cb: the bio
 *
 * Context: process; waits for a slot, killable
 */
void csv_redirect_bio(struct csv_bio *cb)
{
	struct csv_volume *vol = cb->disk->vol;
	size_t left = cb->bio.bi_iter.bi_size, skip = 0, len;
	struct csv_redirect *rd;
	struct csv_peer *peer;
	int err = 0;

	cb->lost = 0;
	/* one for us, until all has been sent */
	atomic_set(&cb->left, 1);
	peer = csv_peer_get(vol->cn, READ_ONCE(vol->owner));
	for (; peer && left && !err; left -= len, skip += len) {
		len = min_t(size_t, left, CSV_WIRE_IO_MAX);
		rd = csv_redirect_alloc(cb, skip, len);
		atomic_inc(&cb->left);
		err = csv_rpc_submit(peer, &rd->rpc, false);
		csv_rpc_put(&rd->rpc);
		if (err)
			csv_redirect_finish(cb, err);
	}
	if (peer)
		csv_peer_put(peer);
	csv_redirect_finish(cb, peer ? err : -CSV_ENOT_COORD);
}

static void csv_redirect_flush_free(struct csv_rpc *rpc)
{
	kfree(rpc);
}

/**
 * csv_redirect_flush - flush the write cache of the coordinator's disk
 * @vol: the volume
 */
int csv_redirect_flush(struct csv_volume *vol)
{
	struct csv_rpc *rpc = kzalloc(sizeof(*rpc), GFP_NOIO);
	struct csv_peer *peer;
	int err;

	if (!rpc)
		return -ENOMEM;
	csv_rpc_init(rpc, CSV_OP_BLOCK_FLUSH);
	rpc->volume = vol->id;
	rpc->epoch = READ_ONCE(vol->epoch);
	rpc->free = csv_redirect_flush_free;
	peer = csv_peer_get(vol->cn, READ_ONCE(vol->owner));
	err = -CSV_ENOT_COORD;
	if (peer) {
		err = csv_rpc_submit(peer, rpc, false);
		if (!err) {
			err = csv_rpc_wait(rpc);
			if (err)
				csv_rpc_cancel(peer, rpc);
			else
				err = rpc->err;
		}
		csv_peer_put(peer);
	}
	csv_rpc_put(rpc);
	return err;
}
