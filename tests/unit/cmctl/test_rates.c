/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Rates of counters from one answer to the next, and what a process uses.
 */
#include "master/cmctl/process_use.h"
#include "master/cmctl/rates.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

static const struct rate table[] = { { "sent", "sent/s", 1 },
	{ "busy_s", "busy%", 100 } };
static struct rates rates;

static void
setup(void)
{
	rates = (struct rates){ .key = "pid", .rates = table, .count = 2 };
	rates_init(&rates);
}

static void
teardown(void)
{
	rates_destroy(&rates);
}

/* Of one process, at that moment; -1 when there is none. */
static double
rate_of(const char *name, int pid, int sent, double busy_s, double now_s)
{
	json_t *rows = json_pack("[{s:i,s:i,s:f}]", "pid", pid, "sent", sent,
	    "busy_s", busy_s);
	const json_t *rate;
	double value;

	rates_apply(&rates, rows, now_s);
	rate = json_object_get(json_array_get(rows, 0), name);
	value = rate ? json_real_value(rate) : -1;
	json_decref(rows);
	return value;
}

START_TEST(a_rate_is_what_a_counter_grew_by_in_a_second)
{
	ck_assert_double_eq(rate_of("sent/s", 7, 100, 1, 50), -1);
	ck_assert_double_eq(rate_of("sent/s", 7, 110, 1, 52), 5);
	ck_assert_double_eq(rate_of("busy%", 7, 110, 2.5, 54), 75);
}
END_TEST

START_TEST(who_was_not_there_before_has_no_rate)
{
	(void)rate_of("sent/s", 7, 100, 1, 50);
	ck_assert_double_eq(rate_of("sent/s", 8, 200, 1, 51), -1);
	ck_assert_double_eq(rate_of("sent/s", 8, 150, 1, 52), -1);
	ck_assert_double_eq(rate_of("sent/s", 8, 151, 1, 53), 1);
}
END_TEST

START_TEST(answers_that_follow_at_once_have_the_rates_of_the_one_before)
{
	(void)rate_of("sent/s", 7, 100, 1, 50);
	ck_assert_double_eq(rate_of("sent/s", 7, 110, 1, 51), 10);
	ck_assert_double_eq(rate_of("sent/s", 7, 120, 1, 51.1), 10);
	ck_assert_double_eq(rate_of("sent/s", 7, 130, 1, 52), 20);
}
END_TEST

START_TEST(rows_without_counters_or_none_at_all_do_no_harm)
{
	json_t *rows = json_pack("[{},{s:s},[]]", "pid", "x");

	rates_apply(&rates, rows, 1);
	rates_apply(&rates, rows, 2);
	rates_apply(&rates, NULL, 3);
	ck_assert_uint_eq(json_array_size(rows), 3);
	json_decref(rows);
}
END_TEST

START_TEST(a_process_that_lives_uses_memory)
{
	struct process_use use;

	ck_assert_int_eq(process_use_read((uint32_t)getpid(), &use), true);
	ck_assert_uint_ge(use.memory_bytes, 4096);
	ck_assert_double_ge(use.processor_s, 0);
	ck_assert_int_eq(process_use_read(UINT32_MAX, &use), false);
}
END_TEST

START_TEST(ids_are_of_here_when_who_listens_is_who_it_says)
{
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	ck_assert_int_eq(process_use_is_here(ends[0], (uint32_t)getpid()),
	    true);
	ck_assert_int_eq(process_use_is_here(ends[0], (uint32_t)getpid() + 1),
	    false);
	ck_assert_int_eq(process_use_is_here(ends[0], 0), false);
	close(ends[0]);
	close(ends[1]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("rates");
	TCase *tests = tcase_create("rates");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, a_rate_is_what_a_counter_grew_by_in_a_second);
	tcase_add_test(tests, who_was_not_there_before_has_no_rate);
	tcase_add_test(tests,
	    answers_that_follow_at_once_have_the_rates_of_the_one_before);
	tcase_add_test(tests, rows_without_counters_or_none_at_all_do_no_harm);
	tcase_add_test(tests, a_process_that_lives_uses_memory);
	tcase_add_test(tests, ids_are_of_here_when_who_listens_is_who_it_says);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
