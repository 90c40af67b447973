/* SPDX-License-Identifier: Apache-2.0 */
/* Canonical text in the safe profile of PROTOCOL.md §6.6. */
#include "common/xmpp/framer_private.h"
#include "common/xmpp/multiplex.h"
#include "common/xmpp/stream.h"

#include <stdlib.h>
#include <string.h>

void
qname_split(const char *name, struct qname *qname_out)
{
	const char *first = strchr(name, NAME_SEPARATOR), *second;

	memset(qname_out, 0, sizeof(*qname_out));
	qname_out->uri = qname_out->prefix = "";
	if (!first) {
		qname_out->local = name;
		qname_out->local_len = strlen(name);
		return;
	}
	qname_out->uri = name;
	qname_out->uri_len = (size_t)(first - name);
	qname_out->local = first + 1;
	second = strchr(first + 1, NAME_SEPARATOR);
	if (!second) {
		qname_out->local_len = strlen(first + 1);
		return;
	}
	qname_out->local_len = (size_t)(second - first - 1);
	qname_out->prefix = second + 1;
	qname_out->prefix_len = strlen(second + 1);
}

bool
qname_is_language(const struct qname *name)
{
	return name->local_len == 4 && memcmp(name->local, "lang", 4) == 0 &&
	       name->uri_len == sizeof(NS_XML) - 1 &&
	       memcmp(name->uri, NS_XML, name->uri_len) == 0;
}

void
writer_init(struct writer *writer, bool for_client)
{
	memset(writer, 0, sizeof(*writer));
	buf_init(&writer->out, 0);
	buf_init(&writer->names, 1 << 20);
	writer->language = "";
	writer->for_client = for_client;
}

void
writer_destroy(struct writer *writer)
{
	buf_destroy(&writer->out);
	buf_destroy(&writer->names);
	free(writer->bindings);
}

/* --- bindings --- */

static const char *
name_at(const struct writer *writer, uint32_t offset)
{
	return (const char *)buf_bytes(&writer->names) + offset;
}

static uint32_t
keep_name(struct writer *writer, const char *text, size_t len)
{
	uint32_t offset = (uint32_t)buf_len(&writer->names);

	buf_append(&writer->names, text, len);
	buf_append_char(&writer->names, '\0');
	return offset;
}

static void
bind(struct writer *writer, const char *prefix, size_t prefix_len,
    const char *uri, size_t uri_len)
{
	struct binding *binding;

	if (writer->binding_count == writer->binding_cap) {
		writer->binding_cap = MAX(8u, writer->binding_cap * 2);
		writer->bindings = xrealloc(writer->bindings,
		    writer->binding_cap * sizeof(*writer->bindings));
	}
	binding = &writer->bindings[writer->binding_count];
	binding->names_len = buf_len(&writer->names);
	binding->prefix = keep_name(writer, prefix, prefix_len);
	binding->uri = keep_name(writer, uri, uri_len);
	binding->depth = writer->depth;
	if (!writer->names.failed)
		writer->binding_count++;
}

static bool
same(const char *text, const char *other, size_t len)
{
	return strlen(text) == len && memcmp(text, other, len) == 0;
}

static bool
is_bound(const struct writer *writer, const char *prefix, size_t prefix_len,
    const char *uri, size_t uri_len)
{
	size_t i = writer->binding_count;

	while (i-- > 0) {
		const struct binding *binding = &writer->bindings[i];

		if (same(name_at(writer, binding->prefix), prefix, prefix_len))
			return same(name_at(writer, binding->uri), uri,
			    uri_len);
	}
	return false;
}

static void
unbind(struct writer *writer)
{
	const struct binding *last;

	while (writer->binding_count > 0) {
		last = &writer->bindings[writer->binding_count - 1];
		if (last->depth < writer->depth)
			return;
		writer->names.end = writer->names.start + last->names_len;
		writer->binding_count--;
	}
}

/* --- text --- */

