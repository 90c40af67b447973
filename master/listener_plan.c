/* SPDX-License-Identifier: Apache-2.0 */
#include "master/listener_plan.h"

#include <errno.h>
#include <stdlib.h>

/* --- where --- */

unsigned
listener_plan_given(const struct listeners *listeners, bool direct_tls)
{
	unsigned count = 0, i;

	for (i = 0; i < listeners->given_count; i++)
		count += listeners->given[i].direct_tls == direct_tls;
	return count;
}

static unsigned
list_given(const struct listeners *listeners, bool direct_tls,
    struct listener_address *list_out)
{
	unsigned count = 0, i;

	for (i = 0; i < listeners->given_count; i++) {
		const struct given_socket *given = &listeners->given[i];

		if (given->direct_tls == direct_tls)
			list_out[count++] = (struct listener_address){
				.endpoint = given->endpoint,
				.direct_tls = direct_tls,
				.given = given,
			};
	}
	return count;
}

static unsigned
list_configured(const struct config_client *client, bool direct_tls,
    struct listener_address *list_out)
{
	const char *text = client->interface ? client->interface : "0.0.0.0 ::";
	uint16_t port = direct_tls ? client->direct_port : client->plain_port;
	struct endpoint endpoints[MACHINE_ADDRESSES_MAX];
	unsigned count = config_interface_addresses(text, port, endpoints), i;

	for (i = 0; i < count; i++)
		list_out[i] = (struct listener_address){
			.endpoint = endpoints[i],
			.direct_tls = direct_tls,
			.twin = client->interface ? 0
				: i == 0          ? 1
						  : -1,
		};
	return count;
}

unsigned
listener_plan_addresses(const struct listeners *listeners,
    const struct config_client *client,
    struct listener_address list_out[LISTENER_PLAN_MAX])
{
	unsigned count = 0, kind;

	for (kind = 0; kind < 2; kind++) {
		bool direct_tls = kind == 1;

		if (!(direct_tls ? client->direct_active
				 : client->plain_active))
			continue;
		count +=
		    listener_plan_given(listeners, direct_tls) > 0
			? list_given(listeners, direct_tls, list_out + count)
			: list_configured(client, direct_tls, list_out + count);
	}
	return count;
}

bool
listener_plan_is_of(const struct listener *listener,
    const struct listener_address *address)
{
	return listener->direct_tls == address->direct_tls &&
	       endpoint_equal(&listener->endpoint, &address->endpoint);
}

bool
listener_plan_wants(const struct listener *listener,
    const struct listener_address *addresses, unsigned count)
{
	unsigned i;

	for (i = 0; i < count; i++)
		if (listener_plan_is_of(listener, &addresses[i]))
			return true;
	return false;
}

/* One of the defaults that cannot be had is missed, not needed; but where
 * somebody else has the port, half of the clients would be his. */
bool
listener_plan_needs(const struct listener_address *addresses, const int *errors,
    unsigned at)
{
	const struct listener_address *address = &addresses[at];

	return address->twin == 0 || errors[at] == -EADDRINUSE ||
	       errors[(int)at + address->twin] != 0;
}

/* --- who accepts --- */

struct sharing {
	struct listeners *listeners;
	const int *serving;
	unsigned serving_count;
	unsigned *held; /* by each of those, of the address looked at */
	listener_plan_move_fn *fn;
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
listener_plan_share(struct listeners *listeners, const int *serving,
    unsigned serving_count, listener_plan_move_fn *fn, void *context)
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
listener_plan_drop_holder(struct listeners *listeners, int holder)
{
	unsigned i;

	for (i = 0; i < listeners->count; i++)
		if (listeners->all[i].holder == holder)
			listeners->all[i].holder = LISTENER_NOBODY;
}
