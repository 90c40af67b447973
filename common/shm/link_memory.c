/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/link_memory.h"

#include "common/shm/ring.h"
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

static bool
publish_again(struct region *region, const struct link_intent *intent)
{
	uint32_t partition =
	    atomic_load_explicit(&intent->partition, memory_order_relaxed);
	struct ring down;

	if (partition >= region_geometry(region)->partition_count)
		return false;
	region_down_ring(region, partition, &down);
	return ring_publish_again(&down,
	    atomic_load_explicit(&intent->head, memory_order_relaxed));
}

bool
link_intent_finish(struct region *region)
{
	struct links_memory *memory = links_memory(region);
	struct link_intent *intent = &memory->intent;

	if (!atomic_load_explicit(&intent->valid, memory_order_acquire))
		return true;
	if (!publish_again(region, intent)) {
		atomic_store_explicit(&intent->valid, 0, memory_order_release);
		return false;
	}
	link_intent_end(memory);
	return true;
}
