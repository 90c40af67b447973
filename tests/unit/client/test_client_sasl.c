/* SPDX-License-Identifier: Apache-2.0 */
/*
 * From the first element that goes up to the bound resource: create, SASL,
 * restart (PROTOCOL.md §5.1, §6.1, §8.5).
 */
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define CHALLENGE \
	"<challenge " \
	"xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\">YQ==</challenge>"
#define RESPONSE \
	"<response xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\">Yg==</response>"
#define ABORT "<abort xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"/>"
#define FAILURE \
	"<failure xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\">" \
	"<not-authorized/></failure>"

static void
begin_auth(void)
{
	peer_greet(&peer);
	peer_authenticate(&peer, &frame);
}

START_TEST(create_goes_up_right_before_the_first_element_and_not_earlier)
{
	char id[128], part[512];
	const char *text = strstr(peer_greet(&peer), " id=\"");

	ck_assert_int_eq(sscanf(text, " id=\"%127[^\"]", id), 1);
	rig_expect_no_frame();
	peer_send(&peer, PEER_AUTH);
	rig_take(FRAME_CREATE, &frame);
	snprintf(part, sizeof(part), "<session xmlns=\"%s\" id=\"%s\"><create>",
	    "http://jabber.org/protocol/connectionmanager", id);
	HAS(frame.text, part);
	HAS(frame.text, "address=\"127.0.0.1\"");
	rig_take(FRAME_AUTH, &frame);
	snprintf(part, sizeof(part), "streamid=\"%s\"><auth ", id);
	HAS(frame.text, part);
	HAS(frame.text, "AGEAYg==</auth></route>");
}
END_TEST

START_TEST(a_client_that_leaves_before_create_is_only_released)
{
	peer_greet(&peer);
	peer_half_close(&peer);
	rig_take(FRAME_RELEASE, &frame);
	ck_assert_uint_eq(frame.len, 0);
	rig_expect_no_frame();
}
END_TEST

START_TEST(challenges_and_responses_pass)
{
	begin_auth();
	rig_give(&frame, FRAME_CHALLENGE, CHALLENGE);
	ck_assert_str_eq(peer_expect(&peer, "</challenge>"), CHALLENGE);
	peer_send(&peer, RESPONSE);
	rig_take(FRAME_AUTH, &frame);
	HAS(frame.text, "Yg==</response></route>");
}
END_TEST

START_TEST(after_success_the_worker_restarts_the_stream_alone)
{
	const char *text;

	begin_auth();
	rig_give(&frame, FRAME_SUCCESS, RIG_SUCCESS);
	ck_assert_str_eq(peer_expect(&peer, RIG_SUCCESS), RIG_SUCCESS);
	text = peer_greet(&peer);
	HAS(text, "<?xml version='1.0' encoding='UTF-8'?><stream:stream ");
	HAS(text, "<bind xmlns=\"urn:ietf:params:xml:ns:xmpp-bind\"/>"
		  "<session xmlns=\"urn:ietf:params:xml:ns:xmpp-session\">"
		  "<optional/></session>"
		  "<ver xmlns=\"urn:xmpp:features:rosterver\"/>");
	HAS(text, "<max-bytes>262144</max-bytes>");
	HAS_NOT(text, "mechanism");
	rig_expect_no_frame();
}
END_TEST

START_TEST(after_failure_another_try_is_taken)
{
	begin_auth();
	rig_give(&frame, FRAME_FAILURE, FAILURE);
	ck_assert_str_eq(peer_expect(&peer, FAILURE), FAILURE);
	peer_send(&peer, PEER_AUTH);
	rig_take(FRAME_AUTH, &frame);
}
END_TEST

START_TEST(abort_is_answered_here_and_a_late_challenge_is_dropped)
{
	begin_auth();
	peer_send(&peer, ABORT);
	ck_assert_str_eq(peer_expect(&peer, "</failure>"),
	    "<failure xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\">"
	    "<aborted/><text xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\" "
	    "xml:lang=\"en\">The log-in was given up.</text></failure>");
	rig_give(&frame, FRAME_CHALLENGE, CHALLENGE);
	rig_await_count(STAT_FRAMES_STALE, 1);
	peer_send(&peer, "<iq/>");
	HAS_NOT(peer_expect(&peer, "</iq>"), "challenge");
	rig_expect_no_frame();
}
END_TEST

