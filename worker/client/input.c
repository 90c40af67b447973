/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes from a client become elements. */
#include "common/base/log.h"
#include "common/process/config.h"
#include "common/shm/directory.h"
#include "common/shm/stats.h"
#include "common/xmpp/framer.h"
#include "common/xmpp/lexer.h"
#include "worker/client/asked.h"
#include "worker/client/client.h"
#include "worker/client/early.h"
#include "worker/client/loans.h"
#include "worker/client/scopes.h"

#include <stdlib.h>
#include <string.h>

/* Below this an incomplete stanza is kept as bytes, without a parser. */
#define PARTIAL_MAX 512u
/* Reads of one client before others have their turn. */
#define READS_MAX 4

/* The beginning of a stanza, without a parser. */
struct partial {
	struct lexer lexer; /* behind it */
	size_t len;
	uint8_t bytes[];
};

static uint8_t room[PARTIAL_MAX + CLIENT_READ_BYTES];
/* No stanza follows in what input_read_rest() reads. */
static bool rest_is_over;

size_t
input_size_limit(const struct client *client)
{
	return client_is_authenticated(client)
		   ? worker.config->client.stanza_bytes
		   : MIN(worker.config->client.preauth_bytes,
			 worker.config->client.stanza_bytes);
}

static bool
expects_header(const struct client *client)
{
	return client->state == CLIENT_GREETING ||
	       client->state == CLIENT_RESTARTING;
}

/* What the client may say next depends on the server's answer, so it is kept
 * as bytes until then (XEP-0305). */
static bool
must_hold(const struct client *client)
{
	return asked_sasl_is_due(client);
}

static void
forget_partial(struct client *client)
{
	free(client->partial);
	client->partial = NULL;
}

void
input_restart(struct client *client)
{
	deadline_stanza_ends(client);
	scopes_release(worker.scopes, &client->scope);
	if (client->loan)
		parsers_give_back(worker.parsers, client);
}

void
input_forget(struct client *client)
{
	forget_partial(client);
	input_restart(client);
}

static void
show(const struct client *client, enum framer_result result)
{
	const struct element *element = framer_element(client->loan->framer);

	if (result == FRAMER_HEADER)
		trace_header(client, element);
	else if (result == FRAMER_ELEMENT)
		trace_element(client, TRACE_FROM_CLIENT, element->bytes,
		    element->len);
}

/* What its header declares is kept for the next parser it needs. */
static void
take_header(struct client *client, const struct framer *framer)
{
	const char *scope = framer_scope(framer);
	char address[ENDPOINT_TEXT_MAX];

	scopes_release(worker.scopes, &client->scope);
	if (scope)
		client->scope = scopes_take(worker.scopes, scope);
	if (scope && !client->scope) {
		log_limited(LOG_WARNING, 1,
		    "headers of streams declare more than %u different sets "
		    "of namespaces and languages; a client is refused "
		    "address=%s",
		    SCOPES_MAX, client_peer_text(client, address));
		client_close(client, CLOSE_OVERLOAD);
		return;
	}
	negotiate_header(client, framer_element(framer));
}

/* True while the client can be parsed on with what it has sent. */
static bool
handle(struct client *client, enum framer_result result)
{
	struct loan *loan = client->loan;

	if (client->flags & CLIENT_TRACED)
		show(client, result);
	deadline_stanza_ends(client); /* what follows is another one */
	if (unread_is_of(client)) {
		rest_is_over = result != FRAMER_ELEMENT;
		if (rest_is_over)
			return false;
		unread_take(client, framer_element(loan->framer));
		return client->loan == loan && client->state != CLIENT_CLOSING;
	}
	if (result == FRAMER_HEADER)
		take_header(client, loan->framer);
	else if (result == FRAMER_ELEMENT)
		filter_element(client, framer_element(loan->framer));
	else
		input_end(client, result);
	return client->loan == loan && client->state != CLIENT_CLOSING &&
	       !(client->flags & CLIENT_BLOCKED) && !must_hold(client);
}

