/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/ring.h"

#include "common/shm/pages.h"

#include <errno.h>
#include <string.h>

/* A quiet ring goes back to its start when it has come further than this. */
#define QUIET_BYTES 4096u
#define UNIT        8u

struct frame_header {
	uint32_t len;
	uint8_t kind;
	uint8_t flags;
	uint16_t reserved;
	uint32_t slot;
	uint32_t use;
	uint32_t check;
	uint8_t spare[12];
};

_Static_assert(sizeof(struct frame_header) == FRAME_HEADER_BYTES,
    "the frame header is part of the region's layout");

static uint64_t
frame_bytes(uint64_t len)
{
	return ALIGN_UP(FRAME_HEADER_BYTES + len, UNIT);
}

static uint32_t
mix(uint32_t hash, uint32_t word)
{
	hash = (hash ^ word) * 0x9E3779B1u;
	return hash ^ (hash >> 15);
}

static uint32_t
check_word(uint32_t len, uint8_t kind, uint8_t flags, uint32_t slot,
    uint32_t use, uint32_t nonce32)
{
	uint32_t hash;

	hash = mix(0x636D616Eu, len);
	hash = mix(hash, (uint32_t)kind | (uint32_t)flags << 8);
	hash = mix(hash, slot);
	hash = mix(hash, use);
	return mix(hash, nonce32);
}

void
ring_attach(struct ring *ring, _Atomic uint64_t *head, _Atomic uint64_t *sent,
    _Atomic uint64_t *tail, void *data, uint64_t capacity)
{
	CHECK(capacity >= 4096 && (capacity & (capacity - 1)) == 0);
	ring->head = head;
	ring->sent = sent;
	ring->tail = tail;
	ring->data = data;
	ring->capacity = capacity;
	ring->staged = atomic_load_explicit(head, memory_order_relaxed);
	ring->touched = capacity; /* a predecessor's burst, maybe */
}

static uint64_t
position(const struct ring *ring, uint64_t cursor)
{
	return cursor & (ring->capacity - 1);
}

static uint64_t
to_end(const struct ring *ring, uint64_t cursor)
{
	return ring->capacity - position(ring, cursor);
}

/* --- producer --- */

/* Room behind what is staged; -EPROTO when the consumer's tail is absurd. */
static int
free_room(const struct ring *ring, uint64_t *room_out, bool *empty_out)
{
	uint64_t used = ring->staged - ring_tail(ring);

	if (used > ring->capacity)
		return -EPROTO;
	*room_out = ring->capacity - used;
	*empty_out = used == 0;
	return 0;
}

/* `len` bytes from the staged position on are written now. */
static void
stage_bytes(struct ring *ring, uint64_t len)
{
	ring->touched = MAX(ring->touched, position(ring, ring->staged) + len);
	ring->staged += len;
}

static void
stage_pad(struct ring *ring)
{
	uint64_t pad = to_end(ring, ring->staged);
	struct frame_header header;

	/* Too short for a header: the consumer skips it by its size alone. */
	if (pad >= FRAME_HEADER_BYTES) {
		memset(&header, 0, sizeof(header));
		header.len = (uint32_t)(pad - FRAME_HEADER_BYTES);
		header.kind = FRAME_PAD;
		memcpy(ring->data + position(ring, ring->staged), &header,
		    sizeof(header));
		stage_bytes(ring, sizeof(header));
		pad -= sizeof(header);
	}
	ring->staged += pad;
}

/* `whole` is what the caller is going to stage in all: an empty ring starts
 * anew only if that still fits behind the pad. */
static int
reserve(struct ring *ring, uint32_t len, uint64_t whole, uint8_t **bytes_out)
{
	uint64_t need = frame_bytes(len), room, pad = 0;
	uint64_t at = position(ring, ring->staged);
	bool empty;
	int error;

	if (len > FRAME_BYTES_MAX || need > ring->capacity / 2)
		return -EMSGSIZE;
	error = free_room(ring, &room, &empty);
	if (error)
		return error;
	if (to_end(ring, ring->staged) < need ||
	    (empty && at > QUIET_BYTES && whole <= at))
		pad = to_end(ring, ring->staged);
	if (room < pad + need)
		return -ENOSPC;
	if (pad)
		stage_pad(ring);
	*bytes_out =
	    ring->data + position(ring, ring->staged) + FRAME_HEADER_BYTES;
	return 0;
}

int
ring_reserve(struct ring *ring, uint32_t len, uint8_t **bytes_out)
{
	return reserve(ring, len, frame_bytes(len), bytes_out);
}

void
ring_stage(struct ring *ring, const struct frame_id *id, uint32_t len)
{
	struct frame_header header;

	memset(&header, 0, sizeof(header));
	header.len = len;
	header.kind = id->kind;
	header.flags = id->flags;
	header.slot = id->slot;
	header.use = id->use;
	header.check = check_word(len, id->kind, id->flags, id->slot, id->use,
	    id->nonce32);
	memcpy(ring->data + position(ring, ring->staged), &header,
	    sizeof(header));
	stage_bytes(ring, frame_bytes(len));
}

