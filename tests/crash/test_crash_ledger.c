/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A master that dies while it puts a new ledger in the place of a former one:
 * before and after each of its system calls. What lies between two of them is
 * the same to the next start, for it writes to a file that has no name yet that
 * anybody reads. The sessions are open afterwards, all of them and no other.
 */
#include "common/shm/ledger.h"
#include "tests/crash/crash.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/region/ledger_live.h"
#include "tests/unit/shm/ledger_bytes.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define ROWS  40u
#define CALLS 2000u /* never so many */

static char folder[64], path[80], beside[96];
static uint8_t file_1[LEDGER_1_BYTES(ROWS)];

static void
setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/crash_ledger.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/ledger", folder);
	snprintf(beside, sizeof(beside), "%s.new", path);
}

static void
teardown(void)
{
	(void)unlink(path);
	(void)unlink(beside);
	(void)rmdir(folder);
}

static struct ledger *
open_as(const char *name, uint32_t slots)
{
	struct ledger *ledger;

	CHECK(ledger_open(folder, &ledger) == 0);
	CHECK(ledger_settle(ledger, name, 1, slots) == 0);
	return ledger;
}

/* --- former ledgers, with sessions 3 and 9 open --- */

static void
write_version_1(void)
{
	ledger_1_write(file_1, "cm1", ROWS);
	ledger_1_claim(file_1, 3, 3, 1);
	ledger_1_claim(file_1, 9, 9, 2);
	ledger_bytes_save(path, file_1, sizeof(file_1));
}

static void
claim(struct ledger *ledger, uint32_t slot)
{
	uint8_t nonce[SESSION_NONCE_BYTES];

	memset(nonce, (int)slot, sizeof(nonce));
	ledger_claim(ledger, slot, nonce, 1);
}

static void
write_other_size(void)
{
	struct ledger *ledger = open_as("cm1", ROWS);

	claim(ledger, 3);
	claim(ledger, 9);
	ledger_free(&ledger);
}

/* One is of an earlier run. */
static void
write_former(void)
{
	struct ledger *ledger = open_as("cm1", ROWS);

	claim(ledger, 3);
	ledger_free(&ledger);
	ledger = open_as("cm1", 2 * ROWS);
	claim(ledger, 9);
	ledger_free(&ledger);
}

/* --- the next start --- */

static void
start(const char *name)
{
	struct ledger *ledger = open_as(name, 3 * ROWS);

	ledger_free(&ledger);
}

static void
ck_both_are_open(const struct ledger *ledger)
{
	uint32_t row, rows = ledger_row_count(ledger), found = 0;
	struct ledger_entry entry;

	for (row = 0; row < rows; row++) {
		if (!ledger_is_live(ledger, row, &entry))
			continue;
		ck_assert_str_eq(entry.name, "cm1");
		ck_assert_uint_eq(entry.nonce[0], entry.slot);
		found += entry.slot;
	}
	ck_assert_uint_eq(ledger_live_count(ledger), 2);
	ck_assert_uint_eq(found, 3 + 9);
}

static void
ck_nothing_is_lost(const char *name)
{
	struct ledger *ledger;

	ck_assert_int_eq(ledger_open(folder, &ledger), 0);
	ck_both_are_open(ledger);
	ck_assert_int_eq(ledger_settle(ledger, name, 1, 3 * ROWS), 0);
	ck_both_are_open(ledger);
	ledger_free(&ledger);
	ck_assert_int_ne(access(beside, F_OK), 0);
}

/* A child that stands before its first system call of a start. 0: this system
 * forbids tracing. */
static pid_t
begin(const char *name)
{
	pid_t pid = fork();
	int status;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
			_exit(1);
		(void)raise(SIGSTOP);
		start(name);
		_exit(0);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return WIFSTOPPED(status) ? pid : 0;
}

/* Kills it after so many entries and exits; false when it got through. */
static bool
die_after(const char *name, unsigned stops)
{
	pid_t pid = begin(name);
	int status;

	if (pid == 0) {
		printf("this system forbids tracing: not looked at\n");
		return false;
	}
	while (stops-- > 0) {
		ck_assert_int_eq(ptrace(PTRACE_SYSCALL, pid, NULL, NULL), 0);
		ck_assert_int_eq(waitpid(pid, &status, 0), pid);
		if (WIFEXITED(status)) {
			ck_assert_int_eq(WEXITSTATUS(status), 0);
			return false;
		}
		ck_assert_msg(WIFSTOPPED(status),
		    "the child should stop after each instruction, status %d",
		    status);
	}
	ck_assert_int_eq(kill(pid, SIGKILL), 0);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return true;
}

static void
die_everywhere(void (*write_former_file)(void), const char *name)
{
	unsigned stops;
	bool died = true;

	for (stops = 0; died; stops++) {
		ck_assert_uint_lt(stops, CALLS);
		(void)unlink(path);
		write_former_file();
		died = die_after(name, stops);
		ck_nothing_is_lost(name);
	}
	printf("%u places\n", stops);
}

START_TEST(test_a_file_of_version_1_outlives_deaths_while_it_is_replaced)
{
	die_everywhere(write_version_1, "cm1");
}
END_TEST

START_TEST(test_one_of_another_size_outlives_them_too)
{
	die_everywhere(write_other_size, "cm1");
}
END_TEST

START_TEST(test_one_of_another_name_with_former_sessions_outlives_them_too)
{
	die_everywhere(write_former, "cm2");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("crash_ledger");
	TCase *tcase = tcase_create("crash_ledger");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 0);
	tcase_add_test(tcase,
	    test_a_file_of_version_1_outlives_deaths_while_it_is_replaced);
	tcase_add_test(tcase, test_one_of_another_size_outlives_them_too);
	tcase_add_test(tcase,
	    test_one_of_another_name_with_former_sessions_outlives_them_too);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
