/* SPDX-License-Identifier: Apache-2.0 */
/* What a service manager receives, at a socket of the test's own. */
#include "master/service_manager.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static struct service_manager manager;
static char path[64];
static int listening;
static char received[512];

/* With a name that the kernel chooses, as "@name", or at the path. */
static void
listen_at(bool abstract)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	char name[128] = "@";
	socklen_t len = sizeof(sa_family_t);

	listening = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0);
	ck_assert_int_ge(listening, 0);
	if (!abstract) {
		len = sizeof(address);
		snprintf(address.sun_path, sizeof(address.sun_path), "%s",
		    path);
	}
	ck_assert_int_eq(bind(listening, (struct sockaddr *)&address, len), 0);
	if (abstract) {
		len = sizeof(address);
		getsockname(listening, (struct sockaddr *)&address, &len);
		memcpy(name + 1, address.sun_path + 1,
		    len - sizeof(sa_family_t) - 1);
	}
	setenv("NOTIFY_SOCKET", abstract ? name : path, 1);
}

/* The next datagram, or "" when there is none. */
static const char *
receive(void)
{
	ssize_t len = recv(listening, received, sizeof(received) - 1, 0);

	received[MAX(len, 0)] = '\0';
	return received;
}

static void
setup(void)
{
	snprintf(path, sizeof(path), "/tmp/test_service_manager.%d",
	    (int)getpid());
	listening = -1;
	unsetenv("NOTIFY_SOCKET");
	unsetenv("WATCHDOG_USEC");
	unsetenv("WATCHDOG_PID");
}

static void
teardown(void)
{
	service_manager_close(&manager);
	if (listening >= 0)
		close(listening);
	unlink(path);
}

START_TEST(what_changes_is_told_once)
{
	listen_at(_i != 0);
	service_manager_open(&manager);
	ck_assert_double_gt(service_manager_period_s(&manager), 0);
	service_manager_notify(&manager, "STATUS=starting", 1);
	service_manager_notify(&manager, "STATUS=starting", 2);
	service_manager_notify(&manager, "READY=1\nSTATUS=0 sessions", 3);
	ck_assert_str_eq(receive(), "STATUS=starting");
	ck_assert_str_eq(receive(), "READY=1\nSTATUS=0 sessions");
	ck_assert_str_eq(receive(), "");
}
END_TEST

START_TEST(nobody_is_notified_where_no_socket_is_named)
{
	service_manager_open(&manager);
	ck_assert_double_le(service_manager_period_s(&manager), 0);
	service_manager_notify(&manager, "READY=1", 1);
	ck_assert_int_eq(manager.fd, -1);
}
END_TEST

START_TEST(children_do_not_find_the_socket)
{
	listen_at(false);
	setenv("WATCHDOG_USEC", "1000000", 1);
	service_manager_open(&manager);
	ck_assert_ptr_null(getenv("NOTIFY_SOCKET"));
	ck_assert_ptr_null(getenv("WATCHDOG_USEC"));
}
END_TEST

static const char *const bad_addresses[] = { "x", "/", "@", "tcp:1.2.3.4",
	"/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
	"a"
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };

START_TEST(a_bad_address_is_no_obstacle)
{
	setenv("NOTIFY_SOCKET", bad_addresses[_i], 1);
	service_manager_open(&manager);
	ck_assert_int_eq(manager.fd, -1);
	service_manager_notify(&manager, "READY=1", 1);
}
END_TEST

START_TEST(what_could_not_be_told_is_told_again)
{
	listen_at(false);
	service_manager_open(&manager);
	close(listening);
	unlink(path);
	service_manager_notify(&manager, "READY=1", 1);
	listen_at(false);
	service_manager_notify(&manager, "READY=1", 2);
	ck_assert_str_eq(receive(), "READY=1");
}
END_TEST

START_TEST(a_watchdog_is_fed_in_time)
{
	double now, period;
	unsigned fed = 0;

	listen_at(false);
	setenv("WATCHDOG_USEC", "900000", 1);
	service_manager_open(&manager);
	period = service_manager_period_s(&manager);
	ck_assert_double_gt(period, 0.1);
	ck_assert_double_lt(period, 0.45);
	for (now = 100; now < 103; now += period) {
		service_manager_notify(&manager, "READY=1", now);
		fed += strstr(receive(), "WATCHDOG=1") != NULL;
	}
	ck_assert_uint_ge(fed, 9); /* none of them late */
}
END_TEST

START_TEST(another_process_watchdog_is_not_ours)
{
	char pid[16];

	snprintf(pid, sizeof(pid), "%d", (int)getpid() + 1 - _i);
	listen_at(false);
	setenv("WATCHDOG_USEC", "900000", 1);
	setenv("WATCHDOG_PID", pid, 1);
	service_manager_open(&manager);
	ck_assert_int_eq(manager.watchdog_s > 0, _i == 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("service manager");
	TCase *tests = tcase_create("words");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_loop_test(tests, what_changes_is_told_once, 0, 2);
	tcase_add_test(tests, nobody_is_notified_where_no_socket_is_named);
	tcase_add_test(tests, children_do_not_find_the_socket);
	tcase_add_loop_test(tests, a_bad_address_is_no_obstacle, 0,
	    ARRAY_LEN(bad_addresses));
	tcase_add_test(tests, what_could_not_be_told_is_told_again);
	tcase_add_test(tests, a_watchdog_is_fed_in_time);
	tcase_add_loop_test(tests, another_process_watchdog_is_not_ours, 0, 2);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
