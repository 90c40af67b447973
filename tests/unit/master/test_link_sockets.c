/* SPDX-License-Identifier: Apache-2.0 */
/* What the master holds of links: given to it, dropped, given to the next
 * upstream process, or ended when there is none. */
#include "common/net/endpoint.h"
#include "common/net/fd.h"
#include "master/link_sockets.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/net/loopback.h"
#include "tests/unit/master/children_rig.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

/* A link's connection: the test plays upstream and the server. */
struct connection {
	int ours, server;
	uint64_t cookie;
};

static struct connection first, second;

static void
connect_one(struct connection *connection)
{
	int ends[2];

	loopback_pair("127.0.0.1", ends);
	connection->ours = ends[0];
	connection->server = ends[1];
	ck_assert_int_eq(endpoint_cookie(connection->ours, &connection->cookie),
	    0);
}

/* Upstream's own descriptor goes with its process. */
static struct channel_message
message_of(const struct connection *connection, uint32_t link, uint32_t attempt)
{
	return (struct channel_message){
		.type = CHANNEL_LINK_SOCKET,
		.link = link,
		.attempt = attempt,
		.cookie = connection->cookie,
		.fd = dup(connection->ours),
	};
}

static bool
is_open(const struct connection *connection)
{
	char byte;

	return recv(connection->server, &byte, 1, MSG_DONTWAIT) < 0 &&
	       errno == EAGAIN;
}

/* What the server reads at the end: 0 or an errno. */
static int
end_of(const struct connection *connection)
{
	char byte;

	wait_for(connection->server, POLLIN);
	return recv(connection->server, &byte, 1, 0) < 0 ? errno : 0;
}

static void
setup(void)
{
	connect_one(&first);
	connect_one(&second);
}

static void
teardown(void)
{
	fd_close(&first.ours);
	fd_close(&first.server);
	fd_close(&second.ours);
	fd_close(&second.server);
}

/* --- what is held --- */

static struct link_sockets links;

static void
hold(const struct connection *connection, uint32_t link, uint32_t attempt)
{
	struct channel_message message = message_of(connection, link, attempt);

	ck_assert_int_eq(link_sockets_hold(&links, &message), 0);
	ck_assert_int_eq(message.fd, -1);
}

static void
setup_links(void)
{
	setup();
	link_sockets_init(&links);
}

static void
teardown_links(void)
{
	link_sockets_reset(&links);
	teardown();
}

START_TEST(what_is_held_stays_open_until_it_is_dropped)
{
	struct channel_message over = message_of(&first, 5, 7);

	fd_close(&over.fd);
	hold(&first, 5, 7);
	fd_close(&first.ours);
	ck_assert_msg(is_open(&first), "a connection that is held should live");
	link_sockets_drop(&links, &over);
	ck_assert_int_eq(links.held[5].fd, -1);
	ck_assert_int_eq(end_of(&first), 0);
}
END_TEST

START_TEST(word_of_another_connection_drops_nothing)
{
	struct channel_message over = message_of(&first, 5, 7);

	fd_close(&over.fd);
	hold(&first, 5, 7);
	over.attempt = 8;
	link_sockets_drop(&links, &over);
	over.attempt = 7;
	over.cookie++;
	link_sockets_drop(&links, &over);
	over.cookie--;
	over.link = 4;
	link_sockets_drop(&links, &over);
	over.link = LINKS_MAX;
	link_sockets_drop(&links, &over);
	ck_assert_int_ge(links.held[5].fd, 0);
}
END_TEST

START_TEST(the_next_connection_of_a_link_resets_the_one_before)
{
	hold(&first, 0, 1);
	hold(&second, 0, 2);
	ck_assert_int_eq(end_of(&first), ECONNRESET);
	ck_assert_uint_eq(links.held[0].cookie, second.cookie);
	ck_assert_msg(is_open(&second), "the new one should live");
}
END_TEST

START_TEST(all_are_ended_in_order_or_reset)
{
	hold(&first, 0, 1);
	link_sockets_end(&links);
	ck_assert_int_eq(end_of(&first), 0); /* though ours is still open */
	hold(&second, 15, 1);
	link_sockets_reset(&links);
	ck_assert_int_eq(end_of(&second), ECONNRESET);
}
END_TEST

