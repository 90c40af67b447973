/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Between <proceed/> and the first header under TLS nothing of ours leaves in
 * clear text, and what the server has for the session meanwhile goes back;
 * between success and the second header it waits.
 */
#include "common/xmpp/close.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <stdio.h>
#include <stdlib.h>

#define STARTTLS "<starttls xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>"
#define PROCEED  "<proceed xmlns=\"urn:ietf:params:xml:ns:xmpp-tls\"/>"
#define IQ_GET   "<iq type='get' id='g'><query xmlns='jabber:iq:auth'/></iq>"
#define HELD     "<message id=\"held\"/>"
#define MUCH     (1u << 20)
#define ROOMY \
	"<session><stalled><cap>67108864</cap></stalled></session>" \
	"<xmpp><client><output><preauth>67108864</preauth></output>" \
	"<auth><timeout>600</timeout></auth>" \
	"<login><timeout>%s</timeout></login></client></xmpp>"

/* A client in clear text whose session the server knows already. */
static void
begin_unprotected(const char *login_timeout_s)
{
	char options[256];

	snprintf(options, sizeof(options), ROOMY, login_timeout_s);
	rig_start(options);
	rig_server.offers[0].tls_policy = SERVER_TLS_OPTIONAL;
	rig_publish();
	peer_connect_small(&peer);
	peer_greet(&peer);
	peer_send(&peer, IQ_GET);
	rig_take(FRAME_CREATE, &session);
	rig_take(FRAME_IQ_REQUEST, &session);
}

/* The worker has turned; what it wrote to another counts as given, too. */
static void
let_it_turn(uint64_t *given_io)
{
	peer_connect(&other, false);
	peer_greet(&other);
	*given_io += strlen(other.expected);
	peer_close(&other);
	rig_take(FRAME_RELEASE, &frame);
}

/* So many answers that the socket is full and the worker keeps the rest: for
 * some turns nothing more of it is written. */
static void
fill_the_socket(void)
{
	static char much[MUCH];
	uint64_t given = rig_count(STAT_BYTES_DOWN), left, before;
	int i;

	memset(much, 'x', MUCH);
	memcpy(much, "<iq type=\"result\">", 18);
	memcpy(much + MUCH - 6, "</iq>", 6);
	do {
		rig_give(&session, FRAME_IQ_ANSWER, much);
		given += MUCH - 1;
		rig_await_taken();
		let_it_turn(&given);
		before = given - rig_count(STAT_BYTES_DOWN);
		for (i = 0; i < 5; i++)
			let_it_turn(&given);
		left = given - rig_count(STAT_BYTES_DOWN);
	} while (left < MUCH / 2 || left != before);
}

/* The worker has read <starttls/>, and <proceed/> waits. */
static void
send_starttls_behind_a_full_socket(void)
{
	uint64_t before;

	fill_the_socket();
	before = rig_count(STAT_BYTES_UP);
	peer_send(&peer, STARTTLS);
	rig_await_count(STAT_BYTES_UP, before + strlen(STARTTLS));
}

/* All that comes in clear text is what was there before, and <proceed/>. */
static void
read_clear_text(void)
{
	const char *text = peer_expect(&peer, PROCEED);

	HAS_NOT(text, "held");
	HAS(text, "</iq>" PROCEED);
}

/* The session of the clear text ends, and nothing of it is under TLS. */
static void
expect_nothing_held_under_tls(void)
{
	rig_take(FRAME_CLOSE, &frame);
	HAS_NOT(peer_greet(&peer), "held");
	rig_expect_no_frame();
	ck_assert_str_eq(peer_seen(&peer), "");
}

/* --- what the server has for it --- */

static const struct {
	enum frame_kind kind;
	const char *text;
	bool goes_back;
} items[] = {
	{ FRAME_MESSAGE, HELD, true },
	{ FRAME_PRESENCE, "<presence id=\"held\"/>", false },
	{ FRAME_IQ_REQUEST, "<iq type=\"get\" id=\"held\"><q/></iq>", true },
	{ FRAME_IQ_ANSWER, "<iq type=\"result\" id=\"held\"><q/></iq>", false },
	{ FRAME_OTHER, "<other id=\"held\"/>", false },
	{ FRAME_BOUNCE, "<iq type=\"error\" id=\"held\"/>", false },
};

START_TEST(what_comes_before_proceed_is_written_goes_back)
{
	begin_unprotected("600");
	send_starttls_behind_a_full_socket();
	rig_give(&session, items[_i].kind, items[_i].text);
	rig_await_taken();
	if (items[_i].goes_back) {
		rig_take_any(&frame);
		HAS(frame.text, "held");
	}
	read_clear_text();
	peer_start_tls(&peer);
	expect_nothing_held_under_tls();
	finish();
}
END_TEST

START_TEST(what_comes_in_the_handshake_is_of_no_session)
{
	begin_unprotected("600");
	peer_send(&peer, STARTTLS);
	peer_expect(&peer, PROCEED);
	rig_give(&session, items[_i].kind, items[_i].text);
	rig_await_count(STAT_FRAMES_STALE, 1);
	ck_assert_str_eq(peer_seen(&peer), "");
	peer_start_tls(&peer);
	expect_nothing_held_under_tls();
	finish();
}
END_TEST

