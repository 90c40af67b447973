/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Children that die, hang, fall silent or say nonsense, and what the master
 * does about it.
 */
#include "common/shm/region.h"
#include "master/worker_pool.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/master/children_rig.h"

#include <check.h>
#include <errno.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

START_TEST(all_are_started_and_upstream_knows_who_joined)
{
	pid_t upstream, pid;
	uint64_t ticks;
	unsigned i;

	rig_start_all();
	upstream = rig.children->upstream.pid;
	UNTIL(rig_received(upstream, CHANNEL_WORKER_JOINED, 0, 0) == 1);
	UNTIL(rig_received(upstream, CHANNEL_WORKER_JOINED, 1, 0) == 1);
	ck_assert_uint_eq(children_alive(rig.children, CHILD_CLIENT), 2);
	ck_assert_uint_eq(children_alive(rig.children, CHILD_UPSTREAM), 1);
	for (i = 0; i < 2; i++) {
		ledger_process(rig.resources.ledger,
		    RESOURCES_PROCESS_WORKERS + i, &pid, &ticks);
		ck_assert_int_eq(pid, rig.children->workers[i].pid);
		ck_assert_uint_gt(ticks, 0);
	}
}
END_TEST

START_TEST(a_killed_worker_is_replaced_at_once_on_a_fresh_place)
{
	pid_t victim, pid;
	uint64_t ticks;

	rig_start_all();
	victim = rig.children->workers[0].pid;
	kill(victim, SIGKILL);
	UNTIL(rig_births(CHILD_CLIENT) == 3 &&
	      children_all_serve(rig.children));
	ck_assert_int_ne(rig.children->workers[0].pid, victim);
	ck_assert_uint_eq(rig.children->workers[0].partition, 2);
	UNTIL(rig_received(rig.children->upstream.pid, CHANNEL_WORKER_GONE, 0,
		  0) == 1);
	UNTIL(rig_received(rig.children->upstream.pid, CHANNEL_WORKER_JOINED, 2,
		  0) == 1);
	UNTIL(partition_set_state(rig.children->partitions, 0) ==
	      PARTITION_FREE);
	ledger_process(rig.resources.ledger, RESOURCES_PROCESS_WORKERS, &pid,
	    &ticks);
	ck_assert_int_eq(pid, 0);
}
END_TEST

START_TEST(one_that_dies_by_itself_before_it_is_ready_is_backed_off)
{
	struct child_policy *policy = &rig.children->workers[0].policy;

	fake_ways.worker = FAKE_DIE_EARLY;
	rig_tend();
	UNTIL(policy->state == CHILD_WAITING &&
	      rig.children->workers[1].policy.state == CHILD_WAITING);
	ck_assert_double_eq(policy->backoff_s, 1);
	ck_assert_double_gt(children_tend(rig.children, rig_now()),
	    rig_now() - 1);
	ck_assert_int_eq(rig.children->workers[0].pid, 0);
	rig.skew_s = 1.5;
	rig_tend();
	UNTIL(rig_births(CHILD_CLIENT) == 4 && policy->state == CHILD_WAITING &&
	      rig.children->workers[1].policy.state == CHILD_WAITING);
	ck_assert_double_eq(policy->backoff_s, 2);
	fake_ways.worker = FAKE_SERVE;
	rig.skew_s = 4;
	rig_tend();
	UNTIL(children_all_serve(rig.children));
}
END_TEST

/* Its words in shared memory may be its predecessor's still. */
START_TEST(upstream_hears_of_no_worker_that_was_never_ready)
{
	pid_t upstream;
	uint32_t i;

	fake_ways.worker = FAKE_DIE_EARLY;
	rig_tend();
	UNTIL(rig.children->workers[0].policy.state == CHILD_WAITING &&
	      rig.children->workers[1].policy.state == CHILD_WAITING);
	for (i = 0; i < RIG_PARTITIONS; i++)
		ck_assert_int_eq(partition_set_state(rig.children->partitions,
				     i),
		    PARTITION_FREE);
	upstream = rig.children->upstream.pid;
	fake_ways.worker = FAKE_SERVE;
	rig.skew_s = 2;
	rig_tend();
	UNTIL(children_all_serve(rig.children));
	UNTIL(rig_received(upstream, CHANNEL_WORKER_JOINED, 2, 0) == 1);
	UNTIL(rig_received(upstream, CHANNEL_WORKER_JOINED, 3, 0) == 1);
	for (i = 0; i < 2; i++) {
		ck_assert_uint_eq(rig_received(upstream, CHANNEL_WORKER_JOINED,
				      i, 0),
		    0);
		ck_assert_uint_eq(rig_received(upstream, CHANNEL_WORKER_GONE, i,
				      0),
		    0);
	}
}
END_TEST

START_TEST(one_that_dies_by_itself_just_after_it_was_ready_is_backed_off)
{
	fake_ways.upstream = FAKE_DIE_READY;
	rig_tend();
	UNTIL(rig.children->upstream.policy.state == CHILD_WAITING);
	ck_assert_double_eq(rig.children->upstream.policy.backoff_s, 1);
	ck_assert_uint_eq(rig_births(CHILD_UPSTREAM), 1);
}
END_TEST

