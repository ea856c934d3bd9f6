// SPDX-License-Identifier: GPL-2.0
/*
 * csvfs transport: sessions at the responder, their calls, and pages for the data of
 * requests.
 */
#include <linux/slab.h>
#include "call.h"

static struct kmem_cache *csv_call_cache;

/**
 * csv_call_init() - make the cache of calls
 *
 * Return: 0 or -ENOMEM.
 */
int csv_call_init(void)
{
	csv_call_cache = KMEM_CACHE(csv_xcall, 0);
	return csv_call_cache ? 0 : -ENOMEM;
}

/**
 * csv_call_exit() - destroy it; no session is left
 */
void csv_call_exit(void)
{
	kmem_cache_destroy(csv_call_cache);
}

static bool csv_rsp_is_unsure(struct csv_rsp *rsp, u32 volume, u32 epoch)
{
	bool unsure = false;
	unsigned int i;

	spin_lock(&rsp->lock);
	for (i = 0; i < CSV_SLOTS && !unsure; i++) {
		const struct csv_rsp_slot *slot = &rsp->slots[i];
		const struct csv_call *call;

		if (slot->state != CSV_RSP_RUNNING && slot->state != CSV_RSP_CACHED)
			continue;
		call = &slot->call->call;
		unsure = call->volume == volume && call->epoch == epoch &&
			 csv_wire_shows(call->opcode);
	}
	spin_unlock(&rsp->lock);
	return unsure;
}

/**
 * csv_peer_is_unsure() - whether a node may not know what came of what it asked for
 * @peer: the node
 * @volume: what it asked concerned this volume
 * @epoch: at this epoch
 *
 * It does not answer, and its last request in some slot is a change that is being made, or
 * was made without its having shown that it has the reply.
 *
 * Context: process; waits for a keepalive of a node that is connected, or the end of its link
 */
bool csv_peer_is_unsure(struct csv_peer *peer, u32 volume, u32 epoch)
{
	unsigned long start = jiffies;
	bool unsure;

	do {
		mutex_lock(&peer->mutex);
		unsure = peer->rsp && csv_rsp_is_unsure(peer->rsp, volume, epoch);
		mutex_unlock(&peer->mutex);
		if (!unsure || !READ_ONCE(peer->up))
			return unsure;
		/* what a node that is alive was sent before has arrived */
		if (time_after(READ_ONCE(peer->heard), start))
			return false;
	} while (!schedule_timeout_killable(HZ / 10));
	return true;
}

/* pages of requests */

static struct page *csv_rsp_get_page(struct csv_rsp *rsp)
{
	struct page *page;

	spin_lock(&rsp->lock);
	page = list_first_entry_or_null(&rsp->pages, struct page, lru);
	if (page) {
		list_del(&page->lru);
		rsp->nr_pages--;
	}
	spin_unlock(&rsp->lock);
	return page ?: alloc_page(GFP_NOIO | __GFP_NOWARN);
}

/**
 * csv_xcall_put_pages() - the data of a request is needed no more
 * @x: its call
 */
void csv_xcall_put_pages(struct csv_xcall *x)
{
	struct csv_rsp *rsp = x->rsp;
	unsigned int i;

	for (i = 0; i < x->nr_pages; i++) {
		struct page *page = x->bvec[i].bv_page;
		bool kept = false;

		/* Somebody below may still look at it. */
		if (page_count(page) == 1) {
			spin_lock(&rsp->lock);
			kept = rsp->nr_pages < CSV_RSP_PAGES_MAX;
			if (kept) {
				list_add(&page->lru, &rsp->pages);
				rsp->nr_pages++;
			}
			spin_unlock(&rsp->lock);
		}
		if (!kept)
			put_page(page);
	}
	x->nr_pages = 0;
}

/**
 * csv_xcall_get_pages() - room for the data of a request
 * @x: its call, without any
 * @len: bytes, at most CSV_WIRE_IO_MAX
 *
 * Return: 0 or -ENOMEM
 */
int csv_xcall_get_pages(struct csv_xcall *x, u32 len)
{
	unsigned int n = DIV_ROUND_UP(len, PAGE_SIZE);
	struct page *page;

	x->bvec = x->inline_bvec;
	if (n > CSV_CALL_BVECS) {
		if (!x->big_bvec)
			x->big_bvec = kmalloc_array(CSV_DATA_PAGES_MAX, sizeof(*x->big_bvec),
						    GFP_NOIO);
		if (!x->big_bvec)
			return -ENOMEM;
		x->bvec = x->big_bvec;
	}
	while (x->nr_pages < n) {
		page = csv_rsp_get_page(x->rsp);
		if (!page) {
			csv_xcall_put_pages(x);
			return -ENOMEM;
		}
		bvec_set_page(&x->bvec[x->nr_pages++], page, min_t(u32, len, PAGE_SIZE), 0);
		len -= min_t(u32, len, PAGE_SIZE);
	}
	return 0;
}

/* sessions */

/**
 * csv_rsp_alloc() - a session that was issued to a requester
 * @cn: this node
 * @node: requester
 * @incarnation: of it
 * @id: of the session
 *
 * Return: the session with one reference, or NULL.
 */
struct csv_rsp *csv_rsp_alloc(struct csv_net *cn, u32 node, u64 incarnation, u64 id)
{
	struct csv_rsp *rsp = kvzalloc(sizeof(*rsp), GFP_NOIO);
	unsigned int i;

	if (!rsp)
		return NULL;
	refcount_set(&rsp->ref, 1);
	rsp->id = id;
	rsp->cn = cn;
	rsp->node = node;
	rsp->incarnation = incarnation;
	spin_lock_init(&rsp->lock);
	INIT_LIST_HEAD(&rsp->pages);
	for (i = 0; i < CSV_CLASS_COUNT; i++)
		rsp->credit[i] = csv_slot_count(i);
	return rsp;
}

/**
 * csv_rsp_put() - drop a reference
 * @rsp: session, or NULL
 */
void csv_rsp_put(struct csv_rsp *rsp)
{
	struct page *page, *next;
	unsigned int i;

	if (!rsp || !refcount_dec_and_test(&rsp->ref))
		return;
	for (i = 0; i < CSV_SLOTS; i++) {
		struct csv_xcall *x = rsp->slots[i].call;

		if (!x)
			continue;
		if (x->cache)
			__free_page(x->cache);
		kfree(x->big_bvec);
		kmem_cache_free(csv_call_cache, x);
	}
	list_for_each_entry_safe(page, next, &rsp->pages, lru)
		put_page(page);
	kvfree(rsp);
}

/**
 * csv_rsp_prepare() - a slot is used for the first time, or again
 * @rsp: its session
 * @slot: the slot
 * @index: of it
 *
 * Return: 0, with a call in it, or -ENOMEM
 */
int csv_rsp_prepare(struct csv_rsp *rsp, struct csv_rsp_slot *slot, unsigned int index)
{
	struct csv_xcall *x = slot->call;

	if (x)
		return 0;
	x = kmem_cache_zalloc(csv_call_cache, GFP_NOIO);
	if (!x)
		return -ENOMEM;
	x->rsp = rsp;
	x->index = index;
	x->call.cn = rsp->cn;
	x->call.node = rsp->node;
	x->call.incarnation = rsp->incarnation;
	slot->call = x;
	return 0;
}
