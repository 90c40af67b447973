/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client sends before it has the answer that it counts on (XEP-0305)
 * waits here for the state that can use it.
 */
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define NS_SASL   "urn:ietf:params:xml:ns:xmpp-sasl"
#define CHALLENGE "<challenge xmlns=\"" NS_SASL "\">YQ==</challenge>"
#define RESPONSE  "<response xmlns=\"" NS_SASL "\">Yg==</response>"
#define ABORT     "<abort xmlns=\"" NS_SASL "\"/>"
#define FAILURE   "<failure xmlns=\"" NS_SASL "\"><not-authorized/></failure>"
#define BIND \
	"<iq type='set' id='b1'>" \
	"<bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
#define MUCH 200000

/* In clear text, or by direct TLS. */
static void
begin_by(bool direct_tls)
{
	rig_start("");
	peer_connect(&peer, direct_tls);
}

static void
take_auth(void)
{
	rig_take(FRAME_CREATE, &frame);
	rig_take(FRAME_AUTH, &frame);
}

static void
succeed(void)
{
	rig_give(&frame, FRAME_SUCCESS, RIG_SUCCESS);
	ck_assert_str_eq(peer_expect(&peer, RIG_SUCCESS), RIG_SUCCESS);
}

static void
expect_second_stream(void)
{
	const char *text = peer_expect(&peer, "</stream:features>");

	ck_assert_int_eq(strncmp(text, "<?xml", 5), 0);
	HAS(text, "xmpp-bind");
}

/* --- a header behind <auth/> --- */

static const char *const headers[] = {
	PEER_HEADER,
	"<?xml version='1.0'?>" PEER_HEADER,
	"\n<?xml version='1.0' encoding='utf-8'?>\n" PEER_HEADER "\n",
};

static void
send_early(const char *words, int way)
{
	size_t i;

	if (way == 0) { /* in one segment */
		char *all = xmalloc(strlen(PEER_AUTH) + strlen(words) + 1);

		strcpy(all, PEER_AUTH);
		strcat(all, words);
		peer_send(&peer, all);
		free(all);
		take_auth();
		return;
	}
	peer_send(&peer, PEER_AUTH);
	take_auth();
	if (way == 1)
		peer_send(&peer, words);
	for (i = 0; way == 2 && i < strlen(words); i++)
		peer_send_bytes(&peer, words + i, 1);
}

START_TEST(a_header_behind_auth_waits_for_the_success)
{
	begin_by(_i >= 9);
	peer_greet(&peer);
	send_early(headers[_i % 3], _i / 3 % 3);
	rig_turn();
	ck_assert_str_eq(peer_seen(&peer), "");
	succeed();
	expect_second_stream();
	peer_send(&peer, BIND);
	rig_take(FRAME_IQ_REQUEST, &frame);
	finish();
}
END_TEST

START_TEST(a_whole_login_in_one_segment_works)
{
	begin_by(_i);
	peer_send(&peer,
	    PEER_HEADER PEER_AUTH PEER_HEADER BIND "<presence id='p'/>");
	peer_expect(&peer, "</stream:features>");
	take_auth();
	rig_expect_no_frame();
	succeed();
	expect_second_stream();
	rig_take(FRAME_IQ_REQUEST, &frame);
	rig_take(FRAME_PRESENCE, &frame);
	finish();
}
END_TEST

START_TEST(a_header_behind_an_auth_that_fails_ends_the_stream_after_the_failure)
{
	begin("");
	peer_greet(&peer);
	send_early(headers[_i % 3], _i / 3);
	rig_give(&frame, FRAME_FAILURE, FAILURE);
	ck_assert_str_eq(peer_expect(&peer, FAILURE), FAILURE);
	peer_expect_error(&peer, "not-authorized");
	rig_take(FRAME_CLOSE, &frame);
	finish();
}
END_TEST

START_TEST(a_header_that_comes_after_the_failure_ends_the_stream_likewise)
{
	begin("");
	peer_greet(&peer);
	peer_send(&peer, PEER_AUTH);
	take_auth();
	rig_give(&frame, FRAME_FAILURE, FAILURE);
	peer_expect(&peer, FAILURE);
	peer_send(&peer, headers[_i]);
	peer_expect_error(&peer, "not-authorized");
	finish();
}
END_TEST

START_TEST(a_header_where_a_challenge_is_to_be_answered_ends_the_stream)
{
	begin("");
	peer_greet(&peer);
	send_early(headers[_i], 0);
	rig_give(&frame, FRAME_CHALLENGE, CHALLENGE);
	peer_expect(&peer, CHALLENGE);
	peer_expect_error(&peer, "not-authorized");
	finish();
}
END_TEST

START_TEST(another_header_in_a_stream_that_is_open_ends_it)
{
	begin("");
	peer_login(&peer, &frame);
	peer_send(&peer, PEER_HEADER);
	peer_expect_error(&peer, "unsupported-stanza-type");
	finish();
}
END_TEST

