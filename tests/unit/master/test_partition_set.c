/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Places of the region against a model of them, at random; CM_SEED repeats a
 * run.
 */
#include "master/partition_set.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#define PLACES 7u
#define STEPS  20000

struct model {
	enum partition_state state;
	uint32_t incarnation;
	long freed; /* step */
};

static struct partition_set *set;
static struct model model[PLACES];

static void
setup(void)
{
	uint32_t i;

	set = partition_set_new(PLACES);
	for (i = 0; i < PLACES; i++)
		model[i] =
		    (struct model){ .state = PARTITION_FREE, .freed = -1 };
}

static void
teardown(void)
{
	partition_set_free(&set);
	ck_assert_ptr_null(set);
}

/* Of the free ones that were freed first the lowest; -1: none. */
static int64_t
longest_free(void)
{
	int64_t best = -1;
	uint32_t i;

	for (i = 0; i < PLACES; i++)
		if (model[i].state == PARTITION_FREE &&
		    (best < 0 || model[i].freed < model[best].freed))
			best = i;
	return best;
}

static void
claim(void)
{
	int64_t wanted = longest_free(), got;
	uint32_t incarnation = 0;

	got = partition_set_claim(set, &incarnation);
	ck_assert_int_eq(got, wanted);
	if (got < 0)
		return;
	model[got].state = PARTITION_STARTING;
	ck_assert_uint_eq(incarnation, ++model[got].incarnation);
}

static void
step(long number)
{
	uint32_t partition = (uint32_t)random() % (PLACES + 2);

	if (random() % 3 == 0) {
		claim();
	} else if (partition < PLACES &&
		   model[partition].state == PARTITION_STARTING) {
		if (random() % 2) {
			partition_set_ready(set, partition);
			model[partition].state = PARTITION_SERVING;
		} else {
			ck_assert_msg(!partition_set_dead(set, partition),
			    "partition %u never served and should leave "
			    "nothing to recover",
			    partition);
			model[partition].state = PARTITION_FREE;
			model[partition].freed = number;
		}
	} else if (partition < PLACES &&
		   model[partition].state == PARTITION_SERVING) {
		ck_assert_msg(partition_set_dead(set, partition),
		    "partition %u served and should be recovered", partition);
		model[partition].state = PARTITION_RECOVERING;
	} else {
		bool can = partition < PLACES &&
			   model[partition].state == PARTITION_RECOVERING;

		ck_assert_int_eq(partition_set_recovered(set, partition), can);
		if (can) {
			model[partition].state = PARTITION_FREE;
			model[partition].freed = number;
		}
	}
}

START_TEST(it_does_what_the_model_does)
{
	long number;
	uint32_t i;

	(void)seed_random("test_partition_set");
	for (number = 0; number < STEPS; number++) {
		step(number);
		for (i = 0; i < PLACES; i++) {
			ck_assert_int_eq(partition_set_state(set, i),
			    model[i].state);
			ck_assert_uint_eq(partition_set_incarnation(set, i),
			    model[i].incarnation);
		}
	}
}
END_TEST

START_TEST(a_dead_ones_place_is_not_given_away_before_it_is_recovered)
{
	uint32_t incarnation, i;

	for (i = 0; i < PLACES; i++)
		ck_assert_int_eq(partition_set_claim(set, &incarnation), i);
	partition_set_ready(set, 3);
	ck_assert_msg(partition_set_dead(set, 3),
	    "a partition that served should be recovered");
	ck_assert_int_eq(partition_set_claim(set, &incarnation), -1);
	ck_assert_msg(partition_set_recovered(set, 3),
	    "the recovery should be over");
	ck_assert_int_eq(partition_set_claim(set, &incarnation), 3);
	ck_assert_uint_eq(incarnation, 2);
}
END_TEST

START_TEST(a_recovery_that_cannot_be_is_refused)
{
	uint32_t incarnation;

	ck_assert_msg(!partition_set_recovered(set, 0),
	    "a free partition should not be recovered");
	ck_assert_int_eq(partition_set_claim(set, &incarnation), 0);
	ck_assert_msg(!partition_set_recovered(set, 0),
	    "a partition that starts should not be recovered");
	ck_assert_msg(!partition_set_recovered(set, PLACES),
	    "a partition beyond the last should not be recovered");
	ck_assert_msg(!partition_set_recovered(set, UINT32_MAX),
	    "no partition's number should be recovered");
	partition_set_ready(set, 0);
	ck_assert_msg(partition_set_dead(set, 0),
	    "a partition that served should be recovered");
	ck_assert_msg(partition_set_recovered(set, 0),
	    "the recovery should be over");
	ck_assert_msg(!partition_set_recovered(set, 0),
	    "a recovery should be over only once");
}
END_TEST

START_TEST(one_that_was_never_ready_leaves_nothing_to_recover)
{
	uint32_t incarnation;

	ck_assert_int_eq(partition_set_claim(set, &incarnation), 0);
	ck_assert_msg(!partition_set_dead(set, 0),
	    "one that was never ready should leave nothing to recover");
	ck_assert_int_eq(partition_set_state(set, 0), PARTITION_FREE);
	ck_assert_msg(!partition_set_recovered(set, 0),
	    "a free partition should not be recovered");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("partition_set");
	TCase *tests = tcase_create("partition_set");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, it_does_what_the_model_does);
	tcase_add_test(tests,
	    a_dead_ones_place_is_not_given_away_before_it_is_recovered);
	tcase_add_test(tests, a_recovery_that_cannot_be_is_refused);
	tcase_add_test(tests,
	    one_that_was_never_ready_leaves_nothing_to_recover);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
