/* SPDX-License-Identifier: Apache-2.0 */
/*
 * forgotten - sessions that the server no longer knows after a pause: when that
 * is over their clients are told one after another, within
 * xmpp.server.disconnect.window, so that they do not all come back at once.
 * Until then their sessions are dead (DELIVERY.md §4).
 */
#ifndef WORKER_UPSTREAM_SESSION_FORGOTTEN_H
#define WORKER_UPSTREAM_SESSION_FORGOTTEN_H

#include "worker/upstream/core/state.h"

/* One more; it is dead already. */
void forgotten_add(struct upstream *up, struct session session);

/* Tells those whose turn it is. */
void forgotten_tick(struct upstream *up);

void forgotten_clear(struct upstream *up);

#endif
