/* SPDX-License-Identifier: Apache-2.0 */
/* What a client may cost: sizes and times (PROTOCOL.md §8.6, §11). */
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define CLIENT(options) "<xmpp><client>" options "</client></xmpp>"
#define STANZA(options) CLIENT("<stanza>" options "</stanza>")
#define SMALL \
	"<xmpp><parser><buffer><size>20000</size></buffer></parser></xmpp>"

static void
send_message(size_t len)
{
	char *text = peer_message(len, 1);

	peer_send(&peer, text);
	free(text);
}

/* --- sizes --- */

START_TEST(a_large_stanza_before_authentication_ends_the_stream)
{
	begin(STANZA("<preauth>1024</preauth>"));
	peer_greet(&peer);
	send_message(2000);
	HAS(peer_expect(&peer, "</text>"),
	    "<policy-violation xmlns=\"urn:ietf:params:xml:ns:xmpp-streams\"/>"
	    "<text xmlns=\"urn:ietf:params:xml:ns:xmpp-streams\" "
	    "xml:lang=\"en\">What was sent is larger than the 1024 bytes that "
	    "are allowed before log-in.");
	ck_assert_uint_eq(rig_count(STAT_CLOSED_TOO_BIG), 1);
	rig_take(FRAME_RELEASE, &frame);
	finish();
}
END_TEST

START_TEST(the_same_stanza_passes_after_authentication)
{
	begin(STANZA("<preauth>1024</preauth>"));
	peer_login(&peer, &frame);
	send_message(2000);
	rig_take(FRAME_MESSAGE, &frame);
	finish();
}
END_TEST

START_TEST(a_stanza_over_the_limit_ends_the_stream)
{
	begin(SMALL);
	peer_login(&peer, &frame);
	send_message(19000);
	rig_take(FRAME_MESSAGE, &frame);
	send_message(20001);
	peer_expect_error(&peer, "policy-violation");
	ck_assert_uint_eq(rig_count(STAT_CLOSED_TOO_BIG), 1);
	rig_take(FRAME_CLOSE, &frame);
	finish();
}
END_TEST

START_TEST(deep_nesting_ends_the_stream)
{
	begin(STANZA("<depth>4</depth>"));
	peer_login(&peer, &frame);
	peer_send(&peer, "<message><a><b/></a></message>");
	rig_take(FRAME_MESSAGE, &frame);
	peer_send(&peer, "<message><a><b><c><d><e><f/>");
	peer_expect_error(&peer, "policy-violation");
	ck_assert_uint_eq(rig_count(STAT_CLOSED_TOO_DEEP), 1);
	finish();
}
END_TEST

START_TEST(many_attributes_end_the_stream)
{
	begin(STANZA("<attributes>8</attributes>"));
	peer_login(&peer, &frame);
	peer_send(&peer,
	    "<message a='' b='' c='' d='' e='' f='' g='' h='' i='' j=''/>");
	peer_expect_error(&peer, "policy-violation");
	ck_assert_uint_eq(rig_count(STAT_CLOSED_TOO_MANY_ATTRIBUTES), 1);
	finish();
}
END_TEST

START_TEST(an_endless_header_ends_the_stream)
{
	char text[2000];

	begin(STANZA("<preauth>1024</preauth>"));
	memset(text, 'x', sizeof(text));
	peer_send(&peer, "<stream:stream a='");
	peer_send_bytes(&peer, text, sizeof(text));
	peer_expect_refusal(&peer, "policy-violation");
	finish();
}
END_TEST

/* --- times: what has to be in time has three seconds --- */

START_TEST(a_stanza_that_stays_incomplete_ends_the_stream)
{
	begin(STANZA("<timeout>0.1</timeout>"));
	peer_login(&peer, &frame);
	peer_send(&peer, "<message>");
	peer_expect_error(&peer, "connection-timeout");
	ck_assert_uint_eq(rig_count(STAT_CLOSED_STANZA_TIMEOUT), 1);
	finish();
}
END_TEST

