/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the header of a client means for what follows: its language, its style,
 * its encoding, and who it says it is (RFC 6120 §4.7, §4.8, §8.1.5, §11.6).
 */
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define SMALL \
	"<xmpp><parser><buffer><size>20000</size></buffer></parser></xmpp>"
#define LONGEST \
	"de-Latn-DE-1996-a-extended-r-sequence-u-co-phonebk-x-private-abcd"
#define BARE_OPEN \
	"<stream xmlns='http://etherx.jabber.org/streams' version='1.0' " \
	"to='example.org'"
#define IN_CLIENT " xmlns='jabber:client'"

/* Logged in, with that header before and after. */
static void
login(struct peer *who, const char *header, struct rig_frame *session_out)
{
	peer_send(who, header);
	peer_expect(who, "</stream:features>");
	peer_authenticate(who, session_out);
	HAS_NOT(session_out->text, "xml:lang");
	peer_succeed(who, session_out);
	peer_send(who, header);
	peer_expect(who, "</stream:features>");
}

static void
expect_up(const char *words, enum frame_kind kind, const char *text)
{
	peer_send(&peer, words);
	rig_take(kind, &frame);
	HAS(frame.text, text);
}

/* --- language --- */

static const struct {
	const char *words;
	enum frame_kind kind;
	const char *text;
} stanzas[] = {
	{ "<message id='1'><body>x</body></message>", FRAME_MESSAGE,
	    "<message id=\"1\" xml:lang=\"de\"><body>x</body></message>" },
	{ "<presence/>", FRAME_PRESENCE, "<presence xml:lang=\"de\"/>" },
	{ "<iq type='get' id='2'><q xmlns='urn:q'/></iq>", FRAME_IQ_REQUEST,
	    "<iq type=\"get\" id=\"2\" xml:lang=\"de\"><q xmlns=\"urn:q\"/>" },
	{ "<message xml:lang='fr'><body xml:lang='it'/></message>",
	    FRAME_MESSAGE,
	    "<message xml:lang=\"fr\"><body xml:lang=\"it\"/></message>" },
	{ "<message xml:lang=''/>", FRAME_MESSAGE, "<message xml:lang=\"\"/>" },
	{ "<message to='B@Example.org' from='x'/>", FRAME_MESSAGE,
	    "<message to=\"b@example.org\" xml:lang=\"de\"/>" },
	{ "<message lang='x'><message/></message>", FRAME_MESSAGE,
	    "<message lang=\"x\" xml:lang=\"de\"><message/></message>" },
};

START_TEST(the_language_of_the_header_reaches_stanzas_without_their_own)
{
	size_t i, at;

	begin("");
	login(&peer, PEER_OPEN " xml:lang='de'>", &frame);
	for (i = 0; i < ARRAY_LEN(stanzas); i++) {
		expect_up(stanzas[i].words, stanzas[i].kind, stanzas[i].text);
		for (at = 0; at < strlen(stanzas[i].words); at++)
			peer_send_bytes(&peer, stanzas[i].words + at, 1);
		rig_take(stanzas[i].kind, &frame);
		HAS(frame.text, stanzas[i].text);
	}
	finish();
}
END_TEST

START_TEST(each_client_keeps_its_own_language)
{
	static const char *const tags[] = { " xml:lang='de'>",
		" xml:lang='" LONGEST "'>", ">", " xml:lang='not one'>" };
	static const char *const texts[] = { "<presence xml:lang=\"de\"/>",
		"<presence xml:lang=\"" LONGEST "\"/>", "<presence/>",
		"<presence/>" };
	struct peer peers[ARRAY_LEN(tags)];
	char header[256];
	size_t i, round;

	rig_start("");
	for (i = 0; i < ARRAY_LEN(tags); i++) {
		peer_connect(&peers[i], false);
		snprintf(header, sizeof(header), "%s%s", PEER_OPEN, tags[i]);
		login(&peers[i], header, &frame);
	}
	for (round = 0; round < 3; round++) {
		for (i = 0; i < ARRAY_LEN(tags); i++)
			peer_send(&peers[i], "<presen");
		for (i = 0; i < ARRAY_LEN(tags); i++) {
			peer_send(&peers[i], "ce/>");
			rig_take(FRAME_PRESENCE, &frame);
			HAS(frame.text, texts[i]);
		}
	}
	for (i = 0; i < ARRAY_LEN(tags); i++)
		peer_close(&peers[i]);
	rig_end();
}
END_TEST

