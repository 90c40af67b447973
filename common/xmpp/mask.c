/* SPDX-License-Identifier: Apache-2.0 */
#include "common/xmpp/mask.h"

#include "common/xmpp/stream.h"

#include <string.h>

#define MASK "***"

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
	/* Canonical XML has no sections that hide a text's borders. */
	return bears_sasl(text, len) || holds(text, len, "<!");
}

/* Ends behind the tag's '>', or at the end of all. */
static const char *
tag_end(const char *at, const char *end)
{
	bool quoted = false;

	for (; at < end; at++) {
		if (*at == '"')
			quoted = !quoted;
		else if (*at == '>' && !quoted)
			return at + 1;
	}
	return end;
}

/* The value begins behind `at`, which follows an opening quote. */
static bool
names_secret(const char *tag, const char *at)
{
	static const char *const names[] = { " password=\"", " token=\"" };
	size_t i, len;

	for (i = 0; i < ARRAY_LEN(names); i++) {
		len = strlen(names[i]);
		if ((size_t)(at - tag) >= len &&
		    memcmp(at - len, names[i], len) == 0)
			return true;
	}
	return false;
}

static void
put_tag(const char *tag, const char *end, struct buf *out)
{
	const char *from = tag, *open, *close;

	while ((open = memchr(from, '"', (size_t)(end - from)))) {
		open++;
		close = memchr(open, '"', (size_t)(end - open));
		if (!close)
			close = end;
		buf_append(out, from, (size_t)(open - from));
		if (names_secret(tag, open))
			buf_append_str(out, MASK);
		else
			buf_append(out, open, (size_t)(close - open));
		from = MIN(close + 1, end);
		buf_append(out, close, (size_t)(from - close));
	}
	buf_append(out, from, (size_t)(end - from));
}

void
mask_secrets(const void *bytes, size_t len, struct buf *out)
{
	const char *at = bytes, *end, *next;
	bool secret;

	if (len == 0)
		return;
	end = at + len;
	secret = is_secret(bytes, len);
	while (at < end) {
		if (*at == '<') {
			next = tag_end(at, end);
			put_tag(at, next, out);
		} else {
			next = memchr(at, '<', (size_t)(end - at));
			if (!next)
				next = end;
			if (secret)
				buf_append_str(out, MASK);
			else
				buf_append(out, at, (size_t)(next - at));
		}
		at = next;
	}
}
