/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/server.h"

#include "tests/simulation/books.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/kernel.h"
#include "tests/simulation/trace.h"
#include "tests/simulation/world.h"

#include <string.h>

#define END_TAG "</stream:stream>"

static double still_until; /* it handles nothing */
static double down_until;  /* it does not run */

void
server_begin(void)
{
	still_until = down_until = 0;
	server_manner = (struct manner){
		.keeps_sessions = chance_one_in(2),
		.tells_ends = chance_one_in(2),
		.answers_anywhere = !chance_one_in(3),
		.is_module = chance_one_in(4),
		.stop = chance_below(3),
	};
}

bool
server_listens(void)
{
	return world.now >= down_until;
}

/* --- sessions --- */

static void
forget_sessions(void)
{
	for (unsigned i = 0; i < books_count(); i++) {
		struct client *client = books_client(i);

		if (client->session != SESSION_OPEN)
			continue;
		client->session = SESSION_FORGOTTEN;
		client->was_ended = true;
	}
	TRACE(0, "the server forgets all sessions");
}

static bool
has_links(void)
{
	struct connection *connection = NULL;

	while ((connection = kernel_next(connection)) != NULL)
		if (connection->is_member)
			return true;
	return false;
}

static void
lose_link(struct connection *connection)
{
	if (!connection->is_member)
		return;
	connection->is_member = false;
	if (!has_links() && !server_manner.keeps_sessions)
		forget_sessions();
}

/* --- items --- */

struct item {
	const char *text;
	size_t len;
};

/* The bytes to the end of `text`, 0: it is not there yet. */
static size_t
through(const struct item *rest, const char *text)
{
	const char *at = memmem(rest->text, rest->len, text, strlen(text));

	return at ? (size_t)(at - rest->text) + strlen(text) : 0;
}

static bool
begins(const struct item *item, const char *text)
{
	return item->len >= strlen(text) &&
	       memcmp(item->text, text, strlen(text)) == 0;
}

static bool
may_begin(const struct item *item, const char *text)
{
	return memcmp(item->text, text, MIN(item->len, strlen(text))) == 0;
}

/* Of the next item; 0: there is none yet, and whatever begins there is none
 * that goes up: a breach. */
static size_t
next_len(const struct item *rest)
{
	static const char *const begin_end[][2] = {
		{ " ", " " },
		{ END_TAG, END_TAG },
		{ "<stream:stream ", ">" },
		{ "<handshake>", "</handshake>" },
		{ "<route ", "</route>" },
	};
	size_t tag;

	for (unsigned i = 0; i < ARRAY_LEN(begin_end); i++)
		if (may_begin(rest, begin_end[i][0]))
			return through(rest, begin_end[i][1]);
	if (may_begin(rest, "<iq ")) {
		tag = through(rest, ">");
		if (tag && rest->text[tag - 2] == '/')
			return tag;
		return through(rest, "</iq>");
	}
	books_breach("the server reads what is no item: \"%.*s\"",
	    (int)MIN(rest->len, 80), rest->text);
	return 0;
}

/* The value of an attribute, "" with length 0 when there is none. */
static struct item
value_of(const struct item *item, const char *before)
{
	const char *at = memmem(item->text, item->len, before, strlen(before));
	struct item value = { "", 0 };
	const char *end;

	if (!at)
		return value;
	at += strlen(before);
	end = memchr(at, '"', (size_t)(item->text + item->len - at));
	if (end)
		value = (struct item){ at, (size_t)(end - at) };
	return value;
}

static void
copy(const struct item *item, char *out, size_t cap)
{
	size_t len = MIN(item->len, cap - 1);

	memcpy(out, item->text, len);
	out[len] = '\0';
}

static void
take_route(struct connection *connection, const struct item *item)
{
	struct item id = value_of(item, " streamid=\"");
	struct client *client = books_find(id.text, id.len);
	const char *inner = memchr(item->text, '>', item->len);
	char streamid[STREAMID_MAX + 1];
	bool was_unavailable;

	if (!client) {
		books_breach("a stanza for \"%.*s\", which never was",
		    (int)id.len, id.text);
		return;
	}
	was_unavailable = client->is_unavailable;
	if (!memmem(item->text, item->len, "id=\"cm-probe\"", 13))
		books_server_got(client, inner + 1,
		    (size_t)(item->text + item->len - inner - 1));
	/* What it wrote before that comes before the barrier's answer, or a
	 * moment after it (LEAVING_SETTLE_S), as an answer to a probe does. */
	if (client->is_unavailable && !was_unavailable)
		server_hurry();
	if (client->session == SESSION_OPEN)
		return;
	copy(&id, streamid, sizeof(streamid));
	server_deny(connection, streamid);
}

/* For a session: create, close, failed; or a barrier. */
static void
take_iq(struct connection *connection, const struct item *item)
{
	const char *session = memmem(item->text, item->len, "<session ", 9);
	char id[64], streamid[STREAMID_MAX + 16];
	struct item value, rest;
	struct client *client;
	bool was_open;

	if (!begins(item, "<iq type=\"set\"") || !session)
		return;
	value = value_of(item, " id=\"");
	copy(&value, id, sizeof(id));
	rest = (struct item){ session,
		(size_t)(item->text + item->len - session) };
	value = value_of(&rest, " id=\"");
	copy(&value, streamid, sizeof(streamid));
	client = books_find(streamid, strlen(streamid));
	was_open = client && client->session == SESSION_OPEN;
	if (!client && strcmp(streamid, MANAGER "-barrier") != 0) {
		books_breach("words about \"%s\", which never was", streamid);
	} else if (memmem(rest.text, rest.len, "<create>", 8)) {
		if (client)
			books_server_created(client);
		server_answer(connection, id, streamid, "create", true);
	} else if (memmem(rest.text, rest.len, "<failed>", 8)) {
		if (client)
			books_server_returned(client, rest.text, rest.len);
		server_answer(connection, id, streamid, "failed", was_open);
	} else {
		if (client)
			books_server_closed(client);
		server_answer(connection, id, streamid, "close", was_open);
	}
}

