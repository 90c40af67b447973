/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/send/unconfirmed.h"

#include "common/base/breaks.h"
#include "common/base/log.h"
#include "common/shm/directory.h"
#include "common/shm/journal.h"
#include "common/shm/stats.h"
#include "worker/upstream/core/session_words.h"
#include "worker/upstream/send/lane.h"
#include "worker/upstream/send/span.h"
#include "worker/upstream/send/suspects.h"

#include <inttypes.h>

#define ERROR_BYTES 4096u /* amply */

bool
unconfirmed_is_from_sender(uint8_t kind)
{
	return kind == FRAME_MESSAGE || kind == FRAME_IQ_REQUEST;
}

bool
unconfirmed_is_sent_once(uint8_t kind)
{
	return unconfirmed_is_from_sender(kind) || kind == FRAME_AUTH;
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
	return unconfirmed_is_from_sender(facts->kind) ? VERDICT_BOUNCE
						       : VERDICT_SEND;
}

enum verdict
unconfirmed_judge(const struct unconfirmed_facts *facts)
{
	/* It only says when all before it is confirmed. */
	if (facts->kind == FRAME_LEAVE)
		return VERDICT_SKIP;
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
	if ((facts->dead || facts->uncreated ||
		(facts->pays && facts->kind != FRAME_FAILED)) &&
	    facts->kind != FRAME_CLOSE)
		return unconfirmed_is_from_sender(facts->kind) &&
			       !facts->notified && !facts->resolved
			   ? VERDICT_BOUNCE
			   : VERDICT_SKIP;
	if (facts->unconfirmed || facts->resolved)
		return judge_unconfirmed(facts);
	return VERDICT_SEND;
}

static struct unconfirmed_facts
facts_of(const struct upstream *up, const struct lane *lane,
    const struct lane_entry *entry)
{
	struct session session = lane_session(entry);
	struct unconfirmed_facts facts = {
		.kind = entry->kind,
		/* What left twice is not sent to its end a third time. */
		.unconfirmed = (entry->marks & LANE_IN_DOUBT) ||
			       suspects_deaths(lane->suspects, entry->number) >=
				   SUSPECT_DEATHS,
		.resolved = entry->marks & LANE_RESOLVED,
		.abandoned = entry->marks & LANE_ABANDONED,
		.notified = entry->marks & LANE_NOTIFIED,
		.given_up =
		    suspects_is_given_up(lane->suspects, entry->number + 1),
	};

	if (entry->partition == LANE_OWN) /* is never taken back */
		return facts;
	if (lane_is_of_owner(up, entry)) {
		uint16_t flags = session_flags(up, session);

		facts.created = flags & ROUTE_CREATED;
		facts.uncreated = !facts.created && entry->kind != FRAME_CREATE;
		facts.dead = flags & ROUTE_DEAD;
		facts.pays = flags & ROUTE_PAYS;
	} else {
		facts.over = session_is_over(up, session);
	}
	return facts;
}

bool
unconfirmed_would_send(const struct upstream *up, const struct lane *lane,
    const struct lane_entry *entry)
{
	struct unconfirmed_facts facts = facts_of(up, lane, entry);

	return unconfirmed_judge(&facts) == VERDICT_SEND;
}

static void
note_sent(struct upstream *up, const struct lane_entry *entry)
{
	if (entry->marks & LANE_IN_DOUBT)
		stats_add(STAT_UNCONFIRMED_RESENT, 1);
	if (!lane_is_of_owner(up, entry))
		return;
	if (entry->kind == FRAME_CREATE)
		session_set_flag(up, lane_session(entry), ROUTE_CREATED, true);
	else if (entry->kind == FRAME_CLOSE)
		session_set_flag(up, lane_session(entry), ROUTE_CLOSING, true);
	if (BREAK(END_UNCONFIRMED) && entry->kind == FRAME_CLOSE)
		up->lane_events->on_ended(up, lane_session(entry));
}

