/* SPDX-License-Identifier: Apache-2.0 */
/* What the server's state means for clients: serving, holding, farewell
 * (DELIVERY.md §4, PROTOCOL.md §10.3, §10.4). */
#include "common/base/log.h"
#include "common/process/config.h"
#include "worker/client/client.h"

/* Everyone who was there when the links were lost, spread over a window so
 * that they do not all come back at once. */
static void
start_farewell(void)
{
	double window = worker.config->server.farewell_window_s;

	worker.farewell_next = 0;
	worker.farewell_step =
	    window >= 1 ? (uint32_t)((double)worker.open / window) + 1
			: UINT32_MAX;
	log_at(LOG_NOTICE,
	    "clients are told that the server is gone count=%llu",
	    (unsigned long long)worker.open);
}

bool
server_is_away(void)
{
	return worker.server.phase == SERVER_HOLDING ||
	       worker.server.phase == SERVER_GONE;
}

void
farewell_begin(void)
{
	if (!worker.farewell_due)
		return;
	worker.farewell_due = false;
	start_farewell();
	farewell_tick();
}

void
farewell_tick(void)
{
	uint32_t slots = region_geometry(worker.region)->slots_per_index;
	uint32_t closed = 0;
	struct client *client;

	if (!worker.farewell_step)
		return;
	while (worker.farewell_next < slots && closed < worker.farewell_step) {
		client = worker.by_slot[worker.farewell_next++];
		if (!client || client->state == CLIENT_CLOSING ||
		    client->epoch == (uint8_t)worker.server.farewell_epoch)
			continue;
		client_close(client, CLOSE_UPSTREAM_LOST);
		closed++;
	}
	if (worker.farewell_next >= slots)
		worker.farewell_step = 0;
}

void
server_watch(void)
{
	uint32_t epoch = worker.server.farewell_epoch;

	if (server_state_read(worker.region, &worker.server) &&
	    worker.server.farewell_epoch != epoch)
		worker.farewell_due = true;
}
