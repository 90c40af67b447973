/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/deadline_look.h"

#include "common/base/list.h"
#include "common/xmpp/close.h"
#include "worker/client/backlog.h"
#include "worker/client/client.h"
#include "worker/client/client_state.h"
#include "worker/client/deadlines.h"
#include "worker/client/ending.h"
#include "worker/client/keepalive.h"
#include "worker/client/pending.h"
#include "worker/client/proxied.h"
#include "worker/client/state.h"

/* The worker itself stood still if a tick comes so late. */
#define PAUSE_S 3u

static void
look(struct client *client, uint32_t now)
{
	if (client->state == CLIENT_CLOSING) {
		deadline_update(client); /* to the end, which may be now */
		if (deadline_of_state(client) <= now)
			ending_step(client);
		return;
	}
	deadline_excuse(client, backlog_blocked_s(client));
	if (pending_due(client) <= now)
		pending_look(client, now);
	if (keepalive_due(client) <= now)
		keepalive_send(client);
	if (deadline_of_stanza(client) <= now &&
	    !deadline_stanza_goes_on(client, now))
		client_close(client, CLOSE_STANZA_TIMEOUT);
	else if (deadline_of_state(client) <= now && proxied_is_due(client))
		proxied_give_up(client);
	else if (deadline_of_state(client) <= now)
		client_close(client, CLOSE_AUTH_TIMEOUT);
	else if (deadline_of_silence(client) > now)
		deadline_update(client);
	else if (client->state == CLIENT_BOUND &&
		 !(client->flags & CLIENT_PINGED)) {
		client->flags |= CLIENT_PINGED;
		keepalive_ping(client);
		deadline_update(client);
	} else
		client_close(client, CLOSE_IDLE);
}

static void
run_bucket(struct list *bucket, uint32_t now)
{
	struct list batch;
	struct client *client;

	/* Looking at one may move others in the wheel. */
	list_take(bucket, &batch);
	while (!list_is_empty(&batch)) {
		client = container_of(batch.next, struct client, deadline);
		list_remove(&client->deadline);
		look(client, now);
	}
}

/* Whatever clients sent meanwhile waits in their sockets, so nobody was silent;
 * who has a limit is looked at again from here on. */
static void
excuse_all(struct client_worker *worker, uint32_t pause_s)
{
	list_each(item, &worker->clients)
	{
		struct client *client = container_of(item, struct client, all);

		/* Of one that is blocked the pause is a part of that. */
		deadline_excuse(client, client->flags & CLIENT_BLOCKED
					    ? backlog_blocked_s(client)
					    : pause_s);
		deadline_update(client);
	}
}

void
deadlines_tick(struct client_worker *worker)
{
	uint32_t now = now_s(), pause_s = now - worker->wheel_s;

	if (pause_s > PAUSE_S) {
		worker->wheel_s = now;
		excuse_all(worker, pause_s);
		return;
	}
	while (worker->wheel_s < now) {
		worker->wheel_s++;
		run_bucket(&worker->wheel[worker->wheel_s % WHEEL_SECONDS],
		    now);
	}
}

void
deadlines_begin_keepalive_anew(struct client_worker *worker)
{
	uint32_t now = now_s();

	list_each(item, &worker->clients)
	{
		struct client *client = container_of(item, struct client, all);

		if (client->state == CLIENT_BOUND)
			keepalive_spread(client, now);
		deadline_update(client);
	}
}
