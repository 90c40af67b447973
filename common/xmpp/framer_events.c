/* SPDX-License-Identifier: Apache-2.0 */
/* What expat reports, and when the framer stops. */
#include "common/xmpp/framer_private.h"
#include "common/xmpp/multiplex.h"
#include "common/xmpp/stream.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* Ends this feed. Errors abort the parser, results suspend it. */
static void
stop(struct framer *framer, enum framer_result result)
{
	bool is_error = result > FRAMER_END &&
			!(result == FRAMER_TOO_BIG && framer->skipping);

	if (framer->result != FRAMER_MORE)
		return; /* the first one counts */
	framer->result = result;
	XML_StopParser(framer->parser, is_error ? XML_FALSE : XML_TRUE);
}

static uint64_t
event_start(const struct framer *framer)
{
	return (uint64_t)XML_GetCurrentByteIndex(framer->parser);
}

static uint64_t
event_end(const struct framer *framer)
{
	return event_start(framer) +
	       (uint64_t)XML_GetCurrentByteCount(framer->parser);
}

/* --- the view --- */

static size_t
keep(struct framer *framer, const char *text, size_t len)
{
	size_t offset = buf_len(&framer->strings);

	buf_append(&framer->strings, text, len);
	buf_append_char(&framer->strings, '\0');
	return framer->strings.failed ? 0 : offset; /* 0: the empty string */
}

static void
keep_attribute(struct framer *framer, struct kept_tag *tag,
    const struct qname *name, const char *value)
{
	struct kept_attribute *attribute;

	if (tag->count == tag->cap) {
		tag->cap = MAX(8u, tag->cap * 2);
		tag->attributes = xrealloc(tag->attributes,
		    tag->cap * sizeof(*tag->attributes));
	}
	attribute = &tag->attributes[tag->count++];
	attribute->name = keep(framer, name->local, name->local_len);
	attribute->namespace = keep(framer, name->uri, name->uri_len);
	attribute->value = keep(framer, value, strlen(value));
}

static void
keep_tag(struct framer *framer, struct kept_tag *tag, const struct qname *name,
    const char **attributes)
{
	struct qname attribute;

	tag->count = 0;
	tag->name = keep(framer, name->local, name->local_len);
	tag->namespace = keep(framer, name->uri, name->uri_len);
	for (; attributes[0]; attributes += 2) {
		qname_split(attributes[0], &attribute);
		keep_attribute(framer, tag, &attribute, attributes[1]);
	}
}

static const char *
kept_at(const struct framer *framer, size_t offset)
{
	return (const char *)buf_bytes(&framer->strings) + offset;
}

static const struct attribute *
view_attributes(const struct framer *framer, struct kept_tag *tag)
{
	size_t i;

	tag->view =
	    xrealloc(tag->view, MAX(tag->count, 1u) * sizeof(*tag->view));
	for (i = 0; i < tag->count; i++) {
		const struct kept_attribute *kept = &tag->attributes[i];

		tag->view[i].name = kept_at(framer, kept->name);
		tag->view[i].namespace = kept_at(framer, kept->namespace);
		tag->view[i].value = kept_at(framer, kept->value);
	}
	return tag->view;
}

static void
make_view(struct framer *framer)
{
	struct element *element = &framer->element;

	memset(element, 0, sizeof(*element));
	element->name = kept_at(framer, framer->top.name);
	element->namespace = kept_at(framer, framer->top.namespace);
	element->attributes = view_attributes(framer, &framer->top);
	element->attribute_count = framer->top.count;
	element->child_count = framer->child_count;
	if (framer->child_count > 0) {
		element->child_name = kept_at(framer, framer->child.name);
		element->child_namespace =
		    kept_at(framer, framer->child.namespace);
		element->child_attributes =
		    view_attributes(framer, &framer->child);
		element->child_attribute_count = framer->child.count;
	}
	if (framer->text.failed || framer->skipping)
		buf_reset(&framer->text);
	buf_append_char(&framer->text, '\0');
	element->text = (const char *)buf_bytes(&framer->text);
	element->text_len = buf_len(&framer->text) - 1;
	element->bytes = buf_bytes(&framer->writer.out);
	element->len = buf_len(&framer->writer.out);
}

void
framer_forget(struct framer *framer)
{
	buf_reset(&framer->strings);
	buf_append_char(&framer->strings, '\0');
	buf_reset(&framer->text);
	framer->child_count = 0;
	framer->top.count = framer->child.count = 0;
	framer->skipping = false;
}

/* --- the header --- */

