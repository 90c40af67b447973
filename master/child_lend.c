/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child_lend - whose listeners are served by whom while a post is not filled.
 */
#include "master/child.h"

static struct child *
next_serving(struct children *children, unsigned from)
{
	unsigned i;

	for (i = 0; i < children->worker_count; i++) {
		struct child *child =
		    &children->workers[(from + i) % children->worker_count];

		if (child->post.state == POST_SERVING)
			return child;
	}
	return NULL;
}

/* From the dead one's neighbour on. */
void
child_lend_orphans(struct children *children)
{
	struct listener *listener;
	struct child *child;

	while ((listener = listeners_orphan(&children->estate->listeners))) {
		child = next_serving(children, listener->home + listener->id);
		if (!child)
			return;
		child_send_listener(child, listener);
		listener->holder = (int)child->number;
	}
}

void
child_bring_home(struct child *child)
{
	struct children *children = child->all;
	struct listeners *listeners = &children->estate->listeners;
	unsigned i;

	for (i = 0; i < listeners->count; i++) {
		struct listener *listener = &listeners->all[i];

		if (listener->home != child->number)
			continue;
		if (listener->holder >= 0 &&
		    listener->holder != (int)child->number)
			child_drop_listener(&children
						 ->workers[listener->holder],
			    listener);
		listener->holder = (int)child->number;
	}
}
