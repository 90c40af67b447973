/* SPDX-License-Identifier: Apache-2.0 */
/* The last errors of a process that dies at any instruction while it notes
 * another: those before are read whole, and its successor goes on. */
#include "common/shm/process_page_layout.h"
#include "tests/crash/crash.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/region/small_region.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BEFORE 60u
#define MORE   12u

static struct region *region;
static struct recent_error errors[RECENT_ERRORS_MAX];
static char texts[BEFORE + MORE + 2][LOG_BODY_MAX];

/* The number and, of many lengths, what goes with it. */
static void
make_text(unsigned number, char text_out[LOG_BODY_MAX])
{
	size_t len = number % 3 ? number * 37 % 200 + 8 : LOG_BODY_MAX - 1;

	memset(text_out, (int)('a' + number % 26), len);
	snprintf(text_out, len, "%u", number);
	text_out[strlen(text_out)] = ' ';
	text_out[len] = '\0';
}

static void
setup(void)
{
	region = small_region(1, 4096);
	for (unsigned i = 0; i < ARRAY_LEN(texts); i++)
		make_text(i, texts[i]);
}

static void
teardown(void)
{
	log_set_witness(NULL);
	region_free(&region);
}

static void
keep_numbers(unsigned from, unsigned to)
{
	struct log_line line = { .level = LOG_ERROR, .process = "upstream" };

	recent_errors_hold();
	recent_errors_attach(region, 0);
	for (; from <= to; from++) {
		line.body = texts[from];
		recent_errors_keep(&line);
	}
}

static void
keep_more(void *context)
{
	(void)context;
	keep_numbers(BEFORE + 1, BEFORE + MORE);
}

static void
look(void *context)
{
	unsigned *last = context, count, newest, i;

	count = recent_errors_read(region, 0, errors);
	ck_assert_uint_ge(count, RECENT_ERRORS_ALWAYS - 1);
	newest = (unsigned)atoi(errors[count - 1].text);
	ck_assert_uint_ge(newest, *last);
	ck_assert_uint_le(newest, *last + 1);
	*last = newest;
	for (i = 0; i < count; i++)
		ck_assert_str_eq(errors[i].text, texts[newest - count + 1 + i]);
}

START_TEST(test_those_before_are_whole_after_every_instruction)
{
	unsigned last = BEFORE;
	struct process_page *page = region_section(region, REGION_STATS, 0);
	const struct step step = {
		.spans = { { &page->errors, sizeof(page->errors) } },
		.work = keep_more,
		.look = look,
		.context = &last,
	};

	keep_numbers(1, BEFORE);
	look(&last);
	if (!step_through(&step))
		return;
	ck_assert_uint_gt(last, BEFORE);
	keep_numbers(last + 1, last + 1); /* the successor */
	look(&last);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("crash_recent_errors");
	TCase *tcase = tcase_create("crash_recent_errors");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 0);
	tcase_add_test(tcase,
	    test_those_before_are_whole_after_every_instruction);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
