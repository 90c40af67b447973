/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/unread_read.h"

#include "common/base/buf.h"
#include "common/shm/frame_kind.h"
#include "common/shm/stats.h"
#include "common/xmpp/close.h"
#include "common/xmpp/multiplex.h"
#include "worker/client/backlog.h"
#include "worker/client/client.h"
#include "worker/client/input_kept.h"
#include "worker/client/input_read.h"
#include "worker/client/negotiate.h"
#include "worker/client/output.h"
#include "worker/client/server.h"
#include "worker/client/stall.h"
#include "worker/client/state.h"
#include "worker/client/unread.h"

#include <string.h>

/* Of one client, and of all clients of the worker in a second: many may end at
 * once, and the worker must not stand still for it. */
#define CLIENT_BYTES 65536u
#define SECOND_BYTES (32u << 20)

/* The server has no such session by then. */
static const bool is_over_there[CLOSE_REASON_COUNT] = {
	[CLOSE_SERVER_CLOSED] = true,
	[CLOSE_SERVER_ERROR] = true,
	[CLOSE_NOT_FOUND] = true,
	[CLOSE_REFUSED] = true,
};

/* An error for it, behind those in `errors`, when it is of a kind that gets
 * one. */
static bool
render_refusal(struct buf *errors, const struct stall_item *head,
    const uint8_t *stanza)
{
	return (head->id.kind == FRAME_MESSAGE ||
		   head->id.kind == FRAME_IQ_REQUEST) &&
	       multiplex_render_bounce(errors, stanza, head->len,
		   &unread_fault) == 0;
}

/* Nobody will take it: messages and requests are answered with an error, here
 * and now; the rest stays. */
static void
refuse_backlog(struct client *client)
{
	struct client_worker *worker = worker_of(client);
	struct buf waiting, errors, *backlog;
	struct stall_item head;

	if (backlog_is_empty(client))
		return;
	backlog = &client->stall->backlog;
	waiting = *backlog;
	buf_init(backlog, 0);
	buf_init(&errors, 0);
	worker->owed_bytes -= buf_len(&waiting);
	while (buf_len(&waiting) > 0) {
		memcpy(&head, buf_bytes(&waiting), sizeof(head));
		if (render_refusal(&errors, &head,
			buf_bytes(&waiting) + sizeof(head)))
			client_note_dropped(client, STAT_UNREAD_ANSWERED,
			    head.id.kind);
		else
			buf_append(backlog, buf_bytes(&waiting),
			    sizeof(head) + head.len);
		buf_consume(&waiting, sizeof(head) + head.len);
	}
	worker->owed_bytes += buf_len(backlog);
	output_control(client, &errors);
	buf_destroy(&waiting);
	buf_destroy(&errors);
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

	if (unread->client || !unread_matters(reason) || !has_stream(client))
		return;
	unread->client = client;
	if (server_is_away(worker) || is_over_there[reason])
		refuse_backlog(client);
	limit = may_read(worker);
	unread->second_bytes += (uint32_t)input_read_rest(client, limit);
	stats_add(STAT_UNREAD_BYTES, input_kept_bytes(client));
	unread->client = NULL;
}
