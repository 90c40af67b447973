/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link - a link's life: attempts, deadlines, death.
 */
#include "worker/upstream/link/link.h"

#include "common/net/endpoint.h"
#include "common/process/config.h"
#include "common/process/heritage.h"
#include "common/shm/journal.h"
#include "common/shm/stats.h"
#include "worker/upstream/core/pause_stage.h"
#include "worker/upstream/link/backoff.h"

#include <errno.h>
#include <string.h>

#define ENDING_S  2.0 /* for the server's end tag */
#define STABLE_S  1.0 /* serving so long, a link begins anew */
#define RESOLVE_S 30.0

static void
reset_ctl(struct link *link)
{
	ring_reset(&link->ctl);
	ring_reset(&link->ctl_out.ring);
}

void
link_prepare(struct link *link, struct upstream *up, unsigned number)
{
	struct framer_limits limits = {
		/* Escaped text takes more than what it holds. */
		.element_bytes = 2 * up->config->server.item_bytes,
		.depth = 512,
		.attributes = 256,
		.header_bytes = 16384,
	};

	*link = (struct link){
		.up = up,
		.number = number,
		.fd = -1,
		.state = LINK_WAITING,
		/* No name of a predecessor's is used once more. */
		.attempt = up->heritage->incarnation << 16,
	};
	link_reader_init(&link->reader, &limits);
}

void
link_attach(struct link *link)
{
	struct upstream *up = link->up;
	unsigned number = link->number;

	region_ctl_ring(up->region, number, &link->ctl);
	region_ctl_ring(up->region, number, &link->ctl_out.ring);
	ring_writer_init(&link->ctl_out, 0, 0);
	link->journal = journal_attach(up->region, number);
	link->buffer = link_memory_buffer(up->region, number);
	link->buffer_bytes = region_geometry(up->region)->receive_bytes;
	/* Those of a predecessor are not taken for ours. */
	barrier_init(&link->barriers, number, up->run_id,
	    (uint64_t)up->heritage->incarnation << 32);
}

void
link_init(struct link *link, struct upstream *up, unsigned number)
{
	link_prepare(link, up, number);
	link_attach(link);
}

void
link_forget(struct link *link)
{
	reset_ctl(link);
	ring_begin(&link->ctl, RING_CONSUMER);
	ring_begin(&link->ctl_out.ring, RING_PRODUCER);
	journal_restart(link->journal);
	link_forget_received(link);
}

static void
stop_resolving(struct link *link)
{
	if (link->resolves)
		link->up->platform->resolve_cancel(link->up->platform, link);
	link->resolves = false;
}

void
link_destroy(struct link *link)
{
	stop_resolving(link);
	link_close(link);
	link_reader_destroy(&link->reader);
	journal_detach(&link->journal);
}

static void
set_state(struct link *link, enum link_state state, double timeout_s)
{
	link->state = state;
	link->since = upstream_now(link->up);
	link->deadline = timeout_s > 0 ? link->since + timeout_s : 0;
}

/* --- attempts --- */

static void
try_next_address(struct link *link)
{
	const struct config_server *server = &link->up->config->server;
	char text[ENDPOINT_TEXT_MAX];
	int fd = -EADDRNOTAVAIL;

	while (link->next_address < link->addresses.count) {
		link->peer = link->addresses.endpoints[link->next_address++];
		fd = link->up->platform->connect(link->up->platform,
		    &link->peer);
		if (fd >= 0) {
			set_state(link, LINK_CONNECTING,
			    server->connect_timeout_s);
			link_open(link, fd);
			return;
		}
		log_at(LOG_DEBUG,
		    "cannot connect link=%u address=%s error=\"%s\"",
		    link->number, endpoint_print(&link->peer, text),
		    strerror(-fd));
	}
	if (fd == -ECONNREFUSED)
		link_hint(link, HINT_REFUSED);
	link_fail(link, LOG_WARNING, "cannot connect to %s: %s",
	    endpoint_print(&link->peer, text), strerror(-fd));
}

void
link_resolved(struct link *link, const struct resolve_answer *answer)
{
	const struct config_server *server = &link->up->config->server;

	link->resolves = false;
	link->addresses = *answer;
	link->next_address = 0;
	if (answer->count == 0) {
		link_fail(link, LOG_WARNING, "cannot find the server %s: %s",
		    server->hostname ? server->hostname : server->domain,
		    answer->reason ? answer->reason : "no address");
		return;
	}
	try_next_address(link);
}

static void
attempt(struct link *link)
{
	stats_add(STAT_LINK_ATTEMPTS, 1);
	link->attempt++;
	link->stale = false;
	set_state(link, LINK_RESOLVING, RESOLVE_S);
	link->resolves = true;
	link->up->platform->resolve(link->up->platform, link);
}

static void
beat(struct link *link)
{
	struct upstream *up = link->up;

	link->last_sent = upstream_now(up);
	buf_reset(&up->scratch);
	buf_append_char(&up->scratch, ' ');
	link_send_if_room(link);
}

/* --- ends --- */

void
link_end(struct link *link)
{
	struct upstream *up = link->up;

	if (link->lost)
		return;
	if (link->state != LINK_SERVING) {
		link_fail(link, LOG_DEBUG, "not needed any more");
		return;
	}
	link_remember_end(link);
	buf_reset(&up->scratch);
	multiplex_render_end(&up->scratch);
	if (!link_send(link, FRAME_CONTROL))
		link_fail(link, LOG_WARNING, "cannot be ended in order");
	else
		link_await_end(link);
}

