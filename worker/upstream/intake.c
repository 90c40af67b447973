/* SPDX-License-Identifier: Apache-2.0 */
/*
 * intake - a link's bytes in, whole items out.
 */
#include "worker/upstream/intake.h"

#include "common/xmpp/multiplex.h"

#include <string.h>

enum beginning { BEGINS_HEADER, BEGINS_ITEM, BEGINS_UNKNOWN };

void
intake_init(struct intake *intake, const struct framer_limits *limits)
{
	*intake = (struct intake){ .expecting = true };
	intake->framer = framer_new(limits, FRAMER_UNWRAP);
	buf_init(&intake->raw, 0);
}

void
intake_destroy(struct intake *intake)
{
	framer_free(&intake->framer);
	buf_destroy(&intake->raw);
}

void
intake_restart(struct intake *intake)
{
	buf_reset(&intake->raw);
	buf_trim(&intake->raw);
	framer_reset(intake->framer);
	intake->expecting = true;
	intake->inside = false;
	intake->primed = false;
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
noted(struct intake *intake, enum framer_result result)
{
	intake->inside = result == FRAMER_MORE;
	if (result == FRAMER_HEADER)
		intake->expecting = false;
	return result;
}

/* Gives the framer all of raw. */
static enum framer_result
feed_raw(struct intake *intake)
{
	enum framer_result result = framer_feed(intake->framer,
	    buf_bytes(&intake->raw), buf_len(&intake->raw));

	buf_reset(&intake->raw);
	return noted(intake, result);
}

/* At the beginning of an item, a header still being expected. */
static enum framer_result
begin_item(struct intake *intake)
{
	struct buf *raw = &intake->raw;

	while (buf_len(raw) && is_blank(*buf_bytes(raw)))
		buf_consume(raw, 1);
	if (!buf_len(raw))
		return FRAMER_MORE;
	switch (beginning_of(buf_bytes(raw), buf_len(raw))) {
	case BEGINS_UNKNOWN:
		return FRAMER_MORE;
	case BEGINS_HEADER:
		framer_reset(intake->framer);
		intake->primed = false;
		break;
	case BEGINS_ITEM:
		if (!intake->primed)
			framer_prime(intake->framer, NS_MULTIPLEX);
		intake->primed = true;
		break;
	}
	return feed_raw(intake);
}

enum framer_result
intake_feed(struct intake *intake, const void *bytes, size_t len)
{
	if (!intake->expecting || intake->inside)
		return noted(intake, framer_feed(intake->framer, bytes, len));
	buf_append(&intake->raw, bytes, len);
	return begin_item(intake);
}

/* Moves what the framer has not parsed back into raw; it is fresh then. */
static void
take_back(struct intake *intake)
{
	size_t len = framer_take_rest(intake->framer,
	    buf_reserve(&intake->raw, INTAKE_READ_MAX), INTAKE_READ_MAX);

	buf_wrote(&intake->raw, len);
	framer_reset(intake->framer);
	intake->primed = false;
}

enum framer_result
intake_next(struct intake *intake)
{
	if (!intake->expecting)
		return noted(intake, framer_resume(intake->framer));
	take_back(intake);
	return begin_item(intake);
}

bool
intake_is_inside(const struct intake *intake)
{
	return framer_partial_bytes(intake->framer) > 0;
}

bool
intake_has_rest(const struct intake *intake)
{
	return buf_len(&intake->raw) || framer_rest_bytes(intake->framer) > 0;
}
