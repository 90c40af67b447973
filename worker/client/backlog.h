/* SPDX-License-Identifier: Apache-2.0 */
/*
 * backlog - what waits beside a client: frames that find no room in an up ring,
 * in whose way the client is not read from; and items that came for one that is
 * closing or between two of its streams. A client without any has no memory for
 * it. Kinds: enum frame_kind. Bytes are copied.
 */
#ifndef WORKER_CLIENT_BACKLOG_H
#define WORKER_CLIENT_BACKLOG_H

#include "common/base/base.h"

struct client_worker;
struct buf;
struct client;
struct frame_id;

/* Into the ring of the client's lane, or behind what waits for room there. */
void backlog_push(struct client *client, const struct frame_id *id,
    const void *bytes, uint32_t len);
bool backlog_is_empty(const struct client *client);
/* Nobody will take it: messages and requests are answered with an error, here
 * and now; the rest stays. */
void backlog_refuse(struct client *client);
/* Not read from until its backlog is gone and the server serves. */
void backlog_block(struct client *client);
/* Seconds that it was blocked, since it began or this was last asked. */
uint32_t backlog_blocked_s(struct client *client);
/* Moves backlogs into rings that have room again; true when clients can go
 * on. */
bool backlog_drain_all(struct client_worker *worker);
/* Keeps an item that may have to go back, behind what is queued and may yet be
 * acknowledged. */
void backlog_keep_late(struct client *client, uint8_t kind,
    const uint8_t *bytes, size_t len);
/* Keeps an item that the client gets once its new stream has begun, or that
 * goes back. */
void backlog_keep_for_stream(struct client *client, uint8_t kind,
    const uint8_t *bytes, size_t len);
/* Takes the first of those, instead of what *item_io held; false: there is
 * none. */
bool backlog_take_for_stream(struct client *client, uint8_t *kind_out,
    struct buf *item_io);
size_t backlog_late_bytes(const struct client *client);
void backlog_return_late(struct client *client);
/* All of it, when the client goes. */
void backlog_forget(struct client *client);

#endif
