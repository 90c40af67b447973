/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The limit on TLS handshakes under way (xmpp.client.handshakes): who waits,
 * until when, and what it costs the others.
 */
#include "tests/support/check/run_suite.h"
#include "tests/unit/client/fixture.h"

#include <check.h>
#include <stdio.h>

#define LIMIT(number)   "<handshakes>" number "</handshakes>"
#define CLIENT(options) "<xmpp><client>" options "</client></xmpp>"
#define ONE             CLIENT(LIMIT("1"))
#define STARTTLS        "<starttls xmlns='urn:ietf:params:xml:ns:xmpp-tls'/>"

/* A direct one that has begun and says no more. */
static void
stall(struct peer *who)
{
	peer_connect_port(who, rig_port(true));
	peer_hand_over(who, "\x16");
}

/* `peer` in clear text, `other` in the midst of the only handshake. */
static void
begin_stalled(const char *options)
{
	begin(options);
	peer_greet(&peer);
	stall(&other);
	rig_await_count(STAT_TLS_UNDER_WAY, 1);
}

static void
begin_waiting(struct peer *who)
{
	uint64_t waited = rig_count(STAT_TLS_WAITED);

	stall(who);
	rig_await_count(STAT_TLS_WAITED, waited + 1);
}

static void
await_nobody_waits(void)
{
	while (rig_count(STAT_TLS_WAITING) > 0)
		rig_turn();
}

START_TEST(one_waits_until_another_has_ended)
{
	struct peer third;

	begin_stalled(ONE);
	ck_assert_uint_eq(rig_count(STAT_TLS_WAITING), 0);
	stall(&third);
	rig_await_count(STAT_TLS_WAITED, 1);
	ck_assert_uint_eq(rig_count(STAT_TLS_WAITING), 1);
	ck_assert_uint_eq(rig_count(STAT_TLS_HANDSHAKES), 0);
	/* The others go on, in clear text. */
	peer_authenticate(&peer, &session);
	peer_close(&other);
	await_nobody_waits();
	peer_close(&third);
	rig_await_count(STAT_TLS_FAILURES, 2);
	finish();
}
END_TEST

START_TEST(who_has_waited_has_tls_like_others)
{
	begin_stalled(ONE);
	peer_close(&peer);
	peer_connect_port(&peer, rig_port(true));
	/* Given up by the worker for the sake of who waits. */
	peer_start_tls(&peer);
	ck_assert_uint_eq(rig_count(STAT_TLS_WAITED), 1);
	ck_assert_uint_eq(rig_count(STAT_CLOSED_OVERLOAD), 1);
	peer_greet(&peer);
	peer_expect_end(&other, "");
	peer_close(&other);
	finish();
}
END_TEST

START_TEST(starttls_waits_likewise_and_nothing_is_said_meanwhile)
{
	begin(ONE);
	set_tls(SERVER_TLS_OPTIONAL);
	HAS(peer_greet(&peer), "<starttls");
	stall(&other);
	rig_await_count(STAT_TLS_UNDER_WAY, 1);
	peer_send(&peer, STARTTLS);
	peer_expect(&peer, "/>");
	rig_await_count(STAT_TLS_WAITED, 1);
	rig_take(FRAME_RELEASE, &frame);
	if (_i == 0) {
		peer_close(&other);
		peer_start_tls(&peer);
		peer_greet(&peer);
	} else {
		stop_worker();
		peer_expect_end(&peer, "");
		peer_close(&other);
		rig_await_stopped();
	}
	finish();
}
END_TEST

START_TEST(a_greater_limit_lets_those_in_who_wait)
{
	struct peer third;

	begin_stalled(ONE);
	begin_waiting(&third);
	rig_configure(CLIENT(LIMIT("2")));
	await_nobody_waits();
	ck_assert_uint_eq(rig_count(STAT_TLS_FAILURES), 0);
	peer_close(&other);
	peer_close(&third);
	finish();
}
END_TEST

/* Without a place it has no more time than with one. */
START_TEST(waiting_ends_with_the_time_for_a_log_in)
{
	struct peer third;

	begin_stalled(CLIENT(LIMIT("1") "<auth><timeout>1</timeout></auth>"));
	begin_waiting(&third);
	peer_expect_end(&third, "");
	rig_await_count(STAT_CLOSED_AUTH_TIMEOUT, 2);
	await_nobody_waits();
	peer_close(&other);
	peer_close(&third);
	finish();
}
END_TEST

START_TEST(the_worker_may_stop_while_some_wait)
{
	struct peer third;

	begin_stalled(ONE);
	begin_waiting(&third);
	stop_worker();
	peer_expect_end(&third, "");
	peer_close(&third);
	peer_close(&other);
	rig_await_stopped();
	peer_close(&peer);
	rig_end();
}
END_TEST

/* A place is taken with the first byte. */
START_TEST(who_only_connects_takes_no_place)
{
	begin(ONE);
	peer_connect_port(&other, rig_port(true));
	rig_turn();
	peer_close(&peer);
	peer_connect(&peer, true);
	peer_greet(&peer);
	ck_assert_uint_eq(rig_count(STAT_TLS_WAITED), 0);
	peer_close(&other);
	finish();
}
END_TEST

/* --- behind a load balancer --- */

/* Its header says that it comes from this address. */
static void
connect_from(struct peer *who, const char *address)
{
	char header[128];

	(void)snprintf(header, sizeof(header),
	    "PROXY TCP4 %s 127.0.0.1 49153 5223\r\n", address);
	peer_connect_port(who, rig_port(true));
	peer_send(who, header);
}

/* All connect from one address, and take turns by that of which their headers
 * speak. */
START_TEST(networks_are_those_of_the_clients_behind_a_balancer)
{
	struct peer crowd[4];
	size_t i;

	begin("<xmpp><client>" LIMIT("1") "</client><socket><ssl><proxy>"
					  "127.0.0.1</proxy></ssl></socket></"
					  "xmpp>");
	for (i = 0; i < ARRAY_LEN(crowd); i++) {
		connect_from(&crowd[i], "198.51.100.7");
		peer_hand_over(&crowd[i], "\x16");
		rig_await_count(STAT_TLS_UNDER_WAY, 1);
		rig_await_count(STAT_TLS_WAITED, i);
	}
	connect_from(&other, "203.0.113.9");
	peer_start_tls(&other);
	/* Two had the place before, and not all four. */
	ck_assert_uint_eq(rig_count(STAT_CLOSED_OVERLOAD), 2);
	for (i = 0; i < ARRAY_LEN(crowd); i++)
		peer_close(&crowd[i]);
	peer_close(&other);
	finish();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("client_handshakes");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, NULL, rig_end);
	tcase_set_timeout(all, 120);
	tcase_add_test(all, one_waits_until_another_has_ended);
	tcase_add_test(all, who_has_waited_has_tls_like_others);
	tcase_add_loop_test(all,
	    starttls_waits_likewise_and_nothing_is_said_meanwhile, 0, 2);
	tcase_add_test(all, a_greater_limit_lets_those_in_who_wait);
	tcase_add_test(all, waiting_ends_with_the_time_for_a_log_in);
	tcase_add_test(all, the_worker_may_stop_while_some_wait);
	tcase_add_test(all, who_only_connects_takes_no_place);
	tcase_add_test(all,
	    networks_are_those_of_the_clients_behind_a_balancer);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