START_TEST(what_is_no_connection_of_a_link_is_refused_and_closed)
{
	struct channel_message message = message_of(&first, LINKS_MAX, 1);
	int pair[2], given;

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	given = message.fd;
	ck_assert_int_eq(link_sockets_hold(&links, &message), -EINVAL);
	ck_assert_int_eq(message.fd, -1);
	ck_assert_int_eq(fcntl(given, F_GETFD), -1);
	message = message_of(&first, 0, 1);
	message.cookie = second.cookie;
	ck_assert_int_eq(link_sockets_hold(&links, &message), -EINVAL);
	message = message_of(&first, 0, 1);
	fd_close(&message.fd);
	ck_assert_int_lt(link_sockets_hold(&links, &message), 0);
	message.is_fd_lost = true;
	ck_assert_int_eq(link_sockets_hold(&links, &message), -EMFILE);
	message = message_of(&first, 0, 1);
	fd_close(&message.fd);
	message.fd = pair[0];
	ck_assert_int_eq(link_sockets_hold(&links, &message), -ESOCKTNOSUPPORT);
	ck_assert_int_eq(links.held[0].fd, -1);
	close(pair[1]);
}
END_TEST

/* --- from one upstream process to the next --- */

static struct channel *own; /* the process's, on which it lives on */
static struct channel *said;

static void
setup_children(void)
{
	setup();
	rig_setup();
}

static void
teardown_children(void)
{
	channel_free(&said);
	rig_teardown();
	channel_free(&own);
	teardown();
}

/* Its end of the channel is played by the test from now on. */
static void
speak_for_upstream(void)
{
	struct child *upstream = &rig.children->upstream;
	int ends[2];

	rig_start_all();
	ev_io_stop(rig.loop, &upstream->read_io);
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	said = channel_new(ends[1]);
	own = upstream->channel;
	upstream->channel = channel_new(ends[0]);
}

static void
give(const struct connection *connection, uint32_t link, uint32_t attempt)
{
	struct channel_message message = message_of(connection, link, attempt);

	ck_assert_int_eq(channel_send(said, &message), 0);
	fd_close(&message.fd);
}

static void
turn(void)
{
	ev_feed_event(rig.loop, &rig.children->upstream.read_io, EV_READ);
	ev_invoke_pending(rig.loop);
}

/* How many upstream processes were born with it. */
static unsigned
heirs(const struct connection *connection, uint32_t link, uint32_t attempt)
{
	unsigned count = 0;

	for (unsigned i = 0; i < rig.event_count; i++)
		count += rig.events[i].deed == FAKE_INHERITED &&
			 rig.events[i].message.link == link &&
			 rig.events[i].message.attempt == attempt &&
			 rig.events[i].message.cookie == connection->cookie;
	return count;
}

START_TEST(what_is_held_is_acknowledged)
{
	struct channel_message answer;

	speak_for_upstream();
	give(&first, 3, 9);
	turn();
	ck_assert_int_eq(channel_receive(said, &answer), 1);
	ck_assert_int_eq(answer.type, CHANNEL_LINK_HELD);
	ck_assert_uint_eq(answer.link, 3);
	ck_assert_uint_eq(answer.attempt, 9);
	ck_assert_uint_eq(answer.cookie, first.cookie);
	ck_assert_int_eq(answer.fd, -1);
}
END_TEST

/* The second is still on its way when the process dies. */
START_TEST(a_successor_has_all_that_the_dead_one_sent)
{
	speak_for_upstream();
	give(&first, 0, 9);
	turn();
	give(&second, 1, 2);
	kill(rig.children->upstream.pid, SIGKILL);
	fd_close(&first.ours);
	fd_close(&second.ours);
	UNTIL(rig_births(CHILD_UPSTREAM) == 2);
	ck_assert_uint_eq(heirs(&first, 0, 9), 1);
	ck_assert_uint_eq(heirs(&second, 1, 2), 1);
	ck_assert_msg(is_open(&first) && is_open(&second),
	    "the connections should survive the process");
	/* And so on, until one says that it is over. */
	UNTIL(children_all_serve(rig.children));
	kill(rig.children->upstream.pid, SIGKILL);
	UNTIL(rig_births(CHILD_UPSTREAM) == 3);
	ck_assert_uint_eq(heirs(&first, 0, 9), 2);
}
END_TEST

