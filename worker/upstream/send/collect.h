/* SPDX-License-Identifier: Apache-2.0 */
/*
 * collect - frames out of the rings of workers into the lanes.
 *
 * A frame is copied once, then its ring's room is free. A bounded number of
 * bytes is taken of each ring in turn, and only while little of the lane is
 * unsent: the rest of its log is for what waits to be confirmed. What a worker
 * may not say costs that worker.
 */
#ifndef WORKER_UPSTREAM_SEND_COLLECT_H
#define WORKER_UPSTREAM_SEND_COLLECT_H

#include "worker/upstream/core/state.h"

/* Looks at the rings of workers that have published since the last look, and
 * collects. True: there was something. */
bool collect(struct upstream *up);

/* Looks at all of them: what was there before us, or was published by a worker
 * that did not live to count it. */
void collect_look_at_all(struct upstream *up);

/* Before all others, once: what a predecessor has copied, and perhaps not given
 * back, is in the lanes' logs. */
void collect_note_copied(struct upstream *up);

/* Takes up the rings of a partition where its frames in the lanes end. Returns
 * false when they make no sense; those are broken. */
MUST_CHECK bool collect_take_over(struct upstream *up, uint32_t partition);

/* Nothing is left in the partition's rings. */
bool collect_is_done(const struct upstream *up, uint32_t partition);

/* The worker is gone, and all that it left is confirmed: what it broke is of no
 * interest to the next one. */
void collect_forget(struct upstream *up, uint32_t partition);

#endif
