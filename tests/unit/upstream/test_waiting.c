/* SPDX-License-Identifier: Apache-2.0 */
/* Senders of what waits for a link: who is notified when sessions turn out to
 * be dead, and when. */
#include "common/shm/directory.h"
#include "common/shm/frame_kind.h"
#include "common/shm/stats.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/upstream/receive/dispatch.h"
#include "worker/upstream/send/collect.h"
#include "worker/upstream/send/lane.h"
#include "worker/upstream/send/unconfirmed.h"
#include "worker/upstream/session/senders.h"
#include "worker/upstream/session/session_revalidation.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

static const char message[] =
    "<message to=\"b@example.org\"><body>x</body></message>";

static void
setup(void)
{
	begin_upstream();
	begin_session();
	stats_attach(up.region, 0);
	session_set_flag(&up, session, ROUTE_CREATED, true);
	worker_says(FRAME_MESSAGE, message, sizeof(message) - 1);
}

static void
teardown(void)
{
	finish_session();
	finish_upstream();
}

static void
take_up(void)
{
	collect_look_at_all(&up);
	(void)collect(&up);
}

/* Sessions of the lane have been revalidated. */
static void
revalidated(void)
{
	senders_notify(&up, session.slot % LANE_COUNT, true);
}

/* Its turn has come. */
static void
expect_not_sent(void)
{
	struct lane *lane = &up.lanes[session.slot % LANE_COUNT];
	struct lane_entry entry;

	ck_assert_msg(lane_read(lane, lane_log_sent(&lane->log), &entry),
	    "it is in its lane");
	ck_assert_msg(!unconfirmed_take(&up, lane, &entry), "it is not sent");
}

static uint64_t
errors(void)
{
	return stats_sum(up.region, STAT_UNCONFIRMED_ERRORS);
}

static const uint16_t ends[] = { ROUTE_DEAD, ROUTE_PAYS };

START_TEST(who_was_alive_gets_an_error_when_its_session_ends_later)
{
	bool collected = _i < 2;

	if (collected)
		take_up();
	revalidated();
	if (!collected)
		take_up();
	ck_assert_uint_eq(errors(), 0);
	session_set_flag(&up, session, ends[_i % 2], true);
	expect_not_sent();
	ck_assert_uint_eq(errors(), 1);
}
END_TEST

START_TEST(who_is_dead_gets_one_error)
{
	bool collected = _i == 0;

	session_set_flag(&up, session, ROUTE_DEAD, true);
	if (collected)
		take_up();
	revalidated();
	if (!collected)
		take_up();
	ck_assert_uint_eq(errors(), 1);
	if (collected)
		revalidated(); /* links died once more */
	expect_not_sent();
	ck_assert_uint_eq(errors(), 1);
}
END_TEST

START_TEST(who_was_sent_away_is_not_counted_as_lost)
{
	senders_notify(&up, session.slot % LANE_COUNT, false);
	ck_assert_uint_eq(errors(), 1);
	session_ended(&up, session);
	take_up();
	ck_assert_msg(collect_is_done(&up, 0), "its ring is empty");
	ck_assert_uint_eq(stats_sum(up.region, STAT_UNCONFIRMED_LOST), 0);
}
END_TEST

/* A probe's answer. */
static void
server_denies(void)
{
	static const char header[] =
	    "<stream:stream xmlns='jabber:connectionmanager' "
	    "xmlns:stream='http://etherx.jabber.org/streams' id='7'>";
	struct link *link = &up.links[0];
	char streamid[STREAMID_MAX + 1], text[512];

	directory_streamid(up.directory, session.slot, streamid);
	snprintf(text, sizeof(text),
	    "<route streamid='%s' from='example.org' to='cm1' type='error'>"
	    "<error code='404' type='cancel'><item-not-found "
	    "xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></route>",
	    streamid);
	link_reader_restart(&link->reader);
	ck_assert_int_eq(link_reader_feed(&link->reader, header,
			     strlen(header)),
	    FRAMER_HEADER);
	ck_assert_int_eq(link_reader_next(&link->reader), FRAMER_MORE);
	ck_assert_int_eq(link_reader_feed(&link->reader, text, strlen(text)),
	    FRAMER_ELEMENT);
	dispatch_item(link, FRAMER_ELEMENT);
}

/* The link that had its create died before it left. */
START_TEST(who_is_still_to_be_created_is_not_dead)
{
	unsigned lane = session.slot % LANE_COUNT;
	struct frame frame;
	uint64_t cursor = 0;

	session_set_flag(&up, session, ROUTE_CREATED, false);
	take_up();
	if (_i)
		revalidation_add(&up, lane, session.slot);
	server_denies();
	revalidated();
	ck_assert_uint_eq(session_flags(&up, session), 0);
	ck_assert_uint_eq(errors(), 0);
	ck_assert_int_eq(ring_next(&worker_end, &cursor, &frame), 0);
}
END_TEST

static bool
is_asked_after(double seconds)
{
	up.now_s += seconds;
	revalidation_tick(&up);
	return up.revalidations[session.slot % LANE_COUNT].active;
}

/* The answer may have come on one of them. */
START_TEST(while_links_are_not_read_no_session_counts_as_alive)
{
	unsigned lane = session.slot % LANE_COUNT;

	revalidation_add(&up, lane, session.slot);
	up.revalidations[lane].answered_at = upstream_now(&up);
	up.blocked = true;
	ck_assert_msg(is_asked_after(10), "nothing is read");
	up.blocked = false;
	ck_assert_msg(is_asked_after(0.1), "it is being read");
	ck_assert_msg(!is_asked_after(0.1), "it has been read");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("waiting");
	TCase *tcase = tcase_create("waiting");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_loop_test(tcase,
	    who_was_alive_gets_an_error_when_its_session_ends_later, 0, 4);
	tcase_add_loop_test(tcase, who_is_dead_gets_one_error, 0, 2);
	tcase_add_test(tcase, who_was_sent_away_is_not_counted_as_lost);
	tcase_add_test(tcase,
	    while_links_are_not_read_no_session_counts_as_alive);
	tcase_add_loop_test(tcase, who_is_still_to_be_created_is_not_dead, 0,
	    2);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
