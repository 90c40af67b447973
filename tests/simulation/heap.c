/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/heap.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#define HEAP_BYTES   (64u << 20)
#define CLASS_FIRST  5u /* 32 bytes, of which 16 are the header */
#define CLASS_COUNT  22u
#define HEADER_BYTES 16u

/* Before each piece. */
struct header {
	uint32_t class;
	uint32_t magic;
	uint64_t size;
};

_Static_assert(sizeof(struct header) == HEADER_BYTES, "keeps the alignment");

struct free_piece {
	struct free_piece *next;
};

#define MAGIC 0x5EA90A11u

static uint8_t *area;
static size_t used;
static struct free_piece *free_pieces[CLASS_COUNT];
static bool is_upstreams;

void *__real_malloc(size_t size);
void *__real_calloc(size_t count, size_t size);
void *__real_realloc(void *memory, size_t size);
void __real_free(void *memory);
void *__wrap_malloc(size_t size);
void *__wrap_calloc(size_t count, size_t size);
void *__wrap_realloc(void *memory, size_t size);
void __wrap_free(void *memory);
char *__wrap_strdup(const char *text);
int __wrap_malloc_trim(size_t pad);

bool
heap_set_upstreams(bool on)
{
	bool before = is_upstreams;

	is_upstreams = on;
	return before;
}

void
heap_drop(void)
{
	used = 0;
	memset(free_pieces, 0, sizeof(free_pieces));
}

static bool
is_ours(const void *memory)
{
	const uint8_t *at = memory;

	return area && at >= area && at < area + HEAP_BYTES;
}

static struct header *
header_of(void *memory)
{
	return (struct header *)(void *)((uint8_t *)memory - HEADER_BYTES);
}

static unsigned
class_of(size_t size)
{
	unsigned class = 0;

	while (((size_t)1 << (class + CLASS_FIRST)) < size + HEADER_BYTES)
		class ++;
	CHECK(class < CLASS_COUNT);
	return class;
}

static void
make_area(void)
{
	area = mmap(NULL, HEAP_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	CHECK(area != MAP_FAILED);
}

static void *
take(size_t size)
{
	unsigned class = class_of(size);
	struct free_piece *piece = free_pieces[class];
	struct header *header;

	if (!area)
		make_area();
	if (piece) {
		free_pieces[class] = piece->next;
		header = header_of(piece);
	} else {
		header = (struct header *)(void *)(area + used);
		used += (size_t)1 << (class + CLASS_FIRST);
		CHECK(used <= HEAP_BYTES);
	}
	*header = (struct header){ class, MAGIC, size };
	return header + 1;
}

static void
give_back(void *memory)
{
	struct header *header = header_of(memory);
	struct free_piece *piece = memory;

	CHECK(header->magic == MAGIC); /* else freed twice */
	header->magic = 0;
	piece->next = free_pieces[header->class];
	free_pieces[header->class] = piece;
}

void *
__wrap_malloc(size_t size)
{
	return is_upstreams ? take(size) : __real_malloc(size);
}

void *
__wrap_calloc(size_t count, size_t size)
{
	if (!is_upstreams)
		return __real_calloc(count, size);
	return memset(take(count * size), 0, count * size);
}

void *
__wrap_realloc(void *memory, size_t size)
{
	struct header *header;
	void *moved;

	if (!memory)
		return __wrap_malloc(size);
	if (!is_ours(memory))
		return __real_realloc(memory, size);
	header = header_of(memory);
	if (class_of(size) == header->class) {
		header->size = size;
		return memory;
	}
	moved = take(size);
	memcpy(moved, memory, MIN(size, (size_t)header->size));
	give_back(memory);
	return moved;
}

void
__wrap_free(void *memory)
{
	if (memory && is_ours(memory))
		give_back(memory);
	else
		__real_free(memory);
}

char *
__wrap_strdup(const char *text)
{
	size_t size = strlen(text) + 1;

	return memcpy(__wrap_malloc(size), text, size);
}

int
__wrap_malloc_trim(size_t pad)
{
	(void)pad;
	return 0;
}