static void
run(struct client *client, enum framer_result result)
{
	while (result != FRAMER_MORE) {
		if (!handle(client, result))
			return;
		result = framer_resume(client->loan->framer);
	}
}

static void
note_partial(struct client *client, size_t len)
{
	if (len == 0)
		deadline_stanza_ends(client);
	else if (client->partial_since_s == 0)
		deadline_stanza_begins(client, len);
}

static void
append(struct client *client, const uint8_t *bytes, size_t len)
{
	size_t before = client->partial ? client->partial->len : 0;
	struct partial *partial =
	    xrealloc(client->partial, sizeof(*partial) + before + len);

	if (before == 0)
		lexer_init(&partial->lexer, expects_header(client));
	memcpy(partial->bytes + before, bytes, len);
	partial->len = before + len;
	lexer_take(&partial->lexer, bytes, len);
	client->partial = partial;
}

/* What is incomplete is kept: as bytes when few, else with its parser. `bytes`
 * is all that the parser got since it was lent, or NULL. */
static void
settle(struct client *client, const uint8_t *bytes, size_t len)
{
	const struct framer *framer;
	size_t partial;

	if (!client->loan || client->state == CLIENT_CLOSING)
		return;
	framer = client->loan->framer;
	partial = framer_partial_bytes(framer);
	note_partial(client, partial);
	if (!expects_header(client) && framer_is_lendable(framer)) {
		parsers_give_back(worker.parsers, client);
		return;
	}
	if (!bytes || partial > PARTIAL_MAX || partial > len)
		return;
	if (partial > 0) {
		append(client, bytes + len - partial, partial);
		client->partial->lexer.due = false; /* it was looked at */
	}
	parsers_give_back(worker.parsers, client);
}

/* Keeps all that has come behind an element whose answer must be waited for. */
static void
hold_rest(struct client *client)
{
	struct framer *framer;
	uint8_t *rest;
	size_t len;

	if (!client->loan || !framer_is_suspended(client->loan->framer))
		return;
	framer = client->loan->framer;
	len = framer_rest_bytes(framer);
	if (len > 0) {
		rest = xmalloc(len);
		append(client, rest, framer_take_rest(framer, rest, len));
		free(rest);
	} else if (framer_resume(framer) != FRAMER_MORE) {
		return;
	}
	parsers_give_back(worker.parsers, client);
}

/* Behind an element that waits for room there is nothing to parse for now: what
 * little has come of the next is kept as bytes, so that a full ring takes no
 * parser for each client that meets it. */
static void
set_aside(struct client *client)
{
	uint8_t rest[PARTIAL_MAX + 1];
	struct framer *framer;
	size_t len;

	if (!client->loan || !framer_is_suspended(client->loan->framer) ||
	    expects_header(client))
		return;
	framer = client->loan->framer;
	len = framer_take_rest(framer, rest, sizeof(rest));
	if (len > PARTIAL_MAX)
		return;
	if (len > 0)
		append(client, rest, len);
	else if (framer_resume(framer) != FRAMER_MORE)
		return;
	parsers_give_back(worker.parsers, client);
}

/* Few bytes that complete nothing need no parser: true when they are kept. */
static bool
wait_for_more(struct client *client, const uint8_t *bytes, size_t len)
{
	size_t before = client->partial ? client->partial->len : 0;
	struct lexer lexer;

	if (before + len > PARTIAL_MAX)
		return false;
	if (client->partial)
		lexer = client->partial->lexer;
	else
		lexer_init(&lexer, expects_header(client));
	lexer_take(&lexer, bytes, len);
	if (lexer_is_due(&lexer))
		return false;
	append(client, bytes, len);
	note_partial(client, before + len);
	return true;
}

/* Gives the client a parser, and the bytes that were kept go before the new
 * ones. */
