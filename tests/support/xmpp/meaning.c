/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/xmpp/meaning.h"

#include <expat.h>
#include <stdlib.h>
#include <string.h>

#define SEPARATOR '\x01'

struct reader {
	struct meaning *meaning;
	const struct meaning_how *how;
	unsigned depth;
	unsigned child; /* of the root's child, from 1 */
	bool inside;
};

static unsigned
item_depth(const struct reader *reader)
{
	return reader->how->deeper ? 2 : 1;
}

/* `uri SEP local SEP prefix`, in which the prefix says nothing. */
static void
put_name(struct reader *reader, const char *name)
{
	struct buf *out = &reader->meaning->text;
	const char *local = strchr(name, SEPARATOR), *end;
	size_t uri_len = local ? (size_t)(local - name) : 0;
	const char *from = reader->how->map_from;

	local = local ? local + 1 : name;
	end = strchr(local, SEPARATOR);
	buf_append_char(out, '{');
	if (from && !end && uri_len == strlen(from) &&
	    memcmp(name, from, uri_len) == 0)
		buf_append_str(out, reader->how->map_to);
	else
		buf_append(out, name, uri_len);
	buf_append_char(out, '}');
	buf_append(out, local, end ? (size_t)(end - local) : strlen(local));
}

static int
compare(const void *a, const void *b)
{
	const char *const *left = a, *const *right = b;
	const char *l = *left, *r = *right;

	/* Up to the prefix. */
	while (*l && *l == *r) {
		l++;
		r++;
	}
	return (unsigned char)*l - (unsigned char)*r;
}

static void
put_attributes(struct reader *reader, const char **attributes)
{
	struct buf *out = &reader->meaning->text;
	size_t count = 0, i;

	while (attributes[2 * count])
		count++;
	qsort(attributes, count, 2 * sizeof(*attributes), compare);
	for (i = 0; i < count; i++) {
		buf_append_char(out, ' ');
		put_name(reader, attributes[2 * i]);
		buf_append_char(out, '=');
		buf_append_str(out, attributes[2 * i + 1]);
		buf_append_char(out, '\x02');
	}
}

static void XMLCALL
on_start(void *context, const char *name, const char **attributes)
{
	struct reader *reader = context;
	struct meaning *meaning = reader->meaning;
	const char **copy;
	size_t count = 0;

	if (reader->depth == 1)
		reader->child = 0;
	if (reader->depth == item_depth(reader)) {
		reader->inside = !reader->how->deeper || ++reader->child == 1;
		if (reader->inside) {
			meaning->items = xrealloc(meaning->items,
			    (meaning->count + 1) * sizeof(*meaning->items));
			meaning->items[meaning->count].start =
			    buf_len(&meaning->text);
		}
	}
	reader->depth++;
	if (!reader->inside)
		return;
	buf_append_char(&meaning->text, '\x03');
	put_name(reader, name);
	while (attributes[count])
		count++;
	copy = xcalloc(count + 1, sizeof(*copy));
	memcpy(copy, attributes, count * sizeof(*copy));
	put_attributes(reader, copy);
	free(copy);
	buf_append_char(&meaning->text, '\x04');
}

static void XMLCALL
on_end(void *context, const char *name)
{
	struct reader *reader = context;
	struct meaning *meaning = reader->meaning;

	(void)name;
	reader->depth--;
	if (!reader->inside)
		return;
	buf_append_char(&meaning->text, '\x05');
	if (reader->depth == item_depth(reader)) {
		meaning->items[meaning->count++].end = buf_len(&meaning->text);
		reader->inside = false;
	}
}

static void XMLCALL
on_text(void *context, const char *text, int len)
{
	struct reader *reader = context;

	if (reader->inside)
		buf_append(&reader->meaning->text, text, (size_t)len);
}

void
meaning_read(struct meaning *meaning, const struct meaning_how *how,
    const char *head, const void *bytes, size_t len, const char *tail)
{
	static const char separator[2] = { SEPARATOR, '\0' };
	XML_Parser parser = XML_ParserCreate_MM("UTF-8", NULL, separator);
	struct reader reader = { .meaning = meaning, .how = how };

	memset(meaning, 0, sizeof(*meaning));
	buf_init(&meaning->text, 0);
	CHECK(parser && len <= INT32_MAX);
	XML_SetReturnNSTriplet(parser, 1);
	XML_SetUserData(parser, &reader);
	XML_SetElementHandler(parser, on_start, on_end);
	XML_SetCharacterDataHandler(parser, on_text);
	meaning->whole = XML_Parse(parser, head, (int)strlen(head), 0) &&
			 XML_Parse(parser, bytes, (int)len, 0) &&
			 XML_Parse(parser, tail, (int)strlen(tail), 1);
	XML_ParserFree(parser);
}

void
meaning_free(struct meaning *meaning)
{
	buf_destroy(&meaning->text);
	free(meaning->items);
	meaning->items = NULL;
	meaning->count = 0;
}

bool
meaning_same(const struct meaning *a, size_t i, const struct meaning *b,
    size_t k)
{
	const struct meaning_item *left, *right;
	size_t len;

	if (i >= a->count || k >= b->count)
		return false;
	left = &a->items[i];
	right = &b->items[k];
	len = left->end - left->start;
	return len == right->end - right->start &&
	       memcmp(buf_bytes(&a->text) + left->start,
		   buf_bytes(&b->text) + right->start, len) == 0;
}
