/* SPDX-License-Identifier: Apache-2.0 */
/* Queries on a link, in every order of answers. */
#include "tests/support/check/run_suite.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/upstream/link/barrier.h"

#include <check.h>
#include <errno.h>
#include <stdlib.h>

#define RUN_ID 0xfedcba98u

static struct barrier_table *const table = &up.links[7].barriers;

static uint64_t
query(double now)
{
	char id[BARRIER_ID_MAX];
	uint64_t serial;
	unsigned link;

	ck_assert_int_eq(barrier_query(table, now, id), 0);
	ck_assert_int_eq(barrier_parse(id, RUN_ID, &link, &serial), 0);
	ck_assert_uint_eq(link, 7);
	return serial;
}

static uint64_t
query_and_send(uint64_t covers, double now)
{
	uint64_t serial = query(now);

	barrier_sent(table, covers, now);
	return serial;
}

static void
setup(void)
{
	begin_upstream();
	barrier_init(table, 7, RUN_ID, 0);
}

START_TEST(an_answer_confirms_what_was_before_its_question)
{
	uint64_t serial = query_and_send(12, 1), covers;

	ck_assert_int_eq(barrier_answered(table, serial, 3, &covers), 0);
	ck_assert_uint_eq(covers, 12);
	ck_assert_double_eq_tol(table->round_trip_s, 2, 1e-9);
	ck_assert_int_eq(barrier_answered(table, serial, 3, &covers), -ENOENT);
}
END_TEST

START_TEST(an_answer_settles_every_older_question)
{
	uint64_t first = query_and_send(5, 1), second = query_and_send(9, 2);
	uint64_t third = query_and_send(20, 3), covers;

	ck_assert_int_eq(barrier_answered(table, second, 4, &covers), 0);
	ck_assert_uint_eq(covers, 9);
	ck_assert_int_eq(barrier_answered(table, first, 4, &covers), -ENOENT);
	ck_assert_int_eq(barrier_answered(table, third, 4, &covers), 0);
	ck_assert_uint_eq(covers, 20);
}
END_TEST

START_TEST(a_question_not_sent_yet_cannot_be_answered)
{
	uint64_t serial = query(1), covers;

	ck_assert_int_eq(barrier_answered(table, serial, 2, &covers), -ENOENT);
	ck_assert_msg(!barrier_oldest_is_sent(table),
	    "the oldest query should not count as sent yet");
	/* A link that takes no more bytes has to answer for it, too. */
	ck_assert_double_eq(barrier_oldest(table), 1);
	barrier_sent(table, 4, 2);
	ck_assert_msg(barrier_oldest_is_sent(table),
	    "the oldest query should count as sent");
	ck_assert_double_eq(barrier_oldest(table), 2);
	ck_assert_int_eq(barrier_answered(table, serial, 3, &covers), 0);
}
END_TEST

START_TEST(no_more_questions_are_open_than_allowed)
{
	char id[BARRIER_ID_MAX];
	uint64_t last = 0, covers;

	for (unsigned i = 0; i < BARRIERS_OUTSTANDING; i++)
		last = query_and_send(i + 1, 1);
	ck_assert_int_eq(barrier_query(table, 1, id), -ENOSPC);
	ck_assert_int_eq(barrier_answered(table, last, 2, &covers), 0);
	ck_assert_int_eq(barrier_query(table, 3, id), 0);
}
END_TEST

static int
query_again_and_send(uint64_t covers, double now, uint64_t *serial_out)
{
	char id[BARRIER_ID_MAX];
	int error = barrier_query_again(table, now, id);
	unsigned link;

	if (error)
		return error;
	barrier_sent(table, covers, now);
	return barrier_parse(id, RUN_ID, &link, serial_out);
}

START_TEST(a_question_is_repeated_though_no_more_may_be_open)
{
	uint64_t first = query_and_send(1, 1), again = 0, former = 0, covers;
	char id[BARRIER_ID_MAX];

	for (unsigned i = 1; i < BARRIERS_OUTSTANDING; i++)
		(void)query_and_send(i + 1, 1);
	for (unsigned i = 0; i < 3 * BARRIERS_AGAIN; i++) {
		former = again;
		ck_assert_int_eq(query_again_and_send(100 + i, 2 + i, &again),
		    0);
	}
	ck_assert_int_eq(barrier_query(table, 99, id), -ENOSPC);
	ck_assert_double_eq(barrier_oldest(table), 1);
	/* One repetition gave way to the next, nothing that was new did. */
	ck_assert_int_eq(barrier_answered(table, former, 99, &covers), -ENOENT);
	ck_assert_int_eq(barrier_answered(table, first, 99, &covers), 0);
	ck_assert_uint_eq(covers, 1);
	ck_assert_int_eq(barrier_answered(table, again, 99, &covers), 0);
	ck_assert_uint_eq(covers, 100 + 3 * BARRIERS_AGAIN - 1);
}
END_TEST

