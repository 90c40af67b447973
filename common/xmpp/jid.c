/* SPDX-License-Identifier: Apache-2.0 */
#include "common/xmpp/jid.h"

#include <errno.h>
#include <idn-free.h>
#include <idna.h>
#include <stdio.h>
#include <string.h>
#include <stringprep.h>

enum part { NODE, DOMAIN, RESOURCE };

static const Stringprep_profile *
profile_of(enum part part)
{
	switch (part) {
	case NODE:
		return stringprep_xmpp_nodeprep;
	case DOMAIN:
		return stringprep_nameprep;
	case RESOURCE:
	default:
		return stringprep_xmpp_resourceprep;
	}
}

/* Domains: labels of letters, digits, '-' and anything beyond ASCII, or an IP
 * literal; the server parses them as host names. */
static bool
is_domain(const char *text)
{
	for (; *text; text++) {
		uint8_t byte = (uint8_t)*text;

		if (byte < 0x80 && !strchr("-._:[]", byte) &&
		    !(byte >= '0' && byte <= '9') &&
		    !(byte >= 'a' && byte <= 'z') &&
		    !(byte >= 'A' && byte <= 'Z'))
			return false;
	}
	return true;
}

/* --- one part --- */

/* Appends the prepared part; its length, -EINVAL, or -EILSEQ. */
static int
prepare(enum part part, const char *text, size_t len, bool unassigned,
    char *out)
{
	/* Preparing may lengthen; what does not fit is malformed anyway. */
	char room[4 * JID_PART_MAX + 4];
	size_t prepared;
	int error;

	if (len == 0 || len > JID_PART_MAX)
		return -EINVAL;
	memcpy(room, text, len);
	room[len] = '\0';
	if (part == DOMAIN && !is_domain(room))
		return -EINVAL;
	error = stringprep(room, sizeof(room),
	    unassigned ? 0 : STRINGPREP_NO_UNASSIGNED, profile_of(part));
	if (error)
		return error == STRINGPREP_CONTAINS_UNASSIGNED ? -EILSEQ
							       : -EINVAL;
	prepared = strlen(room);
	if (prepared == 0 || prepared > JID_PART_MAX)
		return -EINVAL;
	/* A wide '@' or '/' has become a plain one. */
	if (part == DOMAIN && !is_domain(room))
		return -EINVAL;
	memcpy(out, room, prepared);
	return (int)prepared;
}

/* Most addresses are lower-case ASCII already: preparing changes nothing. */
static bool
is_prepared(const char *jid, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		if (!strchr("abcdefghijklmnopqrstuvwxyz0123456789.-_", jid[i]))
			return false;
	return len > 0 && len <= JID_PART_MAX;
}

static int
put(enum part part, const char *text, size_t len, bool unassigned, char *out)
{
	if (is_prepared(text, len)) {
		memcpy(out, text, len);
		return (int)len;
	}
	return prepare(part, text, len, unassigned, out);
}

/* --- domains --- */

/* The dots of RFC 3490 section 3.1. */
static const char *const dots[] = { ".", "\xE3\x80\x82", "\xEF\xBC\x8E",
	"\xEF\xBD\xA1" };

/* The length of the dot that ends the text, or 0. */
static size_t
dot_at_end(const char *text, size_t len)
{
	size_t i, n;

	for (i = 0; i < ARRAY_LEN(dots); i++) {
		n = strlen(dots[i]);
		if (len >= n && memcmp(text + len - n, dots[i], n) == 0)
			return n;
	}
	return 0;
}

/* A-labels, lower case, plain dots; false when it has no such form. */
static bool
fold(const char *text, char folded_out[JID_PART_MAX + 1])
{
	char *ascii = NULL, *at;
	bool fits;

	if (!is_domain(text) || idna_to_ascii_8z(text, &ascii,
				    IDNA_ALLOW_UNASSIGNED) != IDNA_SUCCESS)
		return false;
	fits = strlen(ascii) <= JID_PART_MAX;
	for (at = ascii; *at; at++)
		if (*at >= 'A' && *at <= 'Z')
			*at = (char)(*at - 'A' + 'a');
	if (fits)
		memcpy(folded_out, ascii, (size_t)(at - ascii) + 1);
	idn_free(ascii);
	return fits;
}

