/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a dead child leaves, and who gets it: its listeners, its place in the
 * region, and what a new upstream has to know.
 */
#include "tests/support/check/run_suite.h"
#include "tests/unit/master/children_rig.h"

#include "common/net/endpoint.h"
#include "master/worker_pool.h"

#include <check.h>
#include <signal.h>
#include <sys/socket.h>

static struct listener *
held_by(const struct child *child)
{
	unsigned i;

	for (i = 0; i < rig.resources.listeners.count; i++)
		if (rig.resources.listeners.all[i].holder == (int)child->number)
			return &rig.resources.listeners.all[i];
	ck_abort_msg("it holds none");
}

/* The first worker that is ready gets all listeners until the second is ready;
 * so of that second one it is known that it was lent nothing so far. */
START_TEST(a_dead_ones_listeners_are_lent_until_its_successor_is_ready)
{
	struct child *victim, *other;
	struct listener *listener;
	pid_t pid;

	rig_start_all();
	victim = rig.first_ready;
	other = &rig.children->workers[!victim->number];
	listener = held_by(victim);

	fake_ways.worker = FAKE_HANG;
	pid = other->pid;
	kill(victim->pid, SIGKILL);
	UNTIL(rig_received(pid, CHANNEL_LISTENER, 0, listener->id << 1) == 1);
	ck_assert_int_eq(listener->holder, (int)other->number);
	UNTIL(rig_births(CHILD_CLIENT) == 3);
	ck_assert_uint_eq(rig_received(pid, CHANNEL_LISTENER_DROP, 0,
			      listener->id),
	    0);

	fake_ways.worker = FAKE_SERVE;
	kill(victim->pid, SIGKILL); /* the successor that hangs */
	UNTIL(victim->policy.state == CHILD_WAITING);
	rig.skew_s = 2;
	rig_tend();
	UNTIL(victim->policy.state == CHILD_SERVING);
	ck_assert_int_eq(listener->holder, (int)victim->number);
	UNTIL(rig_received(pid, CHANNEL_LISTENER_DROP, 0, listener->id) == 1);
	ck_assert_uint_eq(rig_received(pid, CHANNEL_LISTENER, 0,
			      listener->id << 1),
	    1);
}
END_TEST

START_TEST(what_is_lent_is_the_very_socket)
{
	struct endpoint at = { .len = sizeof(at.addr) };
	struct listener *listener = &rig.resources.listeners.all[0];
	unsigned i, right = 0;

	rig_start_all();
	ck_assert_int_eq(getsockname(listener->fd, (struct sockaddr *)&at.addr,
			     &at.len),
	    0);
	UNTIL(rig_received(rig.children->workers[listener->holder].pid,
		  CHANNEL_LISTENER, 0, listener->id << 1) > 0);
	for (i = 0; i < rig.event_count; i++)
		if (rig.events[i].message.type == CHANNEL_LISTENER &&
		    rig.events[i].deed == FAKE_RECEIVED &&
		    rig.events[i].message.number == listener->id << 1)
			right += rig.events[i].port == endpoint_port(&at);
	ck_assert_uint_gt(right, 0);
}
END_TEST

START_TEST(when_the_holder_dies_too_what_it_held_is_served_by_the_next_ready)
{
	unsigned i;

	rig_start_all();
	fake_ways.worker = FAKE_HANG;
	kill(rig.children->workers[0].pid, SIGKILL);
	UNTIL(rig_births(CHILD_CLIENT) == 3);
	kill(rig.children->workers[1].pid, SIGKILL);
	UNTIL(rig_births(CHILD_CLIENT) == 4);
	for (i = 0; i < rig.resources.listeners.count; i++)
		ck_assert_int_eq(rig.resources.listeners.all[i].holder,
		    LISTENER_NOBODY);
	fake_ways.worker = FAKE_SERVE;
	kill(rig.children->workers[1].pid, SIGKILL);
	UNTIL(rig.children->workers[1].policy.state == CHILD_WAITING);
	rig.skew_s = 2;
	rig_tend();
	UNTIL(rig.children->workers[1].policy.state == CHILD_SERVING);
	for (i = 0; i < rig.resources.listeners.count; i++)
		ck_assert_int_eq(rig.resources.listeners.all[i].holder, 1);
}
END_TEST

