/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch - what a link writes next: its own ctl frames, then those of its lanes,
 * a bounded number of bytes of each ring in turn. Each frame gets its entry in
 * the link's journal before it is written, and is judged by doubt.h before.
 */
#ifndef WORKER_UPSTREAM_BATCH_H
#define WORKER_UPSTREAM_BATCH_H

#include "worker/upstream/state.h"

/* Replaces link->batch, which must be written; it is empty when nothing may go
 * out now. */
void batch_fill(struct link *link);

#endif
