/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children that die, hang, fall silent or say nonsense, and what the master
 * does about it. No timer runs here: what happens without one happens at once,
 * and waits are over when the test says so.
 */
#include "common/net/endpoint.h"
#include "common/process/config.h"
#include "common/shm/ledger.h"
#include "common/shm/region.h"
#include "master/child.h"
#include "master/signals.h"
#include "master/steady_clock.h"
#include "tests/unit/master/fake_child.h"

#include <check.h>
#include <fcntl.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define INDICES    4u
#define EVENTS_MAX 1024u

static struct config config;
static struct estate estate;
static struct children *children;
static struct signals signals;
static struct ev_loop *loop;
static ev_io events_io;
static ev_timer watchdog;
static double skew_s; /* how far the test is ahead of the clock */
static struct fake_event events[EVENTS_MAX];
static unsigned event_count;
static struct child *first_ready; /* of the workers */

static double
now(void)
{
	return steady_clock_s() + skew_s;
}

static void
on_change(void *context)
{
	unsigned i;

	(void)context;
	for (i = 0; i < 2 && !first_ready; i++)
		if (children->workers[i].post.state == POST_SERVING)
			first_ready = &children->workers[i];
	(void)children_tend(children, now());
}

static void
on_signal(void *context, enum signal_event event, const char *name)
{
	(void)context;
	(void)name;
	if (event == SIGNAL_CHILD)
		children_reap(children, now());
}

static void
on_event(struct ev_loop *l, ev_io *io, int revents)
{
	(void)l;
	(void)revents;
	ck_assert_uint_lt(event_count, EVENTS_MAX);
	while (event_count < EVENTS_MAX &&
	       read(io->fd, &events[event_count], sizeof(events[0])) ==
		   sizeof(events[0]))
		event_count++;
}

static void
on_watchdog(struct ev_loop *l, ev_timer *timer, int revents)
{
	(void)l;
	(void)timer;
	(void)revents;
	ck_abort_msg("it never came");
}

/* Lets the world turn until this holds. */
#define UNTIL(condition) \
	do { \
		while (!(condition)) \
			ev_run(loop, EVRUN_ONCE); \
	} while (0)

static void
open_estate(void)
{
	static char interface[] = "127.0.0.1";
	const struct region_geometry geometry = {
		.index_count = INDICES,
		.slots_per_index = 16,
		.up_ring_bytes = 65536,
		.down_ring_bytes = 65536,
		.own_ring_bytes = 65536,
		.ctl_ring_bytes = 65536,
		.queue_bytes = 65536,
		.arena_bytes = 65536,
		.receive_bytes = 65536,
		.sealed_bytes = 65536,
	};

	config = (struct config){ .worker_count = 2, .ready_timeout_s = 10 };
	config.client = (struct config_client){
		.plain_active = true, .interface = interface, .backlog = 5
	};
	estate = (struct estate){
		.config = &config, .upstream_bell = -1, .index_count = INDICES
	};
	ck_assert_int_eq(region_create(&geometry, &estate.region), 0);
	estate.ledger = ledger_new_volatile("cm", INDICES * 16);
	ck_assert_int_eq(listeners_open(&estate.listeners, &config.client, 2),
	    0);
}

static void
setup(void)
{
	loop = ev_loop_new(EVFLAG_NOENV);
	open_estate();
	event_count = 0;
	first_ready = NULL;
	skew_s = 0;
	fake_ways = (struct fake_ways){ .frees_indices = true };
	ck_assert_int_eq(pipe2(fake_events, O_CLOEXEC), 0);
	ck_assert_int_eq(fcntl(fake_events[0], F_SETFL, O_NONBLOCK), 0);
	ev_io_init(&events_io, on_event, fake_events[0], EV_READ);
	ev_io_start(loop, &events_io);
	ev_timer_init(&watchdog, on_watchdog, 20., 0.);
	ev_timer_start(loop, &watchdog);
	signals.on_event = on_signal;
	signals_start(&signals, loop);
	children = children_new(&(struct children_setup){ .loop = loop,
	    .estate = &estate,
	    .worker = fake_child_main,
	    .upstream = fake_child_main,
	    .on_change = on_change });
}

