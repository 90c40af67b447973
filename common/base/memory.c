/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Allocation of small fixed objects: out of memory ends the process.
 */
#include "common/base/base.h"

#include <stdlib.h>
#include <string.h>

void *
xmalloc(size_t size)
{
	void *memory = malloc(MAX(size, 1u));

	if (memory == NULL)
		panic("out of memory bytes=%zu", size);
	return memory;
}

void *
xcalloc(size_t count, size_t size)
{
	void *memory = calloc(MAX(count, 1u), MAX(size, 1u));

	if (memory == NULL)
		panic("out of memory bytes=%zu", size);
	return memory;
}

void *
xrealloc(void *memory, size_t size)
{
	void *moved = realloc(memory, MAX(size, 1u));

	if (moved == NULL)
		panic("out of memory bytes=%zu", size);
	return moved;
}

char *
xstrdup(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(xmalloc(size), text, size);
}