static bool
borrow(struct client *client, uint8_t **bytes, size_t *len)
{
	struct partial *partial = client->partial;

	if (!parsers_borrow(worker.parsers, client, expects_header(client),
		input_size_limit(client))) {
		client_close(client, CLOSE_INTERNAL);
		return false;
	}
	if (partial) {
		*bytes -= partial->len;
		*len += partial->len;
		memcpy(*bytes, partial->bytes, partial->len);
		forget_partial(client);
	}
	return true;
}

/* What came is parsed as far as it can be for now. */
static void
stop_parsing(struct client *client, const uint8_t *whole, size_t len)
{
	if (must_hold(client))
		hold_rest(client);
	else if (client->flags & CLIENT_BLOCKED)
		set_aside(client);
	else
		settle(client, whole, len);
}

/* Blanks before a new header are the last of the old stream. */
static void
skip_blanks(const struct client *client, uint8_t **bytes, size_t *len)
{
	static const char blanks[] = " \t\r\n";

	if (client->loan || client->partial)
		return;
	while (*len > 0 && memchr(blanks, **bytes, sizeof(blanks) - 1)) {
		++*bytes;
		--*len;
	}
}

/* `bytes` lies in room behind PARTIAL_MAX free bytes, or nothing is kept that
 * goes before it. */
static void
parse(struct client *client, uint8_t *bytes, size_t len)
{
	const uint8_t *whole = NULL;
	enum framer_result result;

	if (client->state == CLIENT_RESTARTING)
		skip_blanks(client, &bytes, &len);
	if (!client->loan) {
		if (wait_for_more(client, bytes, len) ||
		    !borrow(client, &bytes, &len))
			return;
		whole = bytes;
	}
	result = framer_feed(client->loan->framer, bytes, len);
	run(client, result);
	stop_parsing(client, whole, len);
	if (client->loan)
		parsers_note(worker.parsers, client, result != FRAMER_MORE);
}

/* Parses what was kept, which may be more than other clients have there. */
static void
parse_kept(struct client *client)
{
	struct partial *kept = client->partial;

	client->partial = NULL;
	parse(client, kept->bytes, kept->len);
	free(kept);
}

/* --- what comes early --- */

/* Until the server's answer has come. */
static void
hold(struct client *client, uint8_t *bytes, size_t len)
{
	skip_blanks(client, &bytes, &len);
	if (len > 0)
		append(client, bytes, len);
}

/* Of what is held, all that needs no answer. */
static void
parse_urgent(struct client *client)
{
	size_t before;

	while (must_hold(client) && client->partial &&
	       early_is_urgent(client->partial->bytes, client->partial->len)) {
		before = client->partial->len;
		parse_kept(client);
		if (client->partial && client->partial->len == before)
			return; /* not whole yet */
	}
}

static void
take(struct client *client, uint8_t *bytes, size_t len)
{
	if (must_hold(client) && !client->loan)
		hold(client, bytes, len);
	else
		parse(client, bytes, len);
	parse_urgent(client);
}

/* Nothing is read that can neither be used nor kept: what waits is bounded as
 * an element is. */
static size_t
read_limit(const struct client *client)
{
	size_t limit = input_size_limit(client),
	       kept = client->partial ? client->partial->len : 0;

	if (!must_hold(client) || client->loan ||
	    client->state == CLIENT_CLOSING)
		return CLIENT_READ_BYTES;
	return kept < limit ? MIN(limit - kept, CLIENT_READ_BYTES) : 0;
}

/* While all links are lost nothing is taken from those with a session, nor from
 * those that are still to be told that they stay so. */
static bool
must_wait(const struct client *client)
{
	return server_is_away() && client->slot != NO_SLOT &&
	       client->state != CLIENT_CLOSING;
}