static void
kill_all(enum child_role role)
{
	unsigned i;

	children_stop(children, role, now(), 1000);
	if (role == CHILD_UPSTREAM && children->upstream.pid)
		kill(children->upstream.pid, SIGKILL);
	for (i = 0; role == CHILD_CLIENT && i < children->worker_count; i++)
		if (children->workers[i].pid)
			kill(children->workers[i].pid, SIGKILL);
	UNTIL(children_alive(children, role) == 0);
}

static void
teardown(void)
{
	kill_all(CHILD_CLIENT);
	kill_all(CHILD_UPSTREAM);
	children_free(&children);
	signals_stop(&signals);
	ev_loop_destroy(loop);
	listeners_close(&estate.listeners);
	region_free(&estate.region);
	ledger_free(&estate.ledger);
	close(fake_events[0]);
	close(fake_events[1]);
}

static void
start_all(void)
{
	(void)children_tend(children, now());
	UNTIL(children_all_serve(children));
}

/* How often a process was told this. */
static unsigned
heard(pid_t pid, enum channel_type type, uint32_t index, uint32_t number)
{
	unsigned i, count = 0;

	for (i = 0; i < event_count; i++)
		count += events[i].deed == FAKE_HEARD && events[i].pid == pid &&
			 events[i].message.type == type &&
			 events[i].message.index == index &&
			 events[i].message.number == number;
	return count;
}

static unsigned
births(enum child_role role)
{
	unsigned i, count = 0;

	for (i = 0; i < event_count; i++)
		count += events[i].deed == FAKE_BORN && events[i].role == role;
	return count;
}

START_TEST(all_are_started_and_upstream_knows_who_joined)
{
	pid_t upstream, pid;
	uint64_t ticks;
	unsigned i;

	start_all();
	upstream = children->upstream.pid;
	UNTIL(heard(upstream, CHANNEL_WORKER_JOINED, 0, 0) == 1);
	UNTIL(heard(upstream, CHANNEL_WORKER_JOINED, 1, 0) == 1);
	ck_assert_uint_eq(children_alive(children, CHILD_CLIENT), 2);
	ck_assert_uint_eq(children_alive(children, CHILD_UPSTREAM), 1);
	for (i = 0; i < 2; i++) {
		ledger_process(estate.ledger, ESTATE_PROCESS_WORKERS + i, &pid,
		    &ticks);
		ck_assert_int_eq(pid, children->workers[i].pid);
		ck_assert_uint_gt(ticks, 0);
	}
}
END_TEST

START_TEST(a_killed_worker_is_replaced_at_once_on_a_fresh_place)
{
	pid_t victim, pid;
	uint64_t ticks;

	start_all();
	victim = children->workers[0].pid;
	kill(victim, SIGKILL);
	UNTIL(births(CHILD_CLIENT) == 3 && children_all_serve(children));
	ck_assert_int_ne(children->workers[0].pid, victim);
	ck_assert_uint_eq(children->workers[0].index, 2);
	UNTIL(heard(children->upstream.pid, CHANNEL_WORKER_GONE, 0, 0) == 1);
	UNTIL(heard(children->upstream.pid, CHANNEL_WORKER_JOINED, 2, 0) == 1);
	UNTIL(index_set_state(children->indices, 0) == INDEX_FREE);
	ledger_process(estate.ledger, ESTATE_PROCESS_WORKERS, &pid, &ticks);
	ck_assert_int_eq(pid, 0);
}
END_TEST

START_TEST(one_that_dies_by_itself_before_it_is_ready_is_backed_off)
{
	struct post *post = &children->workers[0].post;

	fake_ways.worker = FAKE_DIE_EARLY;
	(void)children_tend(children, now());
	UNTIL(post->state == POST_WAITING &&
	      children->workers[1].post.state == POST_WAITING);
	ck_assert_double_eq(post->backoff_s, 1);
	ck_assert_double_gt(children_tend(children, now()), now() - 1);
	ck_assert_int_eq(children->workers[0].pid, 0);
	skew_s = 1.5;
	(void)children_tend(children, now());
	UNTIL(births(CHILD_CLIENT) == 4 && post->state == POST_WAITING &&
	      children->workers[1].post.state == POST_WAITING);
	ck_assert_double_eq(post->backoff_s, 2);
	fake_ways.worker = FAKE_SERVE;
	skew_s = 4;
	(void)children_tend(children, now());
	UNTIL(children_all_serve(children));
}
END_TEST

