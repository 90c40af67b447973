/* SPDX-License-Identifier: Apache-2.0 */
/* The region: geometry, and what each role can reach after the fork. */
#include "common/shm/region.h"

#include "common/shm/journal.h"
#include "common/shm/lane_log.h"
#include "common/shm/link_memory.h"
#include "common/shm/region_layout.h"
#include "common/shm/ring.h"
#include "common/shm/stats.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/region/small_region.h"
#include "tests/unit/shm/reach.h"

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static struct region_geometry small;

static struct region *region;

static void
setup(void)
{
	small = small_geometry(64, 65536);
	region = small_region(64, 65536);
}

static void
teardown(void)
{
	region_free(&region);
	ck_assert_ptr_null(region);
}

/* Runs `inside` in a child; its return value is the exit status. */
static int
in_child(int (*inside)(void))
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		reach_begin();
		_exit(inside());
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status),
	    "the child should have left by itself, status %d", status);
	return WEXITSTATUS(status);
}

/* Mappings of the memfd, and descriptors of it. */
static int
count_in(const char *path, const char *word)
{
	char line[512];
	int count = 0;
	FILE *file = fopen(path, "r");

	while (fgets(line, sizeof(line), file))
		count += strstr(line, word) != NULL;
	fclose(file);
	return count;
}

/* Whether a descriptor of this process is the region's file. */
static bool
has_region_open(void)
{
	char path[64], name[64];
	ssize_t len;

	for (int fd = 0; fd < 1024; fd++) {
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		len = readlink(path, name, sizeof(name));
		if (len > 0 && memmem(name, (size_t)len, "memfd:cmanager", 14))
			return true;
	}
	return false;
}

static int
worker_view(void)
{
	void *slots_1 = region_section(region, REGION_SLOTS, 1);
	struct ring up, down;

	if (!has_region_open())
		return 7;
	if (region_become_worker(region, 1) != 0)
		return 1;
	if (region_section(region, REGION_SLOTS, 1) != slots_1 ||
	    region_section(region, REGION_SLOTS, 0) ||
	    region_section(region, REGION_SLOTS, 2) ||
	    region_section(region, REGION_LINK, 0) ||
	    region_section(region, REGION_SUSPECTS, 1) ||
	    region_section(region, REGION_LINKS_MEMORY, 0) ||
	    region_section(region, REGION_RECEIVE, 0) ||
	    region_section(region, REGION_STATS, 0))
		return 2;
	if (!reach_can_write(slots_1) ||
	    reach_can_write(region_section(region, REGION_ROUTING, 1)) ||
	    reach_can_write(region_section(region, REGION_SERVER_STATE, 0)))
		return 3;
	if (has_region_open() || !count_in("/proc/self/maps", "cmanager"))
		return 4;
	region_up_ring(region, 1, 5, &up);
	region_down_ring(region, 1, &down);
	if (!reach_can_write(up.data) || reach_can_write(up.tail) ||
	    reach_can_write(down.data) || !reach_can_write(down.tail))
		return 5;
	return ring_push(&up, &(struct frame_id){ .kind = FRAME_MESSAGE }, "hi",
		   2) == 0
		   ? 0
		   : 6;
}

START_TEST(test_a_worker_maps_its_own_sections_only)
{
	struct frame frame;
	struct ring up;
	uint64_t cursor = 0;

	ck_assert_int_eq(in_child(worker_view), 0);
	region_up_ring(region, 1, 5, &up);
	ck_assert_int_eq(ring_next(&up, &cursor, &frame), 1);
	ck_assert_mem_eq(frame.bytes, "hi", 2);
}
END_TEST

/* Bytes of the file that this process may map, by the table of views. */
static uint64_t
allowed_bytes(void)
{
	uint64_t bytes = 0, number;

	for (int area = 0; area < AREA_COUNT; area++)
		for (number = 0; number < region->layout.areas[area].count;
		     number++)
			if (region_maps(region, (enum view_area)area, number))
				bytes += region->layout.areas[area].part;
	return bytes;
}

/* Of those, how many in this range of the file. */
static uint64_t
allowed_in(uint64_t from, uint64_t to)
{
	uint64_t bytes = 0, number, at;

	for (int area = 0; area < AREA_COUNT; area++) {
		const struct view_span *span = &region->layout.areas[area];

		for (number = 0; number < span->count; number++) {
			at = span->offset + number * span->part;
			if (at >= from && at + span->part <= to &&
			    region_maps(region, (enum view_area)area, number))
				bytes += span->part;
		}
	}
	return bytes;
}

/* By /proc/self/maps: all bytes mapped are allowed ones, and all of those. */
static bool
maps_what_is_allowed(void)
{
	uint64_t from, to, offset, bytes = 0;
	FILE *file = fopen("/proc/self/maps", "r");
	char line[512];

	while (fgets(line, sizeof(line), file)) {
		if (!strstr(line, "memfd:cmanager"))
			continue;
		if (sscanf(line, "%" SCNx64 "-%" SCNx64 " %*s %" SCNx64, &from,
			&to, &offset) != 3 ||
		    allowed_in(offset, offset + (to - from)) != to - from)
			return false;
		bytes += to - from;
	}
	fclose(file);
	return bytes == allowed_bytes();
}

