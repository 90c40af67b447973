/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A link's journal wherever upstream is killed: its successor can read each
 * span between the cursors, as it was written.
 */
#include "common/shm/journal.h"
#include "common/shm/region.h"
#include "tests/crash/crash.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/region/small_region.h"

#include <check.h>
#include <stdio.h>

#define LINK       3u
#define ROUNDS     12u
#define OPEN_SPANS 3u /* between the cursors, at most */

static struct region *region;

static void
setup(void)
{
	crash_seed();
	region = small_region(1, 8192);
}

static void
teardown(void)
{
	region_free(&region);
}

static struct journal_span
span_of(uint64_t number)
{
	return (struct journal_span){
		.source = (uint8_t)(number % 2),
		.lane = (uint8_t)(number % 16),
		.len = (uint32_t)(number * 5 + 1),
		.from = number * 8,
		.to = number * 8 + 8,
		.start = number * 100,
	};
}

/* As upstream does it: appends, is answered. */
static void
work(void *context)
{
	struct journal *journal = context;

	for (uint64_t number = 0; number < ROUNDS; number++) {
		struct journal_span span = span_of(number);

		CHECK(journal_append(journal, &span) == 0);
		journal_commit(journal);
		if (number >= OPEN_SPANS)
			journal_release(journal, number - OPEN_SPANS + 1);
	}
}

static uint64_t looked_at;

static void
look(void *context)
{
	struct journal *left = journal_attach(region, LINK);
	struct journal_span span, expected;
	uint64_t number = journal_tail(left);

	(void)context;
	ck_assert_uint_le(journal_head(left) - number, OPEN_SPANS + 1);
	for (; number < journal_head(left); number++, looked_at++) {
		expected = span_of(number);
		ck_assert_int_eq(journal_read(left, number, &span), 0);
		ck_assert_uint_eq(span.source, expected.source);
		ck_assert_uint_eq(span.lane, expected.lane);
		ck_assert_uint_eq(span.len, expected.len);
		ck_assert_uint_eq(span.from, expected.from);
		ck_assert_uint_eq(span.to, expected.to);
		ck_assert_uint_eq(span.start, expected.start);
	}
	journal_detach(&left);
}

START_TEST(after_each_instruction_each_span_can_be_read)
{
	struct journal *journal = journal_attach(region, LINK);
	const uint8_t *page = region_section(region, REGION_LINK, LINK);
	struct step step = {
		/* Cursors in a cache line of their own, then the spans. */
		.spans = { { page, 64 },
		    { page + 64, ROUNDS * sizeof(struct journal_span) } },
		.work = work,
		.look = look,
		.context = journal,
	};

	if (step_through(&step))
		ck_assert_uint_gt(looked_at, 0);
	printf("%llu spans were read\n", (unsigned long long)looked_at);
	journal_detach(&journal);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("crash_journal");
	TCase *tcase = tcase_create("journal");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, after_each_instruction_each_span_can_be_read);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