START_TEST(one_that_dies_by_itself_just_after_it_was_ready_is_backed_off)
{
	fake_ways.upstream = FAKE_DIE_READY;
	(void)children_tend(children, now());
	UNTIL(children->upstream.post.state == POST_WAITING);
	ck_assert_double_eq(children->upstream.post.backoff_s, 1);
	ck_assert_uint_eq(births(CHILD_UPSTREAM), 1);
}
END_TEST

START_TEST(one_that_is_not_ready_in_time_is_killed_and_backed_off)
{
	pid_t pid;

	fake_ways.worker = FAKE_HANG;
	(void)children_tend(children, now());
	UNTIL(births(CHILD_CLIENT) == 2);
	pid = children->workers[0].pid;
	skew_s = config.ready_timeout_s - 5;
	(void)children_tend(children, now());
	ck_assert_int_eq(kill(pid, 0), 0);
	ck_assert_int_eq(children->workers[0].post.state, POST_STARTING);
	skew_s = config.ready_timeout_s + 1;
	(void)children_tend(children, now());
	UNTIL(children_alive(children, CHILD_CLIENT) == 0);
	ck_assert_double_eq(children->workers[0].post.backoff_s, 1);
	ck_assert(!children_were_killed(children)); /* not at a stop */
}
END_TEST

/* The first worker that is ready gets all listeners until the second is ready;
 * so of that second one it is known that it was lent nothing so far. */
START_TEST(a_dead_ones_listeners_are_lent_until_its_successor_is_ready)
{
	struct child *victim, *other;
	struct listener *listener;
	pid_t pid;

	start_all();
	victim = first_ready;
	other = &children->workers[!victim->number];
	listener = &estate.listeners.all[victim->number];
	ck_assert_uint_eq(listener->home, victim->number);
	ck_assert_int_eq(listener->holder, (int)victim->number);

	fake_ways.worker = FAKE_HANG;
	pid = other->pid;
	kill(victim->pid, SIGKILL);
	UNTIL(heard(pid, CHANNEL_LISTENER, 0, listener->id << 1) == 1);
	ck_assert_int_eq(listener->holder, (int)other->number);
	ck_assert_ptr_null(listeners_orphan(&estate.listeners));
	UNTIL(births(CHILD_CLIENT) == 3);
	ck_assert_uint_eq(heard(pid, CHANNEL_LISTENER_DROP, 0, listener->id),
	    0);

	fake_ways.worker = FAKE_SERVE;
	kill(victim->pid, SIGKILL); /* the successor that hangs */
	UNTIL(victim->post.state == POST_WAITING);
	skew_s = 2;
	(void)children_tend(children, now());
	UNTIL(victim->post.state == POST_SERVING);
	ck_assert_int_eq(listener->holder, (int)victim->number);
	UNTIL(heard(pid, CHANNEL_LISTENER_DROP, 0, listener->id) == 1);
	ck_assert_uint_eq(heard(pid, CHANNEL_LISTENER, 0, listener->id << 1),
	    1);
}
END_TEST

START_TEST(what_is_lent_is_the_very_socket)
{
	struct endpoint at = { .len = sizeof(at.addr) };
	struct child *victim = &children->workers[0];
	unsigned i, right = 0;

	start_all();
	fake_ways.worker = FAKE_HANG;
	kill(victim->pid, SIGKILL);
	ck_assert_int_eq(getsockname(estate.listeners.all[0].fd,
			     (struct sockaddr *)&at.addr, &at.len),
	    0);
	UNTIL(heard(children->workers[1].pid, CHANNEL_LISTENER, 0, 0) > 0);
	for (i = 0; i < event_count; i++)
		if (events[i].message.type == CHANNEL_LISTENER &&
		    events[i].deed == FAKE_HEARD &&
		    events[i].message.number == 0)
			right += events[i].port == endpoint_port(&at);
	ck_assert_uint_gt(right, 0);
}
END_TEST

