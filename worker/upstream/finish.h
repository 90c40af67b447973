/* SPDX-License-Identifier: Apache-2.0 */
/*
 * finish - what the dead have left: the index of a dead worker, and sessions of
 * a former life of the manager that the server may still believe alive
 * (design.md §3 and §6).
 */
#ifndef WORKER_UPSTREAM_FINISH_H
#define WORKER_UPSTREAM_FINISH_H

#include "worker/upstream/state.h"

/* The index's worker is dead. */
void finish_worker(struct upstream *up, uint32_t index);

/* Notes the ledger's entries that belong to no session of this life. */
void finish_note_leftovers(struct upstream *up);

/* Goes as far as the rings have room; true when something moved. */
bool finish_step(struct upstream *up);

#endif