/*
 * A client's stream knows no jabber:connectionmanager as default namespace
 * (PROTOCOL.md §6.2). Prefixed names stay as they are: two prefixes mapped to
 * one namespace could make two attributes the same.
 */
static void
map_namespace(const struct writer *writer, const struct qname *name,
    const char **uri_out, size_t *len_out)
{
	*uri_out = name->uri;
	*len_out = name->uri_len;
	if (writer->for_client && name->prefix_len == 0 &&
	    same(NS_MULTIPLEX, name->uri, name->uri_len)) {
		*uri_out = NS_CLIENT;
		*len_out = sizeof(NS_CLIENT) - 1;
	}
}

void
writer_begin(struct writer *writer, size_t limit)
{
	buf_reset(&writer->out);
	buf_reset(&writer->names);
	writer->out.limit = limit;
	writer->binding_count = 0;
	writer->depth = 0;
	writer->tag_open = false;
	bind(writer, "", 0, NS_CLIENT, sizeof(NS_CLIENT) - 1);
	if (writer->for_client)
		bind(writer, "stream", 6, NS_STREAM, sizeof(NS_STREAM) - 1);
	writer->depth = 1;
}

static void
write_declaration(struct writer *writer, const char *prefix, size_t prefix_len,
    const char *uri, size_t uri_len)
{
	buf_append_str(&writer->out, " xmlns");
	if (prefix_len) {
		buf_append_char(&writer->out, ':');
		buf_append(&writer->out, prefix, prefix_len);
	}
	buf_append_str(&writer->out, "=\"");
	stream_escape_value(&writer->out, uri, uri_len);
	buf_append_char(&writer->out, '"');
	bind(writer, prefix, prefix_len, uri, uri_len);
}

/* Declares what is not in force; the prefix xml always is. */
static void
need(struct writer *writer, const char *prefix, size_t prefix_len,
    const char *uri, size_t uri_len)
{
	if (!same(NS_XML, uri, uri_len) &&
	    !is_bound(writer, prefix, prefix_len, uri, uri_len))
		write_declaration(writer, prefix, prefix_len, uri, uri_len);
}

static void
close_tag(struct writer *writer)
{
	if (!writer->tag_open)
		return;
	buf_append_char(&writer->out, '>');
	writer->tag_open = false;
}

static size_t
first_of_depth(const struct writer *writer)
{
	size_t i = writer->binding_count;

	while (i > 0 && writer->bindings[i - 1].depth == writer->depth)
		i--;
	return i;
}

/*
 * Declarations wait in `names` as bindings of the element that comes. Those of
 * a wrapper that is not written wait with them, and what the element declares
 * itself is in force instead.
 */
void
writer_declare(struct writer *writer, const char *prefix, const char *uri)
{
	size_t prefix_len = strlen(prefix), uri_len = strlen(uri), i;
	uint32_t offset;

	if (prefix_len == 0 || strcmp(prefix, "xml") == 0 ||
	    is_bound(writer, prefix, prefix_len, uri, uri_len))
		return;
	for (i = first_of_depth(writer); i < writer->binding_count; i++) {
		if (same(name_at(writer, writer->bindings[i].prefix), prefix,
			prefix_len)) {
			offset = keep_name(writer, uri, uri_len);
			if (!writer->names.failed)
				writer->bindings[i].uri = offset;
			return;
		}
	}
	bind(writer, prefix, prefix_len, uri, uri_len);
}

/* Those that writer_declare() left for this element. */
static void
write_waiting(struct writer *writer, size_t from, size_t to)
{
	size_t i;

	for (i = from; i < to; i++) {
		const struct binding *binding = &writer->bindings[i];
		const char *uri = name_at(writer, binding->uri);

		buf_append_str(&writer->out, " xmlns:");
		buf_append_str(&writer->out, name_at(writer, binding->prefix));
		buf_append_str(&writer->out, "=\"");
		stream_escape_value(&writer->out, uri, strlen(uri));
		buf_append_char(&writer->out, '"');
	}
}

