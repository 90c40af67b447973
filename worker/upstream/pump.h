/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pump - frames from the rings to the links: batches of pieces straight from
 * ring memory, a journal entry each, and what an answered barrier confirms.
 */
#ifndef WORKER_UPSTREAM_PUMP_H
#define WORKER_UPSTREAM_PUMP_H

#include "worker/upstream/state.h"

struct journal_entry;

/* The ring an entry names; entries are ours, so it exists. CTL: of `link`. */
struct lane_ring *pump_ring(struct upstream *up,
    const struct journal_entry *entry);

/* An entry of the link's journal, which names what exists; false when there is
 * none. A damaged journal ends the process. */
bool pump_entry(const struct link *link, uint64_t number,
    struct journal_entry *entry_out);

/* up[partition][lane], or own[lane] (partition -1). */
struct lane_ring *pump_lane_ring(struct upstream *up, unsigned lane,
    int partition);

/* Frames may wait in up[partition][lane], or own[lane] (partition -1). */
void pump_wake_lane(struct upstream *up, unsigned lane, int partition);
/* ... in any ring of the lane. */
void pump_wake_all(struct upstream *up, unsigned lane);

/* Looks at the rings of workers that have published since the last look. True:
 * there is something. */
bool pump_look(struct upstream *up);
/* At all of them: what was there before us, or was published by a worker that
 * did not live to count it. */
void pump_look_at_all(struct upstream *up);

/* Writes what can be written now; true when something was. The link may be
 * lost by it. */
bool pump_link(struct link *link);

/* There is room in up[partition][lane] again. */
void pump_wake_producer(struct upstream *up, uint32_t partition, unsigned lane);

/* A barrier of the link was answered: entries before `covers`. */
void pump_confirm(struct link *link, uint64_t covers);

/* Sends a barrier when what is in flight is enough, or old. */
void pump_send_barrier_if_due(struct link *link);

/* Lanes that have nothing in flight any more move where they should be. */
void pump_settle_lanes(struct upstream *up);

/* Every frame of the partition's (-1: of own) rings was sent and confirmed. */
bool pump_is_drained(const struct upstream *up, int partition);
/* ... was given to a link. */
bool pump_is_sent(const struct upstream *up, int partition);

#endif
