/* SPDX-License-Identifier: Apache-2.0 */
/*
 * cursor - bounded reader and writer over bytes in little endian.
 *
 * Every codec of foreign bytes goes through it. An access past the end sets
 * `failed` and yields zeroes, so a decoder reads straight through and checks
 * once at the end.
 */
#ifndef COMMON_BASE_CURSOR_H
#define COMMON_BASE_CURSOR_H

#include "common/base/base.h"

struct cursor {
	const uint8_t *bytes;
	size_t len;
	size_t at;
	bool failed;
};

struct cursor_writer {
	uint8_t *bytes;
	size_t cap;
	size_t len;
	bool failed;
};

void cursor_init(struct cursor *cursor, const void *bytes, size_t len);
uint8_t cursor_u8(struct cursor *cursor);
uint16_t cursor_u16(struct cursor *cursor);
uint32_t cursor_u32(struct cursor *cursor);
/* NULL when fewer than `len` bytes are left. */
const uint8_t *cursor_bytes(struct cursor *cursor, size_t len);
/* True when nothing failed and nothing is left over. */
bool cursor_is_done(const struct cursor *cursor);

void cursor_writer_init(struct cursor_writer *writer, void *bytes, size_t cap);
void cursor_put_u8(struct cursor_writer *writer, uint8_t value);
void cursor_put_u16(struct cursor_writer *writer, uint16_t value);
void cursor_put_u32(struct cursor_writer *writer, uint32_t value);
void cursor_put_bytes(struct cursor_writer *writer, const void *bytes,
    size_t len);

#endif
