/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client has sent that nobody handles any more: when its stream ends for
 * no fault of its own, what its socket holds by then is read and answered by
 * kind. A message or a request gets an error, so that its sender knows; the
 * rest is counted. Where no server takes it any more the same goes for what was
 * read and waits for room in a ring.
 */
#include "worker/client/unread.h"

#include "common/shm/frame_kind.h"
#include "common/shm/stats.h"
#include "common/xmpp/close.h"
#include "common/xmpp/element.h"
#include "common/xmpp/stream.h"
#include "worker/client/backlog.h"
#include "worker/client/client.h"
#include "worker/client/filter.h"
#include "worker/client/input.h"
#include "worker/client/mass_disconnect.h"
#include "worker/client/negotiate.h"
#include "worker/client/state.h"

#include <string.h>

/* Of one client, and of all clients of the worker in a second: many may end at
 * once, and the worker must not stand still for it. */
#define CLIENT_BYTES 65536u
#define SECOND_BYTES (32u << 20)

/* The client could not have known better. */
static const bool is_ours[CLOSE_REASON_COUNT] = {
	[CLOSE_SHUTDOWN] = true,
	[CLOSE_SERVER_SHUTDOWN] = true,
	[CLOSE_SERVER_CLOSED] = true,
	[CLOSE_SERVER_ERROR] = true,
	[CLOSE_NOT_FOUND] = true,
	[CLOSE_REFUSED] = true,
	[CLOSE_UPSTREAM_LOST] = true,
	[CLOSE_DRAINED] = true,
	[CLOSE_SEE_OTHER_HOST] = true,
	[CLOSE_KILLED_POLICY] = true,
	[CLOSE_KILLED_CONFLICT] = true,
	[CLOSE_KILLED_RESET] = true,
	[CLOSE_KILLED_SHUTDOWN] = true,
	[CLOSE_KILLED_NOT_AUTHORIZED] = true,
	[CLOSE_INTERNAL] = true,
};

/* The server has no such session by then. */
static const bool is_over_there[CLOSE_REASON_COUNT] = {
	[CLOSE_SERVER_CLOSED] = true,
	[CLOSE_SERVER_ERROR] = true,
	[CLOSE_NOT_FOUND] = true,
	[CLOSE_REFUSED] = true,
};

bool
unread_matters(enum close_reason reason)
{
	return is_ours[reason];
}

/* --- what is sent to them --- */

const struct stanza_fault unread_fault = { "wait", "remote-server-timeout",
	"It came when the stream was about to end, and was not passed on; send "
	"it again." };

static bool
is_answered(const struct element *stanza)
{
	const char *type = element_attribute(stanza, "type");

	if (strcmp(stanza->namespace, NS_CLIENT) != 0)
		return false;
	if (strcmp(stanza->name, "message") == 0)
		return !type || strcmp(type, "error") != 0;
	return strcmp(stanza->name, "iq") == 0 && type &&
	       (strcmp(type, "get") == 0 || strcmp(type, "set") == 0);
}

static uint8_t
kind_of(const struct element *element)
{
	if (strcmp(element->name, "message") == 0)
		return FRAME_MESSAGE;
	if (strcmp(element->name, "presence") == 0)
		return FRAME_PRESENCE;
	if (strcmp(element->name, "iq") == 0)
		return is_answered(element) ? FRAME_IQ_REQUEST
					    : FRAME_IQ_ANSWER;
	return FRAME_OTHER;
}

/* --- reading them --- */

bool
unread_is_of(const struct client *client)
{
	return worker_of(client)->unread.client == client;
}

void
unread_take(struct client *client, const struct element *element)
{
	uint8_t kind = kind_of(element);

	if (!is_answered(element)) {
		client_note_dropped(client, STAT_UNREAD_DROPPED, kind);
		return;
	}
	client_note_dropped(client, STAT_UNREAD_ANSWERED, kind);
	filter_answer_error(client, element, &unread_fault);
}

/* What comes behind the end of our stream, or was too much. */
void
unread_note_bytes(const struct client *client, size_t len)
{
	if (is_ours[client->reason])
		stats_add(STAT_UNREAD_BYTES, len);
}

static size_t
may_read(struct client_worker *worker)
{
	struct unread *unread = &worker->unread;
	uint32_t now = now_s();

	if (now != unread->second_s)
		unread->second_bytes = 0;
	unread->second_s = now;
	return unread->second_bytes < SECOND_BYTES
		   ? MIN(CLIENT_BYTES, SECOND_BYTES - unread->second_bytes)
		   : 0;
}

static bool
has_stream(const struct client *client)
{
	return client->slot != NO_SLOT &&
	       !(client->flags & (CLIENT_SESSION_OVER | CLIENT_PEER_DONE)) &&
	       client->transport.fd >= 0 && !negotiate_needs_tls(client);
}

void
unread_answer(struct client *client, enum close_reason reason)
{
	struct client_worker *worker = worker_of(client);
	struct unread *unread = &worker->unread;
	size_t limit;

	if (unread->client || !is_ours[reason] || !has_stream(client))
		return;
	unread->client = client;
	if (server_is_away(worker) || is_over_there[reason])
		backlog_refuse(client);
	limit = may_read(worker);
	unread->second_bytes += (uint32_t)input_read_rest(client, limit);
	stats_add(STAT_UNREAD_BYTES, input_kept_bytes(client));
	unread->client = NULL;
}
