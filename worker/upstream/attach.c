/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/attach.h"

#include "common/shm/store.h"
#include "worker/upstream/core/platform.h"
#include "worker/upstream/link/link.h"
#include "worker/upstream/recovery/ghost_sessions.h"
#include "worker/upstream/recovery/link_resume.h"
#include "worker/upstream/send/collect.h"
#include "worker/upstream/send/isolation.h"
#include "worker/upstream/send/lane.h"
#include "worker/upstream/send/unconfirmed.h"
#include "worker/upstream/service/outage.h"

/* All processes of a run have the same, so that answers to a predecessor are
 * known for what they are. */
static uint32_t
take_run_id(struct upstream *up)
{
	uint32_t run_id = atomic_load(&up->memory->run_id);

	while (!run_id)
		up->platform->random(up->platform, &run_id, sizeof(run_id));
	shm_store(&up->memory->run_id, run_id, memory_order_seq_cst);
	return run_id;
}

/* One too many that a predecessor has left is judged, or leaves in order. */
static void
prepare_links_left(struct upstream *up)
{
	unsigned count = LINKS_MAX;

	while (count > up->link_count && !link_is_left(up, count - 1))
		count--;
	for (; up->link_count < count; up->link_count++)
		link_prepare(&up->links[up->link_count], up, up->link_count);
}

/* What no journal knows of may have gone anywhere. */
static void
inherit_lane(struct upstream *up, unsigned number)
{
	struct lane *lane = &up->lanes[number];
	bool lost = lane->in_flight == 0;

	isolation_inherit(up, lane, lost);
	if (lost && lane_log_sent(&lane->log) != lane_log_tail(&lane->log)) {
		/* What is found out of that is lost with this process. */
		links_note_unsettled(up);
		unconfirmed_inherit_lane(up, number);
	}
	lane_wake(up, number);
}

void
upstream_attach(struct upstream *up)
{
	bool resumed;

	up->memory = links_memory(up->region);
	up->run_id = take_run_id(up);
	up->began_s = upstream_now(up);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		up->revalidations[lane].link = LINK_NONE;
	lanes_take_over(up);
	collect_note_copied(up);
	prepare_links_left(up);
	for (unsigned i = 0; i < up->link_count; i++)
		link_attach(&up->links[i]);
	isolation_init(up);
	resumed = links_take_over(up);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		inherit_lane(up, lane);
	ghost_sessions_begin(up, resumed);
	outage_begin(up, resumed);
}
