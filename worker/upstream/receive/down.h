/* SPDX-License-Identifier: Apache-2.0 */
/*
 * down - the rings towards the workers: what waits for room in one, and the
 * worker that makes none (MEMORY.md §5).
 */
#ifndef WORKER_UPSTREAM_RECEIVE_DOWN_H
#define WORKER_UPSTREAM_RECEIVE_DOWN_H

#include "worker/upstream/core/state.h"

/* Moves what waits for room. While some of a serving worker's does not fit,
 * up->blocked is set and links are not read. */
void down_flush(struct upstream *up);

/* On a tick: a worker that stands still with its ring full is to be ended; its
 * silence is not to stop the links. */
void down_watch(struct upstream *up);

#endif
