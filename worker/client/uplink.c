/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames upward: stanzas as they are, and what upstream has to say of sessions
 * (up_frame.h). What finds no room in its lane's ring waits in backlog.c.
 */
#include "worker/client/uplink.h"

#include "common/base/buf.h"
#include "common/base/log.h"
#include "common/net/endpoint.h"
#include "common/net/transport.h"
#include "common/process/config.h"
#include "common/process/heritage.h"
#include "common/shm/clientq.h"
#include "common/shm/directory.h"
#include "common/shm/frame_kind.h"
#include "common/shm/ring.h"
#include "common/shm/stats.h"
#include "common/xmpp/multiplex.h"
#include "worker/client/backlog.h"
#include "worker/client/client.h"
#include "worker/client/state.h"
#include "worker/doorbell.h"
#include "worker/up_frame.h"

#include <stdio.h>
#include <string.h>

static struct frame_id
id_of(const struct client *client, uint8_t kind)
{
	struct frame_id id = { .kind = kind,
		.slot = client->slot,
		.generation = client->generation,
		.domain = client->domain };
	uint8_t lane;

	if (directory_check(worker_of(client)->directory, client->slot,
		client->generation, &id.nonce32, &lane) != 0)
		id.nonce32 = 0;
	return id;
}

/* What the ring never takes is dropped: an item of 4 MiB can come down but
 * cannot go back, and the configuration keeps stanzas below. */
static bool
push(struct client *client, uint8_t kind, const void *bytes, size_t len)
{
	struct frame_id id = id_of(client, kind);

	if (len > FRAME_BYTES_MAX ||
	    len > worker_of(client)->up[0].capacity / 2 - FRAME_HEADER_BYTES) {
		client_note_dropped(client, STAT_RETURNS_TOO_LARGE, kind);
		return false;
	}
	backlog_push(client, &id, bytes, (uint32_t)len);
	return true;
}

/* What the server may want to know of this client's connection. */
static void
fill_facts(const struct client *client, struct up_create *create)
{
	uint16_t version, cipher;
	char text[UP_CREATE_TEXT_MAX];
	size_t len;

	create->encrypted = client_is_secure(client);
	if (!create->encrypted)
		return;
	transport_describe(&client->transport, &version, &cipher, text,
	    sizeof(text));
	len = strcspn(text, " ");
	if (!text[len] || len >= sizeof(create->tls_version))
		return;
	memcpy(create->tls_version, text, len);
	memcpy(create->cipher, text + len + 1, strlen(text + len + 1));
}

static void
push_create(struct client *client)
{
	const struct session_info *info =
	    directory_info(worker_of(client)->directory, client->slot);
	struct up_create create = { .encrypted = 0 };

	memcpy(create.address, info->peer_address, sizeof(create.address));
	fill_facts(client, &create);
	(void)push(client, FRAME_CREATE, &create, sizeof(create));
	client->flags |= CLIENT_CREATED;
}

void
uplink_send(struct client *client, uint8_t kind, const void *bytes, size_t len)
{
	struct session_info *info;

	if (client->slot == NO_SLOT || (client->flags & CLIENT_SESSION_OVER))
		return;
	if (!(client->flags & CLIENT_CREATED))
		push_create(client);
	(void)push(client, kind, bytes, len);
	info = directory_info(worker_of(client)->directory, client->slot);
	info->stanzas_up++;
	stats_add(STAT_STANZAS_UP, 1);
}

void
uplink_probe(struct client *client)
{
	(void)push(client, FRAME_PROBE, "", 0);
}

/* --- the end of a session --- */

/* What nobody takes upward may not grow without end when client after client is
 * closed for letting too much wait: it has the limit of what waits downward. */
static bool
may_owe(const struct client *client, size_t len)
{
	struct client_worker *worker = worker_of(client);
	char address[ENDPOINT_TEXT_MAX];

	if (worker->owed_bytes + len <=
	    worker->config->client.output_worker_bytes)
		return true;
	log_limited(LOG_WARNING, 1,
	    "too much waits for its way back to the server; a stanza is lost; "
	    "the limit is xmpp.client.output.worker address=%s",
	    client_peer_text(client, address));
	return false;
}

