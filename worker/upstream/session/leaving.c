/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/session/leaving.h"

#include "common/shm/directory.h"

#include <stdlib.h>
#include <string.h>

struct leaver {
	struct session session;
	double confirmed_at;
};

static void
add(struct upstream *up, struct session session)
{
	struct leaving *leaving = &up->leaving;

	if (leaving->count == leaving->cap) {
		leaving->cap = leaving->cap ? 2 * leaving->cap : 64;
		leaving->leavers = xrealloc(leaving->leavers,
		    leaving->cap * sizeof(*leaving->leavers));
	}
	leaving->leavers[leaving->count++] =
	    (struct leaver){ session, upstream_now(up) };
}

void
leaving_confirmed(struct upstream *up, struct session session)
{
	/* Once is enough, however often a worker says leave. */
	if (!session_is_live(up, session) ||
	    (session_flags(up, session) & ROUTE_LEFT))
		return;
	session_set_flag(up, session, ROUTE_LEFT, true);
	add(up, session);
}

static void
inherit(void *context, uint32_t slot, uint32_t generation)
{
	struct upstream *up = context;

	if (directory_flags(up->directory, slot) & ROUTE_LEFT)
		add(up, (struct session){ slot, generation });
}

/* All slots are looked at: not before links go on. */
static void
inherit_all(struct upstream *up)
{
	if (!up->leaving.inherited)
		directory_each_live(up->directory, -1, inherit, up);
	up->leaving.inherited = true;
}

static void
send_left(struct upstream *up, struct session session)
{
	const struct session_item left = { .kind = FRAME_LEFT };

	if (session_is_live(up, session) &&
	    !(session_flags(up, session) & ROUTE_CLOSING))
		session_deliver(up, session, &left);
}

/* While links are not read what came before the answer may be in them; workers
 * of a predecessor's time are not known at once. */
void
leaving_tick(struct upstream *up)
{
	struct leaving *leaving = &up->leaving;
	double until = upstream_now(up) - LEAVING_SETTLE_S;

	inherit_all(up);
	while (leaving->next < leaving->count && up->briefed && !up->blocked &&
	       leaving->leavers[leaving->next].confirmed_at <= until)
		send_left(up, leaving->leavers[leaving->next++].session);
	if (leaving->next == leaving->count) {
		leaving_clear(up);
		leaving->inherited = true;
	} else if (leaving->next > leaving->cap / 2) {
		leaving->count -= leaving->next;
		memmove(leaving->leavers, leaving->leavers + leaving->next,
		    leaving->count * sizeof(*leaving->leavers));
		leaving->next = 0;
	}
}

void
leaving_clear(struct upstream *up)
{
	free(up->leaving.leavers);
	up->leaving = (struct leaving){ 0 };
}
