/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Below the first child the framer's canonical text is searched: in it '<' only
 * ever starts a tag, and a value has no '>'.
 */
#include "common/xmpp/multiplex_configuration.h"

#include "common/xmpp/stream.h"

#include <stdlib.h>
#include <string.h>

static bool
begins(const struct element *element, const char *text)
{
	size_t len = strlen(text);

	return element->len >= len && memcmp(element->bytes, text, len) == 0;
}

void
multiplex_read_starttls(const struct element *element, bool *offered_out,
    bool *required_out)
{
	const char *tls =
	    element_find(element, "<starttls xmlns=\"" NS_TLS "\"");
	const char *required;

	*offered_out = tls != NULL;
	required = tls ? element_find_from(element, tls, "<required/>") : NULL;
	*required_out = required && required < element_find_from(element, tls,
						   "</starttls>");
}

/* --- children --- */

/* Behind the element that begins at `at`, or NULL. */
static const char *
skip_element(const char *at, const char *end)
{
	const char *close;
	unsigned depth = 0;

	for (; at; at = memchr(at, '<', (size_t)(end - at))) {
		close = memchr(at, '>', (size_t)(end - at));
		if (!close)
			return NULL;
		if (at[1] == '/')
			depth--;
		else if (close[-1] != '/')
			depth++;
		at = close + 1;
		if (depth == 0)
			return at;
	}
	return NULL;
}

/* Each element inside the first that is in there, by its bytes alone: what
 * stands deeper is that one's own affair. */
static void
each_child(const struct element *element,
    void (*fn)(const struct element *child, void *context), void *context)
{
	const char *end = (const char *)element->bytes + element->len;
	const char *at = memchr(element->bytes, '>', element->len);
	struct element child = { 0 };

	while (at && (at = memchr(at, '<', (size_t)(end - at))) &&
	       at[1] != '/') {
		child.bytes = (const uint8_t *)at;
		at = skip_element(at, end);
		if (!at)
			return;
		child.len = (size_t)(at - (const char *)child.bytes);
		fn(&child, context);
	}
}

/* The number that the start tag gives; attribute: ` name="`. 0: it gives none,
 * or one that is too large. */
static uint32_t
number_of(const struct element *element, const char *attribute)
{
	const char *at = element_find(element, attribute);
	const char *tag_end = memchr(element->bytes, '>', element->len);
	unsigned long value;

	if (!at || !tag_end || at > tag_end)
		return 0;
	value = strtoul(at + strlen(attribute), NULL, 10);
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

static void
read_mechanisms(const struct element *element, struct multiplex_offer *offer)
{
	static const char open[] = "<mechanism>";
	const char *at = element_find(element, open), *end;
	size_t cap = sizeof(offer->mechanisms), used = 0, len;
	char *list = offer->mechanisms;

	list[0] = '\0';
	for (; at; at = element_find_from(element, end, open)) {
		at += sizeof(open) - 1;
		end = element_find_from(element, at, "</mechanism>");
		if (!end)
			return;
		len = (size_t)(end - at);
		offer->channel_binding |= needs_channel_binding(at, len);
		if (!is_mechanism_name(at, len) || !is_possible(at, len) ||
		    used + len + 2 > cap)
			continue;
		if (used)
			list[used++] = ' ';
		memcpy(list + used, at, len);
		used += len;
		list[used] = '\0';
	}
}

/* context: struct multiplex_offer. */
static void
read_offer(const struct element *child, void *context)
{
	struct multiplex_offer *offer = context;

	if (begins(child, "<auth xmlns=\"http://jabber.org/features/iq-auth"))
		offer->non_sasl_auth = true;
	else if (begins(child,
		     "<register "
		     "xmlns=\"http://jabber.org/features/iq-register"))
		offer->in_band_register = true;
	else if (begins(child, "<mechanisms"))
		read_mechanisms(child, offer);
}

/* False when it is none of our module's. */
static bool
read_own(const struct element *child,
    struct multiplex_configuration *configuration)
{
	if (begins(child, "<module xmlns=\"" NS_MODULE "\"")) {
		configuration->facts = number_of(child, " facts=\"") == 1;
		configuration->unassigned =
		    number_of(child, " unassigned=\"") == 1;
	} else if (begins(child, "<clear xmlns=\"" NS_MODULE "\"")) {
		configuration->has_clear = true;
		each_child(child, read_offer, &configuration->clear);
	} else if (begins(child, "<limits xmlns=\"" NS_MODULE "\"")) {
		configuration->limit_rate = number_of(child, " rate=\"");
		configuration->limit_burst_s = number_of(child, " burst=\"");
	} else {
		return false;
	}
	return true;
}

static void
read_child(const struct element *child, void *context)
{
	struct multiplex_configuration *configuration = context;

	if (begins(child, "<starttls xmlns=\"" NS_TLS "\""))
		multiplex_read_starttls(child, &configuration->starttls,
		    &configuration->starttls_required);
	else if (begins(child, "<compression"))
		configuration->compression = true;
	else if (!read_own(child, configuration))
		read_offer(child, &configuration->offer);
}

void
multiplex_read_configuration(const struct element *element,
    struct multiplex_configuration *configuration)
{
	struct element inner = *element;

	inner.bytes += element->content_start;
	inner.len = element->content_end - element->content_start;
	each_child(&inner, read_child, configuration);
}
