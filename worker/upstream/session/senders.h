/* SPDX-License-Identifier: Apache-2.0 */
/*
 * senders - those whose stanzas are not sent: what waits of them is answered
 * with errors, or counted as lost (DELIVERY.md §3, §5).
 */
#ifndef WORKER_UPSTREAM_SESSION_SENDERS_H
#define WORKER_UPSTREAM_SESSION_SENDERS_H

#include "worker/upstream/core/state.h"

/* An error to the sender of an entry. */
void senders_bounce(struct upstream *up, struct lane *lane,
    const struct lane_entry *entry);

/* Errors for what waits unsent from senders that are sent away: all of them,
 * or only those whose session is dead. */
void senders_notify(struct upstream *up, unsigned number, bool only_dead);

/* At our own end: messages and requests of the lane that are not confirmed, and
 * of which nobody was notified; they count as lost. What else has not left is
 * noted. */
unsigned senders_count_lost(struct upstream *up, unsigned number);

#endif
