/* SPDX-License-Identifier: Apache-2.0 */
/* The last errors and warnings of a process, as another reads them: whole, in
 * order, from the first on, whatever the writer is or was. */
#include "common/shm/process_page_layout.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"
#include "tests/support/region/small_region.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROW 1u

static struct region *region;
static struct recent_error errors[RECENT_ERRORS_MAX];

static void
setup(void)
{
	region = small_region(4, 4096);
	log_init("worker 1", LOG_NOTICE);
	log_sink_set(open("/dev/null", O_WRONLY | O_CLOEXEC), LOG_FORM_TEXT);
	recent_errors_hold();
}

static void
teardown(void)
{
	log_set_witness(NULL);
	region_free(&region);
}

static struct recent_errors *
page(uint32_t row)
{
	struct process_page *whole = region_section(region, REGION_STATS, row);

	return &whole->errors;
}

static unsigned
count_in(uint32_t row)
{
	return recent_errors_read(region, row, errors);
}

/* --- what is kept --- */

START_TEST(an_error_is_read_as_it_was_logged)
{
	ck_assert_uint_eq(count_in(ROW), 0);
	recent_errors_attach(region, ROW);
	log_at(LOG_WARNING, "first line=%u", 1);
	log_at(LOG_NOTICE, "no error");
	ck_assert_uint_eq(count_in(ROW), 1);
	ck_assert_str_eq(errors[0].text, "first line=1");
	ck_assert_str_eq(errors[0].process, "worker 1");
	ck_assert_uint_eq(errors[0].level, LOG_WARNING);
	ck_assert_uint_eq(errors[0].pid, (uint32_t)getpid());
	ck_assert_int_gt(errors[0].time_ms, 1700000000000);
	ck_assert_uint_eq(count_in(0), 0);
}
END_TEST

START_TEST(what_is_no_text_is_shown_as_such_and_letters_are_kept)
{
	recent_errors_attach(region, ROW);
	log_at(LOG_ERROR, "a\xff\x1b[2Jb u=\xc3\xa4\xe2\x80\xae");
	ck_assert_uint_eq(count_in(ROW), 1);
	ck_assert_str_eq(errors[0].text, "a??[2Jb u=\xc3\xa4?");
}
END_TEST

/* The longest name with the longest texts. */
START_TEST(the_last_five_are_whole_however_long)
{
	char text[LOG_BODY_MAX];
	unsigned i, count;

	log_init("a process whose name is 31 long", LOG_NOTICE);
	recent_errors_attach(region, ROW);
	for (i = 0; i < 100; i++) {
		memset(text, (int)('a' + i % 26), sizeof(text));
		text[LOG_BODY_MAX - 1] = '\0';
		log_at(LOG_ERROR, "%s", text);
		count = count_in(ROW);
		ck_assert_uint_ge(count, MIN(i + 1, RECENT_ERRORS_ALWAYS));
		ck_assert_str_eq(errors[count - 1].text, text);
	}
}
END_TEST

