/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring_writer - frames on their way into one ring, in order, with a bounded
 * queue for what a full ring does not take now (MEMORY.md §5).
 *
 * Only upstream's own words wait here. What finds no room and is of a link
 * stays unparsed in its receive buffer; the owner stops reading links until the
 * ring has room and the queue is empty, and then hands the item out again.
 */
#ifndef WORKER_UPSTREAM_CORE_RING_WRITER_H
#define WORKER_UPSTREAM_CORE_RING_WRITER_H

#include "common/base/list.h"
#include "common/shm/link_memory.h"
#include "common/shm/ring.h"

/* The item of a link that is dealt with once this is in the ring. It does not
 * wait here: what lies in this process alone is lost with it. */
struct ring_writer_cause {
	struct links_memory *memory; /* NULL: none is */
	uint32_t link;
	uint64_t parsed; /* behind the item */
};

struct ring_writer {
	struct ring ring;
	uint32_t number; /* the partition's */
	uint32_t piece;  /* items are chains of this many bytes; 0: one frame */
	size_t cap;      /* bytes that may wait */
	size_t waiting_bytes;
	struct list waiting;
	bool wanted;          /* an item of a link found no room ... */
	uint64_t wanted_tail; /* ... while the ring's tail was there */
	uint64_t still_tail;  /* of the ring, when it was looked at last */
	unsigned still_looks;
};

/* `ring` is filled by the caller, before or after. */
void ring_writer_init(struct ring_writer *writer, uint32_t piece, size_t cap);

/* Drops what waits. */
void ring_writer_clear(struct ring_writer *writer);
/* The same of the first item, which is shown before; false when there is none.
 */
typedef void ring_writer_item_fn(void *context, const struct frame_id *id,
    const uint8_t *bytes, size_t len);
bool ring_writer_drain_one(struct ring_writer *writer, ring_writer_item_fn *fn,
    void *context);

/* fields: NULL for none; only with `piece`.
 * 0: in the ring or waiting. -EMSGSIZE: never fits. -ENOBUFS: the queue is
 * full. -EPROTO: the other side's cursors are impossible. */
MUST_CHECK int ring_writer_push(struct ring_writer *writer,
    const struct frame_id *id, const struct frame_fields *fields,
    const void *bytes, size_t len);

/* The same with a cause; a successor finds both done, or neither. -EAGAIN:
 * there is no room now. */
MUST_CHECK int ring_writer_push_of(struct ring_writer *writer,
    const struct ring_writer_cause *cause, const struct frame_id *id,
    const struct frame_fields *fields, const void *bytes, size_t len);

/* Bytes that the ring takes now, at least; 0 while something waits. */
uint64_t ring_writer_room(struct ring_writer *writer);

/* Moves what fits; true when something moved. */
bool ring_writer_flush(struct ring_writer *writer);

/*
 * For a tick. True when something has waited at so many looks in a row and the
 * consumer has taken nothing in between; counting begins again then. Looks, not
 * seconds: while the owner itself does not run none is counted.
 */
bool ring_writer_stands_still(struct ring_writer *writer, unsigned looks);

static inline bool
ring_writer_is_blocked(const struct ring_writer *writer)
{
	return writer->wanted || !list_is_empty(&writer->waiting);
}

#endif
