/* SPDX-License-Identifier: Apache-2.0 */
/*
 * server - the server's state as upstream publishes it, and as this worker
 * knows it. Of a change for all clients mass_disconnect.h makes something.
 */
#ifndef WORKER_CLIENT_SERVER_H
#define WORKER_CLIENT_SERVER_H

#include "common/shm/server_state.h"
#include "worker/client/state.h"

/* All links are lost, for the time of the grace or for good. */
static inline bool
server_is_away(const struct client_worker *worker)
{
	return worker->server.phase == SERVER_HOLDING ||
	       worker->server.phase == SERVER_GONE;
}

/* An operator restarts the server: log-ins begin, and wait. */
static inline bool
server_is_paused(const struct client_worker *worker)
{
	return worker->server.phase == SERVER_HOLDING &&
	       worker->server.pause != PAUSE_NONE;
}

/* Looks whether the server's state changed. */
void server_watch(struct client_worker *worker);

#endif
