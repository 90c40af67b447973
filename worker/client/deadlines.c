/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Time-outs without a timer each: a wheel of one-second buckets. A client lies
 * in the bucket of its nearest limit, or in the last one; activity moves
 * nothing, the limit is looked at again when its bucket comes.
 */
#include "common/process/config.h"
#include "common/shm/directory.h"
#include "common/shm/stats.h"
#include "common/xmpp/stream.h"
#include "worker/client/client.h"

#include <math.h>

#define NEVER UINT32_MAX

void
deadlines_init(void)
{
	size_t i;

	for (i = 0; i < WHEEL_SECONDS; i++)
		list_init(&worker.wheel[i]);
	worker.wheel_s = now_s();
}

static uint32_t
after(uint32_t since_s, double limit_s)
{
	return since_s + (uint32_t)ceil(limit_s);
}

static bool
is_idle_limited(void)
{
	return worker.config->client.idle_s > 0;
}

static uint32_t
idle_due(const struct client *client)
{
	double idle = worker.config->client.idle_s;

	if (!is_idle_limited())
		return NEVER;
	if (client->state == CLIENT_BOUND && !(client->flags & CLIENT_PINGED))
		idle /= 2;
	return after(client->active_s, idle);
}

static uint32_t
stanza_due(const struct client *client)
{
	return client->partial_since_s
		   ? after(client->partial_since_s,
			 worker.config->client.stanza_timeout_s)
		   : NEVER;
}

static uint32_t
auth_due(const struct client *client)
{
	return client_is_authenticated(client)
		   ? NEVER
		   : after(client->since_s,
			 worker.config->client.auth_timeout_s);
}

uint32_t
deadline_of_end(const struct client *client)
{
	double limit = worker.config->client.end_timeout_s;

	/* The other half is for what upstream has to take. */
	if (worker.stopping)
		limit = MIN(limit, worker.config->server.stop_timeout_s / 2);
	return after(client->since_s, limit);
}

static uint32_t
due(const struct client *client)
{
	uint32_t nearest;

	if (client->state == CLIENT_CLOSING)
		return deadline_of_end(client);
	nearest = MIN(stanza_due(client), auth_due(client));
	return MIN(nearest, idle_due(client));
}

void
deadline_update(struct client *client)
{
	uint32_t now = worker.wheel_s, when = due(client);

	when = MAX(when, now + 1);
	when = MIN(when, now + WHEEL_SECONDS - 1);
	list_remove(&client->deadline);
	list_append(&worker.wheel[when % WHEEL_SECONDS], &client->deadline);
}

static void
ping(struct client *client)
{
	const char *jid;
	size_t len;

	client->flags |= CLIENT_PINGED;
	jid = directory_jid(worker.directory, client->slot, &len);
	buf_reset(&worker.scratch);
	buf_printf(&worker.scratch,
	    "<iq type=\"get\" id=\"cm-ping-%x\" from=\"", ++worker.iq_id);
	stream_escape_value(&worker.scratch, worker.names.domain,
	    strlen(worker.names.domain));
	if (jid) { /* not known after jabber:iq:auth */
		buf_append_str(&worker.scratch, "\" to=\"");
		stream_escape_value(&worker.scratch, jid, len);
	}
	buf_append_str(&worker.scratch,
	    "\"><ping xmlns=\"urn:xmpp:ping\"/></iq>");
	output_control(client, &worker.scratch);
	stats_add(STAT_PINGS_SENT, 1);
}

/* It is not read from: its silence is ours. */
static void
excuse(struct client *client, uint32_t now)
{
	client->active_s = now;
	if (client->partial_since_s)
		client->partial_since_s = now;
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
	if (client->flags & CLIENT_BLOCKED)
		excuse(client, now);
	if (stanza_due(client) <= now)
		client_close(client, CLOSE_STANZA_TIMEOUT);
	else if (auth_due(client) <= now)
		client_close(client, CLOSE_AUTH_TIMEOUT);
	else if (idle_due(client) > now)
		deadline_update(client);
	else if (client->state == CLIENT_BOUND &&
		 !(client->flags & CLIENT_PINGED)) {
		ping(client);
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

void
deadlines_tick(void)
{
	uint32_t now = now_s();

	/* After a pause of the machine nobody is late for it: each bucket is
	 * looked at once, not once a second missed. */
	if (now - worker.wheel_s > WHEEL_SECONDS)
		worker.wheel_s = now - WHEEL_SECONDS;
	while (worker.wheel_s < now) {
		worker.wheel_s++;
		run_bucket(&worker.wheel[worker.wheel_s % WHEEL_SECONDS], now);
	}
}
