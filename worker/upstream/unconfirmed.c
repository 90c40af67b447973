/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/unconfirmed.h"

#include "common/base/log.h"
#include "common/shm/directory.h"
#include "common/shm/journal.h"
#include "common/shm/stats.h"
#include "worker/dropped.h"
#include "worker/upstream/pump.h"
#include "worker/upstream/session_revalidation.h"
#include "worker/upstream/session_words.h"
#include "worker/upstream/suspects.h"

#include <inttypes.h>

static bool
is_from_sender(uint8_t kind)
{
	return kind == FRAME_MESSAGE || kind == FRAME_IQ_REQUEST;
}

bool
unconfirmed_is_sent_once(uint8_t kind)
{
	return is_from_sender(kind) || kind == FRAME_AUTH;
}

static enum verdict
judge_unconfirmed(const struct unconfirmed_facts *facts)
{
	if (facts->kind == FRAME_CREATE)
		return facts->created ? VERDICT_SKIP : VERDICT_SEND;
	if (facts->resolved && unconfirmed_is_sent_once(facts->kind))
		return VERDICT_SKIP;
	if (!facts->unconfirmed)
		return VERDICT_SEND;
	if (facts->kind == FRAME_AUTH)
		return VERDICT_FAIL_AUTH;
	return is_from_sender(facts->kind) ? VERDICT_BOUNCE : VERDICT_SEND;
}

enum verdict
unconfirmed_judge(const struct unconfirmed_facts *facts)
{
	/* A create that did arrive is of no harm any more. */
	if (facts->given_up && !(facts->kind == FRAME_CREATE && facts->created))
		return VERDICT_GIVE_UP;
	/* Nobody would close what it creates. */
	if (facts->kind == FRAME_CREATE && facts->over)
		return VERDICT_SKIP;
	if (facts->kind == FRAME_RELEASE)
		return facts->created ? VERDICT_SKIP : VERDICT_END;
	if (facts->abandoned && facts->kind == FRAME_CLOSE)
		return facts->created ? VERDICT_SEND : VERDICT_END;
	if (facts->abandoned)
		return facts->kind == FRAME_FAILED && facts->created
			   ? VERDICT_SEND
			   : VERDICT_SKIP;
	if ((facts->dead || (facts->pays && facts->kind != FRAME_FAILED)) &&
	    facts->kind != FRAME_CLOSE)
		return is_from_sender(facts->kind) && !facts->notified &&
			       !facts->resolved
			   ? VERDICT_BOUNCE
			   : VERDICT_SKIP;
	if (facts->unconfirmed || facts->resolved)
		return judge_unconfirmed(facts);
	return VERDICT_SEND;
}

static struct unconfirmed_facts
facts_of(const struct upstream *up, const struct lane_ring *lane_ring,
    const struct frame *frame, int partition)
{
	const struct session session = { frame->slot, frame->generation };
	struct unconfirmed_facts facts = {
		.kind = frame->kind,
		/* What left twice is not sent to its end a third time. */
		.unconfirmed = frame->cursor < lane_ring->unconfirmed_end ||
			       suspects_deaths(lane_ring->suspects,
				   frame->cursor) >= SUSPECT_DEATHS,
		.resolved = frame->cursor < lane_ring->resolved_end,
		.abandoned = frame->cursor < lane_ring->abandoned_end,
		.notified = frame->cursor < lane_ring->notified_end,
		.given_up =
		    suspects_is_given_up(lane_ring->suspects, frame->next),
	};

	if (partition < 0) { /* our own words are never taken back */
		facts.abandoned = false;
		return facts;
	}
	if (session_is_of(up, session, (uint32_t)partition)) {
		uint16_t flags = session_flags(up, session);

		facts.created = flags & ROUTE_CREATED;
		facts.over = flags & ROUTE_CLOSING;
		facts.dead = flags & ROUTE_DEAD;
		facts.pays = flags & ROUTE_PAYS;
	} else {
		facts.over = session_is_over(up, session);
	}
	return facts;
}

bool
unconfirmed_would_send(const struct upstream *up,
    const struct lane_ring *lane_ring, const struct frame *frame, int partition)
{
	struct unconfirmed_facts facts =
	    facts_of(up, lane_ring, frame, partition);

	return unconfirmed_judge(&facts) == VERDICT_SEND;
}

