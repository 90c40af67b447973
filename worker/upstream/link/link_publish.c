/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_publish - what an operator may know of a link.
 */
#include "worker/upstream/link/link.h"

#include "common/shm/link_report.h"
#include "worker/upstream/core/pause_stage.h"

#include <stdio.h>
#include <string.h>

static const char *const state_names[] = {
	[LINK_WAITING] = "waiting",
	[LINK_RESOLVING] = "resolving",
	[LINK_CONNECTING] = "connecting",
	[LINK_OPENING] = "opening",
	[LINK_FEATURES] = "features",
	[LINK_STARTTLS] = "starttls",
	[LINK_SECURING] = "securing",
	[LINK_PROVING] = "proving",
	[LINK_SERVING] = "serving",
	[LINK_ENDING] = "ending",
};

static const char *
state_of(const struct link *link)
{
	return link->hang_noted ? "hanging" : state_names[link->state];
}

/* All that its lanes have sent and is not confirmed was given to it: a lane
 * leaves a living link only when all is. */
static void
add_unconfirmed(const struct link *link, struct link_report *report)
{
	const struct upstream *up = link->up;

	for (unsigned number = 0; number < LANE_COUNT; number++) {
		const struct lane_log *log = &up->lanes[number].log;

		if (link_set_holder(&up->set, number) != (int)link->number)
			continue;
		report->unconfirmed_entries +=
		    (uint32_t)(lane_log_sent(log) - lane_log_tail(log));
		report->unconfirmed_bytes += lane_log_unconfirmed(log);
	}
}

void
link_publish(const struct link *link)
{
	const struct upstream *up = link->up;
	struct link_report report = {
		.since_s = (uint32_t)link->since,
		.failures = link->failures,
		.lanes = link_set_lanes(&up->set, link->number),
		.round_trip_us = (uint32_t)(link->barriers.round_trip_s * 1e6),
		.barriers = link->barriers.count,
		.uncovered = link->uncovered_entries,
		.barriers_sent = link->barriers.sent_count,
		.barriers_answered = link->barriers.answered_count,
		.silent_since = link->silent_since,
	};
	char text[ENDPOINT_TEXT_MAX] = "";

	if (link->fd >= 0)
		endpoint_print(&link->peer, text);
	if (link_is_wanted(link) || link->state != LINK_WAITING)
		snprintf(report.state, sizeof(report.state), "%s",
		    link->state == LINK_SERVING && pause_holds(up)
			? "paused"
			: state_of(link));
	snprintf(report.address, sizeof(report.address), "%s", text);
	add_unconfirmed(link, &report);
	link_report_write(up->region, link->number, &report);
}
