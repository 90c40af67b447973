/* SPDX-License-Identifier: Apache-2.0 */
/*
 * canonical_bench TIMES bounce|return|mask|answer|claim|recognise: so often
 * what reads canonical text (canonical.h): an error made of a message, or of a
 * request that came down; a stanza shown to people; the server's answer to a
 * session's end; the name in a log-in by jabber:iq:auth; the check of a message
 * that goes up. Measured from outside; see tests/bench/instructions.
 */
#include "common/base/buf.h"
#include "common/xmpp/framer.h"
#include "common/xmpp/login_claim.h"
#include "common/xmpp/mask.h"
#include "common/xmpp/multiplex.h"
#include "common/xmpp/recognise.h"
#include "common/xmpp/stream.h"
#include "tests/bench/choose.h"

#include <stdlib.h>
#include <string.h>

#define TEXT(text) text, sizeof(text) - 1

static const struct stanza_fault fault = { "wait", "conflict", "why" };
static struct buf out;

#define MESSAGE \
	"<message to=\"juliet@capulet.example/balcony\" type=\"chat\" " \
	"id=\"a1b2c3\"><body>But soft, what light through yonder window " \
	"breaks? It is the east, and Juliet is the sun.</body>" \
	"<active xmlns=\"http://jabber.org/protocol/chatstates\"/></message>"

static void
bounce(void)
{
	static const char packet[] =
	    "<route to=\"example.org\" from=\"cm1\" "
	    "streamid=\"cm10000abc\">" MESSAGE "</route>";
	const uint8_t *stanza;
	size_t len;

	CHECK(multiplex_unwrap((const uint8_t *)packet, sizeof(packet) - 1,
	    &stanza, &len));
	CHECK(multiplex_render_bounce(&out, stanza, len, &fault) == 0);
}

static void
return_request(void)
{
	static const char iq[] =
	    "<iq from=\"juliet@capulet.example/balcony\" type=\"get\" "
	    "id=\"a1b2c3\" to=\"romeo@montague.example/orchard\"><query "
	    "xmlns=\"http://jabber.org/protocol/disco#info\"/></iq>";

	CHECK(multiplex_render_undelivered(&out, (const uint8_t *)iq,
		  sizeof(iq) - 1) == 0);
}

static void
mask(void)
{
	mask_secrets(TEXT(MESSAGE), &out);
}

static void
answer(void)
{
	static struct framer *framer;
	static const char iq[] =
	    "<iq type='result' id='1-2' from='example.org' to='cm1'>"
	    "<session xmlns='http://jabber.org/protocol/connectionmanager' "
	    "id='cm10000abc'><close/></session></iq>";
	const struct framer_limits limits = { 262144, 64, 64, 16384, 0 };
	struct multiplex_item item;

	if (!framer) {
		framer = framer_new(&limits, FRAMER_UNWRAP);
		framer_prime(framer, NS_MULTIPLEX);
		CHECK(framer_feed(framer, TEXT(iq)) == FRAMER_ELEMENT);
	}
	multiplex_decode(framer, framer_element(framer), "cm1", &item);
	CHECK(item.kind == MULTIPLEX_CLOSED);
}

static void
claim(void)
{
	static const char iq[] =
	    "<iq id=\"a\" type=\"set\"><query "
	    "xmlns=\"jabber:iq:auth\"><username>romeo</username>"
	    "<password>secret</password><resource>orchard</resource></query></"
	    "iq>";
	const struct element login = { .bytes = (const uint8_t *)iq,
		.len = sizeof(iq) - 1 };
	struct login_fields fields;
	struct login_claim read;

	login_fields_read(&fields, &login);
	login_claim_of_iq(&read, &fields);
	CHECK(read.name_len == 5);
}

static void
recognise(void)
{
	static struct recogniser *recogniser;

	if (!recogniser)
		recogniser = recogniser_new();
	CHECK(recognise_element(recogniser, TEXT(MESSAGE)) ==
	      RECOGNISED_MESSAGE);
}

static const struct {
	const char *name;
	void (*run)(void);
} loads[] = {
	{ "bounce", bounce },
	{ "return", return_request },
	{ "mask", mask },
	{ "answer", answer },
	{ "claim", claim },
	{ "recognise", recognise },
};

int
main(int argc, char **argv)
{
	uint64_t count;
	size_t i = choose_load(argv, &loads[0].name, sizeof(loads[0]),
	    ARRAY_LEN(loads), &count);

	(void)argc;
	if (i == ARRAY_LEN(loads))
		return 2;
	for (; count > 0; count--) {
		loads[i].run();
		buf_reset(&out);
	}
	return 0;
}
