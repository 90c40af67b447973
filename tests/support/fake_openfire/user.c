/* SPDX-License-Identifier: Apache-2.0 */
/* Users: where stanzas for them go, and what waits for them. */
#include "tests/support/fake_openfire/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void
presence_broadcast(struct fake *fake, const struct session *session,
    bool available)
{
	static struct buf text;

	list_each(at, &fake->by_user[hash_text(session->user)])
	{
		struct session *other =
		    container_of(at, struct session, in_user_row);

		if (!other->available || strcmp(other->user, session->user))
			continue;
		buf_reset(&text);
		(void)buf_append_str(&text, "<presence");
		chunk_append_attribute(&text, "type",
		    available ? NULL : "unavailable");
		chunk_append_attribute(&text, "from", session->jid);
		chunk_append_attribute(&text, "to", other->jid);
		(void)buf_append_str(&text, "/>");
		session_send(fake, other, buf_bytes(&text), buf_len(&text));
	}
}

bool
deliver(struct fake *fake, const char *to, const void *bytes, size_t len,
    bool fall_back)
{
	struct session *session = session_by_jid(fake, to);
	char user[256];
	bool any = false;

	if (session && !session->gone) {
		fake->stats.messages_down += fall_back;
		session_send(fake, session, bytes, len);
		return true;
	}
	if (strchr(to, '/') && !fall_back)
		return false;
	snprintf(user, sizeof(user), "%.*s", (int)strcspn(to, "@"), to);
	list_each(at, &fake->by_user[hash_text(user)])
	{
		session = container_of(at, struct session, in_user_row);
		if (!session->available || strcmp(session->user, user) != 0)
			continue;
		fake->stats.messages_down += fall_back;
		session_send(fake, session, bytes, len);
		any = true;
	}
	return any;
}

void
offline_store(struct fake *fake, const char *user, const void *bytes,
    size_t len)
{
	struct offline *offline = xcalloc(1, sizeof(*offline));

	offline->user = xstrdup(user);
	offline->stanza = xcalloc(1, len + 1);
	memcpy(offline->stanza, bytes, len);
	list_append(&fake->offline, &offline->in_fake);
	fake->stats.offline++;
}

void
offline_flush(struct fake *fake, const struct session *session)
{
	list_each(at, &fake->offline)
	{
		struct offline *offline =
		    container_of(at, struct offline, in_fake);

		if (strcmp(offline->user, session->user) != 0)
			continue;
		session_send(fake, session, offline->stanza,
		    strlen(offline->stanza));
		list_remove(at);
		free(offline->user);
		free(offline->stanza);
		free(offline);
	}
}
