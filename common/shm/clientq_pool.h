/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clientq_pool - the blocks of a partition; private to clientq*.c.
 *
 *   0 .. touched      in a queue, or free and in free_list
 *   touched .. count  never used, or given back to the system
 *
 * Its worker alone calls this; the bookkeeping is in private memory, so nobody
 * else can spoil it.
 */
#ifndef COMMON_SHM_CLIENTQ_POOL_H
#define COMMON_SHM_CLIENTQ_POOL_H

#include "common/shm/clientq_layout.h"

struct clientq_pool {
	struct clientq_block *blocks;
	const void *infos; /* clientq_owner() */
	uint32_t count;
	uint32_t touched;
	uint32_t used;
	uint32_t used_peak;  /* since the last trim */
	uint32_t *free_list; /* last in, first out */
	uint32_t free_count;
	uint32_t free_cap;
	uint8_t *absent; /* a bit for each page below `touched` that was
			    given back; its blocks are in free_list */
	uint32_t absent_count;
};

/* Numbers of blocks are one more than their place, as links are. A block comes
 * with a clear head and its queue's name; there must be room. */
uint32_t clientq_block_take(struct clientq_pool *pool, uint32_t owner);
void clientq_block_give_back(struct clientq_pool *pool, uint32_t block);
/* NULL: no block of that queue, whatever a link says. */
struct clientq_block *clientq_block_at(struct clientq_pool *pool,
    uint32_t owner, uint32_t block);
bool clientq_pool_has_room(const struct clientq_pool *pool, uint64_t blocks);

#endif
