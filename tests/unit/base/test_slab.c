/* SPDX-License-Identifier: Apache-2.0 */
/* Slabs: objects of their own, whatever order they come and go in. */
#include "common/base/slab.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define COUNT 3000
#define SIZE  100

static struct slab slab;
static uint8_t *objects[COUNT];

static void
setup(void)
{
	slab_init(&slab, SIZE);
	memset(objects, 0, sizeof(objects));
}

static void
teardown(void)
{
	slab_destroy(&slab);
}

/* Takes or gives back one; each is filled with a mark of its own. */
static void
change(size_t i)
{
	static const uint8_t zero[SIZE];
	uint8_t mark[SIZE];

	memset(mark, (int)(i % 255) + 1, sizeof(mark));
	if (objects[i]) {
		ck_assert_mem_eq(objects[i], mark, SIZE);
		slab_give_back(&slab, objects[i]);
		objects[i] = NULL;
	} else {
		objects[i] = slab_take(&slab);
		ck_assert_uint_eq((uintptr_t)objects[i] % 8, 0);
		ck_assert_mem_eq(objects[i], zero, SIZE);
		memcpy(objects[i], mark, SIZE);
	}
}

START_TEST(test_no_object_is_touched_by_another)
{
	size_t i;

	(void)seed_random("test_slab");
	for (i = 0; i < 50000; i++)
		change((size_t)random() % COUNT);
	for (i = 0; i < COUNT; i++)
		if (objects[i])
			change(i);
	ck_assert_msg(list_is_empty(&slab.partial),
	    "no block should be kept without objects");
	ck_assert_msg(list_is_empty(&slab.full),
	    "no block should be full without objects");
}
END_TEST

START_TEST(test_a_block_is_kept_while_one_object_lives)
{
	size_t i;

	for (i = 0; i < COUNT; i++)
		change(i);
	ck_assert_msg(!list_is_empty(&slab.full), "a block should be full");
	for (i = 1; i < COUNT; i++)
		change(i);
	ck_assert_msg(list_is_empty(&slab.full),
	    "no block should be full with one object");
	ck_assert_ptr_eq(slab.partial.next->next, &slab.partial);
	change(0);
	ck_assert_msg(list_is_empty(&slab.partial),
	    "no block should be kept without objects");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("slab");
	TCase *tcase = tcase_create("slab");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_no_object_is_touched_by_another);
	tcase_add_test(tcase, test_a_block_is_kept_while_one_object_lives);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
