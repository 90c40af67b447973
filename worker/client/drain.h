/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drain - out of service: no new clients, and those that are here close over a
 * window of seconds, or stay until they go (DELIVERY.md §6).
 */
#ifndef WORKER_CLIENT_DRAIN_H
#define WORKER_CLIENT_DRAIN_H

#include "common/base/base.h"

struct client_worker;

void drain_begin(struct client_worker *worker, uint32_t window_s);
void drain_end(struct client_worker *worker);
void drain_tick(struct client_worker *worker);
bool drain_is_over(struct client_worker *worker);

#endif
