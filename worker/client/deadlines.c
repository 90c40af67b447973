/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time-outs without a timer each: a wheel of one-second buckets. A client lies
 * in the bucket of its nearest limit, or in the last one; activity moves
 * nothing, the limit is looked at again when its bucket comes.
 *
 * What a client may do at length has a limit that moves with its progress: each
 * answered step of the log-in gives more time, and an incomplete stanza is
 * measured by what comes of it. A limit for the whole stands behind each.
 */
#include "worker/client/deadlines.h"

#include "common/base/list.h"
#include "common/process/config.h"
#include "common/xmpp/close.h"
#include "worker/client/backlog.h"
#include "worker/client/client.h"
#include "worker/client/client_state.h"
#include "worker/client/keepalive.h"
#include "worker/client/pending.h"
#include "worker/client/state.h"

#include <math.h>

#define NEVER UINT32_MAX
/* Over which an incomplete stanza is measured, and one more: seconds are whole
 * ones, so a window may have begun at the end of its first, and who sends once
 * a second may be just behind its last. */
#define WINDOW_S 10u
#define SLACK_S  1u
/* The worker itself stood still if a tick comes so late. */
#define PAUSE_S 3u

void
deadlines_init(struct client_worker *worker)
{
	size_t i;

	for (i = 0; i < WHEEL_SECONDS; i++)
		list_init(&worker->wheel[i]);
	worker->wheel_s = now_s();
}

static uint32_t
after(uint32_t since_s, double limit_s)
{
	return since_s + (uint32_t)ceil(limit_s);
}

static bool
is_idle_limited(struct client_worker *worker)
{
	return worker->config->client.idle_s > 0;
}

static uint32_t
idle_due(const struct client *client)
{
	struct client_worker *worker = worker_of(client);
	double idle = worker->config->client.idle_s;

	if (!is_idle_limited(worker))
		return NEVER;
	if (client->state == CLIENT_BOUND && !(client->flags & CLIENT_PINGED))
		idle /= 2;
	return after(client->active_s, idle);
}

/* --- stanzas --- */

void
deadline_stanza_begins(struct client *client, size_t len)
{
	client->partial_since_s = client->window_since_s = MAX(now_s(), 1u);
	client->window_bytes = (uint32_t)len;
	deadline_update(client);
}

void
deadline_stanza_grows(struct client *client, size_t len)
{
	if (client->partial_since_s)
		client->window_bytes += (uint32_t)len;
}

void
deadline_stanza_ends(struct client *client)
{
	client->partial_since_s = 0;
}

static uint32_t
stanza_due(const struct client *client)
{
	const struct config_client *config = &worker_of(client)->config->client;
	uint32_t whole;

	if (!client->partial_since_s)
		return NEVER;
	whole = after(client->partial_since_s, config->stanza_timeout_s);
	return config->stanza_rate
		   ? MIN(whole, client->window_since_s + WINDOW_S + SLACK_S)
		   : whole;
}

/* The window is over: was there enough in it for another one? */
static bool
open_next_window(struct client *client, uint32_t now)
{
	struct client_worker *worker = worker_of(client);
	uint64_t least = (uint64_t)worker->config->client.stanza_rate *
			 (now - client->window_since_s - SLACK_S);

	if (now >= after(client->partial_since_s,
		       worker->config->client.stanza_timeout_s) ||
	    client->window_bytes < least)
		return false;
	client->window_since_s = now;
	client->window_bytes = 0;
	return true;
}

/* --- the log-in --- */

void
deadline_step(struct client *client)
{
	if (!client_is_authenticated(client) && client->steps < UINT8_MAX)
		client->steps++;
}

/* Each state has its limit; of one that is bound it is the idle limit. */
static uint32_t
state_due(const struct client *client)
{
	struct client_worker *worker = worker_of(client);
	double step = worker->config->client.auth_timeout_s;
	double whole = worker->config->client.login_timeout_s;

	switch ((enum client_state)client->state) {
	case CLIENT_GREETING:
	case CLIENT_NEGOTIATING:
	case CLIENT_STARTING_TLS:
	case CLIENT_AUTHENTICATING:
		return after(client->since_s,
		    MIN(step * (1 + client->steps), whole));
	case CLIENT_RESTARTING:
		return after(client->since_s, step);
	case CLIENT_OPEN:
		return after(client->since_s, whole);
	case CLIENT_BOUND:
	case CLIENT_LEAVING: /* goodbye.c */
	case CLIENT_STATE_COUNT:
		break;
	case CLIENT_CLOSING:
		return deadline_of_end(client);
	}
	return NEVER;
}

