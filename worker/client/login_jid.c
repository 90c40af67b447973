/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/client/login_jid.h"

#include "common/base/buf.h"
#include "common/xmpp/canonical.h"
#include "common/xmpp/element.h"
#include "common/xmpp/jid.h"
#include "common/xmpp/login_claim.h"
#include "common/xmpp/stream.h"

#include <string.h>

static bool
is_one_part(struct canonical_span user)
{
	return !memchr(user.text, '@', user.len) &&
	       !memchr(user.text, '/', user.len);
}

char *
login_jid(const struct login_fields *login, const char *domain)
{
	static char prepared[JID_MAX + 1];
	bool is_address;
	struct buf jid;

	if (!login->is_plain || !login->username.text ||
	    !login->resource.text || !is_one_part(login->username))
		return NULL;
	buf_init(&jid, 0);
	buf_append(&jid, login->username.text, login->username.len);
	buf_append_char(&jid, '@');
	buf_append_str(&jid, domain);
	buf_append_char(&jid, '/');
	stream_unescape(&jid, login->resource.text, login->resource.len);
	buf_append_char(&jid, '\0');
	is_address = jid_prepare((const char *)buf_bytes(&jid), prepared) == 0;
	buf_destroy(&jid);
	return is_address ? xstrdup(prepared) : NULL;
}