START_TEST(a_question_that_is_not_sent_yet_is_not_repeated)
{
	uint64_t serial;

	(void)query(1);
	ck_assert_int_eq(query_again_and_send(5, 2, &serial), -ENOSPC);
}
END_TEST

START_TEST(what_a_connection_asked_and_was_answered_is_counted)
{
	uint64_t serial, covers;

	(void)query_and_send(5, 1);
	serial = query_and_send(9, 2);
	(void)query(3);
	ck_assert_int_eq(barrier_answered(table, serial, 4, &covers), 0);
	ck_assert_uint_eq(table->sent_count, 2);
	ck_assert_uint_eq(table->answered_count, 1);
	barrier_clear(table);
	ck_assert_uint_eq(table->sent_count + table->answered_count, 0);
}
END_TEST

START_TEST(an_answer_from_an_earlier_connection_confirms_nothing)
{
	uint64_t old = query_and_send(5, 1), covers;

	barrier_clear(table);
	ck_assert_uint_gt(query_and_send(6, 2), old);
	ck_assert_int_eq(barrier_answered(table, old, 3, &covers), -ENOENT);
}
END_TEST

START_TEST(a_forgotten_question_in_the_ring_lends_no_cover_to_a_later_one)
{
	uint64_t first = query_and_send(5, 1), second = query(2), third, covers;

	barrier_forget(table);
	third = query(3);
	barrier_sent(table, 8, 4);  /* the second's frame */
	barrier_sent(table, 11, 4); /* the third's */
	ck_assert_int_eq(barrier_answered(table, first, 5, &covers), -ENOENT);
	ck_assert_int_eq(barrier_answered(table, second, 5, &covers), -ENOENT);
	ck_assert_int_eq(barrier_answered(table, third, 5, &covers), 0);
	ck_assert_uint_le(covers, 11);
}
END_TEST

START_TEST(other_ids_are_no_answers)
{
	static const char *const ids[] = { "", "barrier-", "barrier-7-fedcba98",
		"barrier-7-fedcba98-", "barrier-7-fedcba99-1",
		"barrier-7-fedcba98-1x", "barrier-777-fedcba98-1",
		"barrier-7-fedcba98-123456789012345678901234567890", "x",
		"barrier--fedcba98-1", "Barrier-7-fedcba98-1",
		"barrier-7-fedcba98-99999999999999999999" };
	uint64_t serial;
	unsigned link;

	for (size_t i = 0; i < ARRAY_LEN(ids); i++)
		ck_assert_msg(barrier_parse(ids[i], RUN_ID, &link, &serial) ==
				  -EINVAL,
		    "taken: %s", ids[i]);
	ck_assert_int_eq(barrier_parse("barrier-7-fedcba98-1", RUN_ID, &link,
			     &serial),
	    0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("barrier");
	TCase *tcase = tcase_create("barrier");

	tcase_add_checked_fixture(tcase, setup, finish_upstream);
	tcase_add_test(tcase, an_answer_confirms_what_was_before_its_question);
	tcase_add_test(tcase, an_answer_settles_every_older_question);
	tcase_add_test(tcase, a_question_not_sent_yet_cannot_be_answered);
	tcase_add_test(tcase,
	    what_a_connection_asked_and_was_answered_is_counted);
	tcase_add_test(tcase, no_more_questions_are_open_than_allowed);
	tcase_add_test(tcase,
	    a_question_is_repeated_though_no_more_may_be_open);
	tcase_add_test(tcase, a_question_that_is_not_sent_yet_is_not_repeated);
	tcase_add_test(tcase,
	    an_answer_from_an_earlier_connection_confirms_nothing);
	tcase_add_test(tcase,
	    a_forgotten_question_in_the_ring_lends_no_cover_to_a_later_one);
	tcase_add_test(tcase, other_ids_are_no_answers);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
