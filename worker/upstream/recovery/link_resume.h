/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_resume - links that go on in another process at the very byte
 * (DELIVERY.md §4): how things stand is remembered, and a successor takes up
 * what its predecessor has left.
 */
#ifndef WORKER_UPSTREAM_RECOVERY_LINK_RESUME_H
#define WORKER_UPSTREAM_RECOVERY_LINK_RESUME_H

#include "worker/upstream/core/state.h"

/* At the end of each turn: how things stand. */
void links_remember(struct upstream *up);
/* At the start: goes on with the links that a predecessor has left, or judges
 * what they carried. True: some go on. */
bool links_take_over(struct upstream *up);

#endif
