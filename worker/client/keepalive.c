/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/keepalive.h"

#include "common/base/buf.h"
#include "common/process/config.h"
#include "common/shm/directory.h"
#include "common/shm/stats.h"
#include "common/xmpp/stream.h"
#include "worker/client/client.h"
#include "worker/client/client_domain.h"
#include "worker/client/client_state.h"
#include "worker/client/output.h"
#include "worker/client/state.h"

#include <stdlib.h>
#include <string.h>

#define NEVER     UINT32_MAX
#define PING_NAME "cm-ping-" /* and a number */

/* --- when --- */

/* Neighbours get numbers far apart. */
static uint32_t
mix(uint32_t salt)
{
	salt = (salt ^ salt >> 16) * 0x7feb352du;
	salt = (salt ^ salt >> 15) * 0x846ca68bu;
	return salt ^ salt >> 16;
}

static uint32_t
whole_s(double interval_s)
{
	return interval_s < 1 ? 1 : (uint32_t)interval_s;
}

uint32_t
keepalive_wait_s(double interval_s, uint32_t salt)
{
	uint32_t interval = whole_s(interval_s);

	return interval - mix(salt) % (interval / 4 + 1);
}

static uint32_t
quiet_since_s(const struct client *client)
{
	return MAX(client->active_s, client->sent_s);
}

uint32_t
keepalive_due(const struct client *client)
{
	double interval_s = worker_of(client)->config->client.keepalive_s;
	uint32_t since_s;

	if (client->state != CLIENT_BOUND || interval_s <= 0)
		return NEVER;
	since_s = quiet_since_s(client);
	return since_s + keepalive_wait_s(interval_s, client->slot ^ since_s);
}

void
keepalive_spread(struct client *client, uint32_t now)
{
	uint32_t interval =
	    whole_s(worker_of(client)->config->client.keepalive_s);
	uint32_t least = interval - interval / 4;

	if (keepalive_due(client) <= now)
		client->sent_s = now - MIN(mix(client->slot) % least, now);
}

/* --- what --- */

/* Of the ping that is out a client keeps eight bits of its number, which are
 * not 0: an answer to anything else is the client's own affair. */
static uint32_t
next_number(struct client_worker *worker)
{
	do
		worker->iq_id++;
	while ((uint8_t)worker->iq_id == 0);
	return worker->iq_id;
}

bool
keepalive_is_answer(struct client *client, const char *id)
{
	static const char name[] = PING_NAME;
	unsigned long number;
	char *end;

	if (client->state != CLIENT_BOUND || client->ping == 0 ||
	    strncmp(id, name, sizeof(name) - 1) != 0)
		return false;
	number = strtoul(id + sizeof(name) - 1, &end, 16);
	if (*end != '\0' || (uint8_t)number != client->ping)
		return false;
	client->ping = 0;
	stats_add(STAT_PINGS_ANSWERED, 1);
	return true;
}

void
keepalive_ping(struct client *client)
{
	struct client_worker *worker = worker_of(client);
	const char *domain = client_domain(client)->spelling, *jid;
	uint32_t number = next_number(worker);
	size_t len;

	client->ping = (uint8_t)number;
	jid = directory_jid(worker->directory, client->slot, &len);
	buf_reset(&worker->scratch);
	buf_printf(&worker->scratch,
	    "<iq type=\"get\" id=\"" PING_NAME "%x\" from=\"", number);
	stream_escape_value(&worker->scratch, domain, strlen(domain));
	if (jid) { /* not known after jabber:iq:auth */
		buf_append_str(&worker->scratch, "\" to=\"");
		stream_escape_value(&worker->scratch, jid, len);
	}
	buf_append_str(&worker->scratch,
	    "\"><ping xmlns=\"urn:xmpp:ping\"/></iq>");
	output_control(client, &worker->scratch);
	stats_add(STAT_PINGS_SENT, 1);
}

/* The queue holds whole stanzas, so behind them is between two. */
static void
send_blank(struct client *client)
{
	struct client_worker *worker = worker_of(client);

	buf_reset(&worker->scratch);
	buf_append_char(&worker->scratch, ' ');
	output_control(client, &worker->scratch);
}

void
keepalive_send(struct client *client)
{
	client->sent_s = now_s();
	/* TCP itself is at work for what is not acknowledged. */
	if (client->queue.queued_bytes > 0)
		return;
	stats_add(STAT_KEEPALIVES_SENT, 1);
	if (worker_of(client)->config->client.keepalive_method ==
	    KEEPALIVE_PING)
		keepalive_ping(client);
	else
		send_blank(client);
}
