/* SPDX-License-Identifier: Apache-2.0 */
/* What becomes of what a dead worker has left, and in what order, while no link
 * takes anything. */
#include "common/shm/clientq.h"
#include "common/shm/directory.h"
#include "common/shm/frame_kind.h"
#include "common/shm/stats.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/up_frame.h"
#include "worker/upstream/recovery/partition_recovery.h"
#include "worker/upstream/send/collect.h"
#include "worker/upstream/send/lane.h"

#include <check.h>
#include <string.h>

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

/* --- it was available --- */

static void
be_present(enum session_presence presence)
{
	session_set_flag(&up, session, ROUTE_CREATED, true);
	directory_info(up.directory, session.slot)->presence =
	    (uint8_t)presence;
}

/* Kinds in the lane's log, in order. */
static void
expect_kinds(const enum frame_kind *kinds, uint64_t count)
{
	const struct lane *lane = lane_of_session();
	struct lane_entry entry;

	ck_assert_uint_eq(lane_log_head(&lane->log), count);
	for (uint64_t i = 0; i < count; i++) {
		ck_assert_msg(lane_read(lane, i, &entry) ||
				  i < lane_log_tail(&lane->log),
		    "the lane has %u entries", (unsigned)count);
		if (i >= lane_log_tail(&lane->log))
			ck_assert_uint_eq(entry.kind, kinds[i]);
	}
}

static void
come(const char *text)
{
	const struct session_item item = { FRAME_MESSAGE, (const uint8_t *)text,
		strlen(text) };

	session_deliver(&up, session, &item);
}

START_TEST(a_session_that_was_available_leaves_before_its_close)
{
	static const enum frame_kind kinds[] = { FRAME_PRESENCE, FRAME_FAILED,
		FRAME_FAILED, FRAME_CLOSE };
	static const char presence[] = "<presence type=\"unavailable\"/>";
	struct lane_log *log = &lane_of_session()->log;
	struct lane_entry entry;

	be_present(PRESENCE_AVAILABLE);
	come("<message id=\"before\"/>"); /* into its down ring */
	partition_recovery_begin(&up, 0);
	step();
	expect_kinds(kinds, 2);
	ck_assert_msg(lane_read(lane_of_session(), 0, &entry), "presence");
	ck_assert_msg(memmem(lane_log_bytes(log, &entry), entry.len, presence,
			  strlen(presence)),
	    "the server is told");
	/* Some links have not said yet what they had before. */
	lane_log_set_sent(log, 2);
	lane_log_release(log, 2);
	step();
	come("<message id=\"meanwhile\"/>");
	expect_kinds(kinds, 3);
	up.now_s += 1;
	step();
	lane_log_set_sent(log, 3);
	step();
	expect_kinds(kinds, 4);
}
END_TEST

START_TEST(what_comes_goes_back_behind_what_waited)
{
	struct lane *lane = lane_of_session();
	struct lane_entry entry;

	be_present(PRESENCE_AVAILABLE);
	come("<message id=\"first\"/>");
	partition_recovery_begin(&up, 0);
	come("<message id=\"second\"/>");
	step();
	ck_assert_uint_eq(lane_log_head(&lane->log), 3);
	ck_assert_msg(lane_read(lane, 1, &entry), "an entry");
	ck_assert_msg(memmem(lane_log_bytes(&lane->log, &entry), entry.len,
			  "first", 5),
	    "the first goes first");
}
END_TEST

START_TEST(its_close_does_not_wait_for_ever)
{
	static const enum frame_kind kinds[] = { FRAME_PRESENCE, FRAME_CLOSE };

	be_present(PRESENCE_AVAILABLE);
	partition_recovery_begin(&up, 0);
	step();
	lane_log_set_sent(&lane_of_session()->log, 1);
	up.now_s += 4.5;
	step();
	expect_kinds(kinds, 1);
	up.now_s += 1;
	step();
	expect_kinds(kinds, 2);
}
END_TEST

static const struct {
	enum session_presence presence;
	uint16_t flags;
} no_leavers[] = {
	{ PRESENCE_NONE, 0 },
	{ PRESENCE_AVAILABLE, ROUTE_DEAD },
	{ PRESENCE_AVAILABLE, ROUTE_CLOSING },
};

START_TEST(whom_the_server_sends_nothing_is_closed_at_once)
{
	static const enum frame_kind kinds[] = { FRAME_CLOSE };

	be_present(no_leavers[_i].presence);
	session_set_flag(&up, session, no_leavers[_i].flags, true);
	partition_recovery_begin(&up, 0);
	step();
	expect_kinds(kinds, 1);
}
END_TEST

