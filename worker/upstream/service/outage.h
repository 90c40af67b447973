/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outage - whether sessions can be served, published to every worker: the
 * server's configuration, the grace when all links are lost, the mass
 * disconnect (DELIVERY.md §4, §5).
 *
 *   unknown --link, configuration--> serving
 *   serving --all links lost--> holding --link, all revalidated--> serving
 *   holding --grace over--> gone;  any --system-shutdown, or the end tag on
 *   every link--> gone
 *   gone --link, configuration, all revalidated--> serving
 *
 * During a pause (pause.h) it is holding, whatever becomes of the links: till
 * the server is back, or the pause has lasted too long.
 */
#ifndef WORKER_UPSTREAM_SERVICE_OUTAGE_H
#define WORKER_UPSTREAM_SERVICE_OUTAGE_H

#include "worker/upstream/core/state.h"

/* What up->server says now, to every worker. */
void outage_publish(struct upstream *up);

/* At the start: what a predecessor served is held. */
void outage_begin(struct upstream *up, bool resumed);

/* All workers are known. A mass disconnect that a predecessor was killed in is
 * gone on with before anything else: what it has abandoned half of everybody's
 * is no use. */
void outage_briefed(struct upstream *up);

/* What workers see, as it was published. */
void outage_restore(struct upstream *up);

/* from: offers.h */
void outage_configure(struct upstream *up, const char *from,
    const struct multiplex_configuration *configuration);
void outage_link_joined(struct upstream *up);
void outage_link_lost(struct upstream *up);
/* A link's stream was ended by the server, in order. When it has so ended all
 * that there are, it goes: no grace. */
void outage_link_ended(struct upstream *up);

/* The server announces that it stops: no grace. */
void outage_shutdown(struct upstream *up);

void outage_tick(struct upstream *up);

#endif
