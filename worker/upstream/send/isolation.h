/* SPDX-License-Identifier: Apache-2.0 */
/*
 * isolation - finds the entry at which the server ends every link that carries
 * it (DELIVERY.md §3).
 *
 *   idle --frames are suspect, a link may be risked--> clearing
 *   clearing --its barrier is answered--> trying
 *   trying --all is confirmed--> idle, for a while;  the link ends--> idle
 *
 * While a link is clearing or trying it carries nothing else, so that its end
 * is the end of what it tries: a part of those suspects that have cost the most
 * links. A lane with suspects waits with all that is behind them; others go on
 * over other links. One that was alone when its link ended is given up at its
 * turn (unconfirmed.h).
 *
 * What is returned instead of being sent again is not suspect itself; what its
 * session sends next is (blame.h). Two links in a row that such a session had
 * to itself are enough. There may always be more of it, so the link is for
 * others as long as the trial took.
 */
#ifndef WORKER_UPSTREAM_SEND_ISOLATION_H
#define WORKER_UPSTREAM_SEND_ISOLATION_H

#include "worker/upstream/core/state.h"

void isolation_init(struct upstream *up);
void isolation_destroy(struct upstream *up);

/* The lane was a predecessor's. lost: what that one left in flight has left on
 * links that died. */
void isolation_inherit(struct upstream *up, struct lane *lane, bool lost);

/* The link goes on, and a predecessor tried suspects on it: their trial goes
 * on, and nothing else comes there. */
void isolation_take_over(struct link *link);

/* Starts and ends trials; before the links are given bytes. */
void isolation_step(struct upstream *up);

/* True when the entry, which is next in its lane, may go to this link now; it
 * then must. */
bool isolation_admits(struct link *link, const struct lane *lane,
    const struct lane_entry *entry);

/* True while it takes nothing but suspects: what it holds is to be confirmed
 * soon. */
bool isolation_has(const struct link *link);

/* A barrier of this link is answered. */
void isolation_answered(const struct link *link, uint64_t serial);

/* An entry is confirmed. */
void isolation_confirmed(struct upstream *up, const struct lane_entry *entry);

/* The link is dead; its journal still shows what it carried. transmitted: wire
 * bytes that its peer may have. */
void isolation_link_died(struct link *link, uint64_t transmitted);

#endif
