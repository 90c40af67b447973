/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/recovery/link_resume.h"

#include "common/base/breaks.h"
#include "common/net/tcp_counters.h"
#include "common/process/heritage.h"
#include "common/shm/journal.h"
#include "common/shm/stats.h"
#include "common/shm/store.h"
#include "worker/upstream/core/pause_stage.h"
#include "worker/upstream/core/platform.h"
#include "worker/upstream/link/link.h"
#include "worker/upstream/send/isolation.h"
#include "worker/upstream/send/lane.h"
#include "worker/upstream/send/span.h"
#include "worker/upstream/send/unconfirmed.h"
#include "worker/upstream/session/session_revalidation.h"

#include <inttypes.h>

void
links_remember(struct upstream *up)
{
	struct links_memory *memory = up->memory;
	bool unsettled =
	    (up->server.phase != SERVER_SERVING && !pause_is_on(up)) ||
	    revalidation_is_any_active(up) || up->forgotten.count > 0;

	/*
	 * After every turn, so without a full fence each: the only reader is a
	 * successor, and that starts once this process is dead.
	 */
	shm_store(&memory->unsettled, unsettled, memory_order_release);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		shm_store(&memory->holders[lane],
		    (int8_t)link_set_holder(&up->set, lane),
		    memory_order_release);
}

/* --- a successor --- */

static const struct heritage_link *
inherited(const struct link *link)
{
	const struct heritage *heritage = link->up->heritage;

	if (link->number >= heritage->link_count ||
	    heritage->links[link->number].fd < 0)
		return NULL;
	return &heritage->links[link->number];
}

/* Whether all that it takes is there. One that is over is read to its end. Of
 * one that negotiates all of its stream is needed. */
static bool
can_resume(const struct link *link, const struct heritage_link *left,
    const struct tcp_counters *counters)
{
	const struct link_memory *memory = link_memory_of(link);
	uint64_t parsed, origin;

	return link_position_get(&memory->parsed, &parsed) &&
	       link_position_get(&memory->origin, &origin) &&
	       atomic_load(&memory->cookie) == left->cookie && left->cookie &&
	       parsed <= counters->received && origin <= parsed &&
	       counters->received - parsed <= link->buffer_bytes &&
	       (!atomic_load(&memory->negotiating) ||
		   (origin == 0 && counters->received <= link->buffer_bytes &&
		       link_is_wanted(link)));
}

/* The spans that the kernel had not taken are written next. */
static bool
rebuild_batch(struct link *link, uint64_t written)
{
	struct batch *batch = &link->batch;
	uint64_t number = journal_tail(link->journal);
	struct journal_span span;

	for (; number < journal_head(link->journal); number++) {
		struct piece *piece = &batch->pieces[batch->count];

		if (journal_read(link->journal, number, &span) != 0)
			return false;
		if (span.start + span.len <= written)
			continue;
		if (batch->count == BATCH_PIECES ||
		    !span_piece(link, &span, piece))
			return false;
		if (batch->count == 0 && span.start < written)
			batch->done = (uint32_t)(written - span.start);
		piece->number = number;
		batch->count++;
	}
	return true;
}

/* What was said of the item that the predecessor was killed at. */
static void
find_said(struct link *link)
{
	const struct origin low = { lane_place(LANE_OF_LINK, link->number,
					link->done + 1),
		link->attempt };
	uint64_t high =
	    lane_place(LANE_OF_LINK, link->number, LANE_POSITION_MAX);

	link->said_end = lanes_find_origin(link->up, low, high, &link->said) &
			 LANE_POSITION_MAX;
}

static void
resume(struct link *link, const struct heritage_link *left,
    const struct tcp_counters *counters)
{
	struct upstream *up = link->up;
	char text[ENDPOINT_TEXT_MAX];

	link->cookie = left->cookie;
	link->attempt = left->attempt;
	link->stale = atomic_load(&link_memory_of(link)->stale);
	CHECK(link_position_get(&link_memory_of(link)->origin, &link->origin) &&
	      link_position_get(&link_memory_of(link)->parsed, &link->done));
	find_said(link);
	link->received = link->done;
	link->resume_end = counters->received;
	link->resuming = true;
	link_take_up(link, left->fd, counters->sent);
	link_take_up_serving(link);
	isolation_take_over(link);
	if (atomic_load(&link_memory_of(link)->ending))
		link_await_end(link);
	/* So that a barrier follows at once: of those before no answer counts
	 * any more. */
	link->uncovered_entries = 1;
	link->uncovered_since = upstream_now(up);
	log_at(LOG_NOTICE,
	    "link resumed link=%u address=%s written=%" PRIu64
	    " unwritten_pieces=%u received=%" PRIu64 " unparsed=%" PRIu64,
	    link->number, endpoint_print(&link->peer, text), counters->sent,
	    link->batch.count, counters->received,
	    counters->received - link->done);
}

