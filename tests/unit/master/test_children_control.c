/* SPDX-License-Identifier: Apache-2.0 */
/* The control process: replaced like its sisters, and never in their way. */
#include "tests/support/check/run_suite.h"
#include "tests/unit/master/children_rig.h"

#include <check.h>
#include <signal.h>

static void
setup(void)
{
	rig_listens = true;
	rig_setup();
}

static void
start(void)
{
	rig_start_all();
	UNTIL(rig.children->control.policy.state == CHILD_SERVING);
}

START_TEST(it_is_started_where_something_listens)
{
	start();
	ck_assert_uint_eq(children_alive(rig.children, CHILD_CONTROL), 1);
	ck_assert_msg(children_have(rig.children, rig.children->control.pid),
	    "the process should be known as our child");
}
END_TEST

/* Ten of all together have no wait: one that is killed again and again does not
 * spend the turns of workers. */
START_TEST(one_that_is_killed_again_and_again_costs_no_worker_its_turn)
{
	unsigned deaths;

	start();
	for (deaths = 1; deaths <= CHILD_RATE; deaths++) {
		kill(rig.children->control.pid, SIGKILL);
		UNTIL(rig_births(CHILD_CONTROL) == 1 + deaths &&
		      rig.children->control.policy.state == CHILD_SERVING);
	}
	kill(rig.children->workers[0].pid, SIGKILL);
	UNTIL(rig_births(CHILD_CLIENT) == 3 &&
	      children_all_serve(rig.children));
}
END_TEST

START_TEST(without_it_the_service_goes_on)
{
	fake_ways.control = FAKE_MISFIT;
	rig_tend();
	UNTIL(rig_births(CHILD_CONTROL) == 1 &&
	      rig.children->control.policy.state == CHILD_UNUSED);
	UNTIL(children_all_serve(rig.children));
	ck_assert_msg(!children_are_lost(rig.children),
	    "a service without control should not be lost");
}
END_TEST

START_TEST(one_that_is_never_ready_keeps_nobody_from_serving)
{
	fake_ways.control = FAKE_HANG;
	rig_tend();
	UNTIL(children_all_serve(rig.children));
}
END_TEST

START_TEST(it_is_stopped_by_itself)
{
	start();
	children_stop(rig.children, CHILD_CONTROL, rig_now(), 1000);
	UNTIL(children_alive(rig.children, CHILD_CONTROL) == 0);
	ck_assert_uint_eq(children_alive(rig.children, CHILD_CLIENT), 2);
	ck_assert_uint_eq(children_alive(rig.children, CHILD_UPSTREAM), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("control child");
	TCase *tests = tcase_create("control child");

	tcase_add_checked_fixture(tests, setup, rig_teardown);
	tcase_add_test(tests, it_is_started_where_something_listens);
	tcase_add_test(tests,
	    one_that_is_killed_again_and_again_costs_no_worker_its_turn);
	tcase_add_test(tests, without_it_the_service_goes_on);
	tcase_add_test(tests,
	    one_that_is_never_ready_keeps_nobody_from_serving);
	tcase_add_test(tests, it_is_stopped_by_itself);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
