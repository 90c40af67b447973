/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a client's elements goes up, in which form, and what the rest is
 * answered (protocol.md §6.1, §6.6, §6.8, §7.4, §18.1).
 */
#include "tests/unit/client/peer.h"

#include <stdio.h>

#define NS_ERRORS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define END_IQ    "<iq type='get' id='end'><q xmlns='urn:x'/></iq>"

static struct peer peer;
static struct rig_frame frame;

static void
setup(void)
{
	rig_start("");
	peer_connect(&peer, false);
}

static void
teardown(void)
{
	peer_close(&peer);
	rig_end();
}

/* --- what goes up, and how --- */

struct passage {
	const char *said;
	enum frame_kind kind;
	const char *wire; /* what the route holds */
};

static const struct passage passages[] = {
	{ "<presence/>", FRAME_PRESENCE, "<presence/>" },
	{ "<presence type='probe' to='b@example.org'/>", FRAME_PRESENCE,
	    "<presence type=\"probe\" to=\"b@example.org\"/>" },
	{ "<message to='b@example.org' type='chat'><body>x</body></message>",
	    FRAME_MESSAGE,
	    "<message to=\"b@example.org\" type=\"chat\"><body>x</body>"
	    "</message>" },
	/* a bad type is that of a normal message */
	{ "<message type='bogus' id='1'/>", FRAME_MESSAGE,
	    "<message id=\"1\"/>" },
	{ "<iq type='set' id='1'><a xmlns='urn:x'/></iq>", FRAME_IQ_REQUEST,
	    "<iq type=\"set\" id=\"1\"><a xmlns=\"urn:x\"/></iq>" },
	{ "<iq type='result' id='1'/>", FRAME_IQ_ANSWER,
	    "<iq type=\"result\" id=\"1\"/>" },
	{ "<iq type='error' id='1'><a xmlns='u:a'/><b xmlns='u:b'/></iq>",
	    FRAME_IQ_ANSWER,
	    "<iq type=\"error\" id=\"1\"><a xmlns=\"u:a\"/><b xmlns=\"u:b\"/>"
	    "</iq>" },
	/* the server's scanner must not be misled */
	{ "<message id='a>b' foo='\"'><body><![CDATA[<&]]></body></message >",
	    FRAME_MESSAGE,
	    "<message id=\"a&gt;b\" foo=\"&quot;\"><body>&lt;&amp;</body>"
	    "</message>" },
	{ "<message\n\tid  =  'a\tb'\n><body>&#65;&lt;\r\n</body></message>",
	    FRAME_MESSAGE,
	    "<message id=\"a b\"><body>A&lt;\n</body></message>" },
	{ "<message id='a>b'>><body>>/>]]&gt;]></body>></message>",
	    FRAME_MESSAGE,
	    "<message id=\"a&gt;b\">><body>>/>]]&gt;]></body>></message>" },
	/* addresses are prepared, the sender's is the server's matter */
	{ "<message to='BOB@Example.ORG/Res' from='x@y'/>", FRAME_MESSAGE,
	    "<message to=\"bob@example.org/Res\"/>" },
	{ "<message to='B@example.org/>' from='x@y/>' "
	  "id='/>'>/><b/>></message>",
	    FRAME_MESSAGE,
	    "<message to=\"b@example.org/&gt;\" id=\"/&gt;\">/><b/>>"
	    "</message>" },
	{ "<message type='bogus' id='>'>\"></message>", FRAME_MESSAGE,
	    "<message id=\"&gt;\">\"></message>" },
	{ "<message from='x@y' to='b@example.org'/>", FRAME_MESSAGE,
	    "<message to=\"b@example.org\"/>" },
	{ "<message to='B@example.org/&lt;&quot;&amp;' id='&lt;'/>",
	    FRAME_MESSAGE,
	    "<message to=\"b@example.org/&lt;&quot;&amp;\" id=\"&lt;\"/>" },
};

