/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a client's elements goes up, and in which form (PROTOCOL.md §6.1,
 * §6.6, §6.8, §18.1).
 */
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <stdio.h>

#define NS_ERRORS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define END_IQ    "<iq type='get' id='end'><q xmlns='urn:x'/></iq>"

#define GRIN    "\xF0\x9F\x98\x80" /* U+1F600: Unicode 6.1 */
#define SHARP_S "\xE1\xBA\x9E"     /* U+1E9E: Unicode 5.1 */
#define UMLAUT  "\xC3\xBC"
#define CAPITAL "\xC3\x9C"

/* --- what goes up, and how --- */

struct passage {
	const char *said;
	enum frame_kind kind;
	const char *wire; /* what the <route/> holds */
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
	/* what the server delivers, whatever we think of it */
	{ "<iq type='result' id='1'><a xmlns='u:a'/><b xmlns='u:b'/></iq>",
	    FRAME_IQ_ANSWER,
	    "<iq type=\"result\" id=\"1\"><a xmlns=\"u:a\"/><b xmlns=\"u:b\"/>"
	    "</iq>" },
	{ "<iq type='result'/>", FRAME_IQ_ANSWER, "<iq type=\"result\"/>" },
	{ "<iq type='error'><a xmlns='u:a'/></iq>", FRAME_IQ_ANSWER,
	    "<iq type=\"error\"><a xmlns=\"u:a\"/></iq>" },
	/* an answer goes to where the question came from, as it is written */
	{ "<iq type='result' id='1' to='b@x.org/" GRIN "'/>", FRAME_IQ_ANSWER,
	    "<iq type=\"result\" id=\"1\" to=\"b@x.org/" GRIN "\"/>" },
	{ "<iq type='error' id='1' to='B" SHARP_S "@X.org/" GRIN "'/>",
	    FRAME_IQ_ANSWER,
	    "<iq type=\"error\" id=\"1\" to=\"B" SHARP_S "@X.org/" GRIN
	    "\"/>" },
	{ "<message type='error' to='r@" GRIN ".org/\xE2\x84\xA2'/>",
	    FRAME_MESSAGE,
	    "<message type=\"error\" to=\"r@" GRIN ".org/\xE2\x84\xA2\"/>" },
	{ "<presence type='error' from='a@example.org' "
	  "to='a b@x/\xE2\x80\xAE&quot;'/>",
	    FRAME_PRESENCE,
	    "<presence type=\"error\" to=\"a b@x/\xE2\x80\xAE&quot;\"/>" },
	/* the own domain is spelt in one way */
	{ "<iq type='result' id='1' to='BOB@Example.ORG/" GRIN "'/>",
	    FRAME_IQ_ANSWER,
	    "<iq type=\"result\" id=\"1\" to=\"bob@example.org/" GRIN "\"/>" },
	{ "<presence to='b@Example.ORG./r'/>", FRAME_PRESENCE,
	    "<presence to=\"b@example.org/r\"/>" },
	{ "<iq type='get' id='1' to='example\xE3\x80\x82org'><q xmlns='u:q'/>"
	  "</iq>",
	    FRAME_IQ_REQUEST,
	    "<iq type=\"get\" id=\"1\" to=\"example.org\"><q xmlns=\"u:q\"/>"
	    "</iq>" },
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

static const struct {
	const char *domain; /* of the configuration */
	const char *to, *up;
} spellings_of_own[] = {
	{ "b" UMLAUT "cher.example", "a@B" CAPITAL "CHER.Example/R",
	    "a@b" UMLAUT "cher.example/R" },
	{ "b" UMLAUT "cher.example", "a@xn--bcher-kva.example/R",
	    "a@b" UMLAUT "cher.example/R" },
	{ "b" UMLAUT "cher.example", "XN--BCHER-KVA.EXAMPLE.",
	    "b" UMLAUT "cher.example" },
	{ "xn--bcher-kva.example", "a@b" UMLAUT "cher.example/R",
	    "a@xn--bcher-kva.example/R" },
	{ "XN--bcher-KVA.example", "A@B" CAPITAL "CHER.example",
	    "a@xn--bcher-kva.example" },
	/* and so of what lies below it */
	{ "xn--bcher-kva.example", "room@Chat.b" UMLAUT "cher.example/n",
	    "room@chat.xn--bcher-kva.example/n" },
	{ "b" UMLAUT "cher.example", "r@r" CAPITAL "m.xn--bcher-kva.example",
	    "r@r" UMLAUT "m.b" UMLAUT "cher.example" },
	/* also where it holds what no other domain may */
	{ "xn--e28h.example", "a@" GRIN ".Example/R", "a@xn--e28h.example/R" },
	{ "xn--e28h.example", GRIN ".example.", "xn--e28h.example" },
	/* others' domains stay as they are */
	{ "b" UMLAUT "cher.example", "a@xn--bcher-kva.example.org",
	    "a@xn--bcher-kva.example.org" },
	{ "b" UMLAUT "cher.example", "a@xxn--bcher-kva.example",
	    "a@xxn--bcher-kva.example" },
};

START_TEST(an_address_of_the_own_domain_goes_up_as_it_is_configured)
{
	static const struct {
		const char *start, *end;
		enum frame_kind kind;
	} stanzas[] = {
		{ "<message", "/>", FRAME_MESSAGE },
		{ "<presence", "/>", FRAME_PRESENCE },
		{ "<iq type='set' id='1'", "><q xmlns='u:q'/></iq>",
		    FRAME_IQ_REQUEST },
	};
	char text[256], want[256];
	size_t i;

	rig_domain = spellings_of_own[_i].domain;
	begin("");
	peer_login(&peer, &frame);
	snprintf(want, sizeof(want), " to=\"%s\"", spellings_of_own[_i].up);
	for (i = 0; i < ARRAY_LEN(stanzas); i++) {
		snprintf(text, sizeof(text), "%s to='%s'%s", stanzas[i].start,
		    spellings_of_own[_i].to, stanzas[i].end);
		peer_send(&peer, text);
		rig_take(stanzas[i].kind, &frame);
		HAS(strchr(frame.text, '>'), want);
	}
}
END_TEST

START_TEST(a_header_may_name_the_domain_in_any_spelling)
{
	static const char *const hosts[] = { "B" CAPITAL "CHER.example",
		"xn--bcher-kva.Example", "b" UMLAUT "cher.example." };
	char text[256];
	size_t i;

	rig_domain = "b" UMLAUT "cher.example";
	rig_start("<xmpp><client><validate><host>true</host></validate>"
		  "</client></xmpp>");
	for (i = 0; i < ARRAY_LEN(hosts); i++) {
		peer_connect(&peer, false);
		snprintf(text, sizeof(text), PEER_OPEN " to='%s'>", hosts[i]);
		peer_send(&peer, text);
		peer_expect(&peer, "</stream:features>");
		peer_close(&peer);
	}
	peer_connect(&peer, false);
	peer_send(&peer, PEER_OPEN " to='bucher.example'>");
	peer_expect(&peer, "host-unknown");
}
END_TEST

/* --- code points that Unicode 3.2 does not assign --- */

static const struct {
	const char *said;
	enum frame_kind kind;
	const char *to;
} unassigned[] = {
	{ "<message to='B@Example.org/x" GRIN "'/>", FRAME_MESSAGE,
	    " to=\"b@example.org/x" GRIN "\"" },
	{ "<presence to='room@x.org/" SHARP_S "'/>", FRAME_PRESENCE,
	    " to=\"room@x.org/" SHARP_S "\"" },
	{ "<iq type='get' id='1' to='b@x/" GRIN "'><q xmlns='u:q'/></iq>",
	    FRAME_IQ_REQUEST, " to=\"b@x/" GRIN "\"" },
};

static void
expect_unassigned_refused(const char *said, const char *to)
{
	const char *answer;

	peer_send(&peer, said);
	answer = peer_expect(&peer, "</error>");
	HAS(answer, "<jid-malformed xmlns=\"" NS_ERRORS "\"/><text ");
	HAS(answer, to);
}

START_TEST(unassigned_code_points_are_refused_with_a_text)
{
	peer_login(&peer, &frame);
	expect_unassigned_refused(unassigned[_i].said, " from=\"");
	rig_expect_no_frame();
}
END_TEST

static void
expect_unassigned_taken(void)
{
	size_t i;

	for (i = 0; i < ARRAY_LEN(unassigned); i++) {
		peer_send(&peer, unassigned[i].said);
		rig_take(unassigned[i].kind, &frame);
		HAS(frame.text, unassigned[i].to);
	}
	/* elsewhere than in resources they stay malformed */
	expect_unassigned_refused("<message to='" SHARP_S "@x/r'/>",
	    "from=\"" SHARP_S "@x/r\"");
	expect_unassigned_refused("<message to='b@" GRIN ".org'/>",
	    "from=\"b@" GRIN ".org\"");
	/* and what the tables prohibit, they prohibit beside them */
	expect_unassigned_refused("<message to='b@x/\xD7\x90\x61" GRIN "'/>",
	    "from=\"b@x/");
	expect_unassigned_refused("<message to='b@x/" GRIN "\xE2\x80\xAE'/>",
	    "from=\"b@x/");
}

START_TEST(unassigned_code_points_go_up_to_a_server_that_bears_them)
{
	rig_server.unassigned = 1;
	rig_publish();
	peer_login(&peer, &frame);
	expect_unassigned_taken();
}
END_TEST

START_TEST(unassigned_code_points_go_up_where_the_configuration_says_so)
{
	begin("<xmpp><server><unassigned>true</unassigned></server>"
	      "</xmpp>");
	peer_login(&peer, &frame);
	expect_unassigned_taken();
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
	peer_authenticate(&peer, &frame);
	peer_succeed(&peer, &frame);
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

int
main(void)
{
	Suite *suite = suite_create("client stanzas");
	TCase *tcase = tcase_create("stanzas");
	TCase *elsewhere = tcase_create("in front of another server");

	tcase_set_timeout(tcase, 40);
	tcase_add_checked_fixture(tcase, begin_plain, finish);
	tcase_add_loop_test(tcase, a_stanza_goes_up_in_canonical_form, 0,
	    (int)ARRAY_LEN(passages));
	tcase_add_test(tcase, prefixes_of_the_header_are_declared_again);
	tcase_add_loop_test(tcase,
	    the_bound_address_is_known_in_either_spelling, 0, 2);
	tcase_add_test(tcase, a_stanza_in_single_bytes_is_whole);
	tcase_add_test(tcase, many_stanzas_in_one_segment_keep_their_order);
	tcase_add_loop_test(tcase,
	    unassigned_code_points_are_refused_with_a_text, 0,
	    (int)ARRAY_LEN(unassigned));
	tcase_add_test(tcase,
	    unassigned_code_points_go_up_to_a_server_that_bears_them);
	suite_add_tcase(suite, tcase);
	tcase_set_timeout(elsewhere, 40);
	tcase_add_checked_fixture(elsewhere, NULL, finish);
	tcase_add_test(elsewhere,
	    unassigned_code_points_go_up_where_the_configuration_says_so);
	tcase_add_loop_test(elsewhere,
	    an_address_of_the_own_domain_goes_up_as_it_is_configured, 0,
	    (int)ARRAY_LEN(spellings_of_own));
	tcase_add_test(elsewhere, a_header_may_name_the_domain_in_any_spelling);
	suite_add_tcase(suite, elsewhere);
	return run_suite(suite);
}
