/* SPDX-License-Identifier: Apache-2.0 */
#include "common/xmpp/recognise.h"

#include "common/xmpp/canonical.h"
#include "common/xmpp/framer.h"
#include "common/xmpp/sorted_names.h"
#include "common/xmpp/stream.h"
#include "common/xmpp/xml_text.h"

#include <stdlib.h>
#include <string.h>

/* Attributes and declarations of one tag, and prefixes in force. Beside those
 * that are allowed our writer writes a default namespace, a language, and the
 * prefixes that a client's header has declared, one of them for the stream. */
#define ATTRIBUTES_MAX SORTED_NAMES_MAX
_Static_assert(RECOGNISE_ATTRIBUTES_MAX + 2 + FRAMER_SCOPE_DECLARATIONS + 1 <=
		   ATTRIBUTES_MAX,
    "what our writer makes of what the options allow");

/* Groups of attributes beside the numbers of namespaces. */
enum {
	GROUP_NO_PREFIX = SORTED_NAMES_MAX,
	GROUP_DECLARATION,
	GROUP_XML,
};

struct name {
	struct canonical_span prefix, local; /* prefix.len 0: has none */
};

struct attribute_text {
	struct name name;
	struct canonical_span value;
};

struct open_element {
	struct canonical_span name;
	uint32_t prefix_count; /* in force around it */
};

struct recogniser {
	struct canonical_reader reader;
	enum recognised kind;
	unsigned child_count; /* of the top-level element */
	struct open_element open[RECOGNISE_DEPTH_MAX + 1];
	/* By number of the declaration, all those in force: the prefix, the
	 * namespace, and the number of the first with that namespace. */
	struct sorted_names prefixes, namespaces;
	uint16_t groups[SORTED_NAMES_MAX];
	/* Of the tag that is read, and the same sorted. */
	struct name tag;
	struct attribute_text attributes[ATTRIBUTES_MAX];
	unsigned attribute_count;
	struct sorted_names attribute_names;
};

struct recogniser *
recogniser_new(void)
{
	return xcalloc(1, sizeof(struct recogniser));
}

void
recogniser_free(struct recogniser **recogniser)
{
	free(*recogniser);
	*recogniser = NULL;
}

static bool
same(struct canonical_span a, struct canonical_span b)
{
	return a.len == b.len && memcmp(a.text, b.text, a.len) == 0;
}

/* --- a tag --- */

static bool
split_name(struct canonical_span whole, struct name *name_out)
{
	size_t prefix_len, local;

	if (!xml_text_split_name(whole, &prefix_len))
		return false;
	local = prefix_len ? prefix_len + 1 : 0;
	name_out->prefix = (struct canonical_span){ whole.text, prefix_len };
	name_out->local =
	    (struct canonical_span){ whole.text + local, whole.len - local };
	return true;
}

static bool
declare(struct recogniser *r, struct canonical_span prefix,
    struct canonical_span namespace)
{
	uint32_t number = r->prefixes.count, before, first;

	if (namespace.len == 0 || canonical_is(prefix, "xml") ||
	    canonical_is(prefix, "xmlns") ||
	    !sorted_names_add(&r->prefixes, prefix, 0, &before) ||
	    !sorted_names_add(&r->namespaces, namespace, 0, &first))
		return false;
	r->groups[number] =
	    first == SORTED_NAMES_NONE ? (uint16_t)number : r->groups[first];
	return true;
}

static bool
is_declaration(const struct name *name)
{
	return canonical_is(name->prefix.len ? name->prefix : name->local,
	    "xmlns");
}

static bool
read_attribute(struct recogniser *r)
{
	struct canonical_span value = r->reader.value;
	struct attribute_text *attribute;

	if (r->attribute_count == ATTRIBUTES_MAX)
		return false;
	attribute = &r->attributes[r->attribute_count++];
	attribute->value = value;
	if (!split_name(r->reader.name, &attribute->name) ||
	    !xml_text_is_value(value))
		return false;
	if (!is_declaration(&attribute->name))
		return true;
	if (canonical_is(value, NS_XML) || canonical_is(value, NS_XMLNS))
		return false;
	return !attribute->name.prefix.len ||
	       declare(r, attribute->name.local, value);
}

/* False: the prefix is not declared. */
static bool
find_group(const struct recogniser *r, const struct name *name,
    uint32_t *group_out)
{
	uint32_t number;

	*group_out = GROUP_NO_PREFIX;
	if (!name->prefix.len)
		return true;
	*group_out = GROUP_XML;
	if (canonical_is(name->prefix, "xml"))
		return true;
	number = sorted_names_find(&r->prefixes, name->prefix, 0);
	if (number == SORTED_NAMES_NONE)
		return false;
	*group_out = r->groups[number];
	return true;
}

/* Declarations are in force in the whole tag, wherever in it they stand. */
static bool
check_names(struct recogniser *r)
{
	struct sorted_names *names = &r->attribute_names;
	uint32_t group, before;
	unsigned i;

	if (!find_group(r, &r->tag, &group))
		return false;
	names->count = 0;
	for (i = 0; i < r->attribute_count; i++) {
		const struct name *name = &r->attributes[i].name;

		if (canonical_is(name->prefix, "xmlns"))
			group = GROUP_DECLARATION;
		else if (!find_group(r, name, &group))
			return false;
		if (!sorted_names_add(names, name->local, group, &before) ||
		    before != SORTED_NAMES_NONE)
			return false;
	}
	return true;
}

