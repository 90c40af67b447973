/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes of a former life are ended, and nobody else.
 */
#include "common/base/steady_clock.h"
#include "common/shm/ledger.h"
#include "master/leftovers.h"

#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_S 0.5

static struct ledger *ledger;
static int go[2]; /* a child that reads from it ends when it is closed */

static void
setup(void)
{
	ledger = ledger_new_volatile("cm", 16);
	ck_assert_int_eq(pipe(go), 0);
}

static void
teardown(void)
{
	ledger_free(&ledger);
	close(go[0]);
	if (go[1] >= 0)
		close(go[1]);
}

/* A child that ends when told, or never. */
static pid_t
begin_child(bool obedient)
{
	pid_t pid = fork();
	char byte;

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(go[1]);
	if (obedient && read(go[0], &byte, 1) >= 0)
		_exit(0);
	for (;;)
		pause();
}

static int
status_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static bool
is_alive(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

static void
ck_table_is_clear(void)
{
	uint64_t ticks;
	uint32_t i;
	pid_t pid;

	for (i = 0; i < ledger_process_count(ledger); i++) {
		ledger_process(ledger, i, &pid, &ticks);
		ck_assert_int_eq(pid, 0);
	}
}

START_TEST(one_that_does_not_end_is_killed_when_patience_is_over)
{
	pid_t pid = begin_child(false);

	ledger_set_process(ledger, 2, pid, leftovers_start_ticks(pid));
	leftovers_end(ledger, 0.05);
	ck_assert_int_eq(WTERMSIG(status_of(pid)), SIGKILL);
	ck_table_is_clear();
}
END_TEST

START_TEST(one_that_ends_by_itself_is_waited_for_and_not_killed)
{
	pid_t pid = begin_child(true);
	double begin = steady_clock_s();

	ledger_set_process(ledger, 1, pid, leftovers_start_ticks(pid));
	close(go[1]);
	go[1] = -1;
	leftovers_end(ledger, 600);
	ck_assert_double_lt(steady_clock_s() - begin, 300);
	ck_assert_int_eq(status_of(pid), 0);
	ck_table_is_clear();
}
END_TEST

START_TEST(another_process_of_the_same_number_is_left_alone)
{
	pid_t pid = begin_child(false);

	ledger_set_process(ledger, 2, pid, leftovers_start_ticks(pid) + 1);
	ledger_set_process(ledger, 3, pid, 0);
	leftovers_end(ledger, 0);
	ck_assert(is_alive(pid));
	ck_table_is_clear();
	kill(pid, SIGKILL);
	(void)status_of(pid);
}
END_TEST

START_TEST(itself_and_senseless_numbers_are_left_alone)
{
	pid_t self = getpid();

	ledger_set_process(ledger, 0, self, leftovers_start_ticks(self));
	ledger_set_process(ledger, 1, 1, leftovers_start_ticks(1));
	ledger_set_process(ledger, 2, -1, 7);
	ledger_set_process(ledger, 3, -self, leftovers_start_ticks(self));
	leftovers_end(ledger, 0);
	ck_table_is_clear();
}
END_TEST

START_TEST(all_share_one_patience)
{
	/* One after the other they would take twice as long as may be. */
	double begin = steady_clock_s(), took;
	pid_t pids[20];
	uint32_t i;

	for (i = 0; i < ARRAY_LEN(pids); i++) {
		pids[i] = begin_child(false);
		ledger_set_process(ledger, 1 + i, pids[i],
		    leftovers_start_ticks(pids[i]));
	}
	leftovers_end(ledger, PATIENCE_S);
	took = steady_clock_s() - begin;
	printf("%u have ended after %.2f s of %.2f\n",
	    (unsigned)ARRAY_LEN(pids), took, PATIENCE_S);
	ck_assert_double_lt(took, 10 * PATIENCE_S);
	for (i = 0; i < ARRAY_LEN(pids); i++)
		ck_assert_int_eq(WTERMSIG(status_of(pids[i])), SIGKILL);
}
END_TEST

START_TEST(a_beginning_is_told_of_the_living_only_and_always_the_same)
{
	pid_t pid = begin_child(false);
	uint64_t ticks = leftovers_start_ticks(pid);

	ck_assert_uint_gt(ticks, 0);
	ck_assert_uint_eq(leftovers_start_ticks(pid), ticks);
	ck_assert_uint_ge(ticks, leftovers_start_ticks(getpid()));
	kill(pid, SIGKILL);
	(void)status_of(pid);
	ck_assert_uint_eq(leftovers_start_ticks(pid), 0);
}
END_TEST

START_TEST(blanks_and_brackets_in_a_name_do_not_mislead)
{
	uint64_t ticks = leftovers_start_ticks(getpid());

	ck_assert_int_eq(prctl(PR_SET_NAME, "a) S 1 2 (b ", 0, 0, 0), 0);
	ck_assert_uint_eq(leftovers_start_ticks(getpid()), ticks);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("leftovers");
	TCase *tests = tcase_create("leftovers");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests,
	    one_that_does_not_end_is_killed_when_patience_is_over);
	tcase_add_test(tests,
	    one_that_ends_by_itself_is_waited_for_and_not_killed);
	tcase_add_test(tests, another_process_of_the_same_number_is_left_alone);
	tcase_add_test(tests, itself_and_senseless_numbers_are_left_alone);
	tcase_add_test(tests, all_share_one_patience);
	tcase_add_test(tests,
	    a_beginning_is_told_of_the_living_only_and_always_the_same);
	tcase_add_test(tests, blanks_and_brackets_in_a_name_do_not_mislead);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
