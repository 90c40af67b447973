/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The master's listening sockets: which there are, who accepts on them, and
 * what an operator is told when one cannot be had.
 */
#include "common/net/endpoint.h"
#include "common/process/config.h"
#include "master/listeners.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/master/listeners_rig.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int
family_of(int fd)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	return at.ss_family;
}

static bool
has_ipv6(void)
{
	struct listen_options options = { .backlog = 1 };
	struct endpoint at;
	int fd;

	ck_assert_int_eq(endpoint_parse("::", 0, &at), 0);
	fd = endpoint_listen(&at, &options);
	if (fd < 0)
		return false;
	close(fd);
	return true;
}

START_TEST(two_workers_have_each_kind_on_each_family)
{
	struct config_client client = both_kinds(NULL);
	unsigned families = has_ipv6() ? 2 : 1, seen[2][2] = { 0 }, i;

	ck_assert_int_eq(want(&client, 2), 0);
	ck_assert_uint_eq(listeners.count, 2 * 2 * families);
	for (i = 0; i < listeners.count; i++) {
		struct listener *at = &listeners.all[i];

		ck_assert_uint_eq(at->id, i);
		ck_assert_int_eq(at->holder, LISTENER_NOBODY);
		ck_assert_uint_eq(port_of(at->fd),
		    at->direct_tls ? client.direct_port : client.plain_port);
		seen[at->direct_tls][family_of(at->fd) == AF_INET6]++;
	}
	for (i = 0; i < 4; i++)
		ck_assert_uint_eq(seen[i / 2][i % 2], i % 2 < families ? 2 : 0);
}
END_TEST

START_TEST(an_address_given_is_the_only_one)
{
	struct config_client client = both_kinds((char[]){ "127.0.0.1" });
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	unsigned i;

	client.direct_active = false;
	ck_assert_int_eq(want(&client, 3), 0);
	ck_assert_uint_eq(listeners.count, 3);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(getsockname(listeners.all[i].fd,
				     (struct sockaddr *)&at, &len),
		    0);
		ck_assert_uint_eq(at.sin_family, AF_INET);
		ck_assert_uint_eq(ntohl(at.sin_addr.s_addr), INADDR_LOOPBACK);
		ck_assert_msg(!listeners.all[i].direct_tls,
		    "socket %u should be for clear text", i);
	}
}
END_TEST

START_TEST(an_address_of_the_other_family_can_be_given)
{
	struct config_client client = both_kinds((char[]){ "::1" });

	if (!has_ipv6())
		return;
	ck_assert_int_eq(want(&client, 1), 0);
	ck_assert_uint_eq(listeners.count, 2);
	ck_assert_int_eq(family_of(listeners.all[0].fd), AF_INET6);
}
END_TEST

/* Taken by one that shares its port with anybody, as another manager does. */
START_TEST(a_port_in_use_is_named_even_when_its_owner_would_share)
{
	struct config_client client = both_kinds((char[]){ "127.0.0.1" });
	struct listen_options options = { .backlog = 1, .reuseport = true };
	struct endpoint at;
	char address[32];
	int taken;

	ck_assert_int_eq(endpoint_parse("127.0.0.1", client.direct_port, &at),
	    0);
	taken = endpoint_listen(&at, &options);
	ck_assert_int_ge(taken, 0);
	ck_assert_int_eq(want(&client, 2), -EADDRINUSE);
	snprintf(address, sizeof(address),
	    "on 127.0.0.1:%u: ", client.direct_port);
	ck_assert_msg(strstr(said, address) && strstr(said, "in use"),
	    "said: %s", said);
	ck_assert_ptr_null(strchr(said, '\n'));
	ck_assert_uint_eq(listeners.count, 0);
	close(taken);
}
END_TEST

START_TEST(an_address_that_is_not_ours_is_named)
{
	struct config_client client = both_kinds((char[]){ "192.0.2.1" });

	ck_assert_int_eq(want(&client, 2), -EADDRNOTAVAIL);
	ck_assert_msg(strstr(said, "192.0.2.1:") != NULL, "said: %s", said);
}
END_TEST

