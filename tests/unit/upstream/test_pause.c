/* SPDX-License-Identifier: Apache-2.0 */
/* A pause for a restart of the server: its stages, what ends it, and who tells
 * the clients of a server that has forgotten them. */
#include "common/process/config.h"
#include "common/shm/directory.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/log/log_lines.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/upstream/service/outage.h"
#include "worker/upstream/service/pause.h"
#include "worker/upstream/session/forgotten.h"
#include "worker/upstream/session/session.h"

#include <check.h>

#define BOUND_S 60u

static const struct multiplex_configuration configuration;

/* One link is up, and all is served. */
static void
begin_serving(void)
{
	begin_upstream();
	up.briefed = true;
	link_set_join(&up.set, 0);
	outage_link_joined(&up);
	outage_configure(&up, NULL, &configuration);
	ck_assert_int_eq(up.server.phase, SERVER_SERVING);
	ck_assert_double_eq(up.hold_until, 0);
}

static void
tick_after(double seconds)
{
	up.now_s += seconds;
	pause_tick(&up);
	outage_tick(&up);
	forgotten_tick(&up);
}

static void
lose_link(void)
{
	link_set_lose(&up.set, 0);
	outage_link_lost(&up);
}

static void
get_link_back(void)
{
	link_set_join(&up.set, 0);
	outage_link_joined(&up);
	outage_configure(&up, NULL, &configuration);
}

static void
expect(enum server_phase phase, enum server_pause pause)
{
	struct server_state seen = { 0 };

	ck_assert_int_eq(up.server.phase, phase);
	ck_assert_int_eq(up.server.pause, pause);
	ck_assert_msg(server_state_read(up.region, &seen),
	    "it should have been published");
	ck_assert_int_eq(seen.phase, phase);
	ck_assert_int_eq(seen.pause, pause);
}

START_TEST(nothing_goes_up_once_all_is_confirmed)
{
	pause_begin(&up, BOUND_S);
	expect(SERVER_HOLDING, PAUSE_SETTLING);
	ck_assert_msg(!pause_holds(&up), "what is under way should go out");
	tick_after(0.1);
	expect(SERVER_HOLDING, PAUSE_HOLDING);
	ck_assert_msg(pause_holds(&up), "nothing more should go out");
	up.stopping = true;
	ck_assert_msg(!pause_holds(&up), "a stop should send all");
}
END_TEST

START_TEST(what_is_never_confirmed_is_not_waited_for)
{
	up.revalidations[3].active = true;
	pause_begin(&up, BOUND_S);
	tick_after(4.9);
	expect(SERVER_HOLDING, PAUSE_SETTLING);
	tick_after(0.2);
	expect(SERVER_HOLDING, PAUSE_HOLDING);
}
END_TEST

START_TEST(links_that_end_are_expected)
{
	pause_begin(&up, BOUND_S);
	tick_after(0.1);
	outage_shutdown(&up);
	outage_link_ended(&up);
	lose_link();
	expect(SERVER_HOLDING, PAUSE_AWAITING);
	tick_after(0.5 * BOUND_S);
	expect(SERVER_HOLDING, PAUSE_AWAITING);
	get_link_back();
	expect(SERVER_HOLDING, PAUSE_AWAITING);
	tick_after(PAUSE_STEADY_S);
	expect(SERVER_SERVING, PAUSE_NONE);
	ck_assert_uint_eq(up.server.disconnect_epoch, 0);
	ck_assert_uint_eq(log_lines_with(" warning "), 0);
	lose_link();
	ck_assert_uint_eq(log_lines_with("all links lost grace"), 1);
}
END_TEST

START_TEST(a_server_that_takes_links_while_it_stops_is_not_back)
{
	pause_begin(&up, BOUND_S);
	lose_link();
	get_link_back();
	tick_after(PAUSE_STEADY_S / 2);
	lose_link();
	tick_after(PAUSE_STEADY_S);
	get_link_back();
	tick_after(PAUSE_STEADY_S / 2);
	expect(SERVER_HOLDING, PAUSE_AWAITING);
	tick_after(PAUSE_STEADY_S / 2);
	expect(SERVER_SERVING, PAUSE_NONE);
}
END_TEST

START_TEST(a_link_that_comes_does_not_end_it_before_all_were_lost)
{
	pause_begin(&up, BOUND_S);
	tick_after(0.1);
	link_set_join(&up.set, 1);
	outage_link_joined(&up);
	outage_configure(&up, NULL, &configuration);
	tick_after(1);
	expect(SERVER_HOLDING, PAUSE_HOLDING);
	pause_resume(&up);
	expect(SERVER_SERVING, PAUSE_NONE);
}
END_TEST

