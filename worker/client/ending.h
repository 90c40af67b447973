/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ending - how a client ends: its stream by words, its session by frames
 * upward, at last the object. The first three are what client_end(),
 * client_drop() and client_shed() of client.h have done, wired in
 * client_worker.c.
 */
#ifndef WORKER_CLIENT_ENDING_H
#define WORKER_CLIENT_ENDING_H

#include "common/base/base.h"
#include "common/xmpp/close.h"

struct client;
struct client_worker;

void ending_begin(struct client *client, enum close_reason reason,
    const uint8_t *bytes, size_t len);
void ending_drop(struct client *client, enum close_reason reason);
void ending_shed(struct client *client, enum close_reason reason);
/* Goes on with a closing client; may free it. */
void ending_step(struct client *client);
/* Without words: the worker ends. */
void ending_free_all(struct client_worker *worker);

#endif
