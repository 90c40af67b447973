/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger against a naive shadow, over many openings of its file. */
#include "common/shm/directory.h"

#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"
#include "tests/support/region/ledger_live.h"
#include "tests/unit/shm/ledger_bytes.h"
#include "tests/unit/shm/ledger_rig.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

struct shadow {
	bool live;
	uint32_t generation;
	uint8_t nonce[SESSION_NONCE_BYTES];
};

static struct shadow shadows[ROWS];

static void
change_one(void)
{
	uint32_t slot = (uint32_t)random() % ROWS;
	struct shadow *shadow = &shadows[slot];

	if (shadow->live) {
		ledger_end(ledger, slot, shadow->generation);
		shadow->live = false;
		return;
	}
	/* Far enough to come round in the 16 bits that an end keeps. */
	shadow->generation += 1 + (uint32_t)random() % 40000;
	for (size_t i = 0; i < sizeof(shadow->nonce); i++)
		shadow->nonce[i] = (uint8_t)random();
	ledger_claim(ledger, slot, shadow->nonce, shadow->generation);
	shadow->live = true;
}

static void
compare(void)
{
	struct ledger_entry entry;
	uint32_t slot, live = 0;

	for (slot = 0; slot < ROWS; slot++) {
		struct shadow *s = &shadows[slot];

		ck_assert_int_eq(ledger_is_live(ledger, slot, &entry), s->live);
		ck_assert_uint_eq(entry.generation, s->generation);
		ck_assert_uint_eq(entry.slot, slot);
		ck_assert_str_eq(entry.name, "cm1");
		if (s->live)
			ck_assert_mem_eq(entry.nonce, s->nonce,
			    sizeof(entry.nonce));
		live += s->live;
	}
	ck_assert_uint_eq(ledger_live_count(ledger), live);
}

START_TEST(test_random_claims_and_ends_outlive_every_closing)
{
	(void)seed_random("test_ledger");
	for (int i = 0; i < 5000; i++) {
		change_one();
		if (i % 100 == 0)
			ledger_rig_open_again();
		if (i % 10 == 0)
			compare();
	}
}
END_TEST

