/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/ring.h"

#include "common/shm/pages.h"
#include "common/shm/seal.h"

#include <errno.h>
#include <string.h>

/* What a quiet ring keeps of its pages. */
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
	uint32_t seal; /* over all of it and its cursor */
	uint8_t spare[8];
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

/* Tells a frame from a damaged one, and from one of a former round. A pad's
 * length is not that of bytes. */
static uint32_t
seal_of(const struct frame_header *header, uint64_t cursor,
    const uint8_t *bytes)
{
	uint64_t hash;

	hash = seal_word(cursor, header->len | (uint64_t)header->kind << 32 |
				     (uint64_t)header->flags << 40);
	hash = seal_word(hash, header->slot | (uint64_t)header->use << 32);
	hash = seal_word(hash, header->check);
	return (uint32_t)seal_bytes(hash, bytes,
	    header->kind == FRAME_PAD ? 0 : header->len);
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
	ring->sides = 0;
	ring_unstage(ring);
	ring->touched = capacity; /* a predecessor's burst, maybe */
}

/* --- whose cursors --- */

static uint64_t
load(const _Atomic uint64_t *word)
{
	return atomic_load_explicit(word, memory_order_acquire);
}

static void
store(_Atomic uint64_t *word, uint64_t value)
{
	atomic_store_explicit(word, value, memory_order_release);
}

/* True when `to` can lie behind `from`. */
static bool
fits(const struct ring *ring, uint64_t from, uint64_t to)
{
	return from % UNIT == 0 && to % UNIT == 0 &&
	       to - from <= ring->capacity;
}

void
ring_begin(struct ring *ring, enum ring_side side)
{
	ring->sides |= (unsigned)side;
	if (side == RING_PRODUCER) {
		ring->own_head = ALIGN_UP(load(ring->tail), UNIT);
		ring_unstage(ring);
	} else {
		ring->own_sent = ring->own_tail =
		    ALIGN_UP(load(ring->head), UNIT);
	}
	(void)ring_restore(ring);
}

int
ring_inherit(struct ring *ring, enum ring_side side)
{
	uint64_t head = load(ring->head), tail = load(ring->tail);

	if (!fits(ring, tail, head)) {
		ring_begin(ring, side);
		return -EPROTO;
	}
	ring->sides |= (unsigned)side;
	if (side == RING_PRODUCER) {
		ring->own_head = head;
		ring_unstage(ring);
		return 0;
	}
	ring->own_tail = tail;
	ring->own_sent = load(ring->sent);
	if (!fits(ring, tail, ring->own_sent) ||
	    !fits(ring, ring->own_sent, head))
		ring_set_sent(ring, head);
	return 0;
}

/* True when it differed. */
static bool
put_right(_Atomic uint64_t *word, uint64_t value)
{
	if (load(word) == value)
		return false;
	store(word, value);
	return true;
}

bool
ring_restore(struct ring *ring)
{
	bool differed = false;

	if (ring->sides & RING_PRODUCER)
		differed |= put_right(ring->head, ring->own_head);
	if (ring->sides & RING_CONSUMER) {
		differed |= put_right(ring->sent, ring->own_sent);
		differed |= put_right(ring->tail, ring->own_tail);
	}
	return differed;
}

