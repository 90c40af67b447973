/* SPDX-License-Identifier: Apache-2.0 */
/* What waits for a client counts, whoever wrote it, and the largest pays. */
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define CLIENT(options) "<xmpp><client>" options "</client></xmpp>"
#define CAP(bytes)      "<session><stalled><cap>" bytes "</cap></stalled></session>"
#define CROWD           24

static struct peer crowd[CROWD];

static void
give_messages(const struct rig_frame *to, int count, size_t len)
{
	char *text;
	int i;

	for (i = 0; i < count; i++) {
		text = peer_message(len, i);
		rig_give(to, FRAME_MESSAGE, text);
		free(text);
	}
}

START_TEST(who_does_not_read_is_cut_off_and_his_messages_come_back)
{
	int last = -1, number;

	rig_start("<session><stalled><cap>65536</cap></stalled></session>");
	peer_connect_small(&peer);
	peer_login(&peer, &session);
	give_messages(&session, 40, 4000);
	rig_take(FRAME_FAILED, &frame);
	do {
		ck_assert_int_eq(sscanf(strstr(frame.text, "id=\"m"),
				     "id=\"m%d.", &number),
		    1);
		if (last >= 0)
			ck_assert_int_eq(number, last + 1);
		last = number;
		rig_take_any(&frame);
	} while (frame.kind == FRAME_FAILED);
	ck_assert_uint_eq(frame.kind, FRAME_CLOSE);
	ck_assert_int_ge(last, 10);
	ck_assert_uint_eq(rig_count(STAT_CLOSED_OUTPUT_CAP), 1);
	finish();
}
END_TEST

static const enum frame_kind login_answers[] = { FRAME_SUCCESS, FRAME_FAILURE,
	FRAME_CHALLENGE };

/* The answer would move the stream on, but it is what closed it. */
START_TEST(an_answer_that_closes_the_stream_does_not_revive_it)
{
	char *text = malloc(300001);

	memset(text, 'x', 300000);
	text[300000] = '\0';
	rig_start("<session><stalled><cap>65536</cap></stalled></session>");
	peer_connect_small(&peer);
	peer_greet(&peer);
	peer_authenticate(&peer, &session);
	rig_give(&session, login_answers[_i], text);
	rig_take(FRAME_CLOSE, &frame);
	ck_assert_uint_eq(rig_count(STAT_CLOSED_OUTPUT_CAP), 1);
	if (login_answers[_i] != FRAME_CHALLENGE)
		rig_await_count(STAT_STATE_MOVES_REFUSED, 1);
	free(text);
	finish();
}
END_TEST

START_TEST(over_the_workers_cap_the_largest_pays_and_only_he)
{
	struct rig_frame small, large;
	bool closed = false, present = false;

	rig_start(CLIENT("<output><worker>1048576</worker></output>"));
	peer_connect_small(&peer);
	peer_login(&peer, &small);
	peer_connect_small(&other);
	peer_login(&other, &large);
	give_messages(&small, 30, 4000);
	give_messages(&large, 240, 4000);
	give_messages(&small, 30, 4000);
	rig_await_count(STAT_CLOSED_OUTPUT_CAP, 1);
	peer_send(&peer, "<presence/>");
	while (!closed || !present) {
		rig_take_any(&frame);
		closed |= frame.kind == FRAME_CLOSE;
		present |= frame.kind == FRAME_PRESENCE;
		ck_assert_uint_eq(frame.slot,
		    frame.kind == FRAME_PRESENCE ? small.slot : large.slot);
	}
	ck_assert_uint_eq(rig_count(STAT_CLOSED_OUTPUT_CAP), 1);
	peer_close(&other);
	finish();
}
END_TEST

/* --- our own words --- */

/* Sends what is answered by us until the worker ends the stream. */
static void
flood(struct peer *flooder, uint64_t closed)
{
	static const char words[] =
	    "<iq/><iq/><iq/><iq/><iq/><iq/><iq/><iq/><iq/><iq/>";
	int i;

	for (i = 0; rig_count(STAT_CLOSED_OUTPUT_CAP) < closed; i++) {
		ck_assert_int_lt(i, 10000000);
		if (peer_try_send(flooder, words, sizeof(words) - 1) == 0)
			rig_turn();
	}
}

START_TEST(who_asks_for_errors_and_reads_none_is_cut_off_before_login)
{
	uint64_t before;

	rig_start("");
	before = rig_occupied_bytes();
	peer_connect_small(&other);
	peer_greet(&other);
	flood(&other, 1);
	ck_assert_uint_lt(rig_occupied_bytes(), before + 1048576);
	peer_connect(&peer, false);
	rig_take(FRAME_RELEASE, &frame);
	peer_login(&peer, &frame);
	ck_assert_uint_eq(rig_count(STAT_CLOSED_OVERLOAD), 0);
	peer_close(&other);
	finish();
}
END_TEST

START_TEST(who_asks_for_errors_and_reads_none_is_cut_off_after_login)
{
	rig_start(CAP("131072"));
	peer_connect_small(&peer);
	peer_login(&peer, &frame);
	flood(&peer, 1);
	rig_take(FRAME_CLOSE, &frame);
	finish();
}
END_TEST

START_TEST(small_entries_count_with_what_they_take_up)
{
	int i;

	rig_start(CAP("65536"));
	peer_connect_small(&peer);
	peer_login(&peer, &frame);
	/* 40,000 bytes of payload, 66,000 of memory */
	for (i = 0; i < 4000; i++)
		rig_give(&frame, FRAME_OTHER, "<presence/>");
	rig_await_count(STAT_CLOSED_OUTPUT_CAP, 1);
	finish();
}
END_TEST

