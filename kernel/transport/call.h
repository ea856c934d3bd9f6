/* SPDX-License-Identifier: GPL-2.0 */
/*
 * csvfs transport, private to the responder's half: a call and what is kept of it.
 */
#ifndef CSV_CALL_H
#define CSV_CALL_H

#include <linux/bvec.h>
#include "conn.h"
#include "peer.h"

#define CSV_CALL_BVECS		4
#define CSV_RSP_PAGES_MAX	512
#define CSV_RSP_HLEN		(sizeof(struct csv_wire_hdr) + sizeof(struct csv_wire_rsp))
#define CSV_ARGS_MAX		(CSV_WIRE_HDR_MAX - sizeof(struct csv_wire_hdr) - \
				 sizeof(struct csv_wire_req))
#define CSV_DATA_PAGES_MAX	DIV_ROUND_UP(CSV_WIRE_IO_MAX, PAGE_SIZE)

/**
 * struct csv_xcall - a call, with what the transport keeps of it
 * @call: what the service sees
 * @rsp: session; referenced from csv_call_end() until the reply is out
 * @conn: referenced: where the reply goes; NULL: nowhere for now
 * @index: slot
 * @seq: of the request that is being received or runs
 * @idempotent: it may run again, its reply is not kept
 * @tx: the reply on its way
 * @tx_conn: where to; only to be compared
 * @cache: data of a kept reply
 * @cache_len: bytes of it
 * @nr_pages: pages in @bvec
 * @bvec: data of the request: @inline_bvec, or @big_bvec
 * @inline_bvec: for few pages
 * @big_bvec: for any number; allocated at first use
 * @tx_buf: header of the reply
 * @args: operation header of the request
 */
struct csv_xcall {
	struct csv_call call;
	struct csv_rsp *rsp;
	struct csv_conn *conn;
	u16 index;
	u32 seq;
	bool idempotent;
	struct csv_tx tx;
	struct csv_conn *tx_conn;
	struct page *cache;
	unsigned int cache_len;
	unsigned int nr_pages;
	struct bio_vec *bvec;
	struct bio_vec inline_bvec[CSV_CALL_BVECS];
	struct bio_vec *big_bvec;
	u8 tx_buf[CSV_RSP_HLEN + sizeof_field(struct csv_call, reply)] __aligned(8);
	u8 args[CSV_ARGS_MAX] __aligned(8);
};

/* rsp.c */
int csv_rsp_prepare(struct csv_rsp *rsp, struct csv_rsp_slot *slot, unsigned int index);
int csv_xcall_get_pages(struct csv_xcall *x, u32 len);
void csv_xcall_put_pages(struct csv_xcall *x);

#endif /* CSV_CALL_H */
