/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Direct TLS and STARTTLS on one port (xmpp.socket.default.direct): the first
 * byte says which it is.
 */
#include "common/net/tls.h"
#include "common/shm/directory.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SOCKET(options) "<xmpp><socket>" options "</socket></xmpp>"
#define ONE_PORT        SOCKET("<default><direct>true</direct></default>")
#define BALANCED \
	SOCKET("<default><direct>true</direct><proxy>127.0.0.1</proxy>" \
	       "</default>")
#define LINE     "PROXY TCP4 198.51.100.7 127.0.0.1 49153 5222\r\n"
#define STARTTLS "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"

/* Version 2, with the balancer's word that the client speaks TLS with it. */
static const char binary_with_tls[] =
    "\r\n\r\n\0\r\nQUIT\n\x21\x11\x00\x1E\xC6\x33\x64\x08\x7F\x00\x00\x01\xC0"
    "\x02\x14\x66\x20\x00\x0F\x01\x00\x00\x00\x00\x21\x00\x07TLSv1.3";

static void
expect_transport(uint8_t transport)
{
	peer_authenticate(&peer, &session);
	ck_assert_uint_eq(rig_info(&session)->transport, transport);
}

START_TEST(a_client_that_begins_with_tls_has_direct_tls)
{
	begin(ONE_PORT);
	peer_start_tls(&peer);
	HAS_NOT(peer_greet(&peer), "<starttls");
	expect_transport(TRANSPORT_DIRECT_TLS);
	ck_assert_uint_eq(rig_count(STAT_TLS_HANDSHAKES), 1);
	finish();
}
END_TEST

START_TEST(on_the_same_port_others_have_starttls_or_none)
{
	begin(ONE_PORT);
	set_tls(SERVER_TLS_OPTIONAL);
	HAS(peer_greet(&peer), "<starttls");
	if (_i == 1) {
		peer_send(&peer, STARTTLS);
		peer_expect(&peer, "/>");
		peer_start_tls(&peer);
		rig_take(FRAME_RELEASE, &frame);
		peer_greet(&peer);
	}
	expect_transport(_i == 1 ? TRANSPORT_STARTTLS : 0);
	finish();
}
END_TEST

/* A server that offers no STARTTLS says nothing about direct TLS. */
START_TEST(the_policy_of_starttls_is_not_that_of_direct_tls)
{
	begin(ONE_PORT);
	set_tls(SERVER_TLS_DISABLED);
	peer_start_tls(&peer);
	peer_greet(&peer);
	expect_transport(TRANSPORT_DIRECT_TLS);
	finish();
}
END_TEST

START_TEST(a_stream_may_come_in_any_pieces)
{
	static const char all[] = PEER_HEADER;
	size_t at;

	begin(ONE_PORT);
	for (at = 0; at < sizeof(all) - 1; at++) {
		peer_send_bytes(&peer, all + at, 1);
		rig_turn();
	}
	peer_expect(&peer, "</stream:features>");
	finish();
}
END_TEST

/* Its first byte alone, and then nothing that TLS would know. */
START_TEST(what_begins_like_tls_is_not_answered_in_clear_text)
{
	begin(ONE_PORT);
	peer_send(&peer, "\x16");
	rig_turn();
	peer_send(&peer, PEER_HEADER);
	peer_half_close(&peer);
	rig_await_count(STAT_CLOSED_TLS_FAILED, 1);
	HAS_NOT(peer_seen(&peer), "<");
	ck_assert_uint_eq(rig_count(STAT_TLS_FAILURES), 1);
	finish();
}
END_TEST

/* Only the first byte counts. */
START_TEST(tls_later_in_a_stream_is_not_well_formed)
{
	begin(ONE_PORT);
	if (_i == 0)
		peer_send(&peer, " \x16\x03\x01");
	else
		peer_greet(&peer);
	peer_send(&peer, "\x16\x03\x01");
	rig_await_count(STAT_CLOSED_NOT_WELL_FORMED, 1);
	finish();
}
END_TEST

START_TEST(without_the_option_tls_is_not_well_formed)
{
	begin("");
	peer_try_tls(&peer);
	rig_await_count(STAT_CLOSED_NOT_WELL_FORMED, 1);
	ck_assert_uint_eq(rig_count(STAT_TLS_FAILURES), 0);
	finish();
}
END_TEST

START_TEST(without_a_certificate_the_option_has_no_effect)
{
	rig_without_certificate = true;
	begin(ONE_PORT);
	peer_try_tls(&peer);
	rig_await_count(STAT_CLOSED_NOT_WELL_FORMED, 1);
	peer_close(&peer);
	peer_connect(&peer, false);
	peer_greet(&peer);
	finish();
}
END_TEST