static void
on_header(struct framer *framer, const struct qname *name,
    const char **attributes)
{
	static const struct qname declaration = {
		.local = "xmlns", .local_len = 5, .uri = "", .prefix = ""
	};

	framer->depth = 1;
	framer->declared = 0;
	framer->mark = framer->seen = event_end(framer);
	framer_scope_language(framer, attributes);
	if (framer->priming)
		return;
	keep_tag(framer, &framer->top, name, attributes);
	if (framer->mark > framer->limits.header_bytes ||
	    framer->strings.failed) {
		stop(framer, framer_beyond(framer));
		return;
	}
	if (!framer_scope_close(framer, name) &&
	    !(framer->options & FRAMER_UNWRAP)) {
		stop(framer, FRAMER_TOO_MANY_DECLARATIONS);
		return;
	}
	if (framer->default_namespace)
		keep_attribute(framer, &framer->top, &declaration,
		    framer->default_namespace);
	buf_reset(&framer->writer.out);
	make_view(framer);
	stop(framer, FRAMER_HEADER);
}

/* A limit other than the size: on links the element is skipped. */
static void
refuse(struct framer *framer, enum framer_result result)
{
	if (framer->options & FRAMER_UNWRAP)
		framer->skipping = true;
	else
		stop(framer, result);
}

/* expat copies and compares the whole name of a namespace for each attribute
 * that is in it, so what names one costs little only while that is short. */
static bool
is_long(const char *name)
{
	return name && strlen(name) > FRAMER_NAMESPACE_BYTES;
}

static void
on_namespace(void *context, const char *prefix, const char *uri)
{
	struct framer *framer = context;

	if (framer->depth > 0) {
		if (is_long(prefix) || is_long(uri))
			refuse(framer, FRAMER_TOO_BIG);
		if (++framer->declared <= framer->limits.attributes && prefix &&
		    uri && !framer->skipping)
			writer_declare(&framer->writer, prefix, uri);
		return;
	}
	if (!prefix) {
		free(framer->default_namespace);
		framer->default_namespace = uri ? xstrdup(uri) : NULL;
	} else if (uri && !framer->priming) {
		framer_scope_declare(framer, prefix, uri);
	}
}

/* --- elements --- */

/* On a link the child of a <route/> is what is written, alone. */
static bool
is_unwrapped(const struct framer *framer)
{
	return (framer->options & FRAMER_UNWRAP) &&
	       strcmp(kept_at(framer, framer->top.name), "route") == 0;
}

/* True when the name at this depth belongs to the canonical text. */
static bool
is_written(const struct framer *framer, unsigned depth)
{
	if (framer->skipping)
		return false;
	if (!is_unwrapped(framer))
		return true;
	return depth >= 2 && framer->child_count == 1;
}

static void
check_size(struct framer *framer)
{
	if (event_end(framer) - framer->mark <= framer->limits.element_bytes &&
	    !writer_failed(&framer->writer) && !framer->text.failed &&
	    !framer->strings.failed)
		return;
	if (framer->options & FRAMER_UNWRAP)
		framer->skipping = true;
	else
		stop(framer, FRAMER_TOO_BIG);
}

enum framer_result
framer_beyond(const struct framer *framer)
{
	return (framer->options & FRAMER_UNWRAP) ? FRAMER_NO_MEMORY
						 : FRAMER_TOO_BIG;
}

static size_t
count_attributes(const char **attributes)
{
	size_t count = 0;

	while (attributes[2 * count])
		count++;
	return count;
}

static void
check_tag(struct framer *framer, const char **attributes)
{
	size_t count = count_attributes(attributes) + framer->declared;

	framer->declared = 0;
	framer->seen = event_end(framer);
	if (framer->seen - event_start(framer) > framer->limits.element_bytes)
		stop(framer, framer_beyond(framer));
	else if (framer->depth - 1 > framer->limits.depth)
		refuse(framer, FRAMER_TOO_DEEP);
	else if (count > framer->limits.attributes ||
		 framer->writer.binding_count > framer->limits.attributes + 2)
		refuse(framer, FRAMER_TOO_MANY_ATTRIBUTES);
}

/* Its end would be waited for in vain. */
static bool
is_header_again(const struct framer *framer, const struct qname *name)
{
	static const char stream[] = "stream";

	return !(framer->options & FRAMER_UNWRAP) &&
	       name->local_len == sizeof(stream) - 1 &&
	       memcmp(name->local, stream, name->local_len) == 0 &&
	       name->uri_len == sizeof(NS_STREAM) - 1 &&
	       memcmp(name->uri, NS_STREAM, name->uri_len) == 0;
}

