/* SPDX-License-Identifier: Apache-2.0 */
/* IQs and packets as they come on a link (PROTOCOL.md §5, §6). */
#include "tests/support/fake_openfire/fake.h"

#include <stdio.h>
#include <string.h>

#define STANZAS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define MANAGER "http://jabber.org/protocol/connectionmanager"

static const char not_found[] =
    "<error code=\"404\" type=\"cancel\"><item-not-found xmlns=\"" STANZAS
    "\"/></error>";
static const char not_authorized[] =
    "<error code=\"401\" type=\"auth\"><not-authorized xmlns=\"" STANZAS
    "\"/></error>";
static const char bad_request[] =
    "<error code=\"400\" type=\"modify\"><bad-request xmlns=\"" STANZAS
    "\"/></error>";
static const char unknown_stanza[] =
    "<error code=\"400\" type=\"modify\"><bad-request xmlns=\"" STANZAS
    "\"/><unknown-stanza xmlns=\"" MANAGER "#errors\"/></error>";

/* Answers come on any link of the manager. */
static struct link *
any_link(struct link *link)
{
	struct link *any = NULL;

	if (link->manager && link->phase == LINK_READY)
		any = manager_link(link->manager, NULL);
	return any ? any : link;
}

static void
answer_iq(struct link *link, const char *error)
{
	const struct chunk *chunk = &link->fake->chunk;
	const struct chunk_element *child = &chunk->at[1];
	const char *id = chunk_attr(chunk, 0, "id");
	const char *from = chunk_attr(chunk, 0, "from");
	struct buf text;

	buf_init(&text, 0);
	(void)buf_printf(&text, "<iq type=\"%s\" from=\"%s\"",
	    error ? "error" : "result", link->fake->domain);
	chunk_append_attribute(&text, "id", id ? id : "");
	chunk_append_attribute(&text, "to", from ? from : "");
	(void)buf_append_char(&text, '>');
	(void)buf_append(&text, chunk->bytes + child->start,
	    child->end - child->start);
	(void)buf_printf(&text, "%s</iq>", error ? error : "");
	link_send_item(any_link(link), buf_bytes(&text), buf_len(&text));
	buf_destroy(&text);
}

static void
odd(struct link *link, const char *what)
{
	const struct chunk *chunk = &link->fake->chunk;

	judge_note(link, &link->fake->stats.odd, what, chunk->bytes,
	    chunk->len);
}

static void
on_create(struct link *link, const char *streamid)
{
	struct session *old = session_find(link->fake, link->manager, streamid);
	const struct chunk *chunk = &link->fake->chunk;
	const char *host =
	    chunk_is(chunk, 3, "host") ? chunk_attr(chunk, 3, "address") : NULL;

	if (old) {
		odd(link, "created twice");
		session_end(link->fake, old);
	} else if (session_id_spent(link->fake, streamid)) {
		odd(link, "streamid used again");
	}
	session_create(link->manager, streamid, host ? host : "");
	answer_iq(link, NULL);
}

/* A close for what never was: an answer is all that is wanted. */
static bool
is_barrier(const struct link *link)
{
	const char *id = chunk_attr(&link->fake->chunk, 1, "id");
	const char *tail = id ? strrchr(id, '-') : NULL;

	return tail && !strcmp(tail, "-barrier");
}

static void
on_close(struct link *link, struct session *session)
{
	if (!session) {
		link->barriers += is_barrier(link);
		link->fake->stats.close_not_found++;
		answer_iq(link, not_found);
		return;
	}
	link->fake->stats.closes++;
	if (link->fake->dialect->escaped)
		answer_iq(link, NULL);
	session_end(link->fake, session);
	if (!link->fake->dialect->escaped)
		answer_iq(link, NULL);
}

static void
store_failed(struct fake *fake, const char *user, const char *rest, size_t len)
{
	struct buf message;

	buf_init(&message, 0);
	(void)buf_append_str(&message, "<message");
	(void)buf_append(&message, rest, len);
	offline_store(fake, user, buf_bytes(&message), buf_len(&message));
	buf_destroy(&message);
}

static void
on_failed(struct link *link, struct session *session)
{
	struct fake *fake = link->fake;
	const struct chunk *chunk = &fake->chunk;
	const struct chunk_element *failed = &chunk->at[2];
	static const char clean[] = "<message xmlns=\"\"";
	size_t len = failed->end - failed->tag_end;
	const char *message = chunk->bytes + failed->tag_end;

	if (!session) {
		fake->stats.failed_not_found++;
		answer_iq(link, not_found);
		return;
	}
	if (failed->children != 1 || len < sizeof(clean) ||
	    memcmp(message, clean, sizeof(clean) - 1) != 0) {
		odd(link, "failed without one clean message");
		answer_iq(link, bad_request);
		return;
	}
	fake->stats.failed++;
	deliveries_returned(fake, session->jid, chunk_attr(chunk, 3, "id"));
	if (session->user)
		store_failed(fake, session->user, message + sizeof(clean) - 1,
		    len - (sizeof(clean) - 1) - strlen("</failed>"));
	answer_iq(link, NULL);
}

