/* SPDX-License-Identifier: Apache-2.0 */
/* What goes no further is counted and has a line, whatever its reason. */
#include "common/base/log.h"
#include "common/shm/frame_kind.h"
#include "common/shm/region.h"
#include "common/shm/stats.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/log/log_lines.h"
#include "tests/support/region/small_region.h"
#include "worker/dropped.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct region *region;

static void
setup(void)
{
	region = small_region(16, 1 << 16);
	stats_attach(region, 0);
	log_lines_begin(LOG_INFO);
}

static void
teardown(void)
{
	log_lines_end();
	region_free(&region);
}

START_TEST(each_reason_has_a_line_and_a_counter_of_its_own)
{
	dropped_note(STAT_ANSWERS_DROPPED, FRAME_IQ_ANSWER, "cm1a",
	    "192.0.2.1:5000");
	dropped_note(STAT_UNKNOWN_SESSIONS, FRAME_MESSAGE, "cm1b\n\"x", NULL);
	ck_assert_uint_eq(stats_read(region, 0, STAT_ANSWERS_DROPPED), 1);
	ck_assert_uint_eq(stats_read(region, 0, STAT_UNKNOWN_SESSIONS), 1);
	ck_assert_uint_eq(
	    log_lines_with(" info test: an element is not passed on "
			   "reason=answers_dropped kind=\"iq answer\" "
			   "session=\"cm1a\" address=192.0.2.1:5000"),
	    1);
	ck_assert_uint_eq(
	    log_lines_with("reason=unknown_sessions kind=\"message\" "
			   "session=\"cm1b\\x0a\\x22x\" address=-\n"),
	    1);
}
END_TEST

START_TEST(a_flood_of_one_reason_leaves_room_for_the_others)
{
	int i;

	for (i = 0; i < 100000; i++)
		dropped_note(STAT_ANSWERS_DROPPED, FRAME_IQ_ANSWER, "-", NULL);
	dropped_note(STAT_LATE_MESSAGES, FRAME_MESSAGE, "-", NULL);
	ck_assert_uint_eq(stats_read(region, 0, STAT_ANSWERS_DROPPED), 100000);
	ck_assert_uint_ge(log_lines_with("reason=answers_dropped"), 1);
	ck_assert_uint_lt(log_lines_with("reason=answers_dropped"), 10000);
	ck_assert_uint_eq(log_lines_with("reason=late_messages"), 1);
}
END_TEST

START_TEST(what_comes_late_counts_by_its_kind)
{
	static const uint8_t others[] = { FRAME_PRESENCE, FRAME_IQ_REQUEST,
		FRAME_IQ_ANSWER, FRAME_OTHER, FRAME_BOUNCE };
	static const uint8_t own[] = { FRAME_CONTROL, FRAME_SUCCESS,
		FRAME_SERVER_CLOSE };
	size_t i;

	dropped_note_late(FRAME_MESSAGE, "-", NULL);
	for (i = 0; i < ARRAY_LEN(others); i++)
		dropped_note_late(others[i], "-", NULL);
	for (i = 0; i < ARRAY_LEN(own); i++)
		dropped_note_late(own[i], "-", NULL);
	ck_assert_uint_eq(stats_read(region, 0, STAT_LATE_MESSAGES), 1);
	ck_assert_uint_eq(stats_read(region, 0, STAT_LATE_OTHERS),
	    ARRAY_LEN(others));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("dropped");
	TCase *tcase = tcase_create("dropped");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, each_reason_has_a_line_and_a_counter_of_its_own);
	tcase_add_test(tcase, a_flood_of_one_reason_leaves_room_for_the_others);
	tcase_add_test(tcase, what_comes_late_counts_by_its_kind);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
