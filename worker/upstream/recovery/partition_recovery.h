/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partition_recovery - what becomes of what a dead worker has left in its
 * partition: queues and rings are returned or sent, sessions closed, and all is
 * confirmed before another worker may have it (DELIVERY.md §4).
 */
#ifndef WORKER_UPSTREAM_RECOVERY_PARTITION_RECOVERY_H
#define WORKER_UPSTREAM_RECOVERY_PARTITION_RECOVERY_H

#include "worker/upstream/core/state.h"

/* The partition's worker is dead. */
void partition_recovery_begin(struct upstream *up, uint32_t partition);

/* Goes as far as the rings have room; true when something moved. */
bool partition_recovery_step(struct upstream *up);

#endif