START_TEST(a_new_upstream_is_told_who_lives_and_what_is_to_be_recovered)
{
	pid_t first, second;

	fake_ways.frees_partitions = false;
	rig_start_all();
	kill(rig.children->workers[0].pid, SIGKILL);
	UNTIL(rig_births(CHILD_CLIENT) == 3 &&
	      children_all_serve(rig.children));
	ck_assert_int_eq(partition_set_state(rig.children->partitions, 0),
	    PARTITION_RECOVERING);
	first = rig.children->upstream.pid;
	fake_ways.frees_partitions = true;
	kill(first, SIGKILL);
	UNTIL(rig_births(CHILD_UPSTREAM) == 2 &&
	      children_all_serve(rig.children));
	second = rig.children->upstream.pid;
	UNTIL(rig_received(second, CHANNEL_WORKER_JOINED, 0, 0) == 1 &&
	      rig_received(second, CHANNEL_WORKER_JOINED, 1, 0) == 1 &&
	      rig_received(second, CHANNEL_WORKER_JOINED, 2, 0) == 1 &&
	      rig_received(second, CHANNEL_BRIEFED, 0, 0) == 1);
	ck_assert_uint_eq(rig_received(second, CHANNEL_WORKER_GONE, 0, 0), 1);
	ck_assert_uint_eq(rig_received(second, CHANNEL_WORKER_GONE, 1, 0), 0);
	ck_assert_uint_eq(rig_received(second, CHANNEL_WORKER_GONE, 2, 0), 0);
	UNTIL(partition_set_state(rig.children->partitions, 0) ==
	      PARTITION_FREE);
}
END_TEST

START_TEST(without_a_free_place_a_worker_waits_until_one_is_free)
{
	unsigned deaths, i;

	fake_ways.frees_partitions = false;
	rig_start_all();
	for (deaths = 1; deaths <= RIG_PARTITIONS - 2; deaths++) {
		kill(rig.children->workers[0].pid, SIGKILL);
		UNTIL(rig_births(CHILD_CLIENT) == 2 + deaths &&
		      children_all_serve(rig.children));
	}
	kill(rig.children->workers[0].pid, SIGKILL);
	UNTIL(rig.children->workers[0].policy.state == CHILD_WAITING);
	rig.skew_s = 1000;
	rig_tend();
	ck_assert_int_eq(rig.children->workers[0].pid, 0);
	for (i = 0; i < rig.resources.listeners.count; i++)
		ck_assert_int_eq(rig.resources.listeners.all[i].holder, 1);
	worker_pool_on_partition_free(rig.children, 0);
	UNTIL(children_all_serve(rig.children));
	ck_assert_uint_eq(rig.children->workers[0].partition, 0);
	ck_assert_uint_eq(rig.children->workers[0].incarnation, 2);
	ck_assert_ptr_nonnull(held_by(&rig.children->workers[0]));
	ck_assert_ptr_nonnull(held_by(&rig.children->workers[1]));
}
END_TEST

static void
add_tests(TCase *tests)
{
	tcase_add_test(tests,
	    a_dead_ones_listeners_are_lent_until_its_successor_is_ready);
	tcase_add_test(tests, what_is_lent_is_the_very_socket);
	tcase_add_test(tests,
	    when_the_holder_dies_too_what_it_held_is_served_by_the_next_ready);
	tcase_add_test(tests,
	    a_new_upstream_is_told_who_lives_and_what_is_to_be_recovered);
	tcase_add_test(tests,
	    without_a_free_place_a_worker_waits_until_one_is_free);
}

int
main(void)
{
	Suite *suite = suite_create("children_listeners");
	TCase *tests = tcase_create("children_listeners");

	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, rig_setup, rig_teardown);
	add_tests(tests);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
