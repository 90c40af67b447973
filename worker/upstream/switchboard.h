/* SPDX-License-Identifier: Apache-2.0 */
/*
 * switchboard - what comes down a link, to where it belongs: a session's
 * worker, the link's negotiation, the configuration, a barrier.
 */
#ifndef WORKER_UPSTREAM_SWITCHBOARD_H
#define WORKER_UPSTREAM_SWITCHBOARD_H

#include "common/xmpp/framer.h"
#include "worker/upstream/state.h"

/* The item that the link's intake just reported: HEADER, ELEMENT or TOO_BIG.
 * The link may be marked as lost. */
void switchboard_take(struct link *link, enum framer_result result);

#endif