static void
give_up(struct upstream *up, const struct lane *lane,
    const struct lane_entry *entry)
{
	const struct session nobody = { .slot = SESSION_NO_SLOT };
	bool ours = entry->partition == LANE_OWN || lane_is_of_owner(up, entry);
	struct session_words words;
	unsigned links = MAX(suspects_deaths(lane->suspects, entry->number),
	    blame_links(&up->isolation.blame, entry->slot, entry->generation,
		upstream_now(up)));

	session_words(up, ours ? lane_session(entry) : nobody, &words);
	stats_add(STAT_STANZAS_GIVEN_UP, 1);
	log_at(LOG_ERROR,
	    "an element is given up, the server ends every link at it"
	    " kind=\"%s\" " SESSION_WORDS " bytes=%" PRIu32 " links=%u",
	    frame_kind_name((enum frame_kind)entry->kind), words.id,
	    words.address, entry->len, links);
	if (ours)
		up->lane_events->on_given_up(up, lane_session(entry),
		    entry->kind);
}

/* Where it was of anybody's: what the sender was told of is no loss, nor are
 * words of ours for a session that is over. */
void
unconfirmed_note_skipped(const struct upstream *up, struct session session,
    uint8_t kind)
{
	if (kind != FRAME_PRESENCE && kind != FRAME_IQ_ANSWER &&
	    kind != FRAME_FAILED)
		return;
	session_note_dropped(up, session, STAT_UNCONFIRMED_SKIPPED, kind);
}

bool
unconfirmed_has_room(struct upstream *up, const struct lane *lane,
    const struct lane_entry *entry)
{
	struct partition *owner;
	struct unconfirmed_facts facts;
	enum verdict verdict;
	uint64_t need;

	if (!unconfirmed_is_sent_once(entry->kind) ||
	    !lane_is_of_owner(up, entry))
		return true;
	owner = &up->partitions[entry->partition];
	/* Escaped once more, and with an error around it; half of a ring that
	 * is read is free some day. */
	need = MIN(4 * (uint64_t)entry->len + ERROR_BYTES,
	    owner->down.ring.capacity / 2);
	if (owner->phase != PHASE_SERVING ||
	    ring_writer_room(&owner->down) >= need)
		return true;
	facts = facts_of(up, lane, entry);
	verdict = unconfirmed_judge(&facts);
	return verdict != VERDICT_BOUNCE && verdict != VERDICT_FAIL_AUTH;
}

bool
unconfirmed_take(struct upstream *up, struct lane *lane,
    const struct lane_entry *entry)
{
	struct unconfirmed_facts facts = facts_of(up, lane, entry);

	switch (unconfirmed_judge(&facts)) {
	case VERDICT_SEND:
		note_sent(up, entry);
		return true;
	case VERDICT_SKIP:
		if (BREAK(LEFT_UNCONFIRMED) && entry->kind == FRAME_LEAVE)
			up->lane_events->on_left(up, lane_session(entry));
		unconfirmed_note_skipped(up, lane_session(entry), entry->kind);
		break;
	case VERDICT_BOUNCE:
		up->lane_events->on_returned(up, lane, entry);
		/* Only now: a kill in between must not cost the sender his
		 * answer; it may give him two. What is in doubt no more, as its
		 * session is dead, may come to its turn again, too. */
		lane_mark(lane, entry->number, LANE_RESOLVED);
		break;
	case VERDICT_FAIL_AUTH:
		lane_mark(lane, entry->number, LANE_RESOLVED);
		if (lane_is_of_owner(up, entry))
			up->lane_events->on_auth_unconfirmed(up,
			    lane_session(entry));
		break;
	case VERDICT_END:
		if (lane_is_of_owner(up, entry))
			up->lane_events->on_ended(up, lane_session(entry));
		break;
	case VERDICT_GIVE_UP:
		give_up(up, lane, entry);
		break;
	}
	return false;
}

/* --- a link's death --- */

/* An entry that the server cannot have: what was noted at its sending is undone
 * as it is going to be sent again. */
static void
unnote(struct upstream *up, const struct lane_entry *entry)
{
	if (!lane_is_of_owner(up, entry))
		return;
	if (entry->kind == FRAME_CREATE)
		session_set_flag(up, lane_session(entry), ROUTE_CREATED, false);
	else if (entry->kind == FRAME_CLOSE)
		session_set_flag(up, lane_session(entry), ROUTE_CLOSING, false);
}

