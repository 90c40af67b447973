/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/support/fake_openfire/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct spent_id {
	struct list in_row;
	char text[];
};

unsigned
hash_text(const char *text)
{
	unsigned hash = 2166136261U;

	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 16777619U;
	return hash % HASH_ROWS;
}

bool
session_id_spent(struct fake *fake, const char *streamid)
{
	struct list *row = &fake->spent_ids[hash_text(streamid)];
	struct spent_id *spent;

	list_each(at,
	    row) if (!strcmp(container_of(at, struct spent_id, in_row)->text,
			 streamid)) return true;
	spent = xmalloc(sizeof(*spent) + strlen(streamid) + 1);
	strcpy(spent->text, streamid);
	list_append(row, &spent->in_row);
	return false;
}

struct session *
session_find(struct fake *fake, const struct manager *manager,
    const char *streamid)
{
	list_each(at, &fake->by_id[hash_text(streamid)])
	{
		struct session *session =
		    container_of(at, struct session, in_id_row);

		if (session->manager == manager &&
		    !strcmp(session->streamid, streamid))
			return session;
	}
	return NULL;
}

struct session *
session_by_jid(struct fake *fake, const char *jid)
{
	char user[256];

	snprintf(user, sizeof(user), "%.*s", (int)strcspn(jid, "@"), jid);
	list_each(at, &fake->by_user[hash_text(user)])
	{
		struct session *session =
		    container_of(at, struct session, in_user_row);

		if (session->resource && !strcmp(session->jid, jid))
			return session;
	}
	return NULL;
}

char *
session_make_jid(const char *user, const char *domain, const char *resource)
{
	char *text;

	CHECK(asprintf(&text, "%s%s%s/%s", user ? user : "", user ? "@" : "",
		  domain, resource) > 0);
	return text;
}

void
session_create(struct manager *manager, const char *streamid, const char *host)
{
	struct session *session = xcalloc(1, sizeof(*session));
	struct fake *fake = manager->fake;
	char before[40];

	snprintf(before, sizeof(before), "%08llx-ace8-4561-9a54-6ac258e8d4d4",
	    (unsigned long long)(fake_random(fake) & 0xffffffff));
	session->manager = manager;
	session->streamid = xstrdup(streamid);
	session->host = xstrdup(host);
	session->jid = session_make_jid(NULL, fake->domain,
	    fake->dialect->uuid ? before : streamid);
	list_init(&session->in_user_row);
	list_append(&manager->sessions, &session->of_manager);
	list_append(&fake->by_id[hash_text(streamid)], &session->in_id_row);
	fake->stats.sessions++;
	fake->stats.creates++;
}

void
session_login(struct fake *fake, struct session *session, const char *user)
{
	free(session->user);
	session->user = xstrdup(user);
	list_remove(&session->in_user_row);
	list_append(&fake->by_user[hash_text(user)], &session->in_user_row);
}

void
session_bind(struct fake *fake, struct session *session, const char *resource)
{
	char before[40];

	if (!*resource) {
		snprintf(before, sizeof(before), "r%08llx",
		    (unsigned long long)(fake_random(fake) & 0xffffffff));
		resource = fake->dialect->uuid ? before : session->streamid;
	}
	free(session->jid);
	if (!session->resource)
		fake->stats.bound++;
	free(session->resource);
	session->resource = xstrdup(resource);
	session->jid = session_make_jid(session->user, fake->domain, resource);
}

void
session_end(struct fake *fake, struct session *session)
{
	if (session->available)
		presence_broadcast(fake, session, false);
	fake->stats.sessions--;
	fake->stats.bound -= session->resource != NULL;
	fake->stats.available -= session->available;
	list_remove(&session->of_manager);
	list_remove(&session->in_id_row);
	list_remove(&session->in_user_row);
	free(session->streamid);
	free(session->host);
	free(session->user);
	free(session->resource);
	free(session->jid);
	free(session);
}