START_TEST(what_is_over_is_not_inherited)
{
	struct channel_message over = message_of(&first, 0, 9);

	fd_close(&over.fd);
	over.type = CHANNEL_LINK_OVER;
	over.fd = -1;
	speak_for_upstream();
	give(&first, 0, 9);
	give(&second, 1, 2);
	ck_assert_int_eq(channel_send(said, &over), 0);
	kill(rig.children->upstream.pid, SIGKILL);
	UNTIL(rig_births(CHILD_UPSTREAM) == 2);
	ck_assert_uint_eq(heirs(&first, 0, 9), 0);
	ck_assert_uint_eq(heirs(&second, 1, 2), 1);
}
END_TEST

START_TEST(where_the_successor_waits_long_the_connections_are_reset)
{
	speak_for_upstream();
	give(&first, 0, 9);
	turn();
	rig.children->upstream.policy.backoff_s = 30;
	fake_ways.upstream = FAKE_DIE_EARLY;
	kill(rig.children->upstream.pid, SIGKILL);
	UNTIL(rig_births(CHILD_UPSTREAM) == 2 &&
	      rig.children->upstream.policy.state == CHILD_WAITING);
	ck_assert_uint_eq(heirs(&first, 0, 9), 1);
	ck_assert_int_eq(end_of(&first), ECONNRESET);
}
END_TEST

START_TEST(one_that_ends_in_order_leaves_an_end_in_order)
{
	speak_for_upstream();
	give(&first, 0, 9);
	turn();
	channel_free(&rig.children->upstream.channel);
	rig.children->upstream.channel = own;
	own = NULL;
	children_stop(rig.children, CHILD_UPSTREAM, rig_now(), 1000);
	UNTIL(children_alive(rig.children, CHILD_UPSTREAM) == 0);
	ck_assert_int_eq(end_of(&first), 0);
}
END_TEST

START_TEST(one_that_is_killed_at_the_stop_leaves_a_reset)
{
	speak_for_upstream();
	give(&first, 0, 9);
	turn();
	children_stop(rig.children, CHILD_UPSTREAM, rig_now(), 1000);
	kill(rig.children->upstream.pid, SIGKILL);
	UNTIL(children_alive(rig.children, CHILD_UPSTREAM) == 0);
	ck_assert_int_eq(end_of(&first), ECONNRESET);
}
END_TEST

/* Only upstream has links. */
START_TEST(a_workers_descriptor_is_not_held)
{
	struct channel_message message = message_of(&first, 0, 1);
	struct child *worker = &rig.children->workers[0];
	int ends[2];

	rig_start_all();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	said = channel_new(ends[1]);
	own = worker->channel;
	ev_io_stop(rig.loop, &worker->read_io);
	worker->channel = channel_new(ends[0]);
	ck_assert_int_eq(channel_send(said, &message), 0);
	fd_close(&message.fd);
	fd_close(&first.ours);
	ev_feed_event(rig.loop, &worker->read_io, EV_READ);
	ev_invoke_pending(rig.loop);
	ck_assert_int_eq(rig.children->links.held[0].fd, -1);
	ck_assert_int_eq(end_of(&first), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("link sockets");
	TCase *held = tcase_create("held");
	TCase *passed = tcase_create("passed on");

	tcase_add_checked_fixture(held, setup_links, teardown_links);
	tcase_add_test(held, what_is_held_stays_open_until_it_is_dropped);
	tcase_add_test(held, word_of_another_connection_drops_nothing);
	tcase_add_test(held,
	    the_next_connection_of_a_link_resets_the_one_before);
	tcase_add_test(held, all_are_ended_in_order_or_reset);
	tcase_add_test(held,
	    what_is_no_connection_of_a_link_is_refused_and_closed);
	tcase_add_checked_fixture(passed, setup_children, teardown_children);
	tcase_set_timeout(passed, 30);
	tcase_add_test(passed, what_is_held_is_acknowledged);
	tcase_add_test(passed, a_successor_has_all_that_the_dead_one_sent);
	tcase_add_test(passed, what_is_over_is_not_inherited);
	tcase_add_test(passed,
	    where_the_successor_waits_long_the_connections_are_reset);
	tcase_add_test(passed, one_that_ends_in_order_leaves_an_end_in_order);
	tcase_add_test(passed, one_that_is_killed_at_the_stop_leaves_a_reset);
	tcase_add_test(passed, a_workers_descriptor_is_not_held);
	suite_add_tcase(suite, held);
	suite_add_tcase(suite, passed);
	return run_suite(suite);
}
