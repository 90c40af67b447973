/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring - its producer's side.
 */
#include "common/shm/pages.h"
#include "common/shm/ring_frame.h"
#include "common/shm/store.h"

#include <errno.h>
#include <string.h>

/* What a quiet ring keeps of its pages. */
#define QUIET_BYTES 4096u

/* Room behind what is staged; -EPROTO when the consumer's tail is absurd. */
static int
free_room(const struct ring *ring, uint64_t *room_out, bool *empty_out)
{
	uint64_t used = ring->staged - ring_tail(ring);

	if (used > ring->capacity || used % RING_UNIT != 0)
		return -EPROTO;
	*room_out = ring->capacity - used;
	*empty_out = used == 0;
	return 0;
}

/* `len` bytes from the staged position on are written now. */
static void
stage_bytes(struct ring *ring, uint64_t len)
{
	ring->touched =
	    MAX(ring->touched, ring_position(ring, ring->staged) + len);
	ring->staged += len;
}

static void
stage_pad(struct ring *ring)
{
	uint64_t pad = ring_to_end(ring, ring->staged);
	struct frame_header header;

	/* Too short for a header: the consumer skips it by its size alone. */
	if (pad >= FRAME_HEADER_BYTES) {
		memset(&header, 0, sizeof(header));
		header.len = (uint32_t)(pad - FRAME_HEADER_BYTES);
		header.kind = FRAME_PAD;
		header.seal = ring_seal(&header, ring->staged, NULL);
		memcpy(ring->data + ring_position(ring, ring->staged), &header,
		    sizeof(header));
		stage_bytes(ring, sizeof(header));
		pad -= sizeof(header);
	}
	ring->staged += pad;
}

/* Whether an empty ring, of which `whole` bytes are going to be staged in all,
 * passes over what lies behind its position. That is no room until the consumer
 * has seen it, however long that takes: the other half is, at least. */
static bool
starts_anew(const struct ring *ring, uint64_t whole)
{
	uint64_t at = ring_position(ring, ring->staged);

	return at >= ring->capacity / 2 && whole <= at;
}

static int
reserve(struct ring *ring, uint32_t len, uint64_t whole, uint8_t **bytes_out)
{
	uint64_t need = ring_frame_bytes(len), room, pad = 0;
	bool empty;
	int error;

	if (len > FRAME_BYTES_MAX || need > ring->capacity / 2)
		return -EMSGSIZE;
	error = free_room(ring, &room, &empty);
	if (error)
		return error;
	if (ring_to_end(ring, ring->staged) < need ||
	    (empty && starts_anew(ring, whole)))
		pad = ring_to_end(ring, ring->staged);
	if (room < pad + need)
		return -ENOSPC;
	if (pad)
		stage_pad(ring);
	*bytes_out =
	    ring->data + ring_position(ring, ring->staged) + FRAME_HEADER_BYTES;
	return 0;
}

int
ring_reserve(struct ring *ring, uint32_t len, uint8_t **bytes_out)
{
	return reserve(ring, len, ring_frame_bytes(len), bytes_out);
}

void
ring_stage(struct ring *ring, const struct frame_id *id, uint32_t len)
{
	uint8_t *at = ring->data + ring_position(ring, ring->staged);
	struct frame_header header;

	memset(&header, 0, sizeof(header));
	header.len = len;
	header.kind = id->kind;
	header.flags = id->flags;
	header.domain = id->domain;
	header.slot = id->slot;
	header.generation = id->generation;
	header.check = ring_check_word(id, len);
	header.seal = ring_seal(&header, ring->staged, at + sizeof(header));
	kill_point("header");
	memcpy(at, &header, sizeof(header));
	stage_bytes(ring, ring_frame_bytes(len));
}

int
ring_push(struct ring *ring, const struct frame_id *id, const void *bytes,
    uint32_t len)
{
	uint8_t *room;
	int error;

	error = ring_reserve(ring, len, &room);
	if (error)
		return error;
	if (len)
		memcpy(room, bytes, len);
	ring_stage(ring, id, len);
	ring_publish(ring);
	return 0;
}

/* What of an item is still to be written. */
struct rest {
	const struct frame_fields *fields; /* NULL: none, or written */
	const uint8_t *bytes;
	size_t len; /* of both */
};

/* The next `len` of it; true when the fields are among them. */
static bool
put_piece(uint8_t *room, struct rest *rest, uint32_t len)
{
	bool has_fields = rest->fields != NULL;
	uint32_t before = has_fields ? sizeof(*rest->fields) : 0;

	if (has_fields)
		memcpy(room, rest->fields, before);
	rest->fields = NULL;
	rest->len -= len;
	len -= before;
	if (len) { /* else there may be no bytes to point to */
		memcpy(room + before, rest->bytes, len);
		rest->bytes += len;
	}
	return has_fields;
}

int
ring_stage_chain(struct ring *ring, const struct frame_id *id,
    const struct frame_fields *fields, const void *bytes, size_t len,
    uint32_t piece)
{
	struct rest rest = { fields, bytes,
		len + (fields ? sizeof(*fields) : 0) };
	uint64_t pieces = rest.len ? (rest.len + piece - 1) / piece : 1;
	uint64_t whole = pieces * ring_frame_bytes(piece);
	uint64_t before = ring->staged;
	struct frame_id part = *id;
	uint32_t now;
	uint8_t *room;
	int error;

	CHECK(!fields || piece >= sizeof(*fields));
	if (rest.len > ring->capacity ||
	    whole + ring_frame_bytes(piece) > ring->capacity)
		return -EMSGSIZE;
	do {
		now = (uint32_t)MIN(rest.len, piece);
		error = reserve(ring, now, whole, &room);
		if (error) {
			ring->staged = before;
			return error;
		}
		part.flags = put_piece(room, &rest, now) ? FRAME_PARSED : 0;
		if (rest.len)
			part.flags |= FRAME_MORE;
		ring_stage(ring, &part, now);
	} while (rest.len);
	return 0;
}

int
ring_push_chain(struct ring *ring, const struct frame_id *id,
    const struct frame_fields *fields, const void *bytes, size_t len,
    uint32_t piece)
{
	int error = ring_stage_chain(ring, id, fields, bytes, len, piece);

	if (!error)
		ring_publish(ring);
	return error;
}

void
ring_trim(struct ring *ring)
{
	uint64_t room;
	bool empty;

	if (ring->touched <= QUIET_BYTES || free_room(ring, &room, &empty) ||
	    !empty)
		return;
	if (pages_give_back(ring->data, QUIET_BYTES, ring->touched))
		ring->touched = QUIET_BYTES;
}

uint64_t
ring_room(const struct ring *ring)
{
	uint64_t room;
	bool empty;

	if (free_room(ring, &room, &empty))
		return 0;
	return room;
}
