/* SPDX-License-Identifier: Apache-2.0 */
/* What expat allocates: counted for each parser, and capped. */
#include "common/xmpp/framer_private.h"

#include <stdlib.h>
#include <string.h>

struct allocation {
	_Alignas(16) struct framer *owner;
	size_t size;
};

/* Whose parser runs; expat's allocators take no context. */
static struct framer *running;

static void *
account_malloc(size_t size)
{
	struct allocation *allocation;

	if (running->memory + size > running->memory_cap)
		return NULL;
	allocation = malloc(sizeof(*allocation) + size);
	if (!allocation)
		return NULL;
	allocation->owner = running;
	allocation->size = size;
	running->memory += size;
	return allocation + 1;
}

static void
account_free(void *memory)
{
	struct allocation *allocation = memory;

	if (!memory)
		return;
	allocation--;
	allocation->owner->memory -= allocation->size;
	free(allocation);
}

static void *
account_realloc(void *memory, size_t size)
{
	struct allocation *allocation = memory;
	void *moved;

	if (memory && allocation[-1].size >= size)
		return memory;
	moved = account_malloc(size);
	if (moved && memory) {
		memcpy(moved, memory, allocation[-1].size);
		account_free(memory);
	}
	return moved;
}

const XML_Memory_Handling_Suite framer_memory_suite = {
	account_malloc,
	account_realloc,
	account_free,
};

void
framer_account(struct framer *framer)
{
	running = framer;
}
