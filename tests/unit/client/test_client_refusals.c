/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What of a client's elements does not go up, and what it is answered, or how
 * its stream ends (PROTOCOL.md §6.1, §6.8, §7.4).
 */
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <stdio.h>

#define NS_ERRORS "urn:ietf:params:xml:ns:xmpp-stanzas"
#define END_IQ    "<iq type='get' id='end'><q xmlns='urn:x'/></iq>"
#define GRIN      "\xF0\x9F\x98\x80" /* U+1F600: Unicode 6.1 */

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
	    "The stanza has a type that does not exist, or as an iq no id, " \
	    "or as a request not exactly one child.")
#define BAD_IQ(id) BAD("iq", id)
#define BAD_TO(name, to) \
	REFUSED(name, to, "jid-malformed", \
	    "The address in 'to' has a part that is empty or too long, or " \
	    "characters that no address may have.")

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
	    BAD_TO("message", " id=\"i\" from=\"@x\"") },
	{ "<iq type='get' to='x/' id='i'><a xmlns='u:a'/></iq>",
	    BAD_TO("iq", " id=\"i\" from=\"x/\"") },
	{ "<presence to='a b@&lt;'/>",
	    BAD_TO("presence", " from=\"a b@&lt;\"") },
	/* no answer to errors and answers */
	{ "<message type='error' to='@x'/>", "" },
	{ "<iq type='result' id='i' to='@x'/>", "" },
	{ "<iq type='error' id='i' to='@x'/>", "" },
	{ "<iq type='result' id='i' to='a@x/'/>", "" },
	{ "<presence type='error' to=''/>", "" },
	{ "<message type='error' to='a@x y/r'/>", "" },
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

static const struct {
	const char *said;
	enum statistic reason;
} reasons[] = {
	{ "<iq type='get' id='i'/>", STAT_REFUSED_REQUESTS },
	{ "<presence type='bogus'/>", STAT_REFUSED_REQUESTS },
	{ "<message to='@x'/>", STAT_REFUSED_ADDRESSES },
	{ "<message to='b@x/" GRIN "'/>", STAT_REFUSED_UNASSIGNED },
	{ "<message type='error' to='@x'/>", STAT_ANSWERS_DROPPED },
	{ "<presence type='error' to='x/'/>", STAT_ANSWERS_DROPPED },
	{ "<iq type='error' id='i' to='a b'/>", STAT_ANSWERS_DROPPED },
	{ "<active xmlns='urn:xmpp:csi:0'/>", STAT_ELEMENTS_UNUSED },
	{ "<a xmlns='urn:xmpp:sm:3' h='1'/>", STAT_ELEMENTS_UNUSED },
	{ "<enable xmlns='urn:xmpp:sm:3'/>", STAT_ELEMENTS_UNUSED },
	{ "<compress xmlns='http://jabber.org/protocol/compress'/>",
	    STAT_ELEMENTS_UNUSED },
};

START_TEST(what_does_not_go_up_is_counted_under_its_reason)
{
	uint64_t bounced = reasons[_i].reason == STAT_REFUSED_REQUESTS ||
			   reasons[_i].reason == STAT_REFUSED_ADDRESSES ||
			   reasons[_i].reason == STAT_REFUSED_UNASSIGNED;

	peer_login(&peer, &frame);
	peer_send(&peer, reasons[_i].said);
	peer_send(&peer, END_IQ);
	rig_take(FRAME_IQ_REQUEST, &frame); /* nothing before it */
	ck_assert_uint_eq(rig_count(reasons[_i].reason), 1);
	ck_assert_uint_eq(rig_count(STAT_STANZAS_BOUNCED), bounced);
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
	rig_take_left(&frame);
	HAS(frame.text, "<close/>");
}
END_TEST

START_TEST(an_end_tag_is_answered_and_the_session_closed)
{
	peer_login(&peer, &frame);
	peer_send(&peer, "<presence/></stream:stream>");
	peer_expect_end(&peer, "</stream:stream>");
	rig_take(FRAME_PRESENCE, &frame);
	rig_take_left(&frame);
	ck_assert_uint_eq(rig_count(STAT_CLOSED_PEER_CLOSED), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client refusals");
	TCase *tcase = tcase_create("refusals");

	tcase_set_timeout(tcase, 40);
	tcase_add_checked_fixture(tcase, begin_plain, finish);
	tcase_add_loop_test(tcase, what_does_not_go_up_is_answered_or_swallowed,
	    0, (int)ARRAY_LEN(replies));
	tcase_add_loop_test(tcase,
	    what_does_not_go_up_is_counted_under_its_reason, 0,
	    (int)ARRAY_LEN(reasons));
	tcase_add_loop_test(tcase, what_would_harm_the_link_ends_the_stream, 0,
	    (int)ARRAY_LEN(ends));
	tcase_add_test(tcase, a_nul_ends_the_stream);
	tcase_add_test(tcase, nothing_behind_what_ended_the_stream_goes_up);
	tcase_add_test(tcase, an_end_tag_is_answered_and_the_session_closed);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
