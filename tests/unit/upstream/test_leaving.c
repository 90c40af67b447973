/* SPDX-License-Identifier: Apache-2.0 */
/* A client is gone: when its worker may close its session, whoever is killed
 * meanwhile. */
#include "common/net/digest.h"
#include "common/net/endpoint.h"
#include "common/shm/directory.h"
#include "common/shm/frame_kind.h"
#include "common/shm/journal.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/net/loopback.h"
#include "tests/unit/upstream/resume_rig.h"
#include "worker/upstream/link/link.h"
#include "worker/upstream/send/collect.h"
#include "worker/upstream/send/lane.h"
#include "worker/upstream/send/pump.h"
#include "worker/upstream/session/leaving.h"

#include <check.h>
#include <string.h>

static const char presence[] = "<presence type=\"unavailable\"/>";

static void
find_session(void)
{
	ck_assert_int_eq(directory_find(up.directory, resume_streamid,
			     strlen(resume_streamid), &session.slot,
			     &session.generation),
	    0);
}

static struct lane_log *
log_of_session(void)
{
	return &up.lanes[session.slot % LANE_COUNT].log;
}

/* The worker says it, and upstream takes it up. */
static void
say(uint8_t kind, const char *text)
{
	const struct frame_id id = { .kind = kind,
		.slot = session.slot,
		.generation = session.generation };
	struct ring ring;

	region_up_ring(up.region, 0, session.slot % LANE_COUNT, &ring);
	CHECK(ring_inherit(&ring, RING_PRODUCER) == 0);
	CHECK(ring_push(&ring, &id, text, (uint32_t)strlen(text)) == 0);
	collect_look_at_all(&up);
	(void)collect(&up);
}

static void
say_leave(void)
{
	find_session();
	session_set_flag(&up, session, ROUTE_CREATED, true);
	say(FRAME_PRESENCE, presence);
	say(FRAME_LEAVE, "");
	CHECK(lane_log_head(log_of_session()) == 2);
}

static void
serve(void)
{
	up.briefed = true;
	while (pump_link(resume_link))
		;
}

static void
confirm(void)
{
	pump_confirm(resume_link, journal_head(resume_link->journal));
}

static void
do_nothing(void)
{
}

/* This process has the link and the worker. */
static void
begin(resume_work_fn *work)
{
	resume_live_and_die(true, work);
	resume_succeed();
	ck_assert_msg(resume_goes_on(), "the link should go on");
	resume_join_worker();
	find_session();
	ring_begin(&worker_end, RING_CONSUMER);
}

/* `left` frames in the worker's ring. */
static unsigned
count_left(void)
{
	uint64_t cursor = ring_tail(&worker_end);
	unsigned count = 0;
	struct frame frame;

	while (ring_next(&worker_end, &cursor, &frame) == 1)
		count += frame.kind == FRAME_LEFT &&
			 frame.slot == session.slot &&
			 frame.generation == session.generation;
	return count;
}

static void
pass(double seconds)
{
	up.now_s += seconds;
	leaving_tick(&up);
}

START_TEST(left_follows_the_confirmation)
{
	begin(do_nothing);
	say_leave();
	serve();
	pass(10);
	ck_assert_uint_eq(count_left(), 0);
	confirm();
	ck_assert_msg(lanes_are_drained(&up), "all should be confirmed");
	pass(LEAVING_SETTLE_S * 0.9);
	ck_assert_uint_eq(count_left(), 0);
	pass(LEAVING_SETTLE_S);
	ck_assert_uint_eq(count_left(), 1);
	pass(10);
	ck_assert_uint_eq(count_left(), 1);
}
END_TEST

START_TEST(who_says_leave_again_and_again_is_told_once)
{
	begin(do_nothing);
	say_leave();
	serve();
	confirm();
	for (unsigned i = 0; i < 100; i++)
		say(FRAME_LEAVE, "");
	serve();
	ck_assert_msg(lanes_are_drained(&up), "nothing is waited for");
	pass(1);
	ck_assert_uint_eq(count_left(), 1);
}
END_TEST

