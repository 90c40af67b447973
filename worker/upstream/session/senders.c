/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/session/senders.h"

#include "common/shm/directory.h"
#include "common/shm/stats.h"
#include "worker/dropped.h"
#include "worker/upstream/send/lane.h"
#include "worker/upstream/send/unconfirmed.h"
#include "worker/upstream/session/session.h"

void
senders_bounce(struct upstream *up, struct lane *lane,
    const struct lane_entry *entry)
{
	const uint8_t *stanza;
	size_t len;

	if (lane_is_of_owner(up, entry) &&
	    multiplex_unwrap(lane_log_bytes(&lane->log, entry), entry->len,
		&stanza, &len))
		session_bounce(up, lane_session(entry), stanza, len);
	else
		dropped_note(STAT_UNCONFIRMED_LOST, entry->kind, "-", NULL);
}

/* A message or a request of which nobody was notified. */
static bool
is_owed(const struct lane_entry *entry)
{
	return unconfirmed_is_from_sender(entry->kind) &&
	       !(entry->marks &
		   (LANE_RESOLVED | LANE_ABANDONED | LANE_NOTIFIED));
}

/* In the lane's log, and still to be sent. */
static void
notify_lane(struct upstream *up, struct lane *lane, bool only_dead)
{
	uint64_t number = lane_log_sent(&lane->log);
	struct lane_entry entry;

	for (; lane_read(lane, number, &entry); number++) {
		bool dead =
		    session_flags(up, lane_session(&entry)) & ROUTE_DEAD;

		if (entry.partition == LANE_OWN ||
		    (only_dead && !(dead && lane_is_of_owner(up, &entry))))
			continue;
		if (is_owed(&entry))
			senders_bounce(up, lane, &entry);
		lane_mark(lane, number,
		    only_dead ? LANE_NOTIFIED : LANE_ABANDONED);
	}
}

/* In a worker's ring, and still to be collected. */
static void
notify_ring(struct upstream *up, struct up_ring *up_ring, uint32_t partition,
    bool only_dead)
{
	uint64_t cursor = ring_tail(&up_ring->ring);
	struct frame frame;

	if (up_ring->broken)
		return;
	while (ring_next(&up_ring->ring, &cursor, &frame) == 1) {
		const struct session session = { frame.slot, frame.generation };
		bool ours = session_is_of(up, session, partition);

		if (!unconfirmed_is_from_sender(frame.kind) ||
		    frame.cursor < up_ring->abandoned_end)
			continue;
		if (!ours && !only_dead)
			dropped_note(STAT_UNCONFIRMED_LOST, frame.kind, "-",
			    NULL);
		else if (ours && (!only_dead ||
				     (session_flags(up, session) & ROUTE_DEAD)))
			session_bounce(up, session, frame.bytes, frame.len);
	}
	if (only_dead)
		up_ring->notified_end = cursor;
	else
		up_ring->abandoned_end = cursor;
}

void
senders_notify(struct upstream *up, unsigned number, bool only_dead)
{
	notify_lane(up, &up->lanes[number], only_dead);
	for (uint32_t i = 0; i < up->partition_count; i++)
		notify_ring(up, &up->partitions[i].rings[number], i, only_dead);
}

/* --- the end --- */

static unsigned
count_lost_in_ring(const struct upstream *up, const struct up_ring *up_ring)
{
	uint64_t cursor = ring_tail(&up_ring->ring);
	unsigned count = 0;
	struct frame frame;

	while (!up_ring->broken &&
	       ring_next(&up_ring->ring, &cursor, &frame) == 1) {
		const struct session session = { frame.slot, frame.generation };

		count += unconfirmed_is_from_sender(frame.kind) &&
			 frame.cursor >= up_ring->abandoned_end;
		unconfirmed_note_skipped(up, session, frame.kind);
	}
	return count;
}

unsigned
senders_count_lost(struct upstream *up, unsigned number)
{
	const struct lane *lane = &up->lanes[number];
	uint64_t sent = lane_log_sent(&lane->log);
	struct lane_entry entry;
	unsigned count = 0;

	for (uint64_t i = lane_log_tail(&lane->log); lane_read(lane, i, &entry);
	     i++) {
		count += is_owed(&entry);
		if (i >= sent)
			unconfirmed_note_skipped(up, lane_session(&entry),
			    entry.kind);
	}
	for (uint32_t i = 0; i < up->partition_count; i++)
		count +=
		    count_lost_in_ring(up, &up->partitions[i].rings[number]);
	stats_add(STAT_UNCONFIRMED_LOST, count);
	return count;
}
