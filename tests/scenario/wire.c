/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/scenario/wire.h"

#include "common/xmpp/stream.h"

#include <string.h>

static void
unescape(const struct buf *from, struct buf *to)
{
	static const struct {
		const char *reference;
		char character;
	} references[] = { { "&lt;", '<' }, { "&gt;", '>' }, { "&amp;", '&' },
		{ "&quot;", '"' }, { "&apos;", '\'' } };
	const char *at = (const char *)buf_bytes(from);
	const char *end = at + buf_len(from);
	size_t i, len;

	while (at < end) {
		for (i = 0; i < ARRAY_LEN(references); i++) {
			len = strlen(references[i].reference);
			if ((size_t)(end - at) >= len &&
			    memcmp(at, references[i].reference, len) == 0)
				break;
		}
		if (i == ARRAY_LEN(references)) {
			buf_append_char(to, *at++);
		} else {
			buf_append_char(to, references[i].character);
			at += len;
		}
	}
}

/* A CDATA section is text to us. */
static void
without_sections(const struct buf *from, struct buf *to)
{
	static const char start[] = "<![CDATA[", end[] = "]]>";
	const char *at = (const char *)buf_bytes(from), *found, *last;
	const char *behind = at + buf_len(from);

	while ((found = memmem(at, (size_t)(behind - at), start, 9))) {
		last = memmem(found, (size_t)(behind - found), end, 3);
		CHECK(last);
		buf_append(to, at, (size_t)(found - at));
		stream_escape_text(to, found + 9, (size_t)(last - found) - 9);
		at = last + 3;
	}
	buf_append(to, at, (size_t)(behind - at));
}

/* A client's header declares it, so it is not repeated to a client. */
static void
without_declaration(const struct buf *from, struct buf *to)
{
	static const char declaration[] = " xmlns:stream=\"" NS_STREAM "\"";
	const char *at = (const char *)buf_bytes(from), *found;
	size_t len = buf_len(from), skip;

	while ((found =
		    memmem(at, len, declaration, sizeof(declaration) - 1))) {
		buf_append(to, at, (size_t)(found - at));
		skip = (size_t)(found - at) + sizeof(declaration) - 1;
		at += skip;
		len -= skip;
	}
	buf_append(to, at, len);
}

static bool
ends_in_brackets(const struct buf *text)
{
	size_t len = buf_len(text);

	return len >= 2 && memcmp(buf_bytes(text) + len - 2, "]]", 2) == 0;
}

/* In text a '>' is written as it is, but for one behind "]]". */
static void
with_bare_tag_ends(const struct buf *from, struct buf *to)
{
	const char *at = (const char *)buf_bytes(from);
	const char *end = at + buf_len(from);
	bool in_tag = false;
	char quote = '\0';

	for (; at < end; at++) {
		if (quote != '\0')
			quote = *at == quote ? '\0' : quote;
		else if (in_tag && (*at == '"' || *at == '\''))
			quote = *at;
		else if (*at == '<' || *at == '>')
			in_tag = *at == '<';
		if (!in_tag && end - at >= 4 && memcmp(at, "&gt;", 4) == 0 &&
		    !ends_in_brackets(to)) {
			buf_append_char(to, '>');
			at += 3;
		} else {
			buf_append_char(to, *at);
		}
	}
}

void
wire_texts(const struct buf *sent, struct buf *raw_out, struct buf *plain_out)
{
	struct buf all, plain, bare;

	buf_init(&all, 0);
	buf_init(&plain, 0);
	buf_init(&bare, 0);
	without_sections(sent, &all);
	with_bare_tag_ends(&all, &bare);
	without_declaration(&bare, raw_out);
	unescape(&all, &plain);
	buf_reset(&bare);
	with_bare_tag_ends(&plain, &bare);
	without_declaration(&bare, plain_out);
	buf_destroy(&all);
	buf_destroy(&plain);
	buf_destroy(&bare);
}