START_TEST(a_header_that_stays_incomplete_ends_the_stream)
{
	begin(STANZA("<timeout>0.1</timeout>"));
	peer_send(&peer, "<stream:stream ");
	peer_expect_refusal(&peer, "connection-timeout");
	finish();
}
END_TEST

START_TEST(who_does_not_authenticate_is_sent_away)
{
	begin(CLIENT("<auth><timeout>3</timeout></auth>"));
	peer_greet(&peer);
	peer_expect_error(&peer, "connection-timeout");
	ck_assert_uint_eq(rig_count(STAT_CLOSED_AUTH_TIMEOUT), 1);
	finish();
}
END_TEST

START_TEST(who_does_not_even_shake_hands_is_sent_away)
{
	rig_start(CLIENT("<auth><timeout>0.5</timeout></auth>"));
	peer_connect_port(&peer, rig_port(true));
	peer_expect_end(&peer, "");
	ck_assert_uint_eq(rig_count(STAT_CLOSED_AUTH_TIMEOUT), 1);
	finish();
}
END_TEST

START_TEST(a_stanza_that_comes_too_slowly_ends_the_stream)
{
	begin("");
	peer_login(&peer, &frame);
	peer_send(&peer, "<message><body>");
	while (rig_count(STAT_CLOSED_STANZA_TIMEOUT) == 0) {
		(void)peer_try_send(&peer, "x", 1);
		rig_wait_ms(2);
	}
	peer_expect_error(&peer, "connection-timeout");
	finish();
}
END_TEST

#define UPLOADS 8u
#define LATE_MS 100

/* True: none was ended. Each sends once a second, and no two of them at the
 * same time; how late at most. */
static bool
upload_in_bursts(int64_t *late_ms_out)
{
	static struct peer uploads[UPLOADS];
	bool passed = true;
	int64_t due;
	char burst[1100];
	unsigned i, turn;

	rig_start("");
	for (i = 0; i < UPLOADS; i++) {
		peer_connect(&uploads[i], false);
		peer_login(&uploads[i], &frame);
	}
	due = rig_now_ms();
	memset(burst, 'x', sizeof(burst));
	memcpy(burst, "<message><body>", 15);
	*late_ms_out = 0;
	for (turn = 0; passed && turn < 24 * UPLOADS; turn++) {
		if (turn == UPLOADS)
			memset(burst, 'x', 15);
		peer_send_bytes(&uploads[turn % UPLOADS], burst, sizeof(burst));
		*late_ms_out = MAX(*late_ms_out, rig_now_ms() - due);
		due += 1000 / UPLOADS;
		rig_wait_ms((int)MAX(due - rig_now_ms(), 0));
		passed = rig_count(STAT_CLOSED_STANZA_TIMEOUT) == 0;
	}
	for (i = 0; i < UPLOADS; i++)
		peer_close(&uploads[i]);
	rig_end();
	return passed;
}

/* None may be measured over less than the 10 seconds, or without its first
 * bytes. They are little more than is asked for: if they were late themselves,
 * on a machine that is busy, an end proves nothing. */
START_TEST(a_stanza_that_comes_fast_enough_in_bursts_passes)
{
	int64_t late_ms;

	while (!upload_in_bursts(&late_ms))
		ck_assert_int_gt(late_ms, LATE_MS);
}
END_TEST

/* At the end of each of its segments a stanza is incomplete, never the same. */
START_TEST(who_is_always_in_the_midst_of_another_stanza_stays)
{
	int64_t end = rig_now_ms() + 7000;

	begin(STANZA("<timeout>3</timeout>"));
	peer_login(&peer, &frame);
	peer_send(&peer, "<presence");
	while (rig_now_ms() < end) {
		peer_send(&peer, "/><presence");
		rig_take(FRAME_PRESENCE, &frame);
	}
	finish();
}
END_TEST

