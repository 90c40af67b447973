/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/stream_id.h"

#include "common/net/digest.h"
#include "common/shm/directory.h"
#include "common/shm/region.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/region/small_region.h"

#include <check.h>
#include <errno.h>
#include <string.h>

static struct region *region;
static struct directory *directory;
static uint32_t slot, generation;
static char streamid[STREAMID_MAX + 1], stream_id[STREAMID_MAX + 1];

static void
setup(void)
{
	region = small_region(4, 65536);
	directory = directory_new(region, NULL, "cm1", digest_random);
	ck_assert_int_eq(directory_claim(directory, 1, &slot), 0);
	generation = directory_generation(directory, slot);
	directory_streamid(directory, slot, streamid);
}

static void
teardown(void)
{
	directory_free(&directory);
	region_free(&region);
}

static void
log_in(void)
{
	directory_info(directory, slot)->after_sasl = 1;
	ck_assert_uint_eq(stream_id_print(directory, slot, stream_id),
	    strlen(streamid));
}

static int
find(const char *id, size_t len)
{
	uint32_t found_slot = 99, found_generation = 99;
	int error =
	    stream_id_find(directory, id, len, &found_slot, &found_generation);

	if (error == 0) {
		ck_assert_uint_eq(found_slot, slot);
		ck_assert_uint_eq(found_generation, generation);
	}
	return error;
}

START_TEST(test_before_login_it_is_the_streamid)
{
	ck_assert_uint_eq(stream_id_print(directory, slot, stream_id),
	    strlen(streamid));
	ck_assert_str_eq(stream_id, streamid);
}
END_TEST

START_TEST(test_after_login_it_is_another_and_either_finds_the_session)
{
	log_in();
	ck_assert_str_ne(stream_id, streamid);
	ck_assert_int_eq(find(streamid, strlen(streamid)), 0);
	ck_assert_int_eq(find(stream_id, strlen(stream_id)), 0);
}
END_TEST

START_TEST(test_the_server_speaks_of_nobody_by_it)
{
	uint32_t found_slot, found_generation;

	log_in();
	ck_assert_int_eq(directory_find(directory, stream_id, strlen(stream_id),
			     &found_slot, &found_generation),
	    -ENOENT);
}
END_TEST

START_TEST(test_any_other_bytes_find_nobody)
{
	size_t i, len;

	log_in();
	len = strlen(stream_id);
	for (i = 0; i < len; i++) {
		ck_assert_int_eq(find(stream_id, i), -ENOENT);
		stream_id[i] ^= 1;
		ck_assert_int_eq(find(stream_id, len), -ENOENT);
		stream_id[i] ^= 1;
	}
	ck_assert_int_eq(find("cm1vvvvvaaaaaaaaaaaaaaaa", 24), -ENOENT);
}
END_TEST

START_TEST(test_a_session_that_is_over_is_not_found_by_it)
{
	log_in();
	directory_end(directory, slot, generation);
	ck_assert_int_eq(find(stream_id, strlen(stream_id)), -ENOENT);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("stream id");
	TCase *tcase = tcase_create("stream id");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_before_login_it_is_the_streamid);
	tcase_add_test(tcase,
	    test_after_login_it_is_another_and_either_finds_the_session);
	tcase_add_test(tcase, test_the_server_speaks_of_nobody_by_it);
	tcase_add_test(tcase, test_any_other_bytes_find_nobody);
	tcase_add_test(tcase, test_a_session_that_is_over_is_not_found_by_it);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
