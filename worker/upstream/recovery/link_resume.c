/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_resume - links that go on in another process at the very byte: what is
 * remembered while they serve, and what a successor makes of it.
 */
#include "worker/upstream/link/link.h"

#include "common/net/tcp_counters.h"
#include "common/process/heritage.h"
#include "common/shm/journal.h"
#include "common/shm/stats.h"
#include "worker/upstream/pause.h"
#include "worker/upstream/platform.h"
#include "worker/upstream/send/isolation.h"
#include "worker/upstream/send/lane.h"
#include "worker/upstream/send/pump.h"
#include "worker/upstream/send/unconfirmed.h"
#include "worker/upstream/session/session_revalidation.h"

#include <inttypes.h>

static struct link_memory *
memory_of(const struct link *link)
{
	return &link->up->memory->links[link->number];
}

/* --- while it is read --- */

uint8_t *
link_room(struct link *link, size_t *room_out)
{
	struct link_memory *memory = memory_of(link);
	uint64_t at, parsed;

	/* A quiet link begins at its buffer's first pages again and again. */
	if (link->done == link->received &&
	    link_position_get(&memory->parsed, &parsed) &&
	    parsed == link->done) {
		link->origin = link->received;
		link_position_set(&memory->origin, link->origin);
	}
	at = (link->received - link->origin) & (link->buffer_bytes - 1);
	*room_out = MIN(link->buffer_bytes - at, (uint64_t)LINK_READ_MAX);
	return link->buffer + at;
}

void
link_note_done(struct link *link)
{
	/* What waits for room below waits in this process alone. */
	if (!link->up->blocked)
		link_position_set(&memory_of(link)->parsed, link->done);
}

void
link_forget_received(struct link *link)
{
	struct link_memory *memory = memory_of(link);
	struct upstream *up = link->up;

	for (uint32_t i = 0; i < up->partition_count; i++)
		ring_writer_forget_link(&up->partitions[i].down, link->number);
	atomic_store(&memory->cookie, 0);
	link->received = link->done = link->origin = 0;
	link->stalled = link->resuming = false;
	atomic_store(&memory->ending, false);
	link_position_set(&memory->parsed, 0);
	link_position_set(&memory->origin, 0);
}

void
link_remember(struct link *link)
{
	/* One with an old secret is not to outlive who knows that. */
	bool may_go_on = !link->stale && !transport_is_secure(&link->transport);

	atomic_store(&memory_of(link)->cookie, may_go_on ? link->cookie : 0);
}

void
link_remember_end(struct link *link)
{
	atomic_store(&memory_of(link)->ending, true);
}

void
links_note_unsettled(struct upstream *up)
{
	atomic_store(&up->memory->unsettled, true);
}

