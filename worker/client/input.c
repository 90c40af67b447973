/* SPDX-License-Identifier: Apache-2.0 */
/* Bytes from a client become elements, or are kept until they can. */
#include "worker/client/input.h"

#include "common/base/log.h"
#include "common/net/endpoint.h"
#include "common/process/trace_record.h"
#include "common/xmpp/close.h"
#include "common/xmpp/element.h"
#include "common/xmpp/framer.h"
#include "common/xmpp/lexer.h"
#include "worker/client/client.h"
#include "worker/client/client_state.h"
#include "worker/client/deadlines.h"
#include "worker/client/early.h"
#include "worker/client/filter.h"
#include "worker/client/input_end.h"
#include "worker/client/input_kept.h"
#include "worker/client/loans.h"
#include "worker/client/negotiate.h"
#include "worker/client/parsers.h"
#include "worker/client/scopes.h"
#include "worker/client/state.h"
#include "worker/client/trace.h"
#include "worker/client/unread.h"

#include <stdlib.h>
#include <string.h>

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
	struct client_worker *worker = worker_of(client);
	const char *scope = framer_scope(framer);
	char address[ENDPOINT_TEXT_MAX];

	scopes_release(worker->scopes, &client->scope);
	if (scope)
		client->scope = scopes_take(worker->scopes, scope);
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

/* Of what nobody handles any more: false behind the last element. */
static bool
handle_rest(struct client *client, enum framer_result result)
{
	const struct framer *framer = client->loan->framer;
	bool *is_over = &worker_of(client)->unread.rest_is_over;

	if (result == FRAMER_HEADER && client->state == CLIENT_RESTARTING) {
		/* What is answered behind it lies in a stream of ours. */
		(void)client_enter(client, CLIENT_OPEN);
		negotiate_send_header(client, framer_element(framer));
		return true;
	}
	*is_over = result != FRAMER_ELEMENT;
	if (!*is_over)
		unread_take(client, framer_element(framer));
	return !*is_over;
}

/* True while the client can be parsed on with what it has sent. */
static bool
handle(struct client *client, enum framer_result result)
{
	struct loan *loan = client->loan;

	if (client->flags & CLIENT_TRACED)
		show(client, result);
	deadline_stanza_ends(client); /* what follows is another one */
	if (unread_is_of(client))
		return handle_rest(client, result) && client->loan == loan &&
		       client->state != CLIENT_CLOSING;
	if (result == FRAMER_HEADER)
		take_header(client, loan->framer);
	else if (result == FRAMER_ELEMENT)
		filter_element(client, framer_element(loan->framer));
	else
		input_end(client, result);
	return client->loan == loan && client->state != CLIENT_CLOSING &&
	       !(client->flags & CLIENT_BLOCKED) && !input_must_hold(client);
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

/* What is incomplete is kept: as bytes when few, else with its parser. `bytes`
 * is all that the parser got since it was lent, or NULL. */
static void
settle(struct client *client, const uint8_t *bytes, size_t len)
{
	struct client_worker *worker = worker_of(client);
	const struct framer *framer;
	size_t partial;

	if (!client->loan || client->state == CLIENT_CLOSING)
		return;
	framer = client->loan->framer;
	partial = framer_partial_bytes(framer);
	note_partial(client, partial);
	if (!input_expects_header(client) && framer_is_lendable(framer)) {
		parsers_give_back(worker->parsers, client);
		return;
	}
	if (!bytes || partial > PARTIAL_MAX || partial > len)
		return;
	if (partial > 0) {
		input_keep(client, bytes + len - partial, partial);
		client->partial->lexer.due = false; /* it was looked at */
	}
	parsers_give_back(worker->parsers, client);
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
		input_keep(client, rest, framer_take_rest(framer, rest, len));
		free(rest);
	} else if (framer_resume(framer) != FRAMER_MORE) {
		return;
	}
	parsers_give_back(worker_of(client)->parsers, client);
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
	    input_expects_header(client))
		return;
	framer = client->loan->framer;
	len = framer_take_rest(framer, rest, sizeof(rest));
	if (len > PARTIAL_MAX)
		return;
	if (len > 0)
		input_keep(client, rest, len);
	else if (framer_resume(framer) != FRAMER_MORE)
		return;
	parsers_give_back(worker_of(client)->parsers, client);
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
		lexer_init(&lexer, input_expects_header(client));
	lexer_take(&lexer, bytes, len);
	if (lexer_is_due(&lexer))
		return false;
	input_keep(client, bytes, len);
	note_partial(client, before + len);
	return true;
}

