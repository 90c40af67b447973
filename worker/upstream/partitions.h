/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partitions - the memory shared with workers: rings of a new worker are taken
 * up, and own cursors are written anew where they were damaged (core/damage.h).
 */
#ifndef WORKER_UPSTREAM_PARTITIONS_H
#define WORKER_UPSTREAM_PARTITIONS_H

#include "worker/upstream/core/state.h"

/* On a tick: writes its own cursors and the server's state once more wherever
 * they are not as it wrote them. */
void partitions_restore(struct upstream *up);

/* Takes up the rings of a partition: it has a new worker, which has written its
 * cursors already, or upstream is a successor and hears of those in use. */
void partitions_take(struct upstream *up, uint32_t number,
    uint32_t incarnation);

#endif
