/* SPDX-License-Identifier: Apache-2.0 */
/*
 * damage - shared memory that makes no sense, and what is put right (design.md
 * §3, trust).
 *
 * Own cursors are written anew. A worker whose cursors or frames are impossible
 * is ended and its estate finished; a link whose ctl ring is damaged begins
 * anew. What upstream says to itself about sessions, or knows of what was sent,
 * cannot be told again from here: it ends, and its successor, which drops the
 * damaged, does.
 */
#ifndef WORKER_UPSTREAM_DAMAGE_H
#define WORKER_UPSTREAM_DAMAGE_H

#include "worker/upstream/state.h"

/* Set-up: the own rings, with what a predecessor left in them. One that cannot
 * be read to its end begins anew. */
void damage_take_own(struct upstream *up);

/* On a tick: own cursors and the server's state as they were written. */
void damage_restore(struct upstream *up);

/* The index has a worker now, which has written its cursors; or upstream has a
 * predecessor who knew it. */
void damage_take_index(struct upstream *up, uint32_t index,
    uint32_t generation);

/* Nothing more is taken from it, or given to it; once for each worker. */
void damage_end_worker(struct upstream *up, uint32_t index);

/* A successor is to go on. */
NORETURN void damage_end(const char *what);

#endif
