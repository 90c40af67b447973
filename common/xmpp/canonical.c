/* SPDX-License-Identifier: Apache-2.0 */
#include "common/xmpp/canonical.h"

#include <string.h>

void
canonical_begin(struct canonical_reader *reader, const void *bytes, size_t len)
{
	static const char nothing[1];
	const char *text = bytes ? bytes : nothing;

	*reader = (struct canonical_reader){
		.at = text, .end = text + len, .token = CANONICAL_END
	};
}

/* --- tokens --- */

static enum canonical_token
found(struct canonical_reader *reader, enum canonical_token token,
    const char *next)
{
	reader->whole =
	    (struct canonical_span){ reader->at, (size_t)(next - reader->at) };
	reader->at = next;
	reader->token = token;
	return token;
}

static enum canonical_token
broken(struct canonical_reader *reader)
{
	const char *at = reader->at;

	(void)found(reader, CANONICAL_BROKEN, reader->end);
	reader->at = at; /* for good */
	return CANONICAL_BROKEN;
}

/* 3: a name may begin with it or go on, 1: only go on. */
/* clang-format off */
static const uint8_t name_bytes[256] = {
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
	0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 0, /* - . */
	1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 3, 0, 0, 0, 0, 0, /* 0 to 9, : */
	0, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, /* A to O */
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 0, 0, 0, 0, 3, /* P to Z, _ */
	0, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, /* a to o */
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 0, 0, 0, 0, 0, /* p to z */
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, /* UTF-8 */
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
};
/* clang-format on */

/* Where the name at `at` ends; `at` itself: there is none. */
static const char *
name_end(const char *at, const char *end)
{
	if (at == end || name_bytes[(uint8_t)*at] < 3)
		return at;
	for (at++; at < end && name_bytes[(uint8_t)*at]; at++)
		;
	return at;
}

/* Sets the name; where it ends, or NULL: there is none. */
static const char *
take_name(struct canonical_reader *reader, const char *at, const char *end)
{
	const char *behind = name_end(at, end);

	if (behind == at)
		return NULL;
	reader->name = (struct canonical_span){ at, (size_t)(behind - at) };
	return behind;
}

static enum canonical_token
read_content(struct canonical_reader *reader)
{
	const char *next =
	    memchr(reader->at, '<', (size_t)(reader->end - reader->at));

	return found(reader, CANONICAL_CONTENT, next ? next : reader->end);
}

static enum canonical_token
read_end_tag(struct canonical_reader *reader)
{
	const char *behind = take_name(reader, reader->at + 2, reader->end);

	if (!behind || behind == reader->end || *behind != '>')
		return broken(reader);
	reader->depth--;
	return found(reader, CANONICAL_CLOSE, behind + 1);
}

/* Where the '>' of the start tag is whose name ends at `at`; NULL: there is
 * none. Neither '<' nor '>' stands in a value. */
static const char *
find_tag_end(const char *at, const char *end)
{
	const char *tag_end;

	if (at < end && *at == '>')
		return at;
	tag_end = memchr(at, '>', (size_t)(end - at));
	if (!tag_end || memchr(at, '<', (size_t)(tag_end - at)))
		return NULL;
	return tag_end;
}

/* reader->at is at a '<'. */
static enum canonical_token
read_tag(struct canonical_reader *reader)
{
	const char *tag = reader->at + 1, *behind;

	if (tag < reader->end && *tag == '/')
		return read_end_tag(reader);
	behind = take_name(reader, tag, reader->end);
	if (!behind)
		return broken(reader);
	reader->tag_end = find_tag_end(behind, reader->end);
	if (!reader->tag_end)
		return broken(reader);
	return found(reader, CANONICAL_START, behind);
}

static enum canonical_token
read_attribute(struct canonical_reader *reader)
{
	const char *end = reader->tag_end, *at, *quote;

	at = take_name(reader, reader->at + 1, end);
	if (!at || end - at < 2 || at[0] != '=' || at[1] != '"')
		return broken(reader);
	at += 2;
	quote = memchr(at, '"', (size_t)(end - at));
	if (!quote)
		return broken(reader);
	reader->value = (struct canonical_span){ at, (size_t)(quote - at) };
	return found(reader, CANONICAL_ATTRIBUTE, quote + 1);
}

static enum canonical_token
read_in_tag(struct canonical_reader *reader)
{
	const char *end = reader->tag_end;

	if (reader->at == end) {
		reader->tag_end = NULL;
		reader->depth++;
		return found(reader, CANONICAL_OPEN, end + 1);
	}
	if (*reader->at == ' ')
		return read_attribute(reader);
	if (*reader->at != '/' || reader->at + 1 != end)
		return broken(reader);
	reader->tag_end = NULL;
	return found(reader, CANONICAL_EMPTY, end + 1);
}