START_TEST(test_directory_and_file_are_the_owners_alone)
{
	struct stat status;

	ck_assert_int_eq(stat(state, &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0700);
	ck_assert_int_eq(stat(path, &status), 0);
	ck_assert_uint_eq(status.st_mode & 0777, 0600);
	/* Header, processes, and claims and ends of each partition. */
	ck_assert_int_eq(status.st_size,
	    4096 * (1 + 1 + PARTITIONS + PARTITIONS));
	ck_assert_int_eq(ledger_rig_count_others(false), 0);
}
END_TEST

/* A store into a hole of a full disk would end the process. */
START_TEST(test_all_of_its_room_is_taken_when_it_is_opened)
{
	struct stat status;

	for (int again = 0; again < 2; again++) {
		ck_assert_int_eq(stat(path, &status), 0);
		ck_assert_int_ge(status.st_blocks * 512, status.st_size);
		ledger_free(&ledger);
		/* As a copy that left out what was empty. */
		ck_assert_int_eq(truncate(path, 4096), 0);
		ck_assert_int_eq(truncate(path, status.st_size), 0);
		ledger_rig_open_again();
	}
}
END_TEST

static bool
is_refused(void)
{
	struct ledger *second;
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) /* a lock is against other processes only */
		_exit(ledger_open(state, &second) == -EBUSY ? 0 : 1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status == 0;
}

static void
expect_refused(void)
{
	ck_assert_msg(is_refused(),
	    "the ledger should be locked against other processes");
}

START_TEST(test_a_second_instance_is_kept_out)
{
	expect_refused();
	ledger_rig_open_as("cm2", 2,
	    7); /* another file, and the lock with it */
	expect_refused();
	ledger_free(&ledger);
	ck_assert_int_eq(ledger_open(state, &ledger), 0);
	expect_refused(); /* not settled yet */ /* not settled yet */
	ledger_free(&ledger);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(ledger_open(state, &ledger), 0);
	expect_refused(); /* nor made */ /* nor made */
}
END_TEST

/* --- former rows --- */

static void
ck_only_live(const char *name, uint32_t slot, uint8_t nonce)
{
	uint8_t expected[SESSION_NONCE_BYTES];
	uint32_t row, rows = ledger_row_count(ledger);
	struct ledger_entry entry;

	memset(expected, nonce, sizeof(expected));
	ck_assert_uint_eq(ledger_live_count(ledger), 1);
	for (row = 0; row < rows; row++)
		if (ledger_is_live(ledger, row, &entry))
			break;
	ck_assert_str_eq(entry.name, name);
	ck_assert_uint_eq(entry.slot, slot);
	ck_assert_mem_eq(entry.nonce, expected, sizeof(expected));
}

static void
end_all(void)
{
	uint32_t row, rows = ledger_row_count(ledger);
	struct ledger_entry entry;

	for (row = 0; row < rows; row++)
		if (ledger_is_live(ledger, row, &entry))
			ledger_end(ledger, row, entry.generation);
	ck_assert_uint_eq(ledger_live_count(ledger), 0);
}

static void
claim(uint32_t slot, uint8_t byte, uint32_t generation)
{
	uint8_t nonce[SESSION_NONCE_BYTES];

	memset(nonce, byte, sizeof(nonce));
	ledger_claim(ledger, slot, nonce, generation);
}

START_TEST(test_sessions_outlive_any_number_of_other_names_and_sizes)
{
	static const struct {
		const char *name;
		uint32_t partition_count, slots;
	} lives[] = {
		{ "cm1", PARTITIONS, SLOTS },
		{ "cm2", PARTITIONS, SLOTS },
		{ "cm2", 1, 16 },
		{ "cm2", 1, 16 },
		{ "cm3", 7, 5000 },
		{ "cm1", PARTITIONS, SLOTS },
	};

	claim(97, 9, 70000);
	for (size_t i = 0; i < ARRAY_LEN(lives); i++) {
		ledger_rig_open_as(lives[i].name, lives[i].partition_count,
		    lives[i].slots);
		ck_only_live("cm1", 97, 9);
		/* Apart from what this run claims. */
		ck_assert_uint_ge(ledger_row_count(ledger),
		    lives[i].partition_count * lives[i].slots);
	}
	end_all();
	ledger_rig_open_again();
	ck_assert_uint_eq(ledger_row_count(ledger), ROWS);
	ck_assert_int_eq(ledger_rig_count_others(false), 0);
}
END_TEST

START_TEST(test_sessions_of_several_names_are_told_apart)
{
	struct ledger_entry entry;
	uint32_t row;

	claim(1, 1, 1);
	ledger_rig_open_as("cm2", PARTITIONS, SLOTS);
	claim(1, 2, 1);
	ledger_rig_open_as("cm3", PARTITIONS, SLOTS);
	claim(1, 3, 1);
	ck_assert_uint_eq(ledger_live_count(ledger), 3);
	for (row = 0; row < ledger_row_count(ledger); row++) {
		char name[] = "cm0";

		if (!ledger_is_live(ledger, row, &entry))
			continue;
		name[2] = (char)('0' + entry.nonce[0]);
		ck_assert_str_eq(entry.name, name);
		ck_assert_uint_eq(entry.slot, 1);
	}
}
END_TEST

START_TEST(test_too_many_former_names_cost_their_own_sessions_only)
{
	char name[] = "cm0";

	for (name[2] = '1'; name[2] <= '9'; name[2]++) {
		ledger_rig_open_as(name, PARTITIONS, SLOTS);
		claim(1, 1, 1);
	}
	ck_assert_uint_ge(ledger_live_count(ledger), 3);
	ck_assert_uint_lt(ledger_live_count(ledger), 9);
}
END_TEST

/* --- version 1 --- */

static uint8_t file_1[LEDGER_1_BYTES(ROWS)];

START_TEST(test_a_file_of_version_1_is_read_once_and_replaced)
{
	uint32_t version;
	uint64_t ticks;
	pid_t pid;

	ledger_1_write(file_1, "old", ROWS);
	ledger_1_claim(file_1, 99, 7, 0x10005);
	ledger_1_claim(file_1, 3, 8, 5);
	ledger_1_end(file_1, 3, 5);
	ledger_1_process(file_1, 2, 102, 5002);
	ledger_free(&ledger);
	ledger_bytes_save(path, file_1, sizeof(file_1));
	ck_assert_int_eq(ledger_open(state, &ledger), 0);
	ledger_process(ledger, 2, &pid, &ticks);
	ck_assert_int_eq(pid, 102);
	ck_assert_uint_eq(ticks, 5002);
	ck_only_live("old", 99, 7);
	/* Not a byte of it changes before it is replaced. */
	ledger_set_process(ledger, 2, 0, 0);
	claim(0, 1, 1);
	ledger_end(ledger, 99, 5);
	expect_refused();
	ledger_free(&ledger);
	ledger_rig_open_again();
	ck_only_live("old", 99, 7);
	ledger_process(ledger, 2, &pid, &ticks);
	ck_assert_int_eq(pid, 0);
	ledger_rig_read_at(8, &version, sizeof(version));
	ck_assert_uint_eq(version, 2);
	ck_assert_int_eq(ledger_rig_count_others(false), 0);
}
END_TEST

START_TEST(test_without_room_the_former_file_stays_as_it_was)
{
	struct rlimit whole, small;

	claim(4, 4, 4);
	ledger_free(&ledger);
	ck_assert_int_eq(ledger_open(state, &ledger), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_FSIZE, &whole), 0);
	signal(SIGXFSZ, SIG_IGN);
	small = (struct rlimit){ 8192, whole.rlim_max };
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &small), 0);
	ck_assert_int_eq(ledger_settle(ledger, "cm2", 30, 3000), -EFBIG);
	ck_assert_int_eq(setrlimit(RLIMIT_FSIZE, &whole), 0);
	ck_assert_int_eq(ledger_rig_count_others(false), 0);
	ck_only_live("cm1", 4, 4);
	ledger_rig_open_again();
	ck_only_live("cm1", 4, 4);
}
END_TEST

