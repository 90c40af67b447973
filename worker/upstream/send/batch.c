/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch - chooses what a link is given next.
 */
#include "worker/upstream/send/batch.h"

#include "common/base/log.h"
#include "common/shm/journal.h"
#include "common/shm/stats.h"
#include "worker/upstream/core/pause_stage.h"
#include "worker/upstream/link/link.h"
#include "worker/upstream/send/isolation.h"
#include "worker/upstream/send/lane.h"
#include "worker/upstream/send/unconfirmed.h"

#define BATCH_BYTES   (256 * 1024)
#define LANE_TURN     (64 * 1024) /* of one lane in a batch, at most */
#define JOURNAL_SPARE 256         /* spans kept for ctl */

static bool
batch_is_full(const struct link *link, uint64_t bytes, bool for_ctl)
{
	return link->batch.count == BATCH_PIECES || bytes >= BATCH_BYTES ||
	       journal_room(link->journal) <= (for_ctl ? 1 : JOURNAL_SPARE);
}

/* Appends a piece to the batch, and its span to the journal. */
static void
add_piece(struct link *link, struct journal_span *span, const uint8_t *bytes)
{
	struct batch *batch = &link->batch;
	struct piece *piece = &batch->pieces[batch->count];

	span->start = transport_produced(&link->transport);
	for (unsigned i = 0; i < batch->count; i++)
		span->start += batch->pieces[i].len;
	piece->bytes = bytes;
	piece->len = span->len;
	piece->number = journal_head(link->journal);
	CHECK(journal_append(link->journal, span) == 0);
	journal_commit(link->journal);
	batch->count++;
}

/* --- the link's own words --- */

static void
take_ctl(struct link *link, uint64_t *bytes_io)
{
	struct journal_span span = { .source = JOURNAL_CTL };
	struct frame frame;
	int got;

	while (!batch_is_full(link, *bytes_io, true)) {
		span.from = span.to = ring_sent(&link->ctl);
		got = ring_next(&link->ctl, &span.to, &frame);
		if (got < 0) {
			stats_add(STAT_RINGS_DAMAGED, 1);
			link_fail(link, LOG_ERROR,
			    "its control ring is damaged");
		}
		if (got <= 0)
			return;
		span.len = frame.len;
		add_piece(link, &span, frame.bytes);
		ring_set_sent(&link->ctl, frame.next);
		if (frame.kind == FRAME_BARRIER)
			/* The answer confirms the question, too. */
			barrier_sent(&link->barriers,
			    link->batch.pieces[link->batch.count - 1].number +
				1,
			    upstream_now(link->up));
		*bytes_io += frame.len;
	}
}

/* --- lanes --- */

/* Entries in a row with the same fate; bytes: of those that go out. */
struct taking {
	struct link *link;
	struct lane *lane;
	struct journal_span span; /* from == to: none yet */
	const uint8_t *bytes;
};

static void
end_span(struct taking *taking)
{
	struct link *link = taking->link;
	struct journal_span *span = &taking->span;

	if (span->from == span->to)
		return;
	add_piece(link, span, taking->bytes);
	lane_log_set_sent(&taking->lane->log, span->to);
	taking->lane->in_flight++;
	link->uncovered_entries += (unsigned)(span->to - span->from);
	link->uncovered_bytes += span->len;
	if (link->uncovered_since <= 0)
		link->uncovered_since = upstream_now(link->up);
	span->from = span->to;
	span->len = 0;
}

/* True when the entry goes on where the span ends, on the wire and in
 * memory. */
static bool
continues(const struct taking *taking, const uint8_t *bytes, bool send)
{
	const struct journal_span *span = &taking->span;

	if (!send || span->len == 0)
		return !send && span->len == 0;
	return taking->bytes + span->len == bytes;
}

static void
take_entry(struct taking *taking, const struct lane_entry *entry, bool send)
{
	struct lane_log *log = &taking->lane->log;
	const uint8_t *bytes = lane_log_bytes(log, entry);

	if (!continues(taking, bytes, send))
		end_span(taking);
	/* What is not sent is finished when all before it is. */
	if (!send && lane_log_tail(log) == entry->number) {
		if (entry->kind == FRAME_LEAVE)
			taking->link->up->lane_events->on_left(taking->link->up,
			    lane_session(entry));
		lane_log_release(log, entry->number + 1);
		taking->span.from = taking->span.to = entry->number + 1;
		return;
	}
	if (taking->span.from == taking->span.to) {
		taking->span.from = entry->number;
		taking->bytes = bytes;
	}
	taking->span.to = entry->number + 1;
	taking->span.len += send ? entry->len : 0;
}

/* True when the lane has more than may go now. */
static bool
take_entries(struct taking *taking, uint64_t *bytes_io)
{
	struct link *link = taking->link;
	uint64_t number = lane_log_sent(&taking->lane->log);
	uint64_t limit = *bytes_io + LANE_TURN;
	struct lane_entry entry;
	bool send;

	for (; lane_read(taking->lane, number, &entry); number++) {
		/* A span may still be open: one more than there are. */
		if (link->batch.count + 1 >= BATCH_PIECES ||
		    *bytes_io >= limit ||
		    batch_is_full(link, *bytes_io, false) ||
		    !isolation_admits(link, taking->lane, &entry) ||
		    !unconfirmed_has_room(link->up, taking->lane, &entry))
			return true;
		send = unconfirmed_take(link->up, taking->lane, &entry);
		if (send)
			lane_check(taking->lane, &entry);
		take_entry(taking, &entry, send);
		*bytes_io += send ? entry.len : 1;
	}
	return false;
}

static void
take_lane(struct link *link, unsigned number, uint64_t *bytes_io)
{
	struct lane *lane = &link->up->lanes[number];
	struct taking taking = {
		.link = link,
		.lane = lane,
		.span = { .source = JOURNAL_LANE, .lane = (uint8_t)number },
	};

	lane->waits = take_entries(&taking, bytes_io);
	end_span(&taking);
}

void
batch_fill(struct link *link)
{
	struct upstream *up = link->up;
	uint64_t bytes = 0;

	link->batch.count = link->batch.next = 0;
	link->batch.done = 0;
	take_ctl(link, &bytes);
	/* Answers to what is not sent go to workers, once they are known. */
	if (link->state != LINK_SERVING || !up->briefed || pause_holds(up))
		return;
	for (unsigned i = 0; i < LANE_COUNT; i++) {
		unsigned number = (link->turn_lane + i) % LANE_COUNT;

		if (!up->lanes[number].waits ||
		    link_set_carrier(&up->set, number) != (int)link->number ||
		    lane_is_held(up, number))
			continue;
		if (batch_is_full(link, bytes, false))
			break;
		take_lane(link, number, &bytes);
	}
	link->turn_lane = (link->turn_lane + 1) % LANE_COUNT;
}
