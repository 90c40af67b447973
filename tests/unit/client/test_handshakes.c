/* SPDX-License-Identifier: Apache-2.0 */
/* Whose TLS handshake begins next: in the order of coming, fair between
 * networks, and no more than the limit of the moment. */
#include "common/net/endpoint.h"
#include "tests/support/check/run_suite.h"
#include "worker/client/handshakes.h"

#include <check.h>
#include <stdint.h>
#include <stdio.h>

#define MANY 600

static struct handshakes handshakes;
static struct handshake *of[MANY];

/* Nothing looks into a client. */
static struct client *
client(unsigned number)
{
	return (struct client *)(uintptr_t)(number + 1);
}

static void
add(unsigned number, const char *address)
{
	struct endpoint peer;

	ck_assert_int_eq(endpoint_parse(address, 5222, &peer), 0);
	of[number] = handshakes_add(&handshakes, client(number), &peer);
}

static void
expect_next(unsigned most, unsigned number)
{
	ck_assert_ptr_eq(handshakes_next(&handshakes, most, 0), client(number));
	ck_assert_msg(!handshake_is_waiting(of[number]),
	    "client %u should not be waiting yet", (unsigned)number);
}

static void
expect_none(unsigned most)
{
	ck_assert_ptr_null(handshakes_next(&handshakes, most, 0));
}

static void
leave(unsigned number)
{
	handshakes_remove(&handshakes, of[number]);
	of[number] = NULL;
}

static void
begin(void)
{
	handshakes_init(&handshakes, 7);
}

static void
finish(void)
{
	unsigned i;

	for (i = 0; i < MANY; i++)
		leave(i);
	ck_assert_uint_eq(handshakes.waiting, 0);
	ck_assert_uint_eq(handshakes.under_way, 0);
	ck_assert_msg(list_is_empty(&handshakes.turns),
	    "no network should be waiting for its turn");
	for (i = 0; i < HANDSHAKE_NETWORKS; i++)
		ck_assert_msg(list_is_empty(&handshakes.networks[i]),
		    "nobody should wait in list %zu", (size_t)i);
}

START_TEST(one_network_is_served_in_the_order_of_coming)
{
	add(0, "192.0.2.1");
	add(1, "192.0.2.2");
	add(2, "192.0.2.1");
	expect_next(2, 0);
	expect_next(2, 1);
	expect_none(2);
	leave(1);
	expect_next(2, 2);
	expect_none(2);
}
END_TEST

/* However many come from one network: the others wait for one of them. */
START_TEST(networks_take_turns)
{
	static const char *const lone[] = { "198.51.100.7", "2001:db8:1::1",
		"2001:db8:2::1" };
	unsigned i;

	for (i = 0; i < 500; i++)
		add(i, i % 2 ? "192.0.2.1" : "192.0.2.200");
	expect_next(1, 0);
	for (i = 0; i < 3; i++)
		add(500 + i, lone[i]);
	leave(0);
	expect_next(1, 1);
	leave(1);
	for (i = 0; i < 3; i++) {
		expect_next(1, 500 + i);
		leave(500 + i);
	}
	expect_next(1, 2);
}
END_TEST

/* A /64 is what one host is given, a /24 what one person may have of IPv4. */
START_TEST(a_network_is_64_or_24_bits)
{
	static const char *const pairs[][2] = {
		{ "2001:db8::1", "2001:db8::ffff:1:2" },
		{ "192.0.2.1", "192.0.2.254" },
		{ "::ffff:192.0.2.1", "192.0.2.3" },
	};
	static const char *const strangers[] = { "2001:db8:0:1::1", "192.0.3.1",
		"192.0.3.1" };

	add(0, pairs[_i][0]);
	add(1, pairs[_i][1]);
	add(2, strangers[_i]);
	expect_next(9, 0);
	expect_next(9, 2);
	expect_next(9, 1);
}
END_TEST

START_TEST(the_limit_of_the_moment_counts)
{
	unsigned i;

	for (i = 0; i < 6; i++)
		add(i, "192.0.2.1");
	expect_next(2, 0);
	expect_next(2, 1);
	expect_none(2);
	expect_next(3, 2);
	expect_none(1);
	leave(0);
	leave(1);
	expect_none(1);
	leave(2);
	expect_next(1, 3);
}
END_TEST

START_TEST(who_leaves_while_waiting_is_passed_over)
{
	add(0, "192.0.2.1");
	add(1, "192.0.2.1");
	add(2, "198.51.100.1");
	add(3, "192.0.2.1");
	leave(0);
	leave(2);
	ck_assert_uint_eq(handshakes.waiting, 2);
	expect_next(9, 1);
	expect_next(9, 3);
	expect_none(9);
}
END_TEST

START_TEST(steps_are_taken_in_the_order_of_what_comes)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		add(i, "192.0.2.1");
	for (i = 0; i < 3; i++)
		expect_next(3, i);
	handshakes_note_ready(&handshakes, of[2]);
	handshakes_note_ready(&handshakes, of[0]);
	handshakes_note_ready(&handshakes, of[2]);
	handshakes_note_ready(&handshakes, of[1]);
	handshakes_note_ready(&handshakes, of[3]); /* has no place yet */
	leave(0);
	ck_assert_ptr_eq(handshakes_step(&handshakes), client(2));
	handshakes_note_ready(&handshakes, of[2]);
	ck_assert_ptr_eq(handshakes_step(&handshakes), client(1));
	ck_assert_ptr_eq(handshakes_step(&handshakes), client(2));
	ck_assert_ptr_null(handshakes_step(&handshakes));
}
END_TEST

START_TEST(the_oldest_is_who_began_first)
{
	unsigned i;

	ck_assert_ptr_null(handshakes_oldest(&handshakes, 99));
	for (i = 0; i < 3; i++)
		add(i, "192.0.2.1");
	ck_assert_ptr_null(handshakes_oldest(&handshakes, 99));
	ck_assert_ptr_eq(handshakes_next(&handshakes, 9, 10), client(0));
	ck_assert_ptr_eq(handshakes_next(&handshakes, 9, 12), client(1));
	ck_assert_ptr_null(handshakes_oldest(&handshakes, 9));
	ck_assert_ptr_eq(handshakes_oldest(&handshakes, 10), client(0));
	leave(0);
	ck_assert_ptr_null(handshakes_oldest(&handshakes, 11));
	ck_assert_ptr_eq(handshakes_oldest(&handshakes, 12), client(1));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("handshakes");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, begin, finish);
	tcase_add_test(all, one_network_is_served_in_the_order_of_coming);
	tcase_add_test(all, networks_take_turns);
	tcase_add_loop_test(all, a_network_is_64_or_24_bits, 0, 3);
	tcase_add_test(all, the_limit_of_the_moment_counts);
	tcase_add_test(all, who_leaves_while_waiting_is_passed_over);
	tcase_add_test(all, steps_are_taken_in_the_order_of_what_comes);
	tcase_add_test(all, the_oldest_is_who_began_first);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
