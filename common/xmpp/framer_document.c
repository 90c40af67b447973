/* SPDX-License-Identifier: Apache-2.0 */
#include "common/xmpp/framer_document.h"

#include "common/base/buf.h"

#include <errno.h>
#include <expat.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

struct level {
	size_t path_len; /* of the path up to and with this element */
	size_t name_at;
	unsigned line;
	bool has_children;
	struct buf text;
};

struct reader {
	XML_Parser parser;
	struct level levels[DOCUMENT_DEPTH_MAX];
	unsigned depth;
	char path[DOCUMENT_PATH_MAX];
	char root[DOCUMENT_PATH_MAX];
	document_element_fn *on_element;
	void *context;
	struct document_error *error;
};

static void
refuse(struct reader *reader, const char *why)
{
	reader->error->line =
	    (unsigned)XML_GetCurrentLineNumber(reader->parser);
	snprintf(reader->error->text, sizeof(reader->error->text), "%s", why);
	XML_StopParser(reader->parser, XML_FALSE);
}

/* The root's own name stands apart and is in no path. */
static bool
enter(struct reader *reader, struct level *level, const char *name)
{
	size_t len = strlen(name), at = 0;

	if (len >= DOCUMENT_PATH_MAX)
		return false;
	if (reader->depth == 0) {
		memcpy(reader->root, name, len + 1);
		return true;
	}
	at = reader->levels[reader->depth - 1].path_len;
	if (at + len + 2 > sizeof(reader->path))
		return false;
	if (at > 0)
		reader->path[at++] = '.';
	memcpy(reader->path + at, name, len + 1);
	level->name_at = at;
	level->path_len = at + len;
	return true;
}

static void XMLCALL
on_start(void *data, const char *name, const char **attributes)
{
	struct reader *reader = data;
	struct level *level;

	(void)attributes;
	if (reader->depth == DOCUMENT_DEPTH_MAX) {
		refuse(reader, "elements nested too deep");
		return;
	}
	level = &reader->levels[reader->depth];
	*level = (struct level){ 0 };
	if (!enter(reader, level, name)) {
		refuse(reader, "element names too long");
		return;
	}
	if (reader->depth > 0)
		reader->levels[reader->depth - 1].has_children = true;
	level->line = (unsigned)XML_GetCurrentLineNumber(reader->parser);
	buf_init(&level->text, 0);
	reader->depth++;
}

static void XMLCALL
on_text(void *data, const char *text, int len)
{
	struct reader *reader = data;

	if (reader->depth > 0)
		(void)buf_append(&reader->levels[reader->depth - 1].text, text,
		    (size_t)len);
}

static bool
is_blank(uint8_t byte)
{
	return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n';
}

/* Terminated and without blanks at both ends. */
static const char *
trim(struct buf *text)
{
	while (buf_len(text) > 0 && is_blank(buf_bytes(text)[0]))
		buf_consume(text, 1);
	while (buf_len(text) > 0 &&
	       is_blank(buf_bytes(text)[buf_len(text) - 1]))
		text->end--;
	if (buf_len(text) == 0)
		return "";
	(void)buf_append_char(text, '\0');
	return (const char *)buf_bytes(text);
}

/* It may have been a password. */
static void
forget(struct buf *text)
{
	if (text->data)
		explicit_bzero(text->data, text->cap);
	buf_destroy(text);
}

static void XMLCALL
on_end(void *data, const char *name)
{
	struct reader *reader = data;
	struct level *level;
	struct document_element element;

	(void)name;
	if (reader->error->text[0] != '\0' || reader->depth == 0)
		return; /* an empty element ends even after the parser did */
	level = &reader->levels[--reader->depth];
	reader->path[level->path_len] = '\0';
	element = (struct document_element){
		.path = reader->path,
		.name = reader->depth == 0 ? reader->root
					   : reader->path + level->name_at,
		.text = trim(&level->text),
		.line = level->line,
		.has_children = level->has_children,
	};
	reader->on_element(reader->context, &element);
	forget(&level->text);
}

static void XMLCALL
on_doctype(void *data, const char *name, const char *system_id,
    const char *public_id, int has_subset)
{
	(void)name;
	(void)system_id;
	(void)public_id;
	(void)has_subset;
	refuse(data, "a DOCTYPE is not allowed");
}

static int
run(struct reader *reader, const void *bytes, size_t len)
{
	enum XML_Status status;

	XML_SetUserData(reader->parser, reader);
	XML_SetElementHandler(reader->parser, on_start, on_end);
	XML_SetCharacterDataHandler(reader->parser, on_text);
	XML_SetStartDoctypeDeclHandler(reader->parser, on_doctype);
	status = XML_Parse(reader->parser, bytes, (int)len, XML_TRUE);
	if (status == XML_STATUS_OK)
		return 0;
	if (reader->error->text[0] == '\0')
		refuse(reader,
		    XML_ErrorString(XML_GetErrorCode(reader->parser)));
	return -EBADMSG;
}

int
framer_document_parse(const void *bytes, size_t len,
    document_element_fn *on_element, void *context,
    struct document_error *error_out)
{
	struct reader reader = {
		.on_element = on_element, .context = context, .error = error_out
	};
	int error;

	*error_out = (struct document_error){ 0 };
	if (len > INT_MAX) {
		snprintf(error_out->text, sizeof(error_out->text),
		    "the document is too long");
		return -EBADMSG;
	}
	reader.parser = XML_ParserCreate(NULL);
	CHECK(reader.parser);
	error = run(&reader, bytes, len);
	while (reader.depth > 0)
		forget(&reader.levels[--reader.depth].text);
	XML_ParserFree(reader.parser);
	return error;
}
