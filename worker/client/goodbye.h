/* SPDX-License-Identifier: Apache-2.0 */
/*
 * goodbye - the end of a stream that its client wishes. What it has requested
 * before is done by the server, so the answers are waited for, at most
 * xmpp.client.goodbye.timeout seconds.
 */
#ifndef WORKER_CLIENT_GOODBYE_H
#define WORKER_CLIENT_GOODBYE_H

#include "common/base/base.h"

struct client_worker;
struct client;

void goodbye_init(struct client_worker *worker);
/* The client has ended its stream: closes it, now or when the server has
 * answered. */
void goodbye_begin(struct client *client);
/* Those that wait are closed now. */
void goodbye_end_all(struct client_worker *worker);
void goodbye_forget_all(struct client_worker *worker);

#endif
