/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/mass_disconnect.h"

#include "common/base/log.h"
#include "common/process/config.h"
#include "common/shm/region.h"
#include "common/xmpp/close.h"
#include "worker/client/client.h"
#include "worker/client/client_state.h"
#include "worker/client/state.h"

/* Everyone who was there when the links were lost, spread over a window so
 * that they do not all come back at once. */
static void
start_mass_disconnect(struct client_worker *worker)
{
	double window = worker->config->server.disconnect_window_s;

	worker->mass_disconnect_next = 0;
	worker->mass_disconnect_step =
	    window >= 1 ? (uint32_t)((double)worker->open / window) + 1
			: UINT32_MAX;
	log_at(LOG_NOTICE,
	    "the server is gone, clients are disconnected count=%llu",
	    (unsigned long long)worker->open);
}

void
mass_disconnect_begin(struct client_worker *worker)
{
	worker->mass_disconnect_due = false;
	start_mass_disconnect(worker);
	mass_disconnect_tick(worker);
}

void
mass_disconnect_tick(struct client_worker *worker)
{
	uint32_t slots = region_geometry(worker->region)->slots_per_partition;
	uint32_t closed = 0;
	struct client *client;

	if (!worker->mass_disconnect_step)
		return;
	while (worker->mass_disconnect_next < slots &&
	       closed < worker->mass_disconnect_step) {
		client = worker->by_slot[worker->mass_disconnect_next++];
		if (!client || client->state == CLIENT_CLOSING ||
		    client->epoch == (uint8_t)worker->server.disconnect_epoch)
			continue;
		client_close(client, CLOSE_UPSTREAM_LOST);
		closed++;
	}
	if (worker->mass_disconnect_next >= slots)
		worker->mass_disconnect_step = 0;
}
