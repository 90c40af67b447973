/* SPDX-License-Identifier: Apache-2.0 */
/*
 * drain - out of service: no new clients, and those that are here close over a
 * window of seconds, or stay until they go (DELIVERY.md §6).
 */
#ifndef WORKER_CLIENT_DRAIN_H
#define WORKER_CLIENT_DRAIN_H

#include "common/base/base.h"

void drain_begin(uint32_t window_s);
void drain_end(void);
void drain_tick(void);
bool drain_is_over(void);

#endif
