/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A session that was available leaves before its close: the server is told, and
 * what it sends until it has confirmed that goes back (DELIVERY.md §6).
 */
#include "common/shm/directory.h"
#include "common/xmpp/close.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define END         "</stream:stream>"
#define UNAVAILABLE "<presence type=\"unavailable\"/>"
/* Closing clients have time. */
#define PATIENT \
	"<sessions><max>16</max></sessions>" \
	"<connection><ack><timeout>60000</timeout></ack></connection>"
#define STOP(seconds) "<stop><timeout>" seconds "</timeout></stop>"
#define SMALL_RINGS \
	"<rings><up>65536</up></rings><xmpp><parser><buffer><size>10240</" \
	"size>" \
	"</buffer></parser></xmpp>"
#define CAP "<session><stalled><cap>65536</cap></stalled></session>"

static void
become_present(struct peer *of)
{
	peer_send(of, "<presence/>");
	rig_take(FRAME_PRESENCE, &frame);
}

static void
begin_present(const char *options)
{
	rig_start(options);
	peer_connect_small(&peer);
	peer_login(&peer, &session);
	become_present(&peer);
}

static void
take_leave(void)
{
	rig_take(FRAME_PRESENCE, &frame);
	HAS(frame.text, UNAVAILABLE);
	rig_take(FRAME_LEAVE, &frame);
	ck_assert_str_eq(frame.text, "");
	ck_assert_uint_eq(frame.slot, session.slot);
}

static void
confirm(void)
{
	rig_give(&session, FRAME_LEFT, "");
}

static void
expect_returned(const char *name)
{
	rig_take(FRAME_FAILED, &frame);
	HAS(frame.text, name);
}

/* --- who leaves --- */

START_TEST(who_was_available_leaves_before_his_close)
{
	begin_present(PATIENT);
	peer_reset(&peer);
	take_leave();
	rig_give(&session, FRAME_MESSAGE, "<message id=\"one\"/>");
	rig_give(&session, FRAME_IQ_REQUEST,
	    "<iq type=\"get\" id=\"two\"><a/></iq>");
	rig_give(&session, FRAME_MESSAGE, "<message id=\"three\"/>");
	expect_returned("one");
	rig_take(FRAME_IQ_ANSWER, &frame);
	HAS(frame.text, "two");
	expect_returned("three");
	rig_expect_no_frame();
	ck_assert_uint_eq(rig_info(&session)->phase, SESSION_CLOSING);
	confirm();
	rig_take(FRAME_CLOSE, &frame);
	ck_assert_uint_eq(rig_count(STAT_LATE_MESSAGES), 0);
	ck_assert_uint_eq(rig_count(STAT_STANZAS_RETURNED), 3);
	peer_connect(&peer, false);
}
END_TEST

START_TEST(who_never_was_is_closed_at_once)
{
	begin_logged_in(PATIENT);
	peer_send(&peer, "<presence type='subscribe' to='b@example.org'/>");
	rig_take(FRAME_PRESENCE, &frame);
	peer_half_close(&peer);
	rig_take(FRAME_CLOSE, &frame);
}
END_TEST

START_TEST(who_has_not_logged_in_is_closed_at_once)
{
	begin(PATIENT);
	peer_greet(&peer);
	peer_send(&peer, "<presence/>");
	rig_take(FRAME_CREATE, &session);
	rig_take(FRAME_PRESENCE, &frame);
	peer_half_close(&peer);
	rig_take(FRAME_CLOSE, &frame);
}
END_TEST

/* He said so himself, and something may have been under way. */
START_TEST(who_is_unavailable_already_only_waits)
{
	begin_present(PATIENT);
	peer_send(&peer, UNAVAILABLE);
	rig_take(FRAME_PRESENCE, &frame);
	peer_send(&peer, END);
	peer_expect_end(&peer, END);
	peer_half_close(&peer);
	rig_take(FRAME_LEAVE, &frame);
	rig_give(&session, FRAME_MESSAGE, "<message id=\"late\"/>");
	rig_await_taken();
	confirm();
	expect_returned("late");
	rig_take(FRAME_CLOSE, &frame);
}
END_TEST

START_TEST(who_was_available_to_some_is_not_when_one_is_told_otherwise)
{
	begin_logged_in(PATIENT);
	peer_send(&peer, "<presence to='room@example.org/me'/>");
	rig_take(FRAME_PRESENCE, &frame);
	peer_send(&peer,
	    "<presence type='unavailable' to='room@example.org/me'/>");
	rig_take(FRAME_PRESENCE, &frame);
	peer_half_close(&peer);
	take_leave();
	confirm();
	rig_take(FRAME_CLOSE, &frame);
}
END_TEST