START_TEST(test_what_a_death_left_beside_it_is_not_used)
{
	char beside[128];

	claim(4, 4, 4);
	snprintf(beside, sizeof(beside), "%s.new", path);
	ledger_bytes_save(beside, "half a file", 11);
	ledger_rig_open_as("cm2", 3, 3);
	ck_only_live("cm1", 4, 4);
	ck_assert_int_eq(ledger_rig_count_others(false), 0);
}
END_TEST

START_TEST(test_processes_of_the_last_life_are_known)
{
	uint64_t ticks;
	pid_t pid;

	ledger_set_process(ledger, 0, 100, 5000);
	ledger_set_process(ledger, 2, 102, 5002);
	ledger_set_process(ledger, 0, 0, 0);
	ledger_set_process(ledger, ledger_process_count(ledger), 1, 1);
	ledger_rig_open_again();
	ledger_process(ledger, 0, &pid, &ticks);
	ck_assert_int_eq(pid, 0);
	ledger_process(ledger, 2, &pid, &ticks);
	ck_assert_int_eq(pid, 102);
	ck_assert_uint_eq(ticks, 5002);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ledger");
	TCase *tcase = tcase_create("ledger");

	tcase_add_checked_fixture(tcase, ledger_rig_setup, ledger_rig_teardown);
	tcase_add_test(tcase,
	    test_random_claims_and_ends_outlive_every_closing);
	tcase_add_test(tcase, test_directory_and_file_are_the_owners_alone);
	tcase_add_test(tcase, test_all_of_its_room_is_taken_when_it_is_opened);
	tcase_add_test(tcase, test_a_second_instance_is_kept_out);
	tcase_add_test(tcase,
	    test_sessions_outlive_any_number_of_other_names_and_sizes);
	tcase_add_test(tcase, test_sessions_of_several_names_are_told_apart);
	tcase_add_test(tcase,
	    test_too_many_former_names_cost_their_own_sessions_only);
	tcase_add_test(tcase,
	    test_a_file_of_version_1_is_read_once_and_replaced);
	tcase_add_test(tcase,
	    test_without_room_the_former_file_stays_as_it_was);
	tcase_add_test(tcase, test_what_a_death_left_beside_it_is_not_used);
	tcase_add_test(tcase, test_processes_of_the_last_life_are_known);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
