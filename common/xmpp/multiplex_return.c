/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Stanzas that could not go on their way become errors. They are canonical text
 * of our own making (double quotes, one space, no comments), so a look at the
 * start tag is enough; values stay escaped from one text to the other.
 */
#include "common/xmpp/multiplex.h"
#include "common/xmpp/stream.h"

#include <errno.h>
#include <string.h>

struct span {
	const char *text;
	size_t len;
};

struct stanza {
	struct span name, to, from, id, type;
	struct span declarations[16]; /* whole xmlns:p="..." attributes */
	size_t declaration_count;
	bool more_declarations;
	bool declares_stream; /* one of them is xmlns:stream */
	struct span content;  /* between start and end tag */
};

static bool
is(struct span span, const char *text)
{
	return span.len == strlen(text) &&
	       memcmp(span.text, text, span.len) == 0;
}

static void
note_declaration(struct stanza *stanza, struct span name, struct span value)
{
	struct span whole = { name.text, name.len + value.len + 3 };

	if (is(name, "xmlns:stream"))
		stanza->declares_stream = true;
	if (stanza->declaration_count < ARRAY_LEN(stanza->declarations))
		stanza->declarations[stanza->declaration_count++] = whole;
	else
		stanza->more_declarations = true;
}

static void
note_attribute(struct stanza *stanza, struct span name, struct span value)
{
	if (is(name, "to"))
		stanza->to = value;
	else if (is(name, "from"))
		stanza->from = value;
	else if (is(name, "id"))
		stanza->id = value;
	else if (is(name, "type"))
		stanza->type = value;
	else if (name.len > 6 && memcmp(name.text, "xmlns:", 6) == 0)
		note_declaration(stanza, name, value);
}

/* Reads ` name="value"` at *at_io; false when there is none. */
static bool
read_attribute(const char **at_io, const char *end, struct stanza *stanza)
{
	struct span name, value;
	const char *at = *at_io, *quote;

	if (at >= end || *at != ' ')
		return false;
	name.text = ++at;
	at = memchr(at, '=', (size_t)(end - at));
	if (!at || at + 1 >= end || at[1] != '"')
		return false;
	name.len = (size_t)(at - name.text);
	value.text = at + 2;
	quote = memchr(value.text, '"', (size_t)(end - value.text));
	if (!quote)
		return false;
	value.len = (size_t)(quote - value.text);
	note_attribute(stanza, name, value);
	*at_io = quote + 1;
	return true;
}

static int
read_stanza(const uint8_t *bytes, size_t len, struct stanza *stanza)
{
	const char *at = (const char *)bytes, *end = at + len;

	memset(stanza, 0, sizeof(*stanza));
	if (len < 4 || *at++ != '<')
		return -ENOENT;
	stanza->name.text = at;
	while (at < end && *at != ' ' && *at != '/' && *at != '>')
		at++;
	stanza->name.len = (size_t)(at - stanza->name.text);
	while (read_attribute(&at, end, stanza))
		;
	if (at < end && *at == '/')
		return 0;
	if (at >= end || *at != '>' ||
	    (size_t)(end - at) < stanza->name.len + 4)
		return -ENOENT;
	stanza->content.text = at + 1;
	stanza->content.len = (size_t)(end - at) - 1 - stanza->name.len - 3;
	return 0;
}

static void
put_attribute(struct buf *out, const char *name, struct span value)
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
put_start(struct buf *out, const struct stanza *stanza)
{
	buf_append_char(out, '<');
	buf_append(out, stanza->name.text, stanza->name.len);
	buf_append_str(out, " type=\"error\"");
	put_attribute(out, "id", stanza->id);
	put_attribute(out, "from", stanza->to);
	put_attribute(out, "to", stanza->from);
}

static void
put_end(struct buf *out, const struct stanza *stanza,
    const struct stanza_fault *fault)
{
	stream_render_fault(out, fault);
	buf_append_str(out, "</");
	buf_append(out, stanza->name.text, stanza->name.len);
	buf_append_char(out, '>');
}

/* Errors and answers are never answered; presence has no answer. */
static bool
may_be_answered(const struct stanza *stanza)
{
	if (is(stanza->name, "message"))
		return !is(stanza->type, "error");
	return is(stanza->name, "iq") &&
	       (is(stanza->type, "get") || is(stanza->type, "set"));
}

int
multiplex_render_bounce(struct buf *out, const uint8_t *route, size_t len,
    const struct stanza_fault *fault)
{
	static const char end[] = "</route>";
	const uint8_t *inner = memchr(route, '>', len);
	struct stanza stanza;
	size_t inner_len;

	if (!inner)
		return -ENOENT;
	inner++;
	inner_len = len - (size_t)(inner - route);
	if (inner_len < sizeof(end) - 1 ||
	    read_stanza(inner, inner_len - (sizeof(end) - 1), &stanza) != 0 ||
	    !may_be_answered(&stanza))
		return -ENOENT;
	put_start(out, &stanza);
	buf_append_char(out, '>');
	put_end(out, &stanza, fault);
	return 0;
}

/*
 * What the request held, with what its prefixes need: the answer stands alone
 * on the link, where one undeclared prefix ends the link (PROTOCOL.md §6.6). A
 * request that declares more than anybody does, or is too long to go up again,
 * is answered without it.
 */
static void
put_content(struct buf *out, const struct stanza *stanza)
{
	struct span content = stanza->content;
	size_t i;

	if (stanza->more_declarations || !content.len ||
	    content.len > MULTIPLEX_STANZA_MAX) {
		buf_append_char(out, '>');
		return;
	}
	for (i = 0; i < stanza->declaration_count; i++) {
		buf_append_char(out, ' ');
		buf_append(out, stanza->declarations[i].text,
		    stanza->declarations[i].len);
	}
	if (!stanza->declares_stream &&
	    memmem(content.text, content.len, "stream:", 7))
		buf_append_str(out, " xmlns:stream=\"" NS_STREAM "\"");
	buf_append_char(out, '>');
	buf_append(out, content.text, content.len);
}

int
multiplex_render_undelivered(struct buf *out,
    const struct multiplex_names *names, const char *streamid,
    const uint8_t *stanza_bytes, size_t len)
{
	static const struct stanza_fault gone = { "wait",
		"recipient-unavailable", "The recipient has disconnected." };
	struct stanza stanza;

	if (read_stanza(stanza_bytes, len, &stanza) != 0 ||
	    !is(stanza.name, "iq") || !may_be_answered(&stanza))
		return -ENOENT;
	multiplex_render_route_start(out, names, streamid);
	put_start(out, &stanza);
	put_content(out, &stanza);
	put_end(out, &stanza, &gone);
	multiplex_render_route_end(out);
	return 0;
}