START_TEST(to_resume_without_a_link_is_to_wait_for_one)
{
	pause_begin(&up, BOUND_S);
	lose_link();
	up.links[0].deadline = up.now_s + 50;
	pause_resume(&up);
	ck_assert_double_eq(up.links[0].deadline, 0);
	expect(SERVER_HOLDING, PAUSE_AWAITING);
	get_link_back();
	expect(SERVER_HOLDING, PAUSE_AWAITING);
	tick_after(PAUSE_STEADY_S);
	expect(SERVER_SERVING, PAUSE_NONE);
	pause_resume(&up);
	expect(SERVER_SERVING, PAUSE_NONE);
}
END_TEST

START_TEST(a_forgotten_one_ends)
{
	pause_begin(&up, BOUND_S);
	tick_after(BOUND_S - 1);
	expect(SERVER_HOLDING, PAUSE_HOLDING);
	tick_after(1);
	expect(SERVER_SERVING, PAUSE_NONE);
	ck_assert_uint_eq(log_lines_with("expired=yes"), 1);
	pause_begin(&up, BOUND_S);
	lose_link();
	tick_after(BOUND_S);
	expect(SERVER_GONE, PAUSE_NONE);
	ck_assert_uint_eq(up.server.disconnect_epoch, 1);
}
END_TEST

/* ... and each of them only once. */
START_TEST(links_that_are_lost_late_have_the_grace)
{
	double grace = up.config->server.grace_s;

	pause_begin(&up, BOUND_S);
	tick_after(BOUND_S - 1);
	lose_link();
	tick_after(grace / 2);
	expect(SERVER_HOLDING, PAUSE_AWAITING);
	link_set_join(&up.set, 0);
	lose_link();
	tick_after(grace / 2);
	expect(SERVER_GONE, PAUSE_NONE);
}
END_TEST

START_TEST(a_second_order_changes_its_end)
{
	pause_begin(&up, 5);
	tick_after(0.1);
	pause_begin(&up, BOUND_S);
	expect(SERVER_HOLDING, PAUSE_HOLDING);
	tick_after(BOUND_S - 1);
	expect(SERVER_HOLDING, PAUSE_HOLDING);
	lose_link();
	get_link_back();
	pause_begin(&up, BOUND_S);
	expect(SERVER_HOLDING, PAUSE_SETTLING);
	tick_after(PAUSE_STEADY_S);
	expect(SERVER_HOLDING, PAUSE_HOLDING);
	pause_begin(&up, UINT32_MAX);
	ck_assert_double_le(up.hold_until, up.now_s + SERVER_PAUSE_MAX_S);
}
END_TEST

START_TEST(without_a_server_there_is_nothing_to_pause)
{
	up.server.phase = SERVER_UNKNOWN;
	pause_begin(&up, BOUND_S);
	ck_assert_int_eq(up.server.pause, PAUSE_NONE);
}
END_TEST

START_TEST(one_without_links_ends_with_the_first)
{
	lose_link();
	pause_begin(&up, BOUND_S);
	expect(SERVER_HOLDING, PAUSE_AWAITING);
	get_link_back();
	expect(SERVER_HOLDING, PAUSE_AWAITING);
	tick_after(PAUSE_STEADY_S);
	expect(SERVER_SERVING, PAUSE_NONE);
}
END_TEST

START_TEST(a_successor_finds_it)
{
	pause_begin(&up, BOUND_S);
	tick_after(0.1);
	/* As a process that has just begun. */
	up.server = (struct server_state){ 0 };
	up.hold_until = up.settle_until = 0;
	link_set_lose(&up.set, 0);
	outage_begin(&up, false);
	expect(SERVER_HOLDING, PAUSE_HOLDING);
	tick_after(BOUND_S - 1);
	expect(SERVER_HOLDING, PAUSE_HOLDING);
	get_link_back();
	expect(SERVER_HOLDING, PAUSE_HOLDING);
	tick_after(2);
	expect(SERVER_SERVING, PAUSE_NONE);
}
END_TEST

/* A predecessor was killed in the midst of it, and an operator orders a pause
 * before the first tick. */
START_TEST(a_mass_disconnect_that_has_begun_is_ended_before_one)
{
	atomic_store(&up.memory->disconnecting, true);
	lose_link();
	outage_begin(&up, false);
	outage_briefed(&up);
	expect(SERVER_GONE, PAUSE_NONE);
	ck_assert_uint_eq(up.server.disconnect_epoch, 1);
	ck_assert_uint_eq(atomic_load(&up.memory->disconnecting), 0);
	pause_begin(&up, BOUND_S);
	expect(SERVER_HOLDING, PAUSE_AWAITING);
}
END_TEST

