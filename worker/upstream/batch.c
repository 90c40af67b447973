/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch - chooses the frames that a link is given next.
 */
#include "worker/upstream/batch.h"

#include "common/base/log.h"
#include "common/shm/journal.h"
#include "common/shm/stats.h"
#include "worker/upstream/damage.h"
#include "worker/upstream/isolation.h"
#include "worker/upstream/link.h"
#include "worker/upstream/pump.h"
#include "worker/upstream/session_revalidation.h"
#include "worker/upstream/unconfirmed.h"

#define BATCH_BYTES   (256 * 1024)
#define RING_TURN     (32 * 1024) /* of one ring in a batch, at most */
#define JOURNAL_SPARE 256         /* entries kept for ctl */
#define HELD          UINT32_MAX  /* its next frame is not to go now */

struct source {
	enum journal_ring_class ring_class;
	unsigned lane;
	int number; /* partition, -1 own; the link's number for ctl */
	struct lane_ring *lane_ring;
};

static void
break_ring(struct upstream *up, const struct source *source)
{
	switch (source->ring_class) {
	case JOURNAL_UP:
		source->lane_ring->broken = true;
		damage_end_worker(up, (uint32_t)source->number);
		break;
	case JOURNAL_OWN:
		damage_end("one of upstream's own rings");
	case JOURNAL_CTL:
		stats_add(STAT_RINGS_DAMAGED, 1);
		link_fail(&up->links[source->number], LOG_ERROR,
		    "its control ring is damaged");
		break;
	}
}

/* Appends one frame to batch and journal; 0 bytes when it is skipped. */
static void
add_piece(struct link *link, const struct source *source, uint64_t from,
    const struct frame *frame, bool send)
{
	struct batch *batch = &link->batch;
	struct piece *piece = &batch->pieces[batch->count];
	struct journal_entry entry = {
		.ring_class = (uint8_t)source->ring_class,
		.lane = (uint8_t)source->lane,
		.source = (uint16_t)MAX(source->number, 0),
		.len = send ? frame->len : 0,
		.kind = frame->kind,
		.from = from,
		.to = frame->next,
		.start = transport_produced(&link->transport),
		.end = UINT64_MAX,
	};

	for (unsigned i = 0; i < batch->count; i++)
		entry.start += batch->pieces[i].len;
	piece->bytes = frame->bytes;
	piece->len = entry.len;
	piece->number = journal_head(link->journal);
	CHECK(journal_append(link->journal, &entry) == 0);
	journal_commit(link->journal);
	batch->count++;
	ring_set_sent(&source->lane_ring->ring, frame->next);
	if (source->ring_class != JOURNAL_CTL) {
		link->up->in_flight[source->lane]++;
		link->uncovered_entries++;
		link->uncovered_bytes += piece->len;
		if (link->uncovered_since <= 0)
			link->uncovered_since = upstream_now(link->up);
	} else if (frame->kind == FRAME_BARRIER) {
		/* The answer confirms the question, too. */
		barrier_sent(&link->barriers, piece->number + 1,
		    upstream_now(link->up));
	}
}

static void
give_back(struct link *link, const struct source *source, uint64_t to)
{
	ring_release(&source->lane_ring->ring, to);
	if (source->ring_class == JOURNAL_UP)
		pump_wake_producer(link->up, (uint32_t)source->number,
		    source->lane);
}

/* Bytes taken; 0 when the ring has nothing more, or HELD. Empty frames count as
 * one. */