void
link_await_end(struct link *link)
{
	set_state(link, LINK_ENDING, ENDING_S);
}

/* --- deadlines --- */

static void
tick_serving(struct link *link)
{
	const struct config_server *server = &link->up->config->server;
	double now = upstream_now(link->up);

	if ((link->input_ended || link->leaving) &&
	    !link_set_lanes(&link->up->set, link->number)) {
		link_end(link); /* Nothing goes up behind an end tag. */
		return;
	}
	if (link->input_ended && now > link->deadline)
		link_fail(link, LOG_WARNING, "the server ended the stream");
	link_check_barriers(link);
	if (now - link->last_received > server->idle_s)
		link_fail(link, LOG_WARNING, "nothing received for %.0f s",
		    server->idle_s);
	else if (link->item_since > 0 &&
		 now - link->item_since > server->hang_timeout_s)
		link_fail(link, LOG_WARNING, "an item has not ended for %.0f s",
		    server->hang_timeout_s);
	else if (now - link->last_sent > server->heartbeat_s)
		beat(link);
}

static const char *
doing(const struct link *link)
{
	static const char *const names[] = {
		[LINK_RESOLVING] = "looking for the server's address",
		[LINK_CONNECTING] = "connecting",
		[LINK_OPENING] = "waiting for the server's header",
		[LINK_FEATURES] = "waiting for the server's features",
		[LINK_STARTTLS] = "waiting for the server to proceed to TLS",
		[LINK_SECURING] = "in the TLS handshake",
		[LINK_PROVING] = "waiting for the server to take the secret",
		[LINK_ENDING] = "ending the stream",
	};

	enum link_state state = link->state;

	CHECK(state < ARRAY_LEN(names) && names[state]);
	if (state == LINK_CONNECTING && link->cookie)
		return "waiting for the master to hold its socket";
	return names[state];
}

void
link_tick(struct link *link)
{
	double now = upstream_now(link->up);

	if (link->lost)
		return;
	if (link->state == LINK_WAITING) {
		if (link->up->briefed && !link->up->stopping &&
		    !link->up->former_links_end && link_is_wanted(link) &&
		    now >= link->deadline)
			attempt(link);
	} else if (link->state == LINK_SERVING) {
		tick_serving(link);
	} else if (link->deadline > 0 && now >= link->deadline) {
		link->too_late = true;
		link_hint_of_silence(link);
		link_fail(link,
		    link->state == LINK_ENDING ? LOG_DEBUG : LOG_WARNING,
		    "timed out while %s", doing(link));
	}
}

/* --- death --- */

static void
leave_the_set(struct link *link, struct transport_end end)
{
	struct upstream *up = link->up;

	stats_add(STAT_LINKS_LOST, !link->leaving && !pause_is_on(up));
	links_note_unsettled(up);
	up->link_events->on_died(link, end);
	link->joined = false;
	link_set_lose(&up->set, link->number);
	up->link_changes++;
	stats_set(STAT_LINKS_UP, (uint64_t)__builtin_popcount(up->set.joined));
}

/* A link that was trying suspects ended because of them: that shows nothing of
 * the server's state, and the next attempt need not wait for longer. */
static void
wait_again(struct link *link, double served_s, bool was_trying)
{
	const struct config_server *server = &link->up->config->server;
	uint32_t random;

	link->failures = link->leaving || was_trying || served_s >= STABLE_S
			     ? 0
			     : pause_failures(link->up, link->failures + 1);
	link->up->platform->random(link->up->platform, &random, sizeof(random));
	set_state(link, LINK_WAITING, 0);
	link->deadline =
	    link->since + backoff_delay(server->backoff_min_s,
			      server->backoff_max_s, link->failures, random);
}

bool
link_is_on_trial(const struct link *link)
{
	const struct isolation *isolation = &link->up->isolation;

	return isolation->link == (int)link->number &&
	       isolation->state == ISOLATION_TRYING;
}

bool
link_bury(struct link *link)
{
	bool was_serving = link->joined;
	bool was_trying = link_is_on_trial(link);
	bool more = link->state == LINK_CONNECTING &&
		    link->next_address < link->addresses.count;
	double served_s =
	    was_serving ? upstream_now(link->up) - link->since : 0;
	struct transport_end end;

	/* Before that nobody could be given what a predecessor has read. */
	if (!link->lost ||
	    (link->resuming && !link->up->briefed && !link->up->stopping))
		return false;
	stop_resolving(link);
	link_read_rest(link);
	/* What came down on it waits for room there, like all else. */
	if (link->stalled && !link->up->ending)
		return false;
	link_remember_over(link);
	end = link_hang_up(link);
	if (was_serving)
		leave_the_set(link, end);
	link_close(link);
	journal_restart(link->journal);
	reset_ctl(link);
	barrier_clear(&link->barriers);
	link->batch = (struct batch){ 0 };
	link->uncovered_bytes = link->uncovered_entries = 0;
	link->uncovered_since = 0;
	link->silent_since = 0;
	link->hang_noted = link->too_late = false;
	link->lost = false;
	wait_again(link, served_s, was_trying);
	link->leaving = false;
	if (more)
		try_next_address(link);
	if (was_serving)
		link->up->link_events->on_lost(link->up);
	return true;
}
