/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Clients behind a load balancer that names them with a PROXY protocol header,
 * of either version, before STARTTLS, direct TLS or TLS of its own.
 */
#include "common/shm/directory.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define SOCKET(options) "<xmpp><socket>" options "</socket></xmpp>"
#define BALANCED \
	SOCKET("<default><proxy>192.0.2.0/24 127.0.0.1</proxy></default>" \
	       "<ssl><proxy>127.0.0.1</proxy></ssl>")
#define LINE "PROXY TCP4 198.51.100.7 127.0.0.1 49153 5222\r\n"

/* Version 2, from 198.51.100.8, port 49154. */
#define SIGNATURE "\r\n\r\n\0\r\nQUIT\n"
#define ADDRESSES "\xC6\x33\x64\x08\x7F\x00\x00\x01\xC0\x02\x14\x66"
static const char binary[] = SIGNATURE "\x21\x11\x00\x0C" ADDRESSES;
static const char binary_with_tls[] =
    SIGNATURE "\x21\x11\x00\x1E" ADDRESSES "\x20\x00\x0F\x01\x00\x00\x00\x00"
	      "\x21\x00\x07TLSv1.3";
static const char binary_local[] = SIGNATURE "\x20\x00\x00\x00";

#define SEND(peer, bytes) peer_send_bytes(peer, bytes, sizeof(bytes) - 1)

/* Whoever logs in next is known to the server by this address. */
static void
expect_address(const char *address)
{
	peer_send(&peer, PEER_AUTH);
	rig_take(FRAME_CREATE, &frame);
	HAS(frame.text, address);
	rig_take(FRAME_AUTH, &frame);
}

START_TEST(the_server_is_told_the_address_of_the_client)
{
	begin(BALANCED);
	if (_i == 0)
		SEND(&peer, LINE);
	else
		SEND(&peer, binary);
	HAS(peer_greet(&peer), "<mechanism>PLAIN</mechanism>");
	expect_address(_i == 0 ? "198.51.100.7" : "198.51.100.8");
	finish();
}
END_TEST

START_TEST(header_and_stream_may_come_in_any_pieces)
{
	static const char all[] = LINE PEER_HEADER;
	size_t at;

	begin(BALANCED);
	for (at = 0; at < sizeof(all) - 1; at++) {
		peer_send_bytes(&peer, all + at, 1);
		rig_turn();
	}
	peer_expect(&peer, "</stream:features>");
	expect_address("198.51.100.7");
	finish();
}
END_TEST

START_TEST(all_may_come_at_once)
{
	begin(BALANCED);
	SEND(&peer, LINE PEER_HEADER PEER_AUTH);
	peer_expect(&peer, "</stream:features>");
	rig_take(FRAME_CREATE, &frame);
	HAS(frame.text, "198.51.100.7");
	finish();
}
END_TEST

/* The header is before TLS, and no byte of TLS is taken for a part of it. */
START_TEST(direct_tls_begins_behind_the_header)
{
	begin(BALANCED);
	peer_close(&peer);
	peer_connect_port(&peer, rig_port(true));
	if (_i == 0)
		SEND(&peer, LINE);
	else
		SEND(&peer, binary);
	peer_start_tls(&peer);
	HAS_NOT(peer_greet(&peer), "<starttls");
	expect_address(_i == 0 ? "198.51.100.7" : "198.51.100.8");
	ck_assert_uint_eq(rig_info(&frame)->transport, TRANSPORT_DIRECT_TLS);
	finish();
}
END_TEST

START_TEST(starttls_keeps_the_address)
{
	begin(BALANCED);
	set_tls(SERVER_TLS_REQUIRED);
	SEND(&peer, LINE);
	HAS(peer_greet(&peer), "<starttls");
	peer_send(&peer, "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>");
	peer_expect(&peer, "/>");
	peer_start_tls(&peer);
	rig_take(FRAME_RELEASE, &frame);
	peer_greet(&peer);
	expect_address("198.51.100.7");
	finish();
}
END_TEST

/* Where the balancer speaks TLS nobody is asked to begin it again. */
START_TEST(tls_of_the_balancer_counts_as_ours)
{
	const char *features;

	begin(BALANCED);
	set_tls(SERVER_TLS_REQUIRED);
	SEND(&peer, binary_with_tls);
	features = peer_greet(&peer);
	HAS_NOT(features, "<starttls");
	HAS(features, "<mechanism>PLAIN</mechanism>");
	expect_address("198.51.100.8");
	ck_assert_uint_eq(rig_info(&frame)->transport, TRANSPORT_OFFLOADED);
	finish();
}
END_TEST

START_TEST(clear_text_through_a_balancer_counts_as_clear)
{
	begin(BALANCED);
	set_tls(SERVER_TLS_REQUIRED);
	SEND(&peer, binary);
	HAS_NOT(peer_greet(&peer), "<mechanism>");
	finish();
}
END_TEST

START_TEST(a_check_of_the_balancers_own_has_its_address)
{
	begin(BALANCED);
	SEND(&peer, binary_local);
	peer_greet(&peer);
	expect_address("127.0.0.1");
	finish();
}
END_TEST