bool
ring_is_sound(const struct ring *ring)
{
	uint64_t head = ring_head(ring), tail = ring_tail(ring);
	uint64_t sent = ring_sent(ring);

	return fits(ring, tail, head) && fits(ring, tail, sent) &&
	       fits(ring, sent, head);
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

	if (used > ring->capacity || used % UNIT != 0)
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
		header.seal = seal_of(&header, ring->staged, NULL);
		memcpy(ring->data + position(ring, ring->staged), &header,
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
	uint64_t at = position(ring, ring->staged);

	return at >= ring->capacity / 2 && whole <= at;
}

static int
reserve(struct ring *ring, uint32_t len, uint64_t whole, uint8_t **bytes_out)
{
	uint64_t need = frame_bytes(len), room, pad = 0;
	bool empty;
	int error;

	if (len > FRAME_BYTES_MAX || need > ring->capacity / 2)
		return -EMSGSIZE;
	error = free_room(ring, &room, &empty);
	if (error)
		return error;
	if (to_end(ring, ring->staged) < need ||
	    (empty && starts_anew(ring, whole)))
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
	uint8_t *at = ring->data + position(ring, ring->staged);
	struct frame_header header;

	memset(&header, 0, sizeof(header));
	header.len = len;
	header.kind = id->kind;
	header.flags = id->flags;
	header.slot = id->slot;
	header.use = id->use;
	header.check = check_word(len, id->kind, id->flags, id->slot, id->use,
	    id->nonce32);
	header.seal = seal_of(&header, ring->staged, at + sizeof(header));
	memcpy(at, &header, sizeof(header));
	stage_bytes(ring, frame_bytes(len));
}

void
ring_publish(struct ring *ring)
{
	ring->own_head = ring->staged;
	store(ring->head, ring->staged);
}

uint64_t
ring_staged(const struct ring *ring)
{
	return ring->staged;
}

void
ring_unstage(struct ring *ring)
{
	/* A header that began elsewhere could run over the ring's end. */
	ring->staged = ring_head(ring) / UNIT * UNIT;
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

/* As it was written, and within the ring and `left`. */
static bool
is_genuine(const struct ring *ring, uint64_t cursor, uint64_t left,
    const struct frame_header *header)
{
	const uint8_t *bytes =
	    ring->data + position(ring, cursor) + FRAME_HEADER_BYTES;
	uint64_t whole = frame_bytes(header->len);

	if (header->kind != FRAME_PAD &&
	    (header->len > FRAME_BYTES_MAX ||
		header->kind >= FRAME_KIND_COUNT ||
		whole > to_end(ring, cursor) || whole > left))
		return false;
	return header->seal == seal_of(header, cursor, bytes);
}

/* Skips pads; 1 with the header read once, 0 at head, -EPROTO. */
static int
next_header(const struct ring *ring, uint64_t *cursor_io,
    struct frame_header *header_out)
{
	uint64_t head = ring_head(ring), left;

	for (;;) {
		left = head - *cursor_io;
		if (!fits(ring, *cursor_io, head))
			return -EPROTO;
		if (left == 0)
			return 0;
		if (to_end(ring, *cursor_io) >= FRAME_HEADER_BYTES) {
			if (left < FRAME_HEADER_BYTES)
				return -EPROTO;
			memcpy(header_out,
			    ring->data + position(ring, *cursor_io),
			    sizeof(*header_out));
			if (!is_genuine(ring, *cursor_io, left, header_out))
				return -EPROTO;
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
	frame_out->slot = header.slot;
	frame_out->use = header.use;
	frame_out->len = header.len;
	frame_out->check = header.check;
	frame_out->bytes =
	    ring->data + position(ring, cursor) + FRAME_HEADER_BYTES;
	frame_out->cursor = cursor;
	frame_out->next = cursor + frame_bytes(header.len);
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
	return ring->sides & RING_PRODUCER ? ring->own_head : load(ring->head);
}

uint64_t
ring_sent(const struct ring *ring)
{
	return ring->sides & RING_CONSUMER ? ring->own_sent : load(ring->sent);
}

uint64_t
ring_tail(const struct ring *ring)
{
	return ring->sides & RING_CONSUMER ? ring->own_tail : load(ring->tail);
}

void
ring_set_sent(struct ring *ring, uint64_t cursor)
{
	ring->own_sent = cursor;
	store(ring->sent, cursor);
}

void
ring_release(struct ring *ring, uint64_t cursor)
{
	if (ring_sent(ring) < cursor)
		ring_set_sent(ring, cursor);
	ring->own_tail = cursor;
	store(ring->tail, cursor);
}

void
ring_reset(struct ring *ring)
{
	store(ring->head, 0);
	store(ring->sent, 0);
	store(ring->tail, 0);
	ring->own_head = ring->own_sent = ring->own_tail = 0;
	ring->staged = 0;
}
