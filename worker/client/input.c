/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes from a client become elements. */
#include "common/process/config.h"
#include "common/shm/directory.h"
#include "common/shm/stats.h"
#include "common/xmpp/framer.h"
#include "worker/client/client.h"

#include <stdlib.h>
#include <string.h>

/* Below this an incomplete stanza is kept as bytes, without a parser. */
#define PARTIAL_MAX 512u
/* Reads of one client before others have their turn. */
#define READS_MAX 4

static uint8_t room[PARTIAL_MAX + CLIENT_READ_BYTES];

static size_t
size_limit(const struct client *client)
{
	return client_is_authenticated(client)
		   ? worker.config->client.stanza_bytes
		   : MIN(worker.config->client.preauth_bytes,
			 worker.config->client.stanza_bytes);
}

static bool
expects_header(const struct client *client)
{
	return client->state == CLIENT_GREETING ||
	       client->state == CLIENT_RESTARTING;
}

void
input_forget(struct client *client)
{
	free(client->partial);
	client->partial = NULL;
	client->partial_len = 0;
	deadline_stanza_ends(client);
	client->flags &= (uint16_t)~CLIENT_SKEWED;
	if (client->framer)
		parsers_give_back(worker.parsers, &client->framer);
}

static enum close_reason
reason_of(enum framer_result result)
{
	switch (result) {
	case FRAMER_END:
		return CLOSE_PEER_CLOSED;
	case FRAMER_RESTRICTED:
		return CLOSE_RESTRICTED_XML;
	case FRAMER_TEXT:
		return CLOSE_BAD_FORMAT;
	case FRAMER_TOO_BIG:
	case FRAMER_NO_MEMORY:
		return CLOSE_TOO_BIG;
	case FRAMER_TOO_DEEP:
		return CLOSE_TOO_DEEP;
	case FRAMER_TOO_MANY_ATTRIBUTES:
		return CLOSE_TOO_MANY_ATTRIBUTES;
	case FRAMER_MORE:
	case FRAMER_HEADER:
	case FRAMER_ELEMENT:
	case FRAMER_NOT_WELL_FORMED:
	case FRAMER_BAD_NAMESPACE: /* RFC 6120 §4.9.3.13 names [XML-NAMES] */
	default:
		return CLOSE_NOT_WELL_FORMED;
	}
}

static void
show(const struct client *client, enum framer_result result)
{
	const struct element *element = framer_element(client->framer);

	if (result == FRAMER_HEADER)
		trace_header(client, element);
	else if (result == FRAMER_ELEMENT)
		trace_element(client, TRACE_FROM_CLIENT, element->bytes,
		    element->len);
}

/* True while the client can be parsed on with what it has sent. */
static bool
handle(struct client *client, enum framer_result result)
{
	struct framer *framer = client->framer;

	if (client->flags & CLIENT_TRACED)
		show(client, result);
	deadline_stanza_ends(client); /* what follows is another one */
	if (result == FRAMER_HEADER) {
		if (!framer_is_standard(framer))
			client->flags |= CLIENT_SKEWED;
		negotiate_header(client, framer_element(framer));
	} else if (result == FRAMER_ELEMENT)
		filter_element(client, framer_element(framer));
	else
		client_close(client, reason_of(result));
	return client->framer == framer && client->state != CLIENT_CLOSING &&
	       !(client->flags & CLIENT_BLOCKED);
}

static void
run(struct client *client, enum framer_result result)
{
	while (result != FRAMER_MORE) {
		if (!handle(client, result))
			return;
		result = framer_resume(client->framer);
	}
}

static void
note_partial(struct client *client, bool incomplete)
{
	if (!incomplete)
		deadline_stanza_ends(client);
	else if (client->partial_since_s == 0)
		deadline_stanza_begins(client);
}

/* What is incomplete is kept: as bytes when few, else with its parser. `bytes`
 * is all that the parser got since it was lent, or NULL. */
