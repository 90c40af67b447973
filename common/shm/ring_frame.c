/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/ring_frame.h"

#include "common/shm/seal.h"

uint32_t
ring_seal(const struct frame_header *header, uint64_t cursor,
    const uint8_t *bytes)
{
	uint64_t hash;

	hash = seal_word(cursor, header->len | (uint64_t)header->kind << 32 |
				     (uint64_t)header->flags << 40 |
				     (uint64_t)header->domain << 48);
	hash =
	    seal_word(hash, header->slot | (uint64_t)header->generation << 32);
	hash = seal_word(hash, header->check);
	return (uint32_t)seal_bytes(hash, bytes,
	    header->kind == FRAME_PAD ? 0 : header->len);
}
