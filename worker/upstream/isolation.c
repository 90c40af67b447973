/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/isolation.h"

#include "common/base/log.h"
#include "common/process/config.h"
#include "common/shm/directory.h"
#include "common/shm/journal.h"
#include "worker/upstream/batch.h"
#include "worker/upstream/ghost_sessions.h"
#include "worker/upstream/link.h"
#include "worker/upstream/pump.h"
#include "worker/upstream/session.h"
#include "worker/upstream/session_revalidation.h"
#include "worker/upstream/suspects.h"
#include "worker/upstream/unconfirmed.h"

#define RISK_S 3.0 /* until the only link left is risked */

/* A ring that goes up, and whose it is: its worker's partition, or -1. */
struct place {
	struct lane_ring *lane_ring;
	unsigned lane;
	int partition;
};

typedef void place_fn(struct upstream *up, const struct place *place,
    void *context);

static void
each_ring(struct upstream *up, place_fn *fn, void *context)
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		for (int partition = -1; partition < (int)up->partition_count;
		     partition++) {
			const struct place place = { pump_lane_ring(up, lane,
							 partition),
				lane, partition };

			fn(up, &place, context);
		}
}

/* --- set-up --- */

static void
attach(struct upstream *up, const struct place *place, void *context)
{
	uint32_t part = place->partition < 0 ? up->partition_count
					     : (uint32_t)place->partition;
	struct suspect_row *rows =
	    region_section(up->region, REGION_SUSPECTS, part);

	(void)context;
	place->lane_ring->suspects = &rows[place->lane];
}

void
isolation_init(struct upstream *up)
{
	up->isolation.link = LINK_NONE;
	blame_init(&up->isolation.blame, directory_slot_count(up->directory));
	each_ring(up, attach, NULL);
}

void
isolation_destroy(struct upstream *up)
{
	blame_destroy(&up->isolation.blame);
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

/* Links that died with the frame, or with what its session sent before. */
static unsigned
deaths_of(const struct upstream *up, const struct lane_ring *lane_ring,
    const struct frame *frame, int partition)
{
	unsigned own = suspects_deaths(lane_ring->suspects, frame->cursor);

	if (partition < 0 || !unconfirmed_is_sent_once(frame->kind))
		return own;
	return MAX(own, blame_links(&up->isolation.blame, frame->slot,
			    frame->generation, upstream_now(up)));
}

/* Frames that would go to the wire, from the next one to the first that has
 * another number of deaths; at most `max`. */
static uint32_t
count_next(struct upstream *up, const struct place *place, uint32_t max,
    unsigned *deaths_out)
{
	const struct lane_ring *lane_ring = place->lane_ring;
	uint64_t cursor = ring_sent(&lane_ring->ring);
	struct frame frame;
	uint32_t count = 0;
	unsigned deaths;

	*deaths_out = 0;
	while (count < max &&
	       ring_next(&lane_ring->ring, &cursor, &frame) == 1) {
		if (!unconfirmed_would_send(up, lane_ring, &frame,
			place->partition))
			continue;
		deaths = deaths_of(up, lane_ring, &frame, place->partition);
		if (count > 0 && deaths != *deaths_out)
			break;
		*deaths_out = deaths;
		count++;
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
	    revalidation_is_active(up, place->lane) ||
	    place->lane_ring->broken ||
	    (place->partition < 0 && batch_own_must_wait(up, place->lane)))
		return LINK_NONE;
	return number;
}

static bool
may_blame(const struct upstream *up)
{
	return upstream_now(up) < up->isolation.blame.until;
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
	unsigned deaths;
	int link;

	search->any = search->any || holds(place->lane_ring, 1);
	if (!holds(place->lane_ring, SUSPECT_DEATHS) && !may_blame(up))
		return;
	link = carrier_of(up, place);
	if (link == LINK_NONE ||
	    (search->of != LINK_NONE && search->of != link) ||
	    !count_next(up, place, 1, &deaths) || deaths < SUSPECT_DEATHS ||
	    deaths <= search->deaths)
		return;
	search->deaths = deaths;
	search->link = link;
}

static void
count_worst(struct upstream *up, const struct place *place, void *context)
{
	struct search *search = context;
	unsigned deaths;

	if (carrier_of(up, place) == search->of &&
	    count_next(up, place, 1, &deaths) && deaths == search->deaths)
		search->count += count_next(up, place, UINT32_MAX, &deaths);
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
	double now = upstream_now(up);

	if (now < up->isolation.rest_until)
		return;
	each_ring(up, find_worst, &search);
	up->isolation.any = search.any || may_blame(up) ||
			    now - up->isolation.lost_at <= RISK_S;
	/* A loss of all links begins its grace anew only when all serve. */
	if (search.link != LINK_NONE && may_risk(up) &&
	    (up->server.phase == SERVER_SERVING ||
		ghost_sessions_have_links(up))) {
		enter(up, ISOLATION_CLEARING, search.link);
		up->isolation.since = now;
	}
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
	/* The innocent pay with their next stanza: a few questions more clear
	 * them, and the guilty one is alone the sooner. */
	isolation->left = suspects_part(search.deaths,
	    may_blame(up) ? search.count >> (search.deaths - 1) : search.count);
	log_limited(LOG_INFO, 5,
	    "trying suspects link=%d count=%u of=%u links=%u", search.of,
	    isolation->left, search.count, search.deaths);
}

static bool
all_is_confirmed(const struct upstream *up)
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		if (link_set_holder(&up->set, lane) == up->isolation.link &&
		    up->in_flight[lane])
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
	if (isolation->state == ISOLATION_TRYING && all_is_confirmed(up)) {
		enter(up, ISOLATION_IDLE, LINK_NONE);
		isolation->rest_until = 2 * upstream_now(up) - isolation->since;
	}
	if (isolation->state == ISOLATION_IDLE && isolation->any)
		look_for_suspects(up);
	if (isolation->state != ISOLATION_CLEARING)
		return;
	if (isolation->answered)
		try_some(up);
	else if (!isolation->barrier)
		isolation->barrier =
		    link_send_barrier(&up->links[isolation->link]);
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
    const struct frame *frame, int partition)
{
	struct upstream *up = link->up;
	unsigned deaths;

	if (!up->isolation.any ||
	    !unconfirmed_would_send(up, lane_ring, frame, partition))
		return true; /* Nothing of it goes to the wire. */
	deaths = deaths_of(up, lane_ring, frame, partition);
	if (deaths < SUSPECT_DEATHS)
		return !isolation_has(link) &&
		       !holds(lane_ring, SUSPECT_DEATHS) &&
		       ((deaths == 0 && !holds(lane_ring, 1)) || may_risk(up));
	if (!isolation_is_trying(link) || up->isolation.left == 0 ||
	    deaths != up->isolation.deaths)
		return false;
	up->isolation.left--;
	return true;
}

