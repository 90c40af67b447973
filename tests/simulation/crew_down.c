/* SPDX-License-Identifier: Apache-2.0 */
/* crew_down - what comes down to a worker. */
#include "tests/simulation/crew_private.h"

#include "common/shm/directory.h"
#include "tests/simulation/books.h"
#include "tests/simulation/trace.h"

#include <string.h>

static void
got(void *context, uint8_t kind, const uint8_t *bytes, size_t len)
{
	(void)kind;
	books_delivered(context, (const char *)bytes, len);
}

/* Its TCP has acknowledged all. */
void
crew_read_queue(struct worker *worker, struct client *client)
{
	struct session_info *info =
	    directory_info(worker->directory, client->slot);
	struct clientq *queue = &worker->queues[client->slot % SLOTS];

	if (client->is_closed)
		return;
	if (clientq_each(world.region, worker->partition, info, got, client) !=
	    0)
		books_breach("a client's queue is damaged");
	clientq_clear(worker->pool, info, queue);
}

static void
queue(struct worker *worker, struct client *client, uint8_t kind,
    const uint8_t *bytes, size_t len)
{
	struct session_info *info =
	    directory_info(worker->directory, client->slot);

	if (client->is_closed) {
		books_late(client, (const char *)bytes, len);
		return;
	}
	/* What waits goes back at its end, and has to fit into the ring. */
	if (worker->queues[client->slot % SLOTS].queued_bytes > 800)
		crew_read_queue(worker, client);
	if (clientq_append(worker->pool, info,
		&worker->queues[client->slot % SLOTS], kind, bytes, len) != 0)
		books_breach("no room in a client's queue");
}

static bool
is_stanza(uint8_t kind)
{
	return kind == FRAME_MESSAGE || kind == FRAME_PRESENCE ||
	       kind == FRAME_IQ_REQUEST || kind == FRAME_IQ_ANSWER;
}

static struct client *
client_of(const struct worker *worker, const struct frame *frame)
{
	struct client *client = worker->clients[frame->slot % SLOTS];
	uint32_t nonce32;
	uint8_t lane;

	if (frame->slot / SLOTS != worker->partition || !client ||
	    client->generation != frame->generation)
		return NULL;
	if (directory_check(worker->directory, frame->slot, frame->generation,
		&nonce32, &lane) == 0 &&
	    !frame_verify(frame, nonce32))
		books_breach("a frame with another check word");
	return client;
}

/* Whose session is over already: an old one's. */
static void
take_stale(const uint8_t *bytes, size_t len, uint8_t kind,
    const struct frame *frame)
{
	if (!is_stanza(kind) && kind != FRAME_BOUNCE)
		return;
	for (unsigned i = books_count(); i-- > 0;) {
		struct client *client = books_client(i);

		if (client->slot != frame->slot ||
		    client->generation != frame->generation)
			continue;
		if (kind == FRAME_BOUNCE)
			books_bounced(client, (const char *)bytes, len);
		else
			books_late(client, (const char *)bytes, len);
		return;
	}
	books_breach("a frame for nobody");
}

static void
take_item(struct worker *worker, const struct frame *frame)
{
	struct client *client = client_of(worker, frame);
	const uint8_t *bytes = worker->chain;
	size_t len = worker->chain_len;

	TRACE(frame->kind, "worker %u takes a %s for slot %u",
	    worker->partition, frame_kind_name((enum frame_kind)frame->kind),
	    frame->slot);
	if (!client)
		take_stale(bytes, len, frame->kind, frame);
	else if (is_stanza(frame->kind))
		queue(worker, client, frame->kind, bytes, len);
	else if (frame->kind == FRAME_BOUNCE)
		books_bounced(client, (const char *)bytes, len);
	else if (frame->kind == FRAME_FAILURE)
		books_auth_failed(client);
	else if (frame->kind == FRAME_LEFT)
		crew_take_left(client);
	else if (frame->kind == FRAME_NOT_FOUND ||
		 frame->kind == FRAME_SERVER_CLOSE ||
		 frame->kind == FRAME_STREAM_ERROR ||
		 frame->kind == FRAME_REFUSED)
		crew_end(worker, client);
}

/* One frame; an item goes into its queue before the ring moves. */
bool
crew_take_frame(struct worker *worker)
{
	uint64_t cursor = ring_tail(&worker->down);
	struct frame frame;
	int found = ring_next(&worker->down, &cursor, &frame);

	if (found < 0)
		books_breach("a down ring is damaged");
	if (found <= 0)
		return false;
	CHECK(worker->chain_len + frame.len <= sizeof(worker->chain));
	memcpy(worker->chain + worker->chain_len, frame.bytes, frame.len);
	worker->chain_len += frame.len;
	if (!(frame.flags & FRAME_MORE)) {
		take_item(worker, &frame);
		worker->chain_len = 0;
		ring_release(&worker->down, cursor);
		return true;
	}
	/* The tail moves behind whole items. */
	ring_set_sent(&worker->down, cursor);
	while ((found = ring_next(&worker->down, &cursor, &frame)) == 1) {
		CHECK(worker->chain_len + frame.len <= sizeof(worker->chain));
		memcpy(worker->chain + worker->chain_len, frame.bytes,
		    frame.len);
		worker->chain_len += frame.len;
		if (!(frame.flags & FRAME_MORE))
			break;
	}
	if (found != 1)
		books_breach("a chain without an end");
	take_item(worker, &frame);
	worker->chain_len = 0;
	ring_release(&worker->down, cursor);
	return true;
}