static void
note_sent(struct upstream *up, const struct lane_ring *lane_ring,
    const struct frame *frame, int partition)
{
	const struct session session = { frame->slot, frame->generation };

	if (frame->cursor < lane_ring->unconfirmed_end)
		stats_add(STAT_UNCONFIRMED_RESENT, 1);
	if (partition >= 0 && !session_is_of(up, session, (uint32_t)partition))
		return;
	if (frame->kind == FRAME_CREATE)
		session_set_flag(up, session, ROUTE_CREATED, true);
	else if (frame->kind == FRAME_CLOSE)
		session_set_flag(up, session, ROUTE_CLOSING, true);
}

static void
give_up(struct upstream *up, const struct lane_ring *lane_ring,
    const struct frame *frame, bool ours)
{
	const struct session session = { frame->slot, frame->generation };
	const struct session nobody = { .slot = SESSION_NO_SLOT };
	struct session_words words;
	unsigned links =
	    MAX(suspects_deaths(lane_ring->suspects, frame->cursor),
		blame_links(&up->isolation.blame, frame->slot,
		    frame->generation, upstream_now(up)));

	session_words(up, ours ? session : nobody, &words);
	stats_add(STAT_STANZAS_GIVEN_UP, 1);
	log_at(LOG_ERROR,
	    "an element is given up, the server ends every link at it"
	    " kind=\"%s\" " SESSION_WORDS " bytes=%" PRIu32 " links=%u",
	    frame_kind_name((enum frame_kind)frame->kind), words.id,
	    words.address, frame->len, links);
	if (ours)
		session_given_up(up, session, frame->kind);
}

/* Where it was of anybody's: what the sender was told of is no loss, nor are
 * words of ours for a session that is over. */
static void
note_skipped(const struct upstream *up, const struct frame *frame)
{
	const struct session session = { frame->slot, frame->generation };

	if (frame->kind != FRAME_PRESENCE && frame->kind != FRAME_IQ_ANSWER &&
	    frame->kind != FRAME_FAILED)
		return;
	session_note_dropped(up, session, STAT_UNCONFIRMED_SKIPPED,
	    frame->kind);
}

bool
unconfirmed_take(struct upstream *up, struct lane_ring *lane_ring,
    const struct frame *frame, int partition)
{
	struct unconfirmed_facts facts =
	    facts_of(up, lane_ring, frame, partition);
	const struct session session = { frame->slot, frame->generation };
	bool ours =
	    partition >= 0 && session_is_of(up, session, (uint32_t)partition);

	switch (unconfirmed_judge(&facts)) {
	case VERDICT_SEND:
		note_sent(up, lane_ring, frame, partition);
		return true;
	case VERDICT_SKIP:
		note_skipped(up, frame);
		break;
	case VERDICT_BOUNCE:
		if (facts.unconfirmed)
			lane_ring->resolved_end = frame->next;
		if (ours)
			session_bounce(up, session, frame->bytes, frame->len);
		else
			dropped_note(STAT_UNCONFIRMED_LOST, frame->kind, "-",
			    NULL);
		break;
	case VERDICT_FAIL_AUTH:
		lane_ring->resolved_end = frame->next;
		if (ours)
			session_fail_auth(up, session);
		break;
	case VERDICT_END:
		if (ours)
			session_ended(up, session);
		break;
	case VERDICT_GIVE_UP:
		give_up(up, lane_ring, frame, ours || partition < 0);
		break;
	}
	return false;
}

/* --- a link's death --- */

/* Frames that the server cannot have: what was noted at their sending is undone
 * as they are going to be sent again. */
static void
unnote(struct upstream *up, struct lane_ring *lane_ring, uint64_t from,
    uint64_t to, int partition)
{
	struct frame frame;

	while (from < to && ring_next(&lane_ring->ring, &from, &frame) == 1) {
		const struct session session = { frame.slot, frame.generation };

		if (frame.cursor >= to)
			return;
		if (partition < 0 ||
		    !session_is_of(up, session, (uint32_t)partition))
			continue;
		if (frame.kind == FRAME_CREATE)
			session_set_flag(up, session, ROUTE_CREATED, false);
		else if (frame.kind == FRAME_CLOSE)
			session_set_flag(up, session, ROUTE_CLOSING, false);
	}
}

/* Sessions whose create is unconfirmed are revalidated. */
static void
revalidate_creates(struct upstream *up, struct lane_ring *lane_ring,
    unsigned lane, int partition)
{
	uint64_t cursor = ring_tail(&lane_ring->ring);
	struct frame frame;

	while (partition >= 0 && cursor < lane_ring->unconfirmed_end &&
	       ring_next(&lane_ring->ring, &cursor, &frame) == 1) {
		const struct session session = { frame.slot, frame.generation };

		if (frame.cursor < lane_ring->unconfirmed_end &&
		    frame.kind == FRAME_CREATE &&
		    session_is_of(up, session, (uint32_t)partition) &&
		    (session_flags(up, session) &
			(ROUTE_CREATED | ROUTE_ANSWERED)) == ROUTE_CREATED)
			revalidation_add(up, lane, session.slot);
	}
}

