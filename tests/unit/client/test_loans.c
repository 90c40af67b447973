/* SPDX-License-Identifier: Apache-2.0 */
/* Who pays, and which texts are kept once: without a worker. */
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"
#include "worker/client/loans.h"
#include "worker/client/scopes.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LOANS_MAX 40u

static struct loans loans;
static struct loan all[LOANS_MAX];

static void
begin(unsigned count, size_t bytes)
{
	memset(all, 0, sizeof(all));
	loans_init(&loans);
	loans_limit(&loans, count, bytes);
}

static void
note(unsigned i, size_t bytes, bool progress)
{
	loans_note(&loans, &all[i], bytes, all[i].trusted, progress);
}

START_TEST(unauthenticated_clients_get_half_and_the_oldest_of_them_pays)
{
	begin(4, 1000);
	ck_assert_ptr_null(loans_payer_for_one(&loans, false));
	loans_add(&loans, &all[0], false);
	loans_add(&loans, &all[1], false);
	ck_assert_ptr_eq(loans_payer_for_one(&loans, false), &all[0]);
	ck_assert_ptr_null(loans_payer_for_one(&loans, true));
	note(0, 10, true);
	ck_assert_ptr_eq(loans_payer_for_one(&loans, false), &all[1]);
	note(0, 10, false);
	note(1, 500, false);
	ck_assert_ptr_eq(loans_payer_for_one(&loans, false), &all[1]);
	loans_remove(&loans, &all[1]);
	ck_assert_ptr_null(loans_payer_for_one(&loans, false));
}
END_TEST

START_TEST(others_may_have_more_than_half_until_it_is_needed)
{
	unsigned i;

	begin(4, 1000);
	for (i = 0; i < 4; i++)
		loans_add(&loans, &all[i], true);
	ck_assert_ptr_eq(loans_payer_for_one(&loans, true), &all[0]);
	ck_assert_ptr_eq(loans_payer_for_one(&loans, false), &all[0]);
	loans_remove(&loans, &all[0]);
	loans_add(&loans, &all[4], false);
	ck_assert_ptr_eq(loans_payer_for_one(&loans, false), &all[1]);
	ck_assert_ptr_eq(loans_payer_for_one(&loans, true), &all[1]);
}
END_TEST

START_TEST(with_one_parser_everybody_finds_it)
{
	begin(1, 1000);
	loans_add(&loans, &all[0], false);
	ck_assert_ptr_eq(loans_payer_for_one(&loans, true), &all[0]);
	ck_assert_ptr_eq(loans_payer_for_one(&loans, false), &all[0]);
}
END_TEST

START_TEST(the_memory_is_paid_by_the_largest_of_who_has_too_much)
{
	begin(100, 1000);
	loans_add(&loans, &all[0], true);
	loans_add(&loans, &all[1], false);
	loans_add(&loans, &all[2], false);
	note(0, 500, false);
	note(1, 70, false);
	note(2, 400, false);
	ck_assert_ptr_null(loans_payer_for_memory(&loans));
	note(1, 110, false);
	ck_assert_ptr_eq(loans_payer_for_memory(&loans), &all[2]);
	note(2, 300, false);
	note(0, 600, false);
	ck_assert_ptr_eq(loans_payer_for_memory(&loans), &all[0]);
	/* Who has logged in meanwhile is counted so. */
	loans_note(&loans, &all[2], 300, true, false);
	ck_assert_uint_eq(loans.unauthenticated.bytes, 110);
	ck_assert_uint_eq(loans.trusted.bytes, 900);
	ck_assert_ptr_eq(loans_payer_for_memory(&loans), &all[0]);
}
END_TEST

START_TEST(whatever_is_noted_the_sums_are_right_and_limits_can_be_kept)
{
	unsigned round, i, held = 0;
	struct loan *payer;
	bool on[LOANS_MAX] = { false };
	size_t bytes;

	(void)seed_random("test_loans");
	begin(20, 1 << 20);
	for (round = 0; round < 20000; round++) {
		i = (unsigned)random() % LOANS_MAX;
		bytes = (size_t)random() % (1 << 18);
		if (!on[i]) {
			while ((payer = loans_payer_for_one(&loans, i % 2))) {
				loans_remove(&loans, payer);
				on[payer - all] = false;
			}
			loans_add(&loans, &all[i], i % 2);
			on[i] = true;
		} else {
			note(i, bytes, random() % 2);
		}
		while ((payer = loans_payer_for_memory(&loans))) {
			loans_remove(&loans, payer);
			on[payer - all] = false;
		}
		bytes = 0;
		for (i = held = 0; i < LOANS_MAX; i++) {
			held += on[i];
			bytes += on[i] ? all[i].bytes : 0;
		}
		ck_assert_uint_le(held, 20);
		ck_assert_uint_le(bytes, 1 << 20);
		ck_assert_uint_eq(loans.unauthenticated.count +
				      loans.trusted.count,
		    held);
		ck_assert_uint_eq(loans.unauthenticated.bytes +
				      loans.trusted.bytes,
		    bytes);
	}
}
END_TEST