void
jid_domain_init(struct jid_domain *domain, const char *spelling)
{
	domain->spelling = spelling;
	if (!fold(spelling, domain->folded))
		snprintf(domain->folded, sizeof(domain->folded), "%s",
		    spelling);
	domain->has_ace = strstr(domain->folded, "xn--") != NULL;
}

/* Where the own domain begins in the folded form of another, or NULL. */
static const char *
find_own(const struct jid_domain *own, const char *folded)
{
	size_t len = strlen(folded), want = strlen(own->folded);

	if (len < want || strcmp(folded + len - want, own->folded) != 0 ||
	    (len > want && folded[len - want - 1] != '.'))
		return NULL;
	return folded + len - want;
}

/* Bytes of `text` without its last `labels` labels, and without the dot before
 * them. */
static size_t
without_labels(const char *text, size_t labels)
{
	size_t len = strlen(text), n;

	while (len > 0) {
		n = dot_at_end(text, len);
		len -= n ? n : 1;
		if (n && --labels == 0)
			break;
	}
	return len;
}

static size_t
count_labels(const char *folded)
{
	size_t count = 1;

	for (; *folded; folded++)
		count += *folded == '.';
	return count;
}

/* The prepared domain, NUL-terminated, gets the own one's spelling at its end.
 * Its length then, or -EINVAL. */
static int
respell(char *domain, const struct jid_domain *own)
{
	size_t len = strlen(domain), want = strlen(own->spelling), rest;
	char folded[JID_PART_MAX + 1];
	const char *found;

	/* Most are plain: a spelling of the own domain only if it is it, or
	 * both have A-labels. */
	if (strcmp(domain, own->spelling) == 0 ||
	    (is_prepared(domain, len) &&
		(!own->has_ace || !strstr(domain, "xn--"))))
		return (int)len;
	if (!fold(domain, folded) || !(found = find_own(own, folded)))
		return (int)len;
	rest = found == folded
		   ? 0
		   : without_labels(domain, count_labels(own->folded));
	if (rest + want + 1 > JID_PART_MAX)
		return -EINVAL;
	if (rest > 0)
		domain[rest++] = '.';
	memcpy(domain + rest, own->spelling, want + 1);
	return (int)(rest + want);
}

/* The own domain's spelling if the text is it; its length or -EILSEQ. */
static int
put_own(const char *text, size_t len, const struct jid_domain *own, char *out)
{
	char plain[JID_PART_MAX + 1];
	size_t want = strlen(own->spelling);

	memcpy(plain, text, len);
	plain[len] = '\0';
	if (!jid_domain_is(own, plain))
		return -EILSEQ;
	memcpy(out, own->spelling, want);
	return (int)want;
}

static int
put_domain(const char *text, size_t len, const struct jid_domain *own,
    char *out)
{
	int put_len;

	len -= dot_at_end(text, len);
	put_len = put(DOMAIN, text, len, false, out);
	/* Of the own one another spelling goes up, perhaps its A-labels. */
	if (put_len == -EILSEQ && own)
		return put_own(text, len, own, out);
	if (put_len >= 0 && dot_at_end(out, (size_t)put_len))
		return -EINVAL; /* a label is empty */
	if (put_len < 0 || !own)
		return put_len;
	out[put_len] = '\0';
	return respell(out, own);
}