static void
rewind_ring(struct upstream *up, struct lane_ring *lane_ring, unsigned lane,
    int partition)
{
	uint64_t tail = ring_tail(&lane_ring->ring);
	uint64_t sent = ring_sent(&lane_ring->ring);

	if (sent == tail)
		return;
	unnote(up, lane_ring, MAX(tail, lane_ring->unconfirmed_end), sent,
	    partition);
	ring_set_sent(&lane_ring->ring, tail);
	revalidate_creates(up, lane_ring, lane, partition);
	pump_wake_lane(up, lane, partition);
}

void
unconfirmed_link_died(struct link *link, uint64_t reachable)
{
	struct upstream *up = link->up;
	uint64_t head = journal_head(link->journal);
	uint64_t tail = journal_tail(link->journal);
	struct journal_entry entry;
	struct lane_ring *lane_ring;

	for (uint64_t number = tail; number < head; number++) {
		if (!pump_entry(link, number, &entry) ||
		    entry.ring_class == JOURNAL_CTL)
			continue;
		lane_ring = pump_ring(up, &entry);
		up->in_flight[entry.lane]--;
		if (entry.end <= reachable)
			lane_ring->unconfirmed_end =
			    MAX(lane_ring->unconfirmed_end, entry.to);
	}
	/* Only now: the last entry says where the unconfirmed part of a ring
	 * ends. */
	for (uint64_t number = tail; number < head; number++) {
		if (!pump_entry(link, number, &entry) ||
		    entry.ring_class == JOURNAL_CTL)
			continue;
		rewind_ring(up, pump_ring(up, &entry), entry.lane,
		    entry.ring_class == JOURNAL_UP ? entry.source : -1);
	}
	journal_restart(link->journal);
}

void
unconfirmed_inherit_ring(struct upstream *up, struct lane_ring *lane_ring,
    unsigned lane, int partition)
{
	/* What a link's death has put back into the line may have arrived. */
	lane_ring->unconfirmed_end = MAX(ring_sent(&lane_ring->ring),
	    suspects_end(lane_ring->suspects, 1));
	rewind_ring(up, lane_ring, lane, partition);
	pump_wake_lane(up, lane, partition);
}

void
unconfirmed_notify_waiting(struct upstream *up, struct lane_ring *lane_ring,
    int partition, bool only_dead)
{
	uint64_t cursor = ring_sent(&lane_ring->ring);
	struct frame frame;

	if (lane_ring->broken)
		return;
	while (ring_next(&lane_ring->ring, &cursor, &frame) == 1) {
		const struct session session = { frame.slot, frame.generation };
		bool ours = session_is_of(up, session, (uint32_t)partition);

		if (!is_from_sender(frame.kind) ||
		    frame.cursor < lane_ring->resolved_end ||
		    frame.cursor < lane_ring->abandoned_end)
			continue;
		if (!ours && !only_dead)
			dropped_note(STAT_UNCONFIRMED_LOST, frame.kind, "-",
			    NULL);
		else if (!only_dead || session_flags(up, session) & ROUTE_DEAD)
			session_bounce(up, session, frame.bytes, frame.len);
	}
	if (only_dead)
		lane_ring->notified_end = cursor;
	else
		lane_ring->abandoned_end = cursor;
}

/* Messages and requests of clients, of which nobody was notified. */
static bool
is_lost(const struct lane_ring *lane_ring, const struct frame *frame)
{
	return is_from_sender(frame->kind) &&
	       frame->cursor >= lane_ring->resolved_end &&
	       frame->cursor >= lane_ring->abandoned_end;
}

unsigned
unconfirmed_count_lost(const struct upstream *up,
    const struct lane_ring *lane_ring)
{
	uint64_t cursor = ring_tail(&lane_ring->ring);
	uint64_t sent = ring_sent(&lane_ring->ring);
	unsigned count = 0;
	struct frame frame;

	if (lane_ring->broken)
		return 0;
	while (ring_next(&lane_ring->ring, &cursor, &frame) == 1) {
		count += is_lost(lane_ring, &frame);
		if (frame.cursor >= sent)
			note_skipped(up, &frame);
	}
	stats_add(STAT_UNCONFIRMED_LOST, count);
	return count;
}
