/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/ending.h"

#include "common/base/buf.h"
#include "common/base/list.h"
#include "common/base/log.h"
#include "common/base/slab.h"
#include "common/net/endpoint.h"
#include "common/net/fd.h"
#include "common/net/transport.h"
#include "common/process/config.h"
#include "common/process/stream_id.h"
#include "common/shm/directory.h"
#include "common/shm/frame_kind.h"
#include "common/shm/stats.h"
#include "common/shm/streamid.h"
#include "common/xmpp/close.h"
#include "common/xmpp/stream.h"
#include "worker/client/backlog.h"
#include "worker/client/client.h"
#include "worker/client/client_session.h"
#include "worker/client/client_state.h"
#include "worker/client/deadlines.h"
#include "worker/client/handshaking.h"
#include "worker/client/input_kept.h"
#include "worker/client/leave.h"
#include "worker/client/listener.h"
#include "worker/client/login.h"
#include "worker/client/login_requests.h"
#include "worker/client/negotiate.h"
#include "worker/client/newcomers.h"
#include "worker/client/output.h"
#include "worker/client/pending.h"
#include "worker/client/state.h"
#include "worker/client/trace.h"
#include "worker/client/unread.h"
#include "worker/client/unread_read.h"
#include "worker/client/weights.h"

#include <stdio.h>

#define EXPLAIN_MAX 128

