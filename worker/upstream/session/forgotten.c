/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/session/forgotten.h"

#include "common/process/config.h"
#include "common/shm/directory.h"
#include "worker/upstream/core/pause_stage.h"
#include "worker/upstream/session/session.h"

#include <stdlib.h>

void
forgotten_add(struct upstream *up, struct session session)
{
	struct forgotten *forgotten = &up->forgotten;

	if (forgotten->count == forgotten->cap) {
		forgotten->cap = forgotten->cap ? 2 * forgotten->cap : 64;
		forgotten->sessions = xrealloc(forgotten->sessions,
		    forgotten->cap * sizeof(*forgotten->sessions));
	}
	forgotten->sessions[forgotten->count++] = session;
}

/* How many of them are told by now; the first at once. */
static uint32_t
due(const struct upstream *up)
{
	const struct forgotten *forgotten = &up->forgotten;
	double window = up->config->server.disconnect_window_s;
	double passed = upstream_now(up) - forgotten->since;

	if (passed >= window)
		return forgotten->count;
	return MIN(forgotten->count,
	    (uint32_t)(forgotten->count * passed / window) + 1);
}

void
forgotten_tick(struct upstream *up)
{
	struct forgotten *forgotten = &up->forgotten;
	uint32_t end;

	if (pause_is_on(up))
		forgotten->since = upstream_now(up);
	if (pause_is_on(up) || forgotten->count == 0)
		return;
	end = due(up);
	while (forgotten->next < end) {
		struct session session = forgotten->sessions[forgotten->next++];

		/* It may have left by itself. */
		if (session_is_live(up, session) &&
		    !(session_flags(up, session) & ROUTE_CLOSING))
			session_not_found(up, session);
	}
	if (forgotten->next == forgotten->count)
		forgotten_clear(up);
}

void
forgotten_clear(struct upstream *up)
{
	free(up->forgotten.sessions);
	up->forgotten = (struct forgotten){ 0 };
}
