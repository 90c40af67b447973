/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes of a former master are ended, and no others.
 */
#include "common/base/steady_clock.h"
#include "common/shm/ledger.h"
#include "master/orphans.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <fcntl.h>
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define PATIENCE_S 0.5

static struct ledger *ledger;
static int go[2]; /* a child that reads from it ends when it is closed */

static void
setup(void)
{
	ck_assert_int_eq(ledger_new_volatile("cm", 1, 16, &ledger), 0);
	ck_assert_int_eq(pipe(go), 0);
}

static void
teardown(void)
{
	ledger_free(&ledger);
	close(go[0]);
	if (go[1] >= 0)
		close(go[1]);
}

/* A child that ends when told, or never. */
static pid_t
begin_child(bool obedient)
{
	pid_t pid = fork();
	char byte;

	ck_assert_int_ge(pid, 0);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	close(go[1]);
	if (obedient && read(go[0], &byte, 1) >= 0)
		_exit(0);
	for (;;)
		pause();
}

static int
status_of(pid_t pid)
{
	int status;

	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	return status;
}

static bool
is_alive(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) == 0;
}

static void
ck_table_is_clear(void)
{
	uint64_t ticks;
	uint32_t i;
	pid_t pid;

	for (i = 0; i < ledger_process_count(ledger); i++) {
		ledger_process(ledger, i, &pid, &ticks);
		ck_assert_int_eq(pid, 0);
	}
}

START_TEST(one_that_does_not_end_is_killed_when_patience_is_over)
{
	pid_t pid = begin_child(false);

	ledger_set_process(ledger, 2, pid, orphans_start_ticks(pid));
	orphans_end(ledger, NULL, 0.05);
	ck_assert_int_eq(WTERMSIG(status_of(pid)), SIGKILL);
	ck_table_is_clear();
}
END_TEST

START_TEST(one_that_ends_by_itself_is_waited_for_and_not_killed)
{
	pid_t pid = begin_child(true);
	double begin = steady_clock_s();

	ledger_set_process(ledger, 1, pid, orphans_start_ticks(pid));
	close(go[1]);
	go[1] = -1;
	orphans_end(ledger, NULL, 600);
	ck_assert_double_lt(steady_clock_s() - begin, 300);
	ck_assert_int_eq(status_of(pid), 0);
	ck_table_is_clear();
}
END_TEST

/* Of what the ledger names, this one is none of ours. */
static void
expect_left_alone(pid_t pid)
{
	orphans_end(ledger, NULL, 0);
	ck_assert_msg(is_alive(pid), "it was killed");
	ck_table_is_clear();
	kill(pid, SIGKILL);
	(void)status_of(pid);
}

START_TEST(another_process_of_the_same_number_is_left_alone)
{
	pid_t pid = begin_child(false);

	ledger_set_process(ledger, 2, pid, orphans_start_ticks(pid) + 1);
	ledger_set_process(ledger, 3, pid, 0);
	expect_left_alone(pid);
}
END_TEST

/* Another program, in a process of ours until it is executed. */
static pid_t
begin_other_program(void)
{
	char target[256], path[32];
	pid_t pid = fork();
	ssize_t len;

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execlp("sleep", "sleep", "600", NULL);
		_exit(127);
	}
	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	do {
		len = readlink(path, target, sizeof(target) - 1);
		ck_assert_int_ge(len, 0);
		target[len] = '\0';
	} while (strstr(target, "test_orphans"));
	return pid;
}

START_TEST(a_process_of_another_program_is_left_alone)
{
	pid_t pid = begin_other_program();

	ledger_set_process(ledger, 2, pid, orphans_start_ticks(pid));
	expect_left_alone(pid);
}
END_TEST

