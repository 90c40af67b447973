/* SPDX-License-Identifier: Apache-2.0 */
/* Creates that go a second time: what is noted of them where links and
 * processes died, so that each is sent before what its session says. */
#include "common/shm/directory.h"
#include "common/shm/frame_kind.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/up_frame.h"
#include "worker/upstream/send/collect.h"
#include "worker/upstream/send/lane.h"
#include "worker/upstream/send/unconfirmed.h"
#include "worker/upstream/session/session_revalidation.h"

#include <check.h>

static unsigned
lane_number(void)
{
	return session.slot % LANE_COUNT;
}

/* A create, a presence and a close wait for a link. */
static void
setup(void)
{
	static const struct up_create create;
	static const char presence[] = "<presence/>";

	begin_upstream();
	begin_session();
	worker_says(FRAME_CREATE, &create, sizeof(create));
	worker_says(FRAME_PRESENCE, presence, sizeof(presence) - 1);
	worker_says(FRAME_CLOSE, "", 0);
	collect_look_at_all(&up);
	(void)collect(&up);
}

static void
teardown(void)
{
	finish_session();
	finish_upstream();
}

static bool
would_send_create(void)
{
	const struct lane *lane = &up.lanes[lane_number()];
	struct lane_entry entry;

	ck_assert_msg(lane_read(lane, 0, &entry), "it is in its lane");
	ck_assert_uint_eq(entry.kind, FRAME_CREATE);
	return unconfirmed_would_send(&up, lane, &entry);
}

/* As one that was asked before the create's link died does, too. */
static void
deny(void)
{
	up.revalidations[lane_number()].active = true;
	up.revalidations[lane_number()].everyone = true;
	ck_assert_msg(revalidation_note_not_found(&up, session.slot,
			  session.generation),
	    "nobody is told yet");
}

START_TEST(a_session_whose_create_waits_does_not_die_of_an_answer)
{
	deny();
	ck_assert_uint_eq(session_flags(&up, session), 0);
	up.revalidations[lane_number()].active = false;
	ck_assert_msg(revalidation_note_not_found(&up, session.slot,
			  session.generation),
	    "nobody is told at all");
	ck_assert_msg(would_send_create(), "it is sent");
	session_set_flag(&up, session, ROUTE_CREATED, true);
	deny();
	ck_assert_uint_eq(session_flags(&up, session),
	    ROUTE_CREATED | ROUTE_DEAD);
}
END_TEST

/* It took back the create, and not yet the close; to its successor, who could
 * not learn what had left, all is in doubt. */
START_TEST(one_that_a_killed_process_took_back_is_sent_before_its_close)
{
	session_set_flag(&up, session, ROUTE_CLOSING, true);
	lane_mark(&up.lanes[lane_number()], 0, LANE_IN_DOUBT);
	ck_assert_msg(would_send_create(), "it is sent");
}
END_TEST

START_TEST(one_that_no_journal_has_was_not_sent)
{
	session_set_flag(&up, session, ROUTE_CREATED, true);
	unconfirmed_take_over(&up, lane_number());
	ck_assert_uint_eq(session_flags(&up, session), 0);
	ck_assert_msg(!up.revalidations[lane_number()].active,
	    "there is nothing to ask");
}
END_TEST

/* The server knew no such session, before it was noted as sent again. */
START_TEST(one_in_doubt_that_no_journal_has_is_asked_about_again)
{
	session_set_flag(&up, session, ROUTE_CREATED, true);
	lane_mark(&up.lanes[lane_number()], 0, LANE_IN_DOUBT);
	unconfirmed_take_over(&up, lane_number());
	ck_assert_uint_eq(session_flags(&up, session), ROUTE_CREATED);
	ck_assert_msg(up.revalidations[lane_number()].active,
	    "the server is asked");
}
END_TEST

/* Its worker did not know yet that all are sent away. */
START_TEST(nothing_goes_behind_one_that_was_passed_over)
{
	struct lane *lane = &up.lanes[lane_number()];
	struct lane_entry entry;

	lane_mark(lane, 0, LANE_ABANDONED);
	ck_assert_msg(!would_send_create(), "it is abandoned");
	ck_assert_msg(lane_read(lane, 1, &entry), "a presence");
	ck_assert_msg(!unconfirmed_would_send(&up, lane, &entry),
	    "the server does not know the session");
	ck_assert_msg(lane_read(lane, 2, &entry), "a close");
	ck_assert_msg(unconfirmed_would_send(&up, lane, &entry),
	    "it does no harm");
}
END_TEST

START_TEST(one_that_a_link_has_is_left_alone)
{
	session_set_flag(&up, session, ROUTE_CREATED, true);
	lane_log_set_sent(&up.lanes[lane_number()].log, 1);
	unconfirmed_take_over(&up, lane_number());
	ck_assert_uint_eq(session_flags(&up, session), ROUTE_CREATED);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("creates");
	TCase *tcase = tcase_create("creates");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase,
	    a_session_whose_create_waits_does_not_die_of_an_answer);
	tcase_add_test(tcase,
	    one_that_a_killed_process_took_back_is_sent_before_its_close);
	tcase_add_test(tcase, one_that_no_journal_has_was_not_sent);
	tcase_add_test(tcase,
	    one_in_doubt_that_no_journal_has_is_asked_about_again);
	tcase_add_test(tcase, nothing_goes_behind_one_that_was_passed_over);
	tcase_add_test(tcase, one_that_a_link_has_is_left_alone);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