START_TEST(when_the_holder_dies_too_what_it_held_is_served_by_the_next_ready)
{
	unsigned i;

	start_all();
	fake_ways.worker = FAKE_HANG;
	kill(children->workers[0].pid, SIGKILL);
	UNTIL(births(CHILD_CLIENT) == 3);
	kill(children->workers[1].pid, SIGKILL);
	UNTIL(births(CHILD_CLIENT) == 4);
	for (i = 0; i < estate.listeners.count; i++)
		ck_assert_int_eq(estate.listeners.all[i].holder,
		    LISTENER_NOBODY);
	fake_ways.worker = FAKE_SERVE;
	kill(children->workers[1].pid, SIGKILL);
	UNTIL(children->workers[1].post.state == POST_WAITING);
	skew_s = 2;
	(void)children_tend(children, now());
	UNTIL(children->workers[1].post.state == POST_SERVING);
	for (i = 0; i < estate.listeners.count; i++)
		ck_assert_int_eq(estate.listeners.all[i].holder, 1);
}
END_TEST

START_TEST(a_new_upstream_is_told_who_lives_and_what_is_unfinished)
{
	pid_t first, second;

	fake_ways.frees_indices = false;
	start_all();
	kill(children->workers[0].pid, SIGKILL);
	UNTIL(births(CHILD_CLIENT) == 3 && children_all_serve(children));
	ck_assert_int_eq(index_set_state(children->indices, 0),
	    INDEX_FINISHING);
	first = children->upstream.pid;
	fake_ways.frees_indices = true;
	kill(first, SIGKILL);
	UNTIL(births(CHILD_UPSTREAM) == 2 && children_all_serve(children));
	second = children->upstream.pid;
	UNTIL(heard(second, CHANNEL_WORKER_JOINED, 0, 0) == 1 &&
	      heard(second, CHANNEL_WORKER_JOINED, 1, 0) == 1 &&
	      heard(second, CHANNEL_WORKER_JOINED, 2, 0) == 1);
	ck_assert_uint_eq(heard(second, CHANNEL_WORKER_GONE, 0, 0), 1);
	ck_assert_uint_eq(heard(second, CHANNEL_WORKER_GONE, 1, 0), 0);
	ck_assert_uint_eq(heard(second, CHANNEL_WORKER_GONE, 2, 0), 0);
	UNTIL(index_set_state(children->indices, 0) == INDEX_FREE);
}
END_TEST

START_TEST(without_a_free_place_a_worker_waits_until_one_is_free)
{
	unsigned deaths;

	fake_ways.frees_indices = false;
	start_all();
	for (deaths = 1; deaths <= INDICES - 2; deaths++) {
		kill(children->workers[0].pid, SIGKILL);
		UNTIL(births(CHILD_CLIENT) == 2 + deaths &&
		      children_all_serve(children));
	}
	kill(children->workers[0].pid, SIGKILL);
	UNTIL(children->workers[0].post.state == POST_WAITING);
	skew_s = 1000;
	(void)children_tend(children, now());
	ck_assert_int_eq(children->workers[0].pid, 0);
	ck_assert_int_eq(estate.listeners.all[0].holder, 1);
	children_on_index_free(children, 0);
	UNTIL(children_all_serve(children));
	ck_assert_uint_eq(children->workers[0].index, 0);
	ck_assert_uint_eq(children->workers[0].generation, 2);
	ck_assert_int_eq(estate.listeners.all[0].holder, 0);
}
END_TEST

START_TEST(one_that_closes_its_channel_and_lives_on_is_killed_and_replaced)
{
	struct child *child = &children->upstream;
	pid_t pid;

	fake_ways.upstream = FAKE_HANG_UP;
	start_all();
	UNTIL(child->post.due < HUGE_VAL);
	pid = child->pid;
	fake_ways.upstream = FAKE_SERVE;
	skew_s = POST_CUT_OFF_S + 0.1;
	(void)children_tend(children, now());
	UNTIL(child->pid != pid && child->post.state == POST_SERVING);
	ck_assert_uint_eq(births(CHILD_UPSTREAM), 2);
}
END_TEST

START_TEST(one_that_speaks_no_language_is_killed_and_replaced)
{
	pid_t pid;

	fake_ways.upstream = FAKE_BABBLE;
	(void)children_tend(children, now());
	pid = children->upstream.pid;
	fake_ways.upstream = FAKE_SERVE;
	UNTIL(children->upstream.pid != pid && children_all_serve(children));
	ck_assert_uint_eq(births(CHILD_UPSTREAM), 2);
}
END_TEST

