/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_openfire/chunk.h"

#include <stdio.h>
#include <string.h>

static size_t
keep(struct chunk *chunk, const char *text)
{
	size_t at = chunk->strings.end;

	(void)buf_append(&chunk->strings, text, strlen(text) + 1);
	return at;
}

static void
split_name(const char *name, struct chunk_element *element)
{
	const char *bar = strrchr(name, '|');

	snprintf(element->space, sizeof(element->space), "%.*s",
	    bar ? (int)(bar - name) : 0, name);
	snprintf(element->name, sizeof(element->name), "%s",
	    bar ? bar + 1 : name);
}

static void
on_start(void *data, const char *name, const char **attrs)
{
	struct chunk *chunk = data;
	int level = chunk->depth++;
	struct chunk_element *element;

	buf_reset(&chunk->text);
	if (level > 0 && level <= CHUNK_LEVELS)
		chunk->at[level - 1].children++;
	if (level >= CHUNK_LEVELS ||
	    (level > 0 && chunk->at[level - 1].children > 1))
		return;
	element = &chunk->at[level];
	split_name(name, element);
	element->start = (size_t)XML_GetCurrentByteIndex(chunk->parser);
	element->tag_end =
	    element->start + (size_t)XML_GetCurrentByteCount(chunk->parser);
	for (; attrs[0] && element->attr_count < CHUNK_ATTRS; attrs += 2) {
		element->attrs[element->attr_count][0] = keep(chunk, attrs[0]);
		element->attrs[element->attr_count][1] = keep(chunk, attrs[1]);
		element->attr_count++;
	}
}

static void
take_text(struct chunk *chunk, char *to, size_t size)
{
	if (buf_len(&chunk->text) < size) /* half a character is none */
		snprintf(to, size, "%.*s", (int)buf_len(&chunk->text),
		    (const char *)buf_bytes(&chunk->text));
}

static void
on_end(void *data, const char *name)
{
	struct chunk *chunk = data;
	int level = --chunk->depth;
	const char *local = strrchr(name, '|');

	local = local ? local + 1 : name;
	if (buf_len(&chunk->text) && !strcmp(local, "resource"))
		take_text(chunk, chunk->resource, sizeof(chunk->resource));
	if (buf_len(&chunk->text) && !strcmp(local, "username"))
		take_text(chunk, chunk->user, sizeof(chunk->user));
	if (level == 1 && chunk->at[0].children == 1) {
		buf_reset(&chunk->payload);
		(void)buf_append(&chunk->payload, buf_bytes(&chunk->text),
		    buf_len(&chunk->text));
	}
	if (level < CHUNK_LEVELS && !chunk->at[level].end)
		chunk->at[level].end =
		    (size_t)(XML_GetCurrentByteIndex(chunk->parser) +
			     XML_GetCurrentByteCount(chunk->parser));
	buf_reset(&chunk->text);
}

static void
on_text(void *data, const char *text, int len)
{
	struct chunk *chunk = data;

	(void)buf_append(&chunk->text, text, (size_t)len);
	for (int at = 0; chunk->depth == 1 && at < len; at++)
		if (!strchr(" \t\r\n", text[at]))
			chunk->stray_text = true;
}

void
chunk_init(struct chunk *chunk)
{
	*chunk = (struct chunk){ .parser = XML_ParserCreateNS(NULL, '|') };
	CHECK(chunk->parser);
	buf_init(&chunk->strings, 0);
	buf_init(&chunk->text, 0);
	buf_init(&chunk->payload, 0);
}

void
chunk_destroy(struct chunk *chunk)
{
	XML_ParserFree(chunk->parser);
	buf_destroy(&chunk->strings);
	buf_destroy(&chunk->text);
	buf_destroy(&chunk->payload);
}