void
links_remember(struct upstream *up)
{
	struct links_memory *memory = up->memory;
	bool unsettled = up->server.phase != SERVER_SERVING ||
			 up->isolation.state != ISOLATION_IDLE ||
			 up->former_name || pause_is_on(up) ||
			 revalidation_is_any_active(up);

	/*
	 * After every turn, so without a full fence each: the only reader is a
	 * successor, and that starts once this process is dead.
	 */
	atomic_store_explicit(&memory->unsettled, unsettled,
	    memory_order_release);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		atomic_store_explicit(&memory->holders[lane],
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

/* Whether all that it takes is there. */
static bool
can_resume(const struct link *link, const struct heritage_link *left,
    const struct tcp_counters *counters)
{
	const struct link_memory *memory = memory_of(link);
	uint64_t parsed, origin;

	return link_position_get(&memory->parsed, &parsed) &&
	       link_position_get(&memory->origin, &origin) &&
	       atomic_load(&memory->cookie) == left->cookie && left->cookie &&
	       !counters->over && parsed <= counters->received &&
	       origin <= parsed &&
	       counters->received - parsed <= link->buffer_bytes &&
	       link_is_wanted(link);
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
		if (span.start + span.len <= written) {
			journal_set_end(link->journal, number,
			    span.start + span.len);
			continue;
		}
		if (batch->count == BATCH_PIECES ||
		    !pump_piece(link, &span, piece))
			return false;
		if (batch->count == 0 && span.start < written)
			batch->done = (uint32_t)(written - span.start);
		piece->number = number;
		batch->count++;
	}
	return true;
}

static void
resume(struct link *link, const struct heritage_link *left,
    const struct tcp_counters *counters)
{
	struct upstream *up = link->up;
	char text[ENDPOINT_TEXT_MAX];

	link->cookie = left->cookie;
	link->attempt = left->attempt;
	CHECK(link_position_get(&memory_of(link)->origin, &link->origin) &&
	      link_position_get(&memory_of(link)->parsed, &link->done));
	link->received = link->done;
	link->resume_end = counters->received;
	link->resuming = true;
	link_take_up(link, left->fd, counters->sent);
	if (atomic_load(&memory_of(link)->ending))
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
		if (lane_log_sent(log) < claims[lane].end)
			lane_log_set_sent(log, claims[lane].end);
	}
	return true;
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
		if (pump_span(link, number, &span) &&
		    span.source == JOURNAL_LANE)
			link->up->lanes[span.lane].in_flight++;
}

/* True when the link goes on. */
static bool
take_over(struct link *link, bool settled)
{
	const struct heritage_link *left = inherited(link);
	struct tcp_counters counters;
	struct platform *platform = link->up->platform;
	bool known =
	    left && platform->counters(platform, left->fd, &counters) == 0;

	count_in_flight(link);
	if (settled && known && can_resume(link, left, &counters) &&
	    ring_inherit(&link->ctl, RING_CONSUMER) == 0 &&
	    ring_inherit(&link->ctl_out.ring, RING_PRODUCER) == 0 &&
	    rebuild_batch(link, counters.sent)) {
		resume(link, left, &counters);
		return true;
	}
	link->batch = (struct batch){ 0 };
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
	bool settled = server_state_read(up->region, &up->server) &&
		       up->server.phase == SERVER_SERVING &&
		       !atomic_load(&memory->unsettled);
	int8_t holders[LANE_COUNT];
	uint32_t joined = 0, ending = 0;

	if (!link_intent_finish(up->region)) {
		stats_add(STAT_RINGS_DAMAGED, 1);
		log_at(LOG_ERROR,
		    "what was passed on last is damaged; it may be lost, or"
		    " come again");
		settled = false;
	}
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		holders[lane] = atomic_load(&memory->holders[lane]);
	settled &= read_journals(up, holders);
	for (unsigned i = 0; i < up->link_count; i++)
		if (take_over(&up->links[i], settled)) {
			joined |= 1u << i;
			if (up->links[i].state == LINK_ENDING)
				ending |= 1u << i;
		}
	link_set_take_over(&up->set, joined, ending, holders);
	stats_set(STAT_LINKS_UP, (uint64_t)__builtin_popcount(joined));
	return (joined & ~ending) != 0;
}

/* What comes next of the buffer; none of it where its stream has ended. */
static void
feed_next(struct link *link)
{
	uint64_t place =
	    (link->received - link->origin) & (link->buffer_bytes - 1);
	uint64_t len =
	    MIN(link->resume_end - link->received, link->buffer_bytes - place);

	link_feed(link, link->buffer + place,
	    MIN(len, (uint64_t)LINK_READ_MAX));
}

void
link_read_resumed(struct link *link)
{
	if (!link->resuming || !link->up->briefed || link->reading)
		return;
	while (link->received < link->resume_end && !link->stalled &&
	       !link->input_broken && !link->input_ended)
		feed_next(link);
	if (link->stalled) /* goes on when there is room */
		return;
	link->received = link->resume_end;
	link->resuming = false;
	link_want_read(link, true);
}
