/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/slab.h"

#include <string.h>
#include <sys/mman.h>

/* A block begins at a multiple of its size: an object's address names it. */
#define BLOCK_BYTES ((uintptr_t)65536)
#define OBJECT_MAX  4096u
#define ALIGNMENT   8u

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif

/* AddressSanitizer is to see every use of what is free, and LeakSanitizer what
 * the objects point at; neither looks into mapped memory by itself. */
#ifdef SANITIZED
#include <sanitizer/asan_interface.h>
#include <sanitizer/lsan_interface.h>
#define hide(bytes, len)     ASAN_POISON_MEMORY_REGION(bytes, len)
#define show(bytes, len)     ASAN_UNPOISON_MEMORY_REGION(bytes, len)
#define announce(bytes, len) __lsan_register_root_region(bytes, len)
#define renounce(bytes, len) __lsan_unregister_root_region(bytes, len)
#else
#define hide(bytes, len)     ((void)0)
#define show(bytes, len)     ((void)0)
#define announce(bytes, len) ((void)0)
#define renounce(bytes, len) ((void)0)
#endif

struct free_object {
	struct free_object *next;
};

struct block {
	_Alignas(ALIGNMENT) struct list list; /* in .partial or .full */
	struct free_object *free;
	uint32_t taken;
	uint32_t touched; /* objects from here on were never used */
};

void
slab_init(struct slab *slab, size_t size)
{
	CHECK(size > 0 && size <= OBJECT_MAX);
	slab->size = align_up(size, ALIGNMENT);
	list_init(&slab->partial);
	list_init(&slab->full);
}

static void
unmap(void *bytes, size_t len)
{
	CHECK(len == 0 || munmap(bytes, len) == 0);
}

static uint32_t
capacity(const struct slab *slab)
{
	return (uint32_t)((BLOCK_BYTES - sizeof(struct block)) / slab->size);
}

/* Twice as much is mapped, and what is not aligned given back. */
static struct block *
block_new(struct slab *slab)
{
	uint8_t *bytes = mmap(NULL, 2 * BLOCK_BYTES, PROT_READ | PROT_WRITE,
	    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	struct block *block;
	size_t before;

	if (bytes == MAP_FAILED)
		panic("out of memory bytes=%zu", (size_t)BLOCK_BYTES);
	before = align_up((uintptr_t)bytes, BLOCK_BYTES) - (uintptr_t)bytes;
	unmap(bytes, before);
	unmap(bytes + before + BLOCK_BYTES, BLOCK_BYTES - before);
	block = (struct block *)(void *)(bytes + before);
	announce(block, BLOCK_BYTES);
	hide(block + 1, BLOCK_BYTES - sizeof(*block));
	list_append(&slab->partial, &block->list);
	return block;
}

static void
block_free(struct block *block)
{
	list_remove(&block->list);
	show(block, BLOCK_BYTES);
	renounce(block, BLOCK_BYTES);
	unmap(block, BLOCK_BYTES);
}

static void
free_blocks(struct list *blocks)
{
	list_each(item, blocks)
	    block_free(container_of(item, struct block, list));
}

void
slab_destroy(struct slab *slab)
{
	free_blocks(&slab->partial);
	free_blocks(&slab->full);
}

void *
slab_take(struct slab *slab)
{
	struct block *block =
	    list_is_empty(&slab->partial)
		? block_new(slab)
		: container_of(slab->partial.next, struct block, list);
	struct free_object *freed = block->free;
	void *object = freed;

	if (!object)
		object = (uint8_t *)(block + 1) + block->touched++ * slab->size;
	show(object, slab->size);
	if (freed)
		block->free = freed->next;
	if (++block->taken == capacity(slab)) {
		list_remove(&block->list);
		list_append(&slab->full, &block->list);
	}
	return memset(object, 0, slab->size);
}

void
slab_give_back(struct slab *slab, void *object)
{
	uintptr_t address = (uintptr_t)object;
	uint8_t *base = (uint8_t *)object - (address & (BLOCK_BYTES - 1));
	struct block *block = (struct block *)(void *)base;
	struct free_object *freed = object;

	CHECK(block->taken > 0);
	if (block->taken == capacity(slab)) {
		list_remove(&block->list);
		list_append(&slab->partial, &block->list);
	}
	freed->next = block->free;
	block->free = freed;
	hide(object, slab->size);
	if (--block->taken == 0)
		block_free(block);
}