static void
forget(struct chunk *chunk)
{
	for (unsigned level = 0; level < CHUNK_LEVELS; level++) {
		chunk->at[level].attr_count = 0;
		chunk->at[level].children = 0;
		chunk->at[level].end = 0;
		chunk->at[level].name[0] = '\0';
		chunk->at[level].space[0] = '\0';
	}
	buf_reset(&chunk->strings);
	buf_reset(&chunk->text);
	buf_reset(&chunk->payload);
	chunk->resource[0] = chunk->user[0] = '\0';
	chunk->stray_text = false;
	chunk->depth = 0;
	chunk->error = NULL;
}

bool
chunk_parse(struct chunk *chunk, const void *bytes, size_t len)
{
	forget(chunk);
	chunk->bytes = bytes;
	chunk->len = len;
	XML_ParserReset(chunk->parser, NULL);
	XML_SetUserData(chunk->parser, chunk);
	XML_SetElementHandler(chunk->parser, on_start, on_end);
	XML_SetCharacterDataHandler(chunk->parser, on_text);
	if (XML_Parse(chunk->parser, bytes, (int)len, 1) == XML_STATUS_OK)
		return true;
	chunk->error = XML_ErrorString(XML_GetErrorCode(chunk->parser));
	return false;
}

const char *
chunk_attr(const struct chunk *chunk, unsigned level, const char *name)
{
	const struct chunk_element *element = &chunk->at[level];
	const char *strings = (const char *)chunk->strings.data;

	for (size_t at = 0; at < element->attr_count; at++)
		if (!strcmp(strings + element->attrs[at][0], name))
			return strings + element->attrs[at][1];
	return NULL;
}

bool
chunk_is(const struct chunk *chunk, unsigned level, const char *name)
{
	return !strcmp(chunk->at[level].name, name);
}

/* Points behind the attribute that begins at `at`, a blank before it. */
static const char *
attribute_end(const char *at, const char *end)
{
	char quote = '\0';

	for (at++; at < end && *at != '"' && *at != '\''; at++)
		;
	if (at < end)
		quote = *at++;
	while (at < end && *at != quote)
		at++;
	return at < end ? at + 1 : end;
}

static bool
is_dropped(const char *at, size_t len, bool from)
{
	static const char client[] = "xmlns=\"jabber:client\"";

	while (len && strchr(" \t\r\n", *at))
		at++, len--;
	if (from && len > 5 && !memcmp(at, "from", 4) && strchr("= \t", at[4]))
		return true;
	return len == sizeof(client) - 1 && !memcmp(at, client, len);
}

void
chunk_append_escaped(struct buf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '&')
			(void)buf_append_str(out, "&amp;");
		else if (*text == '<')
			(void)buf_append_str(out, "&lt;");
		else if (*text == '>')
			(void)buf_append_str(out, "&gt;");
		else if (*text == '"')
			(void)buf_append_str(out, "&quot;");
		else if (strchr("\t\r\n", *text)) /* blanks in a value, else */
			(void)buf_printf(out, "&#%d;", *text);
		else
			(void)buf_append_char(out, *text);
	}
}

void
chunk_append_attribute(struct buf *out, const char *name, const char *value)
{
	if (!value)
		return;
	(void)buf_printf(out, " %s=\"", name);
	chunk_append_escaped(out, value);
	(void)buf_append_char(out, '"');
}

void
chunk_copy_stanza(const struct chunk *chunk, const char *from, struct buf *out)
{
	const struct chunk_element *stanza = &chunk->at[1];
	const char *at = chunk->bytes + stanza->start;
	const char *tag_end = chunk->bytes + stanza->tag_end - 1;
	const char *next;

	if (tag_end[-1] == '/')
		tag_end--;
	for (next = at; next < tag_end && !strchr(" \t\r\n", *next); next++)
		;
	(void)buf_append(out, at, (size_t)(next - at));
	for (at = next; at < tag_end; at = next) {
		next = attribute_end(at, tag_end);
		if (!is_dropped(at, (size_t)(next - at), true))
			(void)buf_append(out, at, (size_t)(next - at));
	}
	chunk_append_attribute(out, "from", from);
	(void)buf_append(out, tag_end,
	    stanza->end - (size_t)(tag_end - chunk->bytes));
}
