/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/partitions.h"

#include "common/base/log.h"
#include "common/shm/stats.h"
#include "worker/upstream/core/damage.h"
#include "worker/upstream/send/collect.h"
#include "worker/upstream/service/outage.h"

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
partitions_restore(struct upstream *up)
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

void
partitions_take(struct upstream *up, uint32_t number, uint32_t incarnation)
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
