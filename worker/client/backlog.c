/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What finds no room in an up ring: while a lane's ring is full its clients are
 * not read from, and what they owe waits in their backlog: a worker never waits
 * for an up ring (MEMORY.md §4). What comes for a client that is closing, and
 * may have to go back, waits here too, and what comes for one between two of
 * its streams.
 *
 * Few clients have any of it at a time, so it lies beside the client. Items lie
 * one behind the other: frame_id, length, bytes.
 */
#include "worker/client/backlog.h"

#include "common/base/buf.h"
#include "common/base/list.h"
#include "common/process/config.h"
#include "common/shm/frame_kind.h"
#include "common/shm/region.h"
#include "common/shm/ring.h"
#include "common/shm/stats.h"
#include "common/xmpp/multiplex.h"
#include "worker/client/client.h"
#include "worker/client/client_state.h"
#include "worker/client/deadlines.h"
#include "worker/client/input.h"
#include "worker/client/mass_disconnect.h"
#include "worker/client/output.h"
#include "worker/client/state.h"
#include "worker/client/unread.h"
#include "worker/client/uplink.h"
#include "worker/client/weights.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CLOSING_SHARE 8 /* of a ring: so many parts, one is for these */

struct stall {
	struct client *client;
	struct list blocked;      /* in worker.blocked, or alone */
	uint32_t blocked_since_s; /* while CLIENT_BLOCKED */
	struct buf backlog;       /* frames that wait for room in the ring */
	struct buf late;          /* closing: to be returned behind the queue;
				   * between two streams: for the next */
};

struct item_head {
	struct frame_id id;
	uint32_t len;
};

static unsigned
lane_of(uint32_t slot)
{
	return slot % LANE_COUNT;
}

static struct stall *
stall_of(struct client *client)
{
	struct stall *stall = client->stall;

	if (stall)
		return stall;
	stall = xcalloc(1, sizeof(*stall));
	stall->client = client;
	list_init(&stall->blocked);
	buf_init(&stall->backlog, 0);
	buf_init(&stall->late, 0);
	client->stall = stall;
	return stall;
}

/* A client that is blocked keeps it: it lies in a list that may be walked. */
static void
forget_if_empty(struct client *client)
{
	struct stall *stall = client->stall;

	if (!stall || (client->flags & CLIENT_BLOCKED) ||
	    buf_len(&stall->backlog) > 0 || buf_len(&stall->late) > 0)
		return;
	buf_destroy(&stall->backlog);
	buf_destroy(&stall->late);
	free(stall);
	client->stall = NULL;
}

size_t
backlog_late_bytes(const struct client *client)
{
	return client->stall ? buf_len(&client->stall->late) : 0;
}

bool
backlog_is_empty(const struct client *client)
{
	return !client->stall || buf_len(&client->stall->backlog) == 0;
}

/* Only a worker that stops forgets what it owes. */
static void
note_owed(const struct client *client, struct buf *backlog)
{
	struct item_head head;

	while (buf_len(backlog) > 0) {
		memcpy(&head, buf_bytes(backlog), sizeof(head));
		client_note_dropped(client, STAT_OWED_AT_END, head.id.kind);
		buf_consume(backlog, sizeof(head) + head.len);
	}
}

void
backlog_forget(struct client *client)
{
	struct client_worker *worker = worker_of(client);
	struct stall *stall = client->stall;

	if (!stall)
		return;
	worker->owed_bytes -= buf_len(&stall->backlog);
	note_owed(client, &stall->backlog);
	worker->late_bytes -= buf_len(&stall->late);
	buf_destroy(&stall->backlog);
	buf_destroy(&stall->late);
	list_remove(&stall->blocked);
	free(stall);
	client->stall = NULL;
}

/* --- blocking --- */

void
backlog_block(struct client *client)
{
	struct stall *stall = stall_of(client);

	if (!(client->flags & CLIENT_BLOCKED))
		stall->blocked_since_s = now_s();
	client->flags |= CLIENT_BLOCKED;
	client_set_read(client, false);
	if (list_is_empty(&stall->blocked))
		list_append(&worker_of(client)->blocked, &stall->blocked);
}

uint32_t
backlog_blocked_s(struct client *client)
{
	struct stall *stall = client->stall;
	uint32_t now = now_s(), blocked_s;

	if (!(client->flags & CLIENT_BLOCKED) || !stall)
		return 0;
	blocked_s = now - stall->blocked_since_s;
	stall->blocked_since_s = now;
	return blocked_s;
}

static void
unblock(struct client *client)
{
	uint32_t blocked_s = backlog_blocked_s(client);

	list_remove(&client->stall->blocked);
	client->flags &= (uint16_t)~CLIENT_BLOCKED;
	forget_if_empty(client);
	if (client->state != CLIENT_CLOSING)
		deadline_excuse(client, blocked_s);
	if (!(client->flags & CLIENT_PEER_DONE))
		client_set_read(client, true);
	input_continue(client);
	client_closing_step(client);
}

/* --- frames that wait for room --- */

/* What those owe that are closing, which may be megabytes for each, takes a
 * part of a ring only: who talks in that lane neither stops nor waits behind
 * it. */
static int
push_to_ring(const struct client *client, const struct frame_id *id,
    const void *bytes, uint32_t len)
{
	struct client_worker *worker = worker_of(client);
	struct ring *ring = &worker->up[lane_of(id->slot)];
	int error;

	if (client->state == CLIENT_CLOSING &&
	    ring_room(ring) < ring->capacity - ring->capacity / CLOSING_SHARE)
		return -EBUSY;
	error = ring_push(ring, id, bytes, len);
	worker->published |= error == 0;
	return error;
}

