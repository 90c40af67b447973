/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/arena.h"

#include <stdlib.h>
#include <string.h>

#define UNIT    16u
#define CLASSES (65536u / UNIT + 1)

/* What a free piece begins with. */
struct free_piece {
	uint32_t next; /* offset, 0: the last */
};

struct arena {
	uint8_t *section;
	uint32_t end; /* never used from here on */
	uint32_t bytes;
	uint32_t largest; /* class above which no list has anything */
	uint32_t lists[CLASSES];
};

struct arena *
arena_new(void *section, uint64_t bytes)
{
	struct arena *arena = xcalloc(1, sizeof(*arena));

	CHECK(section);
	arena->section = section;
	arena->bytes = (uint32_t)MIN(bytes, (uint64_t)UINT32_MAX - UNIT);
	arena->end = UNIT; /* offset 0 is "none" */
	return arena;
}

void
arena_free(struct arena **arena)
{
	free(*arena);
	*arena = NULL;
}

static struct free_piece *
piece_at(struct arena *arena, uint32_t offset)
{
	return (struct free_piece *)(void *)(arena->section + offset);
}

static void
put_free(struct arena *arena, uint32_t offset, uint32_t units)
{
	struct free_piece *piece = piece_at(arena, offset);

	piece->next = arena->lists[units];
	arena->lists[units] = offset;
	arena->largest = MAX(arena->largest, units);
}

/* The pieces are shared memory: what leads out of those ever used is none. */
static uint32_t
next_of(struct arena *arena, uint32_t offset)
{
	uint32_t next = piece_at(arena, offset)->next;

	return next % UNIT == 0 && next < arena->end ? next : 0;
}

/* The smallest free piece that is large enough; what is over stays free. */
static uint32_t
take_free(struct arena *arena, uint32_t units)
{
	uint32_t class, offset;

	for (class = units; class <= arena->largest; class ++) {
		offset = arena->lists[class];
		if (!offset)
			continue;
		arena->lists[class] = next_of(arena, offset);
		if (offset + (uint64_t) class * UNIT > arena->end)
			continue;
		if (class > units)
			put_free(arena, offset + units * UNIT, class - units);
		return offset;
	}
	return 0;
}

uint32_t
arena_take(struct arena *arena, const void *bytes, uint32_t len)
{
	uint32_t units = (len + UNIT - 1) / UNIT, offset = 0;

	CHECK(len > 0 && units < CLASSES);
	if (arena->lists[units])
		offset = take_free(arena, units);
	if (!offset && arena->bytes - arena->end >= units * UNIT) {
		offset = arena->end;
		arena->end += units * UNIT;
	}
	if (!offset)
		offset = take_free(arena, units);
	if (offset)
		memcpy(arena->section + offset, bytes, len);
	return offset;
}

void
arena_give_back(struct arena *arena, uint32_t offset, uint32_t len)
{
	uint32_t units = (len + UNIT - 1) / UNIT;

	if (offset == 0 || offset % UNIT != 0 || units == 0 ||
	    units >= CLASSES || offset + (uint64_t)units * UNIT > arena->end)
		return;
	memset(arena->section + offset, 0, (size_t)units * UNIT);
	put_free(arena, offset, units);
}

const char *
arena_at(const struct arena *arena, uint32_t offset, uint32_t len)
{
	if (offset == 0 || (uint64_t)offset + len > arena->end)
		return NULL;
	return (const char *)arena->section + offset;
}
