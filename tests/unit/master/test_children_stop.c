/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children that are to stop, at once or when their clients have gone, and that
 * are wanted back.
 */
#include "common/shm/region.h"
#include "master/worker_pool.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/master/children_rig.h"

#include <check.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

START_TEST(what_is_stopped_in_order_was_not_killed_and_is_not_replaced)
{
	rig_start_all();
	children_stop(rig.children, CHILD_CLIENT, rig_now(), 1000);
	UNTIL(children_alive(rig.children, CHILD_CLIENT) == 0);
	ck_assert_uint_eq(children_alive(rig.children, CHILD_UPSTREAM), 1);
	rig.skew_s = 100;
	rig_tend();
	ck_assert_uint_eq(children_alive(rig.children, CHILD_CLIENT), 0);
	ck_assert_msg(!children_were_killed(rig.children),
	    "nothing that stops in order should have been killed");
}
END_TEST

START_TEST(what_ignores_a_stop_is_killed_when_its_time_is_over)
{
	fake_ways.worker = FAKE_DEAF;
	rig_start_all();
	children_stop(rig.children, CHILD_CLIENT, rig_now(), 5);
	UNTIL(rig_received(rig.children->workers[0].pid, CHANNEL_STOP, 0, 0) ==
		  1 &&
	      rig_received(rig.children->workers[1].pid, CHANNEL_STOP, 0, 0) ==
		  1);
	rig_tend();
	ck_assert_uint_eq(children_alive(rig.children, CHILD_CLIENT), 2);
	rig.skew_s = 5.1;
	rig_tend();
	UNTIL(children_alive(rig.children, CHILD_CLIENT) == 0);
	ck_assert_msg(children_were_killed(rig.children),
	    "what ignores a stop should have been killed");
}
END_TEST

START_TEST(haste_kills_what_is_stopping_at_once)
{
	fake_ways.worker = FAKE_DEAF;
	rig_start_all();
	children_stop(rig.children, CHILD_CLIENT, rig_now(), 1000);
	children_hurry(rig.children, rig_now());
	rig_tend();
	UNTIL(children_alive(rig.children, CHILD_CLIENT) == 0);
	ck_assert_uint_eq(children_alive(rig.children, CHILD_UPSTREAM), 1);
	ck_assert_msg(children_were_killed(rig.children),
	    "what is stopping should have been killed in haste");
}
END_TEST

static unsigned
count_in(enum child_state state)
{
	unsigned i, count = 0;

	for (i = 0; i < rig.children->worker_count; i++)
		count += rig.children->workers[i].policy.state == state;
	return count;
}

START_TEST(one_fewer_is_drained_and_one_more_is_that_one_again)
{
	pid_t pid;

	rig_start_all();
	pid = rig.children->workers[1].pid;
	ck_assert_int_eq(worker_pool_want(rig.children, 1, rig_now()), 0);
	ck_assert_uint_eq(worker_pool_draining(rig.children), 1);
	UNTIL(rig_received(pid, CHANNEL_DRAIN, 0, 0) == 1);
	ck_assert_uint_eq(count_in(CHILD_SERVING), 1);
	ck_assert_msg(children_all_serve(rig.children),
	    "all that are still wanted should serve");
	ck_assert_int_eq(worker_pool_want(rig.children, 2, rig_now()), 0);
	ck_assert_uint_eq(worker_pool_draining(rig.children), 0);
	UNTIL(rig_received(pid, CHANNEL_UNDRAIN, 0, 0) == 1);
	ck_assert_uint_eq(rig_births(CHILD_CLIENT), 2);
	ck_assert_int_eq(worker_pool_want(rig.children, 3, rig_now()), 0);
	UNTIL(children_all_serve(rig.children) &&
	      rig_births(CHILD_CLIENT) == 3);
	ck_assert_uint_eq(rig.resources.listeners.count, 3);
	ck_assert_int_eq(worker_pool_want(rig.children, 4, rig_now()), -ERANGE);
	ck_assert_int_eq(worker_pool_want(rig.children, 0, rig_now()), -ERANGE);
}
END_TEST

START_TEST(one_that_is_stopped_before_it_serves_counts_until_it_is_gone)
{
	rig_start_all();
	ck_assert_int_eq(worker_pool_want(rig.children, 3, rig_now()), 0);
	UNTIL(count_in(CHILD_STARTING) == 1);
	ck_assert_int_eq(worker_pool_want(rig.children, 2, rig_now()), 0);
	ck_assert_uint_eq(count_in(CHILD_STOPPING), 1);
	ck_assert_uint_eq(worker_pool_draining(rig.children), 1);
	UNTIL(children_alive(rig.children, CHILD_CLIENT) == 2);
	ck_assert_uint_eq(worker_pool_draining(rig.children), 0);
	ck_assert_uint_eq(count_in(CHILD_SERVING), 2);
}
END_TEST

