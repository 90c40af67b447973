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
#ifndef WORKER_UPSTREAM_PAUSE_H
#define WORKER_UPSTREAM_PAUSE_H

#include "common/base/log.h"
#include "worker/upstream/state.h"

/* A server that stops may let links come back before it is gone. */
#define PAUSE_STEADY_S     2.0
#define PAUSE_FAILURES_MAX 2u

static inline bool
pause_is_on(const struct upstream *upstream)
{
	return upstream->server.pause != PAUSE_NONE;
}

/* No frame of a lane is to be given to a link. A stop sends them all. */
static inline bool
pause_holds(const struct upstream *upstream)
{
	return upstream->server.pause == PAUSE_HOLDING && !upstream->stopping;
}

/* It ends when the server can serve. */
static inline bool
pause_may_end(const struct upstream *upstream)
{
	double now = upstream_now(upstream);

	return !pause_is_on(upstream) || now >= upstream->hold_until ||
	       (upstream->server.pause == PAUSE_AWAITING &&
		   now >= upstream->steady_at);
}

/* What a link's trouble is worth in the log: nobody is to be warned of what is
 * expected, and that the server is not back yet is no news. */
static inline enum log_level
pause_log_level(const struct upstream *upstream, const struct link *link,
    enum log_level level)
{
	if (!pause_is_on(upstream) || level != LOG_WARNING)
		return level;
	return link->joined ? LOG_NOTICE : LOG_DEBUG;
}

/* What a link's failures in a row, which make it wait before it is tried again,
 * count at most: a server that starts is tried again soon. */
static inline unsigned
pause_failures(const struct upstream *upstream, unsigned failures)
{
	return pause_is_on(upstream) ? MIN(failures, PAUSE_FAILURES_MAX)
				     : failures;
}

/* The master's orders. During a pause the first gives it another end; one that
 * was about to be over begins again. */
void pause_begin(struct upstream *up, uint32_t seconds);
void pause_resume(struct upstream *up);

/* On a tick, before the links are published. */
void pause_tick(struct upstream *up);

#endif