unsigned
jid_domain_find(const struct jid_domain *domains, unsigned count,
    const char *text)
{
	char plain[JID_PART_MAX + 1], folded[JID_PART_MAX + 1];
	size_t len = strlen(text);
	unsigned i;

	for (i = 0; i < count; i++)
		if (strcmp(text, domains[i].spelling) == 0)
			return i;
	len -= dot_at_end(text, len);
	if (len == 0 || len > JID_PART_MAX)
		return count;
	memcpy(plain, text, len);
	plain[len] = '\0';
	if (!fold(plain, folded))
		return count;
	for (i = 0; i < count; i++)
		if (strcmp(folded, domains[i].folded) == 0)
			return i;
	return count;
}

bool
jid_domain_is(const struct jid_domain *domain, const char *text)
{
	return jid_domain_find(domain, 1, text) == 0;
}

/* --- whole addresses --- */

struct parts {
	const char *node, *domain, *resource; /* NULL: none */
	size_t node_len, domain_len, resource_len;
};

static struct parts
split(const char *jid)
{
	const char *slash = strchr(jid, '/');
	size_t bare = slash ? (size_t)(slash - jid) : strlen(jid);
	const char *at = memchr(jid, '@', bare);
	struct parts parts = { .domain = jid, .domain_len = bare };

	if (at) {
		parts.node = jid;
		parts.node_len = (size_t)(at - jid);
		parts.domain = at + 1;
		parts.domain_len = bare - parts.node_len - 1;
	}
	if (slash) {
		parts.resource = slash + 1;
		parts.resource_len = strlen(slash + 1);
	}
	return parts;
}

static int
prepare_parts(const struct parts *parts, const struct jid_domain *own,
    bool unassigned, char *out)
{
	int len;

	if (parts->node) {
		len = put(NODE, parts->node, parts->node_len, false, out);
		if (len < 0)
			return len;
		out += len;
		*out++ = '@';
	}
	len = put_domain(parts->domain, parts->domain_len, own, out);
	if (len < 0)
		return len;
	out += len;
	if (parts->resource) {
		*out++ = '/';
		len = put(RESOURCE, parts->resource, parts->resource_len,
		    unassigned, out);
		if (len < 0)
			return len;
		out += len;
	}
	*out = '\0';
	return 0;
}

int
jid_prepare(const char *jid, char prepared_out[JID_MAX + 1])
{
	struct parts parts = split(jid);

	return prepare_parts(&parts, NULL, false, prepared_out);
}

int
jid_prepare_target(const char *jid, const struct jid_domain *own,
    bool unassigned, char prepared_out[JID_MAX + 1])
{
	struct parts parts = split(jid);

	return prepare_parts(&parts, own, unassigned, prepared_out);
}

static bool
may_be_part(const char *text, size_t len)
{
	return !text || (len > 0 && len <= JID_PART_MAX);
}

int
jid_prepare_answer(const char *jid, const struct jid_domain *own,
    char prepared_out[JID_MAX + 1])
{
	struct parts parts = split(jid);
	char domain[JID_PART_MAX + 1];

	if (!may_be_part(parts.node, parts.node_len) ||
	    !may_be_part(parts.domain, parts.domain_len) ||
	    !may_be_part(parts.resource, parts.resource_len))
		return -EINVAL;
	memcpy(domain, parts.domain, parts.domain_len);
	domain[parts.domain_len] = '\0';
	if (!is_domain(domain))
		return -EINVAL;
	if (strcmp(domain, own->spelling) != 0 && jid_domain_is(own, domain) &&
	    prepare_parts(&parts, own, true, prepared_out) == 0)
		return 0;
	memcpy(prepared_out, jid, strlen(jid) + 1);
	return 0;
}

int
jid_prepare_manager_name(const char *name, char *prepared_out, size_t cap)
{
	size_t len = strlen(name), i;

	if (len == 0 || len >= cap)
		return -EINVAL;
	for (i = 0; i <= len; i++) {
		char byte = name[i];

		if (byte >= 'A' && byte <= 'Z')
			byte = (char)(byte - 'A' + 'a');
		if (byte &&
		    !strchr("abcdefghijklmnopqrstuvwxyz0123456789.-", byte))
			return -EINVAL;
		prepared_out[i] = byte;
	}
	return 0;
}
