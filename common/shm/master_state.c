/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/master_state.h"

#include "common/shm/region.h"

#include <stdatomic.h>
#include <stddef.h>
#include <string.h>

#define TRIES 1000

/* Behind it a row for each place, then a byte for each partition. */
struct shared_state {
	_Atomic uint32_t sequence; /* odd while it is being written */
	uint32_t reserved;
	struct master_summary summary;
	struct master_process processes[];
};

_Static_assert(offsetof(struct shared_state, summary) == MASTER_STATE_HEAD &&
		   offsetof(struct shared_state, processes) ==
		       MASTER_STATE_HEAD + sizeof(struct master_summary),
    "as master_state_bytes() counts");

uint32_t
master_state_room(const struct region *region)
{
	return region_geometry(region)->partition_count + MASTER_STATE_FIXED;
}

static struct shared_state *
shared(struct region *region)
{
	struct shared_state *state =
	    region_section(region, REGION_MASTER_STATE, 0);

	CHECK(state);
	return state;
}

static _Atomic uint8_t *
in_use(struct region *region, uint32_t partition)
{
	struct master_process *rows = shared(region)->processes;

	CHECK(partition < region_geometry(region)->partition_count);
	return (_Atomic uint8_t *)(rows + master_state_room(region)) +
	       partition;
}

/* --- the master --- */

void
master_state_publish(struct region *region,
    const struct master_summary *summary,
    const struct master_process *processes)
{
	struct shared_state *state = shared(region);
	uint32_t sequence =
	    atomic_load_explicit(&state->sequence, memory_order_relaxed) | 1;

	CHECK(summary->process_count <= master_state_room(region));
	atomic_store_explicit(&state->sequence, sequence, memory_order_relaxed);
	atomic_thread_fence(memory_order_release);
	state->summary = *summary;
	memcpy(state->processes, processes,
	    summary->process_count * sizeof(*processes));
	atomic_store_explicit(&state->sequence, sequence + 1,
	    memory_order_release);
}

void
master_state_use_partition(struct region *region, uint32_t partition, bool used)
{
	atomic_store_explicit(in_use(region, partition), used,
	    memory_order_release);
}

/* --- who asks --- */

/* False when it was written meanwhile. */
static bool
copy_once(const struct shared_state *state, uint32_t room,
    struct master_summary *summary_out, struct master_process *processes_out)
{
	uint32_t before =
	    atomic_load_explicit(&state->sequence, memory_order_acquire);
	uint32_t after;

	*summary_out = state->summary;
	summary_out->process_count = MIN(summary_out->process_count, room);
	if (processes_out)
		memcpy(processes_out, state->processes,
		    summary_out->process_count * sizeof(*processes_out));
	atomic_thread_fence(memory_order_acquire);
	after = atomic_load_explicit(&state->sequence, memory_order_relaxed);
	return before == after && before % 2 == 0;
}

static bool
copy(struct region *region, struct master_summary *summary_out,
    struct master_process *processes_out)
{
	const struct shared_state *state = shared(region);
	uint32_t room = master_state_room(region);
	unsigned tries;

	for (tries = 0; tries < TRIES; tries++)
		if (copy_once(state, room, summary_out, processes_out))
			return true;
	*summary_out = (struct master_summary){ 0 };
	return false;
}

bool
master_state_read(struct region *region, struct master_summary *summary_out)
{
	return copy(region, summary_out, NULL);
}

uint32_t
master_state_processes(struct region *region,
    struct master_process *processes_out)
{
	struct master_summary summary;
	uint32_t i;

	(void)copy(region, &summary, processes_out);
	for (i = 0; i < summary.process_count; i++) {
		struct master_process *row = &processes_out[i];

		row->name[sizeof(row->name) - 1] = '\0';
		row->state[sizeof(row->state) - 1] = '\0';
	}
	return summary.process_count;
}

bool
master_state_partition_is_used(struct region *region, uint32_t partition)
{
	return atomic_load_explicit(in_use(region, partition),
		   memory_order_acquire) != 0;
}
