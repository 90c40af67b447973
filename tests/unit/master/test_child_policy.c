/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a child is started, killed and replaced; time is a number here.
 */
#include "master/child_policy.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

#define READY_S 10.0

static struct child_policy policy;
static struct child_policy_rate rate;

static void
setup(void)
{
	rate = (struct child_policy_rate){ 0 };
	child_policy_init(&policy, 100);
}

static void
expect_ready(struct child_policy *one, double now)
{
	ck_assert_msg(child_policy_ready(one, now),
	    "one that starts should become ready at %g s", now);
}

/* Spawned when due, ready `starting` later; gives the time it serves from. */
static double
fill(double now, double starting)
{
	ck_assert_int_eq(child_policy_next(&policy, now), CHILD_ORDER_SPAWN);
	child_policy_spawned(&policy, now, READY_S);
	expect_ready(&policy, now + starting);
	return now + starting;
}

START_TEST(a_new_policy_wants_a_child_at_once)
{
	ck_assert_int_eq(child_policy_next(&policy, 99.9), CHILD_ORDER_NOTHING);
	ck_assert_int_eq(child_policy_next(&policy, 100), CHILD_ORDER_SPAWN);
	ck_assert_msg(!child_policy_is_filled(&policy),
	    "a policy without a child should not be filled");
	child_policy_spawned(&policy, 100, READY_S);
	ck_assert_msg(child_policy_is_filled(&policy),
	    "a policy with a child should be filled");
	ck_assert_int_eq(child_policy_next(&policy, 100), CHILD_ORDER_NOTHING);
}
END_TEST

START_TEST(one_that_is_not_ready_in_time_is_killed_once)
{
	child_policy_spawned(&policy, 100, READY_S);
	ck_assert_double_eq(child_policy_due(&policy), 110);
	ck_assert_int_eq(child_policy_next(&policy, 109.9),
	    CHILD_ORDER_NOTHING);
	ck_assert_int_eq(child_policy_next(&policy, 110), CHILD_ORDER_KILL);
	ck_assert_int_eq(child_policy_next(&policy, 111), CHILD_ORDER_NOTHING);
	ck_assert_double_infinite(child_policy_due(&policy));
	/* The kill was ours, but it was not ready: that is a failure. */
	child_policy_died(&policy, 111, false, &rate);
	ck_assert_double_eq(child_policy_due(&policy), 112);
}
END_TEST

START_TEST(one_that_serves_is_left_alone)
{
	double now = fill(100, 1);

	ck_assert_double_infinite(child_policy_due(&policy));
	ck_assert_int_eq(child_policy_next(&policy, now + 1e6),
	    CHILD_ORDER_NOTHING);
	ck_assert_msg(!child_policy_ready(&policy, now + 5),
	    "one that serves should not become ready again");
	ck_assert_double_eq(policy.serving_since, now);
}
END_TEST

/* A row: how it ended, after how long, and the wait that follows when the
 * wait before was `before_s`. */
static const struct {
	bool was_ready;
	double served;
	bool own_making;
	double before_s, wait_s;
} deaths[] = {
	{ false, 0, true, 0, 1 },
	{ false, 0, false, 0, 1 },
	{ false, 0, true, 1, 2 },
	{ false, 0, true, 32, 60 },
	{ false, 0, true, 60, 60 },
	{ true, 0.5, true, 0, 1 },
	{ true, 0.99, true, 4, 8 },
	{ true, 0.5, false, 0, 0 },
	{ true, 1.01, true, 0, 0 },
	{ true, 30, true, 8, 0 },
	{ true, 61, true, 8, 0 },
	{ true, 61, false, 60, 0 },
};

START_TEST(the_wait_after_a_death_is_as_the_table_says)
{
	double now = 100;

	policy.backoff_s = deaths[_i].before_s;
	child_policy_spawned(&policy, now, READY_S);
	if (deaths[_i].was_ready)
		expect_ready(&policy, now);
	now += deaths[_i].served;
	child_policy_died(&policy, now, deaths[_i].own_making, &rate);
	ck_assert_int_eq(policy.state, CHILD_WAITING);
	ck_assert_double_eq_tol(child_policy_due(&policy) - now,
	    deaths[_i].wait_s, 1e-9);
}
END_TEST