/* What it had dealt with says how far it was; what comes behind is handed out
 * when workers are known. */
static void
replay(struct link *link)
{
	uint64_t parsed;

	CHECK(link_position_get(&link_memory_of(link)->parsed, &parsed));
	link_replay(link, parsed);
	if (link->joined || link->state == LINK_SECURING ||
	    link->done != parsed)
		link_fail(link, LOG_WARNING, "cannot go on negotiating");
}

static void
resume_negotiation(struct link *link, const struct heritage_link *left,
    const struct tcp_counters *counters)
{
	link->cookie = left->cookie;
	link->attempt = left->attempt;
	link->stale = atomic_load(&link_memory_of(link)->stale);
	link->received = link->done = link->origin = 0;
	link_take_up(link, left->fd, counters->sent);
	link_go_on_negotiating(link);
	replay(link);
	link->resume_end = counters->received;
	link->resuming = true;
	log_at(LOG_NOTICE,
	    "link goes on negotiating link=%u written=%" PRIu64
	    " received=%" PRIu64,
	    link->number, counters->sent, counters->received);
}

/* --- what the journals say --- */

/* Of a lane, by the spans that are not confirmed. */
struct claim {
	int8_t holder; /* the link that carries them; LINK_NONE: none are */
	uint64_t end;  /* number behind the last entry */
};

/* All of a lane goes over one link, in order; what is confirmed may still stand
 * in a journal. */
static bool
claim_span(const struct upstream *up, unsigned link,
    const struct journal_span *span, struct claim claims[LANE_COUNT])
{
	struct claim *claim = &claims[span->lane % LANE_COUNT];
	const struct lane_log *log = &up->lanes[span->lane % LANE_COUNT].log;
	bool first = claim->holder == LINK_NONE;

	if (span->source != JOURNAL_LANE)
		return true;
	if (span->lane >= LANE_COUNT || span->from > span->to ||
	    span->to > lane_log_head(log))
		return false;
	if (span->to <= lane_log_tail(log))
		return true;
	if (first ? span->from > lane_log_tail(log)
		  : claim->holder != (int)link || span->from != claim->end)
		return false;
	*claim = (struct claim){ (int8_t)link, span->to };
	return true;
}

static bool
claim_link(const struct upstream *up, const struct link *link,
    struct claim claims[LANE_COUNT])
{
	uint64_t number = journal_tail(link->journal);
	struct journal_span span;

	for (; number < journal_head(link->journal); number++)
		if (journal_read(link->journal, number, &span) != 0 ||
		    !claim_span(up, link->number, &span, claims))
			return false;
	return true;
}

/* False when they cannot be what was written. */
static bool
read_claims(struct upstream *up, struct claim claims[LANE_COUNT])
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		claims[lane] = (struct claim){ .holder = LINK_NONE };
	for (unsigned i = 0; i < up->link_count; i++)
		if (!claim_link(up, &up->links[i], claims))
			return false;
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		if (claims[lane].holder != LINK_NONE &&
		    claims[lane].end < lane_log_sent(&up->lanes[lane].log))
			return false;
	return true;
}

/* Which link each lane was on, so that it goes on in order. Of journals that
 * are damaged nothing is believed, not even that there are any. */
static bool
read_journals(struct upstream *up, int8_t holders[LANE_COUNT])
{
	struct claim claims[LANE_COUNT];

	if (!read_claims(up, claims)) {
		log_at(LOG_ERROR, "a link's journal is damaged; all are"
				  " emptied");
		stats_add(STAT_RINGS_DAMAGED, 1);
		for (unsigned i = 0; i < up->link_count; i++)
			journal_restart(up->links[i].journal);
		return false;
	}
	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		struct lane_log *log = &up->lanes[lane].log;

		if (claims[lane].holder == LINK_NONE)
			continue;
		holders[lane] = claims[lane].holder;
		if (!BREAK(BELIEVE_SENT) &&
		    lane_log_sent(log) < claims[lane].end)
			lane_log_set_sent(log, claims[lane].end);
	}
	return true;
}

