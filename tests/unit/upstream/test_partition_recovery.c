/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of what a dead worker has left, and in what order, while no link
 * takes anything. */
#include "common/shm/directory.h"
#include "common/shm/frame_kind.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/up_frame.h"
#include "worker/upstream/collect.h"
#include "worker/upstream/lane.h"
#include "worker/upstream/partition_recovery.h"

#include <check.h>

#define STEPS 64 /* more than all stages take when nothing is waited for */

static struct lane *
lane_of_session(void)
{
	return &up.lanes[session.slot % LANE_COUNT];
}

static void
setup(void)
{
	begin_upstream();
	begin_session();
}

static void
teardown(void)
{
	finish_session();
	finish_upstream();
}

static void
step(void)
{
	for (unsigned i = 0; i < STEPS; i++) {
		(void)collect(&up);
		(void)partition_recovery_step(&up);
	}
}

static struct lane_entry
last_entry(void)
{
	const struct lane *lane = lane_of_session();
	struct lane_entry entry;

	ck_assert_msg(lane_read(lane, lane_log_head(&lane->log) - 1, &entry),
	    "the lane has entries");
	return entry;
}

START_TEST(a_session_is_closed_behind_its_create)
{
	struct lane_log *log = &lane_of_session()->log;
	const struct up_create create = { .encrypted = 0 };
	static const char presence[] = "<presence/>";

	worker_says(FRAME_CREATE, &create, sizeof(create));
	worker_says(FRAME_PRESENCE, presence, sizeof(presence) - 1);
	partition_recovery_begin(&up, 0);
	step();
	ck_assert_msg(session_is_live(&up, session),
	    "its create waits for a link");
	ck_assert_uint_eq(lane_log_head(log), 2);
	/* A link takes both. */
	session_set_flag(&up, session, ROUTE_CREATED, true);
	lane_log_set_sent(log, 2);
	step();
	ck_assert_uint_eq(lane_log_head(log), 3);
	ck_assert_uint_eq(last_entry().kind, FRAME_CLOSE);
	ck_assert_msg(session_is_live(&up, session), "it is not confirmed");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("partition_recovery");
	TCase *tcase = tcase_create("partition_recovery");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_session_is_closed_behind_its_create);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
