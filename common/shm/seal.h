/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal - a word over bytes in shared memory that tells whether they are as they
 * were written. Against damage, not against who can write both.
 */
#ifndef COMMON_SHM_SEAL_H
#define COMMON_SHM_SEAL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Goes on from `hash`; eight bytes at a time, since every stanza passes. */
static inline uint64_t
seal_bytes(uint64_t hash, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t word;

	for (; len >= sizeof(word); len -= sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = (hash ^ word) * 0x9E3779B97F4A7C15ull;
		hash ^= hash >> 32;
		at += sizeof(word);
	}
	word = 0;
	if (len)
		memcpy(&word, at, len);
	hash = (hash ^ word) * 0x9E3779B97F4A7C15ull;
	return hash ^ hash >> 32;
}

#endif
