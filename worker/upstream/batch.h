/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch - what a link writes next: its own ctl frames, then those of its lanes,
 * a bounded number of bytes of each ring in turn. Each frame gets its entry in
 * the link's journal before it is written, and is judged by unconfirmed.h
 * before.
 */
#ifndef WORKER_UPSTREAM_BATCH_H
#define WORKER_UPSTREAM_BATCH_H

#include "worker/upstream/state.h"

/* Replaces link->batch, which must be written; it is empty when nothing may go
 * out now. */
void batch_fill(struct link *link);

/* True while own[] must wait in this lane: a dead worker's ring is sent to its
 * end before own[] closes the sessions, also when a link's death has put frames
 * of that ring back into the line. */
bool batch_own_must_wait(const struct upstream *up, unsigned lane);

#endif
