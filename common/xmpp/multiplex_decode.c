/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What comes down (PROTOCOL.md §2.4, §5, §6). Below the first child it is read
 * from the framer's canonical text.
 */
#include "common/xmpp/canonical.h"
#include "common/xmpp/framer.h"
#include "common/xmpp/multiplex.h"
#include "common/xmpp/multiplex_configuration.h"
#include "common/xmpp/stream.h"

#include <stdio.h>
#include <string.h>

#define CONDITION_MAX 64

static bool
is_type(const struct element *element, const char *type)
{
	const char *value = element_attribute(element, "type");

	return value && strcmp(value, type) == 0;
}

/* True at the start tag of the element's <error/>, or of itself if it is one.
 */
static bool
find_error(const struct element *element, struct canonical_reader *reader)
{
	canonical_begin(reader, element->bytes, element->len);
	if (canonical_next(reader) != CANONICAL_START)
		return false;
	if (canonical_is(reader->name, "error"))
		return true;
	if (!canonical_enter(reader))
		return false;
	while (canonical_next_child(reader, 1))
		if (canonical_is(reader->name, "error"))
			return true;
	return false;
}

/* "" for what no condition is named. */
static const char *
keep_condition(struct canonical_span name)
{
	static char condition[CONDITION_MAX];
	size_t i;

	if (name.len >= sizeof(condition))
		return "";
	for (i = 0; i < name.len; i++) {
		if (!strchr("abcdefghijklmnopqrstuvwxyz-", name.text[i]))
			return "";
		condition[i] = name.text[i];
	}
	condition[name.len] = '\0';
	return condition;
}

/* The condition of an <error/>: its first child in the stanzas' namespace. An
 * answer may hold what anybody wrote, so only what looks like one is taken. */
static const char *
condition_of(const struct element *element)
{
	struct canonical_reader reader;
	int64_t depth;

	if (!find_error(element, &reader) || !canonical_enter(&reader))
		return "";
	depth = reader.depth;
	while (canonical_next_child(&reader, depth))
		if (canonical_is(canonical_find_attribute(&reader, "xmlns"),
			NS_STANZAS))
			return keep_condition(reader.name);
	return "";
}

static struct multiplex_item
ignored(const char *why)
{
	struct multiplex_item item;

	memset(&item, 0, sizeof(item));
	item.kind = MULTIPLEX_IGNORED;
	item.condition = why;
	return item;
}

/* --- iq --- */

static bool
is_barrier(const char *streamid, const char *manager)
{
	size_t len = strlen(manager);

	return streamid && strncmp(streamid, manager, len) == 0 &&
	       strcmp(streamid + len, MULTIPLEX_BARRIER_SUFFIX) == 0;
}

static bool
is_blank(struct canonical_span content)
{
	size_t i;

	for (i = 0; i < content.len; i++)
		if (!strchr(" \t\r\n", content.text[i]))
			return false;
	return true;
}

/* The <session>'s action: its first child, before which there is nothing.
 * Deeper in there may be a message with children of any name. */
static struct canonical_span
session_verb(const struct element *element)
{
	const struct canonical_span none = { NULL, 0 };
	struct canonical_reader reader;

	canonical_begin(&reader, element->bytes, element->len);
	if (canonical_next(&reader) != CANONICAL_START ||
	    !canonical_enter(&reader) || !canonical_next_child(&reader, 1) ||
	    !canonical_is(reader.name, "session") || !canonical_enter(&reader))
		return none;
	if (canonical_next(&reader) == CANONICAL_CONTENT &&
	    is_blank(reader.whole))
		(void)canonical_next(&reader);
	return reader.token == CANONICAL_START ? reader.name : none;
}

static enum multiplex_kind
answer_kind(const struct element *element, const char *streamid,
    const char *manager)
{
	struct canonical_span verb;

	if (is_barrier(streamid, manager))
		return MULTIPLEX_BARRIER_ANSWER;
	verb = session_verb(element);
	if (canonical_is(verb, "create"))
		return is_type(element, "error") ? MULTIPLEX_CREATE_REFUSED
						 : MULTIPLEX_CREATED;
	if (canonical_is(verb, "failed"))
		return MULTIPLEX_FAILED_ANSWER;
	return canonical_is(verb, "close") ? MULTIPLEX_CLOSED
					   : MULTIPLEX_IGNORED;
}

/* The stream error that the client gets may stand beside <close/> or in it. */
static void
read_session_close(const struct element *element, struct multiplex_item *item)
{
	struct canonical_reader reader;
	const char *error;
	int64_t depth;

	item->kind = MULTIPLEX_SESSION_CLOSE;
	canonical_begin(&reader, element->bytes, element->len);
	do {
		if (canonical_next(&reader) == CANONICAL_END ||
		    reader.token == CANONICAL_BROKEN)
			return;
	} while (reader.token != CANONICAL_START ||
		 !canonical_is(reader.name, "stream:error"));
	error = reader.whole.text;
	if (!canonical_enter(&reader))
		return;
	depth = reader.depth;
	while (canonical_next_child(&reader, depth))
		;
	if (reader.token != CANONICAL_CLOSE)
		return;
	item->bytes = (const uint8_t *)error;
	item->len = (size_t)(reader.at - error);
}

static void
read_iq(const struct element *element, const char *manager,
    struct multiplex_item *item)
{
	bool is_session = element->child_count > 0 &&
			  strcmp(element->child_name, "session") == 0;