/* Gives the client a parser, and the bytes that were kept go before the new
 * ones. */
static bool
borrow(struct client *client, uint8_t **bytes, size_t *len)
{
	struct partial *partial = client->partial;

	if (!parsers_borrow(worker_of(client)->parsers, client,
		input_expects_header(client), input_size_limit(client))) {
		client_close(client, CLOSE_INTERNAL);
		return false;
	}
	if (partial) {
		CHECK(partial->len <= PARTIAL_MAX); /* see parse() */
		*bytes -= partial->len;
		*len += partial->len;
		memcpy(*bytes, partial->bytes, partial->len);
		input_forget_partial(client);
	}
	return true;
}

/* What came is parsed as far as it can be for now. */
static void
stop_parsing(struct client *client, const uint8_t *whole, size_t len)
{
	if (input_must_hold(client))
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
		parsers_note(worker_of(client)->parsers, client,
		    result != FRAMER_MORE);
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
		input_keep(client, bytes, len);
}

/* Of what is held, all that needs no answer. */
static void
parse_urgent(struct client *client)
{
	size_t before;

	while (input_must_hold(client) && client->partial &&
	       early_is_urgent(client->partial->bytes, client->partial->len)) {
		before = client->partial->len;
		parse_kept(client);
		if (client->partial && client->partial->len == before)
			return; /* not whole yet */
	}
}

/* What was held may be more than goes before `bytes` in the room. */
static bool
keeps_much(const struct client *client)
{
	return !client->loan && client->partial &&
	       client->partial->len > PARTIAL_MAX;
}

void
input_take(struct client *client, uint8_t *bytes, size_t len)
{
	if (input_must_hold(client) && !client->loan) {
		hold(client, bytes, len);
	} else if (keeps_much(client)) {
		if (len > 0)
			input_keep(client, bytes, len);
		parse_kept(client);
	} else {
		parse(client, bytes, len);
	}
	parse_urgent(client);
}

void
input_take_kept(struct client *client)
{
	if (client->loan && framer_is_suspended(client->loan->framer)) {
		run(client, framer_resume(client->loan->framer));
		stop_parsing(client, NULL, 0);
	} else if (client->partial && !client->loan) {
		parse_kept(client);
	}
	parse_urgent(client);
}

/* What waits is bounded as an element is. */
size_t
input_read_limit(const struct client *client)
{
	size_t limit = input_size_limit(client),
	       kept = client->partial ? client->partial->len : 0;

	if (!input_must_hold(client) || client->loan ||
	    client->state == CLIENT_CLOSING)
		return CLIENT_READ_BYTES;
	return kept < limit ? MIN(limit - kept, CLIENT_READ_BYTES) : 0;
}

uint8_t *
input_room(struct client_worker *worker)
{
	return worker->room + PARTIAL_MAX;
}

/* --- what nobody handles any more --- */

bool
input_begin_rest(struct client *client)
{
	bool *is_over = &worker_of(client)->unread.rest_is_over;

	*is_over = client->state == CLIENT_GREETING || input_must_hold(client);
	if (*is_over)
		return false;
	if (client->loan && framer_is_suspended(client->loan->framer))
		run(client, framer_resume(client->loan->framer));
	else if (client->partial && lexer_is_due(&client->partial->lexer))
		input_take(client, input_room(worker_of(client)), 0);
	return true;
}

bool
input_rest_goes_on(struct client_worker *worker)
{
	return !worker->unread.rest_is_over;
}
