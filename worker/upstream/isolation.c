/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/isolation.h"

#include "common/base/log.h"
#include "common/process/config.h"
#include "common/shm/journal.h"
#include "worker/upstream/asking.h"
#include "worker/upstream/batch.h"
#include "worker/upstream/doubt.h"
#include "worker/upstream/former_life.h"
#include "worker/upstream/link.h"
#include "worker/upstream/pump.h"
#include "worker/upstream/suspects.h"

#define RISK_S 3.0 /* until the only link left is risked */

/* A ring that goes up, and whose it is: its worker's index, or -1. */
struct place {
	struct lane_ring *lane_ring;
	unsigned lane;
	int index;
};

typedef void place_fn(struct upstream *up, const struct place *place,
    void *context);

static void
each_ring(struct upstream *up, place_fn *fn, void *context)
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		for (int index = -1; index < (int)up->index_count; index++) {
			const struct place place = {
				pump_lane_ring(up, lane, index), lane, index
			};

			fn(up, &place, context);
		}
}

/* --- set-up --- */

static void
attach(struct upstream *up, const struct place *place, void *context)
{
	uint32_t part =
	    place->index < 0 ? up->index_count : (uint32_t)place->index;
	struct suspect_row *rows =
	    region_section(up->region, REGION_SUSPECTS, part);

	(void)context;
	place->lane_ring->suspects = &rows[place->lane];
}

void
isolation_init(struct upstream *up)
{
	up->isolation.link = LINK_NONE;
	each_ring(up, attach, NULL);
}

void
isolation_inherit(struct upstream *up, struct lane_ring *lane_ring)
{
	const struct ring *ring = &lane_ring->ring;

	suspects_bound(lane_ring->suspects, ring_head(ring));
	if (ring_sent(ring) != ring_tail(ring))
		suspects_left(lane_ring->suspects, ring_sent(ring));
	up->isolation.any = true;
}

/* --- what is suspect --- */

static bool
holds(const struct lane_ring *lane_ring, unsigned deaths)
{
	return !lane_ring->broken &&
	       ring_tail(&lane_ring->ring) <
		   suspects_end(lane_ring->suspects, deaths);
}

/* Frames that would go to the wire, from the next one to `end`; at most `max`.
 * The first one's cursor. */
static uint32_t
count_sent(struct upstream *up, const struct place *place, uint64_t end,
    uint32_t max, uint64_t *first_out)
{
	uint64_t cursor = ring_sent(&place->lane_ring->ring);
	struct frame frame;
	uint32_t count = 0;

	while (count < max && cursor < end &&
	       ring_next(&place->lane_ring->ring, &cursor, &frame) == 1 &&
	       frame.cursor < end) {
		if (!doubt_sends(up, place->lane_ring, &frame, place->index))
			continue;
		if (count++ == 0)
			*first_out = frame.cursor;
	}
	return count;
}

/* The link that may be given the ring's frames now, or LINK_NONE. */
static int
carrier_of(const struct upstream *up, const struct place *place)
{
	int number = link_set_carrier(&up->set, place->lane);
	const struct link *link = number < 0 ? NULL : &up->links[number];

	if (!link || link->state != LINK_SERVING || link->lost ||
	    asking_is_active(up, place->lane) || place->lane_ring->broken ||
	    (place->index < 0 && batch_own_must_wait(up, place->lane)))
		return LINK_NONE;
	return number;
}

struct search {
	bool any;        /* frames left on a link that died */
	int of;          /* only rings of this link, or LINK_NONE: all */
	int link;        /* that has those which cost the most */
	unsigned deaths; /* what they cost */
	uint32_t count;  /* of them */
};

static void
find_worst(struct upstream *up, const struct place *place, void *context)
{
	struct search *search = context;
	struct suspect_row *row = place->lane_ring->suspects;
	uint64_t first = 0;
	int link;

	search->any = search->any || holds(place->lane_ring, 1);
	if (!holds(place->lane_ring, SUSPECT_DEATHS))
		return;
	link = carrier_of(up, place);
	if (link == LINK_NONE ||
	    (search->of != LINK_NONE && search->of != link) ||
	    !count_sent(up, place, suspects_end(row, SUSPECT_DEATHS), 1,
		&first) ||
	    suspects_deaths(row, first) <= search->deaths)
		return;
	search->deaths = suspects_deaths(row, first);
	search->link = link;
}

static void
count_worst(struct upstream *up, const struct place *place, void *context)
{
	struct search *search = context;
	uint64_t first;

	if (holds(place->lane_ring, search->deaths) &&
	    carrier_of(up, place) == search->of)
		search->count += count_sent(up, place,
		    suspects_end(place->lane_ring->suspects, search->deaths),
		    UINT32_MAX, &first);
}

/* --- trials --- */

static void
enter(struct upstream *up, enum isolation_state state, int link)
{
	up->isolation.state = state;
	up->isolation.link = link;
	up->isolation.barrier = 0;
	up->isolation.answered = false;
}

/* The last link is everybody's: others, if there are to be any, come back
 * first, but are not waited for without end. */
static bool
may_risk(const struct upstream *up)
{
	return __builtin_popcount(up->set.joined) > 1 ||
	       up->config->server.link_count == 1 ||
	       upstream_now(up) - up->isolation.lost_at > RISK_S;
}

