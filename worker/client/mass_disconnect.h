/* SPDX-License-Identifier: Apache-2.0 */
/*
 * mass_disconnect - what the server's state means for clients: serving,
 * holding, or gone, when all are closed, spread over some seconds (PROTOCOL.md
 * §10.3, §10.4; DELIVERY.md §4).
 */
#ifndef WORKER_CLIENT_MASS_DISCONNECT_H
#define WORKER_CLIENT_MASS_DISCONNECT_H

#include "common/base/base.h"

struct client_worker;

/* One is due, and nothing more is to be delivered: what came down before it,
 * errors for what was lost for example, is sent before it. */
void mass_disconnect_begin(struct client_worker *worker);
void mass_disconnect_tick(struct client_worker *worker);

#endif
