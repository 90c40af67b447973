/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The master's listening sockets: which there are, who accepts on them, and
 * what an operator is told when one cannot be had.
 */
#include "common/net/endpoint.h"
#include "common/process/config.h"
#include "master/listeners.h"

#include <arpa/inet.h>
#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static struct listeners listeners;
static char said[4096];

static void
teardown(void)
{
	listeners_close(&listeners);
	ck_assert_uint_eq(listeners.count, 0);
}

static uint16_t
port_of(int fd)
{
	struct endpoint at = { .len = sizeof(at.addr) };

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at.addr, &at.len),
	    0);
	return endpoint_port(&at);
}

static int
family_of(int fd)
{
	struct sockaddr_storage at;
	socklen_t len = sizeof(at);

	ck_assert_int_eq(getsockname(fd, (struct sockaddr *)&at, &len), 0);
	return at.ss_family;
}

/* A port that was free a moment ago, on all addresses of both families. */
static uint16_t
free_port(void)
{
	struct listen_options options = { .backlog = 1 };
	struct endpoint at;
	uint16_t port;
	int fd;

	ck_assert_int_eq(endpoint_parse("0.0.0.0", 0, &at), 0);
	fd = endpoint_listen(&at, &options);
	ck_assert_int_ge(fd, 0);
	port = port_of(fd);
	close(fd);
	return port;
}

static struct config_client
both_kinds(char *interface)
{
	return (struct config_client){ .plain_active = true,
		.plain_port = free_port(),
		.direct_active = true,
		.direct_port = free_port(),
		.interface = interface,
		.backlog = 5,
		.receive_buffer = -1,
		.send_buffer = -1 };
}

/* As listeners_open(), with what it logs in `said`. */
static int
open_and_hear(const struct config_client *client, unsigned posts)
{
	FILE *file = tmpfile();
	int before = dup(STDERR_FILENO), error;
	size_t len;

	ck_assert_ptr_nonnull(file);
	ck_assert_int_ge(dup2(fileno(file), STDERR_FILENO), 0);
	error = listeners_open(&listeners, client, posts);
	(void)fflush(stderr);
	ck_assert_int_ge(dup2(before, STDERR_FILENO), 0);
	close(before);
	rewind(file);
	len = fread(said, 1, sizeof(said) - 1, file);
	said[len] = '\0';
	(void)fclose(file);
	return error;
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

START_TEST(two_posts_have_each_kind_on_each_family)
{
	struct config_client client = both_kinds(NULL);
	unsigned families = has_ipv6() ? 2 : 1, seen[2][2][2] = { 0 }, i;

	ck_assert_int_eq(listeners_open(&listeners, &client, 2), 0);
	ck_assert_uint_eq(listeners.count, 2 * 2 * families);
	for (i = 0; i < listeners.count; i++) {
		struct listener *at = &listeners.all[i];

		ck_assert_uint_eq(at->id, i);
		ck_assert_int_eq(at->holder, LISTENER_NOBODY);
		ck_assert_uint_eq(port_of(at->fd),
		    at->direct_tls ? client.direct_port : client.plain_port);
		seen[at->home][at->direct_tls][family_of(at->fd) == AF_INET6]++;
	}
	for (i = 0; i < 8; i++)
		ck_assert_uint_eq(seen[i / 4][i / 2 % 2][i % 2],
		    i % 2 < families ? 1 : 0);
}
END_TEST

START_TEST(an_address_given_is_the_only_one)
{
	struct config_client client = both_kinds((char[]){ "127.0.0.1" });
	struct sockaddr_in at;
	socklen_t len = sizeof(at);
	unsigned i;

	client.direct_active = false;
	ck_assert_int_eq(listeners_open(&listeners, &client, 3), 0);
	ck_assert_uint_eq(listeners.count, 3);
	for (i = 0; i < 3; i++) {
		ck_assert_int_eq(getsockname(listeners.all[i].fd,
				     (struct sockaddr *)&at, &len),
		    0);
		ck_assert_uint_eq(at.sin_family, AF_INET);
		ck_assert_uint_eq(ntohl(at.sin_addr.s_addr), INADDR_LOOPBACK);
		ck_assert_uint_eq(listeners.all[i].home, i);
		ck_assert(!listeners.all[i].direct_tls);
	}
}
END_TEST

START_TEST(an_address_of_the_other_family_can_be_given)
{
	struct config_client client = both_kinds((char[]){ "::1" });

	if (!has_ipv6())
		return;
	ck_assert_int_eq(listeners_open(&listeners, &client, 1), 0);
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
	ck_assert_int_eq(open_and_hear(&client, 2), -EADDRINUSE);
	snprintf(address, sizeof(address), "address=127.0.0.1:%u ",
	    client.direct_port);
	ck_assert_msg(strstr(said, address) && strstr(said, "in use"),
	    "said: %s", said);
	ck_assert_ptr_eq(strchr(said, '\n'), strrchr(said, '\n'));
	ck_assert_uint_eq(listeners.count, 0);
	close(taken);
}
END_TEST

START_TEST(an_address_that_is_not_ours_is_named)
{
	struct config_client client = both_kinds((char[]){ "192.0.2.1" });

	ck_assert_int_eq(open_and_hear(&client, 2), -EADDRNOTAVAIL);
	ck_assert_msg(strstr(said, "192.0.2.1:") != NULL, "said: %s", said);
}
END_TEST

START_TEST(all_that_are_open_close_themselves_at_exec_and_never_block)
{
	struct config_client client = both_kinds(NULL);
	unsigned i;

	ck_assert_int_eq(listeners_open(&listeners, &client, 2), 0);
	for (i = 0; i < listeners.count; i++) {
		int fd = listeners.all[i].fd;

		ck_assert_int_ne(fcntl(fd, F_GETFD) & FD_CLOEXEC, 0);
		ck_assert_int_ne(fcntl(fd, F_GETFL) & O_NONBLOCK, 0);
	}
}
END_TEST

START_TEST(what_a_dead_one_held_is_an_orphan_lent_or_its_own)
{
	struct config_client client = both_kinds((char[]){ "127.0.0.1" });
	unsigned i;

	ck_assert_int_eq(listeners_open(&listeners, &client, 3), 0);
	for (i = 0; i < listeners.count; i++)
		listeners.all[i].holder = (int)listeners.all[i].home;
	ck_assert_ptr_null(listeners_orphan(&listeners));
	listeners.all[0].holder = 1; /* lent to 1 */
	listeners_drop_holder(&listeners, 1);
	for (i = 0; i < listeners.count; i++)
		ck_assert_int_eq(listeners.all[i].holder,
		    i == 0 || listeners.all[i].home == 1
			? LISTENER_NOBODY
			: (int)listeners.all[i].home);
	ck_assert_ptr_eq(listeners_orphan(&listeners), &listeners.all[0]);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("listeners");
	TCase *tests = tcase_create("listeners");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tests, NULL, teardown);
	tcase_add_test(tests, two_posts_have_each_kind_on_each_family);
	tcase_add_test(tests, an_address_given_is_the_only_one);
	tcase_add_test(tests, an_address_of_the_other_family_can_be_given);
	tcase_add_test(tests,
	    a_port_in_use_is_named_even_when_its_owner_would_share);
	tcase_add_test(tests, an_address_that_is_not_ours_is_named);
	tcase_add_test(tests,
	    all_that_are_open_close_themselves_at_exec_and_never_block);
	tcase_add_test(tests,
	    what_a_dead_one_held_is_an_orphan_lent_or_its_own);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