/* Without prefix where the default namespace fits or none was given. */
static bool
goes_without_prefix(const struct writer *writer, const struct qname *name,
    const char *uri, size_t uri_len)
{
	return name->prefix_len == 0 || is_bound(writer, "", 0, uri, uri_len);
}

static void
declare_attribute(struct writer *writer, const char *name)
{
	struct qname qname;

	qname_split(name, &qname);
	if (qname.prefix_len)
		need(writer, qname.prefix, qname.prefix_len, qname.uri,
		    qname.uri_len);
}

static void
write_attribute(struct writer *writer, const char *name, const char *value)
{
	struct qname qname;

	qname_split(name, &qname);
	buf_append_char(&writer->out, ' ');
	if (qname.prefix_len) {
		buf_append(&writer->out, qname.prefix, qname.prefix_len);
		buf_append_char(&writer->out, ':');
	}
	buf_append(&writer->out, qname.local, qname.local_len);
	buf_append_str(&writer->out, "=\"");
	stream_escape_value(&writer->out, value, strlen(value));
	buf_append_char(&writer->out, '"');
}

static bool
has_language(const char **attributes)
{
	struct qname name;

	for (; attributes && attributes[0]; attributes += 2) {
		qname_split(attributes[0], &name);
		if (qname_is_language(&name))
			return true;
	}
	return false;
}

/* The peer did not write it, so it does not count as its own text. */
static void
write_language(struct writer *writer)
{
	writer->out.limit +=
	    sizeof(" xml:lang=\"\"") - 1 + strlen(writer->language);
	stream_attribute(&writer->out, "xml:lang", writer->language);
}

void
writer_start(struct writer *writer, const struct qname *name,
    const char **attributes)
{
	size_t waiting = first_of_depth(writer), end = writer->binding_count;
	const char **attribute, *uri;
	size_t uri_len;
	bool bare;

	map_namespace(writer, name, &uri, &uri_len);
	close_tag(writer);
	bare = goes_without_prefix(writer, name, uri, uri_len);
	buf_append_char(&writer->out, '<');
	if (!bare) {
		buf_append(&writer->out, name->prefix, name->prefix_len);
		buf_append_char(&writer->out, ':');
	}
	buf_append(&writer->out, name->local, name->local_len);
	/* The default namespace, then prefixes, then attributes: so they are
	 * when this text is read again, where all of them are declared. */
	if (bare)
		need(writer, "", 0, uri, uri_len);
	write_waiting(writer, waiting, end);
	if (!bare)
		need(writer, name->prefix, name->prefix_len, uri, uri_len);
	for (attribute = attributes; attribute && attribute[0]; attribute += 2)
		declare_attribute(writer, attribute[0]);
	for (attribute = attributes; attribute && attribute[0]; attribute += 2)
		write_attribute(writer, attribute[0], attribute[1]);
	if (writer->depth == 1 && writer->language[0] &&
	    same(NS_CLIENT, uri, uri_len) && !has_language(attributes))
		write_language(writer);
	writer->tag_open = true;
	writer->depth++;
}

void
writer_text(struct writer *writer, const char *text, size_t len)
{
	close_tag(writer);
	stream_escape_text(&writer->out, text, len);
}

void
writer_end(struct writer *writer, const struct qname *name)
{
	const char *uri;
	size_t uri_len;

	map_namespace(writer, name, &uri, &uri_len);
	writer->depth--;
	if (writer->tag_open) {
		buf_append_str(&writer->out, "/>");
		writer->tag_open = false;
	} else {
		buf_append_str(&writer->out, "</");
		if (!goes_without_prefix(writer, name, uri, uri_len)) {
			buf_append(&writer->out, name->prefix,
			    name->prefix_len);
			buf_append_char(&writer->out, ':');
		}
		buf_append(&writer->out, name->local, name->local_len);
		buf_append_char(&writer->out, '>');
	}
	unbind(writer);
}

bool
writer_failed(const struct writer *writer)
{
	return writer->out.failed || writer->names.failed;
}