START_TEST(a_long_language_is_echoed)
{
	begin("");
	peer_send(&peer, PEER_OPEN " xml:lang='" LONGEST "'>");
	HAS(peer_expect(&peer, "</stream:features>"),
	    "xml:lang=\"" LONGEST "\"");
	finish();
}
END_TEST

/* The client was told a limit and has kept to it. */
START_TEST(a_stanza_of_the_limit_does_not_outgrow_it_by_our_language)
{
	size_t len = 20000 - strlen("<message><body></body></message>") + _i;
	char *body = xmalloc(len + 1), *text = xmalloc(len + 64);

	memset(body, 'x', len);
	body[len] = '\0';
	sprintf(text, "<message><body>%s</body></message>", body);
	begin(SMALL);
	login(&peer, PEER_OPEN " xml:lang='" LONGEST "'>", &frame);
	peer_send(&peer, text);
	if (_i) {
		peer_expect(&peer, "<policy-violation ");
	} else {
		rig_take(FRAME_MESSAGE, &frame);
		HAS(frame.text, "<message xml:lang=\"" LONGEST "\"><body>xxx");
	}
	free(body);
	free(text);
	finish();
}
END_TEST

/* --- who it is --- */

static const struct {
	const char *from;
	const char *to;
} senders[] = {
	{ "juliet@im.example.com", " to=\"juliet@im.example.com\" id=" },
	{ "juliet@im.example.com/balcony",
	    " to=\"juliet@im.example.com\" id=" },
	/* the resource is not echoed, whatever it is */
	{ "juliet@im.example.com/\xF0\x9F\x98\x80",
	    " to=\"juliet@im.example.com\" id=" },
	{ "Juliet@IM.Example.com/\xE2\x80\xAE",
	    " to=\"juliet@im.example.com\" id=" },
	{ "o&amp;a@example.org", NULL },
	{ "a@b@c", NULL },
	{ "", NULL },
	{ "im.example.com", " to=\"im.example.com\" id=" },
};

START_TEST(our_header_is_to_whom_the_client_says_that_it_is)
{
	char header[512];
	const char *text;

	begin("");
	snprintf(header, sizeof(header), "%s from='%s'>", PEER_OPEN,
	    senders[_i].from);
	peer_send(&peer, header);
	text = peer_expect(&peer, "</stream:features>");
	if (senders[_i].to)
		HAS(text, senders[_i].to);
	else
		HAS_NOT(text, " to=");
	finish();
}
END_TEST

START_TEST(a_refused_header_is_answered_to_its_sender)
{
	begin("");
	peer_send(&peer,
	    "<stream:stream xmlns='jabber:server' from='a@example.org' "
	    "xml:lang='de' xmlns:stream='http://etherx.jabber.org/streams'>");
	HAS(peer_expect(&peer, "<stream:error>"), " to=\"a@example.org\"");
	HAS(peer.expected, " xml:lang=\"de\"");
	finish();
}
END_TEST

/* --- style --- */

static const char *const bare_headers[] = {
	BARE_OPEN ">",
	"<?xml version='1.0'?>\n" BARE_OPEN " xml:lang='de'>",
	BARE_OPEN " xmlns:x='urn:x'>",
	BARE_OPEN " xmlns:stream='http://etherx.jabber.org/streams'>",
};

