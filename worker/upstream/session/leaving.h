/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leaving - clients that are gone, whose sessions the server still has
 * (DELIVERY.md §6). A worker says `leave` behind all that the session has said.
 * Once a barrier has confirmed everything up to it the server routes no message
 * to the session any more; what it had written before may yet come by another
 * link, so `left` goes down a little later. Until then the worker returns what
 * comes. A mark in the session's routing has a successor send it again.
 */
#ifndef WORKER_UPSTREAM_SESSION_LEAVING_H
#define WORKER_UPSTREAM_SESSION_LEAVING_H

#include "worker/upstream/session/session.h"

/* What the server wrote before its answer to a barrier has come, by whatever
 * link, so many seconds after that answer. */
#define LEAVING_SETTLE_S 0.15

/* The tail of its lane is about to pass the session's leave. */
void leaving_confirmed(struct upstream *up, struct session session);
/* Sends `left` to those whose time it is; the first also finds those of a
 * predecessor. */
void leaving_tick(struct upstream *up);
void leaving_clear(struct upstream *up);

#endif
