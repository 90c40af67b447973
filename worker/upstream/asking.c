/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/asking.h"

#include "common/base/log.h"
#include "common/shm/directory.h"
#include "worker/upstream/link.h"
#include "worker/upstream/pump.h"
#include "worker/upstream/unconfirmed.h"

#include <stdlib.h>

#define OTHER_LINKS_S 0.15 /* an answer on another link may be behind */

bool
asking_is_active(const struct upstream *up, unsigned lane)
{
	return up->asking[lane].active;
}

bool
asking_any(const struct upstream *up)
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		if (up->asking[lane].active)
			return true;
	return false;
}

static void
ask_anew(struct asking *asking)
{
	asking->active = true;
	asking->next = 0;
	asking->link = LINK_NONE;
	asking->serial = 0;
	asking->answered_at = 0;
}

static bool
is_among(const struct asking *asking, uint32_t slot)
{
	for (uint32_t i = 0; i < asking->count; i++)
		if (asking->slots[i] == slot)
			return true;
	return false;
}

static void
add(struct asking *asking, uint32_t slot)
{
	if (asking->count == asking->cap) {
		asking->cap = asking->cap ? 2 * asking->cap : 64;
		asking->slots = xrealloc(asking->slots,
		    asking->cap * sizeof(*asking->slots));
	}
	asking->slots[asking->count++] = slot;
}

void
asking_about(struct upstream *up, unsigned lane, uint32_t slot)
{
	struct asking *asking = &up->asking[lane];

	/* Links may die again and again while nobody answers. */
	if (!is_among(asking, slot))
		add(asking, slot);
	ask_anew(asking);
}

static void
ask_created(void *context, uint32_t slot, uint32_t generation)
{
	struct upstream *up = context;

	(void)generation;
	if (!(directory_flags(up->directory, slot) & ROUTE_CREATED))
		return;
	add(&up->asking[slot % LANE_COUNT], slot);
	up->asking[slot % LANE_COUNT].everyone = true;
	ask_anew(&up->asking[slot % LANE_COUNT]);
}

void
asking_everyone(struct upstream *up)
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		up->asking[lane].count = 0;
	directory_each_live(up->directory, -1, ask_created, up);
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
write_lane(struct link *link, struct asking *asking)
{
	bool wrote = false;

	while (asking->next < asking->count) {
		/* Leaves room for what keeps the link alive; a barrier's
		 * answer makes more. */
		if (outbox_room(&link->ctl_out) < link->ctl.ring.capacity / 4)
			return (!link->barriers.count &&
				   link_send_barrier(link)) ||
			       wrote;
		if (!write_probe(link, asking->slots[asking->next]))
			return wrote;
		asking->next++;
		wrote = true;
	}
	if (!asking->serial) {
		asking->serial = link_send_barrier(link);
		wrote = wrote || asking->serial;
	}
	return wrote;
}

bool
asking_write(struct link *link)
{
	struct upstream *up = link->up;
	bool wrote = false;

	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		struct asking *asking = &up->asking[lane];

		if (!asking->active ||
		    link_set_holder(&up->set, lane) != (int)link->number)
			continue;
		if (asking->link != (int)link->number) {
			ask_anew(asking);
			asking->link = (int)link->number;
		}
		if (!asking->serial && write_lane(link, asking))
			wrote = true;
	}
	return wrote;
}

/* --- answers --- */

void
asking_answered(struct link *link, uint64_t serial)
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		struct asking *asking = &link->up->asking[lane];

		if (!asking->active || asking->link != (int)link->number ||
		    !asking->serial || asking->serial > serial ||
		    asking->answered_at > 0)
			continue;
		if (asking->serial == serial)
			asking->answered_at = upstream_now(link->up);
		else
			ask_anew(asking); /* answers to probes may be lost, too
					   */
	}
}

void
asking_link_lost(struct link *link)
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		if (link->up->asking[lane].active &&
		    link->up->asking[lane].link == (int)link->number)
			ask_anew(&link->up->asking[lane]);
}

bool
asking_not_found(struct upstream *up, uint32_t slot, uint32_t generation)
{
	const struct session session = { slot, generation };
	const struct asking *asking = &up->asking[slot % LANE_COUNT];

	if (!asking->active || (!asking->everyone && !is_among(asking, slot)))
		return false;
	session_set_flag(up, session, ROUTE_DEAD, true);
	return true;
}

/* Creates that never arrived are to be sent, not mourned. One that the server
 * has answered did arrive, and its session has died since; one that is closed
 * already has no use for it. */
static void
revive_uncreated(struct upstream *up, struct lane_ring *lane_ring)
{
	uint64_t cursor = ring_tail(&lane_ring->ring);
	struct frame frame;

	while (cursor < lane_ring->unconfirmed_end &&
	       ring_next(&lane_ring->ring, &cursor, &frame) == 1) {
		const struct session session = { frame.slot, frame.generation };

		if (frame.kind != FRAME_CREATE ||
		    frame.cursor >= lane_ring->unconfirmed_end ||
		    (session_flags(up, session) &
			(ROUTE_DEAD | ROUTE_ANSWERED | ROUTE_CLOSING)) !=
			ROUTE_DEAD)
			continue;
		session_set_flag(up, session, ROUTE_DEAD, false);
		session_set_flag(up, session, ROUTE_CREATED, false);
	}
}

static void
settle(struct upstream *up, unsigned lane)
{
	struct asking *asking = &up->asking[lane];
	unsigned dead = 0;

	asking->active = false;
	for (uint32_t index = 0; index < up->index_count; index++) {
		revive_uncreated(up, &up->indices[index].rings[lane]);
		unconfirmed_notify_waiting(up, &up->indices[index].rings[lane],
		    (int)index, true);
		pump_wake_lane(up, lane, (int)index);
	}
	pump_wake_lane(up, lane, -1);
	for (uint32_t i = 0; i < asking->count; i++) {
		const struct session session = { asking->slots[i],
			directory_generation(up->directory, asking->slots[i]) };

		if (!(session_flags(up, session) & ROUTE_DEAD))
			continue;
		session_not_found(up, session);
		dead++;
	}
	if (asking->count)
		log_at(LOG_DEBUG,
		    "sessions asked after lane=%u asked=%u dead=%u", lane,
		    asking->count, dead);
	free(asking->slots);
	*asking = (struct asking){ .link = LINK_NONE };
}

void
asking_tick(struct upstream *up)
{
	double now = upstream_now(up);

	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		struct asking *asking = &up->asking[lane];

		if (asking->active && asking->answered_at > 0 &&
		    now - asking->answered_at >= OTHER_LINKS_S)
			settle(up, lane);
	}
}
