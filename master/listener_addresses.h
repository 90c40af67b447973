/* SPDX-License-Identifier: Apache-2.0 */
/* listener_addresses - where clients are to be listened for. Pure. */
#ifndef MASTER_LISTENER_ADDRESSES_H
#define MASTER_LISTENER_ADDRESSES_H

#include "common/process/config_interface.h"
#include "master/listeners.h"

#define LISTENER_ADDRESSES_MAX (2 * CONFIG_INTERFACE_MAX + LISTENERS_GIVEN_MAX)

struct listener_address {
	struct endpoint endpoint;
	bool direct_tls;
	/* Of the two that a port has where no address is configured: how many
	 * places further the other one stands; else 0. */
	int twin;
	const struct given_socket *given; /* NULL: from the settings */
};

/* What was given and what these settings have; how many. */
unsigned listener_addresses(const struct listeners *listeners,
    const struct config_client *client,
    struct listener_address list_out[LISTENER_ADDRESSES_MAX]);

#endif