static void
take_item(struct connection *connection, const struct item *item)
{
	if (begins(item, " "))
		return;
	if (begins(item, "<stream:stream ")) {
		connection->is_member = true;
		connection->phase = SERVER_HANDSHAKE;
		server_accept(connection);
	} else if (begins(item, "<handshake>")) {
		connection->phase = SERVER_SERVES;
		server_say(connection, "<handshake></handshake>");
		server_configure(connection);
	} else if (begins(item, END_TAG)) {
		if (!connection->has_ended)
			server_say(connection, END_TAG);
		connection->has_ended = true;
		kernel_server_close(connection, true);
		lose_link(connection);
	} else if (begins(item, "<route ")) {
		take_route(connection, item);
	} else {
		take_iq(connection, item);
	}
}

/* One item, if it is there whole. */
static bool
handle_one(struct connection *connection)
{
	struct stream *up = &connection->up;
	struct item item = { (const char *)up->bytes + up->read,
		up->arrived - up->read };

	if (item.len == 0)
		return false;
	item.len = next_len(&item);
	if (item.len == 0)
		return false;
	up->read += item.len;
	take_item(connection, &item);
	return true;
}

static bool
is_open(const struct connection *connection)
{
	return connection->server_open && !connection->reset_by_us;
}

static bool
handle(struct connection *connection, unsigned most)
{
	bool handled = false;

	while (most-- > 0 && is_open(connection) && handle_one(connection))
		handled = true;
	/* Our end's FIN, once all before it is handled. */
	if (is_open(connection) && connection->up.ended &&
	    connection->up.read == connection->up.written) {
		kernel_server_close(connection, true);
		lose_link(connection);
	}
	return handled;
}

/* --- its life --- */

/* Of a connection that is no more it handles some of what has come, at once:
 * nobody promises an order beyond that. */
static void
bury(struct connection *connection)
{
	unsigned most = chance_one_in(3) ? 0 : chance_below(20);

	while (most-- > 0 && connection->server_open && handle_one(connection))
		;
	connection->reset_by_us = false;
	connection->server_open = false;
	if (chance_one_in(3)) {
		connection->believed_until =
		    world.now + chance_below(1500) / 1e3;
		return;
	}
	lose_link(connection);
}

void
server_notice(void)
{
	struct connection *connection = NULL;

	while ((connection = kernel_next(connection)) != NULL) {
		if (connection->reset_by_us)
			bury(connection);
		if (connection->believed_until > 0 &&
		    (world.now >= connection->believed_until ||
			world.is_calm)) {
			connection->believed_until = 0;
			lose_link(connection);
		}
	}
}

void
server_step(void)
{
	struct connection *connection = kernel_any();

	if (world.now < still_until || !server_listens() || !connection)
		return;
	for (unsigned i = chance_below(5); i > 0; i--)
		server_talk();
	(void)handle(connection, chance_below(16));
}

void
server_settle(void)
{
	struct connection *connection = NULL;

	while ((connection = kernel_next(connection)) != NULL)
		if (is_open(connection))
			(void)handle(connection, UINT32_MAX);
}

static void
stop_link(struct connection *connection)
{
	if (!connection->server_open)
		return;
	if (server_manner.stop == STOP_WITH_ERROR)
		server_say(connection,
		    "<stream:error xmlns:stream=\"http://etherx.jabber.org/"
		    "streams\"><system-shutdown xmlns=\"urn:ietf:params:xml:ns:"
		    "xmpp-streams\"/></stream:error>");
	if (server_manner.stop != STOP_SILENTLY && !connection->has_ended)
		server_say(connection, END_TAG);
	connection->has_ended = true;
	kernel_server_close(connection,
	    server_manner.stop != STOP_SILENTLY || chance_one_in(2));
}

static void
stop(void)
{
	struct connection *connection = NULL;

	TRACE(server_manner.stop, "the server stops");
	down_until = world.now + chance_below(8000) / 1e3;
	while ((connection = kernel_next(connection)) != NULL) {
		stop_link(connection);
		connection->is_member = false;
		connection->believed_until = 0;
	}
	/* What is up again has them no more. */
	forget_sessions();
}

/* One of its links ends, in order or not. */
static void
end_link(void)
{
	struct connection *connection = kernel_any();

	if (!connection)
		return;
	if (chance_one_in(2) && connection->phase == SERVER_SERVES &&
	    !connection->has_ended) {
		/* It may still read. */
		server_say(connection, END_TAG);
		connection->has_ended = true;
		TRACE(connection->number, "the server ends connection %u",
		    connection->number);
		return;
	}
	kernel_server_close(connection, chance_one_in(2));
	lose_link(connection);
}

void
server_fault(void)
{
	switch (chance_below(8)) {
	case 0:
		stop();
		break;
	case 1:
		still_until = world.now + chance_below(6000) / 1e3;
		TRACE(0, "the server stands still until %.3f", still_until);
		break;
	case 2:
	case 3:
		end_link();
		break;
	default:
		server_end_session();
		break;
	}
}

void
server_recover(void)
{
	still_until = down_until = 0;
}
