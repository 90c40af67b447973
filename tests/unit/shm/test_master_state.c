/* SPDX-License-Identifier: Apache-2.0 */
/* What the master tells of itself, as it is read, and when it was half said. */
#include "common/shm/master_state.h"
#include "common/shm/region.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/region/small_region.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct region *region;
static struct master_process *rows;

static void
setup(void)
{
	const struct region_geometry geometry = small_geometry(4, 4096);

	ck_assert_int_eq(region_create(&geometry, &region), 0);
	rows = xcalloc(master_state_room(region), sizeof(*rows));
}

static void
teardown(void)
{
	region_free(&region);
	free(rows);
}

static void
publish(uint32_t count)
{
	struct master_summary summary = { .pid = 7, .process_count = count };
	struct master_process *said = xcalloc(count, sizeof(*said));
	uint32_t i;

	for (i = 0; i < count; i++) {
		said[i].partition = i;
		strcpy(said[i].name, "worker");
	}
	master_state_publish(region, &summary, said);
	free(said);
}

START_TEST(all_is_read_as_it_was_published)
{
	struct master_summary summary;
	uint32_t room = master_state_room(region), i;

	ck_assert_msg(master_state_read(region, &summary),
	    "the summary that was published should be readable");
	ck_assert_uint_eq(summary.pid, 0);
	publish(room);
	ck_assert_msg(master_state_read(region, &summary),
	    "the next summary should be readable, too");
	ck_assert_uint_eq(summary.pid, 7);
	ck_assert_uint_eq(master_state_processes(region, rows), room);
	for (i = 0; i < room; i++) {
		ck_assert_uint_eq(rows[i].partition, i);
		ck_assert_str_eq(rows[i].name, "worker");
	}
	publish(1);
	ck_assert_uint_eq(master_state_processes(region, rows), 1);
}
END_TEST

START_TEST(each_index_is_used_or_not)
{
	uint32_t count = region_geometry(region)->partition_count, i;

	for (i = 0; i < count; i++)
		master_state_use_partition(region, i, i % 2);
	publish(master_state_room(region));
	for (i = 0; i < count; i++)
		ck_assert_int_eq(master_state_partition_is_used(region, i),
		    i % 2);
}
END_TEST

START_TEST(what_is_being_written_is_not_believed)
{
	struct master_summary summary;
	uint32_t *sequence = region_section(region, REGION_MASTER_STATE, 0);

	publish(2);
	++*sequence;
	ck_assert_msg(!master_state_read(region, &summary),
	    "a summary that is half written should not be believed");
	ck_assert_uint_eq(summary.pid, 0);
	ck_assert_uint_eq(master_state_processes(region, rows), 0);
	publish(2);
	ck_assert_uint_eq(master_state_processes(region, rows), 2);
}
END_TEST

START_TEST(nonsense_is_bounded)
{
	uint8_t *bytes = region_section(region, REGION_MASTER_STATE, 0);
	uint32_t room = master_state_room(region), i;

	memset(bytes, 0xEE, master_state_bytes(8)); /* an even sequence */
	ck_assert_uint_eq(master_state_processes(region, rows), room);
	for (i = 0; i < room; i++) {
		ck_assert_uint_lt(strlen(rows[i].name), sizeof(rows[i].name));
		ck_assert_uint_lt(strlen(rows[i].state), sizeof(rows[i].state));
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("master state");
	TCase *tests = tcase_create("master state");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, all_is_read_as_it_was_published);
	tcase_add_test(tests, each_index_is_used_or_not);
	tcase_add_test(tests, what_is_being_written_is_not_believed);
	tcase_add_test(tests, nonsense_is_bounded);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
