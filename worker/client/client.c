/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/client.h"

#include "common/net/endpoint.h"
#include "common/net/transport.h"
#include "common/process/config.h"
#include "common/shm/directory.h"
#include "common/shm/stats.h"
#include "common/shm/streamid.h"
#include "common/xmpp/close.h"
#include "worker/client/client_state.h"
#include "worker/client/newcomers.h"
#include "worker/client/state.h"
#include "worker/dropped.h"

#include <ev.h>
#include <math.h>
#include <sys/socket.h>

/* --- the socket --- */

void
client_set_events(struct client *client, int events)
{
	struct client_worker *worker = worker_of(client);
	ev_io *io = &client->io;

	if ((io->events & (EV_READ | EV_WRITE)) == events &&
	    ev_is_active(io) == (events != 0))
		return;
	ev_io_stop(worker->loop, io);
	ev_io_set(io, client->transport.fd, events);
	if (events && client->transport.fd >= 0)
		ev_io_start(worker->loop, io);
}

static int
wanted(struct client *client)
{
	return ev_is_active(&client->io)
		   ? client->io.events & (EV_READ | EV_WRITE)
		   : 0;
}

void
client_set_read(struct client *client, bool on)
{
	client_set_events(client,
	    on ? wanted(client) | EV_READ : wanted(client) & ~EV_READ);
}

void
client_set_write(struct client *client, bool on)
{
	client_set_events(client,
	    on ? wanted(client) | EV_WRITE : wanted(client) & ~EV_WRITE);
}

void
client_peer(const struct client *client, struct endpoint *peer_out)
{
	struct client_worker *worker = worker_of(client);
	const struct session_info *info;

	if (client->slot == NO_SLOT) {
		newcomers_peer(&worker->newcomers, client->newcomer, peer_out);
		return;
	}
	info = directory_info(worker->directory, client->slot);
	endpoint_from_bytes(info->peer_address, info->peer_port, peer_out);
}

const char *
client_peer_text(const struct client *client, char text_out[ENDPOINT_TEXT_MAX])
{
	struct endpoint peer = { .len = sizeof(peer.addr) };

	/* The slot may be another's by now. */
	if (!(client->flags & CLIENT_SESSION_OVER))
		client_peer(client, &peer);
	else if ((client->flags & CLIENT_PROXIED) ||
		 getpeername(client->transport.fd,
		     (struct sockaddr *)&peer.addr, &peer.len) != 0)
		return "-";
	return endpoint_print(&peer, text_out);
}

#define DIRECT_TLS_DUE (CLIENT_DIRECT_TLS | CLIENT_KIND_DUE)

bool
client_is_mute(const struct client *client)
{
	return client->state == CLIENT_STARTING_TLS ||
	       (client->flags & CLIENT_PROXY_DUE) ||
	       (client->flags & DIRECT_TLS_DUE) == DIRECT_TLS_DUE ||
	       transport_is_handshaking(&client->transport) ||
	       (client->slot == NO_SLOT &&
		   newcomers_handshake(&worker_of(client)->newcomers,
		       client->newcomer));
}

/* --- the end --- */

void
client_end(struct client *client, enum close_reason reason,
    const uint8_t *words, size_t len)
{
	worker_of(client)->calls->end(client, reason, words, len);
}

void
client_close(struct client *client, enum close_reason reason)
{
	client_end(client, reason, NULL, 0);
}

void
client_drop(struct client *client, enum close_reason reason)
{
	worker_of(client)->calls->drop(client, reason);
}

void
client_shed(struct client *client, enum close_reason reason)
{
	worker_of(client)->calls->shed(client, reason);
}

uint32_t
client_end_due_s(const struct client *client)
{
	struct client_worker *worker = worker_of(client);
	double limit = worker->config->client.end_timeout_s;

	/* The other half is for what upstream has to take. */
	if (worker->stopping)
		limit = MIN(limit, worker->config->server.stop_timeout_s / 2);
	return client->since_s + (uint32_t)ceil(limit);
}

bool
client_is_lost(const struct client *client)
{
	return (client->flags & CLIENT_PEER_DONE) ||
	       now_s() >= client_end_due_s(client) ||
	       client->reason == CLOSE_OUTPUT_CAP;
}

/* --- what goes no further --- */

static const char *
streamid_of(const struct client *client, char streamid_out[STREAMID_MAX + 1])
{
	if (client->slot == NO_SLOT || (client->flags & CLIENT_SESSION_OVER))
		return "-";
	directory_streamid(worker_of(client)->directory, client->slot,
	    streamid_out);
	return streamid_out;
}

void
client_note_dropped(const struct client *client, enum statistic reason,
    uint8_t kind)
{
	char streamid[STREAMID_MAX + 1], address[ENDPOINT_TEXT_MAX];

	dropped_note(reason, kind, streamid_of(client, streamid),
	    client_peer_text(client, address));
}

void
client_note_late(const struct client *client, uint8_t kind)
{
	char streamid[STREAMID_MAX + 1], address[ENDPOINT_TEXT_MAX];

	dropped_note_late(kind, streamid_of(client, streamid),
	    client_peer_text(client, address));
}
