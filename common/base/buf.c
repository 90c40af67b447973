/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/buf.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BUF_FIRST_BYTES = 256 };

void
buf_init(struct buf *buf, size_t limit)
{
	*buf = (struct buf){ .limit = limit };
}

void
buf_destroy(struct buf *buf)
{
	size_t limit = buf->limit;

	free(buf->data);
	buf_init(buf, limit);
}

void
buf_reset(struct buf *buf)
{
	buf->start = 0;
	buf->end = 0;
	buf->failed = false;
}

void
buf_trim(struct buf *buf)
{
	if (buf_len(buf) == 0)
		buf_destroy(buf);
}

/* Moves the content to the front, growing when that is not enough. */
static void
buf_make_room(struct buf *buf, size_t len)
{
	size_t content = buf_len(buf);
	size_t cap = MAX(buf->cap, (size_t)BUF_FIRST_BYTES);

	if (buf->data && buf->start > 0) {
		memmove(buf->data, buf->data + buf->start, content);
		buf->start = 0;
		buf->end = content;
	}
	while (cap - content < len)
		cap *= 2;
	if (cap != buf->cap) {
		buf->data = xrealloc(buf->data, cap);
		buf->cap = cap;
	}
}

uint8_t *
buf_reserve(struct buf *buf, size_t len)
{
	if (len > SIZE_MAX / 4 ||
	    (buf->limit != 0 && buf_len(buf) + len > buf->limit)) {
		buf->failed = true;
		return NULL;
	}
	if (buf->data == NULL || buf->cap - buf->end < len)
		buf_make_room(buf, len);
	return buf->data + buf->end;
}

void
buf_wrote(struct buf *buf, size_t len)
{
	CHECK(buf->cap - buf->end >= len);
	buf->end += len;
}

int
buf_append(struct buf *buf, const void *bytes, size_t len)
{
	uint8_t *room = buf_reserve(buf, len);

	if (room == NULL)
		return -EMSGSIZE;
	if (len > 0)
		memcpy(room, bytes, len);
	buf->end += len;
	return 0;
}

int
buf_append_str(struct buf *buf, const char *text)
{
	return buf_append(buf, text, strlen(text));
}

int
buf_append_char(struct buf *buf, char byte)
{
	return buf_append(buf, &byte, 1);
}

/* What no line of the stack holds is made on the heap. */
PRINTF_LIKE(2, 0)
static int
print_long(struct buf *buf, const char *format, va_list args)
{
	char *text = NULL;
	int len = vasprintf(&text, format, args), error;

	CHECK(len >= 0);
	error = buf_append(buf, text, (size_t)len);
	free(text);
	return error;
}

int
buf_printf(struct buf *buf, const char *format, ...)
{
	char line[1024];
	va_list args, again;
	int len, error;

	va_start(args, format);
	va_copy(again, args);
	len = vsnprintf(line, sizeof(line), format, args);
	if (len >= 0 && (size_t)len < sizeof(line))
		error = buf_append(buf, line, (size_t)len);
	else
		error = print_long(buf, format, again);
	va_end(again);
	va_end(args);
	return error;
}

void
buf_consume(struct buf *buf, size_t len)
{
	CHECK(len <= buf_len(buf));
	buf->start += len;
	if (buf->start == buf->end) {
		buf->start = 0;
		buf->end = 0;
	}
}