static void
on_session(struct link *link)
{
	const struct chunk *chunk = &link->fake->chunk;
	const char *streamid = chunk_attr(chunk, 1, "id");
	struct session *session;

	if (!streamid) {
		odd(link, "session without id");
		answer_iq(link, bad_request);
		return;
	}
	session = session_find(link->fake, link->manager, streamid);
	if (chunk_is(chunk, 2, "create"))
		on_create(link, streamid);
	else if (chunk_is(chunk, 2, "close"))
		on_close(link, session);
	else if (chunk_is(chunk, 2, "failed"))
		on_failed(link, session);
	else {
		odd(link, "unknown child of session");
		answer_iq(link, bad_request);
	}
}

void
top_iq(struct link *link)
{
	const struct chunk *chunk = &link->fake->chunk;
	const char *type = chunk_attr(chunk, 0, "type");
	const char *to = chunk_attr(chunk, 0, "to");

	if (!type || !to || strcmp(to, link->fake->domain) != 0)
		odd(link, "iq without type or with another to");
	if (type && (!strcmp(type, "result") || !strcmp(type, "error"))) {
		link->fake->stats.results++;
		return;
	}
	if (!chunk->at[0].children) {
		judge_kill(link, "iq without child", chunk->bytes, chunk->len);
		return;
	}
	if (link->phase != LINK_READY)
		answer_iq(link, not_authorized);
	else if (type && !strcmp(type, "set") &&
		 chunk_is(chunk, 1, "session") &&
		 !strcmp(chunk->at[1].space, MANAGER))
		on_session(link);
	else {
		odd(link, "unknown iq");
		answer_iq(link, bad_request);
	}
}

void
packet_error(struct link *link, const char *streamid, const char *error)
{
	const struct chunk *chunk = &link->fake->chunk;
	const char *from = chunk_attr(chunk, 0, "from");
	const char *id = chunk_attr(chunk, 0, "id");
	struct buf text;

	buf_init(&text, 0);
	(void)buf_append_str(&text, "<route");
	chunk_append_attribute(&text, "streamid", streamid);
	chunk_append_attribute(&text, "id", id);
	chunk_append_attribute(&text, "from", link->fake->domain);
	chunk_append_attribute(&text, "to", from ? from : "");
	(void)buf_printf(&text, " type=\"error\">%s</route>", error);
	link->fake->stats.packet_errors++;
	link_send_item(any_link(link), buf_bytes(&text), buf_len(&text));
	buf_destroy(&text);
}

static bool
is_probe(const struct chunk *chunk)
{
	const char *id = chunk_attr(chunk, 1, "id");

	return id && !strcmp(id, "cm-probe") && chunk_is(chunk, 1, "iq");
}

static bool
check_packet(struct link *link, const char *streamid)
{
	const struct chunk *chunk = &link->fake->chunk;
	const char *to = chunk_attr(chunk, 0, "to");
	const char *from = chunk_attr(chunk, 0, "from");

	if (!streamid || !*streamid || !chunk->at[0].children) {
		judge_kill(link, "<route/> without streamid or child",
		    chunk->bytes, chunk->len);
		return false;
	}
	if (chunk->at[0].children != 1 || chunk->stray_text)
		odd(link, "packet with more than one element");
	if (!to || strcmp(to, link->fake->domain) != 0 || !from ||
	    (link->manager && strncmp(from, link->manager->name,
				  strlen(link->manager->name)) != 0))
		odd(link, "packet with other addresses");
	return true;
}

void
top_packet(struct link *link)
{
	struct fake *fake = link->fake;
	const struct chunk *chunk = &fake->chunk;
	const char *streamid = chunk_attr(chunk, 0, "streamid");
	struct session *session;

	fake->stats.packets_up++;
	if (!check_packet(link, streamid))
		return;
	if (link->phase != LINK_READY) {
		odd(link, "packet before the handshake");
		packet_error(link, streamid, not_authorized);
		return;
	}
	session = session_find(fake, link->manager, streamid);
	fake->stats.probes += is_probe(chunk);
	if (session)
		session->up_link = link->number;
	if (!session)
		packet_error(link, streamid, not_found);
	else if (chunk_is(chunk, 1, "auth") || chunk_is(chunk, 1, "response"))
		sasl_from(link, session);
	else if (chunk_is(chunk, 1, "iq") || chunk_is(chunk, 1, "message") ||
		 chunk_is(chunk, 1, "presence"))
		stanza_from(link, session);
	else {
		odd(link, "unknown stanza in a packet");
		packet_error(link, streamid, unknown_stanza);
	}
}
