/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/books.h"

#include "common/shm/frame_kind.h"
#include "tests/simulation/books_private.h"
#include "tests/simulation/trace.h"
#include "tests/simulation/world.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct books books;

static struct client clients[CLIENTS_MAX];

void
books_begin(void)
{
	books = (struct books){ .count = 0 };
}

void
books_breach(const char *format, ...)
{
	va_list arguments;

	if (books.breach[0])
		return;
	va_start(arguments, format);
	vsnprintf(books.breach, sizeof(books.breach), format, arguments);
	va_end(arguments);
	if (trace_is_printed)
		trace_print("BREACH: %s", books.breach);
}

const char *
books_first_breach(void)
{
	return books.breach[0] ? books.breach : NULL;
}

struct client *
books_open(uint32_t slot, uint32_t generation, const char *streamid,
    unsigned partition)
{
	struct client *client = &clients[books.count];

	if (books.count == CLIENTS_MAX)
		return NULL;
	memset(client, 0, sizeof(*client));
	client->number = books.count++;
	client->slot = slot;
	client->generation = generation;
	client->partition = partition;
	snprintf(client->streamid, sizeof(client->streamid), "%s", streamid);
	return client;
}

unsigned
books_count(void)
{
	return books.count;
}

struct client *
books_client(unsigned number)
{
	return &clients[number];
}

struct client *
books_find(const char *streamid, size_t len)
{
	for (unsigned i = books.count; i-- > 0;)
		if (strncmp(clients[i].streamid, streamid, len) == 0 &&
		    clients[i].streamid[len] == '\0')
			return &clients[i];
	return NULL;
}

void
books_note_death(void)
{
	books.deaths++;
}

void
books_note_kill(void)
{
	books.kills++;
}

void
books_note_worker_death(void)
{
	books.worker_deaths++;
}

void
books_note_sent_away(void)
{
	books.sent_away = true;
}

/* --- marks --- */

struct mark {
	bool is_up;
	unsigned client, number;
};

static bool
find_mark(const char *text, size_t len, struct mark *mark_out)
{
	static const char *const starts[] = { "u:", "d:" };

	for (unsigned i = 0; i < ARRAY_LEN(starts); i++) {
		const char *at = memmem(text, len, starts[i], 2);
		char *end;

		if (!at)
			continue;
		mark_out->is_up = i == 0;
		mark_out->client = (unsigned)strtoul(at + 2, &end, 10);
		mark_out->number = (unsigned)strtoul(end + 1, NULL, 10);
		return *end == ':' && mark_out->client < books.count;
	}
	return false;
}

void
books_note_waiting(const char *text, size_t len)
{
	struct mark mark;

	if (find_mark(text, len, &mark) && mark.is_up &&
	    mark.number < clients[mark.client].up_count)
		clients[mark.client].up[mark.number].waits = true;
}

/* Of this client; NULL and a breach: it is another's, or nobody's. */
static struct up_item *
up_item_of(const char *where, struct client *client, const char *text,
    size_t len)
{
	struct mark mark;

	if (!find_mark(text, len, &mark) || !mark.is_up) {
		books_breach("%s: no mark in \"%.*s\"", where, (int)len, text);
		return NULL;
	}
	if (mark.client != client->number || mark.number >= client->up_count) {
		books_breach("%s: client %u has what is u:%u:%u", where,
		    client->number, mark.client, mark.number);
		return NULL;
	}
	return &client->up[mark.number];
}

static struct down_item *
down_item_of(const char *where, struct client *client, const char *text,
    size_t len)
{
	struct mark mark;

	if (!find_mark(text, len, &mark) || mark.is_up) {
		books_breach("%s: no mark in \"%.*s\"", where, (int)len, text);
		return NULL;
	}
	if (mark.client != client->number ||
	    mark.number >= client->down_count) {
		books_breach("%s: client %u has what is d:%u:%u", where,
		    client->number, mark.client, mark.number);
		return NULL;
	}
	return &client->down[mark.number];
}

/* --- at the server --- */

bool
books_is_sent_once(uint8_t kind)
{
	return kind == FRAME_MESSAGE || kind == FRAME_IQ_REQUEST ||
	       kind == FRAME_AUTH;
}

/* What comes again may do so only where something died. */
static void
check_again(const struct client *client, const struct up_item *item,
    unsigned number)
{
	if (item->seen == 1)
		return;
	if (books_is_sent_once(item->kind))
		books_breach("u:%u:%u (%s) is at the server %u times",
		    client->number, number,
		    frame_kind_name((enum frame_kind)item->kind), item->seen);
	else if (books.deaths == 0) /* kills go on at the very byte */
		books_breach("u:%u:%u is at the server twice, and nothing"
			     " died",
		    client->number, number);
}

static void
check_first(struct client *client, const struct up_item *item, unsigned number)
{
	if (item->seen != 1)
		return;
	if (number < client->next_seen)
		books_breach("u:%u:%u is at the server behind u:%u:%u",
		    client->number, number, client->number,
		    client->next_seen - 1);
	if (client->session == SESSION_CLOSED)
		books_breach("u:%u:%u comes first behind the close",
		    client->number, number);
	client->next_seen = number + 1;
}

/* From here on it is sent nothing. True: it is upstream that says so, in the
 * name of a dead worker. */
static bool
note_unavailable(struct client *client, const char *text, size_t len)
{
	static const char says[] = "<presence type=\"unavailable\"";

	if (len < sizeof(says) || memcmp(text, says, sizeof(says) - 1) != 0)
		return false;
	TRACE(client->number, "client %u is unavailable", client->number);
	client->is_unavailable = true;
	return text[sizeof(says) - 1] == '/';
}

