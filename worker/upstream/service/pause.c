/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/service/pause.h"

#include "common/shm/stats.h"
#include "worker/upstream/service/outage.h"
#include "worker/upstream/service/stop.h"

#include <inttypes.h>
#include <math.h>

/* A server that works confirms all within a fraction of it. */
#define SETTLE_S 5.0

void
pause_begin(struct upstream *up, uint32_t seconds)
{
	/* What clients are offered is not known yet. */
	if (up->server.phase == SERVER_UNKNOWN || up->stopping || seconds == 0)
		return;
	seconds = MIN(seconds, SERVER_PAUSE_MAX_S);
	stats_add(STAT_PAUSES, !pause_is_on(up));
	if (up->server.pause != PAUSE_HOLDING)
		up->server.pause =
		    up->set.joined ? PAUSE_SETTLING : PAUSE_AWAITING;
	up->server.phase = SERVER_HOLDING;
	up->settle_until = upstream_now(up) + SETTLE_S;
	up->hold_until = upstream_now(up) + seconds;
	up->server.pause_until_s = (uint32_t)ceil(up->hold_until);
	log_at(LOG_NOTICE, "pause: clients are held seconds=%" PRIu32, seconds);
	outage_publish(up);
}

static void
try_links_now(struct upstream *up)
{
	for (unsigned i = 0; i < up->link_count; i++)
		if (up->links[i].state == LINK_WAITING)
			up->links[i].deadline = 0;
}

void
pause_resume(struct upstream *up)
{
	if (!pause_is_on(up))
		return;
	log_at(LOG_NOTICE, "pause: to end links=%d",
	    __builtin_popcount(up->set.joined));
	up->server.pause = PAUSE_AWAITING;
	up->steady_at = 0; /* of the links that are up an operator knows */
	outage_publish(up);
	try_links_now(up);
	outage_tick(up);
}

static uint64_t
in_flight(const struct upstream *up)
{
	uint64_t count = 0;

	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		count += lane_log_sent(&up->lanes[lane].log) -
			 lane_log_tail(&up->lanes[lane].log);
	return count;
}

void
pause_tick(struct upstream *up)
{
	if (!pause_is_on(up))
		return;
	/* For whoever reads that the clients are held. */
	stats_set(STAT_PAUSE_UNCONFIRMED, in_flight(up));
	if (up->server.pause != PAUSE_SETTLING ||
	    (!stop_all_is_sent(up) && upstream_now(up) < up->settle_until))
		return;
	up->server.pause = PAUSE_HOLDING;
	outage_publish(up);
	log_at(LOG_NOTICE,
	    "pause: nothing more goes to the server unconfirmed=%" PRIu64,
	    in_flight(up));
}
