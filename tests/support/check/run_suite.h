/* SPDX-License-Identifier: Apache-2.0 */
/* run_suite - the end of a test program: run, count, give main() its status. */
#ifndef TESTS_SUPPORT_CHECK_RUN_SUITE_H
#define TESTS_SUPPORT_CHECK_RUN_SUITE_H

#include <check.h>
#include <stdlib.h>

/* Runs all that was added to the suite and frees it: each test in a child
 * (CK_FORK), all in this process (CK_NOFORK), or as the environment says
 * (CK_FORK_GETENV). Gives the status for main(). */
static inline int
run_suite_forking(Suite *suite, enum fork_status fork_status)
{
	SRunner *runner = srunner_create(suite);
	int failed;

	srunner_set_fork_status(runner, fork_status);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}

static inline int
run_suite(Suite *suite)
{
	return run_suite_forking(suite, CK_FORK_GETENV);
}

#endif
