/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the server says moves a client's log-in on only when it answers what
 * the client has asked (PROTOCOL.md §7.3, §8.5).
 */
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define SASL     "xmlns=\"urn:ietf:params:xml:ns:xmpp-sasl\""
#define FAILURE  "<failure " SASL "><not-authorized/></failure>"
#define ABORT    "<abort " SASL "/>"
#define RESPONSE "<response " SASL ">Yg==</response>"
#define BIND     "urn:ietf:params:xml:ns:xmpp-bind"

#define SET(id, namespace) \
	"<iq type='set' id='" id "'><query xmlns='" namespace "'/></iq>"
#define IQ_AUTH(id)  SET(id, "jabber:iq:auth")
#define REGISTER(id) SET(id, "jabber:iq:register")
#define RESULT(id)   "<iq type=\"result\" id=\"" id "\"/>"
#define ERROR(id) \
	"<iq type=\"error\" id=\"" id "\"><error type=\"auth\">" \
	"<not-authorized xmlns=\"urn:ietf:params:xml:ns:xmpp-stanzas\"/>" \
	"</error></iq>"
#define BOUND(id) \
	"<iq type=\"result\" id=\"" id "\"><bind xmlns=\"" BIND "\">" \
	"<jid>a@example.org/r</jid></bind></iq>"

static void
setup(void)
{
	begin("");
	peer_greet(&peer);
}

/* Sends it, of which so many iq go up, the first with a create before it. */
static void
send_and_take(const char *words, int count)
{
	peer_send(&peer, words);
	rig_take(FRAME_CREATE, &frame);
	while (count-- > 0)
		rig_take(FRAME_IQ_REQUEST, &frame);
}

static void
answer(const char *text)
{
	rig_give(&frame, FRAME_IQ_ANSWER, text);
	rig_await_taken();
}

static void
expect_not_logged_in(void)
{
	peer_send(&peer, PEER_AUTH);
	rig_take(FRAME_AUTH, &frame);
}

static void
expect_logged_in(void)
{
	peer_send(&peer, PEER_AUTH);
	rig_take(FRAME_CLOSE, &frame);
	rig_await_count(STAT_CLOSED_POLICY, 1);
}

/* --- jabber:iq:auth --- */

static const char *const no_logins[] = {
	RESULT("b"),
	RESULT("ab"),
	RESULT(""),
	"<iq type=\"result\"/>",
	"<iq type=\"result\" to=\"a\"/>",
	"<iq type=\"result\" to=\"x@example.org\" xml:id=\"a\"/>",
	"<iq type=\"result\" id=\"a\"><query xmlns=\"jabber:iq:auth\"/></iq>",
	/* not from whom was asked */
	"<iq type=\"result\" id=\"a\" from=\"b@example.org/r\"/>",
	"<iq from=\"b@example.org\" type=\"result\" id=\"a\"/>",
	"<iq from=\"example.org.net\" type=\"result\" id=\"a\"/>",
	"<iq from=\"x.example.org\" type=\"result\" id=\"a\"/>",
};

START_TEST(an_answer_to_something_else_is_no_login)
{
	send_and_take(IQ_AUTH("a"), 1);
	answer(no_logins[_i]);
	expect_not_logged_in();
}
END_TEST

static const char *const servers[] = {
	"<iq type=\"result\" id=\"a\" from=\"example.org\"/>",
	"<iq type=\"result\" id=\"a\" from=\"EXAMPLE.org\" to=\"b@c\"/>",
};

START_TEST(the_server_s_own_answer_is_a_login)
{
	send_and_take(IQ_AUTH("a"), 1);
	answer("<iq type=\"error\" id=\"a\" from=\"b@example.org/r\"/>");
	answer(servers[_i]);
	expect_logged_in();
}
END_TEST

START_TEST(an_error_ends_the_waiting)
{
	send_and_take(IQ_AUTH("a"), 1);
	answer(ERROR("a"));
	answer(RESULT("a"));
	expect_not_logged_in();
}
END_TEST

START_TEST(an_error_that_upstream_makes_ends_it_too)
{
	send_and_take(IQ_AUTH("a"), 1);
	rig_give(&frame, FRAME_BOUNCE, ERROR("a"));
	answer(RESULT("a"));
	expect_not_logged_in();
}
END_TEST

START_TEST(of_two_logins_under_way_either_may_succeed)
{
	send_and_take(IQ_AUTH("a") IQ_AUTH("b"), 2);
	answer(_i ? ERROR("a") : ERROR("b"));
	answer(_i ? RESULT("b") : RESULT("a"));
	expect_logged_in();
}
END_TEST

