/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/chance.h"

#include <string.h>

static uint64_t state;

void
chance_begin(uint64_t seed)
{
	/* Else the next seed's choices would be this one's less the first. */
	state = seed;
	state = chance_next();
}

/* SplitMix64. */
uint64_t
chance_next(void)
{
	uint64_t word = state += 0x9E3779B97F4A7C15u;

	word = (word ^ (word >> 30)) * 0xBF58476D1CE4E5B9u;
	word = (word ^ (word >> 27)) * 0x94D049BB133111EBu;
	return word ^ (word >> 31);
}

uint32_t
chance_below(uint32_t bound)
{
	CHECK(bound > 0);
	return (uint32_t)((chance_next() >> 32) * bound >> 32);
}

uint32_t
chance_between(uint32_t first, uint32_t last)
{
	return first + chance_below(last - first + 1);
}

uint64_t
chance_up_to(uint64_t most)
{
	uint64_t bound = most + 1;

	/* Half of the time of all, else of an eighth or a 64th. */
	if (chance_one_in(2))
		bound = bound / (chance_one_in(2) ? 8 : 64) + 1;
	return MIN(chance_next() % bound, most);
}

bool
chance_one_in(uint32_t count)
{
	return chance_below(count) == 0;
}

void
chance_bytes(void *bytes, size_t len)
{
	uint8_t *at = bytes;
	uint64_t word;
	size_t now;

	for (; len > 0; len -= now, at += now) {
		word = chance_next();
		now = MIN(len, sizeof(word));
		memcpy(at, &word, now);
	}
}
