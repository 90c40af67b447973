/* SPDX-License-Identifier: Apache-2.0 */
/* Upstream's part in keeping the sockets of links: the master gets a duplicate
 * before anything passes, and what the process before has left is reset. */
#include "common/net/endpoint.h"
#include "common/net/fd.h"
#include "common/process/heritage.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/net/loopback.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/upstream/link/link.h"
#include "worker/upstream/recovery/link_resume.h"

#include <check.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

static struct channel *master; /* the test plays it */
static struct link *link_under_test;
static int server, ours; /* ends of one connection */

static void
setup(void)
{
	int ends[2];

	begin_upstream();
	loopback_pair("127.0.0.1", ends);
	ours = ends[0];
	server = ends[1];
	master = begin_supervision();
	link_under_test = &up.links[2];
}

static void
teardown(void)
{
	finish_upstream();
	channel_free(&master);
	fd_close(&server);
}

/* What the master gets next. */
static struct channel_message
receive(void)
{
	struct channel_message message;

	wait_for(channel_fd(master), POLLIN);
	ck_assert_int_eq(channel_receive(master, &message), 1);
	return message;
}

/* The link is connecting; its socket is writable. */
static void
connect_link(void)
{
	link_under_test->state = LINK_CONNECTING;
	link_under_test->attempt = 7;
	link_open(link_under_test, ours);
	ev_run(ground.loop, EVRUN_ONCE);
}

static void
answer(uint32_t link, uint32_t attempt, uint64_t cookie)
{
	const struct channel_message held = { .type = CHANNEL_LINK_HELD,
		.link = link,
		.attempt = attempt,
		.cookie = cookie,
		.fd = -1 };

	links_take_held(&up, &held);
}

START_TEST(a_link_begins_when_the_master_holds_its_socket)
{
	struct channel_message given;
	uint64_t cookie;

	connect_link();
	given = receive();
	ck_assert_int_eq(given.type, CHANNEL_LINK_SOCKET);
	ck_assert_uint_eq(given.link, 2);
	ck_assert_uint_eq(given.attempt, 7);
	ck_assert_int_eq(endpoint_cookie(given.fd, &cookie), 0);
	ck_assert_uint_eq(given.cookie, cookie);
	answer(2, 6, cookie);
	answer(2, 7, cookie + 1);
	answer(3, 7, cookie);
	answer(FIXTURE_LINKS, 7, cookie);
	ck_assert_int_eq(link_under_test->state, LINK_CONNECTING);
	answer(2, 7, cookie);
	ck_assert_int_eq(link_under_test->state, LINK_OPENING);
	close(given.fd);
}
END_TEST

START_TEST(without_counters_it_begins_at_once_and_the_master_has_nothing)
{
	struct channel_message given;

	up.gives_sockets = false;
	connect_link();
	ck_assert_int_eq(link_under_test->state, LINK_OPENING);
	link_close(link_under_test);
	ck_assert_int_eq(channel_receive(master, &given), 0);
}
END_TEST

/* Its duplicate keeps the server from seeing an end that is only a close. */
START_TEST(a_link_that_closes_ends_in_order_and_is_dropped)
{
	struct channel_message given, over;
	char byte;

	connect_link();
	given = receive();
	link_close(link_under_test);
	wait_for(server, POLLIN);
	ck_assert_int_eq(recv(server, &byte, 1, 0), 0);
	over = receive();
	ck_assert_int_eq(over.type, CHANNEL_LINK_OVER);
	ck_assert_uint_eq(over.link, 2);
	ck_assert_uint_eq(over.attempt, 7);
	ck_assert_uint_eq(over.cookie, given.cookie);
	answer(2, 7, given.cookie); /* too late */
	ck_assert_int_eq(link_under_test->state, LINK_CONNECTING);
	/* Nobody takes what comes behind, though the master has it still. */
	ck_assert_int_eq(send(server, "abc", 3, MSG_NOSIGNAL), 3);
	wait_for(server, POLLHUP);
	ck_assert_int_eq(send(server, "abc", 3, MSG_NOSIGNAL), -1);
	close(given.fd);
}
END_TEST

START_TEST(where_the_master_cannot_be_sent_it_the_link_fails)
{
	ev_io_stop(ground.loop,
	    &ground.supervised.read_io); /* which would stop us */
	channel_free(&master);
	connect_link();
	ck_assert_msg(link_under_test->lost,
	    "a link without a duplicate should end");
	ck_assert_uint_eq(link_under_test->cookie, 0);
}
END_TEST

START_TEST(what_the_process_before_has_left_and_does_not_go_on_is_reset)
{
	struct heritage_link left[4] = { { -1, 0, 0 }, { -1, 0, 0 },
		{ -1, 0, 0 }, { .fd = ours, .attempt = 9, .cookie = 5 } };
	struct channel_message over;
	int duplicate = dup(ours); /* the master's */
	char bytes[3];

	ck_assert_int_eq(send(ours, "abc", 3, 0), 3);
	wait_for(server, POLLIN);
	ck_assert_int_eq(recv(server, bytes, 3, 0), 3);
	up.heritage->links = left;
	up.heritage->link_count = ARRAY_LEN(left);
	ck_assert_msg(!links_take_over(&up), "nothing is known of it");
	links_drop_inherited(&up);
	wait_for(server, POLLIN);
	ck_assert_int_eq(recv(server, bytes, 1, 0), -1);
	ck_assert_int_eq(errno, ECONNRESET);
	over = receive();
	ck_assert_int_eq(over.type, CHANNEL_LINK_OVER);
	ck_assert_uint_eq(over.link, 3);
	ck_assert_uint_eq(over.attempt, 9);
	ck_assert_uint_eq(over.cookie, 5);
	ck_assert_int_eq(channel_receive(master, &over), 0);
	close(duplicate);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("link_socket");
	TCase *tcase = tcase_create("link_socket");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_link_begins_when_the_master_holds_its_socket);
	tcase_add_test(tcase,
	    without_counters_it_begins_at_once_and_the_master_has_nothing);
	tcase_add_test(tcase, a_link_that_closes_ends_in_order_and_is_dropped);
	tcase_add_test(tcase,
	    where_the_master_cannot_be_sent_it_the_link_fails);
	tcase_add_test(tcase,
	    what_the_process_before_has_left_and_does_not_go_on_is_reset);
	return run_suite(suite);
}
