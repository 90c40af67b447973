/* SPDX-License-Identifier: Apache-2.0 */
/*
 * uplink - frames upward, each the exact bytes for the wire. What finds no room
 * in its lane's ring waits in the client's backlog; nothing here fails, and
 * what no ring would ever take is dropped and counted.
 */
#ifndef WORKER_CLIENT_UPLINK_H
#define WORKER_CLIENT_UPLINK_H

#include "common/base/base.h"

struct client_worker;
struct client;

/* Sends `bytes` (a client's canonical stanza) wrapped in a <route/>. */
void uplink_send(struct client *client, uint8_t kind, const void *bytes,
    size_t len);
/* Has the server answer when it no longer knows the session. */
void uplink_probe(struct client *client);
/* Unavailable presence, where its client has left that unsaid, and leave. False
 * for a session that never was available, or is over: nothing was said. */
bool uplink_leave(struct client *client);
/* Undelivered items, then close or release; once. */
void uplink_end_session(struct client *client);
/* Returns an item that came for a client who cannot have it any more. */
void uplink_return(struct client *client, uint8_t kind, const uint8_t *bytes,
    size_t len);
/* All that is queued and not acknowledged, and what came late behind it. */
void uplink_return_queue(struct client *client);
/* Tells upstream of what was pushed. */
void uplink_ring(struct client_worker *worker);

#endif