START_TEST(of_two_logins_that_fail_none_succeeds)
{
	send_and_take(IQ_AUTH("a") IQ_AUTH("b"), 2);
	answer(ERROR("b"));
	answer(ERROR("a"));
	answer(RESULT("a"));
	answer(RESULT("b"));
	expect_not_logged_in();
}
END_TEST

static const char *const other_questions[] = {
	REGISTER("a"),
	"<iq type='get' id='a'><query xmlns='jabber:iq:auth'/></iq>",
	"<iq type='set' id='a' to='x.example.org'>"
	"<query xmlns='jabber:iq:auth'/></iq>",
	"<iq type='set' id='a'>"
	"<session xmlns='urn:ietf:params:xml:ns:xmpp-session'/></iq>",
	"<iq type='set' id='a'><bind xmlns='" BIND "'/></iq>",
};

START_TEST(an_answer_to_another_question_is_no_login)
{
	send_and_take(other_questions[_i], 1);
	answer(RESULT("a"));
	expect_not_logged_in();
}
END_TEST

/* Else the answer to the one would count for the other. */
START_TEST(an_id_that_has_no_answer_yet_asks_nothing_else)
{
	const char *text;

	send_and_take(REGISTER("a") IQ_AUTH("a"), 1);
	text = peer_expect(&peer, "</iq>");
	HAS(text, "<iq type=\"error\" id=\"a\">");
	HAS(text, "<conflict ");
	answer(RESULT("a"));
	peer_send(&peer, IQ_AUTH("a"));
	rig_take(FRAME_IQ_REQUEST, &frame);
	answer(RESULT("a"));
	expect_logged_in();
}
END_TEST

START_TEST(an_unauthenticated_client_asks_a_few_things_at_a_time)
{
	char text[128], said[2048] = "";
	int i;

	for (i = 0; i < 9; i++) {
		snprintf(text, sizeof(text), IQ_AUTH("q%d"), i);
		strcat(said, text);
	}
	send_and_take(said, 8);
	HAS(peer_expect(&peer, "</iq>"), "id=\"q8\"");
	answer(ERROR("q3"));
	peer_send(&peer, IQ_AUTH("q8"));
	rig_take(FRAME_IQ_REQUEST, &frame);
	answer(RESULT("q8"));
	expect_logged_in();
}
END_TEST

START_TEST(an_id_may_be_long_and_of_any_characters)
{
	static const char marks[] = "&lt;&amp;&gt;\xC3\xA9'&quot;&#9;";
	char id[8192], text[9000];

	memset(id, 'i', sizeof(id));
	memcpy(id + sizeof(id) - sizeof(marks), marks, sizeof(marks));
	snprintf(text, sizeof(text),
	    "<iq type='set' id=\"%s\"><query xmlns='jabber:iq:auth'/></iq>",
	    id);
	send_and_take(text, 1);
	/* Of another with the same end. */
	snprintf(text, sizeof(text), "<iq id=\"x%s\" type=\"result\"/>",
	    id + 1);
	answer(text);
	ck_assert_uint_eq(rig_count(STAT_CLOSED_POLICY), 0);
	snprintf(text, sizeof(text), "<iq id=\"%s\" type=\"result\"/>", id);
	answer(text);
	expect_logged_in();
}
END_TEST

/* --- bind --- */

static void
log_in(void)
{
	peer_authenticate(&peer, &frame);
	peer_succeed(&peer, &frame);
	peer_greet(&peer);
	peer_send(&peer, "<iq type='set' id='b'><bind xmlns='" BIND "'/></iq>");
	rig_take(FRAME_IQ_REQUEST, &frame);
}

/* Whom our own errors are addressed to. */
static bool
is_bound(void)
{
	const char *text;

	peer_send(&peer, "<presence type='no-such' id='p'/>");
	text = peer_expect(&peer, "</presence>");
	return strstr(strstr(text, "<presence"), " to=\"a@example.org/r\"");
}

static const char *const no_binds[] = {
	BOUND("c"),
	"<iq type=\"error\" id=\"b\"><bind xmlns=\"" BIND "\">"
	"<jid>a@example.org/r</jid></bind></iq>",
	"<iq type=\"result\" id=\"b\"><query xmlns=\"jabber:iq:private\">"
	"<bind xmlns=\"" BIND "\"><jid>a@example.org/r</jid></bind></query>"
	"</iq>",
	"<iq type=\"result\" id=\"b\"/>",
	"<iq type=\"result\" id=\"b\" from=\"b@example.org/r\"><bind "
	"xmlns=\"" BIND "\"><jid>a@example.org/r</jid></bind></iq>",
};

START_TEST(only_the_answer_to_bind_binds)
{
	log_in();
	answer(no_binds[_i]);
	ck_assert_msg(!is_bound(),
	    "this answer should not bind the session: %s", no_binds[_i]);
}
END_TEST