START_TEST(a_check_that_only_connects_is_no_news)
{
	begin(BALANCED);
	if (_i >= 2) {
		peer_close(&peer);
		rig_await_count(STAT_CLOSED_PEER_LOST, 1);
		peer_connect_port(&peer, rig_port(true));
	}
	if (_i % 2 == 1)
		SEND(&peer, binary_local);
	peer_close(&peer);
	rig_await_count(STAT_CLOSED_PEER_LOST, _i >= 2 ? 2 : 1);
	ck_assert_uint_eq(rig_count(STAT_PROXY_REFUSED), 0);
	ck_assert_uint_eq(rig_count(STAT_TLS_FAILURES), 0);
	peer_connect(&peer, false);
	finish();
}
END_TEST

START_TEST(a_header_that_ends_with_the_connection_is_counted)
{
	begin(BALANCED);
	peer_send(&peer, "PROXY TCP4 198");
	peer_half_close(&peer);
	peer_expect_end(&peer, "");
	ck_assert_uint_eq(rig_count(STAT_PROXY_REFUSED), 1);
	finish();
}
END_TEST

static const char *const bad[] = {
	PEER_HEADER,
	"\x16\x03\x01\x02",
	"PROXY TCP4 198.51.100.7\r\n",
	"GET / HTTP/1.1\r\n\r\n",
	("PROXY TCP4 198.51.100.7 127.0.0.1 49153 5222 and much more than any "
	 "header can have in either version of the protocol"),
};

/* No word of XMPP: whoever is there speaks something else. */
START_TEST(without_a_good_header_there_is_no_answer)
{
	begin(BALANCED);
	peer_send(&peer, bad[_i]);
	peer_expect_end(&peer, "");
	rig_await_count(STAT_PROXY_REFUSED, 1);
	ck_assert_uint_eq(rig_count(STAT_CLOSED_PROXY_HEADER), 1);
	rig_expect_no_frame();
	peer_close(&peer);
	peer_connect(&peer, false);
	SEND(&peer, LINE);
	peer_greet(&peer);
	finish();
}
END_TEST

START_TEST(a_header_that_is_late_is_not_waited_for)
{
	begin(SOCKET("<default><proxy>127.0.0.1</proxy></default>"
		     "<proxy><timeout>1</timeout></proxy>"));
	peer_send(&peer, _i == 0 ? "" : "PROXY TCP4 198");
	peer_expect_end(&peer, "");
	ck_assert_uint_eq(rig_count(STAT_PROXY_REFUSED), 1);
	finish();
}
END_TEST

START_TEST(who_does_not_come_from_a_balancer_is_refused)
{
	begin(SOCKET("<default><proxy>192.0.2.0/24</proxy></default>"));
	if (_i == 0)
		peer_try_send(&peer, LINE, sizeof(LINE) - 1);
	rig_await_count(STAT_PROXY_REFUSED, 1);
	ck_assert_uint_eq(rig_count(STAT_CLIENTS_OPEN), 0);
	peer_close(&peer);
	/* The other port has no balancer. */
	peer_connect(&peer, true);
	peer_greet(&peer);
	finish();
}
END_TEST

/* Clients that begin like this come until one meets that end. */
static void
begin_until(const char *bytes, enum statistic end)
{
	uint64_t before = rig_count(end);

	while (rig_count(end) == before) {
		peer_connect(&other, false);
		peer_hand_over(&other, bytes);
		rig_turn();
		peer_close(&other);
	}
}

/* Who is connected stays as he is. */
START_TEST(balancers_come_and_go_by_reload)
{
	begin("");
	peer_greet(&peer);
	rig_configure(BALANCED);
	begin_until("x", STAT_CLOSED_PROXY_HEADER);
	peer_connect(&other, false);
	SEND(&other, LINE);
	peer_greet(&other);
	expect_address("127.0.0.1");
	peer_close(&peer);
	peer_close(&other);
	rig_configure("");
	begin_until(LINE, STAT_CLOSED_NOT_WELL_FORMED);
	peer_connect(&peer, false);
	peer_greet(&peer);
	finish();
}
END_TEST

START_TEST(the_worker_may_stop_while_a_header_is_due)
{
	begin(BALANCED);
	peer_send(&peer, "PROXY ");
	rig_turn();
	stop_worker();
	peer_expect_end(&peer, "");
	rig_await_stopped();
	peer_close(&peer);
	rig_end();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client_proxied");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, NULL, rig_end);
	tcase_set_timeout(all, 120);
	tcase_add_loop_test(all, the_server_is_told_the_address_of_the_client,
	    0, 2);
	tcase_add_test(all, header_and_stream_may_come_in_any_pieces);
	tcase_add_test(all, all_may_come_at_once);
	tcase_add_loop_test(all, direct_tls_begins_behind_the_header, 0, 2);
	tcase_add_test(all, starttls_keeps_the_address);
	tcase_add_test(all, tls_of_the_balancer_counts_as_ours);
	tcase_add_test(all, clear_text_through_a_balancer_counts_as_clear);
	tcase_add_test(all, a_check_of_the_balancers_own_has_its_address);
	tcase_add_loop_test(all, a_check_that_only_connects_is_no_news, 0, 4);
	tcase_add_test(all, a_header_that_ends_with_the_connection_is_counted);
	tcase_add_loop_test(all, without_a_good_header_there_is_no_answer, 0,
	    ARRAY_LEN(bad));
	tcase_add_loop_test(all, a_header_that_is_late_is_not_waited_for, 0, 2);
	tcase_add_loop_test(all, who_does_not_come_from_a_balancer_is_refused,
	    0, 2);
	tcase_add_test(all, balancers_come_and_go_by_reload);
	tcase_add_test(all, the_worker_may_stop_while_a_header_is_due);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
