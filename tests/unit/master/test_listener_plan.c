/* SPDX-License-Identifier: Apache-2.0 */
/* Who accepts on the master's listening sockets. */
#include "common/process/config.h"
#include "master/listener_plan.h"
#include "master/listeners.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"
#include "tests/unit/master/listeners_rig.h"

#include <check.h>
#include <stdlib.h>
#include <unistd.h>

#define HOLDERS 9

static unsigned moves;

static void
on_move(void *context, const struct listener *listener, int from)
{
	(void)context;
	ck_assert_int_ne(listener->holder, from);
	moves++;
}

static void
share(const int *serving, unsigned count)
{
	moves = 0;
	listener_plan_share(&listeners, serving, count, on_move, NULL);
}

static unsigned
held_by(int holder, bool direct_tls)
{
	unsigned count = 0, i;

	for (i = 0; i < listeners.count; i++)
		count += listeners.all[i].holder == holder &&
			 listeners.all[i].direct_tls == direct_tls;
	return count;
}

START_TEST(what_a_dead_one_held_goes_to_the_living_and_back)
{
	struct config_client client = both_kinds((char[]){ "127.0.0.1" });
	const int all[] = { 0, 1, 2 }, left[] = { 0, 2 };
	int lent, i;

	ck_assert_int_eq(want(&client, 3), 0);
	share(all, 3);
	for (i = 0; i < 3; i++)
		ck_assert_uint_eq(held_by(i, false), 1);
	listener_plan_drop_holder(&listeners, 1);
	share(left, 2);
	ck_assert_uint_eq(moves, 2);
	ck_assert_uint_eq(held_by(0, false) + held_by(2, false), 3);
	lent = held_by(0, false) == 2 ? 0 : 2;
	share(all, 3);
	ck_assert_uint_eq(moves, 2);
	ck_assert_uint_eq(held_by(lent, false), 1);
	ck_assert_uint_eq(held_by(1, false), 1);
	ck_assert_uint_eq(held_by(1, true), 1);
}
END_TEST

START_TEST(without_anybody_who_serves_all_stays)
{
	struct config_client client = both_kinds((char[]){ "127.0.0.1" });
	const int one[] = { 4 };

	ck_assert_int_eq(want(&client, 2), 0);
	share(one, 1);
	share(one, 0);
	ck_assert_uint_eq(moves, 0);
	ck_assert_uint_eq(held_by(4, false), 2);
}
END_TEST

/* Whoever serves has a socket of each address while there are enough, no
 * socket is without one who serves, and nothing moves twice. */
START_TEST(whoever_comes_and_goes_all_accept_and_all_is_accepted)
{
	struct config_client client = both_kinds((char[]){ "127.0.0.1" });
	unsigned step, i;
	bool serves[HOLDERS] = { false };
	int serving[HOLDERS];

	(void)seed_random("test_listener_plan");
	ck_assert_int_eq(want(&client, 5), 0);
	for (step = 0; step < 2000; step++) {
		unsigned count = 0;

		serves[random() % HOLDERS] ^= true;
		for (i = 0; i < HOLDERS; i++)
			if (serves[i])
				serving[count++] = (int)i;
			else if (random() % 2)
				listener_plan_drop_holder(&listeners, (int)i);
		share(serving, count);
		if (count == 0)
			continue;
		for (i = 0; i < listeners.count; i++)
			ck_assert_msg(serves[listeners.all[i].holder],
			    "socket %zu should be held by one that serves, not "
			    "by %d",
			    (size_t)i, listeners.all[i].holder);
		for (i = 0; count <= 5 && i < count; i++) {
			ck_assert_uint_ge(held_by(serving[i], false), 1);
			ck_assert_uint_ge(held_by(serving[i], true), 1);
		}
		share(serving, count);
		ck_assert_uint_eq(moves, 0);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("listeners, shared");
	TCase *tests = tcase_create("shared");

	tcase_add_checked_fixture(tests, NULL, listeners_rig_end);
	tcase_add_test(tests, what_a_dead_one_held_goes_to_the_living_and_back);
	tcase_add_test(tests, without_anybody_who_serves_all_stays);
	tcase_add_test(tests,
	    whoever_comes_and_goes_all_accept_and_all_is_accepted);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