/* As a kernel without IPv6 answers. */
static void
forget_ipv6(void)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);

	ck_assert_ptr_nonnull(filter);
	ck_assert_int_eq(seccomp_rule_add(filter, SCMP_ACT_ERRNO(EAFNOSUPPORT),
			     SCMP_SYS(socket), 1,
			     SCMP_A0(SCMP_CMP_EQ, AF_INET6, 0)),
	    0);
	ck_assert_int_eq(seccomp_load(filter), 0);
	seccomp_release(filter);
}

START_TEST(without_ipv6_the_defaults_go_on_and_what_is_configured_does_not)
{
	struct config_client client = both_kinds(NULL);

	forget_ipv6();
	ck_assert_int_eq(want(&client, 2), 0);
	ck_assert_uint_eq(listeners.count, 4);
	listeners_settle(&listeners, &client, 10);
	ck_assert_double_infinite(listeners_due(&listeners));
	client.interface = (char[]){ "127.0.0.1 ::1" };
	ck_assert_int_eq(want(&client, 2), -EAFNOSUPPORT);
	ck_assert_msg(strstr(said, "[::1]:") != NULL, "said: %s", said);
}
END_TEST

START_TEST(all_that_are_open_close_themselves_at_exec_and_never_block)
{
	struct config_client client = both_kinds(NULL);
	unsigned i;

	ck_assert_int_eq(want(&client, 2), 0);
	for (i = 0; i < listeners.count; i++) {
		int fd = listeners.all[i].fd;

		ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
		ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	}
}
END_TEST

/* --- wanted, and wanted no more --- */

/* A connection that is begun, and whether it was taken, as far as known. */
static int
begin_to_connect(uint16_t port)
{
	struct endpoint at;
	int fd;

	ck_assert_int_eq(endpoint_parse("127.0.0.1", port, &at), 0);
	fd = endpoint_connect(&at);
	ck_assert_int_ge(fd, 0);
	return fd;
}

static bool
is_connected(int fd)
{
	struct endpoint at = { .len = sizeof(at.addr) };

	return getpeername(fd, (struct sockaddr *)&at.addr, &at.len) == 0;
}

START_TEST(more_workers_get_more_sockets_and_fewer_keep_them)
{
	struct config_client client = both_kinds((char[]){ "127.0.0.1" });

	ck_assert_int_eq(want(&client, 1), 0);
	ck_assert_uint_eq(listeners.count, 2);
	ck_assert_int_eq(want(&client, 3), 0);
	ck_assert_uint_eq(listeners.count, 6);
	ck_assert_int_eq(want(&client, 2), 0);
	listeners_settle(&listeners, &client, 10);
	ck_assert_uint_eq(listeners.count, 6);
	ck_assert_double_infinite(listeners_due(&listeners));
}
END_TEST

START_TEST(what_is_wanted_no_more_takes_no_new_connection_and_is_due_later)
{
	struct config_client client = both_kinds((char[]){ "127.0.0.1" });
	struct listener gone;
	int before, after, fd;

	client.direct_active = false;
	ck_assert_int_eq(want(&client, 1), 0);
	before = begin_to_connect(client.plain_port);
	ck_assert_msg(is_connected(before),
	    "a client should be connected before the port goes");
	listeners_settle(&listeners, NULL, 10);
	after = begin_to_connect(client.plain_port);
	ck_assert_msg(!is_connected(after),
	    "no client should be connected when the port is going");
	ck_assert_double_eq(listeners_due(&listeners), 10 + LISTENERS_LEAVE_S);
	ck_assert_msg(!listeners_take_due(&listeners, 10.5, &gone),
	    "the socket should not be due within its time");
	ck_assert_msg(listeners_take_due(&listeners, 11, &gone),
	    "the socket should be due when its time is over");
	ck_assert_uint_eq(listeners.count, 0);
	fd = accept(gone.fd, NULL, NULL);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(accept(gone.fd, NULL, NULL), -1);
	close(fd);
	close(before);
	close(after);
	close(gone.fd);
}
END_TEST

