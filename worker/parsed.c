/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/parsed.h"

#include "common/xmpp/stream.h"

#include <string.h>

enum mark {
	MARK_IQ = 1,
	MARK_EMPTY = 2,
	MARK_TO_ITSELF = 4,
	MARK_ALL = 7,
};

#define NOWHERE \
	{ \
		FRAME_NOWHERE, 0 \
	}

const struct frame_fields parsed_nothing = {
	.id = NOWHERE,
	.from = NOWHERE,
	.jid = NOWHERE,
};

/* --- upstream's side --- */

static struct frame_span
place_of(const uint8_t *bytes, struct canonical_span span)
{
	if (!span.text)
		return (struct frame_span){ FRAME_NOWHERE, 0 };
	return (struct frame_span){ (uint32_t)(span.text - (const char *)bytes),
		(uint32_t)span.len };
}

/* The JID in <bind xmlns="..."><jid>, with which the content begins. */
static struct canonical_span
bound_address(struct canonical_span content)
{
	const struct canonical_span none = { NULL, 0 };
	struct canonical_reader reader;
	struct canonical_span jid;

	canonical_begin(&reader, content.text, content.len);
	if (canonical_next(&reader) != CANONICAL_START ||
	    !canonical_is(reader.name, "bind") ||
	    !canonical_is(canonical_find_attribute(&reader, "xmlns"),
		NS_BIND) ||
	    !canonical_enter(&reader) ||
	    canonical_next(&reader) != CANONICAL_START ||
	    !canonical_is(reader.name, "jid") ||
	    !canonical_read_content(&reader, &jid) || jid.len == 0)
		return none;
	return jid;
}

static bool
is_same(struct canonical_span a, struct canonical_span b)
{
	return a.text && b.text && a.len == b.len &&
	       memcmp(a.text, b.text, a.len) == 0;
}

static enum parsed_type
type_of(const struct canonical_stanza *stanza)
{
	if (canonical_is(stanza->type, "result"))
		return PARSED_RESULT;
	return canonical_is(stanza->type, "unavailable") ? PARSED_UNAVAILABLE
							 : PARSED_OTHER;
}

static uint8_t
marks_of(const struct canonical_stanza *stanza)
{
	unsigned marks = 0;

	if (canonical_is(stanza->name, "iq"))
		marks |= MARK_IQ;
	if (stanza->content.len == 0)
		marks |= MARK_EMPTY;
	if (is_same(stanza->to, stanza->from))
		marks |= MARK_TO_ITSELF;
	return (uint8_t)marks;
}

bool
parsed_fill(uint8_t kind, const uint8_t *bytes, size_t len,
    struct frame_fields *fields_out)
{
	struct canonical_span jid = { NULL, 0 };
	struct canonical_stanza stanza;

	if ((kind != FRAME_IQ_ANSWER && kind != FRAME_PRESENCE &&
		kind != FRAME_BOUNCE) ||
	    len >= FRAME_NOWHERE || !canonical_read_stanza(bytes, len, &stanza))
		return false;
	*fields_out = (struct frame_fields){ .type = (uint8_t)type_of(&stanza),
		.marks = marks_of(&stanza) };
	if (kind == FRAME_PRESENCE && fields_out->type != PARSED_UNAVAILABLE)
		return false;
	if (kind == FRAME_IQ_ANSWER && fields_out->type == PARSED_RESULT)
		jid = bound_address(stanza.content);
	fields_out->id = place_of(bytes, stanza.id);
	fields_out->from = place_of(bytes, stanza.from);
	fields_out->jid = place_of(bytes, jid);
	return true;
}

/* --- the worker's side --- */

/* False: it is not within the bytes. */
static bool
span_at(struct frame_span place, const uint8_t *bytes, size_t len,
    struct canonical_span *span_out)
{
	*span_out = (struct canonical_span){ NULL, 0 };
	if (place.at == FRAME_NOWHERE || !bytes)
		return place.len == 0;
	if (place.at > len || place.len > len - place.at)
		return false;
	span_out->text = (const char *)bytes + place.at;
	span_out->len = place.len;
	return true;
}

bool
parsed_read(const struct frame_fields *fields, const uint8_t *bytes, size_t len,
    struct parsed *parsed_out)
{
	*parsed_out = (struct parsed){ .type = PARSED_OTHER };
	if (fields->type >= PARSED_TYPE_COUNT || (fields->marks & ~MARK_ALL))
		return false;
	parsed_out->type = (enum parsed_type)fields->type;
	parsed_out->is_iq = (fields->marks & MARK_IQ) != 0;
	parsed_out->is_empty = (fields->marks & MARK_EMPTY) != 0;
	parsed_out->is_to_itself = (fields->marks & MARK_TO_ITSELF) != 0;
	return span_at(fields->id, bytes, len, &parsed_out->id) &&
	       span_at(fields->from, bytes, len, &parsed_out->from) &&
	       span_at(fields->jid, bytes, len, &parsed_out->jid);
}
