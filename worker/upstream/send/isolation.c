/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/send/isolation.h"

#include "common/base/log.h"
#include "common/process/config.h"
#include "common/shm/directory.h"
#include "common/shm/journal.h"
#include "worker/upstream/link/link.h"
#include "worker/upstream/send/lane.h"
#include "worker/upstream/send/span.h"
#include "worker/upstream/send/suspects.h"
#include "worker/upstream/send/unconfirmed.h"

#define RISK_S 3.0 /* until the only link left is risked */

/* --- set-up --- */

void
isolation_init(struct upstream *up)
{
	up->isolation.link = LINK_NONE;
	blame_init(&up->isolation.blame, directory_slot_count(up->directory));
}

void
isolation_destroy(struct upstream *up)
{
	blame_destroy(&up->isolation.blame);
}

void
isolation_inherit(struct upstream *up, struct lane *lane, bool lost)
{
	const struct lane_log *log = &lane->log;

	suspects_bound(lane->suspects, lane_log_head(log));
	if (lost && lane_log_sent(log) != lane_log_tail(log))
		suspects_left(lane->suspects, lane_log_sent(log));
	up->isolation.any = true;
}

/* --- what is suspect --- */

static bool
holds(const struct lane *lane, unsigned deaths)
{
	return lane_log_tail(&lane->log) < suspects_end(lane->suspects, deaths);
}

/* Links that died with the entry, or with what its session sent before. */
static unsigned
deaths_of(const struct upstream *up, const struct lane *lane,
    const struct lane_entry *entry)
{
	unsigned own = suspects_deaths(lane->suspects, entry->number);

	if (entry->partition == LANE_OWN ||
	    !unconfirmed_is_sent_once(entry->kind))
		return own;
	return MAX(own, blame_links(&up->isolation.blame, entry->slot,
			    entry->generation, upstream_now(up)));
}

/* Entries that would go to the wire, from the next one to the first that has
 * another number of deaths; at most `max`. */
static uint32_t
count_next(const struct upstream *up, const struct lane *lane, uint32_t max,
    unsigned *deaths_out)
{
	uint64_t number = lane_log_sent(&lane->log);
	struct lane_entry entry;
	uint32_t count = 0;
	unsigned deaths;

	*deaths_out = 0;
	for (; count < max && lane_read(lane, number, &entry); number++) {
		if (!unconfirmed_would_send(up, lane, &entry))
			continue;
		deaths = deaths_of(up, lane, &entry);
		if (count > 0 && deaths != *deaths_out)
			break;
		*deaths_out = deaths;
		count++;
	}
	return count;
}

/* The link that may be given the lane's entries now, or LINK_NONE. */
static int
carrier_of(const struct upstream *up, unsigned lane)
{
	int number = link_set_carrier(&up->set, lane);
	const struct link *link = number < 0 ? NULL : &up->links[number];

	if (!link || link->state != LINK_SERVING || link->lost ||
	    lane_is_held(up, lane))
		return LINK_NONE;
	return number;
}

static bool
may_blame(const struct upstream *up)
{
	return upstream_now(up) < up->isolation.blame.until;
}

struct search {
	bool any;        /* entries left on a link that died */
	int of;          /* only lanes of this link, or LINK_NONE: all */
	int link;        /* that has those which cost the most */
	unsigned deaths; /* what they cost */
	uint32_t count;  /* of them */
};

static void
look_at(const struct upstream *up, unsigned number, struct search *search)
{
	const struct lane *lane = &up->lanes[number];
	unsigned deaths;
	int link;

	search->any = search->any || holds(lane, 1);
	if (!holds(lane, SUSPECT_DEATHS) && !may_blame(up))
		return;
	link = carrier_of(up, number);
	if (link == LINK_NONE ||
	    (search->of != LINK_NONE && search->of != link) ||
	    !count_next(up, lane, 1, &deaths) || deaths < SUSPECT_DEATHS ||
	    deaths <= search->deaths)
		return;
	search->deaths = deaths;
	search->link = link;
}

static void
find_worst(const struct upstream *up, struct search *search)
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		look_at(up, lane, search);
}

static void
count_worst(const struct upstream *up, struct search *search)
{
	unsigned deaths;

	for (unsigned i = 0; i < LANE_COUNT; i++)
		if (carrier_of(up, i) == search->of &&
		    count_next(up, &up->lanes[i], 1, &deaths) &&
		    deaths == search->deaths)
			search->count +=
			    count_next(up, &up->lanes[i], UINT32_MAX, &deaths);
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
	find_worst(up, &search);
	up->isolation.any = search.any || may_blame(up) ||
			    now - up->isolation.lost_at <= RISK_S;
	/* A loss of all links begins its grace anew only when all serve. */
	if (search.link != LINK_NONE && may_risk(up) &&
	    (up->server.phase == SERVER_SERVING ||
		upstream_has_former_links(up))) {
		enter(up, ISOLATION_CLEARING, search.link);
		up->isolation.since = now;
	}
}

static void
try_some(struct upstream *up)
{
	struct isolation *isolation = &up->isolation;
	struct search search = { .of = isolation->link, .link = LINK_NONE };

	find_worst(up, &search);
	if (search.link == LINK_NONE) {
		enter(up, ISOLATION_IDLE, LINK_NONE);
		return;
	}
	count_worst(up, &search);
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
		    up->lanes[lane].in_flight)
			return false;
	return true;
}

