/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/client_session.h"

#include "common/base/log.h"
#include "common/net/endpoint.h"
#include "common/process/heritage.h"
#include "common/shm/directory.h"
#include "common/shm/region.h"
#include "common/shm/streamid.h"
#include "worker/client/client.h"
#include "worker/client/login.h"
#include "worker/client/login_requests.h"
#include "worker/client/newcomers.h"
#include "worker/client/output.h"
#include "worker/client/pending.h"
#include "worker/client/state.h"
#include "worker/client/unauthenticated.h"
#include "worker/client/uplink.h"

static void
fill_info(struct client *client, const struct endpoint *peer)
{
	struct session_info *info =
	    directory_info(worker_of(client)->directory, client->slot);

	info->phase = SESSION_NEGOTIATING;
	info->since_s = client->since_s;
	info->active_s = now_s();
	if (client->flags & CLIENT_DIRECT_TLS)
		info->transport = TRANSPORT_DIRECT_TLS;
	endpoint_to_bytes(peer, info->peer_address);
	info->peer_port = endpoint_port(peer);
}

/* A session of ours, not yet one of the server's: that waits until there is
 * something to send to it (PROTOCOL.md §18.1). */
bool
client_claim_session(struct client *client)
{
	struct client_worker *worker = worker_of(client);
	uint32_t slots = region_geometry(worker->region)->slots_per_partition,
		 slot;
	char address[ENDPOINT_TEXT_MAX];
	struct endpoint peer;

	if (client->slot != NO_SLOT)
		return true;
	if (directory_claim(worker->directory, worker->heritage->partition,
		&slot) != 0) {
		log_limited(LOG_WARNING, 1,
		    "no session is free; raise sessions.max address=%s",
		    client_peer_text(client, address));
		return false;
	}
	client_peer(client, &peer);
	newcomers_remove(&worker->newcomers, client->newcomer);
	client->slot = slot;
	client->generation = directory_generation(worker->directory, slot);
	worker->by_slot[client->slot % slots] = client;
	worker->sessions++;
	fill_info(client, &peer);
	unauthenticated_yield_session(client);
	return true;
}

void
client_end_session(struct client *client)
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
	client_end_session(client);
	login_requests_forget(client);
	client->slot = NO_SLOT;
	client->newcomer = newcomers_add(&worker->newcomers, &peer);
	client->flags &=
	    (uint16_t) ~(CLIENT_CREATED | CLIENT_SESSION_OVER | CLIENT_CUT_OFF);
}
