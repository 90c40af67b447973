/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_reader - a link's bytes in, whole items out.
 */
#include "worker/upstream/link/link_reader.h"

#include "common/xmpp/multiplex.h"

#include <string.h>

enum beginning { BEGINS_HEADER, BEGINS_ITEM, BEGINS_UNKNOWN };

void
link_reader_init(struct link_reader *reader, const struct framer_limits *limits)
{
	*reader = (struct link_reader){ .expecting = true };
	reader->framer = framer_new(limits, FRAMER_UNWRAP);
	buf_init(&reader->raw, 0);
}

void
link_reader_destroy(struct link_reader *reader)
{
	framer_free(&reader->framer);
	buf_destroy(&reader->raw);
}

void
link_reader_restart(struct link_reader *reader)
{
	buf_reset(&reader->raw);
	buf_trim(&reader->raw);
	framer_reset(reader->framer);
	reader->expecting = true;
	reader->inside = false;
	reader->primed = false;
}

void
link_reader_go_on(struct link_reader *reader)
{
	link_reader_restart(reader);
	framer_prime(reader->framer, NS_MULTIPLEX);
	reader->expecting = false;
}

static enum beginning
beginning_of(const uint8_t *bytes, size_t len)
{
	static const char *const headers[] = { "<?xml", "<stream:stream" };

	for (size_t i = 0; i < ARRAY_LEN(headers); i++) {
		size_t want = strlen(headers[i]);

		if (memcmp(bytes, headers[i], MIN(len, want)) != 0)
			continue;
		return len >= want ? BEGINS_HEADER : BEGINS_UNKNOWN;
	}
	return BEGINS_ITEM;
}

static bool
is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Takes note of what the framer's answer means for the next byte. */
static enum framer_result
noted(struct link_reader *reader, enum framer_result result)
{
	reader->inside = result == FRAMER_MORE;
	if (result == FRAMER_HEADER)
		reader->expecting = false;
	return result;
}

/* Gives the framer all of raw. */
static enum framer_result
feed_raw(struct link_reader *reader)
{
	enum framer_result result = framer_feed(reader->framer,
	    buf_bytes(&reader->raw), buf_len(&reader->raw));

	buf_reset(&reader->raw);
	return noted(reader, result);
}

/* At the beginning of an item, a header still being expected. */
static enum framer_result
begin_item(struct link_reader *reader)
{
	struct buf *raw = &reader->raw;

	while (buf_len(raw) && is_blank(*buf_bytes(raw)))
		buf_consume(raw, 1);
	if (!buf_len(raw))
		return FRAMER_MORE;
	switch (beginning_of(buf_bytes(raw), buf_len(raw))) {
	case BEGINS_UNKNOWN:
		return FRAMER_MORE;
	case BEGINS_HEADER:
		framer_reset(reader->framer);
		reader->primed = false;
		break;
	case BEGINS_ITEM:
		if (!reader->primed)
			framer_prime(reader->framer, NS_MULTIPLEX);
		reader->primed = true;
		break;
	}
	return feed_raw(reader);
}

enum framer_result
link_reader_feed(struct link_reader *reader, const void *bytes, size_t len)
{
	if (!reader->expecting || reader->inside)
		return noted(reader, framer_feed(reader->framer, bytes, len));
	buf_append(&reader->raw, bytes, len);
	return begin_item(reader);
}

/* Moves what the framer has not parsed back into raw; it is fresh then. */
static void
take_back(struct link_reader *reader)
{
	size_t len = framer_take_rest(reader->framer,
	    buf_reserve(&reader->raw, LINK_READ_MAX), LINK_READ_MAX);

	buf_wrote(&reader->raw, len);
	framer_reset(reader->framer);
	reader->primed = false;
}

enum framer_result
link_reader_next(struct link_reader *reader)
{
	if (!reader->expecting)
		return noted(reader, framer_resume(reader->framer));
	take_back(reader);
	return begin_item(reader);
}

bool
link_reader_is_inside(const struct link_reader *reader)
{
	return framer_partial_bytes(reader->framer) > 0;
}

size_t
link_reader_rest(const struct link_reader *reader)
{
	return buf_len(&reader->raw) + framer_rest_bytes(reader->framer);
}

bool
link_reader_has_rest(const struct link_reader *reader)
{
	return link_reader_rest(reader) > 0;
}
