/* SPDX-License-Identifier: Apache-2.0 */
/* A client ends its stream: what the server still has to say to it comes first,
 * for a while. */
#include "common/xmpp/close.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <stdio.h>

#define GOODBYE(seconds) \
	"<xmpp><client><goodbye><timeout>" seconds "</timeout></goodbye>" \
	"</client></xmpp>"
/* Longer than a test waits. */
#define PATIENT GOODBYE("60")
#define ROSTER  "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>"
#define ANSWER  "<iq type=\"result\" id=\"r\"><query/></iq>"
#define END     "</stream:stream>"

static void
expect_closed(void)
{
	rig_take(FRAME_CLOSE, &frame);
	ck_assert_uint_eq(rig_count(STAT_CLOSED_PEER_CLOSED), 1);
}

/* A request is up, and the end behind it: here is what waits. */
static void
begin_goodbye(const char *options)
{
	begin_logged_in(options);
	peer_send(&peer, ROSTER END);
	rig_take(FRAME_IQ_REQUEST, &frame);
}

/* The last that the client gets; then its session is closed by itself. */
static void
expect_end(const char *rest)
{
	peer_expect_end(&peer, rest);
	expect_closed();
	finish();
}

/* The server's answer is what was waited for. */
static void
answer_and_expect_end(const char *answer, const char *rest)
{
	rig_give(&session, FRAME_IQ_ANSWER, answer);
	expect_end(rest);
}

/* However long one waits, the end is not yet there. */
static void
expect_waiting(void)
{
	rig_wait_ms(400);
	rig_expect_no_frame();
}

START_TEST(the_end_waits_for_the_server_s_answer)
{
	begin_goodbye(PATIENT);
	rig_give(&session, FRAME_MESSAGE, "<message id=\"m\"/>");
	peer_expect(&peer, "<message id=\"m\"/>");
	rig_expect_no_frame();
	answer_and_expect_end(ANSWER, ANSWER END);
}
END_TEST

START_TEST(before_log_in_it_waits_too)
{
	begin(PATIENT);
	peer_greet(&peer);
	peer_send(&peer, "<iq type='set' id='r'><query "
			 "xmlns='jabber:iq:register'/></iq>" END);
	rig_take(FRAME_CREATE, &frame);
	rig_take(FRAME_IQ_REQUEST, &session);
	answer_and_expect_end(ANSWER, ANSWER END);
}
END_TEST

START_TEST(the_end_waits_until_the_last_stanza_is_confirmed)
{
	static const char error[] = "<message type=\"error\" id=\"m\"/>";

	begin_logged_in(PATIENT);
	peer_send(&peer, "<message id='m' to='nobody@example.org'/>" END);
	while (!rig_has_frame())
		rig_turn();
	rig_give(&session, FRAME_MESSAGE, error);
	peer_expect(&peer, error);
	rig_take(FRAME_MESSAGE, &frame);
	expect_end(END);
}
END_TEST

START_TEST(who_has_nothing_to_wait_for_ends_at_once)
{
	begin_logged_in(PATIENT);
	peer_send(&peer, END);
	expect_end(END);
}
END_TEST

START_TEST(another_s_answer_is_not_waited_for)
{
	begin_logged_in(PATIENT);
	peer_send(&peer,
	    "<iq type='get' id='r' to='b@example.org/x'><a/></iq>" END);
	rig_take(FRAME_IQ_REQUEST, &frame);
	expect_end(END);
}
END_TEST

#define OWN "<iq type='get' id='r' to='alice@example.org'><vCard/></iq>"
#define OWN_ANSWER \
	"<iq type=\"result\" id=\"r\" from=\"alice@example.org\" " \
	"to=\"alice@example.org/r\"><vCard/></iq>"

START_TEST(its_own_account_s_answer_is_waited_for_after_iq_auth)
{
	begin(PATIENT);
	peer_greet(&peer);
	peer_send(&peer,
	    "<iq type='set' id='a'><query xmlns='jabber:iq:auth'><username>"
	    "Alice</username><password>b</password><resource>r</resource>"
	    "</query></iq>");
	rig_take(FRAME_CREATE, &frame);
	rig_take(FRAME_IQ_REQUEST, &session);
	rig_give(&session, FRAME_IQ_ANSWER, "<iq type=\"result\" id=\"a\"/>");
	peer_expect(&peer, "/>");
	peer_send(&peer, OWN END);
	rig_take(FRAME_IQ_REQUEST, &frame);
	expect_waiting();
	answer_and_expect_end(OWN_ANSWER, OWN_ANSWER END);
}
END_TEST

/* Sends its bind and what is behind it; the server answers the bind. */
static void
bind_and_send(const char *words)
{
	begin(PATIENT);
	peer_greet(&peer);
	peer_authenticate(&peer, &session);
	peer_succeed(&peer, &session);
	peer_greet(&peer);
	peer_send(&peer, words);
	rig_take(FRAME_IQ_REQUEST, &frame);
	rig_take(FRAME_IQ_REQUEST, &frame);
	rig_give(&session, FRAME_IQ_ANSWER,
	    "<iq type=\"result\" id=\"b\"><bind "
	    "xmlns=\"urn:ietf:params:xml:ns:xmpp-bind\">"
	    "<jid>alice@example.org/r</jid></bind></iq>");
	peer_expect(&peer, "</bind></iq>");
}

