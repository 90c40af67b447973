/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/turn.h"

#include "common/base/list.h"
#include "worker/client/backlog.h"
#include "worker/client/client.h"
#include "worker/client/client_state.h"
#include "worker/client/deadlines.h"
#include "worker/client/ending.h"
#include "worker/client/input_read.h"
#include "worker/client/output.h"
#include "worker/client/server.h"
#include "worker/client/stall.h"
#include "worker/client/state.h"

#include <errno.h>

void
turn_flush(struct client_worker *worker)
{
	struct list batch;

	/* Whoever becomes dirty meanwhile has the next turn. */
	list_take(&worker->dirty, &batch);
	list_each(item, &batch)
	{
		struct client *client = container_of(item, struct client, out);

		list_remove(&client->out);
		output_flush(client);
		if (list_is_empty(&client->out) &&
		    client->queue.queued_bytes > 0)
			list_append(&worker->unacked, &client->out);
		ending_step(client);
	}
}

void
turn_collect(struct client_worker *worker)
{
	list_each(item, &worker->unacked)
	{
		struct client *client = container_of(item, struct client, out);

		output_collect(client);
		if (client->queue.queued_bytes == 0)
			list_remove(&client->out);
		ending_step(client);
	}
}

/* --- backlogs --- */

static void
go_on(struct client *client)
{
	uint32_t blocked_s = backlog_blocked_s(client);

	backlog_unblock(client);
	if (client->state != CLIENT_CLOSING)
		deadline_excuse(client, blocked_s);
	if (!(client->flags & CLIENT_PEER_DONE))
		client_set_read(client, true);
	input_continue(client);
	ending_step(client);
}

bool
turn_drain(struct client_worker *worker)
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

		if (full & backlog_lane(client))
			continue;
		error = backlog_drain(client);
		lane = backlog_lane(client);
		if (error) {
			waiting |= lane;
			full |= error == -ENOSPC ? lane : 0;
		} else if (!holding || client->state == CLIENT_CLOSING) {
			go_on(client);
			moved = true;
		}
	}
	atomic_store_explicit(&worker->control->wants_room, waiting,
	    memory_order_seq_cst);
	return moved;
}
