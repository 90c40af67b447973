/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_revalidation - asking the server which sessions it still has, a lane
 * at a time (PROTOCOL.md §10.9).
 *
 * A lane that is being revalidated sends nothing else: probes go into its
 * link's ctl ring, a barrier behind them. A dead session answers with
 * item-not-found, on any link; when the barrier is answered, and a moment for
 * the other links has passed, silence means alive.
 */
#ifndef WORKER_UPSTREAM_SESSION_SESSION_REVALIDATION_H
#define WORKER_UPSTREAM_SESSION_SESSION_REVALIDATION_H

#include "worker/upstream/core/state.h"

/* One more session whose create is unconfirmed. */
void revalidation_add(struct upstream *up, unsigned lane, uint32_t slot);

/* After the loss of all links: every session that the server may have. */
void revalidation_add_all(struct upstream *up);

bool revalidation_is_any_active(const struct upstream *up);

/* Writes what fits of the probes of this link's lanes. */
bool revalidation_write(struct link *link);

/* A barrier of this link is answered. */
void revalidation_barrier_answered(struct link *link, uint64_t serial);

/* The link is gone: its lanes begin again elsewhere. */
void revalidation_link_lost(struct link *link);

/* item-not-found came: true when it is the answer to a probe, or to what its
 * session cannot have said. */
bool revalidation_note_not_found(struct upstream *up, uint32_t slot,
    uint32_t generation);

void revalidation_tick(struct upstream *up);

#endif