START_TEST(what_is_wanted_again_in_time_is_the_same_socket)
{
	struct config_client client = both_kinds((char[]){ "127.0.0.1" });
	struct listener gone;
	int fd, id;

	client.direct_active = false;
	ck_assert_int_eq(want(&client, 1), 0);
	fd = listeners.all[0].fd;
	id = (int)listeners.all[0].id;
	listeners_settle(&listeners, NULL, 10);
	ck_assert_int_eq(want(&client, 1), 0);
	ck_assert_msg(!listeners_take_due(&listeners, 100, &gone),
	    "a socket that is wanted again should not be due");
	ck_assert_int_eq(listeners.all[0].fd, fd);
	ck_assert_int_eq((int)listeners.all[0].id, id);
	fd = begin_to_connect(client.plain_port);
	ck_assert_msg(is_connected(fd),
	    "a socket that is wanted again should take connections");
	close(fd);
}
END_TEST

START_TEST(what_cannot_be_had_changes_nothing)
{
	struct config_client client = both_kinds((char[]){ "127.0.0.1" });
	struct config_client next = client;
	struct listen_options options = { .backlog = 1 };
	struct endpoint at;
	struct listener gone;
	int taken;

	client.direct_active = false;
	ck_assert_int_eq(want(&client, 2), 0);
	listeners_settle(&listeners, NULL, 10);
	ck_assert_int_eq(endpoint_parse("127.0.0.1", next.direct_port, &at), 0);
	taken = endpoint_listen(&at, &options);
	ck_assert_int_ge(taken, 0);
	ck_assert_int_eq(want(&next, 4), -EADDRINUSE);
	ck_assert_uint_eq(listeners.count, 2);
	ck_assert_msg(listeners_take_due(&listeners, 11, &gone),
	    "what was due before the failure should still be due");
	close(gone.fd);
	close(taken);
}
END_TEST

/* A worker that is slow to close its own. */
START_TEST(a_port_that_a_worker_still_has_can_be_had_again)
{
	struct config_client client = both_kinds((char[]){ "127.0.0.1" });
	struct listener gone;
	int slow;

	client.direct_active = false;
	ck_assert_int_eq(want(&client, 1), 0);
	slow = dup(listeners.all[0].fd);
	listeners_settle(&listeners, NULL, 10);
	ck_assert_msg(listeners_take_due(&listeners, 11, &gone),
	    "the socket should be due when its time is over");
	close(gone.fd);
	ck_assert_int_eq(want(&client, 1), 0);
	ck_assert_uint_eq(listeners.count, 1);
	close(slow);
}
END_TEST

START_TEST(a_port_moves_to_all_addresses_while_it_is_still_ours_on_one)
{
	struct config_client client = both_kinds((char[]){ "127.0.0.1" });

	client.direct_active = false;
	ck_assert_int_eq(want(&client, 2), 0);
	client.interface = NULL;
	ck_assert_int_eq(want(&client, 2), 0);
	ck_assert_uint_eq(listeners.count, has_ipv6() ? 6 : 4);
	listeners_settle(&listeners, &client, 10);
	ck_assert_double_eq(listeners_due(&listeners), 10 + LISTENERS_LEAVE_S);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("listeners");
	TCase *tests = tcase_create("listeners");

	tcase_add_checked_fixture(tests, NULL, listeners_rig_end);
	tcase_add_test(tests, two_workers_have_each_kind_on_each_family);
	tcase_add_test(tests, an_address_given_is_the_only_one);
	tcase_add_test(tests, an_address_of_the_other_family_can_be_given);
	tcase_add_test(tests,
	    a_port_in_use_is_named_even_when_its_owner_would_share);
	tcase_add_test(tests, an_address_that_is_not_ours_is_named);
	tcase_add_test(tests,
	    without_ipv6_the_defaults_go_on_and_what_is_configured_does_not);
	tcase_add_test(tests,
	    all_that_are_open_close_themselves_at_exec_and_never_block);
	tcase_add_test(tests,
	    more_workers_get_more_sockets_and_fewer_keep_them);
	tcase_add_test(tests,
	    what_is_wanted_no_more_takes_no_new_connection_and_is_due_later);
	tcase_add_test(tests, what_is_wanted_again_in_time_is_the_same_socket);
	tcase_add_test(tests, what_cannot_be_had_changes_nothing);
	tcase_add_test(tests, a_port_that_a_worker_still_has_can_be_had_again);
	tcase_add_test(tests,
	    a_port_moves_to_all_addresses_while_it_is_still_ours_on_one);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
