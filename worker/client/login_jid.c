/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/login_jid.h"

#include "common/base/buf.h"
#include "common/xmpp/element.h"
#include "common/xmpp/jid.h"
#include "common/xmpp/stream.h"

#include <string.h>

struct part {
	const char *text; /* canonical; NULL: none */
	size_t len;
};

struct login {
	struct part user, resource;
};

static bool
starts(const char *at, const char *end, const char *text)
{
	size_t len = strlen(text);

	return (size_t)(end - at) >= len && memcmp(at, text, len) == 0;
}

/* The field behind `start`; behind its end tag, or NULL: it holds elements, or
 * there was one before. */
static const char *
take_text(const char *at, const char *end, const char *tag,
    struct part *part_out)
{
	const char *close = memchr(at, '<', (size_t)(end - at));

	if (part_out->text || !close || !starts(close, end, tag))
		return NULL;
	part_out->text = at;
	part_out->len = (size_t)(close - at);
	return close + strlen(tag);
}

static const char *
take_field(const char *at, const char *end, struct login *login)
{
	static const char user[] = "<username>", resource[] = "<resource>",
			  password[] = "<password>", digest[] = "<digest>";
	struct part secret = { NULL, 0 };

	if (starts(at, end, user))
		return take_text(at + strlen(user), end, "</username>",
		    &login->user);
	if (starts(at, end, resource))
		return take_text(at + strlen(resource), end, "</resource>",
		    &login->resource);
	if (starts(at, end, password))
		return take_text(at + strlen(password), end, "</password>",
		    &secret);
	return starts(at, end, digest)
		   ? take_text(at + strlen(digest), end, "</digest>", &secret)
		   : NULL;
}

/* The fields directly inside <query/>; false for anything else there. */
static bool
read_fields(const struct element *iq, struct login *login_out)
{
	static const char query[] = "<query xmlns=\"jabber:iq:auth\">";
	const char *at = (const char *)iq->bytes + iq->content_start;
	const char *end = (const char *)iq->bytes + iq->content_end;

	at = memchr(at, '<', (size_t)(end - at));
	if (!at || !starts(at, end, query))
		return false;
	at += strlen(query);
	while (at && (at = memchr(at, '<', (size_t)(end - at)))) {
		if (starts(at, end, "</query>"))
			return login_out->user.text && login_out->resource.text;
		at = take_field(at, end, login_out);
	}
	return false;
}

static bool
is_one_part(const struct part *user)
{
	return !memchr(user->text, '@', user->len) &&
	       !memchr(user->text, '/', user->len);
}

char *
login_jid(const struct element *iq, const char *domain)
{
	struct login login = { { NULL, 0 }, { NULL, 0 } };
	static char prepared[JID_MAX + 1];
	bool is_address;
	struct buf jid;

	if (!iq->bytes || !read_fields(iq, &login) || !is_one_part(&login.user))
		return NULL;
	buf_init(&jid, 0);
	buf_append(&jid, login.user.text, login.user.len);
	buf_append_char(&jid, '@');
	buf_append_str(&jid, domain);
	buf_append_char(&jid, '/');
	stream_unescape(&jid, login.resource.text, login.resource.len);
	buf_append_char(&jid, '\0');
	is_address = jid_prepare((const char *)buf_bytes(&jid), prepared) == 0;
	buf_destroy(&jid);
	return is_address ? xstrdup(prepared) : NULL;
}
