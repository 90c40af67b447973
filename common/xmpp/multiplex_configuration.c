/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Below the first child it is read from the framer's canonical text. What
 * stands deeper than where something belongs is that element's own affair.
 */
#include "common/xmpp/multiplex_configuration.h"

#include "common/xmpp/canonical.h"
#include "common/xmpp/stream.h"

#include <stdlib.h>
#include <string.h>

/* --- children --- */

/* True at the start tag of this element. */
static bool
is_start(const struct canonical_reader *reader, const char *name,
    const char *namespace)
{
	return canonical_is(reader->name, name) &&
	       canonical_is(canonical_find_attribute(reader, "xmlns"),
		   namespace);
}

/* The number that the start tag gives. 0: it gives none, or one that is too
 * large. */
static uint32_t
number_of(const struct canonical_reader *reader, const char *attribute)
{
	struct canonical_span span =
	    canonical_find_attribute(reader, attribute);
	unsigned long value;

	/* A quote follows, with which no number goes on. */
	value = span.text ? strtoul(span.text, NULL, 10) : 0;
	return value <= UINT32_MAX ? (uint32_t)value : 0;
}

/* --- what is offered --- */

static bool
needs_channel_binding(const char *mechanism, size_t len)
{
	static const char plus[] = "-PLUS";
	size_t plus_len = sizeof(plus) - 1;

	return len >= plus_len &&
	       memcmp(mechanism + len - plus_len, plus, plus_len) == 0;
}

/* Channel binding ends here, and so do client certificates: what needs
 * either can never succeed through a manager (PROTOCOL.md §7.6). */
static bool
is_possible(const char *mechanism, size_t len)
{
	static const char external[] = "EXTERNAL";

	return !needs_channel_binding(mechanism, len) &&
	       (len != sizeof(external) - 1 ||
		   memcmp(mechanism, external, len) != 0);
}

static bool
is_mechanism_name(const char *name, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!strchr("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_", name[i]))
			return false;
	return len >= 1 && len <= 20; /* RFC 4422 §3.1 */
}

/* Behind those that are in the list; bytes used. */
static size_t
add_mechanism(struct multiplex_offer *offer, size_t used,
    struct canonical_span name)
{
	char *list = offer->mechanisms;

	offer->channel_binding |= needs_channel_binding(name.text, name.len);
	if (!is_mechanism_name(name.text, name.len) ||
	    !is_possible(name.text, name.len) ||
	    used + name.len + 2 > sizeof(offer->mechanisms))
		return used;
	if (used)
		list[used++] = ' ';
	memcpy(list + used, name.text, name.len);
	used += name.len;
	list[used] = '\0';
	return used;
}

/* At <mechanisms>. */
static void
read_mechanisms(struct canonical_reader *reader, struct multiplex_offer *offer)
{
	struct canonical_span name;
	size_t used = 0;
	int64_t depth;

	offer->mechanisms[0] = '\0';
	if (!canonical_enter(reader))
		return;
	depth = reader->depth;
	while (canonical_next_child(reader, depth))
		if (canonical_is(reader->name, "mechanism") &&
		    canonical_read_content(reader, &name))
			used = add_mechanism(offer, used, name);
}

static void
read_offer(struct canonical_reader *reader, struct multiplex_offer *offer)
{
	if (is_start(reader, "auth", "http://jabber.org/features/iq-auth"))
		offer->non_sasl_auth = true;
	else if (is_start(reader, "register",
		     "http://jabber.org/features/iq-register"))
		offer->in_band_register = true;
	else if (canonical_is(reader->name, "mechanisms"))
		read_mechanisms(reader, offer);
}

/* At <starttls>; true when it says that it is required. */
static bool
is_required(struct canonical_reader *reader)
{
	int64_t depth;

	if (!canonical_enter(reader))
		return false;
	depth = reader->depth;
	while (canonical_next_child(reader, depth))
		if (canonical_is(reader->name, "required"))
			return true;
	return false;
}

/* --- all --- */

static void
read_clear(struct canonical_reader *reader,
    struct multiplex_configuration *configuration)
{
	int64_t depth;

	configuration->has_clear = true;
	if (!canonical_enter(reader))
		return;
	depth = reader->depth;
	while (canonical_next_child(reader, depth))
		read_offer(reader, &configuration->clear);
}

/* False when it is none of our module's. */
static bool
read_own(struct canonical_reader *reader,
    struct multiplex_configuration *configuration)
{
	if (is_start(reader, "module", NS_MODULE)) {
		configuration->of_module = true;
		configuration->of_default_host =
		    number_of(reader, "default") == 1;
		configuration->facts = number_of(reader, "facts") == 1;
		configuration->unassigned =
		    number_of(reader, "unassigned") == 1;
	} else if (is_start(reader, "clear", NS_MODULE)) {
		read_clear(reader, configuration);
	} else if (is_start(reader, "limits", NS_MODULE)) {
		configuration->limit_rate = number_of(reader, "rate");
		configuration->limit_burst_s = number_of(reader, "burst");
	} else {
		return false;
	}
	return true;
}

static void
read_child(struct canonical_reader *reader,
    struct multiplex_configuration *configuration)
{
	if (is_start(reader, "starttls", NS_TLS)) {
		configuration->starttls = true;
		configuration->starttls_required = is_required(reader);
	} else if (!read_own(reader, configuration)) {
		read_offer(reader, &configuration->offer);
	}
}

/* Inside of what the text begins with. */
static bool
enter(const struct element *element, struct canonical_reader *reader)
{
	canonical_begin(reader, element->bytes, element->len);
	return canonical_next(reader) == CANONICAL_START &&
	       canonical_enter(reader);
}

void
multiplex_read_features(const struct element *element,
    struct multiplex_item *item)
{
	struct canonical_reader reader;

	if (!enter(element, &reader))
		return;
	while (canonical_next_child(&reader, 1)) {
		if (is_start(&reader, "starttls", NS_TLS)) {
			item->starttls = true;
			item->starttls_required = is_required(&reader);
		} else if (canonical_is(reader.name, "mechanisms")) {
			item->mechanisms = true;
		}
	}
}

void
multiplex_read_configuration(const struct element *element,
    struct multiplex_configuration *configuration)
{
	struct canonical_reader reader;

	if (!enter(element, &reader) || !canonical_next_child(&reader, 1) ||
	    !canonical_enter(&reader))
		return;
	while (canonical_next_child(&reader, 2))
		read_child(&reader, configuration);
}
