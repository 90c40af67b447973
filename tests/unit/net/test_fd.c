/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Descriptors of others: whoever passes one chooses what it is. None makes who
 * closes it wait, whether it was taken, was one too many, or was never read. A
 * test that waits fails by its time limit.
 */
#include "common/net/fd.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/net/lingering.h"

#include <check.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#define MANY 253u /* the most that the kernel lets through at once */

static int ends[2];

static void
setup(void)
{
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
}

static void
teardown(void)
{
	close(ends[0]);
	fd_close(&ends[1]);
}

START_TEST(one_that_lingers_is_closed_at_once)
{
	int fd = lingering_new();

	fd_close_foreign(&fd);
	ck_assert_int_eq(fd, -1);
}
END_TEST

START_TEST(what_does_not_linger_is_closed_likewise)
{
	int pipe_ends[2], none = -1;

	ck_assert_int_eq(pipe(pipe_ends), 0);
	fd_close_foreign(&pipe_ends[1]);
	fd_close_foreign(&none);
	ck_assert_int_eq(read(pipe_ends[0], &none, 1), 0);
	close(pipe_ends[0]);
}
END_TEST

START_TEST(more_than_one_are_closed_at_once)
{
	static const unsigned counts[] = { 2, 3, MANY };
	char byte;
	size_t i;
	int fd;

	for (i = 0; i < ARRAY_LEN(counts); i++) {
		lingering_send(ends[0], counts[i]);
		ck_assert_int_eq(fd_receive(ends[1], &byte, 1, &fd), 1);
		ck_assert_int_eq(fd, -1);
	}
}
END_TEST

START_TEST(what_was_never_read_is_closed_at_once)
{
	unsigned i;

	for (i = 0; i < 4; i++)
		lingering_send(ends[0], i + 1);
	fd_close_with_waiting(&ends[1]);
	ck_assert_int_eq(ends[1], -1);
}
END_TEST

START_TEST(nothing_comes_while_it_is_closed)
{
	int kept = dup(ends[1]);

	fd_close_with_waiting(&ends[1]);
	ck_assert_int_eq(send(ends[0], "x", 1, MSG_NOSIGNAL), -1);
	ck_assert_int_eq(errno, EPIPE);
	close(kept);
}
END_TEST

/* Where the kernel is too old for that they are closed when they come. */
START_TEST(who_takes_none_is_sent_none)
{
	int pipe_ends[2];
	int64_t sent;

	ck_assert_int_eq(pipe(pipe_ends), 0);
	if (fd_refuse_descriptors(ends[1])) {
		sent = fd_send(ends[0], "x", 1, pipe_ends[1]);
		ck_assert_int_eq(sent, -EPERM);
	}
	ck_assert_int_eq(fd_send(ends[0], "x", 1, -1), 1);
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("descriptors of others");
	TCase *tests = tcase_create("descriptors of others");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests, one_that_lingers_is_closed_at_once);
	tcase_add_test(tests, what_does_not_linger_is_closed_likewise);
	tcase_add_test(tests, more_than_one_are_closed_at_once);
	tcase_add_test(tests, what_was_never_read_is_closed_at_once);
	tcase_add_test(tests, nothing_comes_while_it_is_closed);
	tcase_add_test(tests, who_takes_none_is_sent_none);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