START_TEST(a_header_without_prefix_is_taken_and_stanzas_say_what_they_are)
{
	static const char message[] =
	    "<message" IN_CLIENT " id='m'><body>x</body></message>";
	size_t i;

	begin("");
	login(&peer, bare_headers[_i], &frame);
	expect_up("<iq" IN_CLIENT " type='set' id='b'>"
		  "<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>",
	    FRAME_IQ_REQUEST, "><iq type=\"set\" id=\"b\"");
	for (i = 0; i < strlen(message); i++)
		peer_send_bytes(&peer, message + i, 1);
	rig_take(FRAME_MESSAGE, &frame);
	HAS(frame.text, "><message id=\"m\"");
	HAS(frame.text, "><body>x</body></message></route>");
	if (strstr(bare_headers[_i], "xml:lang"))
		HAS(frame.text, "<message id=\"m\" xml:lang=\"de\">");
	peer_send(&peer, "</stream>");
	peer_expect_end(&peer, "</stream:stream>");
	finish();
}
END_TEST

START_TEST(an_element_that_does_not_say_what_it_is_ends_a_stream_of_that_style)
{
	begin("");
	login(&peer, BARE_OPEN ">", &frame);
	peer_send(&peer, "<message/>");
	peer_expect_error(&peer, "unsupported-stanza-type");
	finish();
}
END_TEST

/* --- encoding --- */

static const char *const encodings[] = {
	"<?xml version='1.0' encoding='ISO-8859-1'?>" PEER_HEADER,
	"<?xml version=\"1.0\" encoding=\"us-ascii\"?>" PEER_HEADER,
	"<?xml version='1.0' encoding='utf-16'?>" PEER_HEADER,
	"<?xml version='1.1' encoding='UTF-8'?>" PEER_HEADER,
	"<?xml version='1.1'?>" PEER_HEADER,
	"\xFF\xFE",
};

START_TEST(another_encoding_or_version_of_xml_is_refused)
{
	begin("");
	peer_send(&peer, encodings[_i]);
	peer_expect_refusal(&peer, "unsupported-encoding");
	finish();
}
END_TEST

START_TEST(another_encoding_is_refused_of_the_second_stream_as_well)
{
	begin("");
	peer_greet(&peer);
	peer_authenticate(&peer, &frame);
	peer_succeed(&peer, &frame);
	peer_send(&peer, encodings[_i]);
	peer_expect_refusal(&peer, "unsupported-encoding");
	finish();
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_test(tcase,
	    the_language_of_the_header_reaches_stanzas_without_their_own);
	tcase_add_test(tcase, each_client_keeps_its_own_language);
	tcase_add_test(tcase, a_long_language_is_echoed);
	tcase_add_loop_test(tcase,
	    a_stanza_of_the_limit_does_not_outgrow_it_by_our_language, 0, 2);
	tcase_add_loop_test(tcase,
	    our_header_is_to_whom_the_client_says_that_it_is, 0,
	    (int)ARRAY_LEN(senders));
	tcase_add_test(tcase, a_refused_header_is_answered_to_its_sender);
	tcase_add_loop_test(tcase,
	    a_header_without_prefix_is_taken_and_stanzas_say_what_they_are, 0,
	    (int)ARRAY_LEN(bare_headers));
	tcase_add_test(tcase,
	    an_element_that_does_not_say_what_it_is_ends_a_stream_of_that_style);
	tcase_add_loop_test(tcase,
	    another_encoding_or_version_of_xml_is_refused, 0,
	    (int)ARRAY_LEN(encodings));
	tcase_add_loop_test(tcase,
	    another_encoding_is_refused_of_the_second_stream_as_well, 0,
	    (int)ARRAY_LEN(encodings));
}

int
main(void)
{
	Suite *suite = suite_create("client header");
	TCase *tcase = tcase_create("header");

	tcase_set_timeout(tcase, 60);
	add_tests(tcase);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