/* Suspects are given to a link only to be tried. */
static bool
has_suspects(const struct link *link)
{
	uint64_t number = journal_tail(link->journal);
	struct journal_span span;

	for (; number < journal_head(link->journal); number++)
		if (span_read(link, number, &span) &&
		    span.source == JOURNAL_LANE && span.len > 0 &&
		    suspects_deaths(link->up->lanes[span.lane].suspects,
			span.from) >= SUSPECT_DEATHS)
			return true;
	return false;
}

void
isolation_take_over(struct link *link)
{
	struct upstream *up = link->up;

	if (!has_suspects(link))
		return;
	enter(up, ISOLATION_TRYING, (int)link->number);
	up->isolation.any = true;
	up->isolation.left = 0;
	up->isolation.since = upstream_now(up);
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

void
isolation_answered(const struct link *link, uint64_t serial)
{
	struct isolation *isolation = &link->up->isolation;

	if (isolation_has(link) && isolation->barrier &&
	    serial >= isolation->barrier)
		isolation->answered = true;
}

bool
isolation_admits(struct link *link, const struct lane *lane,
    const struct lane_entry *entry)
{
	struct upstream *up = link->up;
	unsigned deaths;

	if (!up->isolation.any || !unconfirmed_would_send(up, lane, entry))
		return true; /* Nothing of it goes to the wire. */
	deaths = deaths_of(up, lane, entry);
	if (deaths < SUSPECT_DEATHS)
		return !isolation_has(link) && !holds(lane, SUSPECT_DEATHS) &&
		       ((deaths == 0 && !holds(lane, 1)) || may_risk(up));
	if (!link_is_on_trial(link) || up->isolation.left == 0 ||
	    deaths != up->isolation.deaths)
		return false;
	up->isolation.left--;
	return true;
}

/* --- what the server has handled, and what it died of --- */

/* Of a stanza of a kind that is sent once; else nobody. */
static struct session
sender_of(const struct upstream *up, const struct lane_entry *entry)
{
	static const struct session nobody = { .slot = SESSION_NO_SLOT };

	return unconfirmed_is_sent_once(entry->kind) &&
		       lane_is_of_owner(up, entry)
		   ? lane_session(entry)
		   : nobody;
}

void
isolation_confirmed(struct upstream *up, const struct lane_entry *entry)
{
	struct session sender;

	if (!up->isolation.any)
		return;
	sender = sender_of(up, entry);
	if (sender.slot != SESSION_NO_SLOT)
		blame_pay(&up->isolation.blame, sender.slot, sender.generation);
}

/* What is reported to have left on a link. */
struct left {
	unsigned count;
	struct lane *lane; /* of the last */
	uint64_t number;
	struct session sender;
	bool several; /* not all of it is of one sender */
};

static void
note_entry(struct upstream *up, struct lane *lane,
    const struct lane_entry *entry, struct left *left)
{
	struct session sender = sender_of(up, entry);

	if (sender.slot != SESSION_NO_SLOT)
		blame_add(&up->isolation.blame, sender.slot, sender.generation,
		    upstream_now(up));
	left->several |= left->count > 0 &&
			 (sender.slot != left->sender.slot ||
			     sender.generation != left->sender.generation);
	left->sender = sender;
	left->lane = lane;
	left->number = entry->number;
	left->count++;
	lane->left_end = entry->number + 1;
}

/* Entries of the span whose first byte lies before `transmitted`. */
static void
note_span(struct upstream *up, const struct journal_span *span,
    uint64_t transmitted, struct left *left)
{
	struct lane *lane = &up->lanes[span->lane];
	uint64_t start = span->start;
	struct lane_entry entry;

	for (uint64_t number = span->from;
	     number < span->to && start < transmitted; number++) {
		if (!lane_read(lane, number, &entry))
			return;
		note_entry(up, lane, &entry, left);
		start += entry.len;
	}
}

static struct left
note_left(struct link *link, uint64_t transmitted)
{
	uint64_t number = journal_tail(link->journal);
	struct left left = { 0 };
	struct journal_span span;

	for (; number < journal_head(link->journal); number++)
		if (span_read(link, number, &span) &&
		    span.source == JOURNAL_LANE && span.len > 0)
			note_span(link->up, &span, transmitted, &left);
	return left;
}

static void
add_deaths(struct upstream *up)
{
	for (unsigned i = 0; i < LANE_COUNT; i++) {
		struct lane *lane = &up->lanes[i];

		if (lane->left_end)
			suspects_left(lane->suspects, lane->left_end);
		lane->left_end = 0;
	}
}

/* A trial's link has ended: true when it can have been nothing but the last one
 * that left. */
static bool
is_found(struct upstream *up, const struct left *left)
{
	if (left->sender.slot != SESSION_NO_SLOT && !left->several &&
	    blame_add_alone(&up->isolation.blame, left->sender.slot,
		left->sender.generation))
		return true;
	return left->count == 1 &&
	       suspects_is_poison(suspects_deaths(left->lane->suspects,
		   left->number));
}

void
isolation_link_died(struct link *link, uint64_t transmitted)
{
	struct upstream *up = link->up;
	bool was_trying = link_is_on_trial(link);
	struct left left = note_left(link, transmitted);

	up->isolation.lost_at = upstream_now(up);
	up->isolation.rest_until = 0;
	if (isolation_has(link))
		enter(up, ISOLATION_IDLE, LINK_NONE);
	if (left.count == 0)
		return;
	up->isolation.any = true;
	add_deaths(up);
	if (was_trying && is_found(up, &left))
		suspects_give_up(left.lane->suspects, left.number + 1);
}
