/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leave - what comes before the close of a session that was available. The
 * server is told that it no longer is, and until it has confirmed that what it
 * sends goes back instead of being lost behind the close:
 *
 *   unavailable presence, leave -->
 *                              ...  what still comes goes back
 *                              <--  left
 *                    failed, close -->
 *
 * Waited for at most five seconds. Of clients in the state CLOSING.
 */
#ifndef WORKER_CLIENT_LEAVE_H
#define WORKER_CLIENT_LEAVE_H

#include "common/base/base.h"

struct client;

/* The client is closing; was_authenticated: when it began to. */
void leave_begin(struct client *client, bool was_authenticated);
/* Something of this kind came for its session; true: that ends the wait. */
bool leave_note(struct client *client, uint8_t kind);
/* True once nothing is waited for; counts whom the time ran out for. */
bool leave_is_over(struct client *client);
/* When it ends at the latest; UINT32_MAX: it is not waited for. */
uint32_t leave_due_s(const struct client *client);

#endif