static int
worker_maps(void)
{
	if (!reach_has_open("cmanager") || !maps_what_is_allowed())
		return 1; /* the master does and has all */
	if (region_become_worker(region, 1) != 0)
		return 2;
	if (reach_has_open("cmanager"))
		return 3;
	return maps_what_is_allowed() ? 0 : 4;
}

static int
upstream_maps(void)
{
	if (region_become_upstream(region) != 0)
		return 2;
	if (reach_has_open("cmanager"))
		return 3;
	return maps_what_is_allowed() ? 0 : 4;
}

static int
control_maps(void)
{
	if (region_become_control(region) != 0)
		return 2;
	if (reach_has_open("cmanager"))
		return 3;
	return maps_what_is_allowed() ? 0 : 4;
}

START_TEST(test_proc_shows_own_sections_only_and_no_descriptor)
{
	ck_assert_int_eq(in_child(worker_maps), 0);
	ck_assert_int_eq(in_child(upstream_maps), 0);
	ck_assert_int_eq(in_child(control_maps), 0);
}
END_TEST

static int
foreign_access(void)
{
	uint8_t *foreign = region_section(region, REGION_INFO, 2);

	if (region_become_worker(region, 1) != 0)
		return 1;
	return reach_can_write(foreign) ? 2 : 0;
}

START_TEST(test_a_worker_faults_on_the_sections_of_another)
{
	ck_assert_int_eq(in_child(foreign_access), 0);
}
END_TEST

/* What its successor goes on with; both ends of each receive buffer. */
static bool
can_write_of_links(void)
{
	uint64_t last = region_geometry(region)->receive_bytes - 1;

	for (unsigned link = 0; link < LINKS_MAX; link++) {
		uint8_t *buffer = link_memory_buffer(region, link);

		if (!reach_can_write(buffer) || !reach_can_write(buffer + last))
			return false;
	}
	return reach_can_write(links_memory(region));
}

static int
upstream_view(void)
{
	struct ring up, down;
	struct lane_log own;

	if (region_become_upstream(region) != 0)
		return 1;
	if (region_section(region, REGION_ARENA, 1) ||
	    reach_can_write(region_section(region, REGION_SLOTS, 1)) ||
	    reach_can_write(region_section(region, REGION_QUEUE, 0)))
		return 2;
	region_up_ring(region, 2, 15, &up);
	region_down_ring(region, 0, &down);
	region_lane_log(region, 15, &own);
	if (reach_can_write(up.data) || !reach_can_write(up.tail) ||
	    !reach_can_write(down.data) || reach_can_write(down.tail) ||
	    !reach_can_write(own.shared) || !reach_can_write(own.bytes))
		return 3;
	if (!can_write_of_links())
		return 5;
	return reach_can_write(region_section(region, REGION_ROUTING, 2)) &&
		       reach_can_write(region_section(region, REGION_LINK,
			   15)) &&
		       reach_can_write(region_section(region, REGION_SUSPECTS,
			   0))
		   ? 0
		   : 4;
}

START_TEST(test_upstream_reads_partitions_and_never_sees_addresses)
{
	ck_assert_int_eq(in_child(upstream_view), 0);
}
END_TEST

/* What operators are told of, and nothing that a client says or a key is in. */
static int
control_view(void)
{
	static const enum region_section seen[] = { REGION_SLOTS, REGION_INFO,
		REGION_ARENA, REGION_ROUTING, REGION_SERVER_STATE,
		REGION_LINK_REPORTS, REGION_MASTER_STATE, REGION_STATS };
	static const enum region_section hidden[] = { REGION_QUEUE, REGION_LINK,
		REGION_SUSPECTS, REGION_LINKS_MEMORY, REGION_RECEIVE };
	struct ring up, down;
	struct lane_log own;
	uint32_t row = STATS_ROW_CONTROL(small.partition_count);
	size_t i;

	region_up_ring(region, 2, 15, &up);
	region_down_ring(region, 0, &down);
	region_lane_log(region, 15, &own);
	if (region_become_control(region) != 0)
		return 1;
	for (i = 0; i < ARRAY_LEN(seen); i++)
		if (!reach_can_read(region_section(region, seen[i], 0)) ||
		    reach_can_write(region_section(region, seen[i], 0)))
			return 2;
	for (i = 0; i < ARRAY_LEN(hidden); i++)
		if (region_section(region, hidden[i], 0))
			return 3;
	if (reach_can_read(up.data) || reach_can_read(down.data) ||
	    reach_can_read(own.bytes))
		return 4;
	return reach_can_write(region_section(region, REGION_STATS, row)) &&
		       reach_can_write(region_control_page(region))
		   ? 0
		   : 5;
}

START_TEST(test_control_reads_what_operators_are_told_and_writes_its_own_pages)
{
	ck_assert_int_eq(in_child(control_view), 0);
}
END_TEST

