/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What finds no room in an up ring: while a lane's ring is full its clients are
 * not read from, and what they owe waits in their backlog: a worker never waits
 * for an up ring (MEMORY.md §5). What comes for a client that is closing, and
 * may have to go back, waits here too, and what comes for one between two of
 * its streams.
 *
 * Few clients have any of it at a time, so it lies beside the client. Items lie
 * one behind the other: frame_id, length, bytes.
 */
#include "worker/client/backlog.h"

#include "common/base/buf.h"
#include "common/base/list.h"
#include "common/shm/region.h"
#include "common/shm/ring.h"
#include "common/shm/stats.h"
#include "worker/client/client.h"
#include "worker/client/client_state.h"
#include "worker/client/stall.h"
#include "worker/client/state.h"
#include "worker/client/weights.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define CLOSING_SHARE 8 /* of a ring: so many parts, one is for these */

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

bool
backlog_is_empty(const struct client *client)
{
	return !client->stall || buf_len(&client->stall->backlog) == 0;
}

/* Only a worker that stops forgets what it owes. */
static void
note_owed(const struct client *client, struct buf *backlog)
{
	struct stall_item head;

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

void
backlog_unblock(struct client *client)
{
	list_remove(&client->stall->blocked);
	client->flags &= (uint16_t)~CLIENT_BLOCKED;
	forget_if_empty(client);
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
	struct stall_item head = { *id, len };
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
uint32_t
backlog_lane(const struct client *client)
{
	struct stall_item head;

	if (backlog_is_empty(client))
		return client->slot == NO_SLOT ? 0
					       : 1u << lane_of(client->slot);
	memcpy(&head, buf_bytes(&client->stall->backlog), sizeof(head));
	return 1u << lane_of(head.id.slot);
}

/* 0 when the backlog is empty afterwards, -ENOSPC when the ring is full, or
 * -EBUSY: others' turn. */
int
backlog_drain(struct client *client)
{
	struct buf *backlog = &client->stall->backlog;
	struct stall_item head;
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

/* --- what came late for a stream --- */

void
backlog_keep_for_stream(struct client *client, uint8_t kind,
    const uint8_t *bytes, size_t len)
{
	struct stall_item head = { { .kind = kind }, (uint32_t)len };
	struct buf *late = &stall_of(client)->late;

	buf_append(late, &head, sizeof(head));
	buf_append(late, bytes, len);
	worker_of(client)->late_bytes += sizeof(head) + len;
	weights_update(client);
}

bool
backlog_take_for_stream(struct client *client, uint8_t *kind_out,
    struct buf *item_io)
{
	struct stall_item head;
	struct buf *late;

	if (stall_late_bytes(client) == 0)
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