START_TEST(the_proxy_header_comes_before_either)
{
	begin(BALANCED);
	peer_send(&peer, LINE);
	if (_i == 0)
		peer_start_tls(&peer);
	peer_greet(&peer);
	peer_send(&peer, PEER_AUTH);
	rig_take(FRAME_CREATE, &frame);
	HAS(frame.text, "198.51.100.7");
	rig_take(FRAME_AUTH, &frame);
	ck_assert_uint_eq(rig_info(&frame)->transport,
	    _i == 0 ? TRANSPORT_DIRECT_TLS : 0);
	finish();
}
END_TEST

START_TEST(header_and_stream_may_come_at_once)
{
	begin(BALANCED);
	peer_send(&peer, LINE PEER_HEADER);
	peer_expect(&peer, "</stream:features>");
	finish();
}
END_TEST

START_TEST(tls_is_no_header)
{
	begin(BALANCED);
	peer_try_tls(&peer);
	rig_await_count(STAT_CLOSED_PROXY_HEADER, 1);
	finish();
}
END_TEST

/* Where the balancer has TLS with it there is no other inside. */
START_TEST(tls_is_not_looked_for_within_tls_of_the_balancer)
{
	begin(BALANCED);
	peer_send_bytes(&peer, binary_with_tls, sizeof(binary_with_tls) - 1);
	peer_try_tls(&peer);
	rig_await_count(STAT_CLOSED_NOT_WELL_FORMED, 1);
	finish();
}
END_TEST

/* As without the option: by the time-out of a log-in, and told. */
START_TEST(who_says_nothing_is_not_waited_for)
{
	begin("<xmpp><socket><default><direct>true</direct></default></socket>"
	      "<client><auth><timeout>1</timeout></auth></client></xmpp>");
	peer_expect_refusal(&peer, "connection-timeout");
	ck_assert_uint_eq(rig_count(STAT_CLOSED_AUTH_TIMEOUT), 1);
	finish();
}
END_TEST

START_TEST(tls_does_not_begin_behind_our_last_words)
{
	begin(ONE_PORT);
	rig_turn();
	drain_worker_within(1);
	peer_expect(&peer, "</stream:stream>");
	peer_hand_over(&peer, "\x16\x03\x01");
	rig_await_count(STAT_CLOSED_DRAINED, 1);
	finish();
}
END_TEST

/* On the one port, and on that of direct TLS. */
START_TEST(who_only_connects_is_no_news)
{
	begin(ONE_PORT);
	if (_i == 1) {
		peer_connect_port(&other, rig_port(true));
		peer_close(&other);
	} else {
		peer_close(&peer);
		peer_connect(&peer, false);
	}
	rig_await_count(STAT_CLOSED_PEER_LOST, 1);
	ck_assert_uint_eq(rig_count(STAT_TLS_FAILURES), 0);
	finish();
}
END_TEST

/* Who is connected stays as he is. */
START_TEST(the_option_comes_and_goes_by_reload)
{
	begin("");
	rig_configure(ONE_PORT);
	while (rig_count(STAT_TLS_HANDSHAKES) == 0) {
		peer_connect(&other, false);
		peer_try_tls(&other);
		peer_close(&other);
	}
	peer_greet(&peer);
	rig_configure("");
	while (rig_count(STAT_CLOSED_NOT_WELL_FORMED) == 0) {
		peer_connect(&other, false);
		peer_try_tls(&other);
		peer_close(&other);
	}
	finish();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client_one_port");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, NULL, rig_end);
	tcase_set_timeout(all, 120);
	tcase_add_test(all, a_client_that_begins_with_tls_has_direct_tls);
	tcase_add_loop_test(all, on_the_same_port_others_have_starttls_or_none,
	    0, 2);
	tcase_add_test(all, the_policy_of_starttls_is_not_that_of_direct_tls);
	tcase_add_test(all, a_stream_may_come_in_any_pieces);
	tcase_add_test(all, what_begins_like_tls_is_not_answered_in_clear_text);
	tcase_add_loop_test(all, tls_later_in_a_stream_is_not_well_formed, 0,
	    2);
	tcase_add_test(all, without_the_option_tls_is_not_well_formed);
	tcase_add_test(all, without_a_certificate_the_option_has_no_effect);
	tcase_add_loop_test(all, the_proxy_header_comes_before_either, 0, 2);
	tcase_add_test(all, header_and_stream_may_come_at_once);
	tcase_add_test(all, tls_is_no_header);
	tcase_add_test(all, tls_is_not_looked_for_within_tls_of_the_balancer);
	tcase_add_test(all, who_says_nothing_is_not_waited_for);
	tcase_add_test(all, tls_does_not_begin_behind_our_last_words);
	tcase_add_loop_test(all, who_only_connects_is_no_news, 0, 2);
	tcase_add_test(all, the_option_comes_and_goes_by_reload);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