static const enum statistic close_counters[CLOSE_REASON_COUNT] = {
#define CLOSE(symbol, error, level, counter, text) \
	[CLOSE_##symbol] = STAT_##counter,
#include "common/xmpp/close.def"
#undef CLOSE
};

/* --- the stream --- */

static void
log_close(const struct client *client, enum close_reason reason)
{
	struct client_worker *worker = worker_of(client);
	const struct close_info *info = close_info(reason);
	char streamid[STREAMID_MAX + 1] = "-",
				     stream_id[STREAMID_MAX + 1] = "-";
	char address[ENDPOINT_TEXT_MAX];
	const char *jid = NULL;
	size_t len = 0;

	if (!log_is_on(info->level))
		return;
	if (client->slot != NO_SLOT) {
		directory_streamid(worker->directory, client->slot, streamid);
		(void)stream_id_print(worker->directory, client->slot,
		    stream_id);
		jid = directory_jid(worker->directory, client->slot, &len);
	}
	log_limited(info->level, 50,
	    "stream closed session=%s stream_id=%s reason=%s address=%s "
	    "jid=\"%s\"",
	    streamid, stream_id, info->name, client_peer_text(client, address),
	    jid ? log_escape(jid, len) : "");
}

/* From here on only the end is left; see ending_step(). */
static void
start_closing(struct client *client, enum close_reason reason)
{
	bool was_authenticated = client_is_authenticated(client);

	login_abandon(client, close_info(reason)->name);
	log_close(client, reason);
	stats_add(close_counters[reason], 1);
	input_forget(client);
	handshaking_forget(client);
	client->reason = (uint8_t)reason;
	(void)client_enter(client, CLIENT_CLOSING);
	leave_begin(client, was_authenticated);
	deadline_update(client);
	output_soon(client);
}

/* The same for all who end for that reason, but where a number or what this
 * client can do explains more. */
static const char *
explain(const struct client *client, enum close_reason reason,
    char text[EXPLAIN_MAX])
{
	if (reason == CLOSE_TLS_REQUIRED)
		return negotiate_tls_advice(client);
	if (reason != CLOSE_TOO_BIG)
		return close_info(reason)->text;
	snprintf(text, EXPLAIN_MAX,
	    "What was sent is larger than the %zu bytes that are allowed%s.",
	    input_size_limit(client),
	    client_is_authenticated(client) ? "" : " before log-in");
	return text;
}

static void
render_stream_end(struct client *client, enum close_reason reason)
{
	struct client_worker *worker = worker_of(client);
	const struct close_info *info = close_info(reason);
	char text[EXPLAIN_MAX];

	buf_reset(&worker->scratch);
	if (!(client->flags & CLIENT_HEADER_SENT))
		negotiate_render_header(client, NULL, &worker->scratch);
	client->flags |= CLIENT_HEADER_SENT;
	if (reason == CLOSE_SEE_OTHER_HOST)
		stream_render_other_host(&worker->scratch,
		    worker->config->drain_host, info->text);
	else if (info->stream_error)
		stream_render_error(&worker->scratch, info->stream_error,
		    explain(client, reason, text));
	stream_render_end(&worker->scratch);
}

/* Of a stream that has been restarted they may be the first bytes. */
static void
send_final(struct client *client, const uint8_t *bytes, size_t len)
{
	if (len == 0)
		return;
	if (!(client->flags & CLIENT_HEADER_SENT)) {
		negotiate_send_header(client, NULL);
		output_resume(client);
	}
	output_item(client, FRAME_CONTROL, bytes, len);
}

void
ending_begin(struct client *client, enum close_reason reason,
    const uint8_t *bytes, size_t len)
{
	if (client->state == CLIENT_CLOSING)
		return;
	if (client_is_mute(client)) {
		client_drop(client, reason);
		return;
	}
	/* Others may hasten what it wishes, and do not change it. */
	if (client->state == CLIENT_LEAVING && unread_matters(reason))
		reason = CLOSE_PEER_CLOSED;
	unread_answer(client, reason);
	if (client->state == CLIENT_CLOSING)
		return;
	send_final(client, bytes, len);
	/* The error depends on the state that it leaves. */
	render_stream_end(client, reason);
	start_closing(client, reason);
	output_control(client, &worker_of(client)->scratch);
	/* Read on, to see the other's end. */
	if (!(client->flags & CLIENT_PEER_DONE))
		client_set_read(client, true);
}

void
ending_drop(struct client *client, enum close_reason reason)
{
	client->flags |= CLIENT_PEER_DONE | CLIENT_SHUT;
	client_set_events(client, 0);
	if (client->state != CLIENT_CLOSING)
		start_closing(client, reason);
	else
		output_soon(client);
}

void
ending_shed(struct client *client, enum close_reason reason)
{
	client_close(client, reason);
	output_flush(client); /* the stream's end, if there is room */
	if (leave_is_over(client))
		client_end_session(client);
	else
		output_give_up(client);
	output_soon(client);
}

/* --- the object --- */

static void
close_socket(struct client *client)
{
	int fd = client->transport.fd;

	if (fd < 0)
		return;
	client_set_events(client, 0);
	transport_destroy(&client->transport);
	fd_close(&fd);
	listeners_resume(worker_of(client));
}

static void
free_client(struct client *client)
{
	struct client_worker *worker = worker_of(client);

	if (client->flags & CLIENT_TRACED)
		trace_end(client, (enum close_reason)client->reason);
	close_socket(client);
	input_forget(client);
	if (!(client->flags & CLIENT_SESSION_OVER))
		pending_forget(client);
	list_remove(&client->all);
	list_remove(&client->deadline);
	list_remove(&client->out);
	backlog_forget(client);
	login_requests_forget(client);
	weights_forget(client);
	handshaking_forget(client);
	if (client->slot == NO_SLOT)
		newcomers_remove(&worker->newcomers, client->newcomer);
	slab_give_back(&worker->memory, client);
	stats_set(STAT_CLIENTS_OPEN, --worker->open);
}

static bool
has_words_left(const struct client *client)
{
	return client->queue.unsent_bytes > 0 ||
	       transport_wants_write(&client->transport);
}

/* Nothing more will reach it. What its kernel has yet to acknowledge may do so
 * until the session has left. */
static void
step_lost(struct client *client)
{
	if (leave_is_over(client)) {
		client_end_session(client);
		if (backlog_is_empty(client))
			free_client(client);
		else
			close_socket(client);
		return;
	}
	if (!output_may_be_acked(client))
		output_give_up(client);
	if (client->queue.queued_bytes == 0)
		close_socket(client);
}

void
ending_step(struct client *client)
{
	if (client->state != CLIENT_CLOSING)
		return;
	output_collect(client);
	if (client_is_lost(client)) {
		step_lost(client);
		return;
	}
	if (has_words_left(client))
		return;
	if (!(client->flags & CLIENT_SHUT)) {
		client->flags |= CLIENT_SHUT;
		transport_shutdown(&client->transport);
	}
	if (client->queue.queued_bytes == 0 && leave_is_over(client))
		client_end_session(client);
}

void
ending_free_all(struct client_worker *worker)
{
	list_each(item, &worker->clients)
	    free_client(container_of(item, struct client, all));
}
