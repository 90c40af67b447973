/* SPDX-License-Identifier: Apache-2.0 */
/*
 * base - attributes and the few macros everything uses.
 *
 * CHECK is for our own bugs only and is always compiled in. Nothing that comes
 * from outside the process (peer, file, operator, sibling process) may reach a
 * CHECK: that is an error to return.
 */
#ifndef COMMON_BASE_BASE_H
#define COMMON_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MUST_CHECK               __attribute__((warn_unused_result))
#define PRINTF_LIKE(text, first) __attribute__((format(printf, text, first)))
#define NORETURN                 __attribute__((noreturn))

#define ARRAY_LEN(array) (sizeof(array) / sizeof((array)[0]))
#define MIN(a, b)        ((a) < (b) ? (a) : (b))
#define MAX(a, b)        ((a) > (b) ? (a) : (b))

/* size must be a power of two. A function: as a macro it would cut a value of
 * 64 bits to the 32 of its size. */
static inline uint64_t
align_up(uint64_t value, uint64_t size)
{
	return (value + (size - 1)) & ~(size - 1);
}

#define container_of(member_ptr, type, member) \
	((type *)(void *)((char *)(member_ptr)-offsetof(type, member)))

#define CHECK(condition) \
	((condition) ? (void)0 : panic_check(__FILE__, __LINE__, #condition))

/* Logs the failed claim and aborts (common/base/panic.c). */
NORETURN void panic_check(const char *file, int line, const char *claim);

/* Logs the message and aborts; for states that cannot be carried on from. */
NORETURN void panic(const char *format, ...) PRINTF_LIKE(1, 2);

/* Small fixed objects: these abort when memory is out. */
void *xmalloc(size_t size) MUST_CHECK;
void *xcalloc(size_t count, size_t size) MUST_CHECK;
void *xrealloc(void *memory, size_t size) MUST_CHECK;
char *xstrdup(const char *text) MUST_CHECK;

#endif
