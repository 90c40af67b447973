/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The end of a stream that its client wishes: what it has requested before is
 * done by the server, so the answers are waited for. The stream ends as soon as
 * each request to the server itself, or to the client's own account, has its
 * answer and the server has confirmed the last stanza, and a pause has passed
 * in which an error for that may come; or when the time is over.
 */
#include "worker/client/goodbye.h"

#include "common/base/list.h"
#include "common/base/steady_clock.h"
#include "common/process/config.h"
#include "common/shm/region.h"
#include "common/shm/ring.h"
#include "common/shm/server_state.h"
#include "common/shm/stats.h"
#include "common/xmpp/close.h"
#include "worker/client/backlog.h"
#include "worker/client/client.h"
#include "worker/client/client_state.h"
#include "worker/client/input_kept.h"
#include "worker/client/pending.h"
#include "worker/client/state.h"

#include <ev.h>
#include <stdlib.h>

#define LOOK_S 0.05
/* What the server answers to a stanza may come on another link than the word
 * that it has handled it, and a little later. */
#define SETTLE_S 0.15

/* Gone through by time only: a client that is closed meanwhile is found to be
 * so, and its entry goes. */
struct goodbye {
	struct list entry; /* in worker.goodbyes */
	uint32_t slot;
	uint32_t generation;
	uint64_t ring_end;   /* behind its last stanza; 0: not in the ring */
	double confirmed_at; /* 0: not yet */
	double until;
};

static const struct ring *
ring_of(const struct client_worker *worker, uint32_t slot)
{
	return &worker->up[slot % LANE_COUNT];
}

/* All that it has sent has been handled, as far as this side knows. */
static bool
is_confirmed(const struct client *client)
{
	const struct ring *ring = ring_of(worker_of(client), client->slot);

	return backlog_is_empty(client) && ring_tail(ring) >= ring_head(ring);
}

static bool
must_wait(const struct client *client)
{
	struct client_worker *worker = worker_of(client);

	return (client->flags & CLIENT_CREATED) && !worker->stopping &&
	       !worker->draining && worker->server.phase == SERVER_SERVING &&
	       worker->config->client.goodbye_timeout_s > 0 &&
	       (pending_count(client) > 0 || !is_confirmed(client));
}

void
goodbye_begin(struct client *client)
{
	struct client_worker *worker = worker_of(client);
	struct goodbye *goodbye;

	if (!must_wait(client)) {
		client_close(client, CLOSE_PEER_CLOSED);
		return;
	}
	input_forget(client);
	if (!client_enter(client, CLIENT_LEAVING))
		return;
	goodbye = xcalloc(1, sizeof(*goodbye));
	goodbye->slot = client->slot;
	goodbye->generation = client->generation;
	goodbye->until =
	    steady_clock_s() + worker->config->client.goodbye_timeout_s;
	list_append(&worker->goodbyes, &goodbye->entry);
	ev_timer_again(worker->loop, &worker->goodbye_look);
}

/* NULL: it has been closed meanwhile. */
static struct client *
client_of(const struct client_worker *worker, const struct goodbye *goodbye)
{
	uint32_t slots = region_geometry(worker->region)->slots_per_partition;
	struct client *client = worker->by_slot[goodbye->slot % slots];

	return client && client->slot == goodbye->slot &&
		       client->generation == goodbye->generation &&
		       client->state == CLIENT_LEAVING
		   ? client
		   : NULL;
}

static bool
is_confirmed_now(struct goodbye *goodbye, const struct client *client)
{
	const struct ring *ring = ring_of(worker_of(client), goodbye->slot);

	if (goodbye->ring_end == 0 && backlog_is_empty(client))
		goodbye->ring_end = ring_head(ring);
	return goodbye->ring_end != 0 && ring_tail(ring) >= goodbye->ring_end;
}

/* True when there is nothing more to wait for. */
static bool
look(struct goodbye *goodbye, struct client *client)
{
	double now = steady_clock_s();

	if (goodbye->confirmed_at <= 0 && is_confirmed_now(goodbye, client))
		goodbye->confirmed_at = now;
	if (goodbye->confirmed_at > 0 && pending_count(client) == 0 &&
	    now >= goodbye->confirmed_at + SETTLE_S)
		return true;
	if (now < goodbye->until)
		return false;
	stats_add(STAT_GOODBYES_CUT_SHORT, 1);
	return true;
}

static void
forget(struct goodbye *goodbye)
{
	list_remove(&goodbye->entry);
	free(goodbye);
}

static void
go_through(struct client_worker *worker, bool at_once)
{
	list_each(item, &worker->goodbyes)
	{
		struct goodbye *goodbye =
		    container_of(item, struct goodbye, entry);
		struct client *client = client_of(worker, goodbye);

		if (client && !at_once && !look(goodbye, client))
			continue;
		forget(goodbye);
		if (client)
			client_close(client, CLOSE_PEER_CLOSED);
	}
	if (list_is_empty(&worker->goodbyes))
		ev_timer_stop(worker->loop, &worker->goodbye_look);
}

static void
on_look(struct ev_loop *loop, ev_timer *timer, int events)
{
	(void)timer;
	(void)events;
	go_through(ev_userdata(loop), false);
}

void
goodbye_init(struct client_worker *worker)
{
	list_init(&worker->goodbyes);
	ev_timer_init(&worker->goodbye_look, on_look, LOOK_S, LOOK_S);
}

void
goodbye_end_all(struct client_worker *worker)
{
	go_through(worker, true);
}

void
goodbye_forget_all(struct client_worker *worker)
{
	list_each(item, &worker->goodbyes)
	    forget(container_of(item, struct goodbye, entry));
}
