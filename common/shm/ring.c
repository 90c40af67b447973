/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring - its cursors, and whose they are.
 */
#include "common/shm/ring.h"

#include "common/shm/ring_frame.h"
#include "common/shm/store.h"

#include <errno.h>

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

void
ring_begin(struct ring *ring, enum ring_side side)
{
	ring->sides |= (unsigned)side;
	if (side == RING_PRODUCER) {
		ring->own_head = align_up(load(ring->tail), RING_UNIT);
		ring_unstage(ring);
	} else {
		ring->own_sent = ring->own_tail =
		    align_up(load(ring->head), RING_UNIT);
	}
	(void)ring_restore(ring);
}

int
ring_inherit(struct ring *ring, enum ring_side side)
{
	uint64_t head = load(ring->head), tail = load(ring->tail);

	if (!ring_fits(ring, tail, head)) {
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
	if (!ring_fits(ring, tail, ring->own_sent) ||
	    !ring_fits(ring, ring->own_sent, head))
		ring_set_sent(ring, head);
	return 0;
}

/* True when it differed. */
static bool
put_right(_Atomic uint64_t *word, uint64_t value)
{
	if (load(word) == value)
		return false;
	shm_store(word, value, memory_order_release);
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

	return ring_fits(ring, tail, head) && ring_fits(ring, tail, sent) &&
	       ring_fits(ring, sent, head);
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
ring_publish(struct ring *ring)
{
	ring->own_head = ring->staged;
	shm_store(ring->head, ring->staged, memory_order_release);
}

void
ring_unstage(struct ring *ring)
{
	/* A header that began elsewhere could run over the ring's end. */
	ring->staged = ring_head(ring) / RING_UNIT * RING_UNIT;
}

void
ring_set_sent(struct ring *ring, uint64_t cursor)
{
	ring->own_sent = cursor;
	shm_store(ring->sent, cursor, memory_order_release);
}

void
ring_release(struct ring *ring, uint64_t cursor)
{
	if (ring_sent(ring) < cursor)
		ring_set_sent(ring, cursor);
	ring->own_tail = cursor;
	shm_store(ring->tail, cursor, memory_order_release);
}

void
ring_reset(struct ring *ring)
{
	shm_store(ring->head, 0, memory_order_release);
	shm_store(ring->sent, 0, memory_order_release);
	shm_store(ring->tail, 0, memory_order_release);
	ring->own_head = ring->own_sent = ring->own_tail = 0;
	ring->staged = 0;
}