START_TEST(a_stanza_goes_up_in_canonical_form)
{
	const struct passage *c = &passages[_i];
	const char *inside;

	peer_login(&peer, &frame);
	peer_send(&peer, c->said);
	rig_take(c->kind, &frame);
	inside = strchr(frame.text, '>') + 1;
	ck_assert_ptr_nonnull(strstr(inside, "</route>"));
	ck_assert_uint_eq(strlen(inside), strlen(c->wire) + strlen("</route>"));
	ck_assert_int_eq(strncmp(inside, c->wire, strlen(c->wire)), 0);
}
END_TEST

START_TEST(prefixes_of_the_header_are_declared_again)
{
	peer_send(&peer, PEER_OPEN " xmlns:x='urn:x'>");
	peer_expect(&peer, "</stream:features>");
	peer_send(&peer, "<message><x:a/></message>");
	rig_take(FRAME_CREATE, &frame);
	rig_take(FRAME_MESSAGE, &frame);
	HAS(frame.text, "xmlns:x=\"urn:x\"");
	/* and for the next one, too */
	peer_send(&peer, "<presence><x:b/></presence>");
	rig_take(FRAME_PRESENCE, &frame);
	HAS(frame.text, "xmlns:x=\"urn:x\"");
}
END_TEST

/* As the server's own words have it, or as canonical text. */
START_TEST(the_bound_address_is_known_in_either_spelling)
{
	static const char *const spellings[] = {
		"a@example.org/&lt;&gt;]]&gt;&amp;",
		"a@example.org/&lt;>]]&gt;&amp;",
	};
	char text[256];

	peer_greet(&peer);
	peer_send(&peer, PEER_AUTH);
	rig_take(FRAME_CREATE, &frame);
	rig_take(FRAME_AUTH, &frame);
	rig_give(&frame, FRAME_SUCCESS, RIG_SUCCESS);
	peer_expect(&peer, RIG_SUCCESS);
	peer_greet(&peer);
	peer_send(&peer, PEER_BIND);
	rig_take(FRAME_IQ_REQUEST, &frame);
	snprintf(text, sizeof(text),
	    "<iq type=\"result\" id=\"b\"><bind "
	    "xmlns=\"urn:ietf:params:xml:ns:xmpp-bind\"><jid>%s</jid></bind>"
	    "</iq>",
	    spellings[_i]);
	rig_give(&frame, FRAME_IQ_ANSWER, text);
	peer_expect(&peer, "</iq>");
	peer_send(&peer, "<presence type='bogus'/>");
	HAS(peer_expect(&peer, "</presence>"),
	    " to=\"a@example.org/&lt;&gt;]]&gt;&amp;\"");
}
END_TEST

START_TEST(a_stanza_in_single_bytes_is_whole)
{
	char text[2000], *end;
	size_t i;

	/* Long enough for a parser of its own. */
	memset(text, 'x', sizeof(text));
	memcpy(text, "<message><body>", strlen("<message><body>"));
	end = text + sizeof(text) - sizeof("</body></message>");
	memcpy(end, "</body></message>", sizeof("</body></message>"));
	peer_login(&peer, &frame);
	for (i = 0; i < strlen(text); i++)
		peer_send_bytes(&peer, text + i, 1);
	rig_take(FRAME_MESSAGE, &frame);
	HAS(frame.text, text);
}
END_TEST

START_TEST(many_stanzas_in_one_segment_keep_their_order)
{
	char text[64], said[16384] = "";
	int i;

	peer_login(&peer, &frame);
	for (i = 0; i < 200; i++) {
		snprintf(text, sizeof(text), "<message id='m%d.'/>", i);
		strcat(said, text);
	}
	peer_send(&peer, said);
	for (i = 0; i < 200; i++) {
		rig_take(FRAME_MESSAGE, &frame);
		snprintf(text, sizeof(text), "id=\"m%d.\"", i);
		HAS(frame.text, text);
	}
}
END_TEST

/* --- what is answered here --- */

struct reply {
	const char *said;
	const char *answer;
};

