/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a client says when its stream is about to end for no fault of its own:
 * its worker reads it no more for the stream's sake, but answers it.
 */
#include "common/xmpp/close.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define CONFLICT \
	"<stream:error><conflict xmlns=\"urn:ietf:params:xml:ns:xmpp-" \
	"streams\"/></stream:error>"
#define SAID \
	"<message id='m1' to='a@example.org'><body>b</body></message>" \
	"<presence/>" \
	"<iq type='get' id='q1'><query xmlns='jabber:iq:roster'/></iq>" \
	"<iq type='result' id='r1' to='a@example.org/x'/>" \
	"<message id='e1' type='error' to='a@example.org'/>"

static const char *text;

/* What the peer says from now on stays in its socket. */
static void
hold(void)
{
	set_phase(SERVER_HOLDING);
	expect_refused();
}

static void
begin_held(bool direct_tls)
{
	rig_start("");
	peer_connect(&peer, direct_tls);
	peer_login(&peer, &session);
	hold();
}

/* --- ends --- */

static void
drain_worker(void)
{
	drain_worker_within(1);
}

static void
kill_session(void)
{
	kill_session_for(CLOSE_KILLED_SHUTDOWN);
}

static void
end_by_server(void)
{
	rig_give(&session, FRAME_SERVER_CLOSE, "");
}

static void
end_by_server_with_error(void)
{
	rig_give(&session, FRAME_SERVER_CLOSE, CONFLICT);
}

static void
end_by_stream_error(void)
{
	rig_give(&session, FRAME_STREAM_ERROR, CONFLICT);
}

static const struct {
	void (*bring_about)(void);
	const char *said; /* behind the answers */
} ends[] = {
	{ lose_server, "system-shutdown" },
	{ stop_worker, "system-shutdown" },
	{ drain_worker, "system-shutdown" },
	{ kill_session, "system-shutdown" },
	{ end_by_server, "</stream:stream>" },
	{ end_by_server_with_error, CONFLICT },
	{ end_by_stream_error, CONFLICT },
	{ forget_session, "<reset " },
};

static const char *
read_to_end(void)
{
	const char *all = peer_expect(&peer, "</stream:stream>");

	peer_expect_end(&peer, "");
	return all;
}

static void
expect_answers(const char *behind)
{
	const char *error;

	text = read_to_end();
	error = strstr(text, " id=\"m1\"");

	HAS(text, "<message ");
	ck_assert_ptr_nonnull(error);
	HAS(error, "remote-server-timeout");
	error = strstr(error, " id=\"q1\"");
	ck_assert_ptr_nonnull(error);
	HAS(error, "remote-server-timeout");
	HAS(error, behind); /* last */
	HAS_NOT(text, "r1");
	HAS_NOT(text, "e1");
	ck_assert_uint_eq(rig_count(STAT_UNREAD_ANSWERED), 2);
	ck_assert_uint_eq(rig_count(STAT_UNREAD_DROPPED), 3);
}

START_TEST(what_is_unread_at_an_end_is_answered_by_kind)
{
	begin_held(false);
	peer_hand_over(&peer, SAID);
	ends[_i].bring_about();
	expect_answers(ends[_i].said);
	rig_take(FRAME_CLOSE, &frame); /* and nothing of it went up */
	if (ends[_i].bring_about == stop_worker)
		rig_await_stopped();
	finish();
}
END_TEST

START_TEST(what_is_unread_under_tls_is_answered_too)
{
	begin_held(true);
	peer_hand_over(&peer, SAID);
	lose_server();
	expect_answers("system-shutdown");
	finish();
}
END_TEST

START_TEST(a_stanza_that_came_in_part_before_is_answered_whole)
{
	begin_logged_in("");
	peer_send(&peer, "<presence/><message id='m1'>");
	rig_take(FRAME_PRESENCE, &frame);
	hold();
	peer_hand_over(&peer,
	    "<body>b</body></message><message id='m2'><body>");
	lose_server();
	text = read_to_end();
	HAS(text, "id=\"m1\"");
	ck_assert_uint_eq(rig_count(STAT_UNREAD_ANSWERED), 1);
	ck_assert_uint_eq(rig_count(STAT_UNREAD_BYTES),
	    strlen("<message id='m2'><body>"));
	finish();
}
END_TEST

