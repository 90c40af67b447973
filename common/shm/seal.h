/* SPDX-License-Identifier: Apache-2.0 */
/*
 * seal - a word over bytes in shared memory that tells whether they are as they
 * were written. Against damage, not against who can write both.
 *
 * Every stanza passes: eight bytes a step, and steps of four chains that do not
 * wait for one another.
 */
#ifndef COMMON_SHM_SEAL_H
#define COMMON_SHM_SEAL_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* Another word, another hash; the turn takes the uppermost bits along, which a
 * product keeps where they are. */
static inline uint64_t
seal_word(uint64_t hash, uint64_t word)
{
	hash ^= word;
	return (hash << 29 | hash >> 35) * 0x9E3779B97F4A7C15ull;
}

static inline uint64_t
seal_load(const uint8_t *at)
{
	uint64_t word;

	memcpy(&word, at, sizeof(word));
	return word;
}

/* Less than eight bytes, as one word. */
static inline uint64_t
seal_load_few(const uint8_t *at, size_t len)
{
	uint64_t word = 0;

	for (; len; len--)
		word = word << 8 | at[len - 1];
	return word;
}

/* Goes on from `hash`. The length is no part of it. */
static inline uint64_t
seal_bytes(uint64_t hash, const void *bytes, size_t len)
{
	uint64_t a = hash, b = ~hash, c = hash + 1, d = hash - 1;
	const uint8_t *at = bytes;
	size_t left = len;

	for (; left >= 32; left -= 32, at += 32) {
		a = seal_word(a, seal_load(at));
		b = seal_word(b, seal_load(at + 8));
		c = seal_word(c, seal_load(at + 16));
		d = seal_word(d, seal_load(at + 24));
	}
	if (len >= 32) { /* all four are made alike: none meets another so */
		hash = seal_word(seal_word(a, 0), b);
		hash = seal_word(seal_word(hash, c), d);
	}
	for (; left >= 8; left -= 8, at += 8)
		hash = seal_word(hash, seal_load(at));
	if (left && len >= 8) /* with some of those before once more */
		hash = seal_word(hash, seal_load(at + left - 8));
	else if (left)
		hash = seal_word(hash, seal_load_few(at, left));
	return hash ^ hash >> 32;
}

#endif
