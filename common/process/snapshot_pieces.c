/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/snapshot_pieces.h"

#include "common/base/buf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
snapshot_put_u32(struct buf *out, uint32_t value)
{
	uint8_t bytes[4];
	struct cursor_writer writer;

	cursor_writer_init(&writer, bytes, sizeof(bytes));
	cursor_put_u32(&writer, value);
	(void)buf_append(out, bytes, sizeof(bytes));
}

void
snapshot_put_i64(struct buf *out, int64_t value)
{
	snapshot_put_u32(out, (uint32_t)((uint64_t)value >> 32));
	snapshot_put_u32(out, (uint32_t)value);
}

void
snapshot_put_piece(struct buf *out, const void *bytes, size_t len)
{
	snapshot_put_u32(out, (uint32_t)len);
	(void)buf_append(out, bytes, len);
}

void
snapshot_put_text(const char *text, struct buf *out)
{
	snapshot_put_piece(out, text ? text : "", text ? strlen(text) : 0);
}

int64_t
snapshot_take_i64(struct cursor *cursor)
{
	uint64_t high = cursor_u32(cursor);

	return (int64_t)(high << 32 | cursor_u32(cursor));
}

char *
snapshot_take_text(struct cursor *cursor)
{
	uint32_t len = cursor_u32(cursor);
	const uint8_t *bytes = cursor_bytes(cursor, len);
	char *text;

	if (cursor->failed || (len > 0 && memchr(bytes, '\0', len)))
		return NULL;
	text = xmalloc((size_t)len + 1);
	if (len > 0)
		memcpy(text, bytes, len);
	text[len] = '\0';
	return text;
}

bool
snapshot_take_into(struct cursor *cursor, char *text_out, size_t cap)
{
	char *text = snapshot_take_text(cursor);
	bool fits = text && strlen(text) < cap;

	if (fits)
		snprintf(text_out, cap, "%s", text);
	free(text);
	return fits;
}
