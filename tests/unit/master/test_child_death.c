/* SPDX-License-Identifier: Apache-2.0 */
/* How a child ended, in words: real children, real ends. */
#include "master/child_policy.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

/* signal 0: exits with the code. */
static const struct {
	int signal, code;
	const char *words;
	bool own_making;
} ends[] = {
	{ 0, 0, "exit code=0", true },
	{ 0, 71, "exit code=71", true },
	{ SIGSEGV, 0, "signal=SEGV", true },
	{ SIGABRT, 0, "signal=ABRT", true },
	{ SIGBUS, 0, "signal=BUS", true },
	{ SIGSYS, 0, "signal=SYS", true },
	{ SIGPIPE, 0, "signal=PIPE", true },
	{ SIGKILL, 0, "signal=KILL", false },
	{ SIGTERM, 0, "signal=TERM", false },
	{ SIGHUP, 0, "signal=HUP", false },
};

NORETURN static void
end_so(int number, int code)
{
	struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	if (number == 0)
		_exit(code);
	signal(number, SIG_DFL);
	raise(number);
	_exit(99);
}

START_TEST(an_end_is_told_as_the_table_says)
{
	char text[CHILD_DEATH_TEXT_MAX];
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0)
		end_so(ends[_i].signal, ends[_i].code);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_str_eq(child_death_print(status, text), ends[_i].words);
	ck_assert_int_eq(child_death_is_own_making(status),
	    ends[_i].own_making);
}
END_TEST

START_TEST(a_core_and_a_signal_without_a_name_are_told)
{
	char text[CHILD_DEATH_TEXT_MAX];

	ck_assert_str_eq(child_death_print(W_EXITCODE(0, SIGSEGV) | WCOREFLAG,
			     text),
	    "signal=SEGV core=yes");
	ck_assert_str_eq(child_death_print(W_EXITCODE(0, 33), text),
	    "signal=?");
	ck_assert_msg(!child_death_is_own_making(W_EXITCODE(0, 33)),
	    "an unknown signal should not count as its own making");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("child_death");
	TCase *tests = tcase_create("child_death");

	tcase_add_loop_test(tests, an_end_is_told_as_the_table_says, 0,
	    ARRAY_LEN(ends));
	tcase_add_test(tests, a_core_and_a_signal_without_a_name_are_told);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
