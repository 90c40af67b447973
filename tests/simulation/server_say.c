/* SPDX-License-Identifier: Apache-2.0 */
/* server_say - what the server says. */
#include "tests/simulation/server.h"

#include "common/shm/frame_kind.h"
#include "tests/simulation/books.h"
#include "tests/simulation/chance.h"
#include "tests/simulation/kernel.h"
#include "tests/simulation/trace.h"
#include "tests/simulation/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define NS_CM "http://jabber.org/protocol/connectionmanager"

struct manner server_manner;

void
server_say(struct connection *connection, const char *format, ...)
{
	static char text[8192];
	va_list arguments;
	int len;

	va_start(arguments, format);
	len = vsnprintf(text, sizeof(text), format, arguments);
	va_end(arguments);
	CHECK(len >= 0 && (size_t)len < sizeof(text));
	kernel_say(connection, text, (size_t)len);
}

/* alive: not one that only the server takes for a link. */
static struct connection *
member(uint64_t which, bool alive)
{
	struct connection *connection = NULL, *members[CONNECTIONS_MAX];
	unsigned count = 0;

	while ((connection = kernel_next(connection)) != NULL)
		if (connection->is_member && !connection->has_ended &&
		    (!alive ||
			(!connection->dead_here && !connection->up.ended)))
			members[count++] = connection;
	return count ? members[which % count] : NULL;
}

struct connection *
server_answer_link(struct connection *asked)
{
	struct connection *other;

	if (!server_manner.answers_anywhere)
		return asked;
	other = member(chance_next() >> 8, false);
	return other ? other : asked;
}

struct connection *
server_session_link(const char *streamid)
{
	uint32_t hash = 0;

	for (; *streamid; streamid++)
		hash = hash * 31 + (uint8_t)*streamid;
	return member(hash, false);
}

void
server_accept(struct connection *connection)
{
	server_say(connection,
	    "<?xml version=\"1.0\" encoding=\"UTF-8\"?><stream:stream"
	    " xmlns:stream=\"http://etherx.jabber.org/streams\""
	    " xmlns=\"jabber:connectionmanager\" version=\"1.0\""
	    " from=\"cm1/x\" id=\"%u\"><stream:features/>",
	    connection->number);
}

void
server_configure(struct connection *connection)
{
	server_say(connection,
	    "<iq type=\"set\" id=\"conf\"><configuration xmlns=\"" NS_CM
	    "\"><mechanisms xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\">"
	    "<mechanism>PLAIN</mechanism></mechanisms></configuration></iq>");
}

void
server_answer(struct connection *asked, const char *id, const char *streamid,
    const char *verb, bool found)
{
	server_say(server_answer_link(asked),
	    "<iq type=\"%s\" id=\"%s\" from=\"" DOMAIN "\" to=\"" MANAGER
	    "\"><session xmlns=\"" NS_CM "\" id=\"%s\"><%s/></session>%s</iq>",
	    found ? "result" : "error", id, streamid, verb,
	    found ? ""
		  : "<error code=\"404\" type=\"cancel\"><item-not-found"
		    " xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/></error>");
}

void
server_deny(struct connection *asked, const char *streamid)
{
	/* Who probes counts on an answer before the barrier's, or a moment
	 * after it (OTHER_LINKS_S): one that is slower, or is lost with a link
	 * that is dead here only, misleads. tests/README.md names it. */
	struct connection *other = server_manner.answers_anywhere
				       ? member(chance_next() >> 8, true)
				       : NULL;

	TRACE(0, "server knows no %s", streamid);
	if (!other)
		other = asked;
	server_say(other,
	    "<route streamid=\"%s\" from=\"" DOMAIN "\" to=\"" MANAGER
	    "\" type=\"error\"><error code=\"404\" type=\"cancel\">"
	    "<item-not-found xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/>"
	    "</error></route>",
	    streamid);
	other->down.arrived = other->down.written;
}