void
session_close_iq(struct fake *fake, const struct session *session,
    const char *error)
{
	struct link *link = manager_link(session->manager, session->streamid);
	struct buf text;

	if (!link)
		return;
	buf_init(&text, 0);
	(void)buf_printf(&text, "<iq type=\"set\" id=\"20-%u\" from=\"%s\"",
	    fake->iq_counter++, fake->domain);
	chunk_append_attribute(&text, "to", session->manager->name);
	(void)buf_append_str(&text,
	    "><session "
	    "xmlns=\"http://jabber.org/protocol/connectionmanager\"");
	chunk_append_attribute(&text, "id", session->streamid);
	(void)buf_append_str(&text, "><close/>");
	if (error && fake->dialect->error_in_close)
		(void)buf_printf(&text,
		    "<stream:error xmlns:stream=\""
		    "http://etherx.jabber.org/streams\"><%s xmlns=\""
		    "urn:ietf:params:xml:ns:xmpp-streams\"/></stream:error>",
		    error);
	(void)buf_append_str(&text, "</session></iq>");
	link_send(link, buf_bytes(&text), buf_len(&text));
	buf_destroy(&text);
}

static void
send_unavailable(struct fake *fake, const struct session *session)
{
	struct buf text;

	buf_init(&text, 0);
	(void)buf_append_str(&text, "<presence type=\"unavailable\"");
	chunk_append_attribute(&text, "from", session->jid);
	chunk_append_attribute(&text, "to", session->jid);
	(void)buf_append_str(&text, "/>");
	session_send(fake, session, buf_bytes(&text), buf_len(&text));
	buf_destroy(&text);
}

/* A bound session ends by an error in a packet; only old servers also say
 * close (PROTOCOL.md §5.4), and new ones its own presence, perhaps alone. */
void
session_kick(struct fake *fake, struct session *session, const char *condition)
{
	char text[256];

	snprintf(text, sizeof(text),
	    "<stream:error xmlns:stream=\"http://etherx.jabber.org/streams\">"
	    "<%s xmlns=\"urn:ietf:params:xml:ns:xmpp-streams\"/>"
	    "</stream:error>",
	    condition);
	if (*condition)
		session_raw(fake, session, text);
	if (!session->resource || fake->dialect->close_bound)
		session_close_iq(fake, session, NULL);
	if (session->resource && fake->dialect->silent)
		send_unavailable(fake, session);
	session->available = false;
	session_end(fake, session);
}

static void
send_packet(struct fake *fake, const struct session *session,
    const struct buf *packet)
{
	struct link *link = manager_link(session->manager, session->streamid);

	fake->packet_link = link ? link->number : 0;
	fake->packet_item = NULL;
	if (!link) {
		fake->stats.vanished++;
		return;
	}
	fake->stats.packets_down++;
	fake->packet_item =
	    link_send_item(link, buf_bytes(packet), buf_len(packet));
}

void
session_send(struct fake *fake, const struct session *session,
    const void *bytes, size_t len)
{
	static struct buf packet;

	buf_reset(&packet);
	(void)buf_append_str(&packet, "<route");
	chunk_append_attribute(&packet, "streamid", session->streamid);
	chunk_append_attribute(&packet, "from", fake->domain);
	chunk_append_attribute(&packet, "to", session->manager->name);
	(void)buf_append_char(&packet, '>');
	(void)buf_append(&packet, bytes, len);
	(void)buf_append_str(&packet, "</route>");
	send_packet(fake, session, &packet);
}

static void
append_text(struct buf *out, const char *text, bool escaped)
{
	for (; *text; text++) {
		if (escaped && *text == '<')
			(void)buf_append_str(out, "&lt;");
		else if (escaped && *text == '>')
			(void)buf_append_str(out, "&gt;");
		else if (escaped && *text == '&')
			(void)buf_append_str(out, "&amp;");
		else
			(void)buf_append_char(out, *text);
	}
}

void
session_raw(struct fake *fake, const struct session *session, const char *text)
{
	static struct buf packet;

	buf_reset(&packet);
	(void)buf_append_str(&packet, "<route");
	chunk_append_attribute(&packet, "from", fake->domain);
	chunk_append_attribute(&packet, "to", session->manager->name);
	chunk_append_attribute(&packet, "streamid", session->streamid);
	(void)buf_append_char(&packet, '>');
	append_text(&packet, text, fake->dialect->escaped);
	(void)buf_append_str(&packet, "</route>");
	send_packet(fake, session, &packet);
}
