/* SPDX-License-Identifier: Apache-2.0 */
/* Which failed log-ins have a line of their own, by a clock of the test's. */
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"
#include "worker/client/login_lines.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct login_lines lines;
static struct login_count counted;

static void
setup(void)
{
	memset(&lines, 0, sizeof(lines));
}

static const uint8_t *
address(unsigned number)
{
	static uint8_t bytes[16];

	bytes[14] = (uint8_t)(number >> 8);
	bytes[15] = (uint8_t)number;
	return bytes;
}

/* How many of so many failures have a line of their own. */
static unsigned
refuse(unsigned number, unsigned times, uint32_t now_s)
{
	unsigned own = 0;

	while (times-- > 0)
		own += login_lines_pass(&lines, address(number), now_s);
	return own;
}

START_TEST(a_hundred_in_a_second_have_a_line_each_in_any_second)
{
	uint32_t second;

	for (second = 1000; second < 1100; second++) {
		ck_assert_int_eq(login_lines_next(&lines, second, &counted),
		    LOGIN_LINES_NONE);
		ck_assert_uint_eq(refuse(second & 7, LOGIN_LINES_A_SECOND,
				      second),
		    LOGIN_LINES_A_SECOND);
	}
}
END_TEST

START_TEST(what_comes_beyond_is_said_by_address_when_the_second_is_over)
{
	unsigned found[3] = { 0 };

	ck_assert_uint_eq(refuse(1, 150, 7), LOGIN_LINES_A_SECOND);
	ck_assert_uint_eq(refuse(2, 30, 7), 0);
	ck_assert_uint_eq(refuse(1, 5, 7), 0);
	ck_assert_int_eq(login_lines_next(&lines, 7, &counted),
	    LOGIN_LINES_NONE);
	while (login_lines_next(&lines, 8, &counted) == LOGIN_LINES_ADDRESS)
		found[counted.address[15]] += counted.count;
	ck_assert_uint_eq(found[1], 55);
	ck_assert_uint_eq(found[2], 30);
	ck_assert_int_eq(login_lines_next(&lines, 8, &counted),
	    LOGIN_LINES_NONE);
	ck_assert_uint_eq(refuse(2, 1, 8), 1);
}
END_TEST

START_TEST(addresses_that_find_no_room_are_counted_together)
{
	unsigned number, said = 0;

	(void)refuse(0, LOGIN_LINES_A_SECOND, 7);
	for (number = 1; number <= LOGIN_ADDRESSES + 40; number++)
		ck_assert_uint_eq(refuse(number, 3, 7), 0);
	while (login_lines_next(&lines, 8, &counted) == LOGIN_LINES_ADDRESS) {
		ck_assert_uint_eq(counted.count, 3);
		said++;
	}
	ck_assert_uint_eq(said, LOGIN_ADDRESSES);
	ck_assert_uint_eq(counted.count, 120);
	ck_assert_int_eq(login_lines_next(&lines, 8, &counted),
	    LOGIN_LINES_NONE);
}
END_TEST

/* No failure is without a line, its own or one that counts it. */
START_TEST(none_is_lost)
{
	unsigned seed = seed_random("test_login_lines"), total = 0, said = 0;
	unsigned i;
	uint32_t second = 1;

	for (i = 0; i < 50000; i++) {
		if (random() % 400 == 0)
			second += 1 + (uint32_t)(random() % 3);
		while (login_lines_next(&lines, second, &counted) !=
		       LOGIN_LINES_NONE)
			said += counted.count;
		said += refuse((unsigned)random() % 700, 1, second);
		total++;
	}
	while (login_lines_next(&lines, second + 1, &counted) !=
	       LOGIN_LINES_NONE)
		said += counted.count;
	ck_assert_msg(said == total,
	    "CM_SEED=%u: the lines should count %u log-ins, not %u", seed,
	    total, said);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("login lines");
	TCase *all = tcase_create("all");

	tcase_add_checked_fixture(all, setup, NULL);
	tcase_add_test(all,
	    a_hundred_in_a_second_have_a_line_each_in_any_second);
	tcase_add_test(all,
	    what_comes_beyond_is_said_by_address_when_the_second_is_over);
	tcase_add_test(all, addresses_that_find_no_room_are_counted_together);
	tcase_add_test(all, none_is_lost);
	suite_add_tcase(suite, all);
	return run_suite(suite);
}