void
backlog_push(struct client *client, const struct frame_id *id,
    const void *bytes, uint32_t len)
{
	struct item_head head = { *id, len };
	struct buf *backlog;

	if (backlog_is_empty(client) &&
	    push_to_ring(client, id, bytes, len) == 0)
		return;
	backlog = &stall_of(client)->backlog;
	buf_append(backlog, &head, sizeof(head));
	buf_append(backlog, bytes, len);
	worker_of(client)->owed_bytes += sizeof(head) + len;
	backlog_block(client);
}

/* The lane of what waits first: perhaps of a session that it has left. */
static uint32_t
first_lane(const struct client *client)
{
	struct item_head head;

	if (backlog_is_empty(client))
		return client->slot == NO_SLOT ? 0
					       : 1u << lane_of(client->slot);
	memcpy(&head, buf_bytes(&client->stall->backlog), sizeof(head));
	return 1u << lane_of(head.id.slot);
}

/* 0 when the backlog is empty afterwards, -ENOSPC when the ring is full, or
 * -EBUSY: others' turn. */
static int
drain(struct client *client)
{
	struct buf *backlog = &client->stall->backlog;
	struct item_head head;
	int error;

	while (buf_len(backlog) > 0) {
		memcpy(&head, buf_bytes(backlog), sizeof(head));
		error = push_to_ring(client, &head.id,
		    buf_bytes(backlog) + sizeof(head), head.len);
		if (error)
			return error;
		buf_consume(backlog, sizeof(head) + head.len);
		worker_of(client)->owed_bytes -= sizeof(head) + head.len;
	}
	buf_destroy(backlog);
	return 0;
}

/* An error for it, behind those in `errors`, when it is of a kind that gets
 * one. */
static bool
render_refusal(struct buf *errors, const struct item_head *head,
    const uint8_t *route)
{
	return (head->id.kind == FRAME_MESSAGE ||
		   head->id.kind == FRAME_IQ_REQUEST) &&
	       multiplex_render_bounce(errors, route, head->len,
		   &unread_fault) == 0;
}

void
backlog_refuse(struct client *client)
{
	struct client_worker *worker = worker_of(client);
	struct buf waiting, errors, *backlog;
	struct item_head head;

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

bool
backlog_drain_all(struct client_worker *worker)
{
	uint32_t full = 0, waiting = 0;
	bool moved = false;
	bool holding = server_is_away(worker);

	/* Then nobody can go on, however many wait. */
	if (holding && worker->owed_bytes == 0) {
		atomic_store_explicit(&worker->control->wants_room, 0,
		    memory_order_seq_cst);
		return false;
	}
	list_each(item, &worker->blocked)
	{
		struct client *client =
		    container_of(item, struct stall, blocked)->client;
		uint32_t lane;
		int error;

		if (full & first_lane(client))
			continue;
		error = drain(client);
		lane = first_lane(client);
		if (error) {
			waiting |= lane;
			full |= error == -ENOSPC ? lane : 0;
		} else if (!holding || client->state == CLIENT_CLOSING) {
			unblock(client);
			moved = true;
		}
	}
	atomic_store_explicit(&worker->control->wants_room, waiting,
	    memory_order_seq_cst);
	return moved;
}

/* --- what came late for a stream --- */

void
backlog_keep_for_stream(struct client *client, uint8_t kind,
    const uint8_t *bytes, size_t len)
{
	struct item_head head = { { .kind = kind }, (uint32_t)len };
	struct buf *late = &stall_of(client)->late;

	buf_append(late, &head, sizeof(head));
	buf_append(late, bytes, len);
	worker_of(client)->late_bytes += sizeof(head) + len;
	weights_update(client);
}

void
backlog_keep_late(struct client *client, uint8_t kind, const uint8_t *bytes,
    size_t len)
{
	if (client->flags & CLIENT_SESSION_OVER ||
	    (kind != FRAME_MESSAGE && kind != FRAME_IQ_REQUEST)) {
		client_note_late(client, kind);
		return;
	}
	if (client_weight(client) + sizeof(struct item_head) + len >
	    worker_of(client)->config->client.output_bytes)
		uplink_return(client, kind, bytes, len);
	else
		backlog_keep_for_stream(client, kind, bytes, len);
}

bool
backlog_take_for_stream(struct client *client, uint8_t *kind_out,
    struct buf *item_io)
{
	struct item_head head;
	struct buf *late;

	if (backlog_late_bytes(client) == 0)
		return false;
	late = &client->stall->late;
	memcpy(&head, buf_bytes(late), sizeof(head));
	*kind_out = head.id.kind;
	buf_reset(item_io);
	buf_append(item_io, buf_bytes(late) + sizeof(head), head.len);
	buf_consume(late, sizeof(head) + head.len);
	worker_of(client)->late_bytes -= sizeof(head) + head.len;
	weights_update(client);
	forget_if_empty(client);
	return true;
}

void
backlog_return_late(struct client *client)
{
	struct item_head head;
	struct buf late;

	if (backlog_late_bytes(client) == 0)
		return;
	/* Returning it may add to the backlog beside it. */
	late = client->stall->late;
	buf_init(&client->stall->late, 0);
	worker_of(client)->late_bytes -= buf_len(&late);
	while (buf_len(&late) > 0) {
		memcpy(&head, buf_bytes(&late), sizeof(head));
		uplink_return(client, head.id.kind,
		    buf_bytes(&late) + sizeof(head), head.len);
		buf_consume(&late, sizeof(head) + head.len);
	}
	buf_destroy(&late);
	weights_update(client);
	forget_if_empty(client);
}
