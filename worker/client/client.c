/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/client.h"

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
#include "common/shm/region.h"
#include "common/shm/stats.h"
#include "common/shm/streamid.h"
#include "common/xmpp/close.h"
#include "common/xmpp/stream.h"
#include "worker/client/backlog.h"
#include "worker/client/client_state.h"
#include "worker/client/deadlines.h"
#include "worker/client/input.h"
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
#include "worker/client/uplink.h"
#include "worker/client/weights.h"
#include "worker/dropped.h"

#include <ev.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define EXPLAIN_MAX 128

static const enum statistic close_counters[CLOSE_REASON_COUNT] = {
#define CLOSE(symbol, error, level, counter, text) \
	[CLOSE_##symbol] = STAT_##counter,
#include "common/xmpp/close.def"
#undef CLOSE
};

/* --- the socket --- */

static void
on_io(struct ev_loop *loop, ev_io *io, int events)
{
	struct client *client = container_of(io, struct client, io);

	(void)loop;
	if (transport_is_handshaking(&client->transport)) {
		negotiate_handshake(client);
		return;
	}
	if (events & EV_WRITE)
		output_flush(client);
	if (events & EV_READ)
		input_readable(client);
}

static void
set_events(struct client *client, int events)
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
	set_events(client,
	    on ? wanted(client) | EV_READ : wanted(client) & ~EV_READ);
}

void
client_set_write(struct client *client, bool on)
{
	set_events(client,
	    on ? wanted(client) | EV_WRITE : wanted(client) & ~EV_WRITE);
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
	deadline_update(client);
	if (direct_tls) {
		client->flags |= CLIENT_DIRECT_TLS;
		negotiate_tls_begin(client);
	}
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
	else if (getpeername(client->transport.fd,
		     (struct sockaddr *)&peer.addr, &peer.len) != 0)
		return "-";
	return endpoint_print(&peer, text_out);
}

/* --- the end --- */

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

/* From here on only the end is left; see client_closing_step(). */
static void
start_closing(struct client *client, enum close_reason reason)
{
	login_abandon(client, close_info(reason)->name);
	log_close(client, reason);
	stats_add(close_counters[reason], 1);
	input_forget(client);
	client->reason = (uint8_t)reason;
	(void)client_enter(client, CLIENT_CLOSING);
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

bool
client_is_mute(const struct client *client)
{
	return client->state == CLIENT_STARTING_TLS ||
	       transport_is_handshaking(&client->transport);
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
client_end(struct client *client, enum close_reason reason,
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
client_close(struct client *client, enum close_reason reason)
{
	client_end(client, reason, NULL, 0);
}

void
client_drop(struct client *client, enum close_reason reason)
{
	client->flags |= CLIENT_PEER_DONE | CLIENT_SHUT;
	set_events(client, 0);
	if (client->state != CLIENT_CLOSING)
		start_closing(client, reason);
	else
		output_soon(client);
}

static void
end_session(struct client *client)
{
	struct client_worker *worker = worker_of(client);
	uint32_t slots = region_geometry(worker->region)->slots_per_partition;

	if (client->slot == NO_SLOT || (client->flags & CLIENT_SESSION_OVER))
		return;
	pending_forget(client);
	uplink_end_session(client);
	output_forget(client);
	directory_wipe_info(worker->directory, client->slot);
	worker->by_slot[client->slot % slots] = NULL;
	worker->sessions--;
}

void
client_leave_session(struct client *client)
{
	struct client_worker *worker = worker_of(client);
	char streamid[STREAMID_MAX + 1], address[ENDPOINT_TEXT_MAX];
	struct endpoint peer;

	if (client->flags & CLIENT_CREATED) {
		directory_streamid(worker->directory, client->slot, streamid);
		log_limited(LOG_INFO, 50,
		    "session ended by STARTTLS, another follows session=%s "
		    "address=%s",
		    streamid, client_peer_text(client, address));
	}
	client_peer(client, &peer);
	login_abandon(client, "starttls");
	end_session(client);
	login_requests_forget(client);
	client->slot = NO_SLOT;
	client->newcomer = newcomers_add(&worker->newcomers, &peer);
	client->flags &=
	    (uint16_t) ~(CLIENT_CREATED | CLIENT_SESSION_OVER | CLIENT_CUT_OFF);
}

void
client_shed(struct client *client, enum close_reason reason)
{
	client_close(client, reason);
	output_flush(client); /* the stream's end, if there is room */
	end_session(client);
	output_soon(client);
}

static void
close_socket(struct client *client)
{
	int fd = client->transport.fd;

	if (fd < 0)
		return;
	set_events(client, 0);
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

/* Nothing more will reach it. */
static bool
is_lost(const struct client *client)
{
	return (client->flags & CLIENT_PEER_DONE) ||
	       now_s() >= deadline_of_end(client) ||
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

void
client_return(struct client *client, uint8_t kind, const uint8_t *bytes,
    size_t len)
{
	if (client->flags & CLIENT_SESSION_OVER) {
		client_note_late(client, kind);
		return;
	}
	if (!is_lost(client)) {
		backlog_keep_late(client, kind, bytes, len);
		return;
	}
	output_collect(client);
	uplink_return_queue(client);
	output_forget(client);
	uplink_return(client, kind, bytes, len);
}

void
client_closing_step(struct client *client)
{
	if (client->state != CLIENT_CLOSING)
		return;
	output_collect(client);
	if (!is_lost(client)) {
		if (has_words_left(client))
			return;
		if (!(client->flags & CLIENT_SHUT)) {
			client->flags |= CLIENT_SHUT;
			transport_shutdown(&client->transport);
		}
		if (client->queue.queued_bytes == 0)
			end_session(client);
		return;
	}
	end_session(client);
	if (backlog_is_empty(client))
		free_client(client);
	else
		close_socket(client);
}

void
client_free_all(struct client_worker *worker)
{
	list_each(item, &worker->clients)
	    free_client(container_of(item, struct client, all));
}
