/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/outbox.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct outbox_item {
	struct list link;
	struct frame_id id;
	size_t len;
	uint8_t bytes[];
};

void
outbox_init(struct outbox *outbox, uint32_t piece, size_t cap)
{
	outbox->piece = piece;
	outbox->cap = cap;
	outbox->waiting_bytes = 0;
	outbox->still_looks = 0;
	list_init(&outbox->waiting);
}

static void
drop(struct outbox *outbox, struct outbox_item *item)
{
	outbox->waiting_bytes -= item->len;
	list_remove(&item->link);
	free(item);
}

void
outbox_clear(struct outbox *outbox)
{
	list_each(link, &outbox->waiting)
	    drop(outbox, container_of(link, struct outbox_item, link));
}

void
outbox_drain(struct outbox *outbox, outbox_item_fn *fn, void *context)
{
	list_each(link, &outbox->waiting)
	{
		struct outbox_item *item =
		    container_of(link, struct outbox_item, link);

		fn(context, &item->id, item->bytes, item->len);
		drop(outbox, item);
	}
	outbox->still_looks = 0; /* what comes next is another consumer's */
}

static int
to_ring(struct outbox *outbox, const struct frame_id *id, const void *bytes,
    size_t len)
{
	/* Nothing stays of what did not fit. */
	ring_unstage(&outbox->ring);
	if (outbox->piece)
		return ring_push_chain(&outbox->ring, id, bytes, len,
		    outbox->piece);
	if (len > FRAME_BYTES_MAX)
		return -EMSGSIZE;
	return ring_push(&outbox->ring, id, bytes, (uint32_t)len);
}

/* As the ring would say if nothing waited. */
static bool
never_fits(const struct outbox *outbox, size_t len)
{
	uint64_t capacity = outbox->ring.capacity;
	uint64_t pieces, frame;

	if (!outbox->piece)
		return len > FRAME_BYTES_MAX ||
		       len + FRAME_HEADER_BYTES > capacity / 2;
	if (len > capacity)
		return true;
	pieces = len / outbox->piece + 1;
	frame = FRAME_HEADER_BYTES + ALIGN_UP((uint64_t)outbox->piece, 8);
	return (pieces + 1) * frame > capacity;
}

int
outbox_push(struct outbox *outbox, const struct frame_id *id, const void *bytes,
    size_t len)
{
	struct outbox_item *item;
	int error = -ENOSPC;

	if (list_is_empty(&outbox->waiting))
		error = to_ring(outbox, id, bytes, len);
	else if (never_fits(outbox, len))
		error = -EMSGSIZE;
	if (error != -ENOSPC)
		return error;
	if (outbox->waiting_bytes + len > outbox->cap)
		return -ENOBUFS;
	item = xmalloc(sizeof(*item) + len);
	item->id = *id;
	item->len = len;
	if (len)
		memcpy(item->bytes, bytes, len);
	list_append(&outbox->waiting, &item->link);
	outbox->waiting_bytes += len;
	return 0;
}

bool
outbox_flush(struct outbox *outbox)
{
	bool moved = false;

	list_each(link, &outbox->waiting)
	{
		struct outbox_item *item =
		    container_of(link, struct outbox_item, link);

		int error = to_ring(outbox, &item->id, item->bytes, item->len);

		if (error == -ENOSPC || error == -EPROTO)
			break;
		drop(outbox, item);
		moved = true;
	}
	return moved;
}

uint64_t
outbox_room(struct outbox *outbox)
{
	if (outbox_is_blocked(outbox))
		return 0;
	ring_unstage(&outbox->ring);
	return ring_room(&outbox->ring);
}

bool
outbox_stands_still(struct outbox *outbox, unsigned looks)
{
	uint64_t tail = ring_tail(&outbox->ring);

	if (!outbox_is_blocked(outbox) || tail != outbox->still_tail)
		outbox->still_looks = 0;
	outbox->still_tail = tail;
	if (!outbox_is_blocked(outbox) || outbox->still_looks++ < looks)
		return false;
	outbox->still_looks = 0;
	return true;
}