START_TEST(one_that_is_not_ready_in_time_is_killed_and_backed_off)
{
	pid_t pid;

	fake_ways.worker = FAKE_HANG;
	rig_tend();
	UNTIL(rig_births(CHILD_CLIENT) == 2);
	pid = rig.children->workers[0].pid;
	rig.skew_s = rig.config.ready_timeout_s - 5;
	rig_tend();
	ck_assert_int_eq(kill(pid, 0), 0);
	ck_assert_int_eq(rig.children->workers[0].policy.state, CHILD_STARTING);
	rig.skew_s = rig.config.ready_timeout_s + 1;
	rig_tend();
	UNTIL(children_alive(rig.children, CHILD_CLIENT) == 0);
	ck_assert_double_eq(rig.children->workers[0].policy.backoff_s, 1);
	ck_assert_msg(!children_were_killed(rig.children),
	    "a kill before it was ready should not count as one at a stop");
}
END_TEST

START_TEST(one_that_closes_its_channel_and_lives_on_is_killed_and_replaced)
{
	struct child *child = &rig.children->upstream;
	pid_t pid;

	fake_ways.upstream = FAKE_HANG_UP;
	rig_start_all();
	UNTIL(child->policy.due < HUGE_VAL);
	pid = child->pid;
	fake_ways.upstream = FAKE_SERVE;
	rig.skew_s = CHILD_CUT_OFF_S + 0.1;
	rig_tend();
	UNTIL(child->pid != pid && child->policy.state == CHILD_SERVING);
	ck_assert_uint_eq(rig_births(CHILD_UPSTREAM), 2);
}
END_TEST

START_TEST(one_that_speaks_no_language_is_killed_and_replaced)
{
	pid_t pid;

	fake_ways.upstream = FAKE_BABBLE;
	rig_tend();
	pid = rig.children->upstream.pid;
	fake_ways.upstream = FAKE_SERVE;
	UNTIL(rig.children->upstream.pid != pid &&
	      children_all_serve(rig.children));
	ck_assert_uint_eq(rig_births(CHILD_UPSTREAM), 2);
}
END_TEST

/* As if the child had sent it. */
static void
report_hung(struct child *from, uint32_t partition, uint32_t incarnation)
{
	const struct channel_message message = {
		.type = CHANNEL_WORKER_HUNG,
		.partition = partition,
		.incarnation = incarnation,
		.fd = -1,
	};
	struct channel *own = from->channel, *said;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	said = channel_new(ends[1]);
	from->channel = channel_new(ends[0]);
	ck_assert_int_eq(channel_send(said, &message), 0);
	ev_feed_event(rig.loop, &from->read_io, EV_READ);
	ev_invoke_pending(rig.loop);
	channel_free(&from->channel);
	channel_free(&said);
	from->channel = own;
}

START_TEST(one_that_upstream_calls_hung_is_killed_if_it_is_still_that_one)
{
	struct child *upstream = &rig.children->upstream;
	struct child *child = &rig.children->workers[0];
	pid_t pid;

	rig_start_all();
	pid = child->pid;
	report_hung(upstream, child->partition, child->incarnation + 1);
	report_hung(upstream, RIG_PARTITIONS - 1, child->incarnation);
	report_hung(child, child->partition, child->incarnation);
	child_drop_listener(child, &rig.resources.listeners.all[0]);
	UNTIL(rig_received(pid, CHANNEL_LISTENER_DROP, 0, 0) >
	      0); /* it lives */
	report_hung(upstream, child->partition, child->incarnation);
	UNTIL(child->pid != pid && children_all_serve(rig.children));
	ck_assert_uint_eq(rig_births(CHILD_CLIENT), 3);
}
END_TEST

START_TEST(one_that_stands_still_is_killed_and_replaced_at_once)
{
	struct child *child = &rig.children->workers[0];
	_Atomic uint64_t *word;
	pid_t pid, other;

	rig_start_all();
	pid = child->pid;
	other = rig.children->workers[1].pid;
	rig.skew_s = RIG_HANG_S - 5;
	rig_tend();
	word = &region_worker_control(rig.resources.region, 1)->heartbeat;
	ck_assert_uint_eq(rig.children->workers[1].partition, 1);
	atomic_fetch_add(word, 1); /* as the other one moves it */
	atomic_fetch_add(&region_upstream_control(rig.resources.region)
			      ->heartbeat,
	    1);
	rig_tend();
	rig.skew_s = RIG_HANG_S + 5;
	rig_tend();
	UNTIL(child->pid != pid && children_all_serve(rig.children));
	ck_assert_int_eq(rig.children->workers[1].pid, other);
	ck_assert_double_eq(child->policy.backoff_s, 0);
	ck_assert_uint_eq(rig_births(CHILD_CLIENT), 3);
}
END_TEST

