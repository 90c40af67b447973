/* SPDX-License-Identifier: Apache-2.0 */
/* A link's journal against a naive shadow, as its writer and its successor see
 * it. */
#include "common/shm/journal.h"
#include "common/shm/region.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"
#include "tests/support/region/small_region.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

static struct region *region;
static struct journal *journal;

static void
setup(void)
{
	region = small_region(1, 4096);
	journal = journal_attach(region, 3);
}

static void
teardown(void)
{
	journal_detach(&journal);
	region_free(&region);
}

/* The upstream before is dead; what it had staged is gone. */
static void
succeed(void)
{
	journal_detach(&journal);
	journal = journal_attach(region, 3);
}

static struct journal_span
span_of(uint64_t number)
{
	struct journal_span span = {
		.source = (uint8_t)(number % 2),
		.lane = (uint8_t)(number % 16),
		.from = number * 8,
		.to = number * 8 + 8,
		.start = number * 100,
		.len = (uint32_t)(number % 100),
	};

	return span;
}

/* Absolute numbers, as the journal counts them. */
struct shadow {
	uint64_t tail, head, staged;
};

static void
compare(const struct shadow *shadow)
{
	struct journal_span span, expected;
	uint64_t number;

	ck_assert_uint_eq(journal_tail(journal), shadow->tail);
	ck_assert_uint_eq(journal_head(journal), shadow->head);
	ck_assert_uint_eq(journal_room(journal),
	    JOURNAL_SPANS - (shadow->staged - shadow->tail));
	for (number = shadow->tail; number < shadow->head;
	     number += 1 + (uint64_t)random() % 400) {
		expected = span_of(number);
		ck_assert_int_eq(journal_read(journal, number, &span), 0);
		ck_assert_mem_eq(&span, &expected, sizeof(span));
	}
	ck_assert_int_eq(journal_read(journal, shadow->head, &span), -ENOENT);
	ck_assert_int_eq(journal_read(journal, shadow->tail - 1, &span),
	    -ENOENT);
}

static void
append_some(struct shadow *shadow)
{
	struct journal_span span;
	int count = (int)(random() % 500), error;

	while (count-- > 0) {
		span = span_of(shadow->staged);
		error = journal_append(journal, &span);
		ck_assert_int_eq(error,
		    shadow->staged - shadow->tail == JOURNAL_SPANS ? -ENOSPC
								   : 0);
		if (!error)
			shadow->staged++;
	}
}

START_TEST(test_random_batches_match_a_shadow)
{
	struct shadow shadow = { 0, 0, 0 };

	(void)seed_random("test_journal");
	for (int i = 0; i < 3000; i++) {
		switch (random() % 6) {
		case 0:
			succeed();
			shadow.staged = shadow.head;
			break;
		case 1:
			shadow.tail += (uint64_t)random() %
				       (shadow.head - shadow.tail + 1);
			journal_release(journal, shadow.tail);
			journal_trim(journal);
			break;
		case 2:
		case 3:
			journal_commit(journal);
			shadow.head = shadow.staged;
			break;
		default:
			append_some(&shadow);
			break;
		}
		compare(&shadow);
	}
}
END_TEST

START_TEST(test_a_full_log_says_so)
{
	struct journal_span span = span_of(0);

	for (uint64_t i = 0; i < JOURNAL_SPANS; i++)
		ck_assert_int_eq(journal_append(journal, &span), 0);
	ck_assert_int_eq(journal_append(journal, &span), -ENOSPC);
	journal_commit(journal);
	journal_release(journal, 1);
	ck_assert_int_eq(journal_append(journal, &span), 0);
}
END_TEST

START_TEST(test_a_new_connection_starts_with_nothing)
{
	struct journal_span span = span_of(0);

	for (int i = 0; i < 10; i++)
		ck_assert_int_eq(journal_append(journal, &span), 0);
	journal_commit(journal);
	ck_assert_int_eq(journal_append(journal, &span), 0);
	journal_restart(journal);
	ck_assert_uint_eq(journal_head(journal), journal_tail(journal));
	ck_assert_uint_eq(journal_room(journal), JOURNAL_SPANS);
}
END_TEST

static void
flip(void *bytes, size_t len)
{
	((uint8_t *)bytes)[(size_t)random() % len] ^=
	    (uint8_t)(1 << random() % 8);
}

/* Whatever bit changes, of cursors or entries: a span is what was written, or
 * is refused. */
START_TEST(test_damage_is_noticed_and_never_followed)
{
	/* The page begins with head and tail; entries begin at 64 bytes. */
	uint8_t *page = region_section(region, REGION_LINK, 3);
	struct journal_span span, expected;
	unsigned refused = 0;

	(void)seed_random("test_journal");
	for (uint64_t number = 0; number < 5000; number++) {
		expected = span_of(number);
		ck_assert_int_eq(journal_append(journal, &expected), 0);
		journal_commit(journal);
		flip(page, 16);
		if (random() % 2)
			flip(page + 64 + number * sizeof(span), sizeof(span));
		ck_assert_uint_eq(journal_head(journal), number + 1);
		ck_assert_uint_eq(journal_tail(journal), 0);
		if (journal_read(journal, number, &span) == 0)
			ck_assert_mem_eq(&span, &expected, sizeof(span));
		else
			refused++;
	}
	ck_assert_uint_gt(refused, 2000);
	journal_release(journal, 5000);
	*(uint64_t *)(void *)page = UINT64_MAX;
	succeed();
	ck_assert_uint_eq(journal_room(journal), JOURNAL_SPANS);
	journal_restart(journal);
	ck_assert_uint_eq(journal_head(journal), journal_tail(journal));
}
END_TEST

START_TEST(test_links_have_a_journal_each)
{
	struct journal *other = journal_attach(region, 4);
	struct journal_span span = span_of(0);

	ck_assert_int_eq(journal_append(journal, &span), 0);
	journal_commit(journal);
	ck_assert_uint_eq(journal_head(other), 0);
	journal_detach(&other);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("journal");
	TCase *tcase = tcase_create("journal");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 30);
	tcase_add_test(tcase, test_random_batches_match_a_shadow);
	tcase_add_test(tcase, test_a_full_log_says_so);
	tcase_add_test(tcase, test_a_new_connection_starts_with_nothing);
	tcase_add_test(tcase, test_damage_is_noticed_and_never_followed);
	tcase_add_test(tcase, test_links_have_a_journal_each);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
