/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/damage.h"

#include "common/base/log.h"
#include "common/base/panic.h"
#include "common/process/heritage.h"
#include "common/shm/stats.h"
#include "worker/upstream/down.h"
#include "worker/upstream/isolation.h"
#include "worker/upstream/outage.h"
#include "worker/upstream/unconfirmed.h"

#include <inttypes.h>
#include <unistd.h>

/* --- own rings --- */

static bool
is_readable(const struct ring *ring)
{
	uint64_t cursor = ring_tail(ring);
	struct frame frame;
	int got;

	do
		got = ring_next(ring, &cursor, &frame);
	while (got == 1);
	return got == 0;
}

static void
take_own(struct upstream *up, unsigned lane)
{
	struct ring *in = &up->own[lane].ring;
	struct ring *out = &up->own_out[lane].ring;

	region_own_ring(up->region, lane, in);
	region_own_ring(up->region, lane, out);
	if (ring_inherit(in, RING_CONSUMER) == 0 &&
	    ring_inherit(out, RING_PRODUCER) == 0 && is_readable(in))
		return;
	log_at(LOG_ERROR,
	    "one of upstream's own rings was damaged; it is emptied lane=%u",
	    lane);
	stats_add(STAT_RINGS_DAMAGED, 1);
	ring_reset(in);
	ring_reset(out);
	ring_begin(in, RING_CONSUMER);
	ring_begin(out, RING_PRODUCER);
}

void
damage_take_own(struct upstream *up)
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		take_own(up, lane);
}

void
damage_end(const char *what)
{
	log_at(LOG_ERROR, "%s is damaged; a successor goes on", what);
	panic_write_message("%s is damaged", what);
	stats_add(STAT_RINGS_DAMAGED, 1);
	_exit(CHILD_EXIT_DAMAGED);
}

/* --- restoring --- */

static bool
restore_partition(struct partition *partition)
{
	bool differed;

	if (partition->phase == PHASE_IDLE) /* its next worker looks at them */
		return false;
	differed = ring_restore(&partition->down.ring);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		differed |= ring_restore(&partition->rings[lane].ring);
	partition->ring_doorbell |= differed;
	return differed;
}

void
damage_restore(struct upstream *up)
{
	bool differed = false;

	for (uint32_t i = 0; i < up->partition_count; i++)
		differed |= restore_partition(&up->partitions[i]);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		differed |= ring_restore(&up->own[lane].ring);
		differed |= ring_restore(&up->own_out[lane].ring);
	}
	for (unsigned i = 0; i < up->link_count; i++) {
		differed |= ring_restore(&up->links[i].ctl.ring);
		differed |= ring_restore(&up->links[i].ctl_out.ring);
	}
	outage_restore(up);
	if (!differed)
		return;
	stats_add(STAT_CURSORS_RESTORED, 1);
	log_limited(LOG_ERROR, 1,
	    "cursors of own rings were damaged in shared memory;"
	    " they are written anew");
}

/* --- workers --- */

void
damage_end_worker(struct upstream *up, uint32_t number)
{
	struct partition *partition = &up->partitions[number];

	if (partition->damaged)
		return;
	partition->damaged = true;
	log_at(LOG_ERROR,
	    "a worker's shared memory is damaged; replacing the worker"
	    " partition=%" PRIu32,
	    number);
	stats_add(STAT_RINGS_DAMAGED, 1);
	if (partition->phase == PHASE_SERVING)
		upstream_send(up, CHANNEL_WORKER_HUNG, number);
}

void
damage_take_partition(struct upstream *up, uint32_t number,
    uint32_t incarnation)
{
	struct partition *partition = &up->partitions[number];
	bool sound = true;

	if (partition->phase != PHASE_IDLE)
		return;
	partition->phase = PHASE_SERVING;
	partition->incarnation = incarnation;
	partition->damaged = false;
	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		struct lane_ring *lane_ring = &partition->rings[lane];

		lane_ring->broken =
		    ring_inherit(&lane_ring->ring, RING_CONSUMER) != 0;
		sound = sound && !lane_ring->broken;
		if (lane_ring->broken)
			continue;
		isolation_inherit(up, lane_ring);
		unconfirmed_inherit_ring(up, lane_ring, lane, (int)number);
	}
	if (ring_inherit(&partition->down.ring, RING_PRODUCER) != 0 || !sound)
		damage_end_worker(up, number);
}
