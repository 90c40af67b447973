/* SPDX-License-Identifier: Apache-2.0 */
/*
 * When a child is started, killed and replaced; time is a number here.
 */
#include "master/post.h"

#include <check.h>
#include <math.h>
#include <stdlib.h>

#define READY_S 10.0

static struct post post;
static struct post_rate rate;

static void
setup(void)
{
	rate = (struct post_rate){ 0 };
	post_init(&post, 100);
}

/* Spawned when due, ready `starting` later; gives the time it serves from. */
static double
fill(double now, double starting)
{
	ck_assert_int_eq(post_next(&post, now), POST_SPAWN);
	post_spawned(&post, now, READY_S);
	ck_assert(post_ready(&post, now + starting));
	return now + starting;
}

START_TEST(a_new_post_wants_a_child_at_once)
{
	ck_assert_int_eq(post_next(&post, 99.9), POST_NOTHING);
	ck_assert_int_eq(post_next(&post, 100), POST_SPAWN);
	ck_assert(!post_is_filled(&post));
	post_spawned(&post, 100, READY_S);
	ck_assert(post_is_filled(&post));
	ck_assert_int_eq(post_next(&post, 100), POST_NOTHING);
}
END_TEST

START_TEST(one_that_is_not_ready_in_time_is_killed_once)
{
	post_spawned(&post, 100, READY_S);
	ck_assert_double_eq(post_due(&post), 110);
	ck_assert_int_eq(post_next(&post, 109.9), POST_NOTHING);
	ck_assert_int_eq(post_next(&post, 110), POST_KILL);
	ck_assert_int_eq(post_next(&post, 111), POST_NOTHING);
	ck_assert(isinf(post_due(&post)));
	/* The kill was ours, but it was not ready: that is a failure. */
	post_died(&post, 111, false, &rate);
	ck_assert_double_eq(post_due(&post), 112);
}
END_TEST

START_TEST(one_that_serves_is_left_alone)
{
	double now = fill(100, 1);

	ck_assert(isinf(post_due(&post)));
	ck_assert_int_eq(post_next(&post, now + 1e6), POST_NOTHING);
	ck_assert(!post_ready(&post, now + 5));
	ck_assert_double_eq(post.serving_since, now);
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

	post.backoff_s = deaths[_i].before_s;
	post_spawned(&post, now, READY_S);
	if (deaths[_i].was_ready)
		ck_assert(post_ready(&post, now));
	now += deaths[_i].served;
	post_died(&post, now, deaths[_i].own_making, &rate);
	ck_assert_int_eq(post.state, POST_WAITING);
	ck_assert_double_eq_tol(post_due(&post) - now, deaths[_i].wait_s, 1e-9);
}
END_TEST

START_TEST(only_a_stable_minute_forgets_the_waits_before)
{
	static const struct {
		double served, wait_s;
	} lives[] = { { 59, 16 }, { 61, 1 } };
	double now;

	post.backoff_s = 8;
	now = fill(100, 0) + lives[_i].served;
	post_died(&post, now, true, &rate);
	post_spawned(&post, now, READY_S);
	post_died(&post, now, true, &rate);
	ck_assert_double_eq_tol(post_due(&post) - now, lives[_i].wait_s, 1e-9);
}
END_TEST

START_TEST(waits_double_from_a_second_to_a_minute)
{
	static const double waits[] = { 1, 2, 4, 8, 16, 32, 60, 60, 60 };
	double now = 100;
	size_t i;

	for (i = 0; i < ARRAY_LEN(waits); i++) {
		post_spawned(&post, now, READY_S);
		post_died(&post, now, true, &rate);
		ck_assert_double_eq(post_due(&post), now + waits[i]);
		ck_assert_int_eq(post_next(&post, now + waits[i] - 0.1),
		    POST_NOTHING);
		now += waits[i];
		ck_assert_int_eq(post_next(&post, now), POST_SPAWN);
	}
}
END_TEST