void
server_hurry(void)
{
	struct connection *connection = NULL;

	while ((connection = kernel_next(connection)) != NULL)
		if (connection->server_open && !connection->dead_here)
			connection->down.arrived = connection->down.written;
}

/* --- of its own --- */

/* listening: one that may be sent something. */
static struct client *
some_session(bool listening)
{
	struct client *found = NULL;
	uint32_t seen = 0;

	for (unsigned i = 0; i < books_count(); i++)
		if (books_client(i)->session == SESSION_OPEN &&
		    !(listening && books_client(i)->is_unavailable) &&
		    chance_below(++seen) == 0)
			found = books_client(i);
	return found;
}

static void
say_stanza(struct connection *connection, const struct client *client,
    uint8_t kind)
{
	char route[256];
	unsigned number = client->down_count;

	snprintf(route, sizeof(route),
	    "<route streamid=\"%s\" from=\"" DOMAIN "\" to=\"" MANAGER "\">",
	    client->streamid);
	if (kind == FRAME_MESSAGE)
		server_say(connection,
		    "%s<message to=\"u@" DOMAIN "\" from=\"b@" DOMAIN
		    "\" id=\"d:%u:%u\"><body>%s</body></message></route>",
		    route, client->number, number, world_filling());
	else if (kind == FRAME_IQ_REQUEST)
		server_say(connection,
		    "%s<iq type=\"get\" to=\"u@" DOMAIN "\" from=\"b@" DOMAIN
		    "\" id=\"d:%u:%u\"><q xmlns=\"a:b\"/></iq></route>",
		    route, client->number, number);
	else
		server_say(connection,
		    "%s<presence to=\"u@" DOMAIN "\" from=\"b@" DOMAIN
		    "\" id=\"d:%u:%u\"/></route>",
		    route, client->number, number);
}

void
server_talk(void)
{
	static const uint8_t kinds[] = { FRAME_MESSAGE, FRAME_MESSAGE,
		FRAME_IQ_REQUEST, FRAME_PRESENCE };
	struct client *client = some_session(true);
	uint8_t kind = kinds[chance_below(ARRAY_LEN(kinds))];
	struct connection *connection;

	if (!client || client->down_count == ITEMS_MAX)
		return;
	connection = server_session_link(client->streamid);
	if (!connection)
		return;
	say_stanza(connection, client, kind);
	TRACE(client->number << 8 | client->down_count,
	    "server says d:%u:%u on connection %u to %u", client->number,
	    client->down_count, connection->number,
	    (unsigned)connection->down.written);
	client->down[client->down_count++] = (struct down_item){ .kind = kind,
		.connection = connection->number,
		.end = connection->server_open && !connection->dead_here
			   ? connection->down.written
			   : UINT64_MAX };
}

void
server_end_session(void)
{
	struct client *client = some_session(false);
	struct connection *connection;

	if (!client)
		return;
	TRACE(client->number, "server ends client %u", client->number);
	client->session = SESSION_ENDED;
	client->was_ended = true;
	connection = server_session_link(client->streamid);
	if (!connection || !server_manner.tells_ends)
		return;
	if (chance_one_in(2))
		server_say(connection,
		    "<iq type=\"set\" id=\"e%u\" from=\"" DOMAIN
		    "\" to=\"" MANAGER "\"><session xmlns=\"" NS_CM
		    "\" id=\"%s\"><close/></session></iq>",
		    client->number, client->streamid);
	else
		server_say(connection,
		    "<route streamid=\"%s\" from=\"" DOMAIN "\" to=\"" MANAGER
		    "\">&lt;stream:error xmlns:stream=\"http://etherx.jabber."
		    "org/streams\"&gt;&lt;conflict xmlns=\"urn:ietf:params:xml:"
		    "ns:xmpp-streams\"/&gt;&lt;/stream:error&gt;</route>",
		    client->streamid);
}