void
uplink_return(struct client *client, uint8_t kind, const uint8_t *bytes,
    size_t len)
{
	struct buf out;
	int error = 0;

	if (!(client->flags & CLIENT_CREATED) ||
	    (client->flags & CLIENT_SESSION_OVER) ||
	    (kind != FRAME_MESSAGE && kind != FRAME_IQ_REQUEST)) {
		client_note_late(client, kind);
		return;
	}
	if (!may_owe(client, len)) {
		client_note_dropped(client, STAT_RETURNS_CROWDED, kind);
		return;
	}
	buf_init(&out, 0);
	if (kind == FRAME_MESSAGE)
		multiplex_render_standalone(&out, bytes, len);
	else
		error = multiplex_render_undelivered(&out, bytes, len);
	if (error || out.failed || buf_len(&out) > MULTIPLEX_STANZA_MAX)
		client_note_dropped(client, STAT_RETURNS_TOO_LARGE, kind);
	else if (push(client,
		     kind == FRAME_MESSAGE ? FRAME_FAILED : FRAME_IQ_ANSWER,
		     buf_bytes(&out), buf_len(&out)))
		stats_add(STAT_STANZAS_RETURNED, 1);
	buf_destroy(&out);
}

static void
return_queued(void *context, uint8_t kind, const uint8_t *bytes, size_t len)
{
	uplink_return(context, kind, bytes, len);
}

static void
return_late(struct client *client)
{
	struct buf item;
	uint8_t kind;

	buf_init(&item, 0);
	while (backlog_take_for_stream(client, &kind, &item))
		uplink_return(client, kind, buf_bytes(&item), buf_len(&item));
	buf_destroy(&item);
}

void
uplink_return_queue(struct client *client)
{
	struct client_worker *worker = worker_of(client);
	char address[ENDPOINT_TEXT_MAX];

	if (clientq_each(worker->region, worker->heritage->partition,
		directory_info(worker->directory, client->slot), return_queued,
		client) != 0) {
		stats_add(STAT_QUEUES_DAMAGED, 1);
		log_at(LOG_ERROR, "a client's queue is damaged address=%s",
		    client_peer_text(client, address));
	}
	return_late(client);
}

bool
uplink_leave(struct client *client)
{
	static const char unavailable[] = "<presence type=\"unavailable\"/>";
	struct session_info *info;

	if (!(client->flags & CLIENT_CREATED) ||
	    (client->flags & CLIENT_SESSION_OVER))
		return false;
	info = directory_info(worker_of(client)->directory, client->slot);
	if (info->presence == PRESENCE_NONE)
		return false;
	info->phase = SESSION_CLOSING;
	if (info->presence == PRESENCE_AVAILABLE)
		(void)push(client, FRAME_PRESENCE, unavailable,
		    sizeof(unavailable) - 1);
	(void)push(client, FRAME_LEAVE, "", 0);
	return true;
}

void
uplink_end_session(struct client *client)
{
	if (client->slot == NO_SLOT || (client->flags & CLIENT_SESSION_OVER))
		return;
	directory_info(worker_of(client)->directory, client->slot)->phase =
	    SESSION_CLOSING;
	uplink_return_queue(client);
	(void)push(client,
	    client->flags & CLIENT_CREATED ? FRAME_CLOSE : FRAME_RELEASE, "",
	    0);
	client->flags |= CLIENT_SESSION_OVER;
}

/* --- notifying upstream --- */

void
uplink_ring(struct client_worker *worker)
{
	if (!worker->published)
		return;
	worker->published = false;
	/* Nobody else writes it. */
	atomic_store_explicit(&worker->control->published,
	    atomic_load_explicit(&worker->control->published,
		memory_order_relaxed) +
		1,
	    memory_order_release);
	doorbell_ring(&worker->upstream->asleep,
	    worker->heritage->upstream_doorbell);
}