START_TEST(only_a_stable_minute_forgets_the_waits_before)
{
	static const struct {
		double served, wait_s;
	} lives[] = { { 59, 16 }, { 61, 1 } };
	double now;

	policy.backoff_s = 8;
	now = fill(100, 0) + lives[_i].served;
	child_policy_died(&policy, now, true, &rate);
	child_policy_spawned(&policy, now, READY_S);
	child_policy_died(&policy, now, true, &rate);
	ck_assert_double_eq_tol(child_policy_due(&policy) - now,
	    lives[_i].wait_s, 1e-9);
}
END_TEST

START_TEST(waits_double_from_a_second_to_a_minute)
{
	static const double waits[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60 };
	double now = 100;
	size_t i;

	for (i = 0; i < ARRAY_LEN(waits); i++) {
		child_policy_spawned(&policy, now, READY_S);
		child_policy_died(&policy, now, true, &rate);
		ck_assert_double_eq(child_policy_due(&policy), now + waits[i]);
		ck_assert_int_eq(child_policy_next(&policy,
				     now + waits[i] - 0.1),
		    CHILD_ORDER_NOTHING);
		now += waits[i];
		ck_assert_int_eq(child_policy_next(&policy, now),
		    CHILD_ORDER_SPAWN);
	}
}
END_TEST

START_TEST(what_cannot_be_forked_is_tried_again_later_and_later)
{
	child_policy_failed(&policy, 100);
	ck_assert_double_eq(child_policy_due(&policy), 101);
	child_policy_failed(&policy, 101);
	ck_assert_double_eq(child_policy_due(&policy), 103);
}
END_TEST

/* Fifty children that are killed at once: in no second do more than
 * ten come back, and none waits longer than it must. */
START_TEST(all_together_are_replaced_at_most_ten_times_a_second)
{
	struct child_policy policies[50];
	double at[50];
	size_t i;

	for (i = 0; i < ARRAY_LEN(policies); i++) {
		child_policy_init(&policies[i], 0);
		child_policy_spawned(&policies[i], 0, READY_S);
		expect_ready(&policies[i], 0);
	}
	for (i = 0; i < ARRAY_LEN(policies); i++) {
		child_policy_died(&policies[i], 200, false, &rate);
		at[i] = child_policy_due(&policies[i]);
		if (i >= CHILD_RATE)
			ck_assert_double_ge(at[i], at[i - CHILD_RATE] + 1);
	}
	ck_assert_double_eq(at[CHILD_RATE - 1], 200);
	ck_assert_double_eq_tol(at[49], 204, 1e-9);
}
END_TEST

START_TEST(a_stop_gives_it_time_and_then_kills)
{
	double now = fill(100, 1);

	child_policy_stop(&policy, now, 5);
	ck_assert_int_eq(policy.state, CHILD_STOPPING);
	ck_assert_msg(!child_policy_ready(&policy, now),
	    "one that is stopping should not become ready");
	ck_assert_int_eq(child_policy_next(&policy, now + 4.9),
	    CHILD_ORDER_NOTHING);
	ck_assert_int_eq(child_policy_next(&policy, now + 5), CHILD_ORDER_KILL);
	ck_assert_int_eq(child_policy_next(&policy, now + 50),
	    CHILD_ORDER_NOTHING);
	child_policy_died(&policy, now + 50, false, &rate);
	ck_assert_int_eq(policy.state, CHILD_UNUSED);
	ck_assert_int_eq(child_policy_next(&policy, now + 1e6),
	    CHILD_ORDER_NOTHING);
}
END_TEST

START_TEST(haste_ends_the_time_of_one_that_is_stopping_only)
{
	double now = fill(100, 1);

	child_policy_hurry(&policy, now);
	ck_assert_int_eq(child_policy_next(&policy, now), CHILD_ORDER_NOTHING);
	child_policy_stop(&policy, now, 5);
	child_policy_hurry(&policy, now + 1);
	ck_assert_int_eq(child_policy_next(&policy, now + 1), CHILD_ORDER_KILL);
	child_policy_hurry(&policy, now + 2);
	ck_assert_int_eq(child_policy_next(&policy, now + 2),
	    CHILD_ORDER_NOTHING);
}
END_TEST