static uint32_t
take_frame(struct link *link, const struct source *source)
{
	struct lane_ring *lane_ring = source->lane_ring;
	struct ring *ring = &lane_ring->ring;
	uint64_t from = ring_sent(ring), cursor = from;
	struct frame frame;
	int got = lane_ring->broken ? 0 : ring_next(ring, &cursor, &frame);
	bool send;

	if (got < 0) {
		break_ring(link->up, source);
		return 0;
	}
	if (got == 0) {
		if (cursor == from)
			return 0;
		/* Nothing but a pad: passed over, like a frame not sent. */
		frame = (struct frame){ .kind = FRAME_PAD, .next = cursor };
		send = false;
	} else {
		if (source->ring_class != JOURNAL_CTL &&
		    !isolation_admits(link, lane_ring, &frame, source->number))
			return HELD;
		/* A pad ahead of the oldest frame is room at once: counted
		 * until that one is confirmed it could fill the ring. */
		if (ring_tail(ring) == from && frame.cursor != from) {
			from = frame.cursor;
			give_back(link, source, from);
		}
		send = source->ring_class == JOURNAL_CTL ||
		       unconfirmed_take(link->up, lane_ring, &frame,
			   source->number);
	}
	if (!send && ring_tail(ring) == from) {
		give_back(link, source, frame.next);
		return 1;
	}
	add_piece(link, source, from, &frame, send);
	return send ? frame.len + 1 : 1;
}

static bool
batch_is_full(const struct link *link, uint64_t bytes, bool for_ctl)
{
	return link->batch.count == BATCH_PIECES || bytes >= BATCH_BYTES ||
	       journal_room(link->journal) <= (for_ctl ? 1 : JOURNAL_SPARE);
}

/* True when the ring still has frames. */
static bool
take_ring(struct link *link, const struct source *source, uint64_t *bytes_io)
{
	uint64_t limit = *bytes_io + RING_TURN;
	uint32_t took;

	while (!batch_is_full(link, *bytes_io,
	    source->ring_class == JOURNAL_CTL)) {
		took = take_frame(link, source);
		if (!took)
			return false;
		if (took == HELD)
			return true;
		*bytes_io += took;
		if (*bytes_io >= limit)
			return true;
	}
	return true;
}

bool
batch_own_must_wait(const struct upstream *up, unsigned lane)
{
	for (uint32_t i = 0; i < up->partition_count; i++) {
		const struct partition *partition = &up->partitions[i];
		const struct lane_ring *lane_ring = &partition->rings[lane];

		if (partition->phase == PHASE_RECOVERING &&
		    partition->recovery.stage >= RECOVERY_CLOSES &&
		    !lane_ring->broken &&
		    ring_sent(&lane_ring->ring) != ring_head(&lane_ring->ring))
			return true;
	}
	return false;
}

static void
take_lane(struct link *link, unsigned lane, uint64_t *bytes_io)
{
	struct upstream *up = link->up;
	uint16_t bit = (uint16_t)(1u << lane);

	if (up->own_waiting & bit && !batch_own_must_wait(up, lane)) {
		const struct source source = { JOURNAL_OWN, lane, -1,
			&up->own[lane] };

		if (!take_ring(link, &source, bytes_io))
			up->own_waiting &= (uint16_t)~bit;
	}
	for (uint32_t i = 0; i < up->partition_count; i++) {
		uint32_t number =
		    (link->turn_partition + i) % up->partition_count;
		struct partition *partition = &up->partitions[number];
		const struct source source = { JOURNAL_UP, lane, (int)number,
			&partition->rings[lane] };

		if (!(partition->waiting & bit))
			continue;
		if (batch_is_full(link, *bytes_io, false))
			return;
		if (!take_ring(link, &source, bytes_io))
			partition->waiting &= (uint16_t)~bit;
	}
}

void
batch_fill(struct link *link)
{
	const struct source ctl = { JOURNAL_CTL, 0, (int)link->number,
		&link->ctl };
	struct upstream *up = link->up;
	uint64_t bytes = 0;

	link->batch.count = link->batch.next = 0;
	link->batch.done = 0;
	(void)take_ring(link, &ctl, &bytes);
	if (link->state != LINK_SERVING)
		return;
	for (unsigned i = 0; i < LANE_COUNT; i++) {
		unsigned lane = (link->turn_lane + i) % LANE_COUNT;

		if (link_set_carrier(&up->set, lane) != (int)link->number ||
		    revalidation_is_active(up, lane))
			continue;
		if (batch_is_full(link, bytes, false))
			break;
		take_lane(link, lane, &bytes);
	}
	link->turn_lane = (link->turn_lane + 1) % LANE_COUNT;
	link->turn_partition++;
}
