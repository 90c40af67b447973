/* SPDX-License-Identifier: Apache-2.0 */
/*
 * STARTTLS, direct TLS, and what is said before it where it is demanded; the
 * id of each new header (PROTOCOL.md §8.3, §8.5, §9).
 */
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define STARTTLS "<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>"
#define PROCEED  "<proceed xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>"
#define PRESENCE "<presence/>"

/* The value of the header's id, as last expected. */
static char *
header_id(const char *text)
{
	const char *id = strstr(text, " id=\"");

	ck_assert_ptr_nonnull(id);
	id += strlen(" id=\"");
	return strndup(id, strcspn(id, "\""));
}

static void
start_tls(void)
{
	peer_send(&peer, STARTTLS);
	ck_assert_str_eq(peer_expect(&peer, ">"), PROCEED);
	peer_start_tls(&peer);
}

/* The session that goes up next is the one of this id. */
static void
expect_session(const char *id)
{
	peer_send(&peer, PEER_AUTH);
	rig_take(FRAME_CREATE, &frame);
	HAS(frame.text, id);
	rig_take(FRAME_AUTH, &frame);
	HAS(frame.text, id);
}

START_TEST(after_starttls_the_stream_begins_anew_under_another_id)
{
	char *first, *second;
	const char *text;

	begin("");
	set_tls(SERVER_TLS_REQUIRED);
	first = header_id(peer_greet(&peer));
	start_tls();
	rig_take(FRAME_RELEASE, &frame);
	text = peer_greet(&peer);
	HAS(text, "<mechanism>PLAIN</mechanism>");
	HAS_NOT(text, "starttls");
	second = header_id(text);
	ck_assert_str_ne(first, second);
	expect_session(second);
	rig_expect_no_frame();
	free(first);
	free(second);
	finish();
}
END_TEST

#define GET \
	"<iq type='get' id='g'><query xmlns='jabber:iq:auth'>" \
	"<username>a</username></query></iq>"

/* The answer comes before TLS has begun, or once the new stream is open. */
START_TEST(starttls_closes_a_session_that_the_server_knows)
{
	struct rig_frame old;
	char *first, *second;

	begin("");
	set_tls(SERVER_TLS_OPTIONAL);
	first = header_id(peer_greet(&peer));
	peer_send(&peer, GET);
	rig_take(FRAME_CREATE, &old);
	HAS(old.text, first);
	rig_take(FRAME_IQ_REQUEST, &old);
	peer_send(&peer, STARTTLS);
	ck_assert_str_eq(peer_expect(&peer, ">"), PROCEED);
	if (_i == 0)
		rig_give(&old, FRAME_IQ_ANSWER, "<iq type=\"error\"/>");
	peer_start_tls(&peer);
	rig_take(FRAME_CLOSE, &frame);
	HAS(frame.text, first);
	second = header_id(peer_greet(&peer));
	if (_i == 1)
		rig_give(&old, FRAME_IQ_ANSWER, "<iq type=\"error\"/>");
	rig_await_count(STAT_FRAMES_STALE, 1);
	ck_assert_str_ne(first, second);
	ck_assert_str_eq(peer_seen(&peer), "");
	expect_session(second);
	free(first);
	free(second);
	finish();
}
END_TEST