void
books_server_got(struct client *client, const char *text, size_t len)
{
	struct up_item *item;
	struct mark mark;
	unsigned number;

	if (note_unavailable(client, text, len))
		return;
	if (find_mark(text, len, &mark) && !mark.is_up) {
		books_server_returned(client, text, len);
		return;
	}
	item = up_item_of("server", client, text, len);
	if (!item)
		return;
	number = (unsigned)(item - client->up);
	TRACE(client->number << 8 | number, "server has u:%u:%u",
	    client->number, number);
	item->seen++;
	/* Once it is over a stray one does no harm. */
	if (client->session == SESSION_NEVER && !client->is_over)
		books_breach("u:%u:%u comes before its create", client->number,
		    number);
	check_again(client, item, number);
	check_first(client, item, number);
}

void
books_server_created(struct client *client)
{
	TRACE(client->number, "server creates client %u", client->number);
	if (client->session == SESSION_OPEN)
		books_breach("a second create replaces client %u",
		    client->number);
	if (client->session == SESSION_CLOSED)
		books_breach("client %u is created again behind its close",
		    client->number);
	client->session = SESSION_OPEN;
}

void
books_server_closed(struct client *client)
{
	TRACE(client->number, "server closes client %u", client->number);
	client->closes++;
	if (client->session == SESSION_CLOSED &&
	    books.deaths + books.worker_deaths + books.kills == 0)
		books_breach("client %u is closed twice, and nothing died",
		    client->number);
	if (client->session == SESSION_NEVER && books.deaths == 0)
		books_breach("client %u is closed before its create",
		    client->number);
	if (client->session == SESSION_OPEN)
		client->session = SESSION_CLOSED;
}

void
books_server_returned(struct client *client, const char *text, size_t len)
{
	struct down_item *item = down_item_of("return", client, text, len);
	unsigned number;

	if (!item)
		return;
	number = (unsigned)(item - client->down);
	TRACE(client->number << 8 | number, "server has back d:%u:%u",
	    client->number, number);
	/* One that is refused is lost, and counted. */
	item->returned++;
	if (item->returned > 1 && books.deaths + books.kills == 0 &&
	    !client->is_torn)
		books_breach("d:%u:%u is returned twice, and nothing died",
		    client->number, number);
	if (item->delivered && !client->is_torn)
		books_breach("d:%u:%u is delivered and returned",
		    client->number, number);
}

/* --- at a worker --- */

void
books_delivered(struct client *client, const char *text, size_t len)
{
	struct down_item *item = down_item_of("client", client, text, len);
	unsigned number;

	if (!item)
		return;
	number = (unsigned)(item - client->down);
	TRACE(client->number << 8 | number, "client has d:%u:%u",
	    client->number, number);
	if (++item->delivered > 1)
		books_breach("d:%u:%u is delivered %u times", client->number,
		    number, item->delivered);
	if (item->returned)
		books_breach("d:%u:%u is returned and delivered",
		    client->number, number);
}

void
books_late(struct client *client, const char *text, size_t len)
{
	struct down_item *item = down_item_of("late", client, text, len);

	if (!item)
		return;
	item->late = true;
	if (item->kind == FRAME_MESSAGE && client->has_left &&
	    client->is_unavailable)
		books_breach("d:%u:%u comes behind left", client->number,
		    (unsigned)(item - client->down));
}

void
books_left(struct client *client)
{
	TRACE(client->number, "client %u has left", client->number);
	if (client->leave == LEAVE_NOT)
		books_breach("client %u has left, and never said leave",
		    client->number);
	if (client->has_left && books.kills == 0)
		books_breach("client %u has left twice, and nothing was killed",
		    client->number);
	/* Who is sent away does not wait: his presence is not sent. */
	if (client->session == SESSION_OPEN && !client->is_unavailable &&
	    !books.sent_away)
		books_breach("client %u has left, and the server does not know",
		    client->number);
	client->has_left = client->leave == LEAVE_SENT;
}

void
books_auth_failed(struct client *client)
{
	client->auth_failures++;
	if (books.deaths == 0)
		books_breach("client %u: a log-in fails, and nothing died",
		    client->number);
}

void
books_bounced(struct client *client, const char *text, size_t len)
{
	struct up_item *item = up_item_of("error", client, text, len);
	unsigned number;

	if (!item)
		return;
	number = (unsigned)(item - client->up);
	TRACE(client->number << 8 | number, "an error for u:%u:%u",
	    client->number, number);
	if (!books_is_sent_once(item->kind))
		books_breach("an error for u:%u:%u, a %s", client->number,
		    number, frame_kind_name((enum frame_kind)item->kind));
	if (++item->errors > 1 && books.kills == 0)
		books_breach("u:%u:%u has a second error, and nothing was"
			     " killed",
		    client->number, number);
	if (books.deaths == 0 && !client->was_ended)
		books_breach("an error for u:%u:%u, and nothing died",
		    client->number, number);
}

/* --- at our end --- */

void
books_session_over(uint32_t slot, uint32_t generation)
{
	for (unsigned i = books.count; i-- > 0;) {
		struct client *client = &clients[i];

		if (client->slot != slot || client->generation != generation)
			continue;
		TRACE(client->number, "client %u is over", client->number);
		client->is_over = true;
		if (client->session == SESSION_OPEN)
			books_breach("client %u is over, and the server has"
				     " it",
			    client->number);
		return;
	}
}