/* Ours by its program, but somebody else runs it. */
static pid_t
begin_as(uid_t real, uid_t effective)
{
	int begun[2];
	char byte = 0;
	pid_t pid;

	ck_assert_int_eq(pipe(begun), 0);
	pid = fork();
	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		if (setresuid(real, effective, 0) != 0)
			_exit(1);
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		(void)!write(begun[1], &byte, 1);
		for (;;)
			pause();
	}
	ck_assert_int_eq(read(begun[0], &byte, 1), 1);
	close(begun[0]);
	close(begun[1]);
	return pid;
}

static bool
is_killed(pid_t pid, const char *user)
{
	bool alive;

	ledger_set_process(ledger, 2, pid, orphans_start_ticks(pid));
	orphans_end(ledger, user, 0);
	alive = is_alive(pid);
	ck_table_is_clear();
	if (alive) {
		kill(pid, SIGKILL);
		(void)status_of(pid);
	}
	return !alive;
}

static void
expect_killed(pid_t pid, const char *user)
{
	ck_assert_msg(is_killed(pid, user),
	    "an orphan of ours should be killed for user %s",
	    user ? user : "root");
}

static void
expect_left(pid_t pid, const char *user)
{
	ck_assert_msg(!is_killed(pid, user),
	    "another user's process should be left alone for user %s",
	    user ? user : "root");
}

START_TEST(a_process_of_another_user_is_left_alone)
{
	const struct passwd *nobody = getpwnam("nobody");
	uid_t uid = nobody ? nobody->pw_uid : 65534;

	if (getuid() != 0)
		return;
	expect_left(begin_as(uid, uid), NULL);
	expect_left(begin_as(uid, 0), NULL);
	expect_left(begin_as(0, uid), NULL);
	expect_left(begin_as(uid, uid), "no such user");
	expect_left(begin_as(uid + 1, uid), "nobody");
	expect_killed(begin_as(0, 0), NULL);
	if (nobody)
		expect_killed(begin_as(uid, uid), "nobody");
}
END_TEST

/* --- another file at our path --- */

static void
copy_self(const char *path)
{
	char bytes[65536];
	FILE *from = fopen("/proc/self/exe", "re"), *to = fopen(path, "we");
	size_t len;

	ck_assert_ptr_nonnull(from);
	ck_assert_ptr_nonnull(to);
	while ((len = fread(bytes, 1, sizeof(bytes), from)) > 0)
		ck_assert_uint_eq(fwrite(bytes, 1, len, to), len);
	ck_assert_int_eq(fclose(to), 0);
	(void)fclose(from);
	ck_assert_int_eq(chmod(path, 0700), 0);
}

/* The program at that path, once it is executed; it does what the word says. */
static pid_t
execute(const char *path, const char *word, pid_t pid)
{
	char number[16], byte;
	int begun[2];
	pid_t child;

	snprintf(number, sizeof(number), "%d", (int)pid);
	ck_assert_int_eq(pipe(begun), 0);
	ck_assert_int_eq(fcntl(begun[1], F_SETFD, FD_CLOEXEC), 0);
	child = fork();
	ck_assert_int_ge(child, 0);
	if (child == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		execl(path, path, word, number, NULL);
		_exit(127);
	}
	close(begun[1]);
	ck_assert_int_eq(read(begun[0], &byte, 1), 0);
	close(begun[0]);
	return child;
}

/* What main() does for one that was executed so. */
static int
play(const char *word, pid_t pid)
{
	if (strcmp(word, "wait") == 0)
		for (;;)
			pause();
	if (ledger_new_volatile("cm", 1, 16, &ledger) != 0)
		return 1;
	ledger_set_process(ledger, 1, pid, orphans_start_ticks(pid));
	orphans_end(ledger, NULL, 0);
	ledger_free(&ledger);
	return 0;
}