START_TEST(its_own_account_s_answer_is_waited_for_behind_bind)
{
	bind_and_send(PEER_BIND OWN END);
	expect_waiting();
	answer_and_expect_end(OWN_ANSWER, OWN_ANSWER END);
}
END_TEST

START_TEST(another_account_s_answer_is_not_waited_for_behind_bind)
{
	bind_and_send(PEER_BIND
	    "<iq type='get' id='r' to='bob@example.org'><vCard/></iq>" END);
	peer_expect_end(&peer, END);
	expect_closed();
	ck_assert_uint_eq(rig_count(STAT_GOODBYES_CUT_SHORT), 0);
	finish();
}
END_TEST

START_TEST(of_many_requests_the_last_are_waited_for)
{
	char text[100];
	int i;

	begin_logged_in(PATIENT);
	for (i = 0; i < 40; i++) {
		snprintf(text, sizeof(text),
		    "<iq type='get' id='q%d.'><a/></iq>", i);
		peer_send(&peer, text);
		rig_take(FRAME_IQ_REQUEST, &frame);
	}
	peer_send(&peer, END);
	for (i = 24; i < 40; i++) {
		rig_expect_no_frame();
		snprintf(text, sizeof(text),
		    "<iq type=\"result\" id=\"q%d.\"/>", i);
		rig_give(&session, FRAME_IQ_ANSWER, text);
		peer_expect(&peer, text);
	}
	expect_end(END);
}
END_TEST

START_TEST(the_end_does_not_wait_for_ever)
{
	begin_goodbye(GOODBYE("1"));
	peer_expect_end(&peer, END);
	expect_closed();
	ck_assert_uint_eq(rig_count(STAT_GOODBYES_CUT_SHORT), 1);
	finish();
}
END_TEST

START_TEST(where_no_time_is_given_the_end_does_not_wait)
{
	begin_logged_in(GOODBYE("0"));
	peer_send(&peer, ROSTER END);
	peer_expect_end(&peer, END);
	ck_assert_uint_eq(rig_count(STAT_GOODBYES_CUT_SHORT), 0);
	rig_take(FRAME_IQ_REQUEST, &frame);
	expect_closed();
	finish();
}
END_TEST

START_TEST(what_follows_the_end_tag_is_not_said)
{
	begin_logged_in(PATIENT);
	peer_send(&peer, ROSTER END "<message/>");
	rig_take(FRAME_IQ_REQUEST, &frame);
	peer_hand_over(&peer, "<presence/>" END);
	answer_and_expect_end(ANSWER, ANSWER END);
}
END_TEST

START_TEST(who_says_no_more_may_still_be_told)
{
	begin_logged_in(PATIENT);
	peer_send(&peer, ROSTER END);
	peer_half_close(&peer);
	rig_take(FRAME_IQ_REQUEST, &frame);
	answer_and_expect_end(ANSWER, ANSWER END);
}
END_TEST

START_TEST(who_has_gone_is_not_waited_for)
{
	begin_goodbye(PATIENT);
	peer_reset(&peer);
	rig_take(FRAME_CLOSE, &frame);
	rig_end();
}
END_TEST

/* --- who does not wait --- */

static void
drain_worker(void)
{
	drain_worker_within(0);
}

static void
kill_session(void)
{
	kill_session_for(CLOSE_KILLED_POLICY);
}

static void (*const hurries[])(void) = { stop_worker, drain_worker,
	kill_session, lose_server, forget_session };

START_TEST(who_waits_is_ended_by_whatever_else_ends_it)
{
	begin_goodbye(PATIENT);
	hurries[_i]();
	peer_expect_end(&peer, END);
	expect_closed();
	if (hurries[_i] == stop_worker)
		rig_await_stopped();
	finish();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("goodbye");
	TCase *tcase = tcase_create("goodbye");

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, the_end_waits_for_the_server_s_answer);
	tcase_add_test(tcase, before_log_in_it_waits_too);
	tcase_add_test(tcase, the_end_waits_until_the_last_stanza_is_confirmed);
	tcase_add_test(tcase, who_has_nothing_to_wait_for_ends_at_once);
	tcase_add_test(tcase, another_s_answer_is_not_waited_for);
	tcase_add_test(tcase,
	    its_own_account_s_answer_is_waited_for_after_iq_auth);
	tcase_add_test(tcase,
	    its_own_account_s_answer_is_waited_for_behind_bind);
	tcase_add_test(tcase,
	    another_account_s_answer_is_not_waited_for_behind_bind);
	tcase_add_test(tcase, of_many_requests_the_last_are_waited_for);
	tcase_add_test(tcase, the_end_does_not_wait_for_ever);
	tcase_add_test(tcase, where_no_time_is_given_the_end_does_not_wait);
	tcase_add_test(tcase, what_follows_the_end_tag_is_not_said);
	tcase_add_test(tcase, who_says_no_more_may_still_be_told);
	tcase_add_test(tcase, who_has_gone_is_not_waited_for);
	tcase_add_loop_test(tcase, who_waits_is_ended_by_whatever_else_ends_it,
	    0, (int)ARRAY_LEN(hurries));
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
