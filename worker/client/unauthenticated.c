/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Unauthenticated clients use up no session that the next log-in needs: when
 * few are free, each new one costs another unauthenticated client its own, one
 * that has had it for long. Sessions are claimed in turn, so those behind the
 * newest are the oldest; a hand goes round over them, a few at a time. The same
 * goes for descriptors, in the order in which clients came.
 */
#include "worker/client/unauthenticated.h"

#include "common/base/list.h"
#include "common/base/log.h"
#include "common/net/endpoint.h"
#include "common/shm/region.h"
#include "common/xmpp/close.h"
#include "worker/client/client.h"
#include "worker/client/client_state.h"
#include "worker/client/output.h"
#include "worker/client/state.h"

/* Of so many sessions one is kept free: upstream needs a moment to free one. */
#define RESERVE_SHARE 64u
#define RESERVE_MIN   2u
#define LOOKS_MAX     256u /* for one new session or descriptor */
/* So long each may have its descriptor, or in a rush nobody would log in. */
#define PATIENCE_S 5u

static bool
is_scarce(const struct client_worker *worker, uint32_t slots)
{
	return worker->sessions + MAX(slots / RESERVE_SHARE, RESERVE_MIN) >
	       slots;
}

static bool
may_pay(const struct client *client, const struct client *newcomer)
{
	return client && client != newcomer &&
	       client->state < CLIENT_RESTARTING;
}

void
unauthenticated_yield_session(const struct client *newcomer)
{
	struct client_worker *worker = worker_of(newcomer);
	struct unauthenticated *mine = &worker->unauthenticated;
	uint32_t slots = region_geometry(worker->region)->slots_per_partition,
		 i;
	char address[ENDPOINT_TEXT_MAX];
	struct client *client;

	if (!is_scarce(worker, slots)) {
		mine->was_scarce = false;
		return;
	}
	if (!mine->was_scarce)
		mine->hand = newcomer->slot % slots;
	mine->was_scarce = true;
	for (i = 0; i < MIN(LOOKS_MAX, slots); i++) {
		mine->hand = (mine->hand + 1) % slots;
		client = worker->by_slot[mine->hand];
		if (!may_pay(client, newcomer))
			continue;
		log_limited(LOG_WARNING, 1,
		    "few sessions are free; the stream of a client that has "
		    "not logged in ends; the limit is sessions.max address=%s",
		    client_peer_text(client, address));
		client_shed(client, CLOSE_OVERLOAD);
		return;
	}
}

static bool
has_kept_long(const struct client *client)
{
	return may_pay(client, NULL) && now_s() - client->since_s >= PATIENCE_S;
}

void
unauthenticated_yield_descriptor(struct client_worker *worker)
{
	struct list *clients = &worker->clients;
	char address[ENDPOINT_TEXT_MAX];
	struct client *client;
	unsigned i;

	for (i = 0; i < LOOKS_MAX && !list_is_empty(clients); i++) {
		client = container_of(clients->next, struct client, all);
		/* Those who may stay are not looked at again soon. */
		list_remove(&client->all);
		list_append(clients, &client->all);
		if (!has_kept_long(client))
			continue;
		log_limited(LOG_WARNING, 1,
		    "no descriptor is free; the stream of a client that has "
		    "not logged in ends; the limit is that of open files"
		    " address=%s",
		    client_peer_text(client, address));
		client_close(client, CLOSE_OVERLOAD);
		output_flush(client);
		client_drop(client, CLOSE_OVERLOAD);
		return;
	}
}