/* What the server wrote there and nobody has dealt with, nobody can any more:
 * with TLS only the dead process could tell what it was. */
static void
note_not_resumed(const struct link *link, bool kept)
{
	const struct link_memory *memory = link_memory_of(link);
	bool secure = atomic_load(&memory->secure);

	if (!secure && !atomic_load(&memory->cookie))
		return; /* nothing had come */
	stats_add(STAT_LINKS_NOT_RESUMED, 1);
	log_at(LOG_WARNING,
	    "a link ended with its process; what the server sent last on it"
	    " may be lost link=%u reason=\"%s\"",
	    link->number,
	    secure ? "it had TLS"
	    : kept ? "what is known of it is damaged"
		   : "its connection was not kept");
}

/* What it carried is judged, as after any link's death. */
static void
settle_lost(struct link *link, const struct tcp_counters *counters)
{
	/* What is found out by that is lost with this process. */
	if (journal_head(link->journal) != journal_tail(link->journal))
		links_note_unsettled(link->up);
	/* More may have left until it was reset. */
	isolation_link_died(link, counters ? counters->left : UINT64_MAX);
	unconfirmed_link_died(link,
	    counters ? (counters->over ? counters->left : counters->sent)
		     : UINT64_MAX);
}

static void
count_in_flight(struct link *link)
{
	uint64_t number = journal_tail(link->journal);
	struct journal_span span;

	for (; number < journal_head(link->journal); number++)
		if (span_read(link, number, &span) &&
		    span.source == JOURNAL_LANE)
			link->up->lanes[span.lane].in_flight++;
}

/* True when the link goes on, and carries lanes. */
static bool
take_over(struct link *link, bool sound)
{
	const struct heritage_link *left = inherited(link);
	struct tcp_counters counters;
	struct platform *platform = link->up->platform;
	bool known =
	    left && platform->counters(platform, left->fd, &counters) == 0;

	count_in_flight(link);
	if (sound && known && can_resume(link, left, &counters) &&
	    ring_inherit(&link->ctl, RING_CONSUMER) == 0 &&
	    ring_inherit(&link->ctl_out.ring, RING_PRODUCER) == 0 &&
	    rebuild_batch(link, counters.sent)) {
		if (atomic_load(&link_memory_of(link)->negotiating)) {
			resume_negotiation(link, left, &counters);
			return false;
		}
		resume(link, left, &counters);
		return true;
	}
	link->batch = (struct batch){ 0 };
	note_not_resumed(link, left != NULL);
	if (left)
		link_reset_inherited(link->up, link->number, left->fd);
	settle_lost(link, known ? &counters : NULL);
	link_forget(link);
	return false;
}

bool
links_take_over(struct upstream *up)
{
	const struct links_memory *memory = up->memory;
	bool sound = server_state_read(up->region, &up->server);
	bool unsettled = atomic_load(&memory->unsettled);
	int8_t holders[LANE_COUNT];
	uint32_t joined = 0, ending = 0;

	if (!link_intent_finish(up->region)) {
		stats_add(STAT_RINGS_DAMAGED, 1);
		log_at(LOG_ERROR,
		    "what was passed on last is damaged; it may be lost, or"
		    " come again");
		sound = false;
	}
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		holders[lane] = atomic_load(&memory->holders[lane]);
	sound &= read_journals(up, holders);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		unconfirmed_take_over(up, lane);
	for (unsigned i = 0; i < up->link_count; i++)
		if (take_over(&up->links[i], sound)) {
			joined |= 1u << i;
			if (up->links[i].state == LINK_ENDING)
				ending |= 1u << i;
		}
	link_set_take_over(&up->set, joined, ending, holders);
	stats_set(STAT_LINKS_UP, (uint64_t)__builtin_popcount(joined));
	/* What the server said of them was lost with who asked. */
	if (joined && unsettled)
		revalidation_add_all(up);
	return (joined & ~ending) != 0;
}