START_TEST(one_that_upstream_calls_hung_is_killed_if_it_is_still_that_one)
{
	struct child *child = &children->workers[0];
	pid_t pid;

	start_all();
	pid = child->pid;
	children_on_hung(children, child->index, child->generation + 1);
	children_on_hung(children, INDICES - 1, child->generation);
	child_drop_listener(child, &estate.listeners.all[0]);
	UNTIL(heard(pid, CHANNEL_LISTENER_DROP, 0, 0) > 0); /* it lives */
	children_on_hung(children, child->index, child->generation);
	UNTIL(child->pid != pid && children_all_serve(children));
	ck_assert_uint_eq(births(CHILD_CLIENT), 3);
}
END_TEST

START_TEST(what_is_stopped_in_order_was_not_killed_and_is_not_replaced)
{
	start_all();
	children_stop(children, CHILD_CLIENT, now(), 1000);
	UNTIL(children_alive(children, CHILD_CLIENT) == 0);
	ck_assert_uint_eq(children_alive(children, CHILD_UPSTREAM), 1);
	skew_s = 100;
	(void)children_tend(children, now());
	ck_assert_uint_eq(children_alive(children, CHILD_CLIENT), 0);
	ck_assert(!children_were_killed(children));
}
END_TEST

START_TEST(what_ignores_a_stop_is_killed_when_its_time_is_over)
{
	fake_ways.worker = FAKE_DEAF;
	start_all();
	children_stop(children, CHILD_CLIENT, now(), 5);
	UNTIL(heard(children->workers[0].pid, CHANNEL_STOP, 0, 0) == 1 &&
	      heard(children->workers[1].pid, CHANNEL_STOP, 0, 0) == 1);
	(void)children_tend(children, now());
	ck_assert_uint_eq(children_alive(children, CHILD_CLIENT), 2);
	skew_s = 5.1;
	(void)children_tend(children, now());
	UNTIL(children_alive(children, CHILD_CLIENT) == 0);
	ck_assert(children_were_killed(children));
}
END_TEST

START_TEST(haste_kills_what_is_stopping_at_once)
{
	fake_ways.worker = FAKE_DEAF;
	start_all();
	children_stop(children, CHILD_CLIENT, now(), 1000);
	children_hurry(children, now());
	(void)children_tend(children, now());
	UNTIL(children_alive(children, CHILD_CLIENT) == 0);
	ck_assert_uint_eq(children_alive(children, CHILD_UPSTREAM), 1);
	ck_assert(children_were_killed(children));
}
END_TEST

static void
add_tests(TCase *tests)
{
	tcase_add_test(tests, all_are_started_and_upstream_knows_who_joined);
	tcase_add_test(tests,
	    a_killed_worker_is_replaced_at_once_on_a_fresh_place);
	tcase_add_test(tests,
	    one_that_dies_by_itself_before_it_is_ready_is_backed_off);
	tcase_add_test(tests,
	    one_that_dies_by_itself_just_after_it_was_ready_is_backed_off);
	tcase_add_test(tests,
	    one_that_is_not_ready_in_time_is_killed_and_backed_off);
	tcase_add_test(tests,
	    a_dead_ones_listeners_are_lent_until_its_successor_is_ready);
	tcase_add_test(tests, what_is_lent_is_the_very_socket);
	tcase_add_test(tests,
	    when_the_holder_dies_too_what_it_held_is_served_by_the_next_ready);
	tcase_add_test(tests,
	    a_new_upstream_is_told_who_lives_and_what_is_unfinished);
	tcase_add_test(tests,
	    without_a_free_place_a_worker_waits_until_one_is_free);
	tcase_add_test(tests,
	    one_that_closes_its_channel_and_lives_on_is_killed_and_replaced);
	tcase_add_test(tests,
	    one_that_speaks_no_language_is_killed_and_replaced);
	tcase_add_test(tests,
	    one_that_upstream_calls_hung_is_killed_if_it_is_still_that_one);
	tcase_add_test(tests,
	    what_is_stopped_in_order_was_not_killed_and_is_not_replaced);
	tcase_add_test(tests,
	    what_ignores_a_stop_is_killed_when_its_time_is_over);
	tcase_add_test(tests, haste_kills_what_is_stopping_at_once);
}

int
main(void)
{
	Suite *suite = suite_create("children");
	TCase *tests = tcase_create("children");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, setup, teardown);
	add_tests(tests);
	suite_add_tcase(suite, tests);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
