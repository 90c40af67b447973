/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/control/session_scan.h"

#include "common/base/steady_clock.h"
#include "common/shm/master_state.h"
#include "common/shm/region.h"

/* A step is over at the first of these. */
#define SLOTS_A_STEP 8192u
#define TAKEN_A_STEP 512u
#define STEP_S       0.002

#define SLOTS_A_LOOK 16u /* at the clock: a pattern may be slow */

void
session_scan_init(struct session_scan *scan)
{
	*scan = (struct session_scan){ .now_s = steady_clock_coarse_s(),
		.taken_max = TAKEN_A_STEP };
	session_filter_init(&scan->filter);
}

/* A partition that nobody uses is passed over: a look would give it memory. */
static bool
skip_unused(struct session_scan *scan, const struct commands_view *view)
{
	uint32_t slots = region_geometry(view->region)->slots_per_partition;

	if (scan->next % slots != 0 ||
	    master_state_partition_is_used(view->region, scan->next / slots))
		return false;
	scan->next += slots;
	return true;
}

bool
session_scan_step(struct session_scan *scan, const struct commands_view *view,
    void (*fn)(void *context, const struct session_view *session),
    void *context)
{
	uint32_t count = directory_slot_count(view->directory);
	double end_s = steady_clock_s() + STEP_S;
	unsigned looked = 0, taken = 0;

	while (scan->next < count && looked < SLOTS_A_STEP &&
	       taken < scan->taken_max) {
		if (skip_unused(scan, view))
			continue;
		if (++looked % SLOTS_A_LOOK == 0 && steady_clock_s() >= end_s)
			break;
		if (!directory_view(view->directory, scan->next++,
			&scan->view) ||
		    !session_filter_takes(&scan->filter, &scan->view,
			scan->now_s))
			continue;
		fn(context, &scan->view);
		taken++;
	}
	return scan->next >= count;
}
