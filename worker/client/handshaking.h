/* SPDX-License-Identifier: Apache-2.0 */
/*
 * handshaking - TLS begins with clients and its handshakes are gone on with: in
 * turn (handshakes.h), a few at the end of each turn of the loop, so that a
 * flood of them keeps nobody waiting who has logged in.
 */
#ifndef WORKER_CLIENT_HANDSHAKING_H
#define WORKER_CLIENT_HANDSHAKING_H

#include "common/base/base.h"

struct client;
struct client_worker;

void handshaking_init(struct client_worker *worker);

/* TLS is next: <proceed/> is written, or it is due from the first byte. It
 * begins now or when others have ended; until then the client is not read
 * from. */
void handshaking_begin(struct client *client);
/* The socket of a client whose handshake is under way has moved. */
void handshaking_go_on(struct client *client);
/* The client ends. Harmless without a handshake. */
void handshaking_forget(struct client *client);

/* For some milliseconds; true when more is to be done. */
bool handshaking_turn(struct client_worker *worker);
/* Once a second: who does nothing with its place loses it to one that waits. */
void handshaking_tick(struct client_worker *worker);

#endif