#define TEXT(words) \
	"<text xmlns=\"" NS_ERRORS "\" xml:lang=\"en\">" words "</text>"
#define REFUSED(name, id, condition, words) \
	"<" name " type=\"error\"" id " to=\"a@example.org/r\">" \
	"<error type=\"modify\"><" condition " xmlns=\"" NS_ERRORS \
	"\"/>" TEXT(words) "</error></" name ">"
#define BAD(name, id) \
	REFUSED(name, id, "bad-request", \
	    "The type is none that is defined, or an iq has no id or not " \
	    "exactly one child.")
#define BAD_IQ(id) BAD("iq", id)
#define MALFORMED(name, id) \
	REFUSED(name, id, "jid-malformed", \
	    "The address in 'to' is malformed; check its spelling.")

static const struct reply replies[] = {
	{ "<presence type='bogus'/>", BAD("presence", "") },
	{ "<iq type='bogus' id='i&lt;'/>", BAD_IQ(" id=\"i&lt;\"") },
	{ "<iq id='i'><a xmlns='u:a'/></iq>", BAD_IQ(" id=\"i\"") },
	{ "<iq type='get'><a xmlns='u:a'/></iq>", BAD_IQ("") },
	{ "<iq type='get' id='i'/>", BAD_IQ(" id=\"i\"") },
	{ "<iq type='set' id='i'><a xmlns='u:a'/><b xmlns='u:b'/></iq>",
	    BAD_IQ(" id=\"i\"") },
	{ "<iq type='get' id='i' to='c@example.org'/>",
	    BAD_IQ(" id=\"i\" from=\"c@example.org\"") },
	{ "<message to='@x' id='i'/>",
	    MALFORMED("message", " id=\"i\" from=\"@x\"") },
	{ "<iq type='get' to='x/' id='i'><a xmlns='u:a'/></iq>",
	    MALFORMED("iq", " id=\"i\" from=\"x/\"") },
	{ "<presence to='a b@&lt;'/>",
	    MALFORMED("presence", " from=\"a b@&lt;\"") },
	/* no answer to errors and answers */
	{ "<message type='error' to='@x'/>", "" },
	{ "<iq type='result' id='i' to='@x'/>", "" },
	{ "<iq type='error' id='i' to='@x'/>", "" },
	/* stream features that the server never sees */
	{ "<active xmlns='urn:xmpp:csi:0'/>", "" },
	{ "<inactive xmlns='urn:xmpp:csi:0'/>", "" },
	{ "<enable xmlns='urn:xmpp:sm:3' resume='true'/>",
	    "<failed xmlns=\"urn:xmpp:sm:3\"><feature-not-implemented "
	    "xmlns=\"" NS_ERRORS
	    "\"/>" TEXT("Streams cannot be resumed here.") "</failed>" },
	{ "<resume xmlns='urn:xmpp:sm:2' h='1' previd='x'/>",
	    "<failed xmlns=\"urn:xmpp:sm:2\"><feature-not-implemented "
	    "xmlns=\"" NS_ERRORS
	    "\"/>" TEXT("Streams cannot be resumed here.") "</failed>" },
	{ "<r xmlns='urn:xmpp:sm:3'/>", "" },
	{ "<compress xmlns='http://jabber.org/protocol/compress'>"
	  "<method>zlib</method></compress>",
	    "<failure xmlns=\"http://jabber.org/protocol/compress\">"
	    "<setup-failed/></failure>" },
	{ " \n\t ", "" },
};

START_TEST(what_does_not_go_up_is_answered_or_swallowed)
{
	const struct reply *c = &replies[_i];

	peer_login(&peer, &frame);
	peer_send(&peer, c->said);
	peer_send(&peer, END_IQ);
	rig_take(FRAME_IQ_REQUEST, &frame); /* nothing before it */
	HAS(frame.text, "id=\"end\"");
	rig_give(&frame, FRAME_OTHER, "<end/>");
	peer_expect(&peer, "<end/>");
	ck_assert_uint_eq(strlen(peer.expected),
	    strlen(c->answer) + strlen("<end/>"));
	ck_assert_int_eq(strncmp(peer.expected, c->answer, strlen(c->answer)),
	    0);
}
END_TEST

