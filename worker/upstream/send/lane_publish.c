/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane_publish - what an operator may know of the lanes: whose they are, and
 * how much is where on the way up.
 */
#include "worker/upstream/send/lane.h"

#include "common/shm/link_report.h"
#include "common/shm/stats.h"

#include <stdio.h>

static const char *
state_of(const struct upstream *up, unsigned number)
{
	if (link_set_holder(&up->set, number) == LINK_NONE)
		return "homeless";
	if (lane_is_held(up, number))
		return "revalidating";
	return link_set_is_leaving(&up->set, number) ? "leaving" : "carried";
}

/* When the oldest entry was taken, or a little later: entries have no time, so
 * a mark is set behind the newest one whenever the one before was passed. */
static double
oldest_since(struct lane *lane, double now)
{
	uint64_t tail = lane_log_tail(&lane->log);
	uint64_t head = lane_log_head(&lane->log);

	if (tail == head)
		lane->aged_since = 0;
	else if (lane->aged_since <= 0 || tail >= lane->aged_end) {
		lane->aged_end = head;
		lane->aged_since = now;
	}
	return lane->aged_since;
}

static uint64_t
waiting_in(const struct up_ring *up_ring)
{
	const struct ring *ring = &up_ring->ring;
	uint64_t bytes = ring_head(ring) - ring_tail(ring);

	return up_ring->broken || bytes > ring->capacity ? 0 : bytes;
}

/* Bytes in workers' rings that are not collected yet. */
static void
add_uncollected(const struct upstream *up, struct lane_report *reports)
{
	for (uint32_t i = 0; i < up->partition_count; i++) {
		const struct partition *partition = &up->partitions[i];

		for (unsigned waiting = partition->waiting; waiting;
		     waiting &= waiting - 1) {
			unsigned number = (unsigned)__builtin_ctz(waiting);

			reports[number].uncollected_bytes +=
			    waiting_in(&partition->rings[number]);
		}
	}
}

static void
describe(struct upstream *up, unsigned number, struct lane_report *report)
{
	struct lane *lane = &up->lanes[number];
	const struct lane_log *log = &lane->log;
	int holder = link_set_holder(&up->set, number);

	snprintf(report->state, sizeof(report->state), "%s",
	    state_of(up, number));
	report->link = holder == LINK_NONE ? LINKS_MAX : (uint32_t)holder;
	report->unconfirmed_entries =
	    (uint32_t)(lane_log_sent(log) - lane_log_tail(log));
	report->unsent_entries =
	    (uint32_t)(lane_log_head(log) - lane_log_sent(log));
	report->unconfirmed_bytes = lane_log_unconfirmed(log);
	report->unsent_bytes = lane_log_unsent(log);
	report->oldest_since = oldest_since(lane, upstream_now(up));
}

void
lanes_publish(struct upstream *up)
{
	struct lane_report reports[LANE_COUNT] = { 0 };
	uint64_t unconfirmed = 0, unsent = 0;

	add_uncollected(up, reports);
	for (unsigned number = 0; number < LANE_COUNT; number++) {
		describe(up, number, &reports[number]);
		unconfirmed += reports[number].unconfirmed_bytes;
		unsent += reports[number].unsent_bytes;
		lane_report_write(up->region, number, &reports[number]);
	}
	stats_set(STAT_UNCONFIRMED_BYTES, unconfirmed);
	stats_set(STAT_UNSENT_BYTES, unsent);
}
