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
#include "worker/client/client.h"
#include "worker/client/client_state.h"
#include "worker/client/keepalive.h"
#include "worker/client/leave.h"
#include "worker/client/pending.h"
#include "worker/client/state.h"

#include <math.h>

#define NEVER UINT32_MAX
/* Over which an incomplete stanza is measured, and one more: seconds are whole
 * ones, so a window may have begun at the end of its first, and who sends once
 * a second may be just behind its last. */
#define WINDOW_S 10u
#define SLACK_S  1u

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
is_idle_limited(const struct client_worker *worker)
{
	return worker->config->client.idle_s > 0;
}

uint32_t
deadline_of_silence(const struct client *client)
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
whole_due(const struct client *client)
{
	return after(client->partial_since_s,
	    worker_of(client)->config->client.stanza_timeout_s);
}

uint32_t
deadline_of_stanza(const struct client *client)
{
	const struct config_client *config = &worker_of(client)->config->client;
	uint32_t whole;

	if (!client->partial_since_s)
		return NEVER;
	whole = whole_due(client);
	return config->stanza_rate
		   ? MIN(whole, client->window_since_s + WINDOW_S + SLACK_S)
		   : whole;
}

/* The window is over: was there enough in it for another one? */
bool
deadline_stanza_goes_on(struct client *client, uint32_t now)
{
	uint64_t least =
	    (uint64_t)worker_of(client)->config->client.stanza_rate *
	    (now - client->window_since_s - SLACK_S);

	if (now >= whole_due(client) || client->window_bytes < least)
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
uint32_t
deadline_of_state(const struct client *client)
{
	struct client_worker *worker = worker_of(client);
	double step = worker->config->client.auth_timeout_s;
	double whole = worker->config->client.login_timeout_s;

	if (client->flags & CLIENT_PROXY_DUE && client->state != CLIENT_CLOSING)
		return after(client->since_s,
		    worker->config->client.proxy_timeout_s);
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
		return MIN(client_end_due_s(client), leave_due_s(client));
	}
	return NEVER;
}

/* --- the nearest --- */

static uint32_t
due(const struct client *client)
{
	uint32_t nearest;

	if (client->state == CLIENT_CLOSING)
		return deadline_of_state(client);
	nearest = MIN(deadline_of_stanza(client), deadline_of_state(client));
	nearest = MIN(nearest, pending_due(client));
	nearest = MIN(nearest, keepalive_due(client));
	return MIN(nearest, deadline_of_silence(client));
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
