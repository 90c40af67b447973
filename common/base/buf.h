/* SPDX-License-Identifier: Apache-2.0 */
/*
 * buf - growable byte buffer with a read and a write cursor and a hard limit.
 *
 *   data .. start   consumed, reclaimed by the next growth
 *   start .. end    content
 *   end .. cap      room
 *
 * An empty buffer owns no memory after buf_destroy() or buf_trim(). Appending
 * beyond the limit fails and changes nothing; once an append failed, `failed`
 * stays set until buf_reset(), so that a row of appends is checked once.
 */
#ifndef COMMON_BASE_BUF_H
#define COMMON_BASE_BUF_H

#include "common/base/base.h"

struct buf {
	uint8_t *data;
	size_t start;
	size_t end;
	size_t cap;
	size_t limit; /* bytes of content at most; 0: no limit */
	bool failed;
};

void buf_init(struct buf *buf, size_t limit);
void buf_destroy(struct buf *buf);

/* Empties the buffer and clears `failed`; keeps the memory. */
void buf_reset(struct buf *buf);

/* Gives the memory back when the buffer is empty. */
void buf_trim(struct buf *buf);

/* Each returns 0, or -EMSGSIZE when the limit would be passed. */
int buf_append(struct buf *buf, const void *bytes, size_t len);
int buf_append_str(struct buf *buf, const char *text);
int buf_append_char(struct buf *buf, char byte);
int buf_printf(struct buf *buf, const char *format, ...) PRINTF_LIKE(2, 3);

/* Points at room for `len` bytes, or NULL past the limit; buf_wrote() then
 * says how many were written. */
uint8_t *buf_reserve(struct buf *buf, size_t len);
void buf_wrote(struct buf *buf, size_t len);

/* Drops `len` bytes from the front; len must not exceed buf_len(). */
void buf_consume(struct buf *buf, size_t len);

static inline size_t
buf_len(const struct buf *buf)
{
	return buf->end - buf->start;
}

static inline const uint8_t *
buf_bytes(const struct buf *buf)
{
	/* No arithmetic on NULL: an empty buffer may own nothing. */
	return buf->start ? buf->data + buf->start : buf->data;
}

#endif
