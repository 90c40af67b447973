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

struct buf;
struct client;
struct frame_id;

/* Into the ring of the client's lane, or behind what waits for room there. */
void backlog_push(struct client *client, const struct frame_id *id,
    const void *bytes, uint32_t len);
bool backlog_is_empty(const struct client *client);
/* Not read from until its backlog is gone and the server serves. */
void backlog_block(struct client *client);
/* Seconds that it was blocked, since it began or this was last asked. */
uint32_t backlog_blocked_s(struct client *client);
/* The same is over. */
void backlog_unblock(struct client *client);
/* Moves what waits into its ring. 0: nothing waits any more; -ENOSPC: the ring
 * is full, or -EBUSY: it is others' turn. */
int backlog_drain(struct client *client);
/* The bit of the lane of what waits first: perhaps of a session that it has
 * left; 0: of none. */
uint32_t backlog_lane(const struct client *client);
/* Keeps an item that the client gets once its new stream has begun, or that
 * goes back. */
void backlog_keep_for_stream(struct client *client, uint8_t kind,
    const uint8_t *bytes, size_t len);
/* Takes the first of those, instead of what *item_io held; false: there is
 * none. */
bool backlog_take_for_stream(struct client *client, uint8_t *kind_out,
    struct buf *item_io);
/* All of it, when the client goes. */
void backlog_forget(struct client *client);

#endif
