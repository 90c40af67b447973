/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/core/ring_writer.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct ring_writer_item {
	struct list link;
	struct frame_id id;
	struct frame_fields fields;
	bool has_fields;
	size_t len;
	uint8_t bytes[];
};

void
ring_writer_init(struct ring_writer *writer, uint32_t piece, size_t cap)
{
	writer->piece = piece;
	writer->cap = cap;
	writer->waiting_bytes = 0;
	writer->still_looks = 0;
	writer->wanted = false;
	list_init(&writer->waiting);
}

static void
drop(struct ring_writer *writer, struct ring_writer_item *item)
{
	writer->waiting_bytes -= item->len;
	list_remove(&item->link);
	free(item);
}

void
ring_writer_clear(struct ring_writer *writer)
{
	list_each(link, &writer->waiting)
	    drop(writer, container_of(link, struct ring_writer_item, link));
}

bool
ring_writer_drain_one(struct ring_writer *writer, ring_writer_item_fn *fn,
    void *context)
{
	writer->still_looks = 0; /* what comes next is another consumer's */
	writer->wanted = false;
	list_each(link, &writer->waiting)
	{
		struct ring_writer_item *item =
		    container_of(link, struct ring_writer_item, link);

		fn(context, &item->id, item->bytes, item->len);
		drop(writer, item);
		return true;
	}
	return false;
}

static int
to_ring(struct ring_writer *writer, const struct ring_writer_cause *cause,
    const struct frame_id *id, const struct frame_fields *fields,
    const void *bytes, size_t len)
{
	int error;

	/* Nothing stays of what did not fit. */
	ring_unstage(&writer->ring);
	if (writer->piece && cause->memory) {
		error = ring_stage_chain(&writer->ring, id, fields, bytes, len,
		    writer->piece);
		if (error)
			return error;
		link_intent_begin(cause->memory, writer->number,
		    writer->ring.staged, cause->link, cause->parsed);
		ring_publish(&writer->ring);
		link_intent_end(cause->memory, cause->link, cause->parsed);
		return 0;
	}
	if (writer->piece)
		return ring_push_chain(&writer->ring, id, fields, bytes, len,
		    writer->piece);
	if (len > FRAME_BYTES_MAX)
		return -EMSGSIZE;
	return ring_push(&writer->ring, id, bytes, (uint32_t)len);
}

/* As the ring would answer if nothing waited. */
static bool
never_fits(const struct ring_writer *writer, size_t len)
{
	uint64_t capacity = writer->ring.capacity;
	uint64_t pieces, frame;

	if (!writer->piece)
		return len > FRAME_BYTES_MAX ||
		       len + FRAME_HEADER_BYTES > capacity / 2;
	if (len > capacity)
		return true;
	pieces = len / writer->piece + 1;
	frame = FRAME_HEADER_BYTES + align_up(writer->piece, 8);
	return (pieces + 1) * frame > capacity;
}

int
ring_writer_push_of(struct ring_writer *writer,
    const struct ring_writer_cause *cause, const struct frame_id *id,
    const struct frame_fields *fields, const void *bytes, size_t len)
{
	uint64_t tail = ring_tail(&writer->ring); /* before the room is */
	struct ring_writer_item *item;
	int error = -ENOSPC;

	if (list_is_empty(&writer->waiting))
		error = to_ring(writer, cause, id, fields, bytes, len);
	else if (never_fits(writer, len + (fields ? sizeof(*fields) : 0)))
		error = -EMSGSIZE;
	if (error != -ENOSPC)
		return error;
	if (cause->memory) {
		writer->wanted = true;
		writer->wanted_tail = tail;
		return -EAGAIN;
	}
	if (writer->waiting_bytes + len > writer->cap)
		return -ENOBUFS;
	item = xmalloc(sizeof(*item) + len);
	item->id = *id;
	item->has_fields = fields != NULL;
	if (fields)
		item->fields = *fields;
	item->len = len;
	if (len)
		memcpy(item->bytes, bytes, len);
	list_append(&writer->waiting, &item->link);
	writer->waiting_bytes += len;
	return 0;
}

int
ring_writer_push(struct ring_writer *writer, const struct frame_id *id,
    const struct frame_fields *fields, const void *bytes, size_t len)
{
	static const struct ring_writer_cause none;

	return ring_writer_push_of(writer, &none, id, fields, bytes, len);
}

bool
ring_writer_flush(struct ring_writer *writer)
{
	static const struct ring_writer_cause none;
	bool moved = false;

	list_each(link, &writer->waiting)
	{
		struct ring_writer_item *item =
		    container_of(link, struct ring_writer_item, link);

		int error = to_ring(writer, &none, &item->id,
		    item->has_fields ? &item->fields : NULL, item->bytes,
		    item->len);

		if (error == -ENOSPC || error == -EPROTO)
			break;
		drop(writer, item);
		moved = true;
	}
	if (list_is_empty(&writer->waiting) &&
	    (moved || ring_tail(&writer->ring) != writer->wanted_tail))
		writer->wanted = false;
	return moved;
}

uint64_t
ring_writer_room(struct ring_writer *writer)
{
	if (ring_writer_is_blocked(writer))
		return 0;
	ring_unstage(&writer->ring);
	return ring_room(&writer->ring);
}

bool
ring_writer_stands_still(struct ring_writer *writer, unsigned looks)
{
	uint64_t tail = ring_tail(&writer->ring);

	if (!ring_writer_is_blocked(writer) || tail != writer->still_tail)
		writer->still_looks = 0;
	writer->still_tail = tail;
	if (!ring_writer_is_blocked(writer) || writer->still_looks++ < looks)
		return false;
	writer->still_looks = 0;
	return true;
}
