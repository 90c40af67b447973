/* SPDX-License-Identifier: Apache-2.0 */
/*
 * former_life - sessions of a former life of the manager, which the server may
 * believe alive for ever (MEMORY.md §9, PROTOCOL.md §10.4). The ledger knows
 * them; each is closed, and ended in the ledger when that is confirmed.
 *
 * A server looks a streamid up under the manager's name. So when the name has
 * changed since, the links carry the former one first; nobody is served until
 * all is confirmed, the links have ended and come back under our own.
 */
#ifndef WORKER_UPSTREAM_FORMER_LIFE_H
#define WORKER_UPSTREAM_FORMER_LIFE_H

#include "worker/upstream/state.h"

/* Notes the ledger's entries that belong to no session of this life. */
void former_life_begin(struct upstream *up);

/* Closes as many as the rings have room for; true when something moved. */
bool former_life_step(struct upstream *up);

void former_life_tick(struct upstream *up);

/* The links carry another name than ours. */
bool former_life_lasts(const struct upstream *up);

/* Frees what is left of it. */
void former_life_end(struct upstream *up);

#endif
