/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stop - the end in order: what is to be sent is sent and confirmed, the links
 * end, then the loop does; by stop.timeout at the latest.
 */
#ifndef WORKER_UPSTREAM_SERVICE_STOP_H
#define WORKER_UPSTREAM_SERVICE_STOP_H

#include "worker/upstream/core/state.h"

/* The master's order; `context` is the upstream. A second one is nothing. */
void stop_begin(void *context);

/* On a tick; nothing before the order. */
void stop_tick(struct upstream *up);

/* Nothing waits for a link, and the server has confirmed all that went. */
bool stop_all_is_sent(const struct upstream *up);

#endif
