/* SPDX-License-Identifier: Apache-2.0 */
/*
 * output - what clients get: queued in the worker's partition, written when the
 * loop comes round, freed when the client's TCP has acknowledged it. Who lets
 * more wait than the limits allow is shed, so each call that queues may end the
 * client, or another. Bytes are copied.
 */
#ifndef WORKER_CLIENT_OUTPUT_H
#define WORKER_CLIENT_OUTPUT_H

#include "common/base/base.h"

struct buf;
struct client;

/* Sent by ourselves: never returned to the server. Not for one that is mute. */
void output_control(struct client *client, const struct buf *words);
/* The same for the last bytes before TLS, in the state STARTING_TLS. */
void output_proceed(struct client *client, const struct buf *words);
/* An item for the client; kind: enum frame_kind. One that comes when our header
 * of a new stream is still due is kept until output_resume(). */
void output_item(struct client *client, uint8_t kind, const void *bytes,
    size_t len);
/* The new stream has begun. */
void output_resume(struct client *client);
/* Has the client looked at in this turn of the loop, wherever it waits; not
 * for use while worker.dirty or worker.unacked is walked, but for the client
 * at hand. */
void output_soon(struct client *client);
/* Writes what can be written; the client may be closing afterwards. */
void output_flush(struct client *client);
/* Frees what clients have acknowledged. */
void output_collect(struct client *client);
void output_forget(struct client *client);

/* Of a client that is lost: its kernel may acknowledge some of its queue yet.
 */
bool output_may_be_acked(const struct client *client);
/* Returns all that it has not acknowledged. */
void output_give_up(struct client *client);
/* An item that came for a closing client: behind those that it cannot get any
 * more either. */
void output_return(struct client *client, uint8_t kind, const uint8_t *bytes,
    size_t len);

#endif