START_TEST(one_that_waits_is_unused_after_a_stop)
{
	child_policy_stop(&policy, 100, 5);
	ck_assert_int_eq(policy.state, CHILD_UNUSED);
	child_policy_stop(&policy, 101, 5);
	ck_assert_int_eq(policy.state, CHILD_UNUSED);
	ck_assert_msg(!child_policy_is_filled(&policy),
	    "a policy that is unused should not be filled");
}
END_TEST

START_TEST(one_that_starts_is_stopped_without_being_ready)
{
	child_policy_spawned(&policy, 100, READY_S);
	child_policy_stop(&policy, 100, 5);
	ck_assert_double_eq(child_policy_due(&policy), 105);
	child_policy_died(&policy, 101, true, &rate);
	ck_assert_int_eq(policy.state, CHILD_UNUSED);
}
END_TEST

START_TEST(one_that_is_held_waits_until_it_is_released)
{
	child_policy_hold(&policy);
	ck_assert_int_eq(child_policy_next(&policy, 1e9), CHILD_ORDER_NOTHING);
	ck_assert_double_infinite(child_policy_due(&policy));
	ck_assert_msg(child_policy_release(&policy, 500),
	    "one that is held should be released");
	ck_assert_int_eq(child_policy_next(&policy, 500), CHILD_ORDER_SPAWN);
	ck_assert_double_eq(policy.backoff_s, 0);
	ck_assert_msg(!child_policy_release(&policy, 400),
	    "one that was released should not be released again");
	child_policy_hold(&policy);
	child_policy_stop(&policy, 600, 5);
	ck_assert_msg(!child_policy_release(&policy, 601),
	    "one that was stopped should not be released");
	ck_assert_int_eq(policy.state, CHILD_UNUSED);
}
END_TEST

START_TEST(one_that_is_waiting_out_a_back_off_is_not_released)
{
	child_policy_failed(&policy, 100);
	ck_assert_msg(!child_policy_release(&policy, 100),
	    "one that waits out a back-off should not be released");
	ck_assert_double_eq(child_policy_due(&policy), 101);
}
END_TEST

START_TEST(one_that_is_cut_off_is_killed_soon)
{
	double now = fill(100, 1);

	child_policy_cut_off(&policy, now);
	ck_assert_int_eq(child_policy_next(&policy, now), CHILD_ORDER_NOTHING);
	ck_assert_int_eq(child_policy_next(&policy, now + CHILD_CUT_OFF_S),
	    CHILD_ORDER_KILL);
	ck_assert_int_eq(child_policy_next(&policy, now + 10),
	    CHILD_ORDER_NOTHING);
}
END_TEST

START_TEST(being_cut_off_never_gives_more_time)
{
	child_policy_spawned(&policy, 100, 0.5);
	child_policy_cut_off(&policy, 100);
	ck_assert_double_eq(child_policy_due(&policy), 100.5);
	ck_assert_int_eq(child_policy_next(&policy, 101), CHILD_ORDER_KILL);
	child_policy_cut_off(&policy, 101);
	ck_assert_double_infinite(child_policy_due(&policy));
	child_policy_died(&policy, 101, false, &rate);
	child_policy_cut_off(&policy, 101);
	ck_assert_double_eq(child_policy_due(&policy), 102);
	child_policy_stop(&policy, 101, 5);
	child_policy_cut_off(&policy, 101);
	ck_assert_double_infinite(child_policy_due(&policy));
}
END_TEST

START_TEST(one_that_is_given_up_is_never_wanted_again)
{
	fill(100, 1);
	child_policy_give_up(&policy);
	ck_assert_int_eq(policy.state, CHILD_UNUSED);
	ck_assert_int_eq(child_policy_next(&policy, 1e9), CHILD_ORDER_NOTHING);
}
END_TEST

START_TEST(what_was_due_in_a_pause_is_due_later_and_never_stays_never)
{
	ck_assert_int_eq(child_policy_next(&policy, 100), CHILD_ORDER_SPAWN);
	child_policy_spawned(&policy, 100, READY_S);
	child_policy_postpone(&policy, 50);
	ck_assert_int_eq(child_policy_next(&policy, 159), CHILD_ORDER_NOTHING);
	ck_assert_int_eq(child_policy_next(&policy, 160), CHILD_ORDER_KILL);
	child_policy_postpone(&policy, 50);
	ck_assert_double_eq(child_policy_due(&policy), HUGE_VAL);
}
END_TEST