START_TEST(a_late_success_authenticates_nobody)
{
	begin_auth();
	peer_send(&peer, ABORT);
	peer_expect(&peer, "</failure>");
	rig_give(&frame, FRAME_SUCCESS, RIG_SUCCESS);
	rig_await_count(STAT_FRAMES_STALE, 1);
	peer_send(&peer, PEER_AUTH);
	rig_take(FRAME_AUTH, &frame);
}
END_TEST

START_TEST(a_response_without_a_challenge_ends_the_stream)
{
	peer_greet(&peer);
	peer_send(&peer, RESPONSE);
	peer_expect_error(&peer, "policy-violation");
}
END_TEST

START_TEST(another_auth_where_a_response_is_due_ends_the_stream)
{
	begin_auth();
	rig_give(&frame, FRAME_CHALLENGE, CHALLENGE);
	peer_expect(&peer, CHALLENGE);
	peer_send(&peer, PEER_AUTH);
	peer_expect_error(&peer, "policy-violation");
}
END_TEST

static const char *const after_login[] = { PEER_AUTH, RESPONSE, ABORT };

START_TEST(nobody_authenticates_twice)
{
	peer_login(&peer, &frame);
	peer_send(&peer, after_login[_i]);
	peer_expect_error(&peer, "policy-violation");
	rig_take(FRAME_CLOSE, &frame);
}
END_TEST