START_TEST(where_all_is_confirmed_already_it_needs_no_link)
{
	begin(do_nothing);
	session_set_flag(&up, session, ROUTE_CREATED, true);
	say(FRAME_LEAVE, "");
	serve();
	ck_assert_msg(lanes_are_drained(&up), "nothing is waited for");
	pass(LEAVING_SETTLE_S);
	ck_assert_uint_eq(count_left(), 1);
}
END_TEST

START_TEST(while_links_are_not_read_it_waits)
{
	begin(do_nothing);
	say_leave();
	serve();
	confirm();
	up.blocked = true;
	pass(10);
	ck_assert_uint_eq(count_left(), 0);
	up.blocked = false;
	pass(0);
	ck_assert_uint_eq(count_left(), 1);
}
END_TEST

static const uint16_t over[] = { ROUTE_CLOSING, ROUTE_DEAD };

START_TEST(a_session_that_is_over_needs_none)
{
	begin(do_nothing);
	say_leave();
	serve();
	confirm();
	session_set_flag(&up, session, over[_i], true);
	pass(1);
	ck_assert_uint_eq(count_left(), _i == 0 ? 0 : 1);
}
END_TEST

START_TEST(a_link_that_dies_delays_it)
{
	begin(do_nothing);
	say_leave();
	serve();
	link_fail(resume_link, LOG_NOTICE, "a test");
	while (link_bury(resume_link))
		;
	pass(10);
	ck_assert_uint_eq(count_left(), 0);
	ck_assert_uint_eq(lane_log_sent(log_of_session()), 0);
	ck_assert_uint_eq(lane_log_head(log_of_session()), 2);
}
END_TEST

/* --- upstream is killed --- */

static void
send_and_die(void)
{
	say_leave();
	serve();
}

static void
confirm_and_die(void)
{
	send_and_die();
	confirm();
}

/* Noted, and not yet released. */
static void
die_between(void)
{
	send_and_die();
	leaving_confirmed(&up, session);
}

static void
tell_and_die(void)
{
	confirm_and_die();
	pass(1);
}

static const struct {
	resume_work_fn *work;
	bool is_confirmed;
} deaths[] = {
	{ say_leave, false },
	{ send_and_die, false },
	{ die_between, false },
	{ confirm_and_die, true },
	{ tell_and_die, true },
};

START_TEST(a_successor_sends_it_again)
{
	begin(deaths[_i].work);
	ck_assert_uint_eq(lane_log_head(log_of_session()), 2);
	leaving_tick(&up); /* finds those of its predecessor */
	serve();
	if (!deaths[_i].is_confirmed)
		confirm();
	pass(1);
	ck_assert_uint_eq(count_left(), 1);
}
END_TEST

START_TEST(a_successor_waits_until_it_knows_the_workers)
{
	resume_live_and_die(true, confirm_and_die);
	resume_succeed();
	find_session();
	pass(1);
	resume_join_worker();
	ring_begin(&worker_end, RING_CONSUMER);
	pass(1);
	ck_assert_uint_eq(count_left(), 0);
	up.briefed = true;
	pass(1);
	ck_assert_uint_eq(count_left(), 1);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("leaving");
	TCase *tcase = tcase_create("leaving");

	tcase_add_checked_fixture(tcase, resume_setup, resume_teardown);
	tcase_add_test(tcase, left_follows_the_confirmation);
	tcase_add_test(tcase, who_says_leave_again_and_again_is_told_once);
	tcase_add_test(tcase, where_all_is_confirmed_already_it_needs_no_link);
	tcase_add_test(tcase, while_links_are_not_read_it_waits);
	tcase_add_loop_test(tcase, a_session_that_is_over_needs_none, 0,
	    (int)ARRAY_LEN(over));
	tcase_add_test(tcase, a_link_that_dies_delays_it);
	tcase_add_loop_test(tcase, a_successor_sends_it_again, 0,
	    (int)ARRAY_LEN(deaths));
	tcase_add_test(tcase, a_successor_waits_until_it_knows_the_workers);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
