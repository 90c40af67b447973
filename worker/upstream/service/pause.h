/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pause - a restart of the server that an operator has planned (cmctl pause):
 * clients are held before the server stops, so that nothing is in doubt when it
 * does, and its end is expected (DELIVERY.md §5).
 *
 *   none --order, a link is up--> settling --all is confirmed, or SETTLE_S are
 *   over--> holding --all links lost, or the order to resume--> awaiting
 *   none --order, no link is up--> awaiting
 *   awaiting --link for PAUSE_STEADY_S, configuration, all revalidated--> none
 *   any --its time is over--> none
 *
 * The stage lies in the server's state, where workers read it and a successor
 * of this process finds it. Meanwhile the phase is `holding`; how a pause ends
 * is outage.h's.
 */
#ifndef WORKER_UPSTREAM_SERVICE_PAUSE_H
#define WORKER_UPSTREAM_SERVICE_PAUSE_H

#include "worker/upstream/core/pause_stage.h"

/* The master's orders. During a pause the first gives it another end; one that
 * was about to be over begins again. */
void pause_begin(struct upstream *up, uint32_t seconds);
void pause_resume(struct upstream *up);

/* On a tick, before the links are published. */
void pause_tick(struct upstream *up);

#endif
