/* SPDX-License-Identifier: Apache-2.0 */
/* How many lines links take that fail alike. */
#include "tests/support/check/run_suite.h"
#include "tests/support/log/log_lines.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/upstream/link/attempt_log.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

#define REFUSED "address=192.0.2.1:5262 reason=\"refused\""
#define SILENT  "address=192.0.2.1:5262 reason=\"timed out\""

static struct attempt_log *const attempts = &up.attempt_log;

static void
fail_links(unsigned from, unsigned to, const char *words)
{
	for (unsigned link = from; link < to; link++)
		attempt_log_failure(attempts, link, LOG_WARNING, words);
}

START_TEST(links_that_fail_alike_take_two_lines_a_round)
{
	fail_links(0, 16, REFUSED);
	ck_assert_uint_eq(log_lines_with(""), 1);
	ck_assert_uint_eq(log_lines_with("link down link=0 " REFUSED), 1);
	fail_links(0, 16, REFUSED);
	ck_assert_uint_eq(log_lines_with(""), 3);
	ck_assert_uint_eq(log_lines_with("further links down for the same "
					 "reason count=15 " REFUSED),
	    1);
	ck_assert_uint_eq(log_lines_with("link down link=0 " REFUSED), 2);
}
END_TEST

START_TEST(one_link_alone_takes_one_line_an_attempt)
{
	for (unsigned i = 0; i < 5; i++)
		fail_links(3, 4, REFUSED);
	ck_assert_uint_eq(log_lines_with("link down link=3 " REFUSED), 5);
	ck_assert_uint_eq(log_lines_with(""), 5);
}
END_TEST

START_TEST(another_reason_is_said_at_once_after_the_count_of_the_former)
{
	fail_links(0, 3, REFUSED);
	fail_links(3, 4, SILENT);
	ck_assert_uint_eq(log_lines_with("further links down for the same "
					 "reason count=2 " REFUSED),
	    1);
	ck_assert_uint_eq(log_lines_with("link down link=3 " SILENT), 1);
	ck_assert_uint_eq(log_lines_with(""), 3);
}
END_TEST

START_TEST(after_the_end_of_a_round_the_same_words_are_said_again)
{
	fail_links(0, 2, REFUSED);
	attempt_log_end_round(attempts);
	attempt_log_end_round(attempts);
	ck_assert_uint_eq(log_lines_with("count=1 "), 1);
	fail_links(2, 3, REFUSED);
	ck_assert_uint_eq(log_lines_with("link down link=2 "), 1);
	ck_assert_uint_eq(log_lines_with(""), 3);
}
END_TEST

START_TEST(words_too_long_to_keep_whole_are_alike_by_what_is_kept)
{
	char words[2 * ATTEMPT_WORDS_MAX];

	memset(words, 'x', sizeof(words));
	words[sizeof(words) - 1] = '\0';
	fail_links(0, 4, words);
	attempt_log_end_round(attempts);
	ck_assert_uint_eq(log_lines_with(""), 2);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("attempt_log");
	TCase *tests = tcase_create("attempt_log");

	tcase_add_checked_fixture(tests, begin_upstream, finish_upstream);
	tcase_add_test(tests, links_that_fail_alike_take_two_lines_a_round);
	tcase_add_test(tests, one_link_alone_takes_one_line_an_attempt);
	tcase_add_test(tests,
	    another_reason_is_said_at_once_after_the_count_of_the_former);
	tcase_add_test(tests,
	    after_the_end_of_a_round_the_same_words_are_said_again);
	tcase_add_test(tests,
	    words_too_long_to_keep_whole_are_alike_by_what_is_kept);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
