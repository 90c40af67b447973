/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/session/session_revalidation.h"

#include "common/base/log.h"
#include "common/shm/directory.h"
#include "worker/upstream/core/pause_stage.h"
#include "worker/upstream/link/link.h"
#include "worker/upstream/send/lane.h"
#include "worker/upstream/session/forgotten.h"
#include "worker/upstream/session/senders.h"
#include "worker/upstream/session/session.h"

#include <stdlib.h>

#define OTHER_LINKS_S 0.15 /* an answer on another link may be behind */

bool
revalidation_is_any_active(const struct upstream *up)
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		if (up->revalidations[lane].active)
			return true;
	return false;
}

static void
restart(struct revalidation *revalidation)
{
	revalidation->active = true;
	revalidation->next = 0;
	revalidation->link = LINK_NONE;
	revalidation->serial = 0;
	revalidation->answered_at = 0;
}

static bool
is_among(const struct revalidation *revalidation, uint32_t slot)
{
	for (uint32_t i = 0; i < revalidation->count; i++)
		if (revalidation->slots[i] == slot)
			return true;
	return false;
}

static void
add(struct revalidation *revalidation, uint32_t slot)
{
	if (revalidation->count == revalidation->cap) {
		revalidation->cap =
		    revalidation->cap ? 2 * revalidation->cap : 64;
		revalidation->slots = xrealloc(revalidation->slots,
		    revalidation->cap * sizeof(*revalidation->slots));
	}
	revalidation->slots[revalidation->count++] = slot;
}

void
revalidation_add(struct upstream *up, unsigned lane, uint32_t slot)
{
	struct revalidation *revalidation = &up->revalidations[lane];

	/* Links may die again and again while nobody answers. */
	if (!is_among(revalidation, slot))
		add(revalidation, slot);
	restart(revalidation);
}

static void
add_created(void *context, uint32_t slot, uint32_t generation)
{
	struct upstream *up = context;

	(void)generation;
	if (!(directory_flags(up->directory, slot) & ROUTE_CREATED))
		return;
	add(&up->revalidations[slot % LANE_COUNT], slot);
	up->revalidations[slot % LANE_COUNT].everyone = true;
	restart(&up->revalidations[slot % LANE_COUNT]);
}

void
revalidation_add_all(struct upstream *up)
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		up->revalidations[lane].count = 0;
	directory_each_live(up->directory, -1, add_created, up);
}

/* --- writing --- */

static bool
write_probe(struct link *link, uint32_t slot)
{
	struct upstream *up = link->up;
	char streamid[STREAMID_MAX + 1];

	if (!directory_is_live(up->directory, slot))
		return true;
	directory_streamid(up->directory, slot, streamid);
	buf_reset(&up->scratch);
	multiplex_render_probe(&up->scratch, &up->names, streamid);
	return link_send(link, FRAME_PROBE);
}

static bool
write_lane(struct link *link, struct revalidation *revalidation)
{
	bool wrote = false;

	while (revalidation->next < revalidation->count) {
		/* Leaves room for what keeps the link alive; a barrier's
		 * answer makes more. */
		if (ring_writer_room(&link->ctl_out) < link->ctl.capacity / 4)
			return (!link->barriers.count &&
				   link_send_barrier(link)) ||
			       wrote;
		if (!write_probe(link, revalidation->slots[revalidation->next]))
			return wrote;
		revalidation->next++;
		wrote = true;
	}
	if (!revalidation->serial) {
		revalidation->serial = link_send_barrier(link);
		wrote = wrote || revalidation->serial;
	}
	return wrote;
}

bool
revalidation_write(struct link *link)
{
	struct upstream *up = link->up;
	bool wrote = false;

	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		struct revalidation *revalidation = &up->revalidations[lane];

		if (!revalidation->active ||
		    link_set_holder(&up->set, lane) != (int)link->number)
			continue;
		if (revalidation->link != (int)link->number) {
			restart(revalidation);
			revalidation->link = (int)link->number;
		}
		if (!revalidation->serial && write_lane(link, revalidation))
			wrote = true;
	}
	return wrote;
}

