/* SPDX-License-Identifier: Apache-2.0 */
/*
 * recovery_place - how far the recovery of a dead worker's partition has come,
 * so that a successor of upstream goes on behind it (DELIVERY.md §4). What goes
 * back names the place that it was left at in its lane's entry, and then a word
 * of the partition moves behind that.
 */
#ifndef WORKER_UPSTREAM_RECOVERY_RECOVERY_PLACE_H
#define WORKER_UPSTREAM_RECOVERY_RECOVERY_PLACE_H

#include "worker/upstream/send/lane.h"
#include "worker/upstream/session/session.h"

/* Of a queue's position: slot, and items of it. */
#define RECOVERY_ITEM_BITS 24
#define RECOVERY_ITEM_MAX  ((1u << RECOVERY_ITEM_BITS) - 1)

/* A position in the partition's queues or down ring. */
struct origin recovery_place(const struct upstream *up, uint32_t partition,
    enum lane_cause cause, uint64_t position);
/* An item goes back from there. */
void recovery_return(struct upstream *up, struct origin origin,
    struct session session, const struct session_item *item);
/* The place behind which a predecessor would have gone on (lane_place());
 * 0: at the begin. */
uint64_t recovery_find_place(struct upstream *up, uint32_t partition);

#endif