START_TEST(each_answered_step_gives_time_for_the_next)
{
	begin(CLIENT("<auth><timeout>3</timeout></auth>"));
	peer_greet(&peer);
	peer_send(&peer,
	    "<iq type='get' id='f'><query xmlns='jabber:iq:register'/></iq>");
	rig_take(FRAME_CREATE, &frame);
	rig_take(FRAME_IQ_REQUEST, &frame);
	rig_give(&frame, FRAME_IQ_ANSWER,
	    "<iq type=\"result\" id=\"f\"><query "
	    "xmlns=\"jabber:iq:register\"><username/></query></iq>");
	peer_expect(&peer, "</iq>");
	rig_wait_ms(4500);
	peer_send(&peer,
	    "<iq type='set' id='g'><query xmlns='jabber:iq:register'/></iq>");
	rig_take(FRAME_IQ_REQUEST, &frame);
	finish();
}
END_TEST

START_TEST(all_steps_together_have_a_limit_too)
{
	int64_t end = rig_now_ms() + RIG_DEADLINE_MS;

	begin(CLIENT("<login><timeout>3</timeout></login>"));
	peer_greet(&peer);
	peer_authenticate(&peer, &frame);
	while (rig_count(STAT_CLOSED_AUTH_TIMEOUT) == 0) {
		ck_assert_int_lt(rig_now_ms(), end);
		rig_give(&frame, FRAME_CHALLENGE, "<challenge/>");
		rig_turn();
	}
	finish();
}
END_TEST

/* Long names fill the place for them; who comes next is bound all the same. */
START_TEST(who_binds_is_bound_though_there_is_no_room_for_the_name)
{
	static struct peer crowd[24];
	char answer[3200] = "<iq type=\"result\" id=\"b\"><bind "
			    "xmlns=\"urn:ietf:params:xml:ns:xmpp-bind\"><jid>";
	size_t at = strlen(answer);
	unsigned i;

	memset(answer + at, 'j', 2900);
	strcpy(answer + at + 2900, "</jid></bind></iq>");
	rig_start("<sessions><max>32</max></sessions>" CLIENT(
	    "<login><timeout>3</timeout></login>"));
	for (i = 0; i < ARRAY_LEN(crowd); i++) {
		peer_connect(&crowd[i], false);
		peer_greet(&crowd[i]);
		peer_authenticate(&crowd[i], &frame);
		peer_succeed(&crowd[i], &frame);
		peer_greet(&crowd[i]);
		peer_send(&crowd[i], PEER_BIND);
		rig_take(FRAME_IQ_REQUEST, &frame);
		rig_give(&frame, FRAME_IQ_ANSWER, answer);
		peer_expect(&crowd[i], "</iq>");
	}
	rig_wait_ms(4500);
	ck_assert_uint_eq(rig_count(STAT_CLOSED_AUTH_TIMEOUT), 0);
	for (i = 0; i < ARRAY_LEN(crowd); i++)
		peer_close(&crowd[i]);
	rig_end();
}
END_TEST

/* Authenticated, and then: no second header, or no resource. */
START_TEST(who_does_not_complete_the_login_is_sent_away)
{
	begin(CLIENT("<auth><timeout>3</timeout></auth>"
		     "<login><timeout>3</timeout></login>"));
	peer_greet(&peer);
	peer_authenticate(&peer, &frame);
	peer_succeed(&peer, &frame);
	if (_i)
		peer_greet(&peer);
	rig_await_count(STAT_CLOSED_AUTH_TIMEOUT, 1);
	rig_take(FRAME_CLOSE, &frame);
	finish();
}
END_TEST

START_TEST(while_the_worker_stood_still_nobody_was_late)
{
	begin(STANZA("<timeout>3</timeout>")
		CLIENT("<auth><timeout>3</timeout></auth>"));
	peer_login(&peer, &frame);
	peer_connect(&other, false);
	peer_send(&peer, "<presence");
	rig_await_count(STAT_CLIENTS_OPEN, 2);
	rig_stand_still(5000);
	peer_send(&peer, "/>");
	rig_take(FRAME_PRESENCE, &frame);
	peer_greet(&other);
	peer_close(&other);
	finish();
}
END_TEST