/* A session whose create is unconfirmed is revalidated. */
static void
revalidate_create(struct upstream *up, unsigned number,
    const struct lane_entry *entry)
{
	if (entry->kind == FRAME_CREATE && lane_is_of_owner(up, entry) &&
	    (session_flags(up, lane_session(entry)) &
		(ROUTE_CREATED | ROUTE_ANSWERED)) == ROUTE_CREATED)
		up->lane_events->on_create_unconfirmed(up, number, entry->slot);
}

/* All in flight goes back into the line; what may have arrived ends at
 * `doubt_end`, or before what did so at an earlier death. */
static void
rewind_lane(struct upstream *up, unsigned number, uint64_t doubt_end)
{
	struct lane *lane = &up->lanes[number];
	uint64_t tail = lane_log_tail(&lane->log);
	uint64_t sent = lane_log_sent(&lane->log);
	struct lane_entry entry;

	for (uint64_t i = tail; i < sent && lane_read(lane, i, &entry); i++) {
		if (i < doubt_end)
			lane_mark(lane, i, LANE_IN_DOUBT);
		else if (!(entry.marks & LANE_IN_DOUBT))
			unnote(up, &entry);
		if (i < doubt_end || (entry.marks & LANE_IN_DOUBT))
			revalidate_create(up, number, &entry);
	}
	lane_log_set_sent(&lane->log, tail);
	lane_wake(up, number);
}

/* Of the span's entries the last whose end lies before `reachable`; of a piece
 * that is being written also only what the connection has taken. */
static void
note_doubt(struct link *link, uint64_t number, const struct journal_span *span,
    uint64_t reachable)
{
	const struct batch *batch = &link->batch;
	struct lane *lane = &link->up->lanes[span->lane];
	uint64_t taken = span->len, end = 0;
	struct lane_entry entry;

	if (batch->next < batch->count &&
	    number >= batch->pieces[batch->next].number)
		taken = number == batch->pieces[batch->next].number
			    ? batch->done
			    : 0;
	for (uint64_t i = span->from; i < span->to && span->len; i++) {
		if (!lane_read(lane, i, &entry))
			return;
		end += entry.len;
		if (end > taken || span->start + end > reachable)
			return;
		lane->doubt_end =
		    MAX(lane->doubt_end, i + !BREAK(DOUBT_OFF_BY_ONE));
	}
}

void
unconfirmed_link_died(struct link *link, uint64_t reachable)
{
	struct upstream *up = link->up;
	uint64_t head = journal_head(link->journal);
	struct journal_span span;
	uint16_t lanes = 0;

	for (uint64_t number = journal_tail(link->journal); number < head;
	     number++) {
		if (!span_read(link, number, &span) ||
		    span.source != JOURNAL_LANE)
			continue;
		up->lanes[span.lane].in_flight--;
		lanes |= (uint16_t)(1u << span.lane);
		note_doubt(link, number, &span, reachable);
	}
	/* Only now: the last span says where a lane's doubt ends. */
	for (unsigned number = 0; number < LANE_COUNT; number++) {
		if (lanes & (1u << number))
			rewind_lane(up, number, up->lanes[number].doubt_end);
		up->lanes[number].doubt_end = 0;
	}
	journal_restart(link->journal);
}

/* One in doubt may have been taken for sent when the server had said that it
 * does not know the session: it is asked again. */
void
unconfirmed_take_over(struct upstream *up, unsigned number)
{
	const struct lane *lane = &up->lanes[number];
	uint64_t at = lane_log_sent(&lane->log);
	struct lane_entry entry;

	for (; lane_read(lane, at, &entry); at++) {
		if (entry.kind != FRAME_CREATE)
			continue;
		if (entry.marks & LANE_IN_DOUBT)
			revalidate_create(up, number, &entry);
		else
			unnote(up, &entry);
	}
}

void
unconfirmed_inherit_lane(struct upstream *up, unsigned number)
{
	rewind_lane(up, number, lane_log_sent(&up->lanes[number].log));
}
