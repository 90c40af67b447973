/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stanzas that could not go on their way become errors. They are canonical text
 * of our own making; values stay escaped from one text to the other.
 */
#include "common/xmpp/canonical.h"
#include "common/xmpp/multiplex.h"
#include "common/xmpp/stream.h"

#include <errno.h>
#include <string.h>

/* More of them than anybody needs. */
#define DECLARATIONS_MAX 16u

static void
put_attribute(struct buf *out, const char *name, struct canonical_span value)
{
	if (!value.text)
		return;
	buf_append_char(out, ' ');
	buf_append_str(out, name);
	buf_append_str(out, "=\"");
	buf_append(out, value.text, value.len);
	buf_append_char(out, '"');
}

/* <name type="error" id from to: with the addresses swapped. */
static void
put_start(struct buf *out, const struct canonical_stanza *stanza)
{
	buf_append_char(out, '<');
	buf_append(out, stanza->name.text, stanza->name.len);
	buf_append_str(out, " type=\"error\"");
	put_attribute(out, "id", stanza->id);
	put_attribute(out, "from", stanza->to);
	put_attribute(out, "to", stanza->from);
}

static void
put_end(struct buf *out, const struct canonical_stanza *stanza,
    const struct stanza_fault *fault)
{
	stream_render_fault(out, fault);
	buf_append_str(out, "</");
	buf_append(out, stanza->name.text, stanza->name.len);
	buf_append_char(out, '>');
}

/* Errors and answers are never answered; presence has no answer. */
static bool
may_be_answered(const struct canonical_stanza *stanza)
{
	if (canonical_is(stanza->name, "message"))
		return !canonical_is(stanza->type, "error");
	return canonical_is(stanza->name, "iq") &&
	       (canonical_is(stanza->type, "get") ||
		   canonical_is(stanza->type, "set"));
}

bool
multiplex_unwrap(const uint8_t *packet, size_t len, const uint8_t **stanza_out,
    size_t *len_out)
{
	struct canonical_stanza outer;

	if (!canonical_read_stanza(packet, len, &outer) ||
	    !canonical_is(outer.name, "route"))
		return false;
	*stanza_out = (const uint8_t *)outer.content.text;
	*len_out = outer.content.len;
	return true;
}

int
multiplex_render_bounce(struct buf *out, const uint8_t *bytes, size_t len,
    const struct stanza_fault *fault)
{
	struct canonical_stanza stanza;

	if (!canonical_read_stanza(bytes, len, &stanza) ||
	    !may_be_answered(&stanza))
		return -ENOENT;
	put_start(out, &stanza);
	buf_append_char(out, '>');
	put_end(out, &stanza, fault);
	return 0;
}

/* The declarations of prefixes in a start tag, each with its blank. */
struct declarations {
	struct canonical_span all[DECLARATIONS_MAX];
	size_t count;
	bool too_many;
	bool stream; /* xmlns:stream is among them */
};

static void
read_declarations(const uint8_t *bytes, size_t len,
    struct declarations *declarations)
{
	static const char start[] = "xmlns:";
	size_t start_len = sizeof(start) - 1;
	struct canonical_reader reader;

	*declarations = (struct declarations){ .count = 0 };
	canonical_begin(&reader, bytes, len);
	(void)canonical_next(&reader);
	while (canonical_next(&reader) == CANONICAL_ATTRIBUTE) {
		if (reader.name.len <= start_len ||
		    memcmp(reader.name.text, start, start_len) != 0)
			continue;
		if (declarations->count == DECLARATIONS_MAX) {
			declarations->too_many = true;
			return;
		}
		declarations->all[declarations->count++] = reader.whole;
		declarations->stream |=
		    canonical_is(reader.name, "xmlns:stream");
	}
}

/* A declaration too many does no harm, so a search is enough (as in
 * declare_stream() of multiplex_render.c). */
static void
put_declarations(struct buf *out, const struct declarations *declarations,
    struct canonical_span content)
{
	size_t i;

	for (i = 0; i < declarations->count; i++)
		buf_append(out, declarations->all[i].text,
		    declarations->all[i].len);
	if (!declarations->stream &&
	    memmem(content.text, content.len, "stream:", 7))
		buf_append_str(out, " xmlns:stream=\"" NS_STREAM "\"");
}

/*
 * What the request held, with what its prefixes need: the answer stands alone
 * on the link, where one undeclared prefix ends the link (PROTOCOL.md §6.6). A
 * request that declares more than anybody does, or is too long to go up again,
 * is answered without it.
 */
static void
put_content(struct buf *out, const uint8_t *bytes, size_t len,
    struct canonical_span content)
{
	struct declarations declarations;

	read_declarations(bytes, len, &declarations);
	if (content.len == 0 || content.len > MULTIPLEX_STANZA_MAX ||
	    declarations.too_many) {
		buf_append_char(out, '>');
		return;
	}
	put_declarations(out, &declarations, content);
	buf_append_char(out, '>');
	buf_append(out, content.text, content.len);
}

int
multiplex_render_undelivered(struct buf *out, const uint8_t *bytes, size_t len)
{
	static const struct stanza_fault gone = { "wait",
		"recipient-unavailable", "The recipient has disconnected." };
	struct canonical_stanza stanza;

	if (!canonical_read_stanza(bytes, len, &stanza) ||
	    !canonical_is(stanza.name, "iq") || !may_be_answered(&stanza))
		return -ENOENT;
	put_start(out, &stanza);
	put_content(out, bytes, len, stanza.content);
	put_end(out, &stanza, &gone);
	return 0;
}