START_TEST(a_quiet_client_that_answers_pings_stays)
{
	int round;

	begin(CLIENT("<idle>4000</idle>"));
	peer_login(&peer, &frame);
	for (round = 0; round < 3; round++)
		peer_answer_ping(&peer, round % 2 ? "error" : "result");
	peer_send(&peer, "<presence/>");
	rig_take(FRAME_PRESENCE, &frame); /* and no answer before it */
	finish();
}
END_TEST

START_TEST(a_quiet_client_that_does_not_answer_is_sent_away)
{
	begin(CLIENT("<idle>2000</idle>"));
	peer_login(&peer, &frame);
	peer_expect(&peer, "<ping xmlns=\"urn:xmpp:ping\"/></iq>");
	peer_expect_error(&peer, "connection-timeout");
	ck_assert_uint_eq(rig_count(STAT_CLOSED_IDLE), 1);
	rig_take(FRAME_CLOSE, &frame);
	finish();
}
END_TEST

START_TEST(who_logged_in_by_iq_is_pinged_too)
{
	begin(CLIENT("<idle>2000</idle>"));
	peer_greet(&peer);
	peer_send(&peer,
	    "<iq type='set' id='a'><query xmlns='jabber:iq:auth'/></iq>");
	rig_take(FRAME_CREATE, &frame);
	rig_take(FRAME_IQ_REQUEST, &frame);
	rig_give(&frame, FRAME_IQ_ANSWER, "<iq type=\"result\" id=\"a\"/>");
	HAS_NOT(peer_expect(&peer, "<ping"), " to=\"");
	finish();
}
END_TEST

static void
add_sizes(TCase *tcase)
{
	tcase_add_test(tcase,
	    a_large_stanza_before_authentication_ends_the_stream);
	tcase_add_test(tcase, the_same_stanza_passes_after_authentication);
	tcase_add_test(tcase, a_stanza_over_the_limit_ends_the_stream);
	tcase_add_test(tcase, deep_nesting_ends_the_stream);
	tcase_add_test(tcase, many_attributes_end_the_stream);
	tcase_add_test(tcase, an_endless_header_ends_the_stream);
}

static void
add_times(TCase *tcase)
{
	tcase_add_test(tcase,
	    who_binds_is_bound_though_there_is_no_room_for_the_name);
	tcase_add_test(tcase, a_stanza_that_stays_incomplete_ends_the_stream);
	tcase_add_test(tcase, a_header_that_stays_incomplete_ends_the_stream);
	tcase_add_test(tcase, who_does_not_authenticate_is_sent_away);
	tcase_add_test(tcase, who_does_not_even_shake_hands_is_sent_away);
	tcase_add_test(tcase, a_stanza_that_comes_too_slowly_ends_the_stream);
	tcase_add_test(tcase, a_stanza_that_comes_fast_enough_in_bursts_passes);
	tcase_add_test(tcase,
	    who_is_always_in_the_midst_of_another_stanza_stays);
	tcase_add_test(tcase, each_answered_step_gives_time_for_the_next);
	tcase_add_test(tcase, all_steps_together_have_a_limit_too);
	tcase_add_loop_test(tcase, who_does_not_complete_the_login_is_sent_away,
	    0, 2);
	tcase_add_test(tcase, while_the_worker_stood_still_nobody_was_late);
	tcase_add_test(tcase, a_quiet_client_that_answers_pings_stays);
	tcase_add_test(tcase, a_quiet_client_that_does_not_answer_is_sent_away);
	tcase_add_test(tcase, who_logged_in_by_iq_is_pinged_too);
}

int
main(void)
{
	Suite *suite = suite_create("client limits");
	TCase *sizes = tcase_create("sizes");
	TCase *times = tcase_create("times");

	tcase_set_timeout(sizes, 40);
	tcase_set_timeout(times, 60);
	add_sizes(sizes);
	add_times(times);
	suite_add_tcase(suite, sizes);
	suite_add_tcase(suite, times);
	return run_suite(suite);
}
