/* SPDX-License-Identifier: Apache-2.0 */
/*
 * finish - what a dead worker has left: the estate of its index
 * (DELIVERY.md §4).
 */
#ifndef WORKER_UPSTREAM_FINISH_H
#define WORKER_UPSTREAM_FINISH_H

#include "worker/upstream/state.h"

/* The index's worker is dead. */
void finish_worker(struct upstream *up, uint32_t index);

/* Goes as far as the rings have room; true when something moved. */
bool finish_step(struct upstream *up);

#endif
