/* SPDX-License-Identifier: Apache-2.0 */
#include "common/xmpp/multiplex_configuration.h"

#include "common/xmpp/stream.h"

#include <stdlib.h>
#include <string.h>

/* A piece of canonical text, in which '<' only ever starts a tag. */
struct piece {
	const char *at;
	const char *end;
};

static const char *
find(struct piece piece, const char *text)
{
	return piece.at < piece.end
		   ? memmem(piece.at, (size_t)(piece.end - piece.at), text,
			 strlen(text))
		   : NULL;
}

static struct piece
all_of(const struct element *element)
{
	const char *at = (const char *)element->bytes;

	return (struct piece){ at, element->len ? at + element->len : at };
}

void
multiplex_read_starttls(const struct element *element, bool *offered_out,
    bool *required_out)
{
	struct piece all = all_of(element);
	const char *required, *end;

	all.at = find(all, "<starttls xmlns=\"" NS_TLS "\"");
	*offered_out = all.at != NULL;
	*required_out = false;
	if (!all.at)
		return;
	required = find(all, "<required/>");
	end = find(all, "</starttls>");
	*required_out = required && end && required < end;
}

/* --- what is offered --- */

/* Channel binding ends here, and so do client certificates: what needs
 * either can never succeed through a manager (protocol.md §7.6). */
static bool
is_possible(const char *mechanism, size_t len)
{
	static const char external[] = "EXTERNAL", plus[] = "-PLUS";

	if (len == sizeof(external) - 1 &&
	    memcmp(mechanism, external, len) == 0)
		return false;
	return len < sizeof(plus) - 1 ||
	       memcmp(mechanism + len - (sizeof(plus) - 1), plus,
		   sizeof(plus) - 1) != 0;
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

/* Appends to the list. */
static void
read_mechanisms(struct piece piece, char *list, size_t cap)
{
	static const char open[] = "<mechanism>";
	const char *name;
	size_t used = strlen(list), len;

	while ((name = find(piece, open))) {
		name += sizeof(open) - 1;
		piece.at = name;
		piece.at = find(piece, "</mechanism>");
		if (!piece.at)
			return;
		len = (size_t)(piece.at - name);
		if (!is_mechanism_name(name, len) || !is_possible(name, len) ||
		    used + len + 2 > cap)
			continue;
		if (used)
			list[used++] = ' ';
		memcpy(list + used, name, len);
		used += len;
		list[used] = '\0';
	}
}

/* Adds to what is there. */
static void
read_offer(struct piece piece, struct multiplex_offer *offer)
{
	if (find(piece, "<auth xmlns=\"http://jabber.org/features/iq-auth"))
		offer->non_sasl_auth = true;
	if (find(piece,
		"<register xmlns=\"http://jabber.org/features/iq-register"))
		offer->in_band_register = true;
	read_mechanisms(piece, offer->mechanisms, sizeof(offer->mechanisms));
}

/* --- what our module adds --- */

/* The start tag of the module's element of this name; false: there is none. */
static bool
find_own(struct piece all, const char *start, struct piece *tag_out)
{
	tag_out->at = find(all, start);
	if (!tag_out->at)
		return false;
	tag_out->end = all.end;
	tag_out->end = find(*tag_out, ">");
	if (!tag_out->end)
		return false;
	tag_out->end++;
	return true;
}

/* start: ` name="`. 0 for what is no number. */
static uint32_t
number_in(struct piece tag, const char *start)
{
	const char *at = find(tag, start);
	unsigned long value = at ? strtoul(at + strlen(start), NULL, 10) : 0;

	return value <= UINT32_MAX ? (uint32_t)value : 0;
}

/* What is between the tags of <clear/>, and what is around them. */
static bool
cut_clear(struct piece all, struct piece *inside_out, struct piece *behind_out,
    struct piece *before_out)
{
	static const char end[] = "</clear>";
	struct piece tag;

	if (!find_own(all, "<clear xmlns=\"" NS_MODULE "\"", &tag))
		return false;
	*before_out = (struct piece){ all.at, tag.at };
	*inside_out = (struct piece){ tag.end, tag.end };
	*behind_out = (struct piece){ tag.end, all.end };
	if (tag.end[-2] == '/')
		return true;
	inside_out->end = find(*behind_out, end);
	if (!inside_out->end)
		return false;
	behind_out->at = inside_out->end + sizeof(end) - 1;
	return true;
}

static void
read_module(struct piece all, struct multiplex_configuration *configuration)
{
	struct piece tag;

	if (find_own(all, "<module xmlns=\"" NS_MODULE "\"", &tag))
		configuration->facts = number_in(tag, " facts=\"") == 1;
	if (find_own(all, "<limits xmlns=\"" NS_MODULE "\"", &tag)) {
		configuration->limit_rate = number_in(tag, " rate=\"");
		configuration->limit_burst_s = number_in(tag, " burst=\"");
	}
}

void
multiplex_read_configuration(const struct element *element,
    struct multiplex_configuration *configuration)
{
	struct piece all = all_of(element), inside, behind, before;

	multiplex_read_starttls(element, &configuration->starttls,
	    &configuration->starttls_required);
	configuration->compression = find(all, "<compression") != NULL;
	configuration->has_clear = cut_clear(all, &inside, &behind, &before);
	if (configuration->has_clear) {
		read_offer(inside, &configuration->clear);
		read_offer(before, &configuration->offer);
		all = behind;
	}
	read_offer(all, &configuration->offer);
	read_module(all_of(element), configuration);
}
