/* SPDX-License-Identifier: Apache-2.0 */
/* What the kernel counts of a TCP connection, of real ones on the loopback.
 * Killed processes: tests/crash/test_crash_tcp_counters.c. */
#include "common/net/endpoint.h"
#include "common/net/fd.h"
#include "common/net/tcp_counters.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/net/loopback.h"

#include <check.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static int ends[2]; /* connected, accepted */
static struct tcp_counters counters;

static void
setup(void)
{
	loopback_pair("127.0.0.1", ends);
}

static void
teardown(void)
{
	fd_close(&ends[0]);
	fd_close(&ends[1]);
}

static void
read_connected(void)
{
	ck_assert_int_eq(tcp_counters_read(ends[0], TCP_COUNTERS_CONNECTED,
			     &counters),
	    0);
}

START_TEST(test_this_kernel_counts_as_it_should)
{
	ck_assert_msg(tcp_counters_work(),
	    "bytes should be counted as tcp_counters.h says");
}
END_TEST

START_TEST(test_urgent_bytes_count_like_any_other)
{
	char bytes[8];

	ck_assert_int_eq(send(ends[1], "abcd", 4, 0), 4);
	ck_assert_int_eq(send(ends[1], "e", 1, MSG_OOB), 1);
	wait_for(ends[0], POLLIN);
	ck_assert_int_eq(read(ends[0], bytes, 1), 1);
	read_connected();
	ck_assert_uint_eq(counters.received, 1);
	ck_assert_int_eq(read(ends[0], bytes, 3), 3);
	read_connected();
	ck_assert_uint_eq(counters.received, 4);
	ck_assert_int_eq(read(ends[0], bytes, 8), 1);
	read_connected();
	ck_assert_uint_eq(counters.received, 5);
}
END_TEST

START_TEST(test_a_reset_is_known_although_the_count_takes_the_error)
{
	ck_assert_int_eq(send(ends[0], "abc", 3, 0), 3);
	endpoint_reset(ends[1]);
	wait_for(ends[0], POLLRDHUP);
	for (int i = 0; i < 2; i++) {
		read_connected();
		ck_assert_int_eq(counters.over, true);
		ck_assert_uint_eq(counters.sent, 3);
		ck_assert_uint_eq(counters.received, 0);
	}
}
END_TEST

START_TEST(test_an_end_of_either_side_is_no_byte_that_was_received)
{
	char byte;

	ck_assert_int_eq(shutdown(ends[1], SHUT_WR), 0);
	wait_for(ends[0], POLLRDHUP);
	read_connected();
	ck_assert_uint_eq(counters.received, 0);
	ck_assert_int_eq(read(ends[0], &byte, 1), 0);
	read_connected();
	ck_assert_uint_eq(counters.received, 0);
	ck_assert_int_eq(send(ends[0], "a", 1, 0), 1);
	ck_assert_int_eq(shutdown(ends[0], SHUT_WR), 0);
	read_connected();
	ck_assert_uint_eq(counters.received, 0);
	ck_assert_uint_eq(counters.sent, 2); /* as its header says */
}
END_TEST

START_TEST(test_what_is_no_connection_is_refused)
{
	int listener = socket(AF_INET, SOCK_STREAM, 0);
	int pair[2], file = dup(STDIN_FILENO);

	ck_assert_int_eq(listen(listener, 1), 0);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	ck_assert_int_lt(tcp_counters_read(pair[0], 0, &counters), 0);
	ck_assert_int_lt(tcp_counters_read(file, 0, &counters), 0);
	ck_assert_int_lt(tcp_counters_read(-1, 0, &counters), 0);
	ck_assert_int_lt(tcp_counters_read(listener, 0, &counters), 0);
	endpoint_reset(ends[0]);
	ck_assert_int_eq(tcp_counters_read(ends[0], TCP_COUNTERS_CONNECTED,
			     &counters),
	    -ENOTCONN);
	close(pair[0]);
	close(pair[1]);
	close(file);
	close(listener);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("tcp_counters");
	TCase *tcase = tcase_create("tcp_counters");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, test_this_kernel_counts_as_it_should);
	tcase_add_test(tcase, test_urgent_bytes_count_like_any_other);
	tcase_add_test(tcase,
	    test_a_reset_is_known_although_the_count_takes_the_error);
	tcase_add_test(tcase,
	    test_an_end_of_either_side_is_no_byte_that_was_received);
	tcase_add_test(tcase, test_what_is_no_connection_is_refused);
	return run_suite(suite);
}