START_TEST(what_cannot_be_forked_is_tried_again_later_and_later)
{
	post_failed(&post, 100);
	ck_assert_double_eq(post_due(&post), 101);
	post_failed(&post, 101);
	ck_assert_double_eq(post_due(&post), 103);
}
END_TEST

/* Fifty posts whose children are killed at once: in no second do more than
 * ten come back, and none waits longer than it must. */
START_TEST(all_together_are_replaced_at_most_ten_times_a_second)
{
	struct post posts[50];
	double at[50];
	size_t i;

	for (i = 0; i < ARRAY_LEN(posts); i++) {
		post_init(&posts[i], 0);
		post_spawned(&posts[i], 0, READY_S);
		ck_assert(post_ready(&posts[i], 0));
	}
	for (i = 0; i < ARRAY_LEN(posts); i++) {
		post_died(&posts[i], 200, false, &rate);
		at[i] = post_due(&posts[i]);
		if (i >= POST_RATE)
			ck_assert_double_ge(at[i], at[i - POST_RATE] + 1);
	}
	ck_assert_double_eq(at[POST_RATE - 1], 200);
	ck_assert_double_eq_tol(at[49], 204, 1e-9);
}
END_TEST

START_TEST(a_stop_gives_it_time_and_then_kills)
{
	double now = fill(100, 1);

	post_stop(&post, now, 5);
	ck_assert_int_eq(post.state, POST_STOPPING);
	ck_assert(!post_ready(&post, now));
	ck_assert_int_eq(post_next(&post, now + 4.9), POST_NOTHING);
	ck_assert_int_eq(post_next(&post, now + 5), POST_KILL);
	ck_assert_int_eq(post_next(&post, now + 50), POST_NOTHING);
	post_died(&post, now + 50, false, &rate);
	ck_assert_int_eq(post.state, POST_VACANT);
	ck_assert_int_eq(post_next(&post, now + 1e6), POST_NOTHING);
}
END_TEST

START_TEST(haste_ends_the_time_of_one_that_is_stopping_only)
{
	double now = fill(100, 1);

	post_hurry(&post, now);
	ck_assert_int_eq(post_next(&post, now), POST_NOTHING);
	post_stop(&post, now, 5);
	post_hurry(&post, now + 1);
	ck_assert_int_eq(post_next(&post, now + 1), POST_KILL);
	post_hurry(&post, now + 2);
	ck_assert_int_eq(post_next(&post, now + 2), POST_NOTHING);
}
END_TEST

START_TEST(one_that_waits_is_vacant_at_a_stop)
{
	post_stop(&post, 100, 5);
	ck_assert_int_eq(post.state, POST_VACANT);
	post_stop(&post, 101, 5);
	ck_assert_int_eq(post.state, POST_VACANT);
	ck_assert(!post_is_filled(&post));
}
END_TEST

START_TEST(one_that_starts_is_stopped_without_being_ready)
{
	post_spawned(&post, 100, READY_S);
	post_stop(&post, 100, 5);
	ck_assert_double_eq(post_due(&post), 105);
	post_died(&post, 101, true, &rate);
	ck_assert_int_eq(post.state, POST_VACANT);
}
END_TEST

START_TEST(one_that_is_held_waits_until_it_is_released)
{
	post_hold(&post);
	ck_assert_int_eq(post_next(&post, 1e9), POST_NOTHING);
	ck_assert(isinf(post_due(&post)));
	ck_assert(post_release(&post, 500));
	ck_assert_int_eq(post_next(&post, 500), POST_SPAWN);
	ck_assert_double_eq(post.backoff_s, 0);
	ck_assert(!post_release(&post, 400));
	post_hold(&post);
	post_stop(&post, 600, 5);
	ck_assert(!post_release(&post, 601));
	ck_assert_int_eq(post.state, POST_VACANT);
}
END_TEST

START_TEST(one_that_is_waiting_out_a_back_off_is_not_released)
{
	post_failed(&post, 100);
	ck_assert(!post_release(&post, 100));
	ck_assert_double_eq(post_due(&post), 101);
}
END_TEST

