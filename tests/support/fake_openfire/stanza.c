/* SPDX-License-Identifier: Apache-2.0 */
/* What a session says, and what the server answers or sends on. */
#include "tests/support/fake_openfire/fake.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"

static const char internal_error[] =
    "<error code=\"500\" type=\"wait\"><internal-server-error xmlns=\"" STANZAS
    "\"/></error>";

static bool
is_one_of(const char *type, const char *const *known)
{
	for (; *known; known++)
		if (!strcmp(type, *known))
			return true;
	return false;
}

static void
append_payload(const struct chunk *chunk, struct buf *out)
{
	const struct chunk_element *stanza = &chunk->at[1];

	if (stanza->children == 1)
		(void)buf_append(out, chunk->bytes + chunk->at[2].start,
		    chunk->at[2].end - chunk->at[2].start);
}

/* Answers an IQ of the session's: with a payload, or with its own and an
 * error. */
static void
answer(struct link *link, struct session *session, const char *payload,
    const char *error)
{
	const struct chunk *chunk = &link->fake->chunk;
	const char *id = chunk_attr(chunk, 1, "id");
	const char *to = chunk_attr(chunk, 1, "to");
	struct buf text;

	buf_init(&text, 0);
	(void)buf_printf(&text, "<iq type=\"%s\"", error ? "error" : "result");
	chunk_append_attribute(&text, "id", id);
	chunk_append_attribute(&text, "from",
	    to || !error ? to : link->fake->domain);
	chunk_append_attribute(&text, "to", session->jid);
	(void)buf_printf(&text, ">%s", payload);
	if (error)
		append_payload(chunk, &text);
	if (error)
		(void)buf_printf(&text,
		    "<error type=\"cancel\"><%s xmlns=\"" STANZAS
		    "\"/></error>",
		    error);
	(void)buf_append_str(&text, "</iq>");
	session_send(link->fake, session, buf_bytes(&text), buf_len(&text));
	buf_destroy(&text);
}

static void
bind(struct link *link, struct session *session)
{
	struct fake *fake = link->fake;
	struct session *old;
	struct buf payload;
	char *jid =
	    session_make_jid(session->user, fake->domain, fake->chunk.resource);

	old = *fake->chunk.resource ? session_by_jid(fake, jid) : NULL;
	free(jid);
	if (old && old != session) {
		fake->stats.conflicts++;
		session_kick(fake, old, "conflict");
	}
	session_bind(fake, session, fake->chunk.resource);
	buf_init(&payload, 0);
	(void)buf_append_str(&payload,
	    "<bind xmlns=\"urn:ietf:params:xml:ns:xmpp-bind\"><jid>");
	chunk_append_escaped(&payload, session->jid);
	buf_append(&payload, "</jid></bind>", sizeof("</jid></bind>"));
	answer(link, session, (const char *)buf_bytes(&payload), NULL);
	buf_destroy(&payload);
}

static void
old_login(struct link *link, struct session *session)
{
	struct fake *fake = link->fake;
	const struct chunk *chunk = &fake->chunk;
	const char *type = chunk_attr(chunk, 1, "type");

	if (!strcmp(type, "get")) {
		answer(link, session,
		    "<query xmlns=\"jabber:iq:auth\"><username/><password/>"
		    "<resource/></query>",
		    NULL);
		return;
	}
	if (!*chunk->user || !*chunk->resource) {
		answer(link, session, "", "not-acceptable");
		return;
	}
	session_login(fake, session, chunk->user);
	session_bind(fake, session, chunk->resource);
	answer(link, session, "", NULL);
}

static void
to_server(struct link *link, struct session *session)
{
	const char *space = link->fake->chunk.at[2].space;

	if (!strcmp(space, "urn:ietf:params:xml:ns:xmpp-bind") && session->user)
		bind(link, session);
	else if (!strcmp(space, "jabber:iq:auth"))
		old_login(link, session);
	else if (!strcmp(space, "jabber:iq:register"))
		answer(link, session, "", NULL);
	else if (!session->resource)
		answer(link, session, "", "not-authorized");
	else if (!strcmp(space, "jabber:iq:roster"))
		answer(link, session,
		    "<query xmlns=\"jabber:iq:roster\" ver=\"1\"/>", NULL);
	else if (!strcmp(space, "urn:xmpp:ping") ||
		 !strcmp(space, "urn:ietf:params:xml:ns:xmpp-session"))
		answer(link, session, "", NULL);
	else
		answer(link, session, "", "service-unavailable");
}

