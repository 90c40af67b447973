/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/client_state.h"

#include "common/base/log.h"
#include "common/net/endpoint.h"
#include "common/shm/stats.h"
#include "worker/client/client.h"
#include "worker/client/deadlines.h"
#include "worker/client/state.h"

#define TO(state) (1u << CLIENT_##state)

static const struct client_state_info {
	const char *name;
	unsigned exits;
} states[CLIENT_STATE_COUNT] = {
	[CLIENT_GREETING] = { "greeting", TO(NEGOTIATING) | TO(CLOSING) },
	[CLIENT_NEGOTIATING] = { "negotiating",
	    TO(STARTING_TLS) | TO(AUTHENTICATING) | TO(BOUND) | TO(LEAVING) |
		TO(CLOSING) },
	[CLIENT_STARTING_TLS] = { "starting-tls", TO(GREETING) | TO(CLOSING) },
	[CLIENT_AUTHENTICATING] = { "authenticating",
	    TO(NEGOTIATING) | TO(RESTARTING) | TO(BOUND) | TO(LEAVING) |
		TO(CLOSING) },
	[CLIENT_RESTARTING] = { "restarting", TO(OPEN) | TO(CLOSING) },
	[CLIENT_OPEN] = { "open", TO(BOUND) | TO(LEAVING) | TO(CLOSING) },
	[CLIENT_BOUND] = { "bound", TO(LEAVING) | TO(CLOSING) },
	[CLIENT_LEAVING] = { "leaving", TO(CLOSING) },
	[CLIENT_CLOSING] = { "closing", 0 },
};

bool
client_enter(struct client *client, enum client_state next)
{
	const struct client_state_info *from = &states[client->state];
	const struct client_state_info *to = &states[next];
	char address[ENDPOINT_TEXT_MAX];

	if (client->state == CLIENT_CLOSING) {
		stats_add(STAT_STATE_MOVES_REFUSED, 1);
		return false;
	}
	CHECK(from->exits & (1u << next));
	log_limited(LOG_DEBUG, 50,
	    "client state slot=%u from=%s to=%s address=%s", client->slot,
	    from->name, to->name, client_peer_text(client, address));
	client->state = (uint8_t)next;
	/* Before it has authenticated its whole time counts. */
	if (client_is_authenticated(client) || next == CLIENT_CLOSING)
		client->since_s = now_s();
	deadline_update(client);
	return true;
}
