/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_state - the states of a client and the moves between them.
 *
 *                +----------- abort, failure -----------+
 *                v                                      |
 *   GREETING -> NEGOTIATING ---------- auth -----> AUTHENTICATING
 *      ^         |        |                         |         |
 *      |     starttls  jabber:iq:auth        jabber:iq:auth success
 *      |         v        |                         |         v
 *      +- STARTING_TLS    +-------> BOUND <---------+    RESTARTING
 *                                     ^                       |
 *                                     +---- bind --- OPEN <- header
 *
 * Where a session may have something to come, an end tag --> LEAVING.
 * From anywhere: client_close() --> CLOSING (stream error and end tag, at
 * most the end time-out; none and at once while TLS begins) --> freed. The
 * session behind it ends by frames upward, which wait in its backlog while the
 * ring is full. client_enter() alone moves the state; client_state.c has the
 * table of the allowed moves.
 */
#ifndef WORKER_CLIENT_CLIENT_STATE_H
#define WORKER_CLIENT_CLIENT_STATE_H

#include "worker/client/client.h"

enum client_state {
	CLIENT_GREETING, /* a stream header is due, maybe after a handshake */
	CLIENT_NEGOTIATING,
	CLIENT_STARTING_TLS,   /* TLS begins when <proceed/> is written */
	CLIENT_AUTHENTICATING, /* SASL exchange with the server */
	CLIENT_RESTARTING,     /* authenticated; a new header is due */
	CLIENT_OPEN,           /* its second stream; a resource is due */
	CLIENT_BOUND,          /* has a resource */
	CLIENT_LEAVING, /* its end tag came; answers are due: goodbye.c */
	CLIENT_CLOSING,
	CLIENT_STATE_COUNT
};

/* The server has accepted it, and the stream has not begun to end. */
static inline bool
client_is_authenticated(const struct client *client)
{
	return client->state >= CLIENT_RESTARTING &&
	       client->state < CLIENT_CLOSING;
}

/*
 * The only place that moves a client's state. True: it is in `next` now. False:
 * it is closing already, which counts as a refused move; whoever gets that has
 * no more to do for the client. Any other move that the table does not have is
 * a bug of ours: no peer can cause one.
 */
bool client_enter(struct client *client, enum client_state next);

#endif
