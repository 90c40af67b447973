/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/clientq_pool.h"

#include "common/shm/clientq.h"
#include "common/shm/pages.h"
#include "common/shm/region.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_BYTES   4096u
#define PAGE_BLOCKS  (PAGE_BYTES / BLOCK_BYTES)
#define QUIET_BLOCKS 16u  /* touched; not worth a system call */
#define SPARE_BLOCKS 256u /* free beyond the recent peak, worth none either */

/* --- life --- */

struct clientq_pool *
clientq_pool_new(struct region *region, uint32_t partition)
{
	struct clientq_pool *pool = xcalloc(1, sizeof(*pool));

	pool->blocks = region_section(region, REGION_QUEUE, partition);
	CHECK(pool->blocks);
	pool->infos = region_section(region, REGION_INFO, partition);
	pool->count = (uint32_t)(region_section_bytes(region, REGION_QUEUE) /
				 BLOCK_BYTES);
	return pool;
}

static void
forget_free(struct clientq_pool *pool)
{
	free(pool->free_list);
	free(pool->absent);
	pool->free_list = NULL;
	pool->absent = NULL;
	pool->free_count = pool->free_cap = pool->absent_count = 0;
}

void
clientq_pool_free(struct clientq_pool **pool)
{
	if (*pool)
		forget_free(*pool);
	free(*pool);
	*pool = NULL;
}

uint64_t
clientq_pool_used_bytes(const struct clientq_pool *pool)
{
	return (uint64_t)pool->used * BLOCK_BYTES;
}

bool
clientq_pool_has_room(const struct clientq_pool *pool, uint64_t blocks)
{
	return blocks <= (uint64_t)pool->count - pool->used;
}

/* --- pages that were given back --- */

static bool
is_absent(const struct clientq_pool *pool, uint32_t page)
{
	return pool->absent && (pool->absent[page / 8] >> page % 8 & 1);
}

static void
set_absent(struct clientq_pool *pool, uint32_t page, bool absent)
{
	uint8_t bit = (uint8_t)(1u << page % 8);

	if (is_absent(pool, page) == absent)
		return;
	if (!pool->absent)
		pool->absent = xcalloc(pool->count / PAGE_BLOCKS / 8 + 1, 1);
	pool->absent[page / 8] ^= bit;
	pool->absent_count += absent ? 1 : UINT32_MAX;
}

/* --- blocks --- */

uint32_t
clientq_block_take(struct clientq_pool *pool, uint32_t owner)
{
	struct clientq_block *block;
	uint32_t number;

	if (pool->free_count > 0)
		number = pool->free_list[--pool->free_count];
	else
		number = pool->touched++;
	pool->used++;
	pool->used_peak = MAX(pool->used_peak, pool->used);
	if (pool->absent_count > 0)
		set_absent(pool, number / PAGE_BLOCKS, false);
	block = &pool->blocks[number];
	memset(block, 0, offsetof(struct clientq_block, bytes));
	block->owner = owner;
	return number + 1;
}

void
clientq_block_give_back(struct clientq_pool *pool, uint32_t block)
{
	if (pool->free_count == pool->free_cap) {
		pool->free_cap = MAX(64u, pool->free_cap * 2);
		pool->free_list = xrealloc(pool->free_list,
		    pool->free_cap * sizeof(*pool->free_list));
	}
	pool->free_list[pool->free_count++] = block - 1;
	pool->blocks[block - 1].owner = 0;
	pool->used--;
}

struct clientq_block *
clientq_block_at(struct clientq_pool *pool, uint32_t owner, uint32_t block)
{
	struct clientq_block *at;

	if (block == 0 || block > pool->touched)
		return NULL;
	at = &pool->blocks[block - 1];
	return at->owner == owner && at->end <= BLOCK_ROOM &&
		       at->first <= BLOCK_ROOM
		   ? at
		   : NULL;
}

/* --- giving memory back --- */

/* Counts the free blocks of each page. */
static uint8_t *
count_free(const struct clientq_pool *pool, uint32_t pages)
{
	uint8_t *counts = xcalloc(pages, 1);

	for (uint32_t i = 0; i < pool->free_count; i++)
		counts[pool->free_list[i] / PAGE_BLOCKS]++;
	return counts;
}

static void
give_back_run(struct clientq_pool *pool, uint32_t from, uint32_t to)
{
	if (!pages_give_back(pool->blocks, (uint64_t)from * PAGE_BYTES,
		(uint64_t)to * PAGE_BYTES))
		return;
	for (uint32_t page = from; page < to; page++)
		set_absent(pool, page, true);
}

/* Neighbours at once: a burst's blocks lie mostly side by side. */
static void
give_back_free_pages(struct clientq_pool *pool, const uint8_t *counts,
    uint32_t pages)
{
	uint32_t page, first;

	for (page = 0; page < pages; page++) {
		first = page;
		while (page < pages && counts[page] == PAGE_BLOCKS &&
		       !is_absent(pool, page))
			page++;
		if (page > first)
			give_back_run(pool, first, page);
	}
}

static int
compare_falling(const void *a, const void *b)
{
	uint32_t left = *(const uint32_t *)a, right = *(const uint32_t *)b;

	return (left < right) - (left > right);
}

/* The lowest are taken first from now on, so that the rest stays free. */
static void
sort_free(struct clientq_pool *pool)
{
	qsort(pool->free_list, pool->free_count, sizeof(*pool->free_list),
	    compare_falling);
}

static bool
is_worth_it(const struct clientq_pool *pool)
{
	uint64_t present =
	    pool->free_count - (uint64_t)pool->absent_count * PAGE_BLOCKS;

	return present > (uint64_t)pool->used_peak + SPARE_BLOCKS;
}

void
clientq_pool_trim(struct clientq_pool *pool)
{
	uint64_t touched = (uint64_t)pool->touched * BLOCK_BYTES;
	uint32_t pages = (pool->touched + PAGE_BLOCKS - 1) / PAGE_BLOCKS;
	uint8_t *counts;

	if (pool->used == 0 && pool->touched > QUIET_BLOCKS) {
		if (pages_give_back(pool->blocks, 0,
			align_up(touched, PAGE_BYTES))) {
			pool->touched = 0;
			forget_free(pool);
		}
	} else if (is_worth_it(pool)) {
		counts = count_free(pool, pages);
		give_back_free_pages(pool, counts, pages);
		free(counts);
		sort_free(pool);
	}
	pool->used_peak = pool->used;
}
