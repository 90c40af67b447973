/* SPDX-License-Identifier: Apache-2.0 */
/* When clients are read from, and how much of them. */
#include "worker/client/input_read.h"

#include "common/net/transport.h"
#include "common/shm/directory.h"
#include "common/shm/stats.h"
#include "common/xmpp/close.h"
#include "worker/client/backlog.h"
#include "worker/client/client.h"
#include "worker/client/client_state.h"
#include "worker/client/deadlines.h"
#include "worker/client/input.h"
#include "worker/client/input_kept.h"
#include "worker/client/server.h"
#include "worker/client/state.h"
#include "worker/client/unread.h"

#include <ev.h>

/* Reads of one client before others have their turn. */
#define READS_MAX 4

/* While all links are lost nothing is taken from clients with a session, nor,
 * when they stay lost, before the client has been told so. */
static bool
must_wait(const struct client *client)
{
	return server_is_away(worker_of(client)) && client->slot != NO_SLOT &&
	       client->state != CLIENT_CLOSING;
}

void
input_continue(struct client *client)
{
	if (must_wait(client))
		backlog_block(client);
	if (client->state == CLIENT_CLOSING ||
	    (client->flags & CLIENT_BLOCKED) || input_must_hold(client))
		return;
	if (!(client->flags & CLIENT_PEER_DONE))
		client_set_read(client, true);
	input_take_kept(client);
	/* What TLS has opened already makes no descriptor readable. */
	if (!(client->flags & CLIENT_BLOCKED) &&
	    transport_has_pending(&client->transport))
		ev_feed_event(worker_of(client)->loop, &client->io, EV_READ);
}

static void
note_bytes(struct client *client, size_t len)
{
	struct session_info *info;

	stats_add(STAT_BYTES_UP, len);
	client->active_s = now_s();
	deadline_stanza_grows(client, len);
	client->flags &= (uint16_t)~CLIENT_PINGED;
	if (client->slot == NO_SLOT || (client->flags & CLIENT_SESSION_OVER))
		return;
	info = directory_info(worker_of(client)->directory, client->slot);
	info->active_s = client->active_s;
	info->bytes_up += len;
}

/* False when there is no more to read now. */
static bool
read_once(struct client *client)
{
	struct client_worker *worker = worker_of(client);
	size_t cap = input_read_limit(client), len;

	if (cap == 0) {
		client_set_read(client, false);
		return false;
	}
	switch (transport_read(&client->transport, input_room(worker), cap,
	    &len)) {
	case IO_OK:
		break;
	case IO_AGAIN:
		return false;
	case IO_EOF:
		/* It may yet read. */
		if (client->state == CLIENT_LEAVING) {
			client_set_read(client, false);
			return false;
		}
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
	if (client->state == CLIENT_CLOSING ||
	    client->state == CLIENT_LEAVING) {
		unread_note_bytes(client, len);
		return true; /* read to the end, to see it */
	}
	input_take(client, input_room(worker), len);
	return client->state != CLIENT_CLOSING &&
	       client->state != CLIENT_STARTING_TLS &&
	       !(client->flags & CLIENT_BLOCKED) &&
	       (len == cap || transport_has_pending(&client->transport));
}

/* Only where no bytes of another client are being parsed: they may lie in
 * the room. */
size_t
input_read_rest(struct client *client, size_t limit)
{
	struct client_worker *worker = worker_of(client);
	size_t sum = 0, len;

	if (!input_begin_rest(client))
		return 0;
	while (sum < limit && input_rest_goes_on(worker) &&
	       client->state != CLIENT_CLOSING &&
	       transport_read(&client->transport, input_room(worker),
		   CLIENT_READ_BYTES, &len) == IO_OK) {
		sum += len;
		stats_add(STAT_BYTES_UP, len);
		input_take(client, input_room(worker), len);
	}
	return sum;
}

void
input_readable(struct client *client)
{
	int reads;

	if (must_wait(client))
		backlog_block(client);
	if ((client->flags & CLIENT_BLOCKED) && client->state != CLIENT_CLOSING)
		return;
	for (reads = 0; reads < READS_MAX; reads++)
		if (!read_once(client))
			return;
	/* What TLS has opened already makes no descriptor readable. */
	if (transport_has_pending(&client->transport))
		ev_feed_event(worker_of(client)->loop, &client->io, EV_READ);
}