/* --- what ends the stream --- */

static const struct reply ends[] = {
	{ "<bogus/>", "unsupported-stanza-type" },
	{ "<message xmlns='jabber:server'/>", "unsupported-stanza-type" },
	{ "<!-- x -->", "restricted-xml" },
	{ "<message><!-- \" --></message>", "restricted-xml" },
	{ "<message><?pi x?></message>", "restricted-xml" },
	{ "<message>&unknown;</message>", "restricted-xml" },
	{ "<message>&#0;</message>", "not-well-formed" },
	{ "<message>&#xD800;</message>", "not-well-formed" },
	{ "<message>\x01</message>", "not-well-formed" },
	{ "<message>\xED\xA0\x80</message>", "not-well-formed" },
	{ "<message>\xC0\x80</message>", "not-well-formed" },
	{ "<message></presence>", "not-well-formed" },
	{ "<message a='1' a='2'/>", "not-well-formed" },
	{ "<p:message/>", "not-well-formed" },
	{ "words", "bad-format" },
};

START_TEST(what_would_harm_the_link_ends_the_stream)
{
	const struct reply *c = &ends[_i];

	peer_login(&peer, &frame);
	peer_send(&peer, c->said);
	peer_expect_error(&peer, c->answer);
	rig_take(FRAME_CLOSE, &frame);
}
END_TEST

START_TEST(a_nul_ends_the_stream)
{
	static const char said[] = "<message>\0</message>";

	peer_login(&peer, &frame);
	peer_send_bytes(&peer, said, sizeof(said) - 1);
	peer_expect_error(&peer, "not-well-formed");
	rig_take(FRAME_CLOSE, &frame);
}
END_TEST

START_TEST(nothing_behind_what_ended_the_stream_goes_up)
{
	peer_login(&peer, &frame);
	peer_send(&peer, "<presence/><bogus/><presence type='unavailable'/>");
	rig_take(FRAME_PRESENCE, &frame);
	peer_expect_error(&peer, "unsupported-stanza-type");
	rig_take(FRAME_CLOSE, &frame);
	HAS(frame.text, "<close/>");
}
END_TEST

START_TEST(an_end_tag_is_answered_and_the_session_closed)
{
	peer_login(&peer, &frame);
	peer_send(&peer, "<presence/></stream:stream>");
	peer_expect_end(&peer, "</stream:stream>");
	rig_take(FRAME_PRESENCE, &frame);
	rig_take(FRAME_CLOSE, &frame);
	ck_assert_uint_eq(rig_count(STAT_CLOSED_PEER_CLOSED), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client stanzas");
	TCase *tcase = tcase_create("stanzas");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 40);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase, a_stanza_goes_up_in_canonical_form, 0,
	    (int)ARRAY_LEN(passages));
	tcase_add_test(tcase, prefixes_of_the_header_are_declared_again);
	tcase_add_loop_test(tcase,
	    the_bound_address_is_known_in_either_spelling, 0, 2);
	tcase_add_test(tcase, a_stanza_in_single_bytes_is_whole);
	tcase_add_test(tcase, many_stanzas_in_one_segment_keep_their_order);
	tcase_add_loop_test(tcase, what_does_not_go_up_is_answered_or_swallowed,
	    0, (int)ARRAY_LEN(replies));
	tcase_add_loop_test(tcase, what_would_harm_the_link_ends_the_stream, 0,
	    (int)ARRAY_LEN(ends));
	tcase_add_test(tcase, a_nul_ends_the_stream);
	tcase_add_test(tcase, nothing_behind_what_ended_the_stream_goes_up);
	tcase_add_test(tcase, an_end_tag_is_answered_and_the_session_closed);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
