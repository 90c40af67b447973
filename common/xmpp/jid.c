/* SPDX-License-Identifier: Apache-2.0 */
#include "common/xmpp/jid.h"

#include <errno.h>
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

/* Appends the prepared part; its length, or -EINVAL. */
static int
prepare(enum part part, const char *text, size_t len, char *out)
{
	/* Preparing may lengthen; what does not fit is malformed anyway. */
	char room[4 * JID_PART_MAX + 4];
	size_t prepared;

	if (len == 0 || len > JID_PART_MAX)
		return -EINVAL;
	memcpy(room, text, len);
	room[len] = '\0';
	if (part == DOMAIN && !is_domain(room))
		return -EINVAL;
	if (stringprep(room, sizeof(room), STRINGPREP_NO_UNASSIGNED,
		profile_of(part)) != STRINGPREP_OK)
		return -EINVAL;
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
put(enum part part, const char *text, size_t len, char *out)
{
	if (is_prepared(text, len)) {
		memcpy(out, text, len);
		return (int)len;
	}
	return prepare(part, text, len, out);
}

int
jid_prepare(const char *jid, char prepared_out[JID_MAX + 1])
{
	const char *slash = strchr(jid, '/');
	size_t bare = slash ? (size_t)(slash - jid) : strlen(jid);
	const char *at = memchr(jid, '@', bare);
	char *out = prepared_out;
	int len;

	if (at) {
		len = put(NODE, jid, (size_t)(at - jid), out);
		if (len < 0)
			return len;
		out += len;
		*out++ = '@';
		bare -= (size_t)(at + 1 - jid);
		jid = at + 1;
	}
	len = put(DOMAIN, jid, bare, out);
	if (len < 0)
		return len;
	out += len;
	if (slash) {
		*out++ = '/';
		len = put(RESOURCE, slash + 1, strlen(slash + 1), out);
		if (len < 0)
			return len;
		out += len;
	}
	*out = '\0';
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