/* With a prefix of its own scope, reported before the start tag. */
static void
on_start(void *context, const char *name, const char **attributes)
{
	struct framer *framer = context;
	struct qname qname;

	qname_split(name, &qname);
	if (framer->result != FRAMER_MORE)
		return;
	if (framer->depth == 0) {
		on_header(framer, &qname, attributes);
		return;
	}
	check_tag(framer, attributes);
	if (framer->result != FRAMER_MORE)
		return;
	if (framer->depth == 1) {
		if (is_header_again(framer, &qname)) {
			stop(framer, FRAMER_HEADER_AGAIN);
			return;
		}
		framer->mark = event_start(framer);
		keep_tag(framer, &framer->top, &qname, attributes);
	} else if (framer->depth == 2 && framer->child_count++ == 0) {
		keep_tag(framer, &framer->child, &qname, attributes);
	}
	if (is_written(framer, framer->depth))
		writer_start(&framer->writer, &qname, attributes);
	framer->depth++;
	check_size(framer);
}

static void
on_end(void *context, const char *name)
{
	struct framer *framer = context;
	struct qname qname;

	/* `<stream:stream/>`: expat tells both events before it stops. */
	if (framer->result == FRAMER_HEADER)
		framer->depth = 0;
	if (framer->result != FRAMER_MORE)
		return;
	framer->depth--;
	framer->seen = event_end(framer);
	if (framer->depth == 0) {
		stop(framer, FRAMER_END);
		return;
	}
	qname_split(name, &qname);
	if (is_written(framer, framer->depth))
		writer_end(&framer->writer, &qname);
	check_size(framer);
	if (framer->depth > 1 || framer->result != FRAMER_MORE)
		return;
	framer->mark = event_end(framer);
	framer->elements++;
	make_view(framer);
	stop(framer, framer->skipping ? FRAMER_TOO_BIG : FRAMER_ELEMENT);
}

static bool
is_blank(const char *text, int len)
{
	while (len > 0 && strchr(" \t\r\n", *text)) {
		text++;
		len--;
	}
	return len == 0;
}

static void
on_text(void *context, const char *text, int len)
{
	struct framer *framer = context;

	if (framer->result != FRAMER_MORE)
		return;
	framer->seen = event_end(framer);
	if (framer->depth == 1) {
		framer->mark = framer->seen;
		if (!is_blank(text, len))
			stop(framer, FRAMER_TEXT);
		return;
	}
	if (framer->depth == 2 && !framer->skipping)
		buf_append(&framer->text, text, (size_t)len);
	if (is_written(framer, framer->depth - 1))
		writer_text(&framer->writer, text, (size_t)len);
	check_size(framer);
}

/* --- what a stream may not hold (RFC 6120 §11.1) --- */

static void
on_comment(void *context, const char *text)
{
	(void)text;
	stop(context, FRAMER_RESTRICTED);
}

static void
on_instruction(void *context, const char *target, const char *text)
{
	(void)target;
	(void)text;
	stop(context, FRAMER_RESTRICTED);
}

static void
on_doctype(void *context, const char *name, const char *system,
    const char *public, int has_subset)
{
	(void)name;
	(void)system;
	(void)public;
	(void)has_subset;
	stop(context, FRAMER_RESTRICTED);
}

/* Whatever is declared, expat reads UTF-8 and version 1.0 (RFC 6120 §11.6). */
static void
on_declaration(void *context, const char *version, const char *encoding,
    int standalone)
{
	(void)standalone;
	if ((version && strcmp(version, "1.0") != 0) ||
	    (encoding && strcasecmp(encoding, "UTF-8") != 0))
		stop(context, FRAMER_ENCODING);
}

void
framer_listen(struct framer *framer)
{
	XML_Parser parser = framer->parser;

	framer_take_salt(parser);
	XML_SetUserData(parser, framer);
	XML_SetReturnNSTriplet(parser, 1);
	XML_SetReparseDeferralEnabled(parser, XML_FALSE);
	XML_SetXmlDeclHandler(parser, on_declaration);
	XML_SetElementHandler(parser, on_start, on_end);
	XML_SetCharacterDataHandler(parser, on_text);
	XML_SetNamespaceDeclHandler(parser, on_namespace, NULL);
	XML_SetCommentHandler(parser, on_comment);
	XML_SetProcessingInstructionHandler(parser, on_instruction);
	XML_SetStartDoctypeDeclHandler(parser, on_doctype);
}
