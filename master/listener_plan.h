/* SPDX-License-Identifier: Apache-2.0 */
/*
 * listener_plan - where clients are to be listened for, and who of those that
 * serve accepts on which socket. Pure: it opens, closes and logs nothing.
 */
#ifndef MASTER_LISTENER_PLAN_H
#define MASTER_LISTENER_PLAN_H

#include "common/process/config.h"
#include "master/listeners.h"

#define LISTENER_PLAN_MAX (2 * MACHINE_ADDRESSES_MAX + LISTENERS_GIVEN_MAX)

struct listener_address {
	struct endpoint endpoint;
	bool direct_tls;
	/* Of the two that a port has where no address is configured: how many
	 * places further the other one stands; else 0. */
	int twin;
	const struct given_socket *given; /* NULL: from the settings */
};

/* What was given and what these settings have; how many. */
unsigned listener_plan_addresses(const struct listeners *listeners,
    const struct config_client *client,
    struct listener_address list_out[LISTENER_PLAN_MAX]);
/* How many of this kind a service manager has opened. */
unsigned listener_plan_given(const struct listeners *listeners,
    bool direct_tls);
/* True when the socket is at this address, for the same kind. */
bool listener_plan_is_of(const struct listener *listener,
    const struct listener_address *address);
/* True when it is at one of these. */
bool listener_plan_wants(const struct listener *listener,
    const struct listener_address *addresses, unsigned count);
/* Whether nothing works without the address at this place, given what became of
 * each: 0 or -errno. */
bool listener_plan_needs(const struct listener_address *addresses,
    const int *errors, unsigned at);

/* --- who accepts --- */

/* `from` held it so far, or LISTENER_NOBODY; its holder is another now. */
typedef void listener_plan_move_fn(void *context,
    const struct listener *listener, int from);
/*
 * Spreads those of each address over the serving: what nobody of them holds
 * goes to who has least, then each that has none gets one from who has most.
 * Nothing when nobody serves. Shared ones are not for it.
 */
void listener_plan_share(struct listeners *listeners, const int *serving,
    unsigned serving_count, listener_plan_move_fn *fn, void *context);
/* It is dead or serves no more: whatever it held is held by nobody. */
void listener_plan_drop_holder(struct listeners *listeners, int holder);

#endif
