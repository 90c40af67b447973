/* SPDX-License-Identifier: Apache-2.0 */
/*
 * outbox - frames on their way into one ring, in order, with a bounded queue
 * for what a full ring does not take now (MEMORY.md §4).
 *
 * What is written while a ring is full comes from items already read; the owner
 * stops reading links until outbox_flush() has emptied the queue.
 */
#ifndef WORKER_UPSTREAM_OUTBOX_H
#define WORKER_UPSTREAM_OUTBOX_H

#include "common/base/list.h"
#include "common/shm/ring.h"

struct outbox {
	struct ring ring;
	uint32_t piece; /* items are chains of this many bytes; 0: one frame */
	size_t cap;     /* bytes that may wait */
	size_t waiting_bytes;
	struct list waiting;
	uint64_t still_tail; /* of the ring, when it was looked at last */
	unsigned still_looks;
};

/* `ring` is filled by the caller, before or after. */
void outbox_init(struct outbox *outbox, uint32_t piece, size_t cap);

/* Drops what waits. */
void outbox_clear(struct outbox *outbox);
/* The same, each item being shown before. */
typedef void outbox_item_fn(void *context, const struct frame_id *id,
    const uint8_t *bytes, size_t len);
void outbox_drain(struct outbox *outbox, outbox_item_fn *fn, void *context);

/* 0: in the ring or waiting. -EMSGSIZE: never fits. -ENOBUFS: the queue is
 * full. -EPROTO: the other side's cursors are impossible. */
MUST_CHECK int outbox_push(struct outbox *outbox, const struct frame_id *id,
    const void *bytes, size_t len);

/* Bytes that the ring takes now, at least; 0 while something waits. */
uint64_t outbox_room(struct outbox *outbox);

/* Moves what fits; true when something moved. */
bool outbox_flush(struct outbox *outbox);

/*
 * For a tick. True when something has waited at so many looks in a row and the
 * consumer has taken nothing in between; counting begins again then. Looks, not
 * seconds: while the owner itself does not run none is counted.
 */
bool outbox_stands_still(struct outbox *outbox, unsigned looks);

static inline bool
outbox_is_blocked(const struct outbox *outbox)
{
	return !list_is_empty(&outbox->waiting);
}

#endif
