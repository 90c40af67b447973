/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/damage.h"

#include "common/base/log.h"
#include "common/base/panic.h"
#include "common/process/heritage.h"
#include "common/shm/stats.h"
#include "worker/upstream/outage.h"
#include "worker/upstream/send/collect.h"

#include <inttypes.h>
#include <unistd.h>

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
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		differed |= lane_log_restore(&up->lanes[lane].log);
	for (unsigned i = 0; i < up->link_count; i++) {
		differed |= ring_restore(&up->links[i].ctl);
		differed |= ring_restore(&up->links[i].ctl_out.ring);
	}
	outage_restore(up);
	if (!differed)
		return;
	stats_add(STAT_CURSORS_RESTORED, 1);
	log_limited(LOG_ERROR, 1,
	    "own cursors were damaged in shared memory;"
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
	bool sound;

	if (partition->phase != PHASE_IDLE)
		return;
	partition->phase = PHASE_SERVING;
	partition->incarnation = incarnation;
	partition->damaged = false;
	sound = collect_take_over(up, number);
	if (ring_inherit(&partition->down.ring, RING_PRODUCER) != 0 || !sound)
		damage_end_worker(up, number);
}
