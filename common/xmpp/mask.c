/* SPDX-License-Identifier: Apache-2.0 */
#include "common/xmpp/mask.h"

#include "common/xmpp/canonical.h"
#include "common/xmpp/stream.h"

#include <string.h>

#define MASK "***"

/* Anywhere, in content too, and where the text is not canonical any more: what
 * a reader of tokens would have to pass over may be what bears the secret, and
 * too much is hidden rather than too little. */
static bool
holds(const char *text, size_t len, const char *what)
{
	return memmem(text, len, what, strlen(what)) != NULL;
}

static bool
starts(const char *text, size_t len, const char *with)
{
	return len >= strlen(with) && memcmp(text, with, strlen(with)) == 0;
}

/* What is offered, and why it failed, is no secret. */
static bool
bears_sasl(const char *text, size_t len)
{
	return (holds(text, len, NS_SASL) ||
		   holds(text, len, "urn:xmpp:sasl:")) &&
	       !starts(text, len, "<stream:features") &&
	       !starts(text, len, "<failure");
}

static bool
is_secret(const char *text, size_t len)
{
	static const char *const signs[] = { "jabber:iq:auth",
		"jabber:iq:register", "text-private", "var=\"password" };
	size_t i;

	for (i = 0; i < ARRAY_LEN(signs); i++)
		if (holds(text, len, signs[i]))
			return true;
	return bears_sasl(text, len);
}

static bool
names_secret(struct canonical_span name)
{
	return canonical_is(name, "password") || canonical_is(name, "token");
}

static void
put(const char *from, const char *to, struct buf *out)
{
	buf_append(out, from, (size_t)(to - from));
}

static void
put_attribute(const struct canonical_reader *reader, struct buf *out)
{
	const char *value = reader->value.text;

	put(reader->whole.text, value, out);
	if (names_secret(reader->name))
		buf_append_str(out, MASK);
	else
		put(value, value + reader->value.len, out);
	buf_append_char(out, '"');
}

/* What our own header begins with is nothing that elements have, and nothing
 * that the reader of canonical text knows. */
static size_t
put_declaration(const char *text, size_t len, struct buf *out)
{
	const char *end =
	    starts(text, len, "<?xml ") ? memmem(text, len, "?>", 2) : NULL;

	if (!end)
		return 0;
	put(text, end + 2, out);
	return (size_t)(end + 2 - text);
}

/* The start tag that the reader is in. */
static bool
is_whole(const struct canonical_reader *reader)
{
	struct canonical_reader copy = *reader;

	return canonical_enter(&copy) || copy.token == CANONICAL_EMPTY;
}

/* False: from here on nothing is shown. */
static bool
next_shown(struct canonical_reader *reader)
{
	enum canonical_token token = canonical_next(reader);

	return token != CANONICAL_END && token != CANONICAL_BROKEN &&
	       (token != CANONICAL_START || is_whole(reader));
}

/* secret: content is. What is not canonical is, and not shown apart from it. */
static void
put_tokens(struct canonical_reader *reader, bool secret, struct buf *out)
{
	bool hidden = false;

	while (next_shown(reader)) {
		hidden = reader->token == CANONICAL_CONTENT && secret;
		if (hidden)
			buf_append_str(out, MASK);
		else if (reader->token == CANONICAL_ATTRIBUTE)
			put_attribute(reader, out);
		else
			buf_append(out, reader->whole.text, reader->whole.len);
	}
	if (reader->token != CANONICAL_END && !hidden)
		buf_append_str(out, MASK);
}

void
mask_secrets(const void *bytes, size_t len, struct buf *out)
{
	struct canonical_reader reader;
	size_t before;

	if (len == 0)
		return;
	before = put_declaration(bytes, len, out);
	canonical_begin(&reader, (const char *)bytes + before, len - before);
	put_tokens(&reader, is_secret(bytes, len), out);
}