	item->id = element_attribute(element, "id");
	if (is_session)
		item->streamid = element_child_attribute(element, "id");
	if (is_type(element, "result") || is_type(element, "error")) {
		if (is_type(element, "error"))
			item->condition = condition_of(element);
		item->kind = item->streamid
				 ? answer_kind(element, item->streamid, manager)
				 : MULTIPLEX_IGNORED;
		return;
	}
	item->kind = MULTIPLEX_UNKNOWN_IQ;
	if (element->child_count == 0 || !is_type(element, "set"))
		return;
	if (strcmp(element->child_name, "configuration") == 0) {
		item->kind = MULTIPLEX_CONFIGURATION;
		item->from = element_attribute(element, "from");
		multiplex_read_configuration(element, &item->configuration);
	} else if (is_session && item->streamid &&
		   canonical_is(session_verb(element), "close")) {
		read_session_close(element, item);
	}
}

/* --- <route/> --- */

static enum multiplex_content
sasl_content(const char *name)
{
	if (strcmp(name, "success") == 0)
		return CONTENT_SUCCESS;
	if (strcmp(name, "challenge") == 0)
		return CONTENT_CHALLENGE;
	return strcmp(name, "failure") == 0 ? CONTENT_FAILURE : CONTENT_OTHER;
}

/* Whoever answers a stanza or reports it relies on a name without prefix. */
static enum multiplex_content
stanza_content(const char *name, const char *type, const uint8_t *bytes)
{
	if (memcmp(bytes + 1, name, strlen(name)) != 0)
		return CONTENT_OTHER;
	if (strcmp(name, "message") == 0)
		return CONTENT_MESSAGE;
	if (strcmp(name, "presence") == 0)
		return CONTENT_PRESENCE;
	if (strcmp(name, "iq") != 0)
		return CONTENT_OTHER;
	return type && (strcmp(type, "get") == 0 || strcmp(type, "set") == 0)
		   ? CONTENT_IQ_REQUEST
		   : CONTENT_IQ_ANSWER;
}

/* bytes: canonical text, so no shorter than the name. */
static enum multiplex_content
packet_content(const char *name, const char *namespace, const char *type,
    const uint8_t *bytes)
{
	if (strcmp(namespace, NS_SASL) == 0)
		return sasl_content(name);
	if (strcmp(namespace, NS_STREAM) == 0)
		return strcmp(name, "error") == 0 ? CONTENT_STREAM_ERROR
						  : CONTENT_OTHER;
	if (strcmp(namespace, NS_MULTIPLEX) == 0 ||
	    strcmp(namespace, NS_CLIENT) == 0)
		return stanza_content(name, type, bytes);
	return CONTENT_OTHER;
}

/* The escaped form (PROTOCOL.md §6.3): one element, unescaped once. */
static void
read_text_packet(struct framer *framer, const struct element *element,
    struct multiplex_item *item)
{
	const struct element *inner;

	if (strspn(element->text, " \t\r\n") == element->text_len) {
		*item = ignored("<route/> without content");
		return;
	}
	if (framer_parse_text(framer, element->text, element->text_len,
		&inner) != FRAMER_ELEMENT) {
		*item = ignored("<route/> with text that is no element");
		return;
	}
	if (inner->len == 0) {
		*item = ignored("<route/> in a <route/>");
		return;
	}
	item->content = packet_content(inner->name, inner->namespace,
	    element_attribute(inner, "type"), inner->bytes);
	item->bytes = inner->bytes;
	item->len = inner->len;
}

static void
read_packet(struct framer *framer, const struct element *element,
    struct multiplex_item *item)
{
	item->streamid = element_attribute(element, "streamid");
	item->id = element_attribute(element, "id");
	if (!item->streamid) {
		*item = ignored("<route/> without streamid");
		return;
	}
	if (is_type(element, "error")) {
		item->kind = MULTIPLEX_PACKET_ERROR;
		item->condition = condition_of(element);
		return;
	}
	item->kind = MULTIPLEX_PACKET;
	if (element->child_count == 0) {
		read_text_packet(framer, element, item);
		return;
	}
	item->content =
	    packet_content(element->child_name, element->child_namespace,
		element_child_attribute(element, "type"), element->bytes);
	item->bytes = element->bytes;
	item->len = element->len;
}

/* --- all --- */

static enum multiplex_kind
plain_kind(const struct element *element)
{
	if (element_is(element, "handshake", NS_MULTIPLEX))
		return MULTIPLEX_HANDSHAKE_OK;
	if (element_is(element, "proceed", NS_TLS))
		return MULTIPLEX_PROCEED;
	if (element_is(element, "failure", NS_TLS))
		return MULTIPLEX_TLS_FAILURE;
	return MULTIPLEX_IGNORED;
}

void
multiplex_decode(struct framer *framer, const struct element *element,
    const char *manager, struct multiplex_item *item_out)
{
	memset(item_out, 0, sizeof(*item_out));
	item_out->condition = "";
	if (element_is(element, "stream", NS_STREAM)) {
		item_out->kind = MULTIPLEX_HEADER;
		item_out->id = element_attribute(element, "id");
		item_out->namespace = element_attribute(element, "xmlns");
	} else if (element_is(element, "features", NS_STREAM)) {
		item_out->kind = MULTIPLEX_FEATURES;
		multiplex_read_features(element, item_out);
	} else if (element_is(element, "error", NS_STREAM)) {
		item_out->kind = MULTIPLEX_STREAM_ERROR;
		if (element->child_count > 0)
			item_out->condition = element->child_name;
	} else if (strcmp(element->name, "route") == 0) {
		read_packet(framer, element, item_out);
	} else if (strcmp(element->name, "iq") == 0) {
		read_iq(element, manager, item_out);
	} else {
		item_out->kind = plain_kind(element);
		if (item_out->kind == MULTIPLEX_IGNORED)
			item_out->condition = "unknown element";
	}
}