START_TEST(one_from_before_an_upgrade_is_ours)
{
	char folder[] = "/tmp/test_orphans.XXXXXX", path[64];
	pid_t old, new;

	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/daemon", folder);
	copy_self(path);
	old = execute(path, "wait", 0);
	ck_assert_int_eq(unlink(path), 0);
	copy_self(path);
	new = execute(path, "end", old);
	ck_assert_int_eq(status_of(new), 0);
	ck_assert_int_eq(WTERMSIG(status_of(old)), SIGKILL);
	/* The same bytes at another path are another program. */
	expect_left(execute(path, "wait", 0), NULL);
	ck_assert_int_eq(unlink(path), 0);
	ck_assert_int_eq(rmdir(folder), 0);
}
END_TEST

START_TEST(itself_and_senseless_numbers_are_left_alone)
{
	pid_t self = getpid();

	ledger_set_process(ledger, 0, self, orphans_start_ticks(self));
	ledger_set_process(ledger, 1, 1, orphans_start_ticks(1));
	ledger_set_process(ledger, 2, -1, 7);
	ledger_set_process(ledger, 3, -self, orphans_start_ticks(self));
	ledger_set_process(ledger, 4, getppid(),
	    orphans_start_ticks(getppid()));
	orphans_end(ledger, NULL, 0);
	ck_table_is_clear();
}
END_TEST

START_TEST(all_share_one_patience)
{
	/* One after the other they would take twice as long as may be. */
	double begin = steady_clock_s(), took;
	pid_t pids[20];
	uint32_t i;

	for (i = 0; i < ARRAY_LEN(pids); i++) {
		pids[i] = begin_child(false);
		ledger_set_process(ledger, 1 + i, pids[i],
		    orphans_start_ticks(pids[i]));
	}
	orphans_end(ledger, NULL, PATIENCE_S);
	took = steady_clock_s() - begin;
	printf("%u have ended after %.2f s of %.2f\n",
	    (unsigned)ARRAY_LEN(pids), took, PATIENCE_S);
	ck_assert_double_lt(took, 10 * PATIENCE_S);
	for (i = 0; i < ARRAY_LEN(pids); i++)
		ck_assert_int_eq(WTERMSIG(status_of(pids[i])), SIGKILL);
}
END_TEST

START_TEST(a_beginning_is_told_of_the_living_only_and_always_the_same)
{
	pid_t pid = begin_child(false);
	uint64_t ticks = orphans_start_ticks(pid);

	ck_assert_uint_gt(ticks, 0);
	ck_assert_uint_eq(orphans_start_ticks(pid), ticks);
	ck_assert_uint_ge(ticks, orphans_start_ticks(getpid()));
	kill(pid, SIGKILL);
	(void)status_of(pid);
	ck_assert_uint_eq(orphans_start_ticks(pid), 0);
}
END_TEST

START_TEST(blanks_and_brackets_in_a_name_do_not_mislead)
{
	uint64_t ticks = orphans_start_ticks(getpid());

	ck_assert_int_eq(prctl(PR_SET_NAME, "a) S 1 2 (b ", 0, 0, 0), 0);
	ck_assert_uint_eq(orphans_start_ticks(getpid()), ticks);
}
END_TEST

int
main(int argc, char *argv[])
{
	Suite *suite;
	TCase *tests;

	if (argc == 3)
		return play(argv[1], (pid_t)strtol(argv[2], NULL, 10));
	suite = suite_create("orphans");
	tests = tcase_create("orphans");
	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests,
	    one_that_does_not_end_is_killed_when_patience_is_over);
	tcase_add_test(tests,
	    one_that_ends_by_itself_is_waited_for_and_not_killed);
	tcase_add_test(tests, another_process_of_the_same_number_is_left_alone);
	tcase_add_test(tests, a_process_of_another_program_is_left_alone);
	tcase_add_test(tests, a_process_of_another_user_is_left_alone);
	tcase_add_test(tests, one_from_before_an_upgrade_is_ours);
	tcase_add_test(tests, itself_and_senseless_numbers_are_left_alone);
	tcase_add_test(tests, all_share_one_patience);
	tcase_add_test(tests,
	    a_beginning_is_told_of_the_living_only_and_always_the_same);
	tcase_add_test(tests, blanks_and_brackets_in_a_name_do_not_mislead);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
