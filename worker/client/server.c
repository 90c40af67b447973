/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/server.h"

#include "common/shm/server_state.h"
#include "worker/client/state.h"

void
server_watch(struct client_worker *worker)
{
	uint32_t epoch = worker->server.disconnect_epoch;

	if (server_state_read(worker->region, &worker->server) &&
	    worker->server.disconnect_epoch != epoch)
		worker->mass_disconnect_due = true;
}