void
ring_publish(struct ring *ring)
{
	atomic_store_explicit(ring->head, ring->staged, memory_order_release);
}

uint64_t
ring_staged(const struct ring *ring)
{
	return ring->staged;
}

void
ring_unstage(struct ring *ring)
{
	ring->staged = atomic_load_explicit(ring->head, memory_order_relaxed);
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

int
ring_push_chain(struct ring *ring, const struct frame_id *id, const void *bytes,
    size_t len, uint32_t piece)
{
	const uint8_t *from = bytes;
	uint64_t pieces = len ? (len + piece - 1) / piece : 1;
	uint64_t whole = pieces * frame_bytes(piece);
	uint64_t before = ring->staged;
	struct frame_id part = *id;
	uint32_t now;
	uint8_t *room;
	int error;

	if (len > ring->capacity || whole + frame_bytes(piece) > ring->capacity)
		return -EMSGSIZE;
	do {
		now = (uint32_t)MIN(len, piece);
		error = reserve(ring, now, whole, &room);
		if (error) {
			ring->staged = before;
			return error;
		}
		if (now) { /* else there may be no bytes to point to */
			memcpy(room, from, now);
			from += now;
		}
		len -= now;
		part.flags = (uint8_t)(id->flags & ~FRAME_MORE);
		if (len)
			part.flags |= FRAME_MORE;
		ring_stage(ring, &part, now);
	} while (len);
	ring_publish(ring);
	return 0;
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

/* --- consumer --- */

/* Skips pads; 1 with the header read once, 0 at head, -EPROTO. */
static int
next_header(const struct ring *ring, uint64_t *cursor_io,
    struct frame_header *header_out)
{
	uint64_t head = ring_head(ring), left;

	for (;;) {
		left = head - *cursor_io;
		if (left > ring->capacity || left % UNIT != 0)
			return -EPROTO;
		if (left == 0)
			return 0;
		if (to_end(ring, *cursor_io) >= FRAME_HEADER_BYTES) {
			if (left < FRAME_HEADER_BYTES)
				return -EPROTO;
			memcpy(header_out,
			    ring->data + position(ring, *cursor_io),
			    sizeof(*header_out));
			if (header_out->kind != FRAME_PAD)
				return 1;
		}
		if (to_end(ring, *cursor_io) > left)
			return -EPROTO;
		*cursor_io += to_end(ring, *cursor_io);
	}
}

int
ring_next(const struct ring *ring, uint64_t *cursor_io, struct frame *frame_out)
{
	uint64_t cursor = *cursor_io, whole;
	struct frame_header header;
	int found;

	found = next_header(ring, &cursor, &header);
	if (found <= 0) {
		if (found == 0)
			*cursor_io = cursor;
		return found;
	}
	whole = frame_bytes(header.len);
	if (header.len > FRAME_BYTES_MAX || header.kind >= FRAME_KIND_COUNT ||
	    whole > to_end(ring, cursor) || whole > ring_head(ring) - cursor)
		return -EPROTO;
	frame_out->kind = header.kind;
	frame_out->flags = header.flags;
	frame_out->slot = header.slot;
	frame_out->use = header.use;
	frame_out->len = header.len;
	frame_out->check = header.check;
	frame_out->bytes =
	    ring->data + position(ring, cursor) + FRAME_HEADER_BYTES;
	frame_out->cursor = cursor;
	frame_out->next = cursor + whole;
	*cursor_io = frame_out->next;
	return 1;
}

bool
frame_verify(const struct frame *frame, uint32_t nonce32)
{
	return frame->check == check_word(frame->len, frame->kind, frame->flags,
				   frame->slot, frame->use, nonce32);
}

uint64_t
ring_head(const struct ring *ring)
{
	return atomic_load_explicit(ring->head, memory_order_acquire);
}

uint64_t
ring_sent(const struct ring *ring)
{
	return atomic_load_explicit(ring->sent, memory_order_relaxed);
}

uint64_t
ring_tail(const struct ring *ring)
{
	return atomic_load_explicit(ring->tail, memory_order_acquire);
}

void
ring_set_sent(struct ring *ring, uint64_t cursor)
{
	atomic_store_explicit(ring->sent, cursor, memory_order_relaxed);
}

void
ring_release(struct ring *ring, uint64_t cursor)
{
	if (ring_sent(ring) < cursor)
		ring_set_sent(ring, cursor);
	atomic_store_explicit(ring->tail, cursor, memory_order_release);
}

void
ring_reset(struct ring *ring)
{
	atomic_store(ring->head, 0);
	atomic_store(ring->sent, 0);
	atomic_store(ring->tail, 0);
	ring->staged = 0;
}
