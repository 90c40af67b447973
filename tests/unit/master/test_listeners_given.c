/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Sockets that a service manager opened: what they are taken for, who accepts
 * on them, and that they stay open.
 */
#include "common/process/config.h"
#include "master/listener_plan.h"
#include "master/listeners.h"
#include "master/service_manager.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

static struct listeners listeners;
static char why[LISTENERS_WHY_MAX];
static char loopback[] = "127.0.0.1";
static struct config_client client = { .plain_active = true,
	.direct_active = true,
	.interface = loopback,
	.backlog = 5 };

static int
open_socket(bool reuseport, uint16_t *port_out)
{
	struct listen_options options = { .backlog = 1,
		.reuseport = reuseport };
	struct endpoint at;
	int fd;

	ck_assert_int_eq(endpoint_parse("127.0.0.1", 0, &at), 0);
	fd = endpoint_listen(&at, &options);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at.addr, &at.len),
	    0);
	*port_out = endpoint_port(&at);
	return fd;
}

/* Ports for the configuration that nobody has. */
static void
setup(void)
{
	close(open_socket(false, &client.plain_port));
	close(open_socket(false, &client.direct_port));
}

static void
teardown(void)
{
	listeners_close(&listeners);
}

static unsigned
count(bool given, bool direct_tls)
{
	unsigned found = 0, i;

	for (i = 0; i < listeners.count; i++)
		found += listeners.all[i].given == given &&
			 listeners.all[i].direct_tls == direct_tls;
	return found;
}

START_TEST(one_that_cannot_be_shared_by_the_kernel_is_by_all)
{
	uint16_t port;
	int fd = open_socket(false, &port);

	ck_assert_int_eq(listeners_give(&listeners, &client, fd, "xmpp-client"),
	    0);
	ck_assert_int_eq(listeners_want(&listeners, &client, 3, why), 0);
	ck_assert_uint_eq(count(true, false), 1);
	ck_assert_uint_eq(count(false, false), 0);
	ck_assert_uint_eq(count(false, true), 3); /* as configured */
	ck_assert_msg(listeners.all[0].shared,
	    "the given socket should be shared by all");
}
END_TEST

START_TEST(beside_one_with_reuseport_the_missing_are_opened)
{
	uint16_t port;
	int fd = open_socket(true, &port);
	unsigned i;

	ck_assert_int_eq(listeners_give(&listeners, &client, fd,
			     "xmpps-client"),
	    0);
	ck_assert_int_eq(listeners_want(&listeners, &client, 2, why), 0);
	ck_assert_int_eq(listeners_want(&listeners, &client, 3, why), 0);
	ck_assert_uint_eq(count(true, true), 1);
	ck_assert_uint_eq(count(false, true), 2);
	ck_assert_uint_eq(count(false, false), 3);
	for (i = 0; i < listeners.count; i++) {
		ck_assert_msg(!listeners.all[i].shared,
		    "socket %u should be one worker's own", i);
		if (listeners.all[i].direct_tls)
			ck_assert_uint_eq(endpoint_port(&listeners.all[i]
							     .endpoint),
			    port);
	}
}
END_TEST

START_TEST(without_a_name_its_port_says_what_it_is)
{
	uint16_t port;
	int fd = open_socket(false, &port);

	client.direct_port = port;
	ck_assert_int_eq(listeners_give(&listeners, &client, fd,
			     "cmanagerd.socket"),
	    0);
	ck_assert_uint_eq(listener_plan_given(&listeners, true), 1);
	fd = open_socket(false, &port);
	ck_assert_int_eq(listeners_give(&listeners, &client, fd, ""), -EINVAL);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
}
END_TEST

START_TEST(what_does_not_listen_is_refused)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0);

	ck_assert_int_eq(listeners_give(&listeners, &client, fd, "xmpp-client"),
	    -EINVAL);
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	ck_assert_int_eq(listeners_give(&listeners, &client, fd, "xmpp-client"),
	    -EINVAL);
	fd = open("/dev/null", O_RDONLY);
	ck_assert_int_eq(listeners_give(&listeners, &client, fd, "xmpp-client"),
	    -EINVAL);
	ck_assert_uint_eq(listeners.given_count, 0);
}
END_TEST

