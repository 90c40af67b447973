/* SPDX-License-Identifier: Apache-2.0 */
/* What operators are told of links and lanes: how much is where on its way up,
 * and that a server hangs. */
#include "common/process/config.h"
#include "common/shm/frame_kind.h"
#include "common/shm/link_report.h"
#include "common/shm/stats.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/log/log_lines.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/upstream/link/link.h"
#include "worker/upstream/send/collect.h"
#include "worker/upstream/send/lane.h"

#include <check.h>
#include <string.h>

#define LANE 5u
#define LINK 5u

static struct link *const asked = &up.links[LINK];

static void
setup(void)
{
	begin_upstream();
	asked->state = LINK_SERVING;
	link_set_join(&up.set, LINK); /* all lanes are its then */
}

static void
say(unsigned lane, unsigned len)
{
	buf_reset(&up.scratch);
	for (unsigned i = 0; i < len; i++)
		buf_append_char(&up.scratch, 'x');
	ck_assert_msg(lane_say(&up, lane, FRAME_OTHER, (struct session){ 0 }),
	    "the lane should have room");
}

static struct lane_report
lane_shown(unsigned number)
{
	struct lane_report report;

	lanes_publish(&up);
	ck_assert_msg(lane_report_read(up.region, number, &report),
	    "there should be a report of the lane");
	return report;
}

static struct link_report
link_shown(void)
{
	struct link_report report;

	link_publish(asked);
	ck_assert_msg(link_report_read(up.region, LINK, &report),
	    "there should be a report of the link");
	return report;
}

START_TEST(what_is_sent_and_what_waits_are_told_apart)
{
	struct lane_report lane;
	struct link_report link;

	for (unsigned len = 100; len <= 400; len += 100)
		say(LANE, len);
	say(0, 7);
	lane_log_set_sent(&up.lanes[LANE].log, 3);
	lane_log_set_sent(&up.lanes[0].log, 1);
	lane_log_release(&up.lanes[LANE].log, 1);
	lane = lane_shown(LANE);
	ck_assert_uint_eq(lane.link, LINK);
	ck_assert_str_eq(lane.state, "carried");
	ck_assert_uint_eq(lane.unconfirmed_entries, 2);
	ck_assert_uint_eq(lane.unconfirmed_bytes, 500);
	ck_assert_uint_eq(lane.unsent_entries, 1);
	ck_assert_uint_eq(lane.unsent_bytes, 400);
	ck_assert_uint_eq(lane.uncollected_bytes, 0);
	link = link_shown();
	ck_assert_uint_eq(link.unconfirmed_entries, 3);
	ck_assert_uint_eq(link.unconfirmed_bytes, 507);
}
END_TEST

START_TEST(frames_in_a_workers_ring_are_not_yet_collected)
{
	unsigned number;
	uint64_t bytes;

	begin_session();
	number = session.slot % LANE_COUNT;
	worker_says(FRAME_PRESENCE, "<presence/>", 11);
	ck_assert_uint_eq(lane_shown(number).uncollected_bytes, 0);
	collect_look_at_all(&up);
	bytes = lane_shown(number).uncollected_bytes;
	ck_assert_uint_gt(bytes, 11);
	ck_assert_uint_le(bytes, 64);
	ck_assert_uint_eq(lane_shown(number ^ 1).uncollected_bytes, 0);
	ck_assert_msg(collect(&up), "it should be collected");
	ck_assert_uint_eq(lane_shown(number).uncollected_bytes, 0);
	ck_assert_uint_gt(lane_shown(number).unsent_bytes, 11);
	finish_session();
}
END_TEST

START_TEST(a_lane_is_as_old_as_its_oldest_entry)
{
	double begun = up.now_s;

	ck_assert_double_eq(lane_shown(LANE).oldest_since, 0);
	say(LANE, 1);
	ck_assert_double_eq(lane_shown(LANE).oldest_since, begun);
	up.now_s = begun + 5;
	say(LANE, 1);
	ck_assert_double_eq(lane_shown(LANE).oldest_since, begun);
	lane_log_release(&up.lanes[LANE].log, 1);
	ck_assert_double_eq(lane_shown(LANE).oldest_since, begun + 5);
	lane_log_release(&up.lanes[LANE].log, 2);
	ck_assert_double_eq(lane_shown(LANE).oldest_since, 0);
}
END_TEST

