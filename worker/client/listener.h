/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener - the sockets on which this worker accepts clients. Each has the
 * number that the master gave it, and its descriptor is the worker's from then
 * on.
 */
#ifndef WORKER_CLIENT_LISTENER_H
#define WORKER_CLIENT_LISTENER_H

#include "common/base/base.h"

struct client_worker;

#define LISTENERS_MAX 1024

void listener_add(struct client_worker *worker, int fd, bool direct_tls,
    uint32_t id);
void listener_drop(struct client_worker *worker, uint32_t id);
/* Takes what waits there first. */
void listener_close(struct client_worker *worker, uint32_t id);
/* True while it accepts somewhere. */
bool listeners_any(struct client_worker *worker);
void listeners_stop(struct client_worker *worker);
/* A descriptor is free again. */
void listeners_resume(struct client_worker *worker);

#endif