START_TEST(who_has_left_already_is_only_waited_for)
{
	static const enum frame_kind kinds[] = { FRAME_CLOSE };

	be_present(PRESENCE_UNAVAILABLE);
	partition_recovery_begin(&up, 0);
	step();
	expect_kinds(kinds, 0);
	up.now_s += 1;
	step();
	expect_kinds(kinds, 1);
}
END_TEST

/* --- more than a lane takes at once --- */

#define ITEM_BYTES 1024u
#define ITEMS      4800u /* a lane has room for 4 MiB */

static const char *
item(void)
{
	static const char start[] = "<message><body>",
			  end[] = "</body></message>";
	static char text[ITEM_BYTES];

	memset(text, 'x', sizeof(text));
	memcpy(text, start, sizeof(start) - 1);
	memcpy(text + sizeof(text) - (sizeof(end) - 1), end, sizeof(end) - 1);
	return text;
}

static void
queue_few(unsigned count)
{
	struct clientq_pool *pool = clientq_pool_new(up.region, 0);
	struct session_info *info = directory_info(up.directory, session.slot);
	struct clientq queue = { 0 };

	clientq_clear(pool, info, &queue);
	for (unsigned i = 0; i < count; i++)
		ck_assert_int_eq(clientq_append(pool, info, &queue,
				     FRAME_MESSAGE, item(), ITEM_BYTES),
		    0);
	clientq_pool_free(&pool);
}

static void
queue_items(void)
{
	queue_few(ITEMS);
}

static void
leave_items_waiting(void)
{
	const struct session_item waiting = { FRAME_MESSAGE,
		(const uint8_t *)item(), ITEM_BYTES };

	empty_down_ring(ITEM_BYTES, (size_t)ITEMS * ITEM_BYTES);
	for (unsigned i = 0; i < ITEMS; i++)
		session_deliver(&up, session, &waiting);
}

/* The server takes and confirms all that there is. */
static unsigned
confirm_all(void)
{
	struct lane *lane = lane_of_session();
	uint64_t number = lane_log_tail(&lane->log);
	struct lane_entry entry;
	unsigned returned = 0;

	for (; lane_read(lane, number, &entry); number++)
		returned += entry.kind == FRAME_FAILED;
	lane_log_release(&lane->log, number);
	return returned;
}

/* A successor knows what the region says, and begins. */
static void
succeed(void)
{
	up.partitions[0].recovery = (struct recovery){ 0 };
	up.partitions[0].phase = PHASE_SERVING;
	partition_recovery_begin(&up, 0);
}

START_TEST(all_goes_back_however_much_it_is)
{
	unsigned returned = 0, turns = 0;

	stats_attach(up.region, 0);
	session_set_flag(&up, session, ROUTE_CREATED, true);
	if (_i == 1)
		leave_items_waiting();
	else
		queue_items();
	partition_recovery_begin(&up, 0);
	for (; returned < ITEMS && turns < 32; turns++) {
		step();
		returned += confirm_all();
		if (_i == 2)
			succeed();
	}
	step();
	returned += confirm_all();
	ck_assert_uint_eq(stats_sum(up.region, STAT_RETURNS_CROWDED), 0);
	ck_assert_uint_eq(returned, ITEMS);
	ck_assert_uint_gt(turns, 1);
}
END_TEST

/* Killed between an entry and the move of the cursor, or after that. */
START_TEST(a_successor_returns_what_was_not_returned_yet)
{
	_Atomic uint64_t *word = &region_pair_control(up.region, 0)->recovered;
	uint64_t before;

	session_set_flag(&up, session, ROUTE_CREATED, true);
	queue_few(1);
	partition_recovery_begin(&up, 0);
	step();
	before = *word;
	queue_few(2);
	succeed();
	step();
	if (_i == 0)
		*word = before;
	succeed();
	step();
	ck_assert_uint_eq(confirm_all(), 2);
	*word ^= 1; /* is not believed: twice rather than never */
	succeed();
	step();
	ck_assert_uint_eq(confirm_all(), 2);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("partition_recovery");
	TCase *tcase = tcase_create("partition_recovery");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase, a_session_is_closed_behind_its_create);
	tcase_add_test(tcase,
	    a_session_that_was_available_leaves_before_its_close);
	tcase_add_test(tcase, what_comes_goes_back_behind_what_waited);
	tcase_add_test(tcase, its_close_does_not_wait_for_ever);
	tcase_add_loop_test(tcase,
	    whom_the_server_sends_nothing_is_closed_at_once, 0,
	    (int)ARRAY_LEN(no_leavers));
	tcase_add_test(tcase, who_has_left_already_is_only_waited_for);
	tcase_add_loop_test(tcase, all_goes_back_however_much_it_is, 0, 3);
	tcase_add_loop_test(tcase,
	    a_successor_returns_what_was_not_returned_yet, 0, 2);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