START_TEST(one_that_is_drained_and_dies_is_not_replaced)
{
	rig_start_all();
	ck_assert_int_eq(worker_pool_drain(rig.children, 9, 5), -ESRCH);
	ck_assert_int_eq(worker_pool_drain(rig.children, 0, 5), 0);
	UNTIL(rig_received(rig.children->workers[0].pid, CHANNEL_DRAIN, 0, 5) ==
	      1);
	ck_assert_int_eq(worker_pool_drain(rig.children, 0, 7), 0);
	UNTIL(rig_received(rig.children->workers[0].pid, CHANNEL_DRAIN, 0, 7) ==
	      1);
	ck_assert_int_eq(worker_pool_drain(rig.children, 1, 5), -EBUSY);
	kill(rig.children->workers[0].pid, SIGKILL);
	UNTIL(children_alive(rig.children, CHILD_CLIENT) == 1);
	rig.skew_s = 100;
	rig_tend();
	ck_assert_uint_eq(rig_births(CHILD_CLIENT), 2);
	ck_assert_int_eq(worker_pool_undrain(rig.children, 0), -ESRCH);
}
END_TEST

START_TEST(when_all_are_drained_the_sockets_go_and_come_again)
{
	char why[LISTENERS_WHY_MAX];

	rig_start_all();
	worker_pool_drain_all(rig.children, rig_now(), 0, 3);
	ck_assert_uint_eq(worker_pool_draining(rig.children), 2);
	ck_assert_msg(worker_pool_is_closed(rig.children),
	    "the sockets should be closed while all are drained");
	rig.skew_s = LISTENERS_LEAVE_S + 0.1;
	rig_tend();
	ck_assert_uint_eq(rig.resources.listeners.count, 0);
	UNTIL(rig_received(rig.children->workers[0].pid, CHANNEL_LISTENER_CLOSE,
		  0, 0) +
		  rig_received(rig.children->workers[0].pid,
		      CHANNEL_LISTENER_CLOSE, 0, 1) ==
	      2);
	ck_assert_int_eq(worker_pool_undrain(rig.children, 0), -EBUSY);
	ck_assert_int_eq(worker_pool_undrain_all(rig.children, rig_now(), why),
	    0);
	ck_assert_uint_eq(rig.resources.listeners.count, 2);
	ck_assert_uint_eq(count_in(CHILD_SERVING), 2);
	ck_assert_uint_eq(rig_births(CHILD_CLIENT), 2);
}
END_TEST

/* Until it is over nobody is told, whoever asks again; nor after undrain. */
START_TEST(with_a_delay_all_go_on_until_it_is_over)
{
	char why[LISTENERS_WHY_MAX];

	rig_start_all();
	worker_pool_drain_all(rig.children, rig_now(), 5, 3);
	ck_assert_int_eq(worker_pool_is_leaving(rig.children), true);
	worker_pool_drain_all(rig.children, rig_now(), 500, 7);
	worker_pool_close_due(rig.children, rig_now());
	ck_assert_int_eq(worker_pool_is_closed(rig.children), false);
	ck_assert_uint_eq(count_in(CHILD_SERVING), 2);
	ck_assert_uint_eq(rig.resources.listeners.count, 2);
	if (_i == 1) {
		ck_assert_int_eq(worker_pool_undrain_all(rig.children,
				     rig_now(), why),
		    0);
		ck_assert_int_eq(worker_pool_is_leaving(rig.children), false);
	}
	rig.skew_s = 6;
	worker_pool_close_due(rig.children, rig_now());
	ck_assert_int_eq(worker_pool_is_closed(rig.children) == (_i == 0),
	    true);
	ck_assert_uint_eq(worker_pool_draining(rig.children), _i == 0 ? 2 : 0);
	if (_i == 0)
		UNTIL(rig_received(rig.children->workers[0].pid, CHANNEL_DRAIN,
			  0, 7) == 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("children stop");
	TCase *tests = tcase_create("children stop");

	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, rig_setup, rig_teardown);
	tcase_add_test(tests,
	    what_is_stopped_in_order_was_not_killed_and_is_not_replaced);
	tcase_add_test(tests,
	    what_ignores_a_stop_is_killed_when_its_time_is_over);
	tcase_add_test(tests, haste_kills_what_is_stopping_at_once);
	tcase_add_test(tests,
	    one_fewer_is_drained_and_one_more_is_that_one_again);
	tcase_add_test(tests,
	    one_that_is_stopped_before_it_serves_counts_until_it_is_gone);
	tcase_add_test(tests, one_that_is_drained_and_dies_is_not_replaced);
	tcase_add_test(tests,
	    when_all_are_drained_the_sockets_go_and_come_again);
	tcase_add_loop_test(tests, with_a_delay_all_go_on_until_it_is_over, 0,
	    2);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
