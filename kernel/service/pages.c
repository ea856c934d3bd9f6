// SPDX-License-Identifier: GPL-2.0
/*
 * Pages for the data of replies. They are sent without a copy, so that the network
 * still refers to them when the reply has been sent; they are kept, in the order in
 * which they were used, and used again when nobody refers to them any more. A page
 * of the allocator's would have to be zeroed each time.
 */
#include <linux/mm.h>
#include "service.h"

/**
 * csv_pages_init - an empty cache
 * @cache: zeroed
 */
void csv_pages_init(struct csv_pages *cache)
{
	spin_lock_init(&cache->lock);
}

/**
 * csv_pages_destroy - free what is there
 * @cache: nobody uses it any more; the network may still refer to its pages
 */
void csv_pages_destroy(struct csv_pages *cache)
{
	while (cache->head != cache->tail)
		put_page(cache->ring[cache->head++ % CSV_PAGES_MAX]);
}

/* The page that was used longest ago, if it is free; the caller holds the lock. */
static struct page *csv_pages_first(struct csv_pages *cache)
{
	struct page *page;

	lockdep_assert_held(&cache->lock);
	if (cache->head == cache->tail)
		return NULL;
	page = cache->ring[cache->head % CSV_PAGES_MAX];
	if (page_count(page) != 1)
		return NULL;
	cache->head++;
	return page;
}

/**
 * csv_pages_get - pages for so many bytes
 * @cache: the cache
 * @bvec: filled in
 * @len: bytes
 *
 * Context: process; allocates with GFP_NOIO
 * Return: how many pages there are: less than needed without memory
 */
unsigned int csv_pages_get(struct csv_pages *cache, struct bio_vec *bvec, size_t len)
{
	unsigned int need = DIV_ROUND_UP(len, PAGE_SIZE), nr = 0;
	struct page *page;

	spin_lock(&cache->lock);
	while (nr < need) {
		page = csv_pages_first(cache);
		if (!page)
			break;
		bvec_set_page(&bvec[nr++], page, PAGE_SIZE, 0);
	}
	spin_unlock(&cache->lock);
	while (nr < need) {
		page = alloc_page(GFP_NOIO);
		if (!page)
			return nr;
		bvec_set_page(&bvec[nr++], page, PAGE_SIZE, 0);
	}
	if (nr)
		bvec[nr - 1].bv_len = len - (nr - 1) * PAGE_SIZE;
	return nr;
}

/**
 * csv_pages_put - they have been sent, or are not needed
 * @cache: the cache
 * @bvec: from csv_pages_get()
 * @nr: how many
 *
 * Context: process
 */
void csv_pages_put(struct csv_pages *cache, struct bio_vec *bvec, unsigned int nr)
{
	unsigned int i;

	spin_lock(&cache->lock);
	for (i = 0; i < nr && cache->tail - cache->head < CSV_PAGES_MAX; i++)
		cache->ring[cache->tail++ % CSV_PAGES_MAX] = bvec[i].bv_page;
	spin_unlock(&cache->lock);
	for (; i < nr; i++)
		put_page(bvec[i].bv_page);
}
