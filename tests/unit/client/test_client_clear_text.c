/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client said in clear text before TLS, or somebody in its name, counts
 * for nothing under TLS (RFC 6120 §5.4.3.3). What lies behind <starttls/>
 * itself is in test_client_tls.c.
 */
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#define STARTTLS "<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>"
#define PROCEED  "<proceed xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>"
#define IQ_SET   "<iq type='set' id='a'><query xmlns='jabber:iq:auth'/></iq>"

static void
setup(void)
{
	rig_start("");
	rig_server.offers[0].tls_policy = SERVER_TLS_OPTIONAL;
	rig_publish();
	peer_connect(&peer, false);
}

static void
start_tls(void)
{
	peer_send(&peer, STARTTLS);
	peer_expect(&peer, PROCEED);
	peer_start_tls(&peer);
}

static void
try_iq_auth_in_clear_text(void)
{
	peer_greet(&peer);
	peer_send(&peer, IQ_SET);
	rig_take(FRAME_CREATE, &frame);
	rig_take(FRAME_IQ_REQUEST, &frame);
}

START_TEST(what_a_header_in_clear_text_said_is_forgotten)
{
	const char *text;

	peer_send(&peer, PEER_OPEN " xml:lang='de'>");
	HAS(peer_expect(&peer, "</stream:features>"), "xml:lang=\"de\"");
	start_tls();
	peer_send(&peer, "<stream:stream xmlns='jabber:client' "
			 "xmlns:stream='http://etherx.jabber.org/streams'>");
	peer_send(&peer, "<iq/>");
	text = peer_expect(&peer, "</iq>");
	HAS(text, "xml:lang=\"en\"");
	HAS_NOT(text, " version=\"");
	HAS_NOT(text, "features");
}
END_TEST

START_TEST(the_language_under_tls_is_that_of_its_header)
{
	const char *text;

	peer_greet(&peer);
	start_tls();
	peer_send(&peer, PEER_OPEN " xml:lang='fr'>");
	text = peer_expect(&peer, "</stream:features>");
	HAS(text, "xml:lang=\"fr\"");
}
END_TEST

/* Its session ends, and its answer is nobody's. */
START_TEST(a_login_by_iq_in_clear_text_is_none_of_the_stream_under_tls)
{
	struct rig_frame old;

	try_iq_auth_in_clear_text();
	old = frame;
	start_tls();
	rig_take(FRAME_CLOSE, &frame);
	peer_greet(&peer);
	if (_i) { /* another one under TLS makes no difference */
		peer_send(&peer, IQ_SET);
		rig_take(FRAME_CREATE, &frame);
		rig_take(FRAME_IQ_REQUEST, &frame);
	}
	rig_give(&old, FRAME_IQ_ANSWER, "<iq type=\"result\" id=\"a\"/>");
	rig_await_count(STAT_FRAMES_STALE, 1);
	peer_send(&peer, "<presence/>");
	if (_i) {
		rig_take(FRAME_PRESENCE, &frame); /* refused by the server */
	} else {
		rig_take(FRAME_CREATE, &frame);
		rig_take(FRAME_PRESENCE, &frame);
	}
	ck_assert_str_eq(peer_seen(&peer), "");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client clear text");
	TCase *tcase = tcase_create("clear text");

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, finish);
	tcase_add_test(tcase, what_a_header_in_clear_text_said_is_forgotten);
	tcase_add_test(tcase, the_language_under_tls_is_that_of_its_header);
	tcase_add_loop_test(tcase,
	    a_login_by_iq_in_clear_text_is_none_of_the_stream_under_tls, 0, 2);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
