/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How frames lie in a ring; for the ring's own files.
 */
#ifndef COMMON_SHM_RING_FRAME_H
#define COMMON_SHM_RING_FRAME_H

#include "common/shm/ring.h"

/* Cursors are multiples of it. */
#define RING_UNIT 8u

struct frame_header {
	uint32_t len;
	uint8_t kind;
	uint8_t flags;
	uint8_t domain;
	uint8_t reserved;
	uint32_t slot;
	uint32_t generation;
	uint32_t check;
	uint32_t seal; /* over all of it and its cursor */
	uint8_t spare[8];
};

_Static_assert(sizeof(struct frame_header) == FRAME_HEADER_BYTES,
    "the frame header is part of the region's layout");

/* Of one whose item is so long. */
static inline uint64_t
ring_frame_bytes(uint64_t len)
{
	return align_up(FRAME_HEADER_BYTES + len, RING_UNIT);
}

static inline uint64_t
ring_position(const struct ring *ring, uint64_t cursor)
{
	return cursor & (ring->capacity - 1);
}

static inline uint64_t
ring_to_end(const struct ring *ring, uint64_t cursor)
{
	return ring->capacity - ring_position(ring, cursor);
}

/* True when cursor `to` can lie behind `from`. */
static inline bool
ring_fits(const struct ring *ring, uint64_t from, uint64_t to)
{
	return from % RING_UNIT == 0 && to % RING_UNIT == 0 &&
	       to - from <= ring->capacity;
}

static inline uint32_t
ring_check_mix(uint32_t hash, uint32_t word)
{
	hash = (hash ^ word) * 0x9E3779B1u;
	return hash ^ (hash >> 15);
}

/* Over what a frame says of itself, and whose it is. */
static inline uint32_t
ring_check_word(const struct frame_id *id, uint32_t len)
{
	uint32_t hash;

	hash = ring_check_mix(0x636D616Eu, len);
	hash =
	    ring_check_mix(hash, (uint32_t)id->kind | (uint32_t)id->flags << 8 |
				     (uint32_t)id->domain << 16);
	hash = ring_check_mix(hash, id->slot);
	hash = ring_check_mix(hash, id->generation);
	return ring_check_mix(hash, id->nonce32);
}

/* Tells a frame from a damaged one, and from one of a former round. A pad's
 * length is not that of bytes. */
uint32_t ring_seal(const struct frame_header *header, uint64_t cursor,
    const uint8_t *bytes);

#endif
