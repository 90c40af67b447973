/* SPDX-License-Identifier: Apache-2.0 */
/* The process that is to be the next upstream: kept while upstream serves, and
 * told what is left when its turn has come. */
#include "master/messages.h"
#include "master/standby.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/master/children_rig.h"

#include <check.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static int held = -1;

static void
setup(void)
{
	rig_setup();
	rig.children->setup.mains.standby = fake_child_main;
}

static struct child *
standby(void)
{
	return &rig.children->standby;
}

static bool
stands_by(void)
{
	return standby()->policy.state == CHILD_SERVING;
}

static void
start(void)
{
	rig_start_all();
	rig_tend();
	rig.skew_s += 1;
	rig_tend();
	UNTIL(stands_by());
}

START_TEST(one_is_kept_while_upstream_serves)
{
	start();
	ck_assert_uint_eq(children_alive(rig.children, CHILD_UPSTREAM), 2);
	ck_assert_msg(children_have(rig.children, standby()->pid),
	    "the process should be known as our child");
	ck_assert_uint_eq(rig_received(standby()->pid, CHANNEL_BRIEFED, 0, 0),
	    0);
}
END_TEST

START_TEST(it_takes_the_place_of_one_that_dies_and_is_told_all_that_is_left)
{
	struct heritage_link *link = &rig.children->links.held[3];
	uint32_t incarnation;
	pid_t pid;

	start();
	held = socket(AF_INET, SOCK_STREAM, 0);
	*link = (struct heritage_link){ .fd = held, .attempt = 7, .cookie = 9 };
	pid = standby()->pid;
	incarnation = rig.children->upstream.incarnation;
	kill(rig.children->upstream.pid, SIGKILL);
	UNTIL(rig.children->upstream.pid == pid);
	ck_assert_uint_gt(rig.children->upstream.incarnation, incarnation);
	UNTIL(rig_received(pid, CHANNEL_BRIEFED, 0, 0) == 1);
	ck_assert_uint_eq(rig_received(pid, CHANNEL_TAKE_PLACE, 0, 0), 1);
	ck_assert_uint_eq(rig_received(pid, CHANNEL_LINK_LEFT, 3, 9), 1);
	ck_assert_uint_eq(rig_births(CHILD_UPSTREAM), 2);
	ck_assert_uint_eq(standby()->pid, 0);
}
END_TEST

START_TEST(one_that_dies_is_replaced_and_upstream_is_not_concerned)
{
	pid_t upstream, pid;

	start();
	upstream = rig.children->upstream.pid;
	pid = standby()->pid;
	kill(pid, SIGKILL);
	UNTIL(stands_by() && standby()->pid != pid);
	ck_assert_int_eq(rig.children->upstream.pid, upstream);
}
END_TEST

START_TEST(when_both_die_upstream_is_forked)
{
	pid_t upstream, pid;

	start();
	rig.skew_s = 0;
	upstream = rig.children->upstream.pid;
	pid = standby()->pid;
	kill(pid, SIGKILL);
	kill(upstream, SIGKILL);
	UNTIL(rig.children->upstream.pid &&
	      rig.children->upstream.pid != upstream &&
	      rig.children->upstream.policy.state == CHILD_SERVING);
	ck_assert_int_ne(rig.children->upstream.pid, pid);
}
END_TEST

START_TEST(one_that_was_not_ready_in_time_for_it_never_takes_the_place)
{
	pid_t upstream, late;

	rig_start_all();
	fake_ways.upstream = FAKE_HANG;
	rig_tend();
	rig.skew_s += 1;
	rig_tend();
	UNTIL(standby()->pid != 0);
	late = standby()->pid;
	upstream = rig.children->upstream.pid;
	fake_ways.upstream = FAKE_SERVE;
	kill(upstream, SIGKILL);
	UNTIL(rig.children->upstream.pid &&
	      rig.children->upstream.pid != upstream);
	ck_assert_int_ne(rig.children->upstream.pid, late);
	ck_assert_int_eq(standby()->policy.state, CHILD_STOPPING);
	kill(late, SIGKILL);
	UNTIL(standby()->pid == 0);
}
END_TEST

START_TEST(a_new_configuration_is_for_a_new_one)
{
	pid_t pid;

	start();
	pid = standby()->pid;
	standby_renew(rig.children, rig_now());
	UNTIL(standby()->pid == 0);
	rig_tend();
	rig.skew_s += 1;
	rig_tend();
	UNTIL(stands_by());
	ck_assert_int_ne(standby()->pid, pid);
}
END_TEST

START_TEST(it_is_stopped_with_upstream_and_not_replaced)
{
	start();
	children_stop(rig.children, CHILD_UPSTREAM, rig_now(), 1000);
	UNTIL(children_alive(rig.children, CHILD_UPSTREAM) == 0);
	rig_tend();
	rig.skew_s += 1;
	rig_tend();
	ck_assert_uint_eq(rig_births(CHILD_UPSTREAM), 2);
}
END_TEST

START_TEST(what_it_says_before_its_turn_concerns_nobody)
{
	struct channel_message socket_of_a_link = { .type =
							CHANNEL_LINK_SOCKET };
	struct channel *own, *said;
	int ends[2];

	start();
	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	said = channel_new(ends[1]);
	own = standby()->channel;
	standby()->channel = channel_new(ends[0]);
	socket_of_a_link.fd = ends[1];
	ck_assert_int_eq(channel_send(said, &socket_of_a_link), 0);
	messages_receive_last(standby());
	for (unsigned i = 0; i < LINKS_MAX; i++)
		ck_assert_int_eq(rig.children->links.held[i].fd, -1);
	channel_free(&standby()->channel);
	standby()->channel = own;
	channel_free(&said);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("standby");
	TCase *tcase = tcase_create("standby");

	tcase_add_checked_fixture(tcase, setup, rig_teardown);
	tcase_add_test(tcase, one_is_kept_while_upstream_serves);
	tcase_add_test(tcase,
	    it_takes_the_place_of_one_that_dies_and_is_told_all_that_is_left);
	tcase_add_test(tcase,
	    one_that_dies_is_replaced_and_upstream_is_not_concerned);
	tcase_add_test(tcase, when_both_die_upstream_is_forked);
	tcase_add_test(tcase,
	    one_that_was_not_ready_in_time_for_it_never_takes_the_place);
	tcase_add_test(tcase, a_new_configuration_is_for_a_new_one);
	tcase_add_test(tcase, it_is_stopped_with_upstream_and_not_replaced);
	tcase_add_test(tcase, what_it_says_before_its_turn_concerns_nobody);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