START_TEST(a_bind_that_follows_a_refused_one_binds)
{
	log_in();
	answer(ERROR("b"));
	peer_send(&peer, "<iq type='set' id='c'><bind xmlns='" BIND "'/></iq>");
	rig_take(FRAME_IQ_REQUEST, &frame);
	answer(BOUND("b"));
	ck_assert_msg(!is_bound(),
	    "the late result should not bind what asked anew");
	answer(BOUND("c"));
	ck_assert_msg(is_bound(),
	    "the result of the second request should bind the session");
}
END_TEST

START_TEST(behind_bind_a_client_asks_as_much_as_it_likes)
{
	char text[128], said[8192] = "";
	int i;

	log_in();
	for (i = 0; i < 40; i++) {
		snprintf(text, sizeof(text), REGISTER("q%d"), i);
		strcat(said, text);
	}
	peer_send(&peer, said);
	for (i = 0; i < 40; i++)
		rig_take(FRAME_IQ_REQUEST, &frame);
	answer(BOUND("b"));
	ck_assert_msg(is_bound(), "the result should bind the session");
}
END_TEST

/* --- SASL --- */

START_TEST(what_answers_an_exchange_given_up_does_not_count_for_the_next)
{
	peer_send(&peer, PEER_AUTH ABORT PEER_AUTH);
	rig_take(FRAME_CREATE, &frame);
	rig_take(FRAME_AUTH, &frame);
	rig_take(FRAME_AUTH, &frame);
	rig_give(&frame, FRAME_SUCCESS, RIG_SUCCESS);
	rig_give(&frame, FRAME_FAILURE, FAILURE);
	HAS(peer_expect(&peer, FAILURE), "<aborted/>");
	HAS_NOT(peer_seen(&peer), "success");
	ck_assert_uint_eq(rig_count(STAT_FRAMES_STALE), 1);
	expect_not_logged_in();
}
END_TEST

START_TEST(success_without_a_question_logs_nobody_in)
{
	peer_authenticate(&peer, &frame);
	rig_give(&frame, FRAME_CHALLENGE, "<challenge " SASL "/>");
	rig_give(&frame, FRAME_SUCCESS, RIG_SUCCESS);
	rig_await_count(STAT_FRAMES_STALE, 1);
	peer_send(&peer, RESPONSE);
	rig_take(FRAME_AUTH, &frame);
	rig_give(&frame, FRAME_FAILURE, FAILURE);
	peer_expect(&peer, FAILURE);
	expect_not_logged_in();
}
END_TEST

START_TEST(who_asks_again_and_again_without_an_answer_is_ended)
{
	int i;

	for (i = 0; i < 20; i++)
		peer_send(&peer, PEER_AUTH ABORT);
	rig_await_count(STAT_CLOSED_POLICY, 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client answers");
	TCase *tcase = tcase_create("answers");

	tcase_set_timeout(tcase, 40);
	tcase_add_checked_fixture(tcase, setup, finish);
	tcase_add_loop_test(tcase, an_answer_to_something_else_is_no_login, 0,
	    (int)ARRAY_LEN(no_logins));
	tcase_add_loop_test(tcase, the_server_s_own_answer_is_a_login, 0,
	    (int)ARRAY_LEN(servers));
	tcase_add_test(tcase, an_error_ends_the_waiting);
	tcase_add_test(tcase, an_error_that_upstream_makes_ends_it_too);
	tcase_add_loop_test(tcase, of_two_logins_under_way_either_may_succeed,
	    0, 2);
	tcase_add_test(tcase, of_two_logins_that_fail_none_succeeds);
	tcase_add_loop_test(tcase, an_answer_to_another_question_is_no_login, 0,
	    (int)ARRAY_LEN(other_questions));
	tcase_add_test(tcase, an_id_that_has_no_answer_yet_asks_nothing_else);
	tcase_add_test(tcase,
	    an_unauthenticated_client_asks_a_few_things_at_a_time);
	tcase_add_test(tcase, an_id_may_be_long_and_of_any_characters);
	tcase_add_loop_test(tcase, only_the_answer_to_bind_binds, 0,
	    (int)ARRAY_LEN(no_binds));
	tcase_add_test(tcase, a_bind_that_follows_a_refused_one_binds);
	tcase_add_test(tcase, behind_bind_a_client_asks_as_much_as_it_likes);
	tcase_add_test(tcase,
	    what_answers_an_exchange_given_up_does_not_count_for_the_next);
	tcase_add_test(tcase, success_without_a_question_logs_nobody_in);
	tcase_add_test(tcase,
	    who_asks_again_and_again_without_an_answer_is_ended);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