/* --- what the server has handled, and what it died of --- */

/* The session whose stanza it is, when that is of a kind that is sent once. The
 * frame may have been changed since: a producer is believed about its own
 * sessions only. */
static bool
sender_of(struct upstream *up, const struct journal_entry *entry,
    struct session *session_out)
{
	uint64_t cursor = entry->from;
	struct frame frame;

	if (entry->ring_class != JOURNAL_UP || entry->len == 0 ||
	    !unconfirmed_is_sent_once(entry->kind) ||
	    ring_next(&pump_ring(up, entry)->ring, &cursor, &frame) != 1)
		return false;
	*session_out = (struct session){ frame.slot, frame.generation };
	return session_is_of(up, *session_out, entry->source);
}

void
isolation_confirmed(struct upstream *up, const struct journal_entry *entry)
{
	struct session session;

	if (up->isolation.any && sender_of(up, entry, &session))
		blame_pay(&up->isolation.blame, session.slot,
		    session.generation);
}

/* What is reported to have left on a link. */
struct left {
	unsigned count;
	struct journal_entry last;
	struct session sender; /* of the last */
	bool several;          /* not all of it is of one sender */
};

static void
note_entry(struct upstream *up, const struct journal_entry *entry,
    struct left *left)
{
	struct session sender = { .slot = SESSION_NO_SLOT };

	if (sender_of(up, entry, &sender))
		blame_add(&up->isolation.blame, sender.slot, sender.generation,
		    upstream_now(up));
	left->several |= left->count > 0 &&
			 (sender.slot != left->sender.slot ||
			     sender.generation != left->sender.generation);
	left->sender = sender;
	left->last = *entry;
	left->count++;
	pump_ring(up, entry)->left_end = entry->to;
}

static struct left
note_left(struct link *link, uint64_t transmitted)
{
	uint64_t number = journal_tail(link->journal);
	struct left left = { 0 };
	struct journal_entry entry;

	for (; number < journal_head(link->journal); number++)
		if (pump_entry(link, number, &entry) &&
		    entry.ring_class != JOURNAL_CTL && entry.len > 0 &&
		    entry.start < transmitted)
			note_entry(link->up, &entry, &left);
	return left;
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

/* A trial's link has ended: true when it can have been nothing but the last one
 * that left. */
static bool
is_found(struct upstream *up, const struct left *left)
{
	const struct suspect_row *row = pump_ring(up, &left->last)->suspects;

	if (left->sender.slot != SESSION_NO_SLOT && !left->several &&
	    blame_add_alone(&up->isolation.blame, left->sender.slot,
		left->sender.generation))
		return true;
	return left->count == 1 &&
	       suspects_is_poison(suspects_deaths(row, left->last.from));
}

void
isolation_link_died(struct link *link, uint64_t transmitted)
{
	struct upstream *up = link->up;
	bool was_trying = isolation_is_trying(link);
	struct left left = note_left(link, transmitted);

	up->isolation.lost_at = upstream_now(up);
	up->isolation.rest_until = 0;
	if (isolation_has(link))
		enter(up, ISOLATION_IDLE, LINK_NONE);
	if (left.count == 0)
		return;
	up->isolation.any = true;
	each_ring(up, add_death, NULL);
	if (was_trying && is_found(up, &left))
		suspects_give_up(pump_ring(up, &left.last)->suspects,
		    left.last.to);
}