START_TEST(whose_a_lane_is_has_a_name)
{
	link_set_join(&up.set, LANE + 1); /* the next one's home */
	ck_assert_str_eq(lane_shown(LANE + 1).state, "leaving");
	ck_assert_uint_eq(lane_shown(LANE + 1).link, LINK);
	up.revalidations[LANE].active = true;
	ck_assert_str_eq(lane_shown(LANE).state, "revalidating");
	up.revalidations[LANE].active = false;
	link_set_lose(&up.set, LANE + 1);
	link_set_lose(&up.set, LINK);
	ck_assert_str_eq(lane_shown(LANE).state, "homeless");
	ck_assert_uint_eq(lane_shown(LANE).link, LINKS_MAX);
}
END_TEST

/* --- a server that hangs --- */

static uint64_t
ask(void)
{
	uint64_t serial = link_send_barrier(asked);

	ck_assert_uint_ne(serial, 0);
	barrier_sent(&asked->barriers, 1, up.now_s);
	return serial;
}

static void
answer(uint64_t serial)
{
	uint64_t covers;

	ck_assert_int_eq(barrier_answered(&asked->barriers, serial, up.now_s,
			     &covers),
	    0);
	link_answered(asked);
}

/* Ticks until `seconds` have passed. */
static void
pass(double seconds)
{
	double end = up.now_s + seconds;

	while (up.now_s < end) {
		up.now_s += 0.1;
		link_check_barriers(asked);
	}
}

START_TEST(a_server_that_answers_nothing_hangs_after_two_seconds)
{
	double since = up.now_s;
	uint64_t serial = ask();

	pass(1.8);
	ck_assert_str_eq(link_shown().state, "serving");
	ck_assert_uint_eq(log_lines_with("not responding"), 0);
	pass(0.4);
	ck_assert_str_eq(link_shown().state, "hanging");
	ck_assert_double_eq(link_shown().silent_since, since);
	ck_assert_uint_eq(log_lines_with("not responding"), 1);
	ck_assert_msg(!asked->lost, "it should not be given up so early");
	answer(serial);
	ck_assert_str_eq(link_shown().state, "serving");
	ck_assert_double_eq(link_shown().silent_since, 0);
}
END_TEST

START_TEST(half_of_a_short_patience_is_enough)
{
	struct config config = *up.config;

	config.server.hang_timeout_s = 1;
	up.config = &config;
	(void)ask();
	pass(0.4);
	ck_assert_str_eq(link_shown().state, "serving");
	pass(0.2);
	ck_assert_str_eq(link_shown().state, "hanging");
}
END_TEST

/* One that is slow answers, and is no hanging one. */
START_TEST(silence_counts_and_not_the_age_of_a_question)
{
	uint64_t first = ask();

	pass(0.1);
	(void)ask();
	pass(1.4);
	answer(first);
	pass(1.8);
	ck_assert_str_eq(link_shown().state, "serving");
	pass(0.4);
	ck_assert_str_eq(link_shown().state, "hanging");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("published");
	TCase *tcase = tcase_create("published");

	tcase_add_checked_fixture(tcase, setup, finish_upstream);
	tcase_add_test(tcase, what_is_sent_and_what_waits_are_told_apart);
	tcase_add_test(tcase, frames_in_a_workers_ring_are_not_yet_collected);
	tcase_add_test(tcase, a_lane_is_as_old_as_its_oldest_entry);
	tcase_add_test(tcase, whose_a_lane_is_has_a_name);
	tcase_add_test(tcase,
	    a_server_that_answers_nothing_hangs_after_two_seconds);
	tcase_add_test(tcase, half_of_a_short_patience_is_enough);
	tcase_add_test(tcase, silence_counts_and_not_the_age_of_a_question);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
