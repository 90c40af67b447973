/* SPDX-License-Identifier: Apache-2.0 */
/*
 * damage - shared memory that makes no sense, and what is put right
 * (MEMORY.md §11).
 *
 * Cursors that upstream writes itself are written anew. A worker whose cursors
 * or frames are impossible is ended, and what it left is recovered as after any
 * death. A link whose ctl ring is damaged is ended and made again. Damage in a
 * lane's log, or in a journal, cannot be repaired in place, because nobody else
 * knows what was in it: upstream ends, and its successor drops what is damaged
 * and finds out from the directory and from the server what is still to be
 * closed.
 */
#ifndef WORKER_UPSTREAM_CORE_DAMAGE_H
#define WORKER_UPSTREAM_CORE_DAMAGE_H

#include "worker/upstream/core/state.h"

/* Logs it and has the master kill this worker; once for each worker. */
void damage_end_worker(struct upstream *up, uint32_t number);

/* Logs that `what` is damaged and ends the process; a successor goes on. */
NORETURN void damage_end(const char *what);

#endif