START_TEST(one_that_is_cut_off_is_killed_soon)
{
	double now = fill(100, 1);

	post_cut_off(&post, now);
	ck_assert_int_eq(post_next(&post, now), POST_NOTHING);
	ck_assert_int_eq(post_next(&post, now + POST_CUT_OFF_S), POST_KILL);
	ck_assert_int_eq(post_next(&post, now + 10), POST_NOTHING);
}
END_TEST

START_TEST(being_cut_off_never_gives_more_time)
{
	post_spawned(&post, 100, 0.5);
	post_cut_off(&post, 100);
	ck_assert_double_eq(post_due(&post), 100.5);
	ck_assert_int_eq(post_next(&post, 101), POST_KILL);
	post_cut_off(&post, 101);
	ck_assert(isinf(post_due(&post)));
	post_died(&post, 101, false, &rate);
	post_cut_off(&post, 101);
	ck_assert_double_eq(post_due(&post), 102);
	post_stop(&post, 101, 5);
	post_cut_off(&post, 101);
	ck_assert(isinf(post_due(&post)));
}
END_TEST

START_TEST(one_that_is_given_up_is_never_wanted_again)
{
	fill(100, 1);
	post_give_up(&post);
	ck_assert_int_eq(post.state, POST_VACANT);
	ck_assert_int_eq(post_next(&post, 1e9), POST_NOTHING);
}
END_TEST

START_TEST(what_was_due_in_a_pause_is_due_later_and_never_stays_never)
{
	ck_assert_int_eq(post_next(&post, 100), POST_SPAWN);
	post_spawned(&post, 100, READY_S);
	post_postpone(&post, 50);
	ck_assert_int_eq(post_next(&post, 159), POST_NOTHING);
	ck_assert_int_eq(post_next(&post, 160), POST_KILL);
	post_postpone(&post, 50);
	ck_assert_double_eq(post_due(&post), HUGE_VAL);
}
END_TEST

START_TEST(every_state_has_a_name_of_its_own)
{
	int a, b;

	for (a = POST_WAITING; a <= POST_VACANT; a++)
		for (b = POST_WAITING; b < a; b++)
			ck_assert_str_ne(post_state_name(a),
			    post_state_name(b));
}
END_TEST

START_TEST(one_that_is_drained_has_no_successor)
{
	double now = fill(100, 1);

	post_drain(&post);
	ck_assert(post_is_filled(&post) && post_is_ready(&post));
	ck_assert(!post_is_active(&post));
	ck_assert_int_eq(post_next(&post, now + 1e9), POST_NOTHING);
	post_died(&post, now + 5, true, &rate);
	ck_assert_int_eq(post.state, POST_VACANT);
	ck_assert_int_eq(post_next(&post, now + 1e9), POST_NOTHING);
	post_init(&post, 500);
	ck_assert_int_eq(post_next(&post, 500), POST_SPAWN);
}
END_TEST

START_TEST(one_that_is_taken_back_is_replaced_again)
{
	double now = fill(100, 1);

	post_drain(&post);
	post_undrain(&post);
	ck_assert(post_is_active(&post));
	post_died(&post, now + 70, false, &rate);
	ck_assert_int_eq(post.state, POST_WAITING);
}
END_TEST

START_TEST(one_that_is_drained_can_be_stopped_and_cut_off)
{
	double now = fill(100, 1);

	post_drain(&post);
	post_cut_off(&post, now);
	ck_assert_int_eq(post_next(&post, now + POST_CUT_OFF_S), POST_KILL);
	post_stop(&post, now, 3);
	ck_assert_int_eq(post.state, POST_STOPPING);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("post");
	TCase *tests = tcase_create("post");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, setup, NULL);
	tcase_add_test(tests, a_new_post_wants_a_child_at_once);
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
	tcase_add_test(tests, one_that_waits_is_vacant_at_a_stop);
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
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
