/* SPDX-License-Identifier: Apache-2.0 */
/* The control process: replaced like its sisters, and never in their way. */
#include "master/messages.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/master/children_rig.h"
#include "tests/unit/net/lingering.h"

#include <check.h>
#include <errno.h>
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

static void
setup(void)
{
	rig_listens = true;
	rig_setup();
}

static void
start(void)
{
	rig_start_all();
	UNTIL(rig.children->control.policy.state == CHILD_SERVING);
}

START_TEST(it_is_started_where_something_listens)
{
	start();
	ck_assert_uint_eq(children_alive(rig.children, CHILD_CONTROL), 1);
	ck_assert_msg(children_have(rig.children, rig.children->control.pid),
	    "the process should be known as our child");
}
END_TEST

/* Ten of all together have no wait: one that is killed again and again does not
 * spend the turns of workers. */
START_TEST(one_that_is_killed_again_and_again_costs_no_worker_its_turn)
{
	unsigned deaths;

	start();
	for (deaths = 1; deaths <= CHILD_RATE; deaths++) {
		kill(rig.children->control.pid, SIGKILL);
		UNTIL(rig_births(CHILD_CONTROL) == 1 + deaths &&
		      rig.children->control.policy.state == CHILD_SERVING);
	}
	kill(rig.children->workers[0].pid, SIGKILL);
	UNTIL(rig_births(CHILD_CLIENT) == 3 &&
	      children_all_serve(rig.children));
}
END_TEST

START_TEST(without_it_the_service_goes_on)
{
	fake_ways.control = FAKE_MISFIT;
	rig_tend();
	UNTIL(rig_births(CHILD_CONTROL) == 1 &&
	      rig.children->control.policy.state == CHILD_UNUSED);
	UNTIL(children_all_serve(rig.children));
	ck_assert_msg(!children_are_lost(rig.children),
	    "a service without control should not be lost");
}
END_TEST

START_TEST(one_that_is_never_ready_keeps_nobody_from_serving)
{
	fake_ways.control = FAKE_HANG;
	rig_tend();
	UNTIL(children_all_serve(rig.children));
}
END_TEST

START_TEST(it_is_stopped_by_itself)
{
	start();
	children_stop(rig.children, CHILD_CONTROL, rig_now(), 1000);
	UNTIL(children_alive(rig.children, CHILD_CONTROL) == 0);
	ck_assert_uint_eq(children_alive(rig.children, CHILD_CLIENT), 2);
	ck_assert_uint_eq(children_alive(rig.children, CHILD_UPSTREAM), 1);
}
END_TEST

/* --- what it asks --- */

static struct channel *own; /* its own, on which it lives on */

/* Its end of the channel is played by the test from now on. */
static struct channel *
speak_for_it(void)
{
	struct child *control = &rig.children->control;
	struct channel *said;
	int ends[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, ends), 0);
	said = channel_new(ends[1]);
	own = control->channel;
	control->channel = channel_new(ends[0]);
	return said;
}

static void
ask(struct channel *said, uint32_t ticket, int asker)
{
	struct channel_message message = {
		.type = CHANNEL_ACT_DRAIN, .ticket = ticket, .fd = asker
	};

	ck_assert_int_eq(channel_send(said, &message), 0);
}

static void
turn(void)
{
	ev_feed_event(rig.loop, &rig.children->control.read_io, EV_READ);
	ev_invoke_pending(rig.loop);
}

START_TEST(its_acts_are_taken_one_by_one_and_answered_in_turn)
{
	struct channel_message answer;
	struct channel *said;
	struct act *act;
	uint32_t ticket;

	start();
	ev_io_stop(rig.loop, &rig.children->control.read_io);
	said = speak_for_it();
	for (ticket = 1; ticket <= 3; ticket++)
		ask(said, ticket, STDIN_FILENO);
	for (ticket = 1; ticket <= 3; ticket++) {
		turn();
		turn(); /* nothing more is heard before the answer */
		act = messages_asked(rig.children);
		ck_assert_ptr_nonnull(act);
		ck_assert_uint_eq(act->ticket, ticket);
		act->error = -EBUSY;
		messages_answer(rig.children);
		ck_assert_ptr_null(messages_asked(rig.children));
		ck_assert_int_eq(channel_receive(said, &answer), 1);
		ck_assert_uint_eq(answer.ticket, ticket);
		ck_assert_uint_eq(answer.number, EBUSY);
	}
	channel_free(&said);
	channel_free(&own);
}
END_TEST

/* Nor is anybody kept waiting by what was handed over for it. */
START_TEST(what_one_asked_that_has_died_is_not_done)
{
	struct channel *said;
	int lingering = lingering_new(), other = lingering_new();

	start();
	ev_io_stop(rig.loop, &rig.children->control.read_io);
	said = speak_for_it();
	ask(said, 1, lingering);
	ask(said, 2, other);
	close(lingering);
	close(other);
	turn();
	ck_assert_ptr_nonnull(messages_asked(rig.children));
	kill(rig.children->control.pid, SIGKILL);
	UNTIL(rig_births(CHILD_CONTROL) == 2);
	ck_assert_ptr_null(messages_asked(rig.children));
	channel_free(&said);
	channel_free(&own);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("control child");
	TCase *tests = tcase_create("control child");

	tcase_add_checked_fixture(tests, setup, rig_teardown);
	tcase_add_test(tests, it_is_started_where_something_listens);
	tcase_add_test(tests,
	    one_that_is_killed_again_and_again_costs_no_worker_its_turn);
	tcase_add_test(tests, without_it_the_service_goes_on);
	tcase_add_test(tests,
	    one_that_is_never_ready_keeps_nobody_from_serving);
	tcase_add_test(tests, it_is_stopped_by_itself);
	tcase_add_test(tests,
	    its_acts_are_taken_one_by_one_and_answered_in_turn);
	tcase_add_test(tests, what_one_asked_that_has_died_is_not_done);
	suite_add_tcase(suite, tests);
	return run_suite(suite);
}
