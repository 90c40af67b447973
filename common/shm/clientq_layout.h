/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clientq_layout - blocks and entries; private to clientq*.c.
 *
 * A queue is a chain of blocks that holds entries one behind the other, each a
 * header and its bytes, running over block ends. The reader stops at the
 * session's queue_last and there at that block's end: an append writes behind
 * both first and moves them last, so what a killed worker left half-done is not
 * seen.
 */
#ifndef COMMON_SHM_CLIENTQ_LAYOUT_H
#define COMMON_SHM_CLIENTQ_LAYOUT_H

#include "common/shm/clientq.h"
#include "common/shm/seal.h"

#include <stdint.h>

#define BLOCK_BYTES CLIENTQ_BLOCK_BYTES
#define BLOCK_ROOM  (BLOCK_BYTES - 12u)
#define UNWRITTEN   UINT64_MAX
#define ENTRY_MAX   (64u << 20)

struct clientq_block {
	uint32_t next; /* number plus one; 0: none */
	uint16_t end;  /* content bytes */
	uint16_t first;
	uint32_t owner; /* whose queue it is in: clientq_owner() */
	uint8_t bytes[BLOCK_ROOM];
};

struct clientq_entry {
	uint32_t len;
	uint32_t kind_and_seal; /* kind, and 24 bits of the seal */
	uint64_t wire_end;      /* of its last byte; UNWRITTEN before */
};

/* Tells the queues of a partition apart, by the place of the session info. Not
 * 0. */
static inline uint32_t
clientq_owner(const void *infos, const void *info)
{
	return (uint32_t)(((uintptr_t)info - (uintptr_t)infos) / 8 + 1) |
	       1u << 31;
}

/* What a sound entry of these bytes says. */
static inline uint32_t
clientq_seal(uint8_t kind, const void *bytes, uint32_t len)
{
	return kind |
	       (uint32_t)seal_bytes(len ^ (uint64_t)kind << 32, bytes, len)
		   << 8;
}

/* A place in a queue; block is the number plus one, as links are. */
struct clientq_place {
	uint32_t block;
	uint32_t offset;
};

_Static_assert(sizeof(struct clientq_block) == BLOCK_BYTES,
    "part of the layout");
_Static_assert(sizeof(struct clientq_entry) == 16, "part of the layout");

#endif
