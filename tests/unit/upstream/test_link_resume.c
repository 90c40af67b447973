/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a predecessor was sending as it was killed: its successor sends the rest
 * on the same link, or says of a lost one how far it got.
 */
#include "common/net/endpoint.h"
#include "common/net/fd.h"
#include "common/process/config.h"
#include "common/shm/directory.h"
#include "common/shm/journal.h"
#include "common/shm/stats.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/net/loopback.h"
#include "tests/unit/upstream/resume_rig.h"
#include "worker/upstream/link/link.h"
#include "worker/upstream/recovery/link_resume.h"
#include "worker/upstream/send/batch.h"
#include "worker/upstream/send/isolation.h"
#include "worker/upstream/send/lane.h"
#include "worker/upstream/send/pump.h"
#include "worker/upstream/send/suspects.h"
#include "worker/upstream/service/outage.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define OTHER 1u

#define ENTRIES 3u /* of each lane, in the batch */

static void
say(unsigned lane, const char *text)
{
	buf_reset(&up.scratch);
	buf_append(&up.scratch, text, strlen(text));
	CHECK(lane_say(&up, lane, FRAME_PRESENCE,
	    (struct session){ .slot = SESSION_NO_SLOT }));
}

static const char *
entry(unsigned lane, unsigned number)
{
	static char text[32];

	snprintf(text, sizeof(text), "<lane%u.%u/>", lane, number);
	return text;
}

static void
expect_text(const char *text)
{
	char got[4096];
	size_t len = 0, want = strlen(text);

	while (len < want) {
		ssize_t now;

		wait_for(resume_server, POLLIN);
		now = recv(resume_server, got + len, sizeof(got) - 1 - len, 0);
		ck_assert_int_gt(now, 0);
		len += (size_t)now;
		got[len] = '\0';
		ck_assert_msg(len <= want && memcmp(got, text, len) == 0,
		    "the server should get %s, not %s", text, got);
	}
}

/* The batch's bytes, and what is said behind it. */
static size_t
all_text(char *out, size_t size, bool with_rest)
{
	size_t len = 0;

	len += (size_t)snprintf(out, size, "<ctl/>");
	for (unsigned lane = 0; lane < 2; lane++)
		for (unsigned i = 0; i < ENTRIES; i++)
			len += (size_t)snprintf(out + len, size - len, "%s",
			    entry(lane, i));
	if (with_rest)
		len += (size_t)snprintf(out + len, size - len, "%s",
		    entry(1, ENTRIES));
	return len;
}

static size_t written;

/* Killed as the kernel has taken so many bytes of a batch. */
static void
write_partly(void)
{
	char text[1024];

	buf_reset(&up.scratch);
	buf_append(&up.scratch, "<ctl/>", 6);
	CHECK(link_send(resume_link, FRAME_OTHER));
	for (unsigned lane = 0; lane < 2; lane++)
		for (unsigned i = 0; i < ENTRIES; i++)
			say(lane, entry(lane, i));
	batch_fill(resume_link);
	(void)all_text(text, sizeof(text), false);
	CHECK(send(resume_link->fd, text, written, 0) == (ssize_t)written);
	say(1, entry(1, ENTRIES));
}

START_TEST(the_server_gets_every_byte_once_and_in_order)
{
	size_t step = strlen(entry(0, 0)), len;
	const size_t cuts[] = { 0, 1, 5, 6, 7, 6 + step, 6 + 3 * step - 1,
		6 + 3 * step, 6 + 3 * step + 1, 6 + 5 * step, 6 + 6 * step };
	char text[1024];

	ck_assert_uint_lt((unsigned)_i, ARRAY_LEN(cuts));
	written = cuts[_i];
	resume_live_and_die(true, write_partly);
	resume_succeed();
	ck_assert_msg(resume_goes_on(), "the link should go on");
	ck_assert_uint_eq(up.lanes[0].in_flight, 1);
	up.briefed = true;
	while (pump_link(resume_link))
		;
	len = all_text(text, sizeof(text), true);
	expect_text(text);
	ck_assert_uint_eq(transport_produced(&resume_link->transport), len);
	pump_confirm(resume_link, journal_head(resume_link->journal));
	ck_assert_msg(lanes_are_drained(&up), "all should be confirmed");
	ck_assert_uint_eq(up.lanes[0].in_flight, 0);
	ck_assert_uint_eq(up.lanes[1].in_flight, 0);
}
END_TEST

/* Killed in the midst of a confirmation: the lane's part of it is done. */
static void
confirm_partly(void)
{
	write_partly();
	resume_link->batch = (struct batch){ 0 };
	say(0, "<more/>");
	batch_fill(resume_link);
	CHECK(send(resume_link->fd, "<more/>", 7, 0) == 7);
	lane_log_release(&up.lanes[0].log, ENTRIES + 1);
}

