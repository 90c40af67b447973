/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pump - from the lanes to the links: batches of pieces straight from the log,
 * a span of the journal each, and what an answered barrier confirms.
 */
#ifndef WORKER_UPSTREAM_SEND_PUMP_H
#define WORKER_UPSTREAM_SEND_PUMP_H

#include "worker/upstream/core/state.h"

/* Writes what can be written now; true when something was. The link may be
 * lost by it. */
bool pump_link(struct link *link);

/* A barrier of the link was answered: spans before `covers`. */
void pump_confirm(struct link *link, uint64_t covers);

/* Sends a barrier when what is in flight is enough, or old. */
void pump_send_barrier_if_due(struct link *link);

/* Lanes that have nothing in flight any more move where they should be. */
void pump_settle_lanes(struct upstream *up);

#endif