enum canonical_token
canonical_next(struct canonical_reader *reader)
{
	if (reader->token == CANONICAL_BROKEN)
		return CANONICAL_BROKEN;
	if (reader->tag_end)
		return read_in_tag(reader);
	if (reader->at == reader->end)
		return found(reader, CANONICAL_END, reader->end);
	return *reader->at == '<' ? read_tag(reader) : read_content(reader);
}

/* --- elements --- */

bool
canonical_enter(struct canonical_reader *reader)
{
	while (canonical_next(reader) == CANONICAL_ATTRIBUTE)
		;
	return reader->token == CANONICAL_OPEN;
}

bool
canonical_next_child(struct canonical_reader *reader, int64_t depth)
{
	for (;;) {
		switch (canonical_next(reader)) {
		case CANONICAL_START:
			if (reader->depth == depth)
				return true;
			break;
		case CANONICAL_CLOSE:
			if (reader->depth < depth)
				return false;
			break;
		case CANONICAL_END:
		case CANONICAL_BROKEN:
			return false;
		case CANONICAL_ATTRIBUTE:
		case CANONICAL_OPEN:
		case CANONICAL_EMPTY:
		case CANONICAL_CONTENT:
			break;
		}
	}
}

bool
canonical_read_content(struct canonical_reader *reader,
    struct canonical_span *content_out)
{
	if (reader->token != CANONICAL_OPEN && reader->token != CANONICAL_EMPTY)
		(void)canonical_enter(reader);
	content_out->text = reader->at;
	content_out->len = 0;
	if (reader->token != CANONICAL_OPEN)
		return reader->token == CANONICAL_EMPTY;
	if (canonical_next(reader) == CANONICAL_CONTENT) {
		*content_out = reader->whole;
		(void)canonical_next(reader);
	}
	return reader->token == CANONICAL_CLOSE;
}

struct canonical_span
canonical_find_attribute(const struct canonical_reader *reader,
    const char *name)
{
	struct canonical_reader copy = *reader;
	const struct canonical_span nothing = { NULL, 0 };

	while (canonical_next(&copy) == CANONICAL_ATTRIBUTE)
		if (canonical_is(copy.name, name))
			return copy.value;
	return nothing;
}

/* --- stanzas --- */

/* Where the attribute of this name is kept; NULL: it is not. */
static struct canonical_span *
place_of(struct canonical_stanza *stanza, struct canonical_span name)
{
	if (canonical_is(name, "to"))
		return &stanza->to;
	if (canonical_is(name, "from"))
		return &stanza->from;
	if (canonical_is(name, "id"))
		return &stanza->id;
	return canonical_is(name, "type") ? &stanza->type : NULL;
}

static bool
read_attributes(struct canonical_reader *reader,
    struct canonical_stanza *stanza)
{
	struct canonical_span *place;

	while (canonical_next(reader) == CANONICAL_ATTRIBUTE) {
		place = place_of(stanza, reader->name);
		if (!place)
			continue;
		if (place->text)
			return false;
		*place = reader->value;
	}
	return true;
}

/* Behind '>': the content, if `</name>` follows it as the last. */
static bool
read_rest(const struct canonical_reader *reader,
    struct canonical_stanza *stanza)
{
	size_t rest = (size_t)(reader->end - reader->at);
	size_t end_len = stanza->name.len + sizeof("</>") - 1;
	const char *end_tag;

	if (rest < end_len)
		return false;
	end_tag = reader->end - end_len;
	if (memcmp(end_tag, "</", 2) != 0 ||
	    memcmp(end_tag + 2, stanza->name.text, stanza->name.len) != 0 ||
	    reader->end[-1] != '>')
		return false;
	stanza->content = (struct canonical_span){ reader->at, rest - end_len };
	return true;
}

bool
canonical_read_stanza(const void *bytes, size_t len,
    struct canonical_stanza *stanza_out)
{
	struct canonical_reader reader;

	*stanza_out = (struct canonical_stanza){ 0 };
	canonical_begin(&reader, bytes, len);
	if (canonical_next(&reader) != CANONICAL_START)
		return false;
	stanza_out->name = reader.name;
	if (!read_attributes(&reader, stanza_out))
		return false;
	if (reader.token == CANONICAL_OPEN)
		return read_rest(&reader, stanza_out);
	return reader.token == CANONICAL_EMPTY && reader.at == reader.end;
}
