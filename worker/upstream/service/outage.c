/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outage - phases of the server as workers see them.
 */
#include "worker/upstream/service/outage.h"

#include "common/base/log.h"
#include "common/process/config.h"
#include "common/shm/stats.h"
#include "common/shm/store.h"
#include "worker/upstream/link/link.h"
#include "worker/upstream/service/offers.h"
#include "worker/upstream/service/pause.h"
#include "worker/upstream/session/senders.h"
#include "worker/upstream/session/session_revalidation.h"

#include <inttypes.h>

void
outage_publish(struct upstream *up)
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
	outage_publish(up);
}

void
outage_restore(struct upstream *up)
{
	if (server_state_is(up->region, &up->server))
		return;
	log_limited(LOG_ERROR, 1,
	    "the server's state was damaged in shared memory;"
	    " it is written anew");
	outage_publish(up);
}

/* Of a predecessor. Its end keeps its bounds, whatever is written there. */
static void
take_over_pause(struct upstream *up)
{
	double now = upstream_now(up);

	if (!pause_is_on(up))
		return;
	up->hold_until = MAX(up->hold_until,
	    MIN(up->server.pause_until_s, now + SERVER_PAUSE_MAX_S));
	up->settle_until = up->steady_at = now + PAUSE_STEADY_S;
}

static void
log_serving(const struct upstream *up)
{
	log_at(LOG_NOTICE, "serving links=%d",
	    __builtin_popcount(up->set.joined));
}

/* A successor on the same links will not hear it again. */
static void
set_configured(struct upstream *up, bool configured)
{
	up->configured = configured;
	shm_store(&up->memory->configured, configured, memory_order_release);
}

void
outage_begin(struct upstream *up, bool resumed)
{
	bool serves = resumed && up->server.phase == SERVER_SERVING;

	set_configured(up,
	    serves || (resumed && atomic_load(&up->memory->configured)));
	if (!server_state_read(up->region, &up->server) &&
	    !server_state_is(up->region, &up->server)) {
		/* Damaged: workers are to take it as a new version, and every
		 * session is revalidated. */
		up->server.version = up->run_id;
		up->server.phase = SERVER_HOLDING;
	}
	if (!serves && (up->server.phase == SERVER_SERVING ||
			   up->server.phase == SERVER_HOLDING)) {
		up->hold_until = upstream_now(up) + up->config->server.grace_s;
		up->server.phase = SERVER_HOLDING;
	}
	if (serves)
		log_serving(up);
	take_over_pause(up);
	if (up->server.phase != SERVER_HOLDING) /* all were told, or none */
		atomic_store(&up->memory->disconnecting, false);
	up->server.domain_count = up->domains.count;
	outage_publish(up);
}

void
outage_configure(struct upstream *up, const char *from,
    const struct multiplex_configuration *configuration)
{
	if (offers_take(up, from, configuration))
		set_configured(up, true);
	outage_publish(up);
	outage_tick(up);
}

static bool
is_linked(const struct upstream *up)
{
	return up->set.joined != 0;
}

static void
end_pause(struct upstream *up)
{
	bool late = upstream_now(up) >= up->hold_until;

	if (!pause_is_on(up))
		return;
	up->server.pause = PAUSE_NONE;
	up->server.pause_until_s = 0;
	stats_add(STAT_PAUSES_EXPIRED, late);
	stats_set(STAT_PAUSE_UNCONFIRMED, 0);
	log_at(late ? LOG_WARNING : LOG_NOTICE,
	    "pause: over forgotten=%" PRIu32 " expired=%s", up->forgotten.count,
	    late ? "yes" : "no");
}

static void
disconnect_all(struct upstream *up)
{
	end_pause(up);
	up->hold_until = 0;
	up->no_grace = false;
	atomic_store(&up->memory->disconnecting, true);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		senders_notify(up, lane, false);
	up->server.disconnect_epoch++;
	up->server.phase = SERVER_GONE;
	outage_publish(up);
	atomic_store(&up->memory->disconnecting, false);
}

void
outage_briefed(struct upstream *up)
{
	if (!atomic_load(&up->memory->disconnecting))
		return;
	log_at(LOG_WARNING,
	    "a predecessor was sending every client away; it is gone on with");
	disconnect_all(up);
}

void
outage_link_joined(struct upstream *up)
{
	bool first = __builtin_popcount(up->set.joined) == 1;

	up->no_grace = false;
	if (first) {
		offers_forget(up);
		outage_publish(up);
		up->steady_at = upstream_now(up) + PAUSE_STEADY_S;
	}
	/* What the server still knows is queried, never guessed. */
	if (first && up->server.phase != SERVER_UNKNOWN)
		revalidation_add_all(up);
	outage_tick(up);
}

/* All links are lost, as it was expected. Who has waited long for that still
 * has the grace. */
static void
await_server(struct upstream *up)
{
	if (up->server.pause != PAUSE_AWAITING)
		up->hold_until = MAX(up->hold_until,
		    upstream_now(up) + up->config->server.grace_s);
	up->server.pause = PAUSE_AWAITING;
	outage_publish(up);
	log_at(LOG_NOTICE,
	    "pause: all links lost, the server is awaited"
	    " seconds=%.0f",
	    up->hold_until - upstream_now(up));
}

void
outage_link_lost(struct upstream *up)
{
	if (is_linked(up) || up->ending)
		return;
	set_configured(up, false);
	if (pause_is_on(up)) {
		await_server(up);
		return;
	}
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
		/* Senders are notified over rings that have to be known. */
		if (up->server.phase != SERVER_HOLDING || !up->briefed ||
		    upstream_now(up) < up->hold_until)
			return;
		log_at(LOG_WARNING,
		    "no link came back; sending every client away");
		disconnect_all(up);
	} else if (up->server.phase != SERVER_SERVING && up->configured &&
		   pause_may_end(up) && !upstream_has_former_links(up) &&
		   !revalidation_is_any_active(up)) {
		end_pause(up);
		up->hold_until = 0;
		enter(up, SERVER_SERVING);
		log_serving(up);
	}
}
