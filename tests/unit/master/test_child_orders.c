/* SPDX-License-Identifier: Apache-2.0 */
/* Orders that can wait cost no worker its life, however many there are. */
#include "master/messages.h"
#include "master/worker_pool.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/master/children_rig.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#define ORDERS 2000u
#define OTHERS 100u
#define SLOT   7u
#define REASON 5u

static struct child *worker;
static pid_t pid; /* of the worker at the start */

static void
start(void)
{
	rig_start_all();
	worker = rig.first_ready;
	pid = worker->pid;
}

static int
order(void)
{
	return messages_kill_client(rig.children, worker->partition, SLOT, 1,
	    REASON);
}

/* How many orders the worker has read since the last call. */
static unsigned
take_received(void)
{
	unsigned count;

	ev_run(rig.loop, EVRUN_ONCE);
	rig_settle();
	count = rig_received(pid, CHANNEL_KILL, SLOT, REASON);
	rig.event_count = 0;
	return count;
}

START_TEST(one_that_does_not_read_for_a_moment_is_not_killed)
{
	unsigned i, sent = 0, received = 0;

	start();
	kill(pid, SIGSTOP);
	for (i = 0; i < ORDERS; i++) {
		int error = order();

		ck_assert_msg(error == 0 || error == -EAGAIN,
		    "an order should be sent or refused with -EAGAIN, not %d",
		    error);
		sent += error == 0;
	}
	ck_assert_uint_gt(sent, 0);
	ck_assert_uint_lt(sent, ORDERS);
	ck_assert_int_eq(order(), -EAGAIN);
	/* There is room for what cannot wait. */
	for (i = 0; i < OTHERS; i++)
		messages_send_log_level(rig.children);
	kill(pid, SIGCONT);
	while (received < ORDERS) {
		received += take_received();
		while (sent < ORDERS && order() == 0)
			sent++;
	}
	ck_assert_uint_eq(received, ORDERS);
	ck_assert_int_eq(worker->pid, pid);
}
END_TEST

START_TEST(one_is_not_killed_for_want_of_descriptors)
{
	struct rlimit before, none;
	int error;

	start();
	kill(pid, SIGSTOP);
	while (!channel_wants_write(worker->channel))
		ck_assert_int_eq(order(), 0);
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	error = messages_trace_client(rig.children, worker->partition, SLOT, 1,
	    STDIN_FILENO);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	ck_assert_int_eq(error, -EAGAIN);
	ck_assert_int_eq(order(), 0);
	kill(pid, SIGCONT);
	UNTIL(rig_received(pid, CHANNEL_KILL, SLOT, REASON) > 0);
}
END_TEST

/* What it must not miss goes out at once, as long as it reads. */
START_TEST(who_reads_is_sent_all_though_no_descriptor_is_free)
{
	struct rlimit before, none;

	start();
	ck_assert_int_eq(getrlimit(RLIMIT_NOFILE, &before), 0);
	none = before;
	none.rlim_cur = 0;
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &none), 0);
	messages_send_config(rig.children);
	worker_pool_share_listeners(rig.children);
	ck_assert_int_eq(setrlimit(RLIMIT_NOFILE, &before), 0);
	UNTIL(rig_received(pid, CHANNEL_SNAPSHOT, 0, 0) > 0);
	ck_assert_int_eq(worker->pid, pid);
	ck_assert_int_eq(kill(pid, 0), 0);
}
END_TEST

START_TEST(one_that_is_gone_has_no_sessions)
{
	siginfo_t info;

	start();
	kill(pid, SIGKILL);
	ck_assert_int_eq(waitid(P_PID, (id_t)pid, &info, WEXITED | WNOWAIT), 0);
	ck_assert_int_eq(order(), -ESRCH);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("orders to children");
	TCase *tests = tcase_create("orders to children");

	tcase_add_checked_fixture(tests, rig_setup, rig_teardown);
	tcase_set_timeout(tests, 30);
	tcase_add_test(tests,
	    one_that_does_not_read_for_a_moment_is_not_killed);
	tcase_add_test(tests, one_is_not_killed_for_want_of_descriptors);
	tcase_add_test(tests,
	    who_reads_is_sent_all_though_no_descriptor_is_free);
	tcase_add_test(tests, one_that_is_gone_has_no_sessions);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