START_TEST(every_state_has_a_name_of_its_own)
{
	int a, b;

	for (a = CHILD_WAITING; a <= CHILD_UNUSED; a++)
		for (b = CHILD_WAITING; b < a; b++)
			ck_assert_str_ne(child_state_name(a),
			    child_state_name(b));
}
END_TEST

START_TEST(one_that_is_drained_has_no_successor)
{
	double now = fill(100, 1);

	child_policy_drain(&policy);
	ck_assert_msg(child_policy_is_filled(&policy),
	    "one that is drained should still be there");
	ck_assert_msg(child_policy_is_ready(&policy),
	    "one that is drained should still serve");
	ck_assert_msg(!child_policy_is_active(&policy),
	    "one that is drained should not be active");
	ck_assert_int_eq(child_policy_next(&policy, now + 1e9),
	    CHILD_ORDER_NOTHING);
	child_policy_died(&policy, now + 5, true, &rate);
	ck_assert_int_eq(policy.state, CHILD_UNUSED);
	ck_assert_int_eq(child_policy_next(&policy, now + 1e9),
	    CHILD_ORDER_NOTHING);
	child_policy_init(&policy, 500);
	ck_assert_int_eq(child_policy_next(&policy, 500), CHILD_ORDER_SPAWN);
}
END_TEST

START_TEST(one_that_is_taken_back_is_replaced_again)
{
	double now = fill(100, 1);

	child_policy_drain(&policy);
	child_policy_undrain(&policy);
	ck_assert_msg(child_policy_is_active(&policy),
	    "one that is taken back should be active");
	child_policy_died(&policy, now + 70, false, &rate);
	ck_assert_int_eq(policy.state, CHILD_WAITING);
}
END_TEST

START_TEST(one_that_is_drained_can_be_stopped_and_cut_off)
{
	double now = fill(100, 1);

	child_policy_drain(&policy);
	child_policy_cut_off(&policy, now);
	ck_assert_int_eq(child_policy_next(&policy, now + CHILD_CUT_OFF_S),
	    CHILD_ORDER_KILL);
	child_policy_stop(&policy, now, 3);
	ck_assert_int_eq(policy.state, CHILD_STOPPING);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("child_policy");
	TCase *tests = tcase_create("child_policy");

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, a_new_policy_wants_a_child_at_once);
	tcase_add_test(tests, one_that_is_not_ready_in_time_is_killed_once);
	tcase_add_test(tests, one_that_serves_is_left_alone);
	tcase_add_loop_test(tests, the_wait_after_a_death_is_as_the_table_says,
	    0, ARRAY_LEN(deaths));
	tcase_add_loop_test(tests,
	    only_a_stable_minute_forgets_the_waits_before, 0, 2);
	tcase_add_test(tests, waits_double_from_a_second_to_a_minute);
	tcase_add_test(tests,
	    what_cannot_be_forked_is_tried_again_later_and_later);
	tcase_add_test(tests,
	    all_together_are_replaced_at_most_ten_times_a_second);
	tcase_add_test(tests, a_stop_gives_it_time_and_then_kills);
	tcase_add_test(tests, haste_ends_the_time_of_one_that_is_stopping_only);
	tcase_add_test(tests, one_that_waits_is_unused_after_a_stop);
	tcase_add_test(tests, one_that_starts_is_stopped_without_being_ready);
	tcase_add_test(tests, one_that_is_held_waits_until_it_is_released);
	tcase_add_test(tests,
	    one_that_is_waiting_out_a_back_off_is_not_released);
	tcase_add_test(tests, one_that_is_cut_off_is_killed_soon);
	tcase_add_test(tests, being_cut_off_never_gives_more_time);
	tcase_add_test(tests, one_that_is_given_up_is_never_wanted_again);
	tcase_add_test(tests,
	    what_was_due_in_a_pause_is_due_later_and_never_stays_never);
	tcase_add_test(tests, every_state_has_a_name_of_its_own);
	tcase_add_test(tests, one_that_is_drained_has_no_successor);
	tcase_add_test(tests, one_that_is_taken_back_is_replaced_again);
	tcase_add_test(tests, one_that_is_drained_can_be_stopped_and_cut_off);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