/* --- between success and the second header --- */

static void
begin_second_stream(void)
{
	begin("");
	peer_greet(&peer);
	peer_authenticate(&peer, &session);
	peer_succeed(&peer, &session);
}

START_TEST(what_waits_keeps_its_order)
{
	char text[32];
	int i;

	begin_second_stream();
	for (i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "<message id=\"m%d.\"/>", i);
		rig_give(&session, FRAME_MESSAGE, text);
	}
	rig_await_taken();
	peer_greet(&peer);
	for (i = 0; i < 100; i++) {
		snprintf(text, sizeof(text), "<message id=\"m%d.\"/>", i);
		ck_assert_str_eq(peer_expect(&peer, "/>"), text);
	}
	finish();
}
END_TEST

/* --- the end meanwhile --- */

static void
kill_session(void)
{
	kill_session_for(CLOSE_KILLED_POLICY);
}

static void
end_by_error(void)
{
	rig_give(&session, FRAME_STREAM_ERROR, "<stream:error>held</a>");
}

static void
drain_worker(void)
{
	drain_worker_within(1);
}

/* Its time for the log-in is over. */
static void
let_time_pass(void)
{
}

/* What the server says of the session in clear text ends that session alone. */
static void (*const ends[])(void) = { kill_session, stop_worker, lose_server,
	drain_worker, let_time_pass };
/* Of these, what concerns a client whose session has ended; of a server that is
 * gone it is told at its header. */
static void (*const ends_without[])(void) = { stop_worker, let_time_pass };

static const char *
timeout_for(void (*end)(void))
{
	return end == let_time_pass ? "8" : "600";
}

static void
expect_returned(int end)
{
	rig_take(FRAME_FAILED, &frame);
	HAS(frame.text, "held");
	rig_take(FRAME_CLOSE, &frame);
	rig_expect_no_frame();
	if (ends[end] == stop_worker)
		rig_await_stopped();
}

START_TEST(an_end_before_proceed_is_written_says_nothing_in_clear_text)
{
	const char *text;

	begin_unprotected(timeout_for(ends[_i]));
	send_starttls_behind_a_full_socket();
	rig_give(&session, FRAME_MESSAGE, HELD);
	rig_await_taken();
	ends[_i]();
	while (!peer.ended) /* ctest bounds it */
		(void)peer_seen(&peer);
	text = peer_seen(&peer);
	HAS_NOT(text, "stream");
	HAS_NOT(text, "held");
	expect_returned(_i);
	finish();
}
END_TEST

START_TEST(an_end_in_the_handshake_says_nothing_in_clear_text)
{
	begin_unprotected(timeout_for(ends_without[_i]));
	peer_send(&peer, STARTTLS);
	peer_expect(&peer, PROCEED);
	rig_take(FRAME_CLOSE, &frame);
	ends_without[_i]();
	peer_expect_end(&peer, "");
	rig_expect_no_frame();
	if (ends_without[_i] == stop_worker)
		rig_await_stopped();
	ck_assert_uint_eq(rig_count(STAT_TLS_FAILURES), 0);
	finish();
}
END_TEST

START_TEST(an_end_before_the_second_header_follows_one_of_ours)
{
	begin_second_stream();
	rig_give(&session, FRAME_MESSAGE, HELD);
	rig_await_taken();
	if (_i) {
		end_by_error();
		HAS(peer_expect(&peer, HELD "<stream:error>"), "<?xml");
		peer_expect_end(&peer, "held</a></stream:stream>");
	} else {
		kill_session();
		peer_expect_refusal(&peer, "policy-violation");
		peer_close(&peer);
		rig_take(FRAME_FAILED, &frame);
		rig_take(FRAME_CLOSE, &frame);
		peer_connect(&peer, false);
	}
	finish();
}
END_TEST

static void
add_items(TCase *tcase)
{
	int count = (int)ARRAY_LEN(items);

	tcase_add_loop_test(tcase,
	    what_comes_before_proceed_is_written_goes_back, 0, count);
	tcase_add_loop_test(tcase, what_comes_in_the_handshake_is_of_no_session,
	    0, count);
	tcase_add_test(tcase, what_waits_keeps_its_order);
}

static void
add_ends(TCase *tcase)
{
	tcase_add_loop_test(tcase,
	    an_end_before_proceed_is_written_says_nothing_in_clear_text, 0,
	    (int)ARRAY_LEN(ends));
	tcase_add_loop_test(tcase,
	    an_end_in_the_handshake_says_nothing_in_clear_text, 0,
	    (int)ARRAY_LEN(ends_without));
	tcase_add_loop_test(tcase,
	    an_end_before_the_second_header_follows_one_of_ours, 0, 2);
}

int
main(void)
{
	Suite *suite = suite_create("client starttls");
	TCase *tcase = tcase_create("starttls");

	tcase_set_timeout(tcase, 60);
	add_items(tcase);
	add_ends(tcase);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
