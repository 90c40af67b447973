/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/server_state.h"

#include "common/shm/region.h"

#include <string.h>

#define TRIES 1000

/* Odd while the writer is at it. The text is copied as bytes: a reader that
 * met a half-written one throws it away. */
struct shared_state {
	_Atomic uint32_t sequence;
	uint32_t reserved;
	struct server_state state;
};

static struct shared_state *
shared(struct region *region)
{
	return region_section(region, REGION_SERVER_STATE, 0);
}

void
server_state_publish(struct region *region, const struct server_state *state)
{
	struct shared_state *to = shared(region);
	uint32_t sequence;

	/* A predecessor may have died half-way, at an odd number. */
	sequence =
	    atomic_load_explicit(&to->sequence, memory_order_relaxed) | 1;
	atomic_store_explicit(&to->sequence, sequence, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	memcpy(&to->state, state, sizeof(*state));
	atomic_store_explicit(&to->sequence, sequence + 1,
	    memory_order_release);
}

bool
server_state_read(struct region *region, struct server_state *state_io)
{
	const struct shared_state *from = shared(region);
	struct server_state copy;
	uint32_t before, after;
	int try;

	for (try = 0; try < TRIES; try++) {
		before =
		    atomic_load_explicit(&from->sequence, memory_order_acquire);
		if (before & 1)
			continue;
		memcpy(&copy, &from->state, sizeof(copy));
		atomic_thread_fence(memory_order_acquire);
		after =
		    atomic_load_explicit(&from->sequence, memory_order_relaxed);
		if (before != after)
			continue;
		if (copy.version == state_io->version)
			return false;
		copy.mechanisms[SERVER_MECHANISMS_MAX - 1] = '\0';
		*state_io = copy;
		return true;
	}
	return false;
}