START_TEST(what_was_confirmed_already_stays_so)
{
	uint64_t tail;

	written = 6 + 6 * strlen(entry(0, 0));
	resume_live_and_die(true, confirm_partly);
	resume_succeed();
	ck_assert_msg(resume_goes_on(), "the link should go on");
	ck_assert_uint_eq(lane_log_tail(&up.lanes[0].log), ENTRIES + 1);
	tail = journal_tail(resume_link->journal);
	pump_confirm(resume_link, tail + 2); /* and of lane 0 one of two */
	ck_assert_uint_eq(lane_log_tail(&up.lanes[0].log), ENTRIES + 1);
	pump_confirm(resume_link, journal_head(resume_link->journal));
	ck_assert_uint_eq(up.lanes[0].in_flight, 0);
	ck_assert_uint_eq(lane_log_tail(&up.lanes[0].log), ENTRIES + 1);
}
END_TEST

/* --- lanes --- */

static int other_server, other_kept;

/* Lane 0 has moved to this link in the turn in which all ends: that it was on
 * another one is still remembered. */
static void
move_a_lane(void)
{
	struct link *other = &up.links[OTHER];

	write_partly();
	link_open(other, dup(other_kept));
	other->state = LINK_SERVING;
	other->joined = true;
	other->cookie = resume_left[OTHER].cookie;
	link_set_join(&up.set, OTHER);
	link_remember(other);
	up.memory->holders[0] = up.memory->holders[9] = OTHER;
}

START_TEST(a_lane_is_where_its_bytes_are)
{
	int ends[2];

	loopback_pair("127.0.0.1", ends);
	other_kept = ends[0];
	other_server = ends[1];
	ck_assert_int_eq(endpoint_cookie(other_kept,
			     &resume_left[OTHER].cookie),
	    0);
	resume_live_and_die(true, move_a_lane);
	resume_left[OTHER].fd = dup(other_kept);
	resume_succeed();
	ck_assert_uint_eq(up.set.joined, 1u << RESUME_LINK | 1u << OTHER);
	ck_assert_int_eq(link_set_holder(&up.set, 0), RESUME_LINK);
	ck_assert_int_eq(link_set_holder(&up.set, 8), RESUME_LINK);
	ck_assert_int_eq(link_set_holder(&up.set, 9), OTHER);
	fd_close(&other_kept);
	fd_close(&other_server);
}
END_TEST

/* --- links that do not go on --- */

static void
with_tls(void)
{
	link_remember_tls(resume_link);
	write_partly();
}

static void
on_another_socket(void)
{
	write_partly();
	up.memory->links[RESUME_LINK].cookie++;
}

static void
parsed_too_far(void)
{
	write_partly();
	link_position_set(&up.memory->links[RESUME_LINK].parsed, 1);
}

static void
with_a_damaged_origin(void)
{
	write_partly();
	link_position_set(&up.memory->links[RESUME_LINK].origin, 1);
}

static resume_work_fn *const losses[] = { with_tls, on_another_socket,
	parsed_too_far, with_a_damaged_origin };

/* All of lane 0, one of lane 1 and a byte of the next have left. */
static void
expect_doubt(void)
{
	struct lane_entry found;

	ck_assert_int_eq(resume_link->fd, -1);
	ck_assert_int_eq(link_set_holder(&up.set, 0), LINK_NONE);
	for (unsigned lane = 0; lane < 2; lane++) {
		struct lane_log *log = &up.lanes[lane].log;

		ck_assert_uint_eq(up.lanes[lane].in_flight, 0);
		ck_assert_uint_eq(lane_log_sent(log), lane_log_tail(log));
		for (unsigned i = 0; i < ENTRIES; i++) {
			ck_assert_int_eq(lane_log_read(log, i, &found), 0);
			ck_assert_msg((found.marks == LANE_IN_DOUBT) ==
					  (lane == 0 || i == 0),
			    "entry %u of lane %u has marks %u", i, lane,
			    found.marks);
		}
	}
	ck_assert_uint_eq(up.memory->links[RESUME_LINK].cookie, 0);
	ck_assert_uint_eq(resume_parsed(), 0);
}

START_TEST(what_a_lost_link_carried_is_in_doubt_as_far_as_it_left)
{
	written = 6 + 4 * strlen(entry(0, 0)) + 1;
	resume_live_and_die(true, losses[_i]);
	stats_attach(resume_region, 0);
	resume_succeed();
	ck_assert_msg(!resume_goes_on(), "the link should not go on");
	ck_assert_uint_eq(stats_sum(resume_region, STAT_LINKS_NOT_RESUMED), 1);
	expect_doubt();
}
END_TEST

