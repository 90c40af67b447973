/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a process counts as hung; time and heartbeats are numbers here.
 */
#include "master/child_policy.h"
#include "tests/support/check/run_suite.h"

#include <check.h>

static struct child_liveness liveness;

static void
setup(void)
{
	child_liveness_start(&liveness, 7, 100);
}

#define PATIENCE_S 10

static void
expect_alive(uint64_t heartbeat, double now)
{
	ck_assert_msg(!child_liveness_is_lost(&liveness, heartbeat, now,
			  PATIENCE_S),
	    "it should not be lost at %g s", now);
}

static void
expect_lost(uint64_t heartbeat, double now)
{
	ck_assert_msg(child_liveness_is_lost(&liveness, heartbeat, now,
			  PATIENCE_S),
	    "it should be lost at %g s", now);
}

START_TEST(one_that_moves_is_never_lost)
{
	uint64_t word;

	for (word = 8; word < 100; word++)
		expect_alive(word, 100 + (double)word * 9);
}
END_TEST

START_TEST(one_that_stands_still_is_lost_at_the_time_and_once)
{
	expect_alive(7, 109.9);
	expect_lost(7, 110);
	expect_alive(7, 500);
}
END_TEST

START_TEST(the_time_counts_from_the_last_move_that_was_seen)
{
	expect_alive(8, 109);
	expect_alive(8, 118);
	expect_lost(8, 119);
}
END_TEST

START_TEST(one_that_was_lost_and_moves_again_can_be_lost_again)
{
	expect_lost(7, 110);
	expect_alive(6, 111);
	expect_lost(6, 121);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("child_liveness");
	TCase *tests = tcase_create("child_liveness");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, one_that_moves_is_never_lost);
	tcase_add_test(tests,
	    one_that_stands_still_is_lost_at_the_time_and_once);
	tcase_add_test(tests, the_time_counts_from_the_last_move_that_was_seen);
	tcase_add_test(tests,
	    one_that_was_lost_and_moves_again_can_be_lost_again);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
