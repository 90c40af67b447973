/* SPDX-License-Identifier: Apache-2.0 */
/*
 * shared - the memory that a worker has in common with upstream: it begins anew
 * with cursors of its own, is put right when it was damaged, and when it stays
 * so the worker ends (MEMORY.md §11).
 */
#ifndef WORKER_CLIENT_SHARED_H
#define WORKER_CLIENT_SHARED_H

#include "common/base/base.h"

struct client_worker;

/* Takes the rings and control words, which begin anew. */
void shared_begin(struct client_worker *worker, uint32_t partition,
    uint32_t incarnation);
/* What the last look at the down ring showed. */
void shared_note_down(struct client_worker *worker, bool sound);
/* Puts own words right, and ends clients that upstream's words cut off; false,
 * once, when the down ring stays damaged. */
bool shared_tick(struct client_worker *worker);

#endif
