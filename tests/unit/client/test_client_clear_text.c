/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client said in clear text before TLS, or somebody in its name, counts
 * for nothing under TLS (RFC 6120 §5.4.3.3). What lies behind <starttls/>
 * itself is in test_client_stream.c.
 */
#include "tests/unit/client/peer.h"

#define STARTTLS "<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>"
#define PROCEED  "<proceed xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>"
#define IQ_SET   "<iq type='set' id='a'><query xmlns='jabber:iq:auth'/></iq>"
#define ABORT    "<abort xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"/>"

static struct peer peer;
static struct rig_frame frame;

static void
setup(void)
{
	rig_start("");
	rig_server.tls_policy = SERVER_TLS_OPTIONAL;
	rig_publish();
	peer_connect(&peer, false);
}

static void
teardown(void)
{
	peer_close(&peer);
	rig_end();
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

START_TEST(a_login_by_iq_in_clear_text_is_none_of_the_stream_under_tls)
{
	try_iq_auth_in_clear_text();
	start_tls();
	peer_greet(&peer);
	if (_i) { /* another one under TLS makes no difference */
		peer_send(&peer, IQ_SET);
		rig_take(FRAME_IQ_REQUEST, &frame);
	}
	rig_give(&frame, FRAME_IQ_ANSWER, "<iq type=\"result\" id=\"a\"/>");
	peer_expect_error(&peer, "policy-violation");
	rig_take(FRAME_CLOSE, &frame);
}
END_TEST

/* The failure comes before TLS begins, or once it has. */
START_TEST(a_login_by_iq_that_failed_in_clear_text_may_be_tried_under_tls)
{
	static const char failed[] =
	    "<iq type=\"error\" id=\"a\"><query xmlns=\"jabber:iq:auth\"/>"
	    "<error code=\"401\"/></iq>";

	try_iq_auth_in_clear_text();
	if (_i == 0) {
		rig_give(&frame, FRAME_IQ_ANSWER, failed);
		peer_expect(&peer, "</iq>");
	}
	start_tls();
	peer_greet(&peer);
	if (_i == 1) {
		rig_give(&frame, FRAME_IQ_ANSWER, failed);
		peer_expect(&peer, "</iq>");
	}
	peer_send(&peer, IQ_SET);
	rig_take(FRAME_IQ_REQUEST, &frame);
	rig_give(&frame, FRAME_IQ_ANSWER, "<iq type=\"result\" id=\"a\"/>");
	peer_expect(&peer, "/>");
	peer_send(&peer, PEER_AUTH); /* nobody authenticates twice */
	peer_expect_error(&peer, "policy-violation");
}
END_TEST

/* Its answer could be taken for that of an exchange under TLS. */
START_TEST(starttls_while_the_server_has_an_exchange_to_answer_is_refused)
{
	peer_greet(&peer);
	peer_send(&peer, PEER_AUTH ABORT STARTTLS);
	peer_expect(&peer, "</failure>");
	peer_expect_error(&peer, "policy-violation");
}
END_TEST

START_TEST(starttls_after_an_answered_exchange_is_taken)
{
	peer_greet(&peer);
	peer_send(&peer, PEER_AUTH ABORT);
	peer_expect(&peer, "</failure>");
	rig_take(FRAME_CREATE, &frame);
	rig_take(FRAME_AUTH, &frame);
	rig_give(&frame, _i ? FRAME_FAILURE : FRAME_CHALLENGE, "<a/>");
	rig_await_count(STAT_FRAMES_STALE, 1);
	start_tls();
	peer_greet(&peer);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client clear text");
	TCase *tcase = tcase_create("clear text");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, what_a_header_in_clear_text_said_is_forgotten);
	tcase_add_test(tcase, the_language_under_tls_is_that_of_its_header);
	tcase_add_loop_test(tcase,
	    a_login_by_iq_in_clear_text_is_none_of_the_stream_under_tls, 0, 2);
	tcase_add_loop_test(tcase,
	    a_login_by_iq_that_failed_in_clear_text_may_be_tried_under_tls, 0,
	    2);
	tcase_add_test(tcase,
	    starttls_while_the_server_has_an_exchange_to_answer_is_refused);
	tcase_add_loop_test(tcase, starttls_after_an_answered_exchange_is_taken,
	    0, 2);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
