/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/link_memory.h"

#include "common/base/breaks.h"
#include "common/shm/ring.h"
#include "common/shm/seal.h"
#include "common/shm/store.h"
#include "common/shm/view.h"

_Static_assert(sizeof(struct links_memory) <= VIEW_PAGE, "its place");

struct links_memory *
links_memory(struct region *region)
{
	return region_section(region, REGION_LINKS_MEMORY, 0);
}

uint8_t *
link_memory_buffer(struct region *region, unsigned link)
{
	return region_section(region, REGION_RECEIVE, link);
}

/* --- positions --- */

#define POSITION_BITS 48 /* 280 TB; above are checks */

static uint64_t
with_check(uint64_t position)
{
	return position | seal_word(0, position) >> POSITION_BITS
							<< POSITION_BITS;
}

void
link_position_set(_Atomic uint64_t *word, uint64_t position)
{
	shm_store(word, with_check(position), memory_order_release);
}

bool
link_position_get(const _Atomic uint64_t *word, uint64_t *position_out)
{
	uint64_t whole = atomic_load_explicit(word, memory_order_acquire);

	*position_out = whole & ((1ull << POSITION_BITS) - 1);
	return whole == with_check(*position_out);
}

/* --- the intent --- */

static uint32_t
seal_of(uint32_t partition, uint64_t head, uint32_t link, uint64_t parsed)
{
	uint64_t hash = seal_word(0, (uint64_t)partition << 32 | link);

	return (uint32_t)(seal_word(seal_word(hash, head), parsed) >> 32) | 1;
}

void
link_intent_begin(struct links_memory *memory, uint32_t partition,
    uint64_t head, uint32_t link, uint64_t parsed)
{
	struct link_intent *intent = &memory->intent;

	shm_store(&intent->partition, partition, memory_order_release);
	shm_store(&intent->link, link, memory_order_release);
	shm_store(&intent->head, head, memory_order_release);
	shm_store(&intent->parsed, parsed, memory_order_release);
	shm_store(&intent->seal, seal_of(partition, head, link, parsed),
	    memory_order_release);
}

void
link_intent_end(struct links_memory *memory, uint32_t link, uint64_t parsed)
{
	link_position_set(&memory->links[link].parsed, parsed);
	shm_store(&memory->intent.seal, 0, memory_order_release);
}

bool
link_intent_finish(struct region *region)
{
	struct links_memory *memory = links_memory(region);
	struct link_intent *intent = &memory->intent;
	uint32_t partition = atomic_load(&intent->partition);
	uint32_t link = atomic_load(&intent->link);
	uint64_t head = atomic_load(&intent->head);
	uint64_t parsed = atomic_load(&intent->parsed);
	uint32_t seal = atomic_load(&intent->seal);
	struct ring down;
	bool fits = seal == 0;

	if (!BREAK(FORGET_INTENT) &&
	    seal == seal_of(partition, head, link, parsed) &&
	    partition < region_geometry(region)->partition_count &&
	    link < LINKS_MAX) {
		region_down_ring(region, partition, &down);
		fits = ring_publish_again(&down, head);
		if (fits)
			link_intent_end(memory, link, parsed);
	}
	shm_store(&intent->seal, 0, memory_order_release);
	return fits || BREAK(FORGET_INTENT);
}
