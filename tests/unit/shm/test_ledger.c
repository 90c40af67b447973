/* SPDX-License-Identifier: Apache-2.0 */
/* The ledger against a naive shadow, over many openings of its file. */
#include "common/shm/directory.h"
#include "common/shm/ledger.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define ROWS 100u

static struct ledger *ledger;
static char folder[64], state[80], path[96];

struct shadow {
	bool live;
	uint32_t use;
	uint8_t nonce[SESSION_NONCE_BYTES];
};

static struct shadow shadows[ROWS];

static void
setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/test_ledger.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(state, sizeof(state), "%s/state", folder);
	snprintf(path, sizeof(path), "%s/ledger", state);
	ck_assert_int_eq(ledger_open(state, "cm1", ROWS, &ledger), 0);
}

static void
teardown(void)
{
	ledger_free(&ledger);
	(void)unlink(path);
	(void)rmdir(state);
	(void)rmdir(folder);
}

static void
open_again(void)
{
	ledger_free(&ledger);
	ck_assert_int_eq(ledger_open(state, "cm1", ROWS, &ledger), 0);
}

static void
change_one(void)
{
	uint32_t slot = (uint32_t)rand() % ROWS;
	struct shadow *shadow = &shadows[slot];

	if (shadow->live) {
		ledger_end(ledger, slot, shadow->use);
		shadow->live = false;
		return;
	}
	/* Far enough to come round in the 16 bits that an end keeps. */
	shadow->use += 1 + (uint32_t)rand() % 40000;
	for (size_t i = 0; i < sizeof(shadow->nonce); i++)
		shadow->nonce[i] = (uint8_t)rand();
	ledger_claim(ledger, slot, shadow->nonce, shadow->use);
	shadow->live = true;
}

static void
compare(void)
{
	uint8_t nonce[SESSION_NONCE_BYTES];
	uint32_t slot, use, live = 0;

	for (slot = 0; slot < ROWS; slot++) {
		struct shadow *s = &shadows[slot];

		ck_assert(ledger_is_live(ledger, slot, nonce, &use) == s->live);
		ck_assert_uint_eq(use, s->use);
		if (s->live)
			ck_assert_mem_eq(nonce, s->nonce, sizeof(nonce));
		live += s->live;
	}
	ck_assert_uint_eq(ledger_live_count(ledger), live);
}

START_TEST(test_random_claims_and_ends_outlive_every_closing)
{
	unsigned seed = (unsigned)time(NULL);

	printf("seed %u\n", seed);
	srand(seed);
	for (int i = 0; i < 5000; i++) {
		change_one();
		if (i % 100 == 0)
			open_again();
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
	ck_assert_int_eq(status.st_size, 4096 + 16 * ROWS);
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
		ck_assert_int_eq(ledger_open(state, "cm1", ROWS, &ledger), 0);
	}
}
END_TEST

START_TEST(test_a_second_instance_is_kept_out)
{
	struct ledger *second;
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) /* a lock is against other processes only */
		_exit(ledger_open(state, "cm1", ROWS, &second) == -EBUSY ? 0
									 : 1);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
}
END_TEST

START_TEST(test_another_name_or_size_starts_anew_only_when_all_is_over)
{
	const uint8_t nonce[SESSION_NONCE_BYTES] = { 9 };

	ledger_claim(ledger, 7, nonce, 3);
	ledger_free(&ledger);
	ck_assert_int_eq(ledger_open(state, "cm2", 2 * ROWS, &ledger), 0);
	ck_assert(!ledger_matches(ledger, "cm2", 2 * ROWS));
	ck_assert(ledger_matches(ledger, "cm1", ROWS));
	ck_assert_int_eq(ledger_restart(ledger, "cm2", 2 * ROWS), -EBUSY);
	ck_assert_uint_eq(ledger_live_count(ledger), 1);
	ledger_end(ledger, 7, 3);
	ck_assert_int_eq(ledger_restart(ledger, "cm2", 2 * ROWS), 0);
	ck_assert(ledger_matches(ledger, "cm2", 2 * ROWS));
	ck_assert_uint_eq(ledger_row_count(ledger), 2 * ROWS);
	ck_assert_uint_eq(ledger_live_count(ledger), 0);
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
	open_again();
	ledger_process(ledger, 0, &pid, &ticks);
	ck_assert_int_eq(pid, 0);
	ledger_process(ledger, 2, &pid, &ticks);
	ck_assert_int_eq(pid, 102);
	ck_assert_uint_eq(ticks, 5002);
}
END_TEST

START_TEST(test_a_file_cut_short_is_damaged)
{
	ledger_free(&ledger);
	ck_assert_int_eq(truncate(path, 4096 + 16), 0);
	ck_assert_int_eq(ledger_open(state, "cm1", ROWS, &ledger), -EBADMSG);
	ck_assert_ptr_null(ledger);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ledger");
	TCase *tcase = tcase_create("ledger");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase,
	    test_random_claims_and_ends_outlive_every_closing);
	tcase_add_test(tcase, test_directory_and_file_are_the_owners_alone);
	tcase_add_test(tcase, test_all_of_its_room_is_taken_when_it_is_opened);
	tcase_add_test(tcase, test_a_second_instance_is_kept_out);
	tcase_add_test(tcase,
	    test_another_name_or_size_starts_anew_only_when_all_is_over);
	tcase_add_test(tcase, test_processes_of_the_last_life_are_known);
	tcase_add_test(tcase, test_a_file_cut_short_is_damaged);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
