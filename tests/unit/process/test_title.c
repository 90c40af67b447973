/* SPDX-License-Identifier: Apache-2.0 */
/* The name that ps shows, and what it must not overwrite. */
#include "common/process/title.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

static char shown[4096];
static char *path_before;
static char *program_before;

/* As ps reads it: the first string. */
static const char *
command_line(void)
{
	FILE *file = fopen("/proc/self/cmdline", "r");
	size_t len;

	ck_assert_ptr_nonnull(file);
	len = fread(shown, 1, sizeof(shown) - 1, file);
	shown[len] = '\0';
	(void)fclose(file);
	return shown;
}

START_TEST(the_command_line_shows_the_title_and_nothing_of_the_old)
{
	size_t i;

	title_set("worker %d", 7);
	ck_assert_str_eq(command_line(), "cmanagerd: worker 7");
	for (i = strlen(shown); i < sizeof(shown); i++)
		ck_assert_int_eq(shown[i], '\0');
}
END_TEST

START_TEST(a_shorter_title_leaves_nothing_of_a_longer_one)
{
	title_set("upstream with a long name");
	title_set("up");
	ck_assert_str_eq(command_line(), "cmanagerd: up");
}
END_TEST

START_TEST(the_kernel_has_the_name_without_the_program)
{
	char name[17] = "";

	title_set("worker %d", 12);
	ck_assert_int_eq(prctl(PR_GET_NAME, name, 0, 0, 0), 0);
	ck_assert_str_eq(name, "worker 12");
}
END_TEST

START_TEST(a_title_without_end_is_cut_and_harms_nothing)
{
	char text[5000];

	memset(text, 'x', sizeof(text) - 1);
	text[sizeof(text) - 1] = '\0';
	title_set("%s", text);
	ck_assert_int_eq(strncmp(command_line(), "cmanagerd: xxx", 14), 0);
	ck_assert_uint_lt(strlen(shown), 128);
	ck_assert_str_eq(getenv("PATH"), path_before);
	/* It stands behind the environment. */
	ck_assert_str_eq((const char *)getauxval(AT_EXECFN), program_before);
}
END_TEST

START_TEST(the_environment_can_be_changed_as_before)
{
	title_set("master");
	ck_assert_int_eq(setenv("CM_TEST", "1", 1), 0);
	ck_assert_str_eq(getenv("CM_TEST"), "1");
	ck_assert_int_eq(unsetenv("PATH"), 0);
	ck_assert_ptr_null(getenv("PATH"));
}
END_TEST

int
main(int argc, char **argv)
{
	Suite *suite = suite_create("title");
	TCase *tests = tcase_create("title");
	int status;

	setenv("PATH", "/bin:/usr/bin", 0);
	path_before = strdup(getenv("PATH"));
	program_before = strdup((const char *)getauxval(AT_EXECFN));
	title_init(argc, argv);
	tcase_add_test(tests,
	    the_command_line_shows_the_title_and_nothing_of_the_old);
	tcase_add_test(tests, a_shorter_title_leaves_nothing_of_a_longer_one);
	tcase_add_test(tests, the_kernel_has_the_name_without_the_program);
	tcase_add_test(tests, a_title_without_end_is_cut_and_harms_nothing);
	tcase_add_test(tests, the_environment_can_be_changed_as_before);
	suite_add_tcase(suite, tests);
	status = run_suite(suite);
	free(path_before);
	free(program_before);
	return status;
}