/* --- answers --- */

void
revalidation_barrier_answered(struct link *link, uint64_t serial)
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		struct revalidation *revalidation =
		    &link->up->revalidations[lane];

		if (!revalidation->active ||
		    revalidation->link != (int)link->number ||
		    !revalidation->serial || revalidation->serial > serial ||
		    revalidation->answered_at > 0)
			continue;
		if (revalidation->serial == serial) {
			revalidation->answered_at = upstream_now(link->up);
		} else {
			/* Answers to probes may be lost, too. */
			restart(revalidation);
		}
	}
}

/* Whichever it was: an answer may have been on its way there. */
void
revalidation_link_lost(struct link *link)
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		if (link->up->revalidations[lane].active)
			restart(&link->up->revalidations[lane]);
}

bool
revalidation_note_not_found(struct upstream *up, uint32_t slot,
    uint32_t generation)
{
	const struct session session = { slot, generation };
	const struct revalidation *revalidation =
	    &up->revalidations[slot % LANE_COUNT];

	/* Asked before its create went on a link that died: it waits to be sent
	 * again, and only then can the server know the session. */
	if (!(session_flags(up, session) & ROUTE_CREATED))
		return true;
	if (!revalidation->active ||
	    (!revalidation->everyone && !is_among(revalidation, slot)))
		return false;
	session_set_flag(up, session, ROUTE_DEAD, true);
	return true;
}

/* Creates that never arrived are to be sent, not mourned. One that the server
 * has answered did arrive, and its session has died since; one that is closed
 * already has no use for it. */
static void
revive_uncreated(struct upstream *up, const struct lane *lane)
{
	uint64_t number = lane_log_tail(&lane->log);
	struct lane_entry entry;

	for (; lane_read(lane, number, &entry); number++) {
		struct session session = lane_session(&entry);

		if (entry.kind != FRAME_CREATE ||
		    !(entry.marks & LANE_IN_DOUBT) ||
		    (session_flags(up, session) &
			(ROUTE_DEAD | ROUTE_ANSWERED | ROUTE_CLOSING)) !=
			ROUTE_DEAD)
			continue;
		session_set_flag(up, session, ROUTE_DEAD, false);
		session_set_flag(up, session, ROUTE_CREATED, false);
	}
}

static void
complete(struct upstream *up, unsigned lane)
{
	struct revalidation *revalidation = &up->revalidations[lane];
	unsigned dead = 0;

	revalidation->active = false;
	revive_uncreated(up, &up->lanes[lane]);
	senders_notify(up, lane, true);
	lane_wake(up, lane);
	for (uint32_t i = 0; i < revalidation->count; i++) {
		const struct session session = { revalidation->slots[i],
			directory_generation(up->directory,
			    revalidation->slots[i]) };

		if (!(session_flags(up, session) & ROUTE_DEAD))
			continue;
		if (pause_is_on(up))
			forgotten_add(up, session);
		else
			session_not_found(up, session);
		dead++;
	}
	if (revalidation->count)
		log_at(LOG_DEBUG,
		    "sessions revalidated lane=%u count=%u dead=%u", lane,
		    revalidation->count, dead);
	free(revalidation->slots);
	*revalidation = (struct revalidation){ .link = LINK_NONE };
}

/* What it still holds is read before it is buried. */
static bool
any_is_lost(const struct upstream *up)
{
	for (unsigned i = 0; i < up->link_count; i++)
		if (up->links[i].joined && up->links[i].lost)
			return true;
	return false;
}

void
revalidation_tick(struct upstream *up)
{
	double now = upstream_now(up);

	if (any_is_lost(up))
		return;
	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		struct revalidation *revalidation = &up->revalidations[lane];

		/* What another link has is not read now, nor at once. */
		if (up->blocked && revalidation->answered_at > 0)
			revalidation->answered_at = now;
		if (revalidation->active && revalidation->answered_at > 0 &&
		    now - revalidation->answered_at >= OTHER_LINKS_S)
			complete(up, lane);
	}
}