START_TEST(an_unknown_sasl_element_ends_the_stream)
{
	peer_greet(&peer);
	peer_send(&peer,
	    "<authenticate xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"/>");
	peer_expect_error(&peer, "unsupported-stanza-type");
}
END_TEST

START_TEST(an_error_before_the_second_header_follows_a_header_of_ours)
{
	begin_auth();
	peer_succeed(&peer, &frame);
	rig_give(&frame, FRAME_STREAM_ERROR,
	    "<stream:error xmlns:stream=\"http://etherx.jabber.org/streams\">"
	    "<conflict xmlns=\"urn:ietf:params:xml:ns:xmpp-streams\"/>"
	    "</stream:error>");
	HAS(peer_expect(&peer, "<conflict"), "version=\"1.0\"><stream:error");
	peer_expect(&peer, "</stream:stream>");
	peer_expect_end(&peer, "");
}
END_TEST

#define IQ_AUTH \
	"<iq type=\"set\" id=\"a\"><query xmlns=\"jabber:iq:auth\"/></iq>"

START_TEST(an_empty_result_ends_a_login_by_iq)
{
	peer_greet(&peer);
	peer_send(&peer, IQ_AUTH);
	rig_take(FRAME_CREATE, &frame);
	rig_take(FRAME_IQ_REQUEST, &frame);
	rig_give(&frame, FRAME_IQ_ANSWER, "<iq type=\"result\" id=\"a\"/>");
	peer_expect(&peer, "/>");
	peer_send(&peer, PEER_AUTH);
	peer_expect_error(&peer, "policy-violation");
}
END_TEST

START_TEST(a_result_with_content_is_no_login_by_iq)
{
	peer_greet(&peer);
	peer_send(&peer, IQ_AUTH);
	rig_take(FRAME_CREATE, &frame);
	rig_take(FRAME_IQ_REQUEST, &frame);
	rig_give(&frame, FRAME_IQ_ANSWER,
	    "<iq type=\"result\" id=\"a\">"
	    "<query xmlns=\"jabber:iq:register\"/></iq>");
	peer_expect(&peer, "</iq>");
	peer_send(&peer, PEER_AUTH);
	rig_take(FRAME_AUTH, &frame);
}
END_TEST

/* The facts that the create of a new client carries. */
static const char *
facts_of_new(bool direct_tls)
{
	peer_close(&peer);
	peer_connect(&peer, direct_tls);
	peer_greet(&peer);
	peer_send(&peer, PEER_AUTH);
	rig_take(FRAME_RELEASE, &frame); /* of the one before */
	rig_take(FRAME_CREATE, &frame);
	return strstr(frame.text, "<facts");
}

START_TEST(create_tells_what_the_connection_is_to_whom_it_understands)
{
	const char *facts;

	rig_server.facts = 1;
	rig_server.offers[0].tls_policy = SERVER_TLS_OPTIONAL;
	rig_publish();
	peer_greet(&peer);
	facts = facts_of_new(false);
	ck_assert_ptr_nonnull(facts);
	HAS(facts, "<facts xmlns=\"urn:cmanager:module:1\" encrypted=\"0\"/>"
		   "</create>");
}
END_TEST

START_TEST(create_tells_of_tls_its_version_and_cipher)
{
	const char *facts;

	rig_server.facts = 1;
	rig_publish();
	peer_greet(&peer);
	facts = facts_of_new(true);
	ck_assert_ptr_nonnull(facts);
	HAS(facts, " encrypted=\"1\" tls=\"TLSv1.3\" cipher=\"TLS_AES_");
}
END_TEST

START_TEST(who_does_not_understand_facts_sees_none)
{
	peer_greet(&peer);
	ck_assert_ptr_null(facts_of_new(_i));
}
END_TEST

#define STARTTLS "<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>"

/* The answer comes before TLS has begun, and once it has. */
START_TEST(a_login_by_iq_in_clear_text_is_none_under_tls)
{
	rig_server.offers[0].tls_policy = SERVER_TLS_OPTIONAL;
	rig_publish();
	peer_greet(&peer);
	peer_send(&peer, IQ_AUTH STARTTLS);
	rig_take(FRAME_CREATE, &frame);
	rig_take(FRAME_IQ_REQUEST, &frame);
	peer_expect(&peer,
	    "<proceed xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>");
	if (_i)
		peer_start_tls(&peer);
	rig_give(&frame, FRAME_IQ_ANSWER, "<iq type=\"result\" id=\"a\"/>");
	rig_await_count(STAT_FRAMES_STALE, 1);
	if (!_i)
		peer_start_tls(&peer);
	rig_take(FRAME_CLOSE, &frame);
	ck_assert_str_eq(peer_seen(&peer), "");
	peer_greet(&peer);
	peer_authenticate(&peer, &frame);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client login");
	TCase *tcase = tcase_create("login");

	tcase_set_timeout(tcase, 40);
	tcase_add_checked_fixture(tcase, begin_plain, finish);
	tcase_add_test(tcase,
	    create_goes_up_right_before_the_first_element_and_not_earlier);
	tcase_add_test(tcase,
	    a_client_that_leaves_before_create_is_only_released);
	tcase_add_test(tcase,
	    create_tells_what_the_connection_is_to_whom_it_understands);
	tcase_add_test(tcase, create_tells_of_tls_its_version_and_cipher);
	tcase_add_loop_test(tcase, who_does_not_understand_facts_sees_none, 0,
	    2);
	tcase_add_test(tcase, challenges_and_responses_pass);
	tcase_add_test(tcase,
	    after_success_the_worker_restarts_the_stream_alone);
	tcase_add_test(tcase, after_failure_another_try_is_taken);
	tcase_add_test(tcase,
	    abort_is_answered_here_and_a_late_challenge_is_dropped);
	tcase_add_test(tcase, a_late_success_authenticates_nobody);
	tcase_add_test(tcase, a_response_without_a_challenge_ends_the_stream);
	tcase_add_test(tcase,
	    another_auth_where_a_response_is_due_ends_the_stream);
	tcase_add_loop_test(tcase, nobody_authenticates_twice, 0,
	    (int)ARRAY_LEN(after_login));
	tcase_add_test(tcase, an_unknown_sasl_element_ends_the_stream);
	tcase_add_test(tcase,
	    an_error_before_the_second_header_follows_a_header_of_ours);
	tcase_add_test(tcase, an_empty_result_ends_a_login_by_iq);
	tcase_add_test(tcase, a_result_with_content_is_no_login_by_iq);
	tcase_add_loop_test(tcase,
	    a_login_by_iq_in_clear_text_is_none_under_tls, 0, 2);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