START_TEST(before_log_in_a_request_is_answered_too)
{
	begin("");
	peer_greet(&peer);
	hold();
	peer_hand_over(&peer,
	    "<iq type='set' id='q1'><query xmlns='jabber:iq:register'/></iq>"
	    "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl'/>"
	    "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
	lose_server();
	text = read_to_end();
	HAS(text, "id=\"q1\"");
	ck_assert_uint_eq(rig_count(STAT_UNREAD_DROPPED), 2);
	finish();
}
END_TEST

static const char *const broken[] = { "</x>", "</stream:stream>", "<!-- -->",
	"<?xml version='1.0'?>" };

START_TEST(behind_what_is_no_stanza_nothing_is_answered)
{
	begin_held(false);
	peer_send(&peer, "<message id='m1'/>");
	peer_send(&peer, broken[_i]);
	peer_hand_over(&peer, "<message id='m2'/>");
	lose_server();
	text = read_to_end();
	HAS(text, "system-shutdown");
	ck_assert_uint_eq(rig_count(STAT_UNREAD_ANSWERED), 1);
	ck_assert_uint_eq(rig_count(STAT_CLOSED_UPSTREAM_LOST), 1);
	finish();
}
END_TEST

#define FLOOD_BYTES 200000

START_TEST(no_more_than_so_much_is_read_at_an_end)
{
	static const char message[] = "<message id='m1' to='a@example.org'/>";
	char *said = malloc(FLOOD_BYTES), whole[90000];
	size_t count = FLOOD_BYTES / (sizeof(message) - 1), i;

	said[0] = '\0';
	for (i = 0; i < count; i++)
		memcpy(said + i * (sizeof(message) - 1), message,
		    sizeof(message));
	begin_held(false);
	snprintf(whole, sizeof(whole), "%s", said);
	peer_hand_over(&peer, whole);
	peer_send(&peer, said + strlen(whole));
	lose_server();
	text = read_to_end();
	HAS(text, "system-shutdown");
	ck_assert_uint_ge(rig_count(STAT_UNREAD_ANSWERED),
	    65536 / sizeof(message));
	ck_assert_uint_lt(rig_count(STAT_UNREAD_ANSWERED), count);
	rig_await_count(STAT_UNREAD_BYTES, FLOOD_BYTES / 4);
	free(said);
	finish();
}
END_TEST

/* One more than a ring of 64 KiB has room for. */
#define MESSAGES      7
#define MESSAGE_BYTES 9400

static void
begin_with_more_than_the_ring_takes(void)
{
	char *message;
	int i;

	begin_logged_in("<rings><up>65536</up></rings><xmpp><parser><buffer>"
			"<size>10240</size></buffer></parser></xmpp>");
	for (i = 0; i < MESSAGES; i++) {
		message = peer_message(MESSAGE_BYTES, i);
		peer_send(&peer, message);
		free(message);
	}
	rig_await_full();
}

/* Some of the messages are with upstream, the others were answered; how many
 * upstream has. */
static int
expect_the_rest_answered(void)
{
	int taken = 0;

	for (rig_take_any(&frame); frame.kind == FRAME_MESSAGE;
	     rig_take_any(&frame))
		taken++;
	ck_assert_uint_eq(frame.kind, FRAME_CLOSE);
	ck_assert_int_gt(taken, 2);
	ck_assert_int_lt(taken, MESSAGES);
	ck_assert_uint_eq(rig_count(STAT_UNREAD_ANSWERED),
	    (unsigned)(MESSAGES - taken));
	return taken;
}

START_TEST(what_waits_for_room_is_answered_too)
{
	long first;

	begin_with_more_than_the_ring_takes();
	hold();
	lose_server();
	text = strstr(read_to_end(), " id=\"m");
	ck_assert_msg(text != NULL, "no message is answered");
	first = strtol(text + strlen(" id=\"m"), NULL, 10);
	ck_assert_msg(first == expect_the_rest_answered(),
	    "the first answer is to message %ld, not to the first that "
	    "upstream does not have",
	    first);
	finish();
}
END_TEST

START_TEST(what_waits_for_room_is_answered_when_the_server_has_closed)
{
	begin_with_more_than_the_ring_takes();
	(_i ? forget_session : end_by_server)();
	text = read_to_end();
	HAS(text, "remote-server-timeout");
	(void)expect_the_rest_answered();
	finish();
}
END_TEST

/* In one read, and in several. */
START_TEST(what_is_unread_behind_the_header_of_a_log_in_is_answered)
{
	char said[40000] = PEER_HEADER PEER_BIND "<message id='m1'/>";
	const char *head, *answer;

	if (_i) {
		memset(said + strlen(said), 0x20, 30000);
		strcpy(said + 30000, "<message id='m2'/>");
	}
	begin("");
	peer_greet(&peer);
	peer_authenticate(&peer, &session);
	peer_succeed(&peer, &session);
	hold();
	peer_hand_over(&peer, said);
	lose_server();
	text = read_to_end();
	head = strstr(text, "<stream:stream ");
	answer = strstr(text, "id=\"m1\"");
	ck_assert_ptr_nonnull(head);
	ck_assert_ptr_nonnull(answer);
	ck_assert_msg(head < answer,
	    "the header should come before the answer: %s", text);
	ck_assert_ptr_null(strstr(head + 1, "<stream:stream "));
	HAS(answer, "system-shutdown");
	HAS(text, _i ? "id=\"m2\"" : "id=\"b\"");
	ck_assert_uint_eq(rig_count(STAT_UNREAD_ANSWERED), _i ? 3 : 2);
	finish();
}
END_TEST

START_TEST(what_waits_for_a_log_in_is_counted)
{
	static const char early[] = PEER_HEADER PEER_BIND "<message id='m1'/>";

	begin("");
	peer_greet(&peer);
	peer_authenticate(&peer, &session);
	peer_send(&peer, early);
	rig_await_count(STAT_BYTES_UP,
	    strlen(PEER_HEADER) + strlen(PEER_AUTH) + strlen(early));
	lose_server();
	HAS(read_to_end(), "system-shutdown");
	rig_await_count(STAT_UNREAD_BYTES, strlen(early));
	ck_assert_uint_eq(rig_count(STAT_UNREAD_BYTES), strlen(early));
	finish();
}
END_TEST

/* It is free to be handled when the server is away, and then the stream ends:
 * more than goes before the room that new bytes are read into. */
START_TEST(much_that_waited_for_a_log_in_is_answered)
{
	char early[4096] = PEER_HEADER "<message id='m1'/>";

	memset(early + strlen(early), ' ', 3000);
	rig_start("");
	peer_connect(&peer, false);
	peer_greet(&peer);
	peer_send(&peer, PEER_AUTH);
	rig_take(FRAME_CREATE, &session);
	rig_take(FRAME_AUTH, &frame);
	peer_send(&peer, early);
	rig_await_count(STAT_BYTES_UP,
	    strlen(PEER_HEADER) + strlen(PEER_AUTH) + strlen(early));
	hold();
	rig_give(&session, FRAME_SUCCESS, RIG_SUCCESS);
	peer_expect(&peer, RIG_SUCCESS);
	ends[_i].bring_about();
	text = read_to_end();
	HAS(text, "id=\"m1\"");
	HAS(text, ends[_i].said);
	ck_assert_uint_eq(rig_count(STAT_UNREAD_ANSWERED), 1);
	finish();
}
END_TEST

START_TEST(at_an_end_of_its_own_making_nothing_is_answered)
{
	begin_logged_in("");
	peer_send(&peer, "</x><message id='m1'/>");
	text = read_to_end();
	HAS_NOT(text, "m1");
	ck_assert_uint_eq(rig_count(STAT_UNREAD_ANSWERED), 0);
	finish();
}
END_TEST

/* --- the mass disconnect --- */

START_TEST(who_waits_for_the_mass_disconnect_is_not_read_from)
{
	struct rig_frame first;

	rig_start("<xmpp><server><disconnect><window>3600</window></disconnect>"
		  "</server></xmpp>");
	peer_connect(&other, false);
	peer_login(&other, &first);
	peer_connect(&peer, false);
	peer_login(&peer, &session);
	lose_server();
	peer_expect_error(&other, "system-shutdown");
	peer_close(&other);
	rig_take(FRAME_CLOSE, &frame);
	peer_hand_over(&peer, SAID);
	expect_refused();
	expect_refused(); /* the worker has turned since */
	rig_expect_no_frame();
	stop_worker();
	expect_answers("system-shutdown");
	rig_take(FRAME_CLOSE, &frame);
	rig_await_stopped();
	finish();
}
END_TEST

START_TEST(what_came_down_before_the_mass_disconnect_is_told_before_it)
{
	begin_held(false);
	rig_freeze();
	rig_give(&session, FRAME_BOUNCE, "<message type=\"error\" id=\"x\"/>");
	lose_server();
	rig_thaw();
	text = read_to_end();
	HAS(text, "id=\"x\"");
	finish();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("unread at the end");
	TCase *tcase = tcase_create("unread");

	tcase_set_timeout(tcase, 60);
	tcase_add_loop_test(tcase, what_is_unread_at_an_end_is_answered_by_kind,
	    0, (int)ARRAY_LEN(ends));
	tcase_add_test(tcase, what_is_unread_under_tls_is_answered_too);
	tcase_add_test(tcase,
	    a_stanza_that_came_in_part_before_is_answered_whole);
	tcase_add_test(tcase, before_log_in_a_request_is_answered_too);
	tcase_add_loop_test(tcase, behind_what_is_no_stanza_nothing_is_answered,
	    0, (int)ARRAY_LEN(broken));
	tcase_add_test(tcase, no_more_than_so_much_is_read_at_an_end);
	tcase_add_test(tcase, what_waits_for_room_is_answered_too);
	tcase_add_loop_test(tcase,
	    what_waits_for_room_is_answered_when_the_server_has_closed, 0, 2);
	tcase_add_loop_test(tcase,
	    what_is_unread_behind_the_header_of_a_log_in_is_answered, 0, 2);
	tcase_add_test(tcase, what_waits_for_a_log_in_is_counted);
	tcase_add_loop_test(tcase, much_that_waited_for_a_log_in_is_answered, 0,
	    (int)ARRAY_LEN(ends));
	tcase_add_test(tcase, at_an_end_of_its_own_making_nothing_is_answered);
	tcase_add_test(tcase,
	    who_waits_for_the_mass_disconnect_is_not_read_from);
	tcase_add_test(tcase,
	    what_came_down_before_the_mass_disconnect_is_told_before_it);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
