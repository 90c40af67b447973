/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_hang - a server that handles nothing of what it is sent.
 *
 * Barriers show it. Their answers come on any link, also on one that this side
 * has given up and the server does not know to be dead, so that an answer may
 * be lost: a barrier is sent again after a second, two, four, ..., and anew
 * when another link is lost. All that counts against the link is the time
 * without any answer, also to a barrier that its socket does not take any more.
 *
 * Operators are told long before the link is given up: of a quiet link after
 * xmpp.server.barrier, by default 2 s, and NOTED_S.
 */
#include "worker/upstream/link/link.h"

#include "common/process/config.h"
#include "common/shm/stats.h"
#include "worker/upstream/core/pause_stage.h"

#define AGAIN_S 1.0 /* until a barrier is sent again, at first */
#define ANEW    3   /* part of the patience that one sent anew has */
#define NOTED_S 2.0 /* of silence, at most: then operators are told */

static double
patience_of(const struct link *link)
{
	return link->up->config->server.hang_timeout_s;
}

/* The answers may have gone with another link. */
static void
query_anew(struct link *link)
{
	barrier_forget(&link->barriers);
	link->queried_again_at = upstream_now(link->up);
	(void)link_send_barrier(link);
}

static void
query_again_if_due(struct link *link, double waited_s)
{
	double now = upstream_now(link->up);

	if (now - link->barriers.last_query_s >= MAX(AGAIN_S, waited_s / 2))
		(void)link_resend_barrier(link);
}

static void
note_hang(struct link *link, double waited_s)
{
	if (link->hang_noted || waited_s < MIN(patience_of(link) / 2, NOTED_S))
		return;
	link->hang_noted = true;
	stats_add(STAT_LINK_HANGS, 1);
	log_at(pause_log_level(link->up, link, LOG_WARNING),
	    "the server is not responding link=%u seconds=%.1f"
	    " given_up_after=%.1f",
	    link->number, waited_s, patience_of(link));
}

void
link_check_barriers(struct link *link)
{
	struct upstream *up = link->up;
	double oldest = barrier_oldest(&link->barriers);
	double now = upstream_now(up), waited_s;

	if (oldest > 0 && link->silent_since <= 0)
		link->silent_since = MAX(oldest, link->answered_at);
	if (link->silent_since <= 0)
		return;
	waited_s = now - link->silent_since;
	if (barrier_oldest_is_sent(&link->barriers) &&
	    link->barrier_changes != up->link_changes)
		query_anew(link);
	else if (waited_s > patience_of(link) &&
		 now - link->queried_again_at > patience_of(link) / ANEW)
		link_fail(link, LOG_WARNING,
		    "the server has not handled anything for %.0f s", waited_s);
	else
		query_again_if_due(link, waited_s);
	if (!link->lost)
		note_hang(link, waited_s);
}

void
link_answered(struct link *link)
{
	if (link->hang_noted)
		log_at(LOG_NOTICE,
		    "the server is responding again link=%u after=%.1f",
		    link->number, upstream_now(link->up) - link->silent_since);
	link->hang_noted = false;
	link->silent_since = 0;
	link->answered_at = upstream_now(link->up);
}
