/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring - frames as they are read.
 */
#include "common/shm/ring_frame.h"

#include <errno.h>
#include <string.h>

/* As it was written, and within the ring and `left`. */
static bool
is_genuine(const struct ring *ring, uint64_t cursor, uint64_t left,
    const struct frame_header *header)
{
	const uint8_t *bytes =
	    ring->data + ring_position(ring, cursor) + FRAME_HEADER_BYTES;
	uint64_t whole = ring_frame_bytes(header->len);

	if (header->kind != FRAME_PAD &&
	    (header->len > FRAME_BYTES_MAX ||
		header->kind >= FRAME_KIND_COUNT ||
		whole > ring_to_end(ring, cursor) || whole > left))
		return false;
	return header->seal == ring_seal(header, cursor, bytes);
}

/* Skips pads; 1 with the header read once, 0 at head, -EPROTO. */
static int
next_header(const struct ring *ring, uint64_t *cursor_io,
    struct frame_header *header_out)
{
	uint64_t head = ring_head(ring), left;

	for (;;) {
		left = head - *cursor_io;
		if (!ring_fits(ring, *cursor_io, head))
			return -EPROTO;
		if (left == 0)
			return 0;
		if (ring_to_end(ring, *cursor_io) >= FRAME_HEADER_BYTES) {
			if (left < FRAME_HEADER_BYTES)
				return -EPROTO;
			memcpy(header_out,
			    ring->data + ring_position(ring, *cursor_io),
			    sizeof(*header_out));
			if (!is_genuine(ring, *cursor_io, left, header_out))
				return -EPROTO;
			if (header_out->kind != FRAME_PAD)
				return 1;
		}
		if (ring_to_end(ring, *cursor_io) > left)
			return -EPROTO;
		*cursor_io += ring_to_end(ring, *cursor_io);
	}
}

/* The end of the header, of a frame with FRAME_PARSED. */
static int
take_fields(struct frame *frame)
{
	if (frame->len < sizeof(frame->fields))
		return -EPROTO;
	memcpy(&frame->fields, frame->bytes, sizeof(frame->fields));
	frame->bytes += sizeof(frame->fields);
	frame->len -= (uint32_t)sizeof(frame->fields);
	return 0;
}

int
ring_next(const struct ring *ring, uint64_t *cursor_io, struct frame *frame_out)
{
	uint64_t cursor = *cursor_io;
	struct frame_header header;
	int found;

	found = next_header(ring, &cursor, &header);
	if (found <= 0) {
		if (found == 0)
			*cursor_io = cursor;
		return found;
	}
	frame_out->kind = header.kind;
	frame_out->flags = header.flags;
	frame_out->domain = header.domain;
	frame_out->slot = header.slot;
	frame_out->generation = header.generation;
	frame_out->len = header.len;
	frame_out->check = header.check;
	frame_out->bytes =
	    ring->data + ring_position(ring, cursor) + FRAME_HEADER_BYTES;
	frame_out->cursor = cursor;
	frame_out->next = cursor + ring_frame_bytes(header.len);
	if ((header.flags & FRAME_PARSED) && take_fields(frame_out) != 0)
		return -EPROTO;
	*cursor_io = frame_out->next;
	return 1;
}

bool
ring_publish_again(struct ring *ring, uint64_t head)
{
	struct frame frame = { .flags = 0 };
	uint64_t cursor = ring_head(ring);
	struct ring ahead = *ring;
	int found;

	if (!ring_fits(ring, ring_tail(ring), head))
		return false;
	ahead.sides |= RING_PRODUCER;
	ahead.own_head = head;
	do
		found = ring_next(&ahead, &cursor, &frame);
	while (found == 1);
	if (found < 0 || (frame.flags & FRAME_MORE))
		return false;
	ring->staged = head;
	ring_publish(ring);
	return true;
}

bool
frame_verify(const struct frame *frame, uint32_t nonce32)
{
	const struct frame_id id = { frame->kind, frame->flags, frame->slot,
		frame->generation, nonce32, frame->domain };
	uint32_t len = frame->len;

	if (frame->flags & FRAME_PARSED)
		len += (uint32_t)sizeof(frame->fields);
	return frame->check == ring_check_word(&id, len);
}
