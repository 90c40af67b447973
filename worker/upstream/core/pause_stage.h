/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pause_stage - what a pause (pause.h) means for whoever has to do with links
 * and lanes.
 */
#ifndef WORKER_UPSTREAM_CORE_PAUSE_STAGE_H
#define WORKER_UPSTREAM_CORE_PAUSE_STAGE_H

#include "common/base/log.h"
#include "worker/upstream/core/state.h"

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

#endif
