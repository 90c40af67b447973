/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/link_memory.h"

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

void
link_intent_begin(struct links_memory *memory, uint32_t partition,
    uint64_t head, uint32_t link, uint64_t parsed)
{
	struct link_intent *intent = &memory->intent;

	atomic_store_explicit(&intent->partition, partition,
	    memory_order_relaxed);
	atomic_store_explicit(&intent->link, link, memory_order_relaxed);
	atomic_store_explicit(&intent->head, head, memory_order_relaxed);
	atomic_store_explicit(&intent->parsed, parsed, memory_order_relaxed);
	atomic_store_explicit(&intent->valid, 1, memory_order_release);
}

void
link_intent_end(struct links_memory *memory)
{
	struct link_intent *intent = &memory->intent;
	uint32_t link =
	    atomic_load_explicit(&intent->link, memory_order_relaxed);

	/* One's own words, which somebody may have damaged. */
	if (link < LINKS_MAX)
		atomic_store_explicit(&memory->links[link].parsed,
		    atomic_load_explicit(&intent->parsed, memory_order_relaxed),
		    memory_order_release);
	atomic_store_explicit(&intent->valid, 0, memory_order_release);
}