/* How many texts more find room. */
static unsigned
scopes_room(struct scopes *scopes)
{
	static uint16_t numbers[SCOPES_MAX];
	unsigned count = 0, i;
	char text[16];

	do
		snprintf(text, sizeof(text), "room %u", count);
	while ((numbers[count] = scopes_take(scopes, text)) != 0 &&
	       ++count < SCOPES_MAX);
	for (i = 0; i < count; i++)
		scopes_release(scopes, &numbers[i]);
	return count;
}

START_TEST(equal_texts_are_kept_once_and_freed_with_the_last)
{
	struct scopes *scopes = scopes_new();
	uint16_t a = scopes_take(scopes, "a"), b = scopes_take(scopes, "b");
	uint16_t again = scopes_take(scopes, "a"), none = 0;

	ck_assert_uint_ne(a, 0);
	ck_assert_uint_ne(a, b);
	ck_assert_uint_eq(a, again);
	ck_assert_uint_eq(scopes_room(scopes), SCOPES_MAX - 2);
	scopes_release(scopes, &a);
	ck_assert_uint_eq(a, 0);
	ck_assert_str_eq(scopes_text(scopes, again), "a");
	scopes_release(scopes, &again);
	scopes_release(scopes, &none);
	ck_assert_uint_eq(scopes_room(scopes), SCOPES_MAX - 1);
	ck_assert_ptr_null(scopes_text(scopes, 0));
	scopes_release(scopes, &b);
	ck_assert_uint_eq(scopes_room(scopes), SCOPES_MAX);
	scopes_free(&scopes);
}
END_TEST

/* Those who thrash it harm nobody: a text that all use is found even so. */
START_TEST(many_different_texts_are_kept_and_all_can_be_told_apart)
{
	struct scopes *scopes = scopes_new();
	uint16_t numbers[1000], usual;
	char text[16];
	unsigned i;

	usual = scopes_take(scopes, "usual");
	for (i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "text %u", i);
		numbers[i] = scopes_take(scopes, text);
		if (i % 50 == 0) {
			uint16_t other = scopes_take(scopes, "usual");

			ck_assert_uint_eq(other, usual);
			scopes_release(scopes, &other);
		}
	}
	ck_assert_uint_eq(scopes_room(scopes), SCOPES_MAX - 1001);
	for (i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "text %u", i);
		ck_assert_str_eq(scopes_text(scopes, numbers[i]), text);
		scopes_release(scopes, &numbers[i]);
	}
	ck_assert_uint_eq(scopes_room(scopes), SCOPES_MAX - 1);
	scopes_free(&scopes);
}
END_TEST

START_TEST(there_is_a_last_text_and_room_again_behind_it)
{
	struct scopes *scopes = scopes_new();
	uint16_t first = scopes_take(scopes, "first");
	char text[16];
	unsigned i;

	for (i = 1; i < SCOPES_MAX; i++) {
		snprintf(text, sizeof(text), "text %u", i);
		if (scopes_take(scopes, text) == 0)
			break;
	}
	ck_assert_uint_eq(i, SCOPES_MAX);
	ck_assert_uint_eq(scopes_take(scopes, "one more"), 0);
	scopes_release(scopes, &first);
	ck_assert_uint_ne(scopes_take(scopes, "one more"), 0);
	scopes_free(&scopes);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("loans");
	TCase *tcase = tcase_create("loans");

	tcase_add_test(tcase,
	    unauthenticated_clients_get_half_and_the_oldest_of_them_pays);
	tcase_add_test(tcase,
	    others_may_have_more_than_half_until_it_is_needed);
	tcase_add_test(tcase, with_one_parser_everybody_finds_it);
	tcase_add_test(tcase,
	    the_memory_is_paid_by_the_largest_of_who_has_too_much);
	tcase_add_test(tcase,
	    whatever_is_noted_the_sums_are_right_and_limits_can_be_kept);
	tcase_add_test(tcase,
	    equal_texts_are_kept_once_and_freed_with_the_last);
	tcase_add_test(tcase,
	    many_different_texts_are_kept_and_all_can_be_told_apart);
	tcase_add_test(tcase, there_is_a_last_text_and_room_again_behind_it);
	tcase_set_timeout(tcase, 60);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