static bool
read_tag(struct recogniser *r)
{
	if (!split_name(r->reader.name, &r->tag))
		return false;
	r->attribute_count = 0;
	while (canonical_next(&r->reader) == CANONICAL_ATTRIBUTE)
		if (!read_attribute(r))
			return false;
	return r->reader.token != CANONICAL_BROKEN && check_names(r);
}

/* --- the top-level element --- */

static struct canonical_span
span_of(const char *text)
{
	return (struct canonical_span){ text, strlen(text) };
}

/* Of the tag that was read; text is NULL: it has none. */
static struct canonical_span
value_of(const struct recogniser *r, const char *prefix,
    struct canonical_span local)
{
	size_t i;

	for (i = 0; i < r->attribute_count; i++)
		if (same(r->attributes[i].name.local, local) &&
		    canonical_is(r->attributes[i].name.prefix, prefix))
			return r->attributes[i].value;
	return (struct canonical_span){ NULL, 0 };
}

static enum recognised
kind_of_iq(const struct recogniser *r)
{
	struct canonical_span type = value_of(r, "", span_of("type"));

	if (canonical_is(type, "result") || canonical_is(type, "error"))
		return RECOGNISED_IQ_ANSWER;
	if (!canonical_is(type, "get") && !canonical_is(type, "set"))
		return RECOGNISED_NOTHING;
	return value_of(r, "", span_of("id")).text ? RECOGNISED_IQ_REQUEST
						   : RECOGNISED_NOTHING;
}

/* Of a request it is not known yet how many children it has. */
static enum recognised
kind_of(const struct recogniser *r)
{
	struct canonical_span name = r->tag.local, prefix = r->tag.prefix;
	struct canonical_span namespace =
	    prefix.len ? value_of(r, "xmlns", prefix)
		       : value_of(r, "", span_of("xmlns"));

	if (canonical_is(namespace, NS_SASL))
		return canonical_is(name, "auth") ||
			       canonical_is(name, "response")
			   ? RECOGNISED_AUTH
			   : RECOGNISED_NOTHING;
	if (prefix.len || namespace.text)
		return RECOGNISED_NOTHING;
	if (canonical_is(name, "message"))
		return RECOGNISED_MESSAGE;
	if (canonical_is(name, "presence"))
		return RECOGNISED_PRESENCE;
	return canonical_is(name, "iq") ? kind_of_iq(r) : RECOGNISED_NOTHING;
}

/* --- elements --- */

/* What is declared in an element ends with it. */
static void
leave(struct recogniser *r, const struct open_element *element)
{
	if (r->prefixes.count == element->prefix_count)
		return;
	sorted_names_cut(&r->prefixes, element->prefix_count);
	sorted_names_cut(&r->namespaces, element->prefix_count);
}

static bool
enter(struct recogniser *r)
{
	int64_t depth = r->reader.depth;
	struct open_element *element;

	if (depth > RECOGNISE_DEPTH_MAX)
		return false;
	if (depth == 0 && r->kind != RECOGNISED_NOTHING)
		return false; /* a second one */
	element = &r->open[depth];
	element->name = r->reader.name;
	element->prefix_count = r->prefixes.count;
	if (!read_tag(r))
		return false;
	if (depth == 0)
		r->kind = kind_of(r);
	r->child_count += depth == 1;
	if (r->reader.token == CANONICAL_EMPTY)
		leave(r, element);
	return r->kind != RECOGNISED_NOTHING;
}

static bool
close_element(struct recogniser *r)
{
	const struct open_element *element;

	if (r->reader.depth < 0)
		return false;
	element = &r->open[r->reader.depth];
	leave(r, element);
	return same(r->reader.name, element->name);
}

/* Behind the token that was read last. */
static bool
take_token(struct recogniser *r)
{
	switch (canonical_next(&r->reader)) {
	case CANONICAL_START:
		return enter(r);
	case CANONICAL_CLOSE:
		return close_element(r);
	case CANONICAL_CONTENT:
		return r->reader.depth > 0 &&
		       xml_text_is_content(r->reader.whole);
	case CANONICAL_END:
		return r->reader.depth == 0;
	case CANONICAL_ATTRIBUTE: /* read with their tag, as its end */
	case CANONICAL_OPEN:
	case CANONICAL_EMPTY:
	case CANONICAL_BROKEN:
		break;
	}
	return false;
}

enum recognised
recognise_element(struct recogniser *r, const void *bytes, size_t len)
{
	if (len > RECOGNISE_BYTES_MAX)
		return RECOGNISED_NOTHING;
	r->kind = RECOGNISED_NOTHING;
	r->child_count = 0;
	r->prefixes.count = r->namespaces.count = 0;
	canonical_begin(&r->reader, bytes, len);
	do {
		if (!take_token(r))
			return RECOGNISED_NOTHING;
	} while (r->reader.token != CANONICAL_END);
	return r->kind == RECOGNISED_IQ_REQUEST && r->child_count != 1
		   ? RECOGNISED_NOTHING
		   : r->kind;
}
