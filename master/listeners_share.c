/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listeners_share - who of those that serve accepts on which socket. Pure.
 */
#include "master/listeners.h"

#include <stdlib.h>

struct sharing {
	struct listeners *listeners;
	const int *serving;
	unsigned serving_count;
	unsigned *held; /* by each of those, of the address looked at */
	listeners_move_fn *fn;
	void *context;
};

static bool
same_address(const struct listener *a, const struct listener *b)
{
	return !a->shared && !b->shared && a->direct_tls == b->direct_tls &&
	       endpoint_equal(&a->endpoint, &b->endpoint);
}

/* Place among the serving, or -1. */
static int
place_of(const struct sharing *sharing, int holder)
{
	unsigned i;

	for (i = 0; i < sharing->serving_count; i++)
		if (sharing->serving[i] == holder)
			return (int)i;
	return -1;
}

static void
count_held(struct sharing *sharing, const struct listener *address)
{
	struct listeners *listeners = sharing->listeners;
	unsigned i;

	for (i = 0; i < sharing->serving_count; i++)
		sharing->held[i] = 0;
	for (i = 0; i < listeners->count; i++) {
		int place = place_of(sharing, listeners->all[i].holder);

		if (place >= 0 && same_address(&listeners->all[i], address))
			sharing->held[place]++;
	}
}

static void
move(struct sharing *sharing, struct listener *listener, unsigned place)
{
	int from = listener->holder, place_before = place_of(sharing, from);

	if (place_before >= 0)
		sharing->held[place_before]--;
	sharing->held[place]++;
	listener->holder = sharing->serving[place];
	listener->moved = ++sharing->listeners->last_move;
	sharing->fn(sharing->context, listener, from);
}

/* The first from `start` on that has least, or most. */
static unsigned
find(const struct sharing *sharing, unsigned start, bool most)
{
	unsigned best = start % sharing->serving_count, i;

	for (i = 1; i < sharing->serving_count; i++) {
		unsigned at = (start + i) % sharing->serving_count;

		if (most ? sharing->held[at] > sharing->held[best]
			 : sharing->held[at] < sharing->held[best])
			best = at;
	}
	return best;
}

/* Of the address, what that one got last: whoever lent it wants it back. */
static struct listener *
last_got(const struct sharing *sharing, const struct listener *address,
    int holder)
{
	struct listeners *listeners = sharing->listeners;
	struct listener *last = NULL;
	unsigned i;

	for (i = 0; i < listeners->count; i++) {
		struct listener *at = &listeners->all[i];

		if (at->holder == holder && same_address(at, address) &&
		    (!last || at->moved > last->moved))
			last = at;
	}
	return last;
}

static void
share_address(struct sharing *sharing, const struct listener *address)
{
	struct listeners *listeners = sharing->listeners;
	unsigned i, rich, poor;

	count_held(sharing, address);
	for (i = 0; i < listeners->count; i++) {
		struct listener *at = &listeners->all[i];

		if (same_address(at, address) &&
		    place_of(sharing, at->holder) < 0)
			move(sharing, at, find(sharing, at->id, false));
	}
	for (;;) {
		poor = find(sharing, 0, false);
		rich = find(sharing, 0, true);
		if (sharing->held[poor] > 0 || sharing->held[rich] < 2)
			return;
		move(sharing,
		    last_got(sharing, address, sharing->serving[rich]), poor);
	}
}

static bool
is_first_of_address(const struct listeners *listeners, unsigned at)
{
	unsigned i;

	for (i = 0; i < at; i++)
		if (same_address(&listeners->all[i], &listeners->all[at]))
			return false;
	return true;
}

void
listeners_share(struct listeners *listeners, const int *serving,
    unsigned serving_count, listeners_move_fn *fn, void *context)
{
	struct sharing sharing = { listeners, serving, serving_count,
		xcalloc(serving_count + 1, sizeof(unsigned)), fn, context };
	unsigned i;

	for (i = 0; serving_count > 0 && i < listeners->count; i++)
		if (!listeners->all[i].shared &&
		    is_first_of_address(listeners, i))
			share_address(&sharing, &listeners->all[i]);
	free(sharing.held);
}

void
listeners_drop_holder(struct listeners *listeners, int holder)
{
	unsigned i;

	for (i = 0; i < listeners->count; i++)
		if (listeners->all[i].holder == holder)
			listeners->all[i].holder = LISTENER_NOBODY;
}