START_TEST(it_leaves_at_once_stays_open_and_comes_back_as_the_same)
{
	struct listener left;
	uint32_t id;
	uint16_t port;
	int fd = open_socket(false, &port);

	client.direct_active = false;
	ck_assert_int_eq(listeners_give(&listeners, &client, fd, "xmpp-client"),
	    0);
	ck_assert_int_eq(listeners_want(&listeners, &client, 2, why), 0);
	id = listeners.all[0].id;
	listeners_settle(&listeners, NULL, 10.);
	ck_assert_msg(listeners_take_due(&listeners, 10., &left),
	    "the given socket should be due to leave");
	ck_assert_msg(left.given, "what leaves should be the given socket");
	ck_assert_uint_eq(left.id, id);
	ck_assert_int_eq(left.fd, fd);
	ck_assert_uint_eq(listeners.count, 0);
	ck_assert_int_ne(fcntl(fd, F_GETFD), -1);
	ck_assert_int_eq(listeners_want(&listeners, &client, 2, why), 0);
	ck_assert_uint_eq(listeners.count, 1);
	ck_assert_uint_eq(listeners.all[0].id, id);
	listeners_close(&listeners);
	ck_assert_int_eq(fcntl(fd, F_GETFD), -1);
	client.direct_active = true;
}
END_TEST

static void
on_move(void *context, const struct listener *listener, int from)
{
	unsigned *moves = context;

	(void)from;
	ck_assert_msg(!listener->shared,
	    "a shared socket should not move to another worker");
	++*moves;
}

START_TEST(nobody_alone_holds_what_all_share)
{
	const int serving[] = { 0, 1 };
	unsigned moves = 0;
	uint16_t port;
	int fd = open_socket(false, &port);

	ck_assert_int_eq(listeners_give(&listeners, &client, fd, "xmpp-client"),
	    0);
	ck_assert_int_eq(listeners_want(&listeners, &client, 2, why), 0);
	listener_plan_share(&listeners, serving, 2, on_move, &moves);
	ck_assert_uint_eq(moves, 2);
	ck_assert_int_eq(listeners.all[0].holder, LISTENER_NOBODY);
}
END_TEST

/* --- the environment --- */

static void
announce(const char *pid, const char *fds, const char *names)
{
	char own[16];

	snprintf(own, sizeof(own), "%d", (int)getpid());
	ck_assert_int_eq(setenv("LISTEN_PID", pid ? pid : own, 1), 0);
	ck_assert_int_eq(setenv("LISTEN_FDS", fds, 1), 0);
	ck_assert_int_eq(setenv("LISTEN_FDNAMES", names, 1), 0);
}

START_TEST(what_is_announced_to_another_is_not_taken)
{
	static const char *const bad[][2] = { { "1", "1" }, { NULL, "-1" },
		{ NULL, "0" }, { NULL, "x" }, { NULL, "" }, { "", "1" } };
	struct service_sockets inherited;
	size_t i;

	for (i = 0; i < ARRAY_LEN(bad); i++) {
		announce(bad[i][0], bad[i][1], "a");
		service_manager_take_sockets(&inherited);
		ck_assert_uint_eq(inherited.count, 0);
		ck_assert_ptr_null(getenv("LISTEN_FDS"));
	}
}
END_TEST

START_TEST(sockets_come_with_their_names)
{
	struct service_sockets inherited;
	int i;

	for (i = 3; i < 6; i++)
		ck_assert_int_eq(dup2(STDIN_FILENO, i), i);
	announce(NULL, "3", "xmpp-client::third:fourth");
	service_manager_take_sockets(&inherited);
	ck_assert_uint_eq(inherited.count, 3);
	ck_assert_str_eq(inherited.sockets[0].name, "xmpp-client");
	ck_assert_str_eq(inherited.sockets[1].name, "");
	ck_assert_str_eq(inherited.sockets[2].name, "third");
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(inherited.sockets[i].fd, i + 3);
		ck_assert_int_eq(fcntl(i + 3, F_GETFD), FD_CLOEXEC);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("listeners_given");
	TCase *tests = tcase_create("listeners_given");

	tcase_add_checked_fixture(tests, setup, teardown);
	tcase_add_test(tests,
	    one_that_cannot_be_shared_by_the_kernel_is_by_all);
	tcase_add_test(tests, beside_one_with_reuseport_the_missing_are_opened);
	tcase_add_test(tests, without_a_name_its_port_says_what_it_is);
	tcase_add_test(tests, what_does_not_listen_is_refused);
	tcase_add_test(tests,
	    it_leaves_at_once_stays_open_and_comes_back_as_the_same);
	tcase_add_test(tests, nobody_alone_holds_what_all_share);
	tcase_add_test(tests, what_is_announced_to_another_is_not_taken);
	tcase_add_test(tests, sockets_come_with_their_names);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