START_TEST(after_a_pause_of_the_master_all_have_their_time_again)
{
	struct child *child = &rig.children->workers[0];
	pid_t pid;

	rig_start_all();
	pid = child->pid;
	rig.skew_s = RIG_HANG_S + 5;
	children_resume(rig.children, rig_now(), RIG_HANG_S);
	rig_tend();
	child_drop_listener(child, &rig.resources.listeners.all[0]);
	UNTIL(rig_received(pid, CHANNEL_LISTENER_DROP, 0, 0) > 0);
	rig_tend();
	ck_assert_int_eq(child->pid, pid);
	ck_assert_uint_eq(rig_births(CHILD_CLIENT), 2);
}
END_TEST

START_TEST(one_that_cannot_work_as_configured_is_not_started_again)
{
	fake_ways.worker = FAKE_MISFIT;
	rig_tend();
	UNTIL(rig.children->workers[0].policy.state == CHILD_UNUSED);
	if (rig.children->workers[1].policy.state != CHILD_UNUSED)
		ck_assert_msg(!children_are_lost(rig.children),
		    "one worker that cannot work should not be the end of all");
	UNTIL(rig.children->workers[1].policy.state == CHILD_UNUSED);
	ck_assert_msg(children_are_lost(rig.children),
	    "all should be lost when no worker can work as configured");
	UNTIL(rig_births(CHILD_CLIENT) == 2);
	rig.skew_s = 100;
	rig_tend();
	ck_assert_uint_eq(children_alive(rig.children, CHILD_CLIENT), 0);
	ck_assert_uint_eq(rig_births(CHILD_CLIENT), 2);
}
END_TEST

/* Standard error into a file for as long as it says this. */
START_TEST(what_a_panic_says_is_logged_by_the_master_on_one_line)
{
	FILE *log = tmpfile();
	char said[8192];
	size_t len;
	int err = dup(STDERR_FILENO);

	fake_ways.worker = FAKE_PANIC;
	ck_assert_int_ge(dup2(fileno(log), STDERR_FILENO), 0);
	rig_tend();
	UNTIL(rig.children->workers[0].policy.state == CHILD_WAITING &&
	      rig.children->workers[1].policy.state == CHILD_WAITING);
	fake_ways.worker = FAKE_SERVE;
	dup2(err, STDERR_FILENO);
	close(err);
	rewind(log);
	len = fread(said, 1, sizeof(said) - 1, log);
	said[len] = '\0';
	ck_assert_ptr_nonnull(strstr(said,
	    "panic message process=\"worker 0\" pid="));
	ck_assert_ptr_nonnull(strstr(said, " text=\"the ?end?? of me\"\n"));
	(void)fclose(log);
}
END_TEST

/* As the first process of a container gets those whose parents have ended. */
START_TEST(a_process_that_is_none_of_them_is_waited_for_too)
{
	pid_t orphan;

	rig_start_all();
	orphan = fork();
	ck_assert_int_ge(orphan, 0);
	if (orphan == 0)
		_exit(7);
	ck_assert_int_eq(waitid(P_PID, (id_t)orphan, &(siginfo_t){ 0 },
			     WEXITED | WNOWAIT),
	    0);
	children_reap(rig.children, rig_now());
	ck_assert_int_eq(waitpid(orphan, NULL, WNOHANG), -1);
	ck_assert_int_eq(errno, ECHILD);
	ck_assert_uint_eq(children_alive(rig.children, CHILD_CLIENT), 2);
	ck_assert_uint_eq(rig_births(CHILD_CLIENT), 2);
}
END_TEST

static void
add_tests(TCase *tests)
{
	tcase_add_test(tests, a_process_that_is_none_of_them_is_waited_for_too);
	tcase_add_test(tests, all_are_started_and_upstream_knows_who_joined);
	tcase_add_test(tests,
	    a_killed_worker_is_replaced_at_once_on_a_fresh_place);
	tcase_add_test(tests,
	    one_that_dies_by_itself_before_it_is_ready_is_backed_off);
	tcase_add_test(tests, upstream_hears_of_no_worker_that_was_never_ready);
	tcase_add_test(tests,
	    one_that_dies_by_itself_just_after_it_was_ready_is_backed_off);
	tcase_add_test(tests,
	    one_that_is_not_ready_in_time_is_killed_and_backed_off);
	tcase_add_test(tests,
	    one_that_closes_its_channel_and_lives_on_is_killed_and_replaced);
	tcase_add_test(tests,
	    one_that_speaks_no_language_is_killed_and_replaced);
	tcase_add_test(tests,
	    one_that_upstream_calls_hung_is_killed_if_it_is_still_that_one);
	tcase_add_test(tests,
	    one_that_stands_still_is_killed_and_replaced_at_once);
	tcase_add_test(tests,
	    after_a_pause_of_the_master_all_have_their_time_again);
	tcase_add_test(tests,
	    one_that_cannot_work_as_configured_is_not_started_again);
	tcase_add_test(tests,
	    what_a_panic_says_is_logged_by_the_master_on_one_line);
}

int
main(void)
{
	Suite *suite = suite_create("children");
	TCase *tests = tcase_create("children");

	tcase_set_timeout(tests, 30);
	tcase_add_checked_fixture(tests, rig_setup, rig_teardown);
	add_tests(tests);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