START_TEST(test_sizes_that_cannot_be_are_refused)
{
	struct region_geometry bad = small;
	struct region *none = NULL;

	bad.up_ring_bytes = 5000;
	ck_assert_int_eq(region_create(&bad, &none), -EINVAL);
	bad = small;
	bad.slots_per_partition = 63;
	ck_assert_int_eq(region_create(&bad, &none), -EINVAL);
	bad = small;
	bad.receive_bytes = 3 * 65536;
	ck_assert_int_eq(region_create(&bad, &none), -EINVAL);
	bad = small;
	bad.partition_count = 0;
	ck_assert_int_eq(region_create(&bad, &none), -EINVAL);
}
END_TEST

START_TEST(test_more_than_the_machine_has_is_refused)
{
	struct region_geometry huge = small;
	struct region *none = NULL;

	huge.partition_count = 300;
	huge.queue_bytes = 1ull << 32;
	ck_assert_int_eq(region_create(&huge, &none), -ENOMEM);
	ck_assert_ptr_null(none);
}
END_TEST

START_TEST(test_a_new_region_occupies_next_to_nothing)
{
	ck_assert_uint_le(region_occupied_bytes(region), 65536);
}
END_TEST

/* So many frames of 1,000 bytes, each with its number. */
static void
push_numbered(struct ring *ring, uint32_t from, uint32_t count)
{
	const struct frame_id id = { .kind = FRAME_MESSAGE };
	uint8_t bytes[1000] = { 0 };

	for (uint32_t i = from; i < from + count; i++) {
		memcpy(bytes, &i, sizeof(i));
		ck_assert_int_eq(ring_push(ring, &id, bytes, sizeof(bytes)), 0);
	}
}

static void
take_numbered(struct ring *ring, uint32_t from, uint32_t count)
{
	uint64_t cursor = ring_tail(ring);
	struct frame frame;

	for (uint32_t i = from; i < from + count; i++) {
		ck_assert_int_eq(ring_next(ring, &cursor, &frame), 1);
		ck_assert_mem_eq(frame.bytes, &i, sizeof(i));
	}
	ring_release(ring, cursor);
}

START_TEST(test_an_empty_ring_gives_the_pages_of_a_burst_back)
{
	uint64_t before = region_occupied_bytes(region);
	struct ring ring;

	region_up_ring(region, 1, 3, &ring);
	push_numbered(&ring, 0, 50);
	take_numbered(&ring, 0, 50);
	ck_assert_uint_gt(region_occupied_bytes(region), before + 40000);
	ring_trim(&ring);
	ck_assert_uint_le(region_occupied_bytes(region), before + 24576);
	push_numbered(&ring, 50, 50);
	take_numbered(&ring, 50, 50);
}
END_TEST

START_TEST(test_a_trim_takes_nothing_that_waits)
{
	struct ring ring;

	region_up_ring(region, 1, 3, &ring);
	push_numbered(&ring, 0, 50);
	take_numbered(&ring, 0, 30);
	ring_trim(&ring);
	take_numbered(&ring, 30, 20);
}
END_TEST

START_TEST(test_a_confirmed_journal_gives_the_pages_of_a_burst_back)
{
	uint64_t before = region_occupied_bytes(region);
	struct journal *journal = journal_attach(region, 2);
	struct journal_span entry = { .lane = 5 }, read;

	for (entry.from = 0; entry.from < 4000; entry.from++)
		ck_assert_int_eq(journal_append(journal, &entry), 0);
	journal_commit(journal);
	journal_release(journal, 3999);
	journal_trim(journal);
	ck_assert_int_eq(journal_read(journal, 3999, &read), 0);
	ck_assert_uint_eq(read.from, 3999);
	ck_assert_uint_gt(region_occupied_bytes(region), before + 100000);
	journal_release(journal, 4000);
	journal_trim(journal);
	ck_assert_uint_le(region_occupied_bytes(region), before + 8192);
	journal_detach(&journal);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("region");
	TCase *tcase = tcase_create("region");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_a_worker_maps_its_own_sections_only);
	tcase_add_test(tcase,
	    test_proc_shows_own_sections_only_and_no_descriptor);
	tcase_add_test(tcase, test_a_worker_faults_on_the_sections_of_another);
	tcase_add_test(tcase,
	    test_upstream_reads_partitions_and_never_sees_addresses);
	tcase_add_test(tcase,
	    test_control_reads_what_operators_are_told_and_writes_its_own_pages);
	tcase_add_test(tcase, test_sizes_that_cannot_be_are_refused);
	tcase_add_test(tcase, test_more_than_the_machine_has_is_refused);
	tcase_add_test(tcase, test_a_new_region_occupies_next_to_nothing);
	tcase_add_test(tcase,
	    test_an_empty_ring_gives_the_pages_of_a_burst_back);
	tcase_add_test(tcase, test_a_trim_takes_nothing_that_waits);
	tcase_add_test(tcase,
	    test_a_confirmed_journal_gives_the_pages_of_a_burst_back);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
