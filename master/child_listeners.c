/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child_listeners - gives the listening sockets to the workers that serve, and
 * takes them away again.
 */
#include "master/child.h"

#include "common/net/fd.h"

#include <stdlib.h>

static void
on_move(void *context, const struct listener *listener, int from)
{
	struct children *children = context;

	if (from != LISTENER_NOBODY)
		child_drop_listener(&children->workers[from], listener);
	child_send_listener(&children->workers[listener->holder], listener);
}

/* Who has it already is not notified again. */
static void
share_with_all(struct children *children, const struct listener *listener)
{
	unsigned i;

	for (i = 0; i < children->worker_count; i++) {
		struct child *child = &children->workers[i];

		if (child->policy.state == CHILD_SERVING)
			child_send_listener(child, listener);
		else if (child->policy.state == CHILD_DRAINING)
			child_drop_listener(child, listener);
	}
}

void
children_share_listeners(struct children *children)
{
	int *serving = xcalloc(children->worker_count, sizeof(*serving));
	unsigned count = 0, i;

	for (i = 0; i < children->worker_count; i++)
		if (children->workers[i].policy.state == CHILD_SERVING)
			serving[count++] = (int)i;
	listeners_share(&children->resources->listeners, serving, count,
	    on_move, children);
	free(serving);
	for (i = 0; i < children->resources->listeners.count; i++)
		if (children->resources->listeners.all[i].shared)
			share_with_all(children,
			    &children->resources->listeners.all[i]);
}

/* Drained ones, too, still have the descriptors that they once were given. */
void
children_close_listeners(struct children *children, double now)
{
	struct listener listener;
	unsigned i;

	while (listeners_take_due(&children->resources->listeners, now,
	    &listener)) {
		struct channel_message message = {
			/* Of one that others have, too, a worker keeps the
			 * descriptor. */
			.type = listener.given ? CHANNEL_LISTENER_DROP
					       : CHANNEL_LISTENER_CLOSE,
			.number = listener.id,
			.fd = -1,
		};

		for (i = 0; i < children->worker_count; i++)
			child_send(&children->workers[i], &message);
		if (!listener.given)
			fd_close(&listener.fd);
	}
}