static bool
is_request(const char *type)
{
	return type && (!strcmp(type, "get") || !strcmp(type, "set"));
}

static void
send_on(struct fake *fake, struct session *session, const char *to)
{
	const struct chunk *chunk = &fake->chunk;
	const char *type = chunk_attr(chunk, 1, "type");
	const char *id = chunk_attr(chunk, 1, "id");
	bool message = chunk_is(chunk, 1, "message");
	static struct buf copy;
	char user[256];

	buf_reset(&copy);
	chunk_copy_stanza(chunk, session->jid, &copy);
	if (deliver(fake, to, buf_bytes(&copy), buf_len(&copy), message)) {
		if (id && (message || is_request(type)))
			numbers_left(fake, session->jid, id);
		return;
	}
	snprintf(user, sizeof(user), "%.*s", (int)strcspn(to, "@"), to);
	if (message && (!type || strcmp(type, "error") != 0))
		offline_store(fake, user, buf_bytes(&copy), buf_len(&copy));
}

/* A session that has said unavailable is sent nothing any more. */
static bool
is_reached(struct fake *fake, const char *jid)
{
	const struct session *session = session_by_jid(fake, jid);

	return session && !session->gone;
}

static void
iq(struct link *link, struct session *session)
{
	static const char *const types[] = { "get", "set", "result", "error",
		NULL };
	struct fake *fake = link->fake;
	const char *type = chunk_attr(&fake->chunk, 1, "type");
	const char *id = chunk_attr(&fake->chunk, 1, "id");
	const char *to = chunk_attr(&fake->chunk, 1, "to");
	bool local = !to || !strchr(to, '@') || !strchr(to, '/');

	if (!local && id && is_request(type))
		numbers_note(link, session->jid, id);
	if (!type || !is_one_of(type, types))
		packet_error(link, session->streamid, internal_error);
	else if (!fake->chunk.at[1].children && type[0] != 'r')
		return; /* no version answers it */
	else if (local && is_request(type))
		to_server(link, session);
	else if (!local && !session->resource)
		session_kick(fake, session, "not-authorized");
	else if (!local && is_reached(fake, to))
		send_on(fake, session, to);
	else if (!local && is_request(type))
		answer(link, session, "", "service-unavailable");
}

static void
message(struct link *link, struct session *session)
{
	static const char *const types[] = { "normal", "chat", "groupchat",
		"headline", "error", NULL };
	struct fake *fake = link->fake;
	const char *type = chunk_attr(&fake->chunk, 1, "type");
	const char *id = chunk_attr(&fake->chunk, 1, "id");
	const char *to = chunk_attr(&fake->chunk, 1, "to");
	size_t len = to ? strlen(to) : 0;

	fake->stats.messages_up++;
	if (id)
		numbers_note(link, session->jid, id);
	if ((type && !is_one_of(type, types)) ||
	    (len && (to[0] == '@' || to[len - 1] == '/' ||
			strcspn(to, " ") < strcspn(to, "@"))))
		packet_error(link, session->streamid, internal_error);
	else
		send_on(fake, session, to ? to : session->jid);
}

static void
presence(struct link *link, struct session *session)
{
	static const char *const types[] = { "unavailable", "subscribe",
		"subscribed", "unsubscribe", "unsubscribed", "probe", "error",
		NULL };
	struct fake *fake = link->fake;
	const char *type = chunk_attr(&fake->chunk, 1, "type");
	const char *to = chunk_attr(&fake->chunk, 1, "to");

	if (type && !is_one_of(type, types)) {
		judge_note(link, &fake->stats.ended_in_silence,
		    "presence of a bad type", fake->chunk.bytes,
		    fake->chunk.len);
		session_end(fake, session);
	} else if (to) {
		send_on(fake, session, to);
	} else if (!type) {
		fake->stats.available += !session->available;
		session->available = true;
		session->gone = false;
		presence_broadcast(fake, session, true);
		offline_flush(fake, session);
	} else if (!strcmp(type, "unavailable")) {
		presence_broadcast(fake, session, false);
		fake->stats.available -= session->available;
		session->available = false;
		session->gone = true;
	}
}

void
stanza_from(struct link *link, struct session *session)
{
	const struct chunk *chunk = &link->fake->chunk;

	if (chunk_is(chunk, 1, "iq"))
		iq(link, session);
	else if (!session->resource)
		session_kick(link->fake, session, "not-authorized");
	else if (chunk_is(chunk, 1, "message"))
		message(link, session);
	else
		presence(link, session);
}