START_TEST(what_does_not_fit_into_a_line_is_seen_to_be_cut)
{
	char text[2000];

	memset(text, 'x', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	recent_errors_attach(region, ROW);
	log_at(LOG_ERROR, "words %s", text);
	log_at(LOG_ERROR, "path=\"%s\" more=1", text);
	memset(text, '\xa4', sizeof(text) - 1);
	for (unsigned i = 0; i < sizeof(text) - 1; i += 2)
		text[i] = '\xc3';
	log_at(LOG_ERROR, "%s", text);
	log_at(LOG_ERROR, "a%s", text);
	ck_assert_uint_eq(count_in(ROW), 4);
	ck_assert_str_eq(errors[0].text + strlen(errors[0].text) - 5, "xx...");
	ck_assert_str_eq(errors[1].text + strlen(errors[1].text) - 6,
	    "xx...\"");
	ck_assert_ptr_null(strchr(errors[2].text, '?'));
	ck_assert_ptr_null(strchr(errors[3].text, '?'));
	ck_assert_uint_ge(strlen(errors[3].text), LOG_BODY_MAX - 6);
}
END_TEST

/* --- from the first on --- */

START_TEST(what_was_logged_before_is_in_the_row_in_its_order)
{
	log_at(LOG_WARNING, "earliest");
	log_at(LOG_ERROR, "early");
	recent_errors_attach(region, ROW);
	log_at(LOG_WARNING, "late");
	ck_assert_uint_eq(count_in(ROW), 3);
	ck_assert_str_eq(errors[0].text, "earliest");
	ck_assert_uint_eq(errors[0].level, LOG_WARNING);
	ck_assert_str_eq(errors[1].text, "early");
	ck_assert_uint_eq(errors[1].level, LOG_ERROR);
	ck_assert_str_eq(errors[2].text, "late");
}
END_TEST

START_TEST(nothing_is_written_into_a_row_that_was_left)
{
	recent_errors_attach(region, ROW);
	log_at(LOG_ERROR, "here");
	recent_errors_hold();
	log_at(LOG_ERROR, "elsewhere");
	ck_assert_uint_eq(count_in(ROW), 1);
	recent_errors_attach(region, ROW + 1);
	ck_assert_uint_eq(count_in(ROW + 1), 1);
	ck_assert_str_eq(errors[0].text, "elsewhere");
}
END_TEST

/* As worker_begin() does it. */
START_TEST(a_child_takes_nothing_of_its_parents_and_leaves_it_alone)
{
	pid_t child;
	int status;

	recent_errors_attach(region, ROW);
	log_at(LOG_ERROR, "parent");
	child = fork();
	if (child == 0) {
		recent_errors_hold();
		log_at(LOG_ERROR, "unborn");
		recent_errors_attach(region, ROW + 1);
		log_at(LOG_ERROR, "born");
		_exit(0);
	}
	ck_assert_int_eq(waitpid(child, &status, 0), child);
	ck_assert_int_eq(status, 0);
	ck_assert_uint_eq(count_in(ROW), 1);
	ck_assert_str_eq(errors[0].text, "parent");
	ck_assert_uint_eq(count_in(ROW + 1), 2);
	ck_assert_str_eq(errors[0].text, "unborn");
	ck_assert_str_eq(errors[1].text, "born");
}
END_TEST

START_TEST(a_successor_goes_on_behind_its_predecessor)
{
	recent_errors_attach(region, ROW);
	log_at(LOG_ERROR, "first");
	recent_errors_hold();
	recent_errors_attach(region, ROW);
	log_at(LOG_ERROR, "second");
	ck_assert_uint_eq(count_in(ROW), 2);
	ck_assert_str_eq(errors[0].text, "first");
	ck_assert_str_eq(errors[1].text, "second");
}
END_TEST

/* --- a model --- */

#define MODEL_STEPS 500u

static char model[MODEL_STEPS][LOG_BODY_MAX];

static void
log_something(char text_out[LOG_BODY_MAX])
{
	size_t most = random() % 4 ? 150 : LOG_BODY_MAX - 1;
	size_t len = (size_t)random() % (most + 1), i;

	for (i = 0; i < len; i++)
		text_out[i] = (char)('a' + random() % 26);
	text_out[len] = '\0';
	log_at(LOG_WARNING, "%s", text_out);
}

/* They are the last of those logged, without a gap. */
static void
ck_are_last(unsigned found, unsigned logged)
{
	unsigned i;

	for (i = 0; i < found; i++)
		ck_assert_str_eq(errors[i].text, model[logged - found + i]);
}

static size_t
bytes_of_next(unsigned found, unsigned logged)
{
	return strlen(model[logged - found - 1]) + strlen("worker 1") +
	       sizeof(struct recent_error_end);
}

START_TEST(as_many_as_find_room_are_read_whole)
{
	unsigned logged, found, i;
	size_t used;

	seed_random("recent errors");
	recent_errors_attach(region, ROW);
	for (logged = 1; logged <= MODEL_STEPS; logged++) {
		log_something(model[logged - 1]);
		found = count_in(ROW);
		ck_are_last(found, logged);
		for (used = 0, i = 0; i < found; i++)
			used += bytes_of_next(i, logged);
		ck_assert_msg(found == logged || found == RECENT_ERRORS_MAX ||
				  used + bytes_of_next(found, logged) >
				      RECENT_RING_BYTES,
		    "%u of %u errors should not be all that there is room for",
		    (unsigned)found, (unsigned)logged);
	}
}
END_TEST

START_TEST(a_damaged_one_ends_what_is_read)
{
	uint8_t *bytes = (uint8_t *)page(ROW), was;
	unsigned logged, found, whole;
	size_t at;

	seed_random("recent errors, damage");
	recent_errors_attach(region, ROW);
	for (logged = 1; logged <= 200; logged++)
		log_something(model[logged - 1]);
	logged = 200;
	whole = count_in(ROW);
	for (unsigned i = 0; i < 2000; i++) {
		at = (size_t)random() % sizeof(struct recent_errors);
		was = bytes[at];
		bytes[at] ^= (uint8_t)(1u << random() % 8);
		found = count_in(ROW);
		ck_assert_uint_le(found, whole);
		ck_are_last(found, logged);
		bytes[at] = was;
	}
	ck_assert_uint_eq(count_in(ROW), whole);
}
END_TEST

/* A mad process's page, and what its successor makes of it. */
START_TEST(one_that_finds_nonsense_begins_anew)
{
	static const uint64_t heads[] = { 1, 7, RECENT_RING_BYTES - 1,
		UINT64_MAX - 5, UINT64_MAX };
	size_t i;

	for (i = 0; i < ARRAY_LEN(heads); i++) {
		memset(page(ROW), 0xEE, sizeof(struct recent_errors));
		atomic_store(&page(ROW)->head, heads[i]);
		ck_assert_uint_eq(count_in(ROW), 0);
		recent_errors_hold();
		recent_errors_attach(region, ROW);
		log_at(LOG_ERROR, "sane");
		log_at(LOG_ERROR, "again");
		ck_assert_uint_ge(count_in(ROW), 1);
		ck_assert_str_eq(errors[count_in(ROW) - 1].text, "again");
	}
}
END_TEST

/* Pages of a memory file are made by a look at them, too. */
START_TEST(a_look_at_what_was_never_written_costs_no_memory)
{
	uint64_t before;
	uint32_t row;

	recent_errors_attach(region, 0);
	for (row = 0; row < SMALL_PARTITIONS; row++)
		*(volatile uint8_t *)region_section(region, REGION_STATS, row);
	before = region_occupied_bytes(region);
	log_at(LOG_ERROR, "one that lies beside the counters");
	for (row = 0; row < SMALL_PARTITIONS; row++)
		count_in(row);
	ck_assert_uint_eq(region_occupied_bytes(region), before);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("recent_errors");
	TCase *tests = tcase_create("recent_errors");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, an_error_is_read_as_it_was_logged);
	tcase_add_test(tests,
	    what_is_no_text_is_shown_as_such_and_letters_are_kept);
	tcase_add_test(tests, the_last_five_are_whole_however_long);
	tcase_add_test(tests, what_does_not_fit_into_a_line_is_seen_to_be_cut);
	tcase_add_test(tests,
	    what_was_logged_before_is_in_the_row_in_its_order);
	tcase_add_test(tests, nothing_is_written_into_a_row_that_was_left);
	tcase_add_test(tests,
	    a_child_takes_nothing_of_its_parents_and_leaves_it_alone);
	tcase_add_test(tests, a_successor_goes_on_behind_its_predecessor);
	tcase_add_test(tests, as_many_as_find_room_are_read_whole);
	tcase_add_test(tests, a_damaged_one_ends_what_is_read);
	tcase_add_test(tests, one_that_finds_nonsense_begins_anew);
	tcase_add_test(tests, a_look_at_what_was_never_written_costs_no_memory);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