/* It was killed when all were told. */
START_TEST(a_mass_disconnect_is_not_ended_twice)
{
	atomic_store(&up.memory->disconnecting, true);
	lose_link();
	up.server.phase = SERVER_GONE;
	outage_publish(&up);
	outage_begin(&up, false);
	outage_briefed(&up);
	expect(SERVER_GONE, PAUSE_NONE);
	ck_assert_uint_eq(up.server.disconnect_epoch, 0);
	ck_assert_uint_eq(atomic_load(&up.memory->disconnecting), 0);
}
END_TEST

START_TEST(trouble_with_links_is_no_warning_meanwhile)
{
	up.links[1].joined = true;
	ck_assert_int_eq(pause_log_level(&up, &up.links[0], LOG_WARNING),
	    LOG_WARNING);
	ck_assert_uint_eq(pause_failures(&up, 9), 9);
	pause_begin(&up, BOUND_S);
	ck_assert_int_eq(pause_log_level(&up, &up.links[0], LOG_WARNING),
	    LOG_DEBUG);
	ck_assert_int_eq(pause_log_level(&up, &up.links[1], LOG_WARNING),
	    LOG_NOTICE);
	ck_assert_int_eq(pause_log_level(&up, &up.links[1], LOG_ERROR),
	    LOG_ERROR);
	ck_assert_uint_le(pause_failures(&up, 9), 2);
	up.links[1].joined = false;
}
END_TEST

/* --- sessions that the server has forgotten --- */

static unsigned
count_told(void)
{
	struct frame frame;
	uint64_t cursor = 0;
	unsigned count = 0;

	while (ring_next(&worker_end, &cursor, &frame) == 1) {
		ck_assert_int_eq(frame.kind, FRAME_NOT_FOUND);
		count++;
	}
	return count;
}

static struct session
forget_one(void)
{
	struct session other;

	ck_assert_int_eq(directory_claim(up.directory, 0, &other.slot), 0);
	other.generation = directory_generation(up.directory, other.slot);
	forgotten_add(&up, other);
	return other;
}

START_TEST(who_is_forgotten_is_told_over_the_window)
{
	double window = up.config->server.disconnect_window_s;
	struct session other;
	unsigned i;

	empty_down_ring(0, 4096);
	up.partitions[0].phase = PHASE_SERVING;
	pause_begin(&up, BOUND_S);
	for (i = 0; i < 5; i++)
		other = forget_one();
	tick_after(window);
	ck_assert_uint_eq(count_told(), 0);
	pause_resume(&up);
	session_set_flag(&up, other, ROUTE_CLOSING, true);
	for (i = 1; i <= 4; i++) {
		tick_after(i == 1 ? 0 : window / 5);
		ck_assert_uint_eq(count_told(), i);
	}
	tick_after(window);
	ck_assert_uint_eq(count_told(), 4); /* the last has left */
	ck_assert_uint_eq(up.forgotten.count, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("pause");
	TCase *tcase = tcase_create("pause");

	tcase_add_checked_fixture(tcase, begin_serving, finish_upstream);
	tcase_add_test(tcase, nothing_goes_up_once_all_is_confirmed);
	tcase_add_test(tcase,
	    a_server_that_takes_links_while_it_stops_is_not_back);
	tcase_add_test(tcase, what_is_never_confirmed_is_not_waited_for);
	tcase_add_test(tcase, links_that_end_are_expected);
	tcase_add_test(tcase,
	    a_link_that_comes_does_not_end_it_before_all_were_lost);
	tcase_add_test(tcase, to_resume_without_a_link_is_to_wait_for_one);
	tcase_add_test(tcase, a_forgotten_one_ends);
	tcase_add_test(tcase, links_that_are_lost_late_have_the_grace);
	tcase_add_test(tcase, a_second_order_changes_its_end);
	tcase_add_test(tcase, without_a_server_there_is_nothing_to_pause);
	tcase_add_test(tcase, one_without_links_ends_with_the_first);
	tcase_add_test(tcase, a_successor_finds_it);
	tcase_add_test(tcase,
	    a_mass_disconnect_that_has_begun_is_ended_before_one);
	tcase_add_test(tcase, a_mass_disconnect_is_not_ended_twice);
	tcase_add_test(tcase, trouble_with_links_is_no_warning_meanwhile);
	tcase_add_test(tcase, who_is_forgotten_is_told_over_the_window);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