/* --- the worker's limit --- */

START_TEST(slow_clients_below_their_caps_cost_nobody_else_anything)
{
	uint64_t closed;
	int i;

	rig_start(CAP("65536")
		CLIENT("<output><worker>1048576</worker></output>"));
	peer_connect(&peer, false);
	peer_login(&peer, &session);
	for (i = 0; i < CROWD; i++) {
		peer_connect_small(&crowd[i]);
		peer_login_beside(&crowd[i], &frame);
		/* the last lets the most wait */
		give_messages(&frame, i < CROWD - 1 ? 14 : 15, 4000);
	}
	peer_connect(&other, false);
	peer_login_beside(&other, &frame);
	rig_give(&session, FRAME_MESSAGE, "<message id=\"still\"/>");
	peer_expect(&peer, "still\"/>");
	closed = rig_count(STAT_CLOSED_OUTPUT_CAP);
	ck_assert_uint_ge(closed, 3);
	ck_assert_uint_le(closed, CROWD);
	ck_assert_uint_eq(rig_count(STAT_CLOSED_OVERLOAD), 0);
	ck_assert_uint_eq(rig_count(STAT_CLIENTS_OPEN), CROWD + 2 - closed);
	for (i = 0; i < CROWD; i++)
		peer_close(&crowd[i]);
	peer_close(&other);
	finish();
}
END_TEST

/* --- what a closing client owes --- */

START_TEST(what_a_closing_client_owes_holds_up_nobody_in_its_lane)
{
	struct rig_frame first = { 0 }, last = { 0 };
	unsigned before = 0, i, lanes = 16;

	/* The slots go round the lanes: the last shares the first one's. */
	rig_start("<rings><up>65536</up></rings><sessions><max>32</max>"
		  "</sessions><xmpp><parser><buffer><size>10240</size>"
		  "</buffer></parser></xmpp>");
	for (i = 0; i <= lanes; i++) {
		peer_connect_small(&crowd[i]);
		peer_login(&crowd[i], i == 0 ? &first : &last);
	}
	ck_assert_uint_eq(first.slot % lanes, last.slot % lanes);
	give_messages(&first, 40, 4000);
	rig_give(&first, FRAME_SERVER_CLOSE, "");
	rig_await_count(STAT_STANZAS_RETURNED, 20);
	peer_send(&crowd[lanes], "<presence/>");
	rig_await_count(STAT_STANZAS_UP, 2 * lanes + 3);
	for (rig_take_any(&frame); frame.kind != FRAME_PRESENCE;
	     rig_take_any(&frame))
		before += frame.kind == FRAME_FAILED;
	ck_assert_uint_le(before, 4);
	while (frame.kind != FRAME_CLOSE)
		rig_take_any(&frame);
	for (i = 0; i <= lanes; i++)
		peer_close(&crowd[i]);
	rig_end();
}
END_TEST

static void
add_output(TCase *tcase)
{
	tcase_add_test(tcase,
	    what_a_closing_client_owes_holds_up_nobody_in_its_lane);
	tcase_add_loop_test(tcase,
	    an_answer_that_closes_the_stream_does_not_revive_it, 0,
	    ARRAY_LEN(login_answers));
	tcase_add_test(tcase,
	    who_does_not_read_is_cut_off_and_his_messages_come_back);
	tcase_add_test(tcase,
	    over_the_workers_cap_the_largest_pays_and_only_he);
	tcase_add_test(tcase,
	    who_asks_for_errors_and_reads_none_is_cut_off_before_login);
	tcase_add_test(tcase,
	    who_asks_for_errors_and_reads_none_is_cut_off_after_login);
	tcase_add_test(tcase, small_entries_count_with_what_they_take_up);
	tcase_add_test(tcase,
	    slow_clients_below_their_caps_cost_nobody_else_anything);
}

#define DEBTORS  20u
#define MESSAGES 500u /* of 8 KB to each */

/* Client after client is closed, and upstream takes nothing of what they owe.
 */
START_TEST(what_waits_for_its_way_back_has_a_limit)
{
	static struct peer debtors[DEBTORS];
	static struct rig_frame to[DEBTORS];
	uint64_t returned = 0;
	char text[8200];
	unsigned i, n;

	rig_start("<rings><up>65536</up></rings>"
		  "<xmpp><parser><buffer><size>10240</size></buffer></parser>"
		  "<client><output><worker>1048576</worker></output></client>"
		  "</xmpp>");
	for (i = 0; i < DEBTORS; i++) {
		peer_connect_small(&debtors[i]);
		peer_login(&debtors[i], &to[i]);
	}
	snprintf(text, sizeof(text), "<message><body>%08000u</body></message>",
	    1);
	for (i = 0; i < DEBTORS; i++)
		for (n = 0; n < MESSAGES; n++)
			rig_give(&to[i], FRAME_MESSAGE, text);
	rig_await_count(STAT_CLOSED_OUTPUT_CAP, DEBTORS - 1);
	for (i = 0; i < DEBTORS; i++)
		peer_close(&debtors[i]);
	while (rig_count(STAT_CLIENTS_OPEN) > 0 || rig_has_frame()) {
		while (rig_has_frame()) {
			rig_take_any(&frame);
			returned += frame.len;
		}
		rig_turn();
	}
	/* The limit, and what found room in the lanes' rings. */
	ck_assert_uint_lt(returned, 4u << 20);
	rig_end();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("output to clients");
	TCase *tcase = tcase_create("output");

	tcase_set_timeout(tcase, 60);
	add_output(tcase);
	tcase_add_test(tcase, what_waits_for_its_way_back_has_a_limit);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
