/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/output.h"

#include "common/base/buf.h"
#include "common/base/list.h"
#include "common/base/log.h"
#include "common/net/endpoint.h"
#include "common/net/transport.h"
#include "common/process/config.h"
#include "common/process/trace_record.h"
#include "common/shm/clientq.h"
#include "common/shm/directory.h"
#include "common/shm/frame_kind.h"
#include "common/shm/stats.h"
#include "common/xmpp/close.h"
#include "worker/client/backlog.h"
#include "worker/client/client.h"
#include "worker/client/client_state.h"
#include "worker/client/stall.h"
#include "worker/client/state.h"
#include "worker/client/trace.h"
#include "worker/client/uplink.h"
#include "worker/client/weights.h"

#include <errno.h>

#define VECTORS 64

static struct session_info *
info_of(const struct client *client)
{
	return directory_info(worker_of(client)->directory, client->slot);
}

static bool
can_queue(const struct client *client)
{
	return client->slot != NO_SLOT &&
	       !(client->flags & CLIENT_SESSION_OVER);
}

void
output_soon(struct client *client)
{
	list_remove(&client->out);
	list_append(&worker_of(client)->dirty, &client->out);
}

/* --- limits --- */

static uint64_t
cap_of(const struct client *client)
{
	const struct config_client *config = &worker_of(client)->config->client;

	return client_is_authenticated(client)
		   ? config->output_bytes
		   : MIN(config->output_preauth_bytes, config->output_bytes);
}

/* What was read counts no more; acknowledgements are looked at once a second
 * only, and much may come in less. */
static bool
is_over(struct client *client)
{
	if (client_weight(client) <= cap_of(client))
		return false;
	output_flush(client);
	output_collect(client);
	return client_weight(client) > cap_of(client);
}

/* Until the worker is below `allowed` again the heaviest pays. True when that
 * freed anything. */
static bool
shed_down_to(struct client_worker *worker, uint64_t allowed)
{
	struct client *heaviest;
	uint64_t weight;
	bool shed = false;

	while (weights_sum(worker) > allowed &&
	       (heaviest = weights_heaviest(worker))) {
		weight = client_weight(heaviest);
		output_collect(heaviest);
		if (client_weight(heaviest) == weight)
			client_shed(heaviest, CLOSE_OUTPUT_CAP);
		shed = true;
	}
	return shed;
}

static void
enforce_caps(struct client *client)
{
	struct client_worker *worker = worker_of(client);

	if (client->state != CLIENT_CLOSING && is_over(client))
		client_shed(client, CLOSE_OUTPUT_CAP);
	(void)shed_down_to(worker, worker->config->client.output_worker_bytes);
}

/* --- queueing --- */

/* The partition has room beyond the worker's limit, so that it is never the one
 * who comes next that pays. */
static int
append(struct client *client, uint8_t kind, const void *bytes, size_t len)
{
	struct client_worker *worker = worker_of(client);
	int error;

	do {
		error = clientq_append(worker->pool, info_of(client),
		    &client->queue, kind, bytes, len);
	} while (error == -ENOSPC && can_queue(client) &&
		 weights_sum(worker) > 0 &&
		 shed_down_to(worker, weights_sum(worker) - 1));
	weights_update(client);
	return error;
}

static void
queue(struct client *client, uint8_t kind, const void *bytes, size_t len)
{
	if (append(client, kind, bytes, len) != 0) {
		if (client->state != CLIENT_CLOSING)
			client_drop(client, client->queue.damaged
						? CLOSE_INTERNAL
						: CLOSE_OVERLOAD);
		if (kind != FRAME_CONTROL)
			output_return(client, kind, bytes, len);
		return;
	}
	if (client->flags & CLIENT_TRACED)
		trace_element(client, TRACE_TO_CLIENT, bytes, len);
	output_soon(client);
	if (client->state != CLIENT_CLOSING)
		enforce_caps(client);
}

/* Before there is a session there is no queue: these few bytes fit into the
 * socket, or the client goes without. */
static void
write_at_once(struct client *client, const struct buf *words)
{
	struct iovec vector = {
		.iov_base = words->data + words->start,
		.iov_len = buf_len(words),
	};
	size_t len;

	if (client->transport.fd < 0 ||
	    transport_write(&client->transport, &vector, 1, &len) == IO_FAILED)
		client->flags |= CLIENT_PEER_DONE;
	output_soon(client);
}

void
output_control(struct client *client, const struct buf *words)
{
	if ((client->flags & CLIENT_SHUT) || client_is_mute(client))
		return;
	if (can_queue(client))
		queue(client, FRAME_CONTROL, buf_bytes(words), buf_len(words));
	else if (client->slot == NO_SLOT)
		write_at_once(client, words);
}

void
output_proceed(struct client *client, const struct buf *words)
{
	queue(client, FRAME_CONTROL, buf_bytes(words), buf_len(words));
}

/* Its old stream has ended, and in the new one a header of ours comes first. */
static bool
is_between_streams(const struct client *client)
{
	return client_is_mute(client) || !(client->flags & CLIENT_HEADER_SENT);
}

