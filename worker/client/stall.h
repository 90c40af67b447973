/* SPDX-License-Identifier: Apache-2.0 */
/*
 * stall - what waits for a client beside its queue: frames that found no room
 * in an up ring, and items that came late. Few clients have any at a time, so
 * it is apart from them. Items lie one behind the other: struct stall_item,
 * then `len` bytes. backlog.c makes and frees it; others look.
 */
#ifndef WORKER_CLIENT_STALL_H
#define WORKER_CLIENT_STALL_H

#include "common/base/buf.h"
#include "common/base/list.h"
#include "common/shm/ring.h"
#include "common/shm/ring_frame.h"
#include "worker/client/client.h"

struct stall {
	struct client *client;
	struct list blocked;      /* in client_worker.blocked, or alone */
	uint32_t blocked_since_s; /* while CLIENT_BLOCKED */
	struct buf backlog;       /* frames that wait for room in the ring */
	struct buf late;          /* closing: to be returned behind the queue;
				   * between two streams: for the next */
};

struct stall_item {
	struct frame_id id;
	uint32_t len;
};

static inline size_t
stall_late_bytes(const struct client *client)
{
	return client->stall ? buf_len(&client->stall->late) : 0;
}

#endif
