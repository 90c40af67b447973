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

START_TEST(one_that_moves_is_never_lost)
{
	uint64_t word;

	for (word = 8; word < 100; word++)
		ck_assert(!child_liveness_is_lost(&liveness, word,
		    100 + (double)word * 9, 10));
}
END_TEST

START_TEST(one_that_stands_still_is_lost_at_the_time_and_once)
{
	ck_assert(!child_liveness_is_lost(&liveness, 7, 109.9, 10));
	ck_assert(child_liveness_is_lost(&liveness, 7, 110, 10));
	ck_assert(!child_liveness_is_lost(&liveness, 7, 500, 10));
}
END_TEST

START_TEST(the_time_counts_from_the_last_move_that_was_seen)
{
	ck_assert(!child_liveness_is_lost(&liveness, 8, 109, 10));
	ck_assert(!child_liveness_is_lost(&liveness, 8, 118, 10));
	ck_assert(child_liveness_is_lost(&liveness, 8, 119, 10));
}
END_TEST

START_TEST(one_that_was_lost_and_moves_again_can_be_lost_again)
{
	ck_assert(child_liveness_is_lost(&liveness, 7, 110, 10));
	ck_assert(!child_liveness_is_lost(&liveness, 6, 111, 10));
	ck_assert(child_liveness_is_lost(&liveness, 6, 121, 10));
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