static void
look_for_suspects(struct upstream *up)
{
	struct search search = { .of = LINK_NONE, .link = LINK_NONE };

	each_ring(up, find_worst, &search);
	up->isolation.any = search.any;
	/* A loss of all links begins its grace anew only when all serve. */
	if (search.link != LINK_NONE && may_risk(up) &&
	    (up->server.phase == SERVER_SERVING || former_life_lasts(up)))
		enter(up, ISOLATION_CLEARING, search.link);
}

static void
try_some(struct upstream *up)
{
	struct isolation *isolation = &up->isolation;
	struct search search = { .of = isolation->link, .link = LINK_NONE };

	each_ring(up, find_worst, &search);
	if (search.link == LINK_NONE) {
		enter(up, ISOLATION_IDLE, LINK_NONE);
		return;
	}
	each_ring(up, count_worst, &search);
	enter(up, ISOLATION_TRYING, search.of);
	isolation->deaths = search.deaths;
	isolation->left = suspects_part(search.deaths, search.count);
	log_at(LOG_INFO, "trying suspects link=%d count=%u of=%u links=%u",
	    search.of, isolation->left, search.count, search.deaths);
}

static bool
all_is_confirmed(const struct upstream *up)
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		if (link_set_holder(&up->set, lane) == up->isolation.link &&
		    up->unconfirmed[lane])
			return false;
	return true;
}

void
isolation_step(struct upstream *up)
{
	struct isolation *isolation = &up->isolation;

	if (isolation->state != ISOLATION_IDLE &&
	    up->links[isolation->link].state != LINK_SERVING)
		enter(up, ISOLATION_IDLE, LINK_NONE);
	if (isolation->state == ISOLATION_TRYING && all_is_confirmed(up))
		enter(up, ISOLATION_IDLE, LINK_NONE);
	if (isolation->state == ISOLATION_IDLE && isolation->any)
		look_for_suspects(up);
	if (isolation->state != ISOLATION_CLEARING)
		return;
	if (isolation->answered)
		try_some(up);
	else if (!isolation->barrier)
		isolation->barrier =
		    link_ask_barrier(&up->links[isolation->link]);
}

bool
isolation_has(const struct link *link)
{
	return link->up->isolation.link == (int)link->number;
}

bool
isolation_is_trying(const struct link *link)
{
	return isolation_has(link) &&
	       link->up->isolation.state == ISOLATION_TRYING;
}

void
isolation_answered(const struct link *link, uint64_t serial)
{
	struct isolation *isolation = &link->up->isolation;

	if (isolation_has(link) && isolation->barrier &&
	    serial >= isolation->barrier)
		isolation->answered = true;
}

bool
isolation_admits(struct link *link, const struct lane_ring *lane_ring,
    const struct frame *frame, int index)
{
	struct upstream *up = link->up;
	const struct suspect_row *row = lane_ring->suspects;

	if (!up->isolation.any || !doubt_sends(up, lane_ring, frame, index))
		return true; /* Nothing of it goes to the wire. */
	if (!holds(lane_ring, SUSPECT_DEATHS))
		return !isolation_has(link) &&
		       (!holds(lane_ring, 1) || may_risk(up));
	if (!isolation_is_trying(link) || up->isolation.left == 0 ||
	    suspects_deaths(row, frame->cursor) != up->isolation.deaths)
		return false;
	up->isolation.left--;
	return true;
}

/* --- a link's death --- */

/* The last one that is said to have left. */
static struct journal_entry
note_left(struct link *link, uint64_t transmitted, unsigned *count_out)
{
	uint64_t number = journal_tail(link->journal);
	struct journal_entry entry, last = { 0 };

	*count_out = 0;
	for (; number < journal_head(link->journal); number++) {
		if (!pump_entry(link, number, &entry) ||
		    entry.ring_class == JOURNAL_CTL || entry.len == 0 ||
		    entry.start >= transmitted)
			continue;
		pump_ring(link->up, &entry)->left_end = entry.to;
		last = entry;
		++*count_out;
	}
	return last;
}

static void
add_death(struct upstream *up, const struct place *place, void *context)
{
	struct lane_ring *lane_ring = place->lane_ring;

	(void)up;
	(void)context;
	if (lane_ring->left_end)
		suspects_left(lane_ring->suspects, lane_ring->left_end);
	lane_ring->left_end = 0;
}

void
isolation_link_died(struct link *link, uint64_t transmitted)
{
	struct upstream *up = link->up;
	bool was_trying = isolation_is_trying(link);
	unsigned count;
	struct journal_entry last = note_left(link, transmitted, &count);
	struct suspect_row *row;

	up->isolation.lost_at = upstream_now(up);
	if (isolation_has(link))
		enter(up, ISOLATION_IDLE, LINK_NONE);
	if (count == 0)
		return;
	up->isolation.any = true;
	each_ring(up, add_death, NULL);
	row = pump_ring(up, &last)->suspects;
	if (was_trying && count == 1 &&
	    suspects_is_poison(suspects_deaths(row, last.from)))
		suspects_give_up(row, last.to);
}
