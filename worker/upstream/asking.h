/* SPDX-License-Identifier: Apache-2.0 */
/*
 * asking - questions after sessions, a lane at a time (PROTOCOL.md §10.9).
 *
 * A lane that asks sends nothing else: probes go into its link's ctl ring, a
 * barrier behind them. A dead session answers with item-not-found, on any link;
 * when the barrier is answered, and a moment for the other links has passed,
 * silence means alive.
 */
#ifndef WORKER_UPSTREAM_ASKING_H
#define WORKER_UPSTREAM_ASKING_H

#include "worker/upstream/state.h"

/* One more session whose create is unconfirmed. */
void asking_about(struct upstream *up, unsigned lane, uint32_t slot);

/* After the loss of all links: every session that the server may have. */
void asking_everyone(struct upstream *up);

bool asking_is_active(const struct upstream *up, unsigned lane);
bool asking_any(const struct upstream *up);

/* Writes what fits of the questions of this link's lanes. */
bool asking_write(struct link *link);

/* A barrier of this link is answered. */
void asking_answered(struct link *link, uint64_t serial);

/* The link is gone: its lanes ask anew elsewhere. */
void asking_link_lost(struct link *link);

/* item-not-found came: true when it is the answer to a question. */
bool asking_not_found(struct upstream *up, uint32_t slot, uint32_t generation);

void asking_tick(struct upstream *up);

#endif