START_TEST(what_a_failed_login_left_is_closed_by_starttls)
{
	char *second;

	begin("");
	set_tls(SERVER_TLS_OPTIONAL);
	peer_greet(&peer);
	peer_authenticate(&peer, &frame);
	rig_give(&frame, FRAME_FAILURE,
	    "<failure xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"/>");
	peer_expect(&peer, "/>");
	start_tls();
	rig_take(FRAME_CLOSE, &frame);
	second = header_id(peer_greet(&peer));
	expect_session(second);
	free(second);
	peer_close(&peer);
	rig_take(FRAME_CLOSE, &frame);
	rig_end();
}
END_TEST

START_TEST(after_login_the_header_has_an_id_that_the_server_does_not_know)
{
	char *first, *second;

	begin("");
	first = header_id(peer_greet(&peer));
	expect_session(first);
	peer_succeed(&peer, &frame);
	second = header_id(peer_greet(&peer));
	ck_assert_str_ne(first, second);
	ck_assert_uint_eq(strlen(first), strlen(second));
	/* Name and slot are the same, and no more. */
	ck_assert_int_eq(strncmp(first, second, 8), 0);
	ck_assert_str_ne(first + 8, second + 8);
	peer_send(&peer, PRESENCE);
	rig_take(FRAME_PRESENCE, &frame);
	HAS(frame.text, first);
	HAS_NOT(frame.text, second);
	free(first);
	free(second);
	finish();
}
END_TEST

START_TEST(clear_text_behind_starttls_is_never_taken_as_said_under_tls)
{
	begin("");
	set_tls(SERVER_TLS_OPTIONAL);
	peer_greet(&peer);
	peer_send(&peer, STARTTLS PEER_HEADER PEER_AUTH);
	peer_expect(&peer, PROCEED);
	peer_start_tls(&peer);
	rig_take(FRAME_RELEASE, &frame);
	peer_greet(&peer);
	peer_send(&peer, "<message to='x@example.org' id='first'/>");
	rig_take(FRAME_CREATE, &frame);
	rig_take(FRAME_MESSAGE, &frame);
	HAS(frame.text, "id=\"first\"");
	finish();
}
END_TEST

START_TEST(starttls_that_is_not_offered_ends_the_stream)
{
	begin("");
	peer_greet(&peer);
	peer_send(&peer, STARTTLS);
	peer_expect_error(&peer, "policy-violation");
	finish();
}
END_TEST

#define QUERY(type, namespace) \
	"<iq type='" type "' id='q1'><query xmlns='" namespace "'/></iq>"

static const char *const no_requests[] = { PRESENCE,
	"<message to='x@example.org'/>", "<iq type='result' id='1'/>",
	"<enable xmlns='urn:xmpp:sm:3'/>",
	"<abort xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>" };

START_TEST(with_tls_required_nothing_else_is_taken_before_it)
{
	begin("");
	set_tls(SERVER_TLS_REQUIRED);
	peer_greet(&peer);
	peer_send(&peer, no_requests[_i]);
	HAS(peer_expect(&peer, "<policy-violation "), "<stream:error>");
	HAS(peer_expect(&peer, "</stream:stream>"), "STARTTLS");
	peer_close(&peer);
	rig_take(FRAME_RELEASE, &frame);
	rig_end();
}
END_TEST

struct early {
	const char *said, *end, *part;
};

#define ENCRYPTION_REQUIRED \
	"<failure xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\">" \
	"<encryption-required/><text "
#define IQ_REFUSED \
	"<iq type=\"error\" id=\"q1\"><error " \
	"type=\"modify\"><policy-violation "

static const struct early log_ins[] = {
	{ PEER_AUTH, "</failure>", ENCRYPTION_REQUIRED },
	{ "<response xmlns='urn:ietf:params:xml:ns:xmpp-sasl'>YQ==</response>",
	    "</failure>", ENCRYPTION_REQUIRED },
	{ QUERY("get", "jabber:iq:auth"), "</iq>", IQ_REFUSED },
	{ QUERY("set", "jabber:iq:auth"), "</iq>", IQ_REFUSED },
	{ QUERY("set", "jabber:iq:register"), "</iq>", IQ_REFUSED },
};

START_TEST(who_logs_in_before_tls_is_told_and_may_begin_it_yet)
{
	const struct early *c = &log_ins[_i];
	const char *text;

	begin("");
	set_tls(SERVER_TLS_REQUIRED);
	peer_greet(&peer);
	peer_send(&peer, c->said);
	text = peer_expect(&peer, c->end);
	HAS(text, c->part);
	HAS(text, "STARTTLS");
	ck_assert_uint_eq(rig_count(STAT_REFUSED_REQUESTS), 1);
	start_tls();
	rig_take(FRAME_RELEASE, &frame);
	HAS(peer_greet(&peer), "<mechanism>PLAIN</mechanism>");
	rig_expect_no_frame();
	finish();
}
END_TEST

static const char *const too_early[] = {
	PEER_AUTH PEER_HEADER,
	PEER_AUTH "<?xml version='1.0'?>" PEER_HEADER,
	PEER_AUTH "\n<?xml version='1.0'?>\n" PEER_HEADER,
};

START_TEST(a_header_behind_a_login_that_needs_tls_ends_the_stream_after_it)
{
	begin("");
	set_tls(SERVER_TLS_REQUIRED);
	peer_greet(&peer);
	peer_send(&peer, too_early[_i]);
	HAS(peer_expect(&peer, "</failure>"), ENCRYPTION_REQUIRED);
	peer_expect_error(&peer, "not-authorized");
	finish();
}
END_TEST

START_TEST(a_login_that_tls_overtakes_is_refused)
{
	begin("");
	peer_greet(&peer);
	peer_authenticate(&peer, &frame);
	rig_give(&frame, FRAME_CHALLENGE,
	    "<challenge xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\"/>");
	peer_expect(&peer, "/>");
	set_tls(SERVER_TLS_REQUIRED);
	peer_connect(&other, false);
	peer_greet(&other); /* the worker has seen it by then */
	peer_send(&peer, log_ins[1].said);
	HAS(peer_expect(&peer, "</failure>"), ENCRYPTION_REQUIRED);
	start_tls();
	rig_take(FRAME_CLOSE, &frame);
	peer_close(&other);
	finish();
}
END_TEST

START_TEST(nothing_is_offered_that_is_refused_for_want_of_a_certificate)
{
	const char *text;

	rig_without_certificate = true;
	begin("");
	rig_server.offers[0].non_sasl_auth =
	    rig_server.offers[0].in_band_register = 1;
	set_tls(SERVER_TLS_REQUIRED);
	text = peer_greet(&peer);
	HAS_NOT(text, "mechanism");
	HAS_NOT(text, "starttls");
	HAS_NOT(text, "iq-auth");
	HAS_NOT(text, "iq-register");
	peer_send(&peer, PEER_AUTH);
	text = peer_expect(&peer, "</failure>");
	HAS(text, ENCRYPTION_REQUIRED);
	HAS(text, "certificate");
	peer_send(&peer, PRESENCE);
	HAS(peer_expect(&peer, "</stream:stream>"), "certificate");
	finish();
}
END_TEST

START_TEST(tls_that_becomes_required_ends_no_session_that_runs)
{
	begin("");
	peer_login(&peer, &frame);
	set_tls(SERVER_TLS_REQUIRED);
	peer_send(&peer, PRESENCE);
	rig_take(FRAME_PRESENCE, &frame);
	finish();
}
END_TEST

START_TEST(a_failed_handshake_costs_only_its_client)
{
	begin("");
	peer_connect_port(&other, rig_port(true));
	peer_send(&other, "no TLS at all, just some words of text\r\n\r\n");
	rig_await_count(STAT_TLS_FAILURES, 1);
	peer_close(&other);
	peer_greet(&peer);
	finish();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client TLS");
	TCase *tls = tcase_create("tls");

	tcase_set_timeout(tls, 40);
	tcase_add_test(tls,
	    after_starttls_the_stream_begins_anew_under_another_id);
	tcase_add_loop_test(tls,
	    starttls_closes_a_session_that_the_server_knows, 0, 2);
	tcase_add_test(tls, what_a_failed_login_left_is_closed_by_starttls);
	tcase_add_test(tls,
	    after_login_the_header_has_an_id_that_the_server_does_not_know);
	tcase_add_test(tls,
	    clear_text_behind_starttls_is_never_taken_as_said_under_tls);
	tcase_add_test(tls, starttls_that_is_not_offered_ends_the_stream);
	tcase_add_loop_test(tls,
	    with_tls_required_nothing_else_is_taken_before_it, 0,
	    (int)ARRAY_LEN(no_requests));
	tcase_add_loop_test(tls,
	    who_logs_in_before_tls_is_told_and_may_begin_it_yet, 0,
	    (int)ARRAY_LEN(log_ins));
	tcase_add_loop_test(tls,
	    a_header_behind_a_login_that_needs_tls_ends_the_stream_after_it, 0,
	    (int)ARRAY_LEN(too_early));
	tcase_add_test(tls, a_login_that_tls_overtakes_is_refused);
	tcase_add_test(tls,
	    nothing_is_offered_that_is_refused_for_want_of_a_certificate);
	tcase_add_test(tls,
	    tls_that_becomes_required_ends_no_session_that_runs);
	tcase_add_test(tls, a_failed_handshake_costs_only_its_client);
	suite_add_tcase(suite, tls);
	return run_suite(suite);
}