/* --- the nearest --- */

uint32_t
deadline_of_end(const struct client *client)
{
	struct client_worker *worker = worker_of(client);
	double limit = worker->config->client.end_timeout_s;

	/* The other half is for what upstream has to take. */
	if (worker->stopping)
		limit = MIN(limit, worker->config->server.stop_timeout_s / 2);
	return after(client->since_s, limit);
}

static uint32_t
due(const struct client *client)
{
	uint32_t nearest;

	if (client->state == CLIENT_CLOSING)
		return state_due(client);
	nearest = MIN(stanza_due(client), state_due(client));
	nearest = MIN(nearest, pending_due(client));
	nearest = MIN(nearest, keepalive_due(client));
	return MIN(nearest, idle_due(client));
}

void
deadline_update(struct client *client)
{
	struct client_worker *worker = worker_of(client);
	uint32_t now = worker->wheel_s, when = due(client);

	when = MAX(when, now + 1);
	when = MIN(when, now + WHEEL_SECONDS - 1);
	list_remove(&client->deadline);
	list_append(&worker->wheel[when % WHEEL_SECONDS], &client->deadline);
}

void
deadline_excuse(struct client *client, uint32_t pause_s)
{
	client->since_s += pause_s;
	client->active_s += pause_s;
	pending_excuse(client, pause_s);
	if (!client->partial_since_s)
		return;
	client->partial_since_s += pause_s;
	client->window_since_s += pause_s;
}

static void
look(struct client *client, uint32_t now)
{
	if (client->state == CLIENT_CLOSING) {
		if (deadline_of_end(client) > now)
			deadline_update(client);
		else
			client_closing_step(client);
		return;
	}
	deadline_excuse(client, backlog_blocked_s(client));
	if (pending_due(client) <= now)
		pending_look(client, now);
	if (keepalive_due(client) <= now)
		keepalive_send(client);
	if (stanza_due(client) <= now && !open_next_window(client, now))
		client_close(client, CLOSE_STANZA_TIMEOUT);
	else if (state_due(client) <= now)
		client_close(client, CLOSE_AUTH_TIMEOUT);
	else if (idle_due(client) > now)
		deadline_update(client);
	else if (client->state == CLIENT_BOUND &&
		 !(client->flags & CLIENT_PINGED)) {
		client->flags |= CLIENT_PINGED;
		keepalive_ping(client);
		deadline_update(client);
	} else
		client_close(client, CLOSE_IDLE);
}

static void
run_bucket(struct list *bucket, uint32_t now)
{
	struct list batch;
	struct client *client;

	/* Looking at one may move others in the wheel. */
	list_take(bucket, &batch);
	while (!list_is_empty(&batch)) {
		client = container_of(batch.next, struct client, deadline);
		list_remove(&client->deadline);
		look(client, now);
	}
}

/* Whatever clients sent meanwhile waits in their sockets, so nobody was silent;
 * who has a limit is looked at again from here on. */
static void
excuse_all(struct client_worker *worker, uint32_t pause_s)
{
	list_each(item, &worker->clients)
	{
		struct client *client = container_of(item, struct client, all);

		/* Of one that is blocked the pause is a part of that. */
		deadline_excuse(client, client->flags & CLIENT_BLOCKED
					    ? backlog_blocked_s(client)
					    : pause_s);
		deadline_update(client);
	}
}

void
deadlines_tick(struct client_worker *worker)
{
	uint32_t now = now_s(), pause_s = now - worker->wheel_s;

	if (pause_s > PAUSE_S) {
		worker->wheel_s = now;
		excuse_all(worker, pause_s);
		return;
	}
	while (worker->wheel_s < now) {
		worker->wheel_s++;
		run_bucket(&worker->wheel[worker->wheel_s % WHEEL_SECONDS],
		    now);
	}
}