static void
reset_by_the_server(void)
{
	write_partly();
	endpoint_reset(resume_server);
}

/* What it still holds for us is read first. */
START_TEST(one_that_is_over_is_judged_when_it_has_been_read_to_its_end)
{
	written = 6 + 4 * strlen(entry(0, 0)) + 1;
	resume_live_and_die(true, reset_by_the_server);
	resume_succeed();
	ck_assert_msg(resume_goes_on(), "the link should be read");
	(void)pump_link(resume_link);
	ck_assert_msg(!link_bury(resume_link), "workers are not known yet");
	up.briefed = true;
	ck_assert_msg(link_bury(resume_link), "its end should be found");
	expect_doubt();
}
END_TEST

/* --- what was being found out --- */

static void
revalidate(void)
{
	directory_set_flags(up.directory, resume_slot, ROUTE_CREATED);
	up.revalidations[3].active = true;
	links_remember(&up);
}

START_TEST(sessions_that_were_being_revalidated_are_so_anew)
{
	unsigned lane;

	resume_live_and_die(true, revalidate);
	resume_succeed();
	ck_assert_msg(resume_goes_on(), "the link should go on");
	lane = resume_slot % LANE_COUNT;
	ck_assert_msg(up.revalidations[lane].active,
	    "it should be asked after");
	ck_assert_uint_eq(up.revalidations[lane].count, 1);
	ck_assert_int_eq(up.server.phase, SERVER_SERVING);
}
END_TEST

static bool is_configured;

static void
come_back(void)
{
	up.server.phase = SERVER_HOLDING;
	up.configured = is_configured;
	atomic_store(&up.memory->configured, is_configured);
	outage_publish(&up);
	links_remember(&up);
}

/* The only one that hears what the server offers is the first link. */
START_TEST(a_server_that_was_coming_back_serves_once_it_has_said_all)
{
	is_configured = _i;
	resume_live_and_die(true, come_back);
	resume_succeed();
	ck_assert_msg(resume_goes_on(), "the link should go on");
	ck_assert_int_eq(up.server.phase, SERVER_HOLDING);
	up.now_s += up.config->server.grace_s + 1;
	outage_tick(&up);
	ck_assert_int_eq(up.server.phase,
	    is_configured ? SERVER_SERVING : SERVER_HOLDING);
}
END_TEST

/* One of lane 1 alone has left three times on links that died. */
static void
try_a_suspect(void)
{
	const char *text = entry(1, 0);

	say(1, text);
	for (unsigned i = 0; i < 3; i++)
		suspects_left(up.lanes[1].suspects, 1);
	up.isolation.state = ISOLATION_TRYING;
	up.isolation.link = RESUME_LINK;
	up.isolation.any = true;
	up.isolation.left = 1;
	up.isolation.deaths = 3;
	batch_fill(resume_link);
	CHECK(send(resume_link->fd, text, strlen(text), 0) ==
	      (ssize_t)strlen(text));
	links_remember(&up);
}

START_TEST(a_trial_of_suspects_goes_on)
{
	resume_live_and_die(true, try_a_suspect);
	resume_succeed();
	ck_assert_msg(resume_goes_on(), "the link should go on");
	ck_assert_int_eq(up.isolation.state, ISOLATION_TRYING);
	ck_assert_int_eq(up.isolation.link, RESUME_LINK);
	up.briefed = true;
	say(2, entry(2, 0));
	batch_fill(resume_link);
	ck_assert_uint_eq(resume_link->batch.count, 0);
	endpoint_reset(resume_server);
	link_write_failed(resume_link);
	(void)link_bury(resume_link);
	ck_assert_msg(suspects_is_given_up(up.lanes[1].suspects, 1),
	    "it was alone");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("link_resume");
	TCase *tcase = tcase_create("link_resume");

	suite_add_tcase(suite, tcase);
	tcase_add_checked_fixture(tcase, resume_setup, resume_teardown);
	tcase_add_loop_test(tcase, the_server_gets_every_byte_once_and_in_order,
	    0, 11);
	tcase_add_test(tcase, what_was_confirmed_already_stays_so);
	tcase_add_test(tcase, a_lane_is_where_its_bytes_are);
	tcase_add_loop_test(tcase,
	    what_a_lost_link_carried_is_in_doubt_as_far_as_it_left, 0,
	    ARRAY_LEN(losses));
	tcase_add_test(tcase,
	    one_that_is_over_is_judged_when_it_has_been_read_to_its_end);
	tcase_add_test(tcase, sessions_that_were_being_revalidated_are_so_anew);
	tcase_add_loop_test(tcase,
	    a_server_that_was_coming_back_serves_once_it_has_said_all, 0, 2);
	tcase_add_test(tcase, a_trial_of_suspects_goes_on);
	return run_suite(suite);
}
