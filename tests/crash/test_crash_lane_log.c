/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A lane's log whose upstream is killed: its successor finds whole entries,
 * each once, in order, up to the last whose cause has moved, or one behind it.
 */
#include "common/shm/lane_log.h"
#include "common/shm/view.h"
#include "tests/crash/crash.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY 8192u
#define LONGEST  900u
#define PATIENCE 5000000u /* us until a child must have done something */

static uint8_t *section;
/* How far the cause of what is appended has been used: moved behind each. */
static _Atomic uint64_t *cause;
static _Atomic uint64_t *released;

static void
setup(void)
{
	crash_seed();
	section = crash_share(lane_log_bytes_needed(CAPACITY));
	cause = crash_share(sizeof(*cause));
	released = crash_share(sizeof(*released));
}

/* --- entries: all of one follows from its number --- */

static uint32_t
len_of(uint64_t number)
{
	uint64_t hash = (number + 1) * 0x9E3779B97F4A7C15u;

	return (uint32_t)(hash >> 33) % LONGEST;
}

static uint8_t
byte_of(uint64_t number, uint32_t i)
{
	return (uint8_t)(number * 31 + i * 7);
}

/* False when there is no room. */
static bool
append(struct lane_log *log, uint64_t number)
{
	const struct lane_entry entry = { .place = number + 1,
		.slot = (uint32_t)number };
	uint32_t len = len_of(number);
	uint8_t *room = lane_log_reserve(log, len, 0);

	if (!room)
		return false;
	for (uint32_t i = 0; i < len; i++)
		room[i] = byte_of(number, i);
	lane_log_append(log, &entry, len);
	return true;
}

static void
check_entry(const struct lane_log *log, uint64_t number)
{
	struct lane_entry entry;
	const uint8_t *bytes;

	ck_assert_int_eq(lane_log_read(log, number, &entry), 0);
	ck_assert_uint_eq(entry.place, number + 1);
	ck_assert_uint_eq(entry.len, len_of(number));
	bytes = lane_log_bytes(log, &entry);
	for (uint32_t i = 0; i < entry.len; i++)
		if (bytes[i] != byte_of(number, i))
			ck_abort_msg("entry %llu is not whole",
			    (unsigned long long)number);
}

/* What a successor makes of a copy of it. */
static void
check_log(const uint8_t *memory)
{
	static uint8_t *copy;
	size_t size = lane_log_bytes_needed(CAPACITY);
	uint64_t done = *cause, number;
	struct lane_log log;

	if (!copy)
		copy = aligned_alloc(VIEW_PAGE, size);
	ck_assert_ptr_nonnull(copy);
	memcpy(copy, memory, size);
	lane_log_attach(&log, copy, CAPACITY);
	ck_assert_int_eq(lane_log_inherit(&log), 0);
	ck_assert_uint_ge(lane_log_head(&log), done);
	ck_assert_uint_le(lane_log_head(&log), done + 1);
	ck_assert_uint_ge(lane_log_tail(&log), *released);
	for (number = lane_log_tail(&log); number < lane_log_head(&log);
	     number++)
		check_entry(&log, number);
}

/* --- at a random place --- */

static void
work_for_ever(void *context)
{
	struct lane_log log;
	uint64_t number, sent;

	(void)context;
	lane_log_attach(&log, section, CAPACITY);
	CHECK(lane_log_inherit(&log) == 0);
	*cause = lane_log_head(&log); /* behind the newest that names it */
	for (number = lane_log_head(&log);; number++) {
		while (!append(&log, number)) {
			sent = lane_log_sent(&log);
			CHECK(lane_log_mark(&log, lane_log_tail(&log),
			    LANE_IN_DOUBT));
			lane_log_set_sent(&log, sent + (sent < number));
			lane_log_release(&log, lane_log_tail(&log) + 1);
			*released = lane_log_tail(&log);
		}
		*cause = number + 1;
	}
}

START_TEST(whoever_is_killed_anywhere_leaves_whole_entries)
{
	uint64_t end = crash_now_us() + crash_budget_ms() * 1000;
	unsigned deaths;

	for (deaths = 0; deaths < 5 || crash_now_us() < end; deaths++) {
		uint64_t first = *cause, start = crash_now_us();
		pid_t pid = crash_start(work_for_ever, NULL);

		while (*cause <= first + 1 && crash_now_us() - start < PATIENCE)
			;
		start = crash_now_us() + crash_random(1500);
		while (crash_now_us() < start)
			;
		crash_kill(pid);
		ck_assert_uint_gt(*cause, first);
		check_log(section);
	}
	printf("%u deaths, %llu entries\n", deaths, (unsigned long long)*cause);
}
END_TEST

/* --- at every instruction --- */

static void
work(void *context)
{
	struct lane_log log;
	uint64_t number;

	(void)context;
	lane_log_attach(&log, section, CAPACITY);
	CHECK(lane_log_inherit(&log) == 0);
	for (number = 0; number < 40; number++) {
		if (!append(&log, number))
			return;
		*cause = number + 1;
		if (number % 3 == 0)
			CHECK(lane_log_mark(&log, number, LANE_RESOLVED));
		lane_log_set_sent(&log, number + 1);
		if (number % 5 == 4) {
			lane_log_release(&log, number - number % 2);
			*released = number - number % 2;
		}
	}
}

static void
look(void *context)
{
	(void)context;
	check_log(section);
}

START_TEST(after_each_instruction_entries_are_whole)
{
	/* But for the bytes: what they hold does not matter until head. */
	const struct step step = {
		.spans = { { section, VIEW_PAGE + 64 * 40 },
		    { (const void *)(uintptr_t)cause, sizeof(*cause) } },
		.work = work,
		.look = look,
	};

	printf("%llu instructions\n", (unsigned long long)step_through(&step));
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("crash_lane_log");
	TCase *tcase = tcase_create("lane_log");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, whoever_is_killed_anywhere_leaves_whole_entries);
	tcase_add_test(tcase, after_each_instruction_entries_are_whole);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
