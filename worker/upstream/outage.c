/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outage - phases of the server as workers see them.
 */
#include "worker/upstream/outage.h"

#include "common/base/log.h"
#include "common/process/config.h"
#include "worker/upstream/ghost_sessions.h"
#include "worker/upstream/link.h"
#include "worker/upstream/offers.h"
#include "worker/upstream/session_revalidation.h"
#include "worker/upstream/unconfirmed.h"

static void
publish(struct upstream *up)
{
	up->server.version++;
	server_state_publish(up->region, &up->server);
	for (uint32_t i = 0; i < up->partition_count; i++)
		up->partitions[i].ring_doorbell = true;
}

static void
enter(struct upstream *up, enum server_phase phase)
{
	if (up->server.phase == phase)
		return;
	up->server.phase = (uint8_t)phase;
	publish(up);
}

void
outage_restore(struct upstream *up)
{
	if (server_state_is(up->region, &up->server))
		return;
	log_limited(LOG_ERROR, 1,
	    "the server's state was damaged in shared memory;"
	    " it is written anew");
	publish(up);
}

void
outage_begin(struct upstream *up, bool resumed)
{
	up->configured = resumed;
	if (!server_state_read(up->region, &up->server) &&
	    !server_state_is(up->region, &up->server)) {
		/* Damaged: workers are to take it as a new version, and every
		 * session is revalidated. */
		up->server.version = up->run_id;
		up->server.phase = SERVER_HOLDING;
	}
	if (!resumed && (up->server.phase == SERVER_SERVING ||
			    up->server.phase == SERVER_HOLDING)) {
		up->hold_until = upstream_now(up) + up->config->server.grace_s;
		up->server.phase = SERVER_HOLDING;
	}
	up->server.domain_count = up->domains.count;
	publish(up);
}

void
outage_configure(struct upstream *up, const char *from,
    const struct multiplex_configuration *configuration)
{
	if (offers_take(up, from, configuration))
		up->configured = true;
	publish(up);
	outage_tick(up);
}

static bool
is_linked(const struct upstream *up)
{
	return up->set.joined != 0;
}

static void
disconnect_all(struct upstream *up)
{
	up->hold_until = 0;
	up->no_grace = false;
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		unconfirmed_notify_waiting(up, lane, false);
	up->server.disconnect_epoch++;
	up->server.phase = SERVER_GONE;
	publish(up);
}

void
outage_link_joined(struct upstream *up)
{
	bool first = __builtin_popcount(up->set.joined) == 1;

	up->no_grace = false;
	if (first)
		offers_forget(up);
	/* What the server still knows is queried, never guessed. */
	if (first && up->server.phase != SERVER_UNKNOWN)
		revalidation_add_all(up);
	outage_tick(up);
}

void
outage_link_lost(struct upstream *up)
{
	if (is_linked(up) || up->ending)
		return;
	up->configured = false;
	if (up->no_grace && (up->server.phase == SERVER_SERVING ||
				up->server.phase == SERVER_HOLDING))
		disconnect_all(up);
	up->no_grace = false;
	if (up->server.phase != SERVER_SERVING)
		return;
	log_at(LOG_WARNING, "all links lost grace=%.0f",
	    up->config->server.grace_s);
	up->hold_until = upstream_now(up) + up->config->server.grace_s;
	enter(up, SERVER_HOLDING);
}

void
outage_link_ended(struct upstream *up)
{
	for (unsigned i = 0; i < up->link_count; i++)
		if (up->links[i].joined && !up->links[i].lost &&
		    !up->links[i].input_ended)
			return;
	up->no_grace = true;
}

void
outage_shutdown(struct upstream *up)
{
	/* Its other links end likewise. The mass disconnect waits for their
	 * burial, so that what they leave unconfirmed is answered before it. */
	up->no_grace = true;
	for (unsigned i = 0; i < up->link_count; i++)
		if (up->links[i].joined && !up->links[i].lost) {
			link_read_rest(&up->links[i]);
			link_fail(&up->links[i], LOG_NOTICE,
			    "the server shuts down");
		}
}

void
outage_tick(struct upstream *up)
{
	if (!is_linked(up)) {
		if (up->server.phase != SERVER_HOLDING ||
		    upstream_now(up) < up->hold_until)
			return;
		log_at(LOG_WARNING,
		    "no link came back; sending every client away");
		disconnect_all(up);
	} else if (up->server.phase != SERVER_SERVING && up->configured &&
		   !ghost_sessions_have_links(up) &&
		   !revalidation_is_any_active(up)) {
		up->hold_until = 0;
		enter(up, SERVER_SERVING);
		log_at(LOG_NOTICE, "serving links=%d",
		    __builtin_popcount(up->set.joined));
	}
}
