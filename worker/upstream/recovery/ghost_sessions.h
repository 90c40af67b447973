/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ghost_sessions - sessions of an earlier run of the manager, which the server
 * may believe alive for ever (MEMORY.md §10, PROTOCOL.md §10.4). The ledger
 * knows them; each is closed, and ended in the ledger when that is confirmed.
 *
 * A server looks a streamid up under the manager's name. So when the name has
 * changed since, the links carry the former one first; nobody is served until
 * all is confirmed, the links have ended and come back under our own.
 */
#ifndef WORKER_UPSTREAM_RECOVERY_GHOST_SESSIONS_H
#define WORKER_UPSTREAM_RECOVERY_GHOST_SESSIONS_H

#include "worker/upstream/core/state.h"

/* Notes the ledger's entries that belong to no session of this run. Where links
 * go on the ledger is read later, a piece in each tick: they carry our own
 * name, and nothing of theirs waits for it. */
void ghost_sessions_begin(struct upstream *up, bool resumed);

/* Closes as many as the rings have room for; true when something moved. */
bool ghost_sessions_step(struct upstream *up);

void ghost_sessions_tick(struct upstream *up);

/* Frees the former name. */
void ghost_sessions_end(struct upstream *up);

#endif
