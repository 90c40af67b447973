/* SPDX-License-Identifier: Apache-2.0 */
/* crew_leave - how a session ends at its worker (worker/client/leave.h). */
#include "tests/simulation/crew_private.h"

#include "common/base/buf.h"
#include "common/shm/directory.h"
#include "common/xmpp/multiplex.h"
#include "tests/simulation/books.h"
#include "tests/simulation/trace.h"

#define LEAVE_S 5.0

struct returning {
	struct worker *worker;
	struct client *client;
};

static void
return_item(void *context, uint8_t kind, const uint8_t *bytes, size_t len)
{
	struct returning *returning = context;
	struct buf out;

	if (kind != FRAME_MESSAGE && kind != FRAME_IQ_REQUEST)
		return;
	buf_init(&out, 0);
	if (kind == FRAME_MESSAGE)
		multiplex_render_standalone(&out, bytes, len);
	else if (multiplex_render_undelivered(&out, bytes, len) != 0)
		books_breach("a request that cannot be answered");
	if (!crew_push(returning->worker, returning->client,
		kind == FRAME_MESSAGE ? FRAME_FAILED : FRAME_IQ_ANSWER,
		buf_bytes(&out), buf_len(&out)))
		books_late(returning->client, (const char *)bytes, len);
	buf_destroy(&out);
}

static void
return_queue(struct worker *worker, struct client *client)
{
	struct returning returning = { worker, client };
	struct session_info *info =
	    directory_info(worker->directory, client->slot);

	if (client->is_created && clientq_each(world.region, worker->partition,
				      info, return_item, &returning) != 0)
		books_breach("a client's queue is damaged");
	clientq_clear(worker->pool, info,
	    &worker->queues[client->slot % SLOTS]);
}

static bool
has_room(const struct worker *worker, const struct client *client)
{
	return ring_room(&worker->up[client->slot % LANE_COUNT]) > 3400;
}

/* Nobody there will say anything. */
static bool
is_in_vain(const struct worker *worker)
{
	return worker->server.phase == SERVER_GONE ||
	       worker->server.phase == SERVER_UNKNOWN;
}

/* True when there is something to wait for. */
static bool
say_leave(struct worker *worker, struct client *client)
{
	const struct session_info *info =
	    directory_info(worker->directory, client->slot);

	if (!client->is_created || info->presence == PRESENCE_NONE ||
	    client->up_count == ITEMS_MAX || is_in_vain(worker))
		return false;
	crew_say(worker, client, FRAME_PRESENCE);
	if (!crew_push(worker, client, FRAME_LEAVE, "", 0))
		return false;
	TRACE(client->number, "client %u says leave", client->number);
	client->leave_until = world.now + LEAVE_S;
	return true;
}

static void
close_session(struct worker *worker, struct client *client)
{
	client->is_closed = crew_push(worker, client,
	    client->is_created ? FRAME_CLOSE : FRAME_RELEASE, "", 0);
	TRACE(client->number, "client %u says close", client->number);
}

void
crew_go_on_leaving(struct worker *worker, struct client *client)
{
	if (client->is_closed || !has_room(worker, client))
		return;
	if (client->leave == LEAVE_NOT) {
		client->leave =
		    say_leave(worker, client) ? LEAVE_SENT : LEAVE_OVER;
		if (client->leave == LEAVE_SENT)
			return;
	}
	if (is_in_vain(worker) || world.now >= client->leave_until)
		client->leave = LEAVE_OVER;
	return_queue(worker, client);
	if (client->leave == LEAVE_OVER)
		close_session(worker, client);
}

void
crew_leave(struct worker *worker, struct client *client)
{
	client->is_leaving = true;
	crew_go_on_leaving(worker, client);
}

void
crew_end(struct worker *worker, struct client *client)
{
	client->leave = LEAVE_OVER;
	crew_leave(worker, client);
}

void
crew_take_left(struct client *client)
{
	books_left(client);
	if (client->leave == LEAVE_SENT)
		client->leave = LEAVE_OVER;
}
