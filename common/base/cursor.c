/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/cursor.h"

#include <string.h>

void
cursor_init(struct cursor *cursor, const void *bytes, size_t len)
{
	*cursor = (struct cursor){ .bytes = bytes, .len = len };
}

const uint8_t *
cursor_bytes(struct cursor *cursor, size_t len)
{
	const uint8_t *bytes = cursor->bytes + cursor->at;

	if (cursor->failed || cursor->len - cursor->at < len) {
		cursor->failed = true;
		return NULL;
	}
	cursor->at += len;
	return bytes;
}

static uint64_t
cursor_number(struct cursor *cursor, size_t len)
{
	const uint8_t *bytes = cursor_bytes(cursor, len);
	uint64_t value = 0;

	if (bytes == NULL)
		return 0;
	for (size_t i = 0; i < len; i++)
		value |= (uint64_t)bytes[i] << (8 * i);
	return value;
}

uint8_t
cursor_u8(struct cursor *cursor)
{
	return (uint8_t)cursor_number(cursor, 1);
}

uint16_t
cursor_u16(struct cursor *cursor)
{
	return (uint16_t)cursor_number(cursor, 2);
}

uint32_t
cursor_u32(struct cursor *cursor)
{
	return (uint32_t)cursor_number(cursor, 4);
}

bool
cursor_is_done(const struct cursor *cursor)
{
	return !cursor->failed && cursor->at == cursor->len;
}

void
cursor_writer_init(struct cursor_writer *writer, void *bytes, size_t cap)
{
	*writer = (struct cursor_writer){ .bytes = bytes, .cap = cap };
}

void
cursor_put_bytes(struct cursor_writer *writer, const void *bytes, size_t len)
{
	if (writer->failed || writer->cap - writer->len < len) {
		writer->failed = true;
		return;
	}
	if (len > 0)
		memcpy(writer->bytes + writer->len, bytes, len);
	writer->len += len;
}

static void
cursor_put_number(struct cursor_writer *writer, uint64_t value, size_t len)
{
	uint8_t bytes[8];

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(value >> (8 * i));
	cursor_put_bytes(writer, bytes, len);
}

void
cursor_put_u8(struct cursor_writer *writer, uint8_t value)
{
	cursor_put_number(writer, value, 1);
}

void
cursor_put_u16(struct cursor_writer *writer, uint16_t value)
{
	cursor_put_number(writer, value, 2);
}

void
cursor_put_u32(struct cursor_writer *writer, uint32_t value)
{
	cursor_put_number(writer, value, 4);
}
