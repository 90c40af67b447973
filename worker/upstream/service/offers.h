/* SPDX-License-Identifier: Apache-2.0 */
/*
 * offers - what the server offers clients of each domain, as its
 * configurations say (PROTOCOL.md §4). Changes upstream's copy of the server's
 * state; outage.h publishes it.
 */
#ifndef WORKER_UPSTREAM_SERVICE_OFFERS_H
#define WORKER_UPSTREAM_SERVICE_OFFERS_H

#include "worker/upstream/core/state.h"

/* The first link is up: what the server said before counts no longer. What
 * clients are offered stays until it says something else. */
void offers_forget(struct upstream *up);

/*
 * from: whose the server says that it is, or NULL. Openfire has one domain, so
 * its only configuration is the main domain's. Our module for Prosody sends one
 * of each host, the default host's last; that one is the main domain's where
 * none bears its name. Hosts that are no domain of ours are passed over. True
 * when that was all that the server has to say.
 */
bool offers_take(struct upstream *up, const char *from,
    const struct multiplex_configuration *configuration);

#endif