static const struct {
	enum frame_kind kind;
	const char *bytes;
} ends[] = {
	{ FRAME_SERVER_CLOSE, "" },
	{ FRAME_STREAM_ERROR, "<stream:error/>" },
	{ FRAME_NOT_FOUND, "" },
};

START_TEST(whom_the_server_ends_needs_no_leave)
{
	begin_present(PATIENT);
	rig_give(&session, ends[_i].kind, ends[_i].bytes);
	peer_expect(&peer, END);
	peer_half_close(&peer);
	rig_take(FRAME_CLOSE, &frame);
}
END_TEST

START_TEST(whom_the_server_ends_meanwhile_waits_no_longer)
{
	begin_present(PATIENT);
	peer_reset(&peer);
	take_leave();
	rig_give(&session, ends[_i].kind, ends[_i].bytes);
	rig_take(FRAME_CLOSE, &frame);
	ck_assert_uint_eq(rig_count(STAT_LEAVES_CUT_SHORT), 0);
	peer_connect(&peer, false);
}
END_TEST

START_TEST(whom_an_operator_ends_leaves)
{
	begin_present(PATIENT);
	kill_session_for(CLOSE_KILLED_POLICY);
	peer_expect(&peer, END);
	take_leave();
	peer_half_close(&peer);
	confirm();
	rig_take(FRAME_CLOSE, &frame);
}
END_TEST

/* --- its order --- */

static void
give_many(int count, size_t len)
{
	for (int i = 0; i < count; i++) {
		char *text = peer_message(len, i);

		rig_give(&session, FRAME_MESSAGE, text);
		free(text);
	}
}

/* Those that went back: numbered without a gap up to the last of `count`. */
static void
take_numbered(int count)
{
	int last = -1, number;

	while (last < count - 1) {
		rig_take(FRAME_FAILED, &frame);
		ck_assert_int_eq(sscanf(strstr(frame.text, "id=\"m"),
				     "id=\"m%d.", &number),
		    1);
		if (last >= 0)
			ck_assert_int_eq(number, last + 1);
		last = number;
	}
}

START_TEST(what_it_never_got_goes_back_before_what_comes_meanwhile)
{
	begin_present(PATIENT);
	give_many(50, 20000);
	rig_await_count(STAT_STANZAS_DOWN, 51);
	peer_reset(&peer);
	take_leave();
	rig_give(&session, FRAME_MESSAGE, "<message id=\"late\"/>");
	confirm();
	take_numbered(50);
	expect_returned("late");
	rig_take(FRAME_CLOSE, &frame);
	peer_connect(&peer, false);
}
END_TEST

START_TEST(who_is_cut_off_frees_what_waited_at_once)
{
	begin_present(CAP);
	give_many(40, 4000);
	rig_await_count(STAT_CLOSED_OUTPUT_CAP, 1);
	take_leave();
	take_numbered(40);
	rig_expect_no_frame();
	confirm();
	rig_take(FRAME_CLOSE, &frame);
}
END_TEST

/* He reads his last words at his own pace. */
START_TEST(the_close_waits_for_both)
{
	begin_present(PATIENT);
	give_many(50, 20000);
	rig_await_count(STAT_STANZAS_DOWN, 51);
	peer_send(&peer, "<bogus/>");
	take_leave();
	confirm();
	rig_await_taken();
	rig_wait_ms(100);
	rig_expect_no_frame();
	peer_expect(&peer, END);
	rig_take(FRAME_CLOSE, &frame);
	ck_assert_uint_eq(rig_count(STAT_STANZAS_RETURNED), 0);
}
END_TEST

/* --- its bounds --- */

START_TEST(without_a_word_from_the_server_it_ends_in_time)
{
	int64_t begun;

	begin_present(PATIENT);
	peer_reset(&peer);
	take_leave();
	begun = rig_now_ms();
	rig_give(&session, FRAME_MESSAGE, "<message id=\"late\"/>");
	expect_returned("late");
	rig_take(FRAME_CLOSE, &frame);
	ck_assert_int_ge(rig_now_ms() - begun, 3500);
	ck_assert_int_le(rig_now_ms() - begun, 8000);
	ck_assert_uint_eq(rig_count(STAT_LEAVES_CUT_SHORT), 1);
	peer_connect(&peer, false);
}
END_TEST

/* The other half of the time is for what upstream has to take. */
START_TEST(a_worker_that_stops_waits_half_its_time)
{
	int64_t begun;

	begin_present(PATIENT STOP("4"));
	begun = rig_now_ms();
	stop_worker();
	peer_expect(&peer, END);
	take_leave();
	peer_half_close(&peer);
	rig_take(FRAME_CLOSE, &frame);
	ck_assert_int_ge(rig_now_ms() - begun, 900);
	ck_assert_int_lt(rig_now_ms() - begun, 4000);
	rig_await_stopped();
}
END_TEST

