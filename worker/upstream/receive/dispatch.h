/* SPDX-License-Identifier: Apache-2.0 */
/*
 * dispatch - takes what comes down a link to where it belongs: a session's
 * worker, the link's negotiation, the configuration, a barrier.
 */
#ifndef WORKER_UPSTREAM_RECEIVE_DISPATCH_H
#define WORKER_UPSTREAM_RECEIVE_DISPATCH_H

#include "common/xmpp/framer.h"
#include "worker/upstream/core/state.h"

/* The item that the link's reader just reported: HEADER, ELEMENT or TOO_BIG.
 * The link may be marked as lost. With up->deferred nothing was done, for want
 * of room below: the same item is to be handed out again. */
void dispatch_item(struct link *link, enum framer_result result);

#endif