static void
settle(struct client *client, const uint8_t *bytes, size_t len)
{
	size_t partial;

	if (!client->framer || client->state == CLIENT_CLOSING)
		return;
	partial = framer_partial_bytes(client->framer);
	note_partial(client, partial > 0);
	if (client->flags & CLIENT_SKEWED)
		return;
	if (!expects_header(client) && framer_is_lendable(client->framer)) {
		parsers_give_back(worker.parsers, &client->framer);
		return;
	}
	if (!bytes || partial > PARTIAL_MAX || partial > len)
		return;
	client->partial = xmalloc(MAX(partial, 1u));
	memcpy(client->partial, bytes + len - partial, partial);
	client->partial_len = (uint16_t)partial;
	parsers_give_back(worker.parsers, &client->framer);
}

/* `bytes` lies in room behind PARTIAL_MAX free bytes. */
static void
take(struct client *client, uint8_t *bytes, size_t len)
{
	const uint8_t *whole = NULL;

	if (!client->framer) {
		client->framer =
		    parsers_borrow(worker.parsers, expects_header(client),
			client_is_authenticated(client), size_limit(client));
		if (!client->framer) {
			client_close(client, CLOSE_OVERLOAD);
			return;
		}
		bytes -= client->partial_len;
		len += client->partial_len;
		if (client->partial_len)
			memcpy(bytes, client->partial, client->partial_len);
		free(client->partial);
		client->partial = NULL;
		client->partial_len = 0;
		whole = bytes;
	}
	run(client, framer_feed(client->framer, bytes, len));
	if (!(client->flags & CLIENT_BLOCKED))
		settle(client, whole, len);
}

void
input_continue(struct client *client)
{
	if (client->state == CLIENT_CLOSING)
		return;
	if (client->framer && framer_is_suspended(client->framer)) {
		run(client, framer_resume(client->framer));
		if (!(client->flags & CLIENT_BLOCKED))
			settle(client, NULL, 0);
	}
	/* What TLS has opened already makes no descriptor readable. */
	if (!(client->flags & CLIENT_BLOCKED) &&
	    transport_has_pending(&client->transport))
		ev_feed_event(worker.loop, &client->io, EV_READ);
}

static void
note_bytes(struct client *client, size_t len)
{
	struct session_body *body;

	stats_add(STAT_BYTES_UP, len);
	client->active_s = now_s();
	deadline_stanza_grows(client, len);
	client->flags &= (uint16_t)~CLIENT_PINGED;
	if (client->slot == NO_SLOT || (client->flags & CLIENT_SESSION_OVER))
		return;
	body = directory_body(worker.directory, client->slot);
	body->active_s = client->active_s;
	body->bytes_up += len;
}

/* False when there is no more to read now. */
static bool
read_once(struct client *client)
{
	size_t len;

	switch (transport_read(&client->transport, room + PARTIAL_MAX,
	    CLIENT_READ_BYTES, &len)) {
	case IO_OK:
		break;
	case IO_AGAIN:
		return false;
	case IO_EOF:
		client->flags |= CLIENT_PEER_DONE;
		client_drop(client, CLOSE_PEER_LOST);
		return false;
	case IO_FAILED:
	default:
		client->flags |= CLIENT_PEER_DONE;
		client_drop(client, CLOSE_IO_FAILED);
		return false;
	}
	note_bytes(client, len);
	if (client->state == CLIENT_CLOSING)
		return true; /* read to the end, to see it */
	take(client, room + PARTIAL_MAX, len);
	return client->state != CLIENT_CLOSING &&
	       client->state != CLIENT_STARTING_TLS &&
	       !(client->flags & CLIENT_BLOCKED) &&
	       (len == CLIENT_READ_BYTES ||
		   transport_has_pending(&client->transport));
}

/* While all links are lost nothing is taken from those with a session. */
static bool
must_wait(const struct client *client)
{
	return worker.server.phase == SERVER_HOLDING &&
	       client->slot != NO_SLOT && client->state != CLIENT_CLOSING;
}

void
input_readable(struct client *client)
{
	int reads;

	if (must_wait(client))
		uplink_block(client);
	if ((client->flags & CLIENT_BLOCKED) && client->state != CLIENT_CLOSING)
		return;
	for (reads = 0; reads < READS_MAX; reads++)
		if (!read_once(client))
			return;
	/* What TLS has opened already makes no descriptor readable. */
	if (transport_has_pending(&client->transport))
		ev_feed_event(worker.loop, &client->io, EV_READ);
}
