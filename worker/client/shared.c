/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker has in common with upstream: it begins with cursors that it
 * wrote itself, writes them anew when they are damaged, and ends when what
 * upstream wrote into the down ring makes no sense for longer than upstream
 * needs to put it right (design.md §3).
 */
#include "common/base/log.h"
#include "common/process/heritage.h"
#include "common/shm/stats.h"
#include "worker/client/client.h"

/* Upstream looks at its cursors ten times a second, a successor at once. */
#define PATIENCE_S 3u

/* Upstream looks at these words only after READY, so that it never sees what a
 * predecessor left in them. */
void
shared_begin(uint32_t index, uint32_t generation)
{
	struct worker_control *control =
	    region_worker_control(worker.region, index);
	unsigned lane;

	worker.control = control;
	worker.upstream = region_upstream_control(worker.region);
	worker.pair = region_pair_control(worker.region, index);
	region_down_ring(worker.region, index, &worker.down);
	ring_begin(&worker.down, RING_CONSUMER);
	for (lane = 0; lane < LANE_COUNT; lane++) {
		region_up_ring(worker.region, index, lane, &worker.up[lane]);
		ring_begin(&worker.up[lane], RING_PRODUCER);
	}
	atomic_store(&control->asleep, 0);
	atomic_store(&control->wants_room, 0);
	atomic_store(&control->generation, generation);
}

static void
restore(void)
{
	bool differed = ring_restore(&worker.down);
	unsigned lane;

	for (lane = 0; lane < LANE_COUNT; lane++)
		differed |= ring_restore(&worker.up[lane]);
	if (!differed)
		return;
	stats_add(STAT_CURSORS_RESTORED, 1);
	log_limited(LOG_ERROR, 1,
	    "cursors of own rings were damaged in shared memory;"
	    " they are written anew");
}

void
shared_note_down(bool sound)
{
	if (sound) {
		worker.damaged_since_s = 0;
	} else if (worker.damaged_since_s == 0) {
		worker.damaged_since_s = now_s();
		log_limited(LOG_WARNING, 1,
		    "the down ring is damaged; this worker ends"
		    " if it stays so for %u s",
		    PATIENCE_S);
	}
}

bool
shared_tick(void)
{
	restore();
	if (worker.damaged || worker.damaged_since_s == 0 ||
	    now_s() - worker.damaged_since_s < PATIENCE_S)
		return true;
	stats_add(STAT_RINGS_DAMAGED, 1);
	worker.damaged = true;
	return false;
}
