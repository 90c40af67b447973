/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/ring_frame.h"

#include "common/shm/seal.h"

static uint32_t
mix(uint32_t hash, uint32_t word)
{
	hash = (hash ^ word) * 0x9E3779B1u;
	return hash ^ (hash >> 15);
}

uint32_t
ring_check_word(const struct frame_id *id, uint32_t len)
{
	uint32_t hash;

	hash = mix(0x636D616Eu, len);
	hash = mix(hash, (uint32_t)id->kind | (uint32_t)id->flags << 8);
	hash = mix(hash, id->slot);
	hash = mix(hash, id->generation);
	return mix(hash, id->nonce32);
}

uint32_t
ring_seal(const struct frame_header *header, uint64_t cursor,
    const uint8_t *bytes)
{
	uint64_t hash;

	hash = seal_word(cursor, header->len | (uint64_t)header->kind << 32 |
				     (uint64_t)header->flags << 40);
	hash =
	    seal_word(hash, header->slot | (uint64_t)header->generation << 32);
	hash = seal_word(hash, header->check);
	return (uint32_t)seal_bytes(hash, bytes,
	    header->kind == FRAME_PAD ? 0 : header->len);
}