void
input_continue(struct client *client)
{
	if (must_wait(client))
		backlog_block(client);
	if (client->state == CLIENT_CLOSING ||
	    (client->flags & CLIENT_BLOCKED) || must_hold(client))
		return;
	if (!(client->flags & CLIENT_PEER_DONE))
		client_set_read(client, true);
	if (client->loan && framer_is_suspended(client->loan->framer)) {
		run(client, framer_resume(client->loan->framer));
		stop_parsing(client, NULL, 0);
	} else if (client->partial && !client->loan) {
		parse_kept(client);
	}
	parse_urgent(client);
	/* What TLS has opened already makes no descriptor readable. */
	if (!(client->flags & CLIENT_BLOCKED) &&
	    transport_has_pending(&client->transport))
		ev_feed_event(worker.loop, &client->io, EV_READ);
}

static void
note_bytes(struct client *client, size_t len)
{
	struct session_body *body;

	stats_add(STAT_BYTES_UP, len);
	client->active_s = now_s();
	deadline_stanza_grows(client, len);
	client->flags &= (uint16_t)~CLIENT_PINGED;
	if (client->slot == NO_SLOT || (client->flags & CLIENT_SESSION_OVER))
		return;
	body = directory_body(worker.directory, client->slot);
	body->active_s = client->active_s;
	body->bytes_up += len;
}

/* False when there is no more to read now. */
static bool
read_once(struct client *client)
{
	size_t cap = read_limit(client), len;

	if (cap == 0) {
		client_set_read(client, false);
		return false;
	}
	switch (transport_read(&client->transport, room + PARTIAL_MAX, cap,
	    &len)) {
	case IO_OK:
		break;
	case IO_AGAIN:
		return false;
	case IO_EOF:
		/* It may yet read. */
		if (client->state == CLIENT_LEAVING) {
			client_set_read(client, false);
			return false;
		}
		client->flags |= CLIENT_PEER_DONE;
		client_drop(client, CLOSE_PEER_LOST);
		return false;
	case IO_FAILED:
	default:
		client->flags |= CLIENT_PEER_DONE;
		client_drop(client, CLOSE_IO_FAILED);
		return false;
	}
	note_bytes(client, len);
	if (client->state == CLIENT_CLOSING ||
	    client->state == CLIENT_LEAVING) {
		unread_note_bytes(client, len);
		return true; /* read to the end, to see it */
	}
	take(client, room + PARTIAL_MAX, len);
	return client->state != CLIENT_CLOSING &&
	       client->state != CLIENT_STARTING_TLS &&
	       !(client->flags & CLIENT_BLOCKED) &&
	       (len == cap || transport_has_pending(&client->transport));
}

/* Only where no bytes of another client are being parsed: they may lie in
 * room[]. */
size_t
input_read_rest(struct client *client, size_t limit)
{
	size_t sum = 0, len;

	rest_is_over = expects_header(client) || must_hold(client);
	if (rest_is_over)
		return 0;
	if (client->loan && framer_is_suspended(client->loan->framer))
		run(client, framer_resume(client->loan->framer));
	else if (client->partial && lexer_is_due(&client->partial->lexer))
		take(client, room + PARTIAL_MAX, 0);
	while (sum < limit && !rest_is_over &&
	       client->state != CLIENT_CLOSING &&
	       transport_read(&client->transport, room + PARTIAL_MAX,
		   CLIENT_READ_BYTES, &len) == IO_OK) {
		sum += len;
		stats_add(STAT_BYTES_UP, len);
		take(client, room + PARTIAL_MAX, len);
	}
	return sum;
}

void
input_readable(struct client *client)
{
	int reads;

	if (must_wait(client))
		backlog_block(client);
	if ((client->flags & CLIENT_BLOCKED) && client->state != CLIENT_CLOSING)
		return;
	for (reads = 0; reads < READS_MAX; reads++)
		if (!read_once(client))
			return;
	/* What TLS has opened already makes no descriptor readable. */
	if (transport_has_pending(&client->transport))
		ev_feed_event(worker.loop, &client->io, EV_READ);
}
