/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/client_io.h"

#include "common/base/list.h"
#include "common/base/slab.h"
#include "common/net/endpoint.h"
#include "common/net/transport.h"
#include "common/process/config.h"
#include "common/shm/stats.h"
#include "common/xmpp/close.h"
#include "worker/client/client.h"
#include "worker/client/client_state.h"
#include "worker/client/deadlines.h"
#include "worker/client/handshaking.h"
#include "worker/client/input_read.h"
#include "worker/client/newcomers.h"
#include "worker/client/output.h"
#include "worker/client/proxied.h"
#include "worker/client/state.h"

#include <errno.h>
#include <ev.h>
#include <sys/socket.h>

#define TLS_HANDSHAKE 0x16 /* a record of it: the first byte of TLS */

/* It may begin TLS or a stream; where a load balancer speaks TLS with it there
 * is a stream inside. */
static bool
may_be_either(const struct client *client)
{
	const struct client_worker *worker = worker_of(client);

	return worker->config->client.plain_direct && worker->offers_tls &&
	       !(client->flags & CLIENT_OFFLOADED);
}

/* Its own bytes come from here on; TLS takes nothing before the first. */
static void
begin(struct client *client)
{
	if ((client->flags & CLIENT_DIRECT_TLS) || may_be_either(client))
		client->flags |= CLIENT_KIND_DUE;
}

/* The first byte is looked at and left in the socket, for TLS or the stream;
 * false when there is none yet, or the client is dropped: who only connects to
 * a port of TLS is a health check, and no news. Of any other connection that
 * has ended, and of one that we are ending, the stream's side finds out more.
 */
static bool
find_kind(struct client *client)
{
	uint8_t first;
	ssize_t len;

	len = recv(client->transport.fd, &first, 1, MSG_PEEK);
	if (len < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (len <= 0 && (client->flags & CLIENT_DIRECT_TLS)) {
		client_drop(client, CLOSE_PEER_LOST);
		return false;
	}
	client->flags &= (uint16_t)~CLIENT_KIND_DUE;
	if (len == 1 && first == TLS_HANDSHAKE &&
	    client->state == CLIENT_GREETING)
		client->flags |= CLIENT_DIRECT_TLS;
	return true;
}

/* True when there is nothing left for the stream now: what comes before it has
 * the socket. */
static bool
is_before_stream(struct client *client, int events)
{
	if (proxied_is_due(client)) {
		if (proxied_read(client))
			begin(client);
		return true;
	}
	if ((client->flags & CLIENT_KIND_DUE) && (events & EV_READ)) {
		if (!find_kind(client))
			return true;
		if (client->flags & CLIENT_DIRECT_TLS)
			handshaking_begin(client);
		return (client->flags & CLIENT_DIRECT_TLS) != 0;
	}
	if (transport_is_handshaking(&client->transport)) {
		handshaking_go_on(client);
		return true;
	}
	return false;
}

static void
on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct client *client = container_of(io, struct client, io);

	(void)loop;
	if (is_before_stream(client, events))
		return;
	if (events & EV_WRITE)
		output_flush(client);
	if (events & EV_READ)
		input_readable(client);
}

void
client_new(struct client_worker *worker, int fd, const struct endpoint *peer,
    bool direct_tls)
{
	struct client *client = slab_take(&worker->memory);

	transport_init(&client->transport, fd);
	client->slot = NO_SLOT;
	client->newcomer = newcomers_add(&worker->newcomers, peer);
	client->since_s = client->active_s = now_s();
	client->epoch = (uint8_t)worker->server.disconnect_epoch;
	list_init(&client->deadline);
	list_init(&client->out);
	list_append(&worker->clients, &client->all);
	ev_io_init(&client->io, on_io, fd, EV_READ);
	client->io.data = worker;
	ev_io_start(worker->loop, &client->io);
	stats_add(STAT_CLIENTS_ACCEPTED, 1);
	stats_set(STAT_CLIENTS_OPEN, ++worker->open);
	if (direct_tls)
		client->flags |= CLIENT_DIRECT_TLS;
	if (proxied_are_all(worker, direct_tls))
		proxied_begin(client);
	else
		begin(client);
	deadline_update(client);
}