void
output_item(struct client *client, uint8_t kind, const void *bytes, size_t len)
{
	if (len == 0)
		return;
	if (!can_queue(client)) {
		client_note_late(client, kind);
		return;
	}
	if (!is_between_streams(client)) {
		queue(client, kind, bytes, len);
		return;
	}
	backlog_keep_for_stream(client, kind, bytes, len);
	enforce_caps(client);
}

void
output_resume(struct client *client)
{
	struct buf item;
	uint8_t kind;

	buf_init(&item, 0);
	/* When it is shed meanwhile the rest has gone back already. */
	while (client->state != CLIENT_CLOSING &&
	       backlog_take_for_stream(client, &kind, &item))
		queue(client, kind, buf_bytes(&item), buf_len(&item));
	buf_destroy(&item);
}

/* --- writing --- */

static void
note_written(struct client *client, struct session_info *info, size_t len)
{
	clientq_wrote(worker_of(client)->pool, info, &client->queue, len,
	    transport_produced(&client->transport));
	info->bytes_down += len;
	if (client->state == CLIENT_BOUND)
		client->sent_s = now_s();
	stats_add(STAT_BYTES_DOWN, len);
}

/* IO_OK: everything is with the kernel. */
static enum io_result
write_out(struct client *client)
{
	struct session_info *info = can_queue(client) ? info_of(client) : NULL;
	struct iovec vectors[VECTORS];
	enum io_result result;
	size_t len;
	int count;

	for (;;) {
		count = info ? clientq_unsent(worker_of(client)->pool, info,
				   &client->queue, vectors, VECTORS)
			     : 0;
		result =
		    transport_write(&client->transport, vectors, count, &len);
		if (info && len) /* without a queue nothing is given */
			note_written(client, info, len);
		if (result != IO_OK)
			return result;
		if (count == 0 || len == 0)
			break;
	}
	return transport_wants_write(&client->transport) ? IO_AGAIN : IO_OK;
}

/* What it still has to get cannot be found out any more; a part of it may be on
 * the wire. */
static bool
drop_damaged(struct client *client)
{
	char address[ENDPOINT_TEXT_MAX];

	if (!client->queue.damaged || client->state == CLIENT_CLOSING)
		return false;
	stats_add(STAT_QUEUES_DAMAGED, 1);
	log_limited(LOG_ERROR, 5, "a client's queue is damaged address=%s",
	    client_peer_text(client, address));
	client_drop(client, CLOSE_INTERNAL);
	return true;
}

void
output_flush(struct client *client)
{
	enum io_result result;

	if (client->transport.fd < 0 || (client->flags & CLIENT_SHUT))
		return;
	if (transport_is_handshaking(&client->transport)) {
		client_set_write(client,
		    transport_wants_write(&client->transport));
		return;
	}
	result = write_out(client);
	if (drop_damaged(client))
		return;
	if (result == IO_FAILED || result == IO_EOF) {
		client_drop(client, CLOSE_IO_FAILED);
		return;
	}
	client_set_write(client, result == IO_AGAIN);
	if (result == IO_OK && client->state == CLIENT_STARTING_TLS)
		worker_of(client)->calls->begin_tls(client);
}

/* --- acknowledgements --- */

void
output_collect(struct client *client)
{
	if (!can_queue(client) || client->queue.queued_bytes == 0 ||
	    client->transport.fd < 0)
		return;
	clientq_acked(worker_of(client)->pool, info_of(client), &client->queue,
	    transport_acked(&client->transport));
	weights_update(client);
	if (client->queue.damaged)
		output_soon(client); /* where it is dropped */
}

void
output_forget(struct client *client)
{
	clientq_clear(worker_of(client)->pool, info_of(client), &client->queue);
	weights_update(client);
}

/* --- what it cannot have any more --- */

static void
keep_late(struct client *client, uint8_t kind, const uint8_t *bytes, size_t len)
{
	if (client_weight(client) + sizeof(struct stall_item) + len >
	    worker_of(client)->config->client.output_bytes)
		uplink_return(client, kind, bytes, len);
	else
		backlog_keep_for_stream(client, kind, bytes, len);
}

bool
output_may_be_acked(const struct client *client)
{
	return (client->flags & CLIENT_PEER_DONE) &&
	       client->reason != CLOSE_OUTPUT_CAP && client->transport.fd >= 0;
}

void
output_give_up(struct client *client)
{
	output_collect(client);
	uplink_return_queue(client);
	output_forget(client);
}

/* Of a client that is lost, and may have got what is queued: behind that, where
 * upstream finds it if this process dies. */
static bool
queue_behind(struct client *client, uint8_t kind, const uint8_t *bytes,
    size_t len)
{
	return client->queue.queued_bytes > 0 && output_may_be_acked(client) &&
	       append(client, kind, bytes, len) == 0;
}

void
output_return(struct client *client, uint8_t kind, const uint8_t *bytes,
    size_t len)
{
	if ((client->flags & CLIENT_SESSION_OVER) ||
	    (kind != FRAME_MESSAGE && kind != FRAME_IQ_REQUEST)) {
		client_note_late(client, kind);
		return;
	}
	if (!client_is_lost(client)) {
		keep_late(client, kind, bytes, len);
		return;
	}
	output_collect(client);
	if (queue_behind(client, kind, bytes, len))
		return;
	output_give_up(client);
	uplink_return(client, kind, bytes, len);
}
