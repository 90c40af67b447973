/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_session - the session behind a client: claimed for its first header,
 * given back when it ends. The server hears of it only when there is something
 * to send (uplink.h).
 */
#ifndef WORKER_CLIENT_CLIENT_SESSION_H
#define WORKER_CLIENT_CLIENT_SESSION_H

#include "common/base/base.h"

struct client;

/* A session of ours, not yet one of the server's; harmless with one. False:
 * none is free. */
MUST_CHECK bool client_claim_session(struct client *client);
/* What waits for it goes back to the server; harmless twice. */
void client_end_session(struct client *client);
/* STARTTLS: the session ends, the client stays. What was sent in clear text is
 * no part of the stream under TLS, whose header claims another session. */
void client_leave_session(struct client *client);

#endif