/* --- other things that come early --- */

START_TEST(a_response_waits_for_its_challenge_and_a_header_for_the_success)
{
	begin("");
	peer_greet(&peer);
	peer_send(&peer, PEER_AUTH RESPONSE PEER_HEADER BIND);
	take_auth();
	rig_turn();
	rig_expect_no_frame();
	rig_give(&frame, FRAME_CHALLENGE, CHALLENGE);
	peer_expect(&peer, CHALLENGE);
	rig_take(FRAME_AUTH, &frame);
	HAS(frame.text, "Yg==</response></route>");
	rig_expect_no_frame();
	succeed();
	expect_second_stream();
	rig_take(FRAME_IQ_REQUEST, &frame);
	finish();
}
END_TEST

START_TEST(a_second_try_waits_for_the_failure_of_the_first)
{
	begin("");
	peer_greet(&peer);
	peer_send(&peer, PEER_AUTH PEER_AUTH);
	take_auth();
	rig_turn();
	rig_expect_no_frame();
	rig_give(&frame, FRAME_FAILURE, FAILURE);
	peer_expect(&peer, FAILURE);
	rig_take(FRAME_AUTH, &frame);
	finish();
}
END_TEST

START_TEST(the_end_of_the_stream_does_not_wait)
{
	begin("");
	peer_greet(&peer);
	send_early("\n</stream:stream>", _i);
	peer_expect_end(&peer, "</stream:stream>");
	rig_take(FRAME_CLOSE, &frame);
	finish();
}
END_TEST

/* --- limits --- */

static char *
numbered_messages(size_t len, int *count_out)
{
	char *text = xmalloc(len + 64);
	size_t at = 0;

	for (*count_out = 0; at < len; (*count_out)++)
		at += (size_t)sprintf(text + at,
		    "<message id='n%d'><body>early</body></message>",
		    *count_out);
	return text;
}

/* No more than the limit and one read are taken, and nothing is lost. */
START_TEST(more_than_the_limit_is_not_read_before_the_success)
{
	char *text, id[32];
	uint64_t before, held;
	int count, i;
	size_t sent;

	begin_by(_i);
	peer_greet(&peer);
	before = rig_count(STAT_BYTES_UP);
	send_early(PEER_HEADER BIND, 1);
	text = numbered_messages(MUCH, &count);
	sent = peer_try_send(&peer, text, strlen(text));
	rig_await_count(STAT_BYTES_UP, before + 16384);
	rig_turn();
	held = rig_count(STAT_BYTES_UP) - before;
	ck_assert_uint_le(held, 2 * 16384 + strlen(PEER_AUTH));
	succeed();
	peer_send_bytes(&peer, text + sent, strlen(text) - sent);
	expect_second_stream();
	rig_take(FRAME_IQ_REQUEST, &frame);
	for (i = 0; i < count; i++) {
		rig_take(FRAME_MESSAGE, &frame);
		snprintf(id, sizeof(id), "id=\"n%d\"", i);
		HAS(frame.text, id);
	}
	free(text);
	finish();
}
END_TEST

START_TEST(who_waits_for_an_answer_keeps_to_the_limit_of_the_log_in)
{
	begin("<xmpp><client><auth><timeout>1</timeout></auth>"
	      "<login><timeout>2</timeout></login></client></xmpp>");
	peer_greet(&peer);
	send_early(PEER_HEADER, 0);
	peer_expect_error(&peer, "connection-timeout");
	finish();
}
END_TEST

static void
add_tests(TCase *tcase)
{
	tcase_add_loop_test(tcase, a_header_behind_auth_waits_for_the_success,
	    0, 18);
	tcase_add_loop_test(tcase, a_whole_login_in_one_segment_works, 0, 2);
	tcase_add_loop_test(tcase,
	    a_header_behind_an_auth_that_fails_ends_the_stream_after_the_failure,
	    0, 9);
	tcase_add_loop_test(tcase,
	    a_header_that_comes_after_the_failure_ends_the_stream_likewise, 0,
	    3);
	tcase_add_loop_test(tcase,
	    a_header_where_a_challenge_is_to_be_answered_ends_the_stream, 0, 3);
	tcase_add_test(tcase, another_header_in_a_stream_that_is_open_ends_it);
	tcase_add_test(tcase,
	    a_response_waits_for_its_challenge_and_a_header_for_the_success);
	tcase_add_test(tcase, a_second_try_waits_for_the_failure_of_the_first);
	tcase_add_loop_test(tcase, the_end_of_the_stream_does_not_wait, 0, 3);
	tcase_add_loop_test(tcase,
	    more_than_the_limit_is_not_read_before_the_success, 0, 2);
	tcase_add_test(tcase,
	    who_waits_for_an_answer_keeps_to_the_limit_of_the_log_in);
}

int
main(void)
{
	Suite *suite = suite_create("client pipelining");
	TCase *tcase = tcase_create("pipelining");

	tcase_set_timeout(tcase, 60);
	add_tests(tcase);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