START_TEST(a_worker_that_stops_ends_when_it_may)
{
	int64_t begun = rig_now_ms();

	begin_present(PATIENT);
	stop_worker();
	peer_expect(&peer, END);
	take_leave();
	peer_half_close(&peer);
	confirm();
	rig_take(FRAME_CLOSE, &frame);
	rig_await_stopped();
	ck_assert_int_lt(rig_now_ms() - begun, 3000);
	ck_assert_uint_eq(rig_count(STAT_LEAVES_CUT_SHORT), 0);
}
END_TEST

START_TEST(when_the_server_is_gone_nobody_waits_for_it)
{
	int64_t begun;

	begin_present(PATIENT);
	peer_reset(&peer);
	take_leave();
	set_phase(SERVER_HOLDING);
	begun = rig_now_ms();
	lose_server();
	rig_take(FRAME_CLOSE, &frame);
	ck_assert_int_lt(rig_now_ms() - begun, 2500);
	peer_connect(&peer, false);
}
END_TEST

START_TEST(who_is_sent_away_for_want_of_a_server_is_closed_at_once)
{
	begin_present(PATIENT);
	lose_server();
	peer_expect(&peer, END);
	peer_half_close(&peer);
	rig_take(FRAME_CLOSE, &frame);
}
END_TEST

/* --- a word too many --- */

START_TEST(left_twice_or_to_nobody_is_harmless)
{
	begin_present(PATIENT);
	confirm(); /* it does not leave */
	rig_await_taken();
	peer_reset(&peer);
	take_leave();
	confirm();
	confirm();
	rig_take(FRAME_CLOSE, &frame);
	confirm();
	rig_await_taken();
	ck_assert_uint_eq(rig_count(STAT_FRAMES_STALE), 0);
	ck_assert_uint_eq(rig_count(STAT_LATE_OTHERS), 0);
	peer_connect(&peer, false);
}
END_TEST

START_TEST(a_full_ring_holds_it_up_and_loses_nothing)
{
	bool left = false;
	int returned = 0;

	begin_present(SMALL_RINGS PATIENT);
	give_many(300, 4000);
	rig_await_count(STAT_STANZAS_DOWN, 301);
	peer_reset(&peer);
	rig_await_full();
	for (rig_take_any(&frame); frame.kind != FRAME_CLOSE;
	     rig_take_any(&frame)) {
		ck_assert_msg(!left || frame.kind == FRAME_FAILED,
		    "nothing but what goes back is behind the leave");
		returned += frame.kind == FRAME_FAILED;
		left |= frame.kind == FRAME_LEAVE;
		if (frame.kind == FRAME_LEAVE) {
			rig_give(&session, FRAME_MESSAGE, "<message/>");
			confirm();
		}
	}
	ck_assert_msg(left, "it leaves before");
	ck_assert_int_gt(returned, 100);
	HAS(frame.text, "<close/>");
	peer_connect(&peer, false);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("leave");
	TCase *tcase = tcase_create("leave");

	tcase_set_timeout(tcase, 40);
	tcase_add_checked_fixture(tcase, NULL, finish);
	tcase_add_test(tcase, who_was_available_leaves_before_his_close);
	tcase_add_test(tcase, who_never_was_is_closed_at_once);
	tcase_add_test(tcase, who_has_not_logged_in_is_closed_at_once);
	tcase_add_test(tcase, who_is_unavailable_already_only_waits);
	tcase_add_test(tcase,
	    who_was_available_to_some_is_not_when_one_is_told_otherwise);
	tcase_add_loop_test(tcase, whom_the_server_ends_needs_no_leave, 0,
	    (int)ARRAY_LEN(ends));
	tcase_add_loop_test(tcase,
	    whom_the_server_ends_meanwhile_waits_no_longer, 0,
	    (int)ARRAY_LEN(ends));
	tcase_add_test(tcase, whom_an_operator_ends_leaves);
	tcase_add_test(tcase,
	    what_it_never_got_goes_back_before_what_comes_meanwhile);
	tcase_add_test(tcase, who_is_cut_off_frees_what_waited_at_once);
	tcase_add_test(tcase, the_close_waits_for_both);
	tcase_add_test(tcase, without_a_word_from_the_server_it_ends_in_time);
	tcase_add_test(tcase, a_worker_that_stops_waits_half_its_time);
	tcase_add_test(tcase, a_worker_that_stops_ends_when_it_may);
	tcase_add_test(tcase, when_the_server_is_gone_nobody_waits_for_it);
	tcase_add_test(tcase,
	    who_is_sent_away_for_want_of_a_server_is_closed_at_once);
	tcase_add_test(tcase, left_twice_or_to_nobody_is_harmless);
	tcase_add_test(tcase, a_full_ring_holds_it_up_and_loses_nothing);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
