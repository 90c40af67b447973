/* SPDX-License-Identifier: Apache-2.0 */
/* What is taken of which ring while a lane's log is full. */
#include "common/net/digest.h"
#include "common/shm/directory.h"
#include "common/shm/frame_kind.h"
#include "tests/support/check/run_suite.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/upstream/partitions.h"
#include "worker/upstream/send/collect.h"
#include "worker/upstream/send/lane.h"

#include <check.h>
#include <errno.h>
#include <string.h>

#define OTHER 2u /* the first partition with slots in the same lanes */
#define TURNS 64u

/* Two of these are nearly all that workers may fill. */
#define OWN_BYTES (1000u << 10)

static const char presence[] = "<presence/>";

static struct directory *other;
static struct frame_id other_id;
static struct ring other_ring;

static struct lane *
the_lane(void)
{
	return &up.lanes[session.slot % LANE_COUNT];
}

/* Another worker has a session in the same lane. */
static void
begin_other(void)
{
	uint32_t slot;

	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		region_up_ring(up.region, OTHER, lane, &other_ring);
		ring_begin(&other_ring, RING_PRODUCER);
	}
	other = directory_new(up.region, NULL, "cm1", digest_random);
	do
		ck_assert_int_eq(directory_claim(other, OTHER, &slot), 0);
	while (slot % LANE_COUNT != session.slot % LANE_COUNT);
	other_id = (struct frame_id){ .kind = FRAME_PRESENCE,
		.slot = slot,
		.generation = directory_generation(other, slot) };
	region_up_ring(up.region, OTHER, slot % LANE_COUNT, &other_ring);
	ring_begin(&other_ring, RING_PRODUCER);
	partitions_take(&up, OTHER, 1);
}

static void
setup(void)
{
	begin_upstream();
	begin_session();
	begin_other();
}

static void
teardown(void)
{
	directory_free(&other);
	finish_session();
	finish_upstream();
}

/* All that there is is given to a link, and not confirmed. */
static void
turn(void)
{
	collect_look_at_all(&up);
	(void)collect(&up);
	lane_log_set_sent(&the_lane()->log, lane_log_head(&the_lane()->log));
}

static void
other_says_as_much_as_it_can(void)
{
	int error = 0;

	while (!error)
		error = ring_push(&other_ring, &other_id, presence,
		    sizeof(presence) - 1);
	ck_assert_int_eq(error, -ENOSPC);
}

static void
fill_lane(void)
{
	for (unsigned i = 0; i < TURNS / 16; i++) {
		other_says_as_much_as_it_can();
		turn();
	}
	for (unsigned i = 0; i < 2; i++) {
		buf_reset(&up.scratch);
		for (unsigned j = 0; j < OWN_BYTES / 16; j++)
			buf_append_str(&up.scratch, "                ");
		ck_assert_msg(lane_say(&up, session.slot % LANE_COUNT,
				  FRAME_IQ_ANSWER, session),
		    "there is room for it");
		turn();
	}
	for (unsigned i = 0; i < 2 * TURNS; i++) {
		other_says_as_much_as_it_can();
		turn();
	}
	ck_assert_msg(!collect_is_done(&up, OTHER), "the lane is full");
}

START_TEST(small_frames_of_one_leave_room_for_a_large_one_of_another)
{
	static const char start[] = "<message><body>",
			  end[] = "</body></message>";
	static char large[1900];
	unsigned turns = 0;

	memset(large, 'x', sizeof(large));
	memcpy(large, start, sizeof(start) - 1);
	memcpy(large + sizeof(large) - (sizeof(end) - 1), end, sizeof(end) - 1);
	fill_lane();
	worker_says(FRAME_MESSAGE, large, sizeof(large));
	for (; turns < TURNS && !collect_is_done(&up, 0); turns++) {
		lane_log_release(&the_lane()->log,
		    lane_log_tail(&the_lane()->log) + 1);
		other_says_as_much_as_it_can();
		turn();
	}
	ck_assert_msg(collect_is_done(&up, 0),
	    "it waits while others are served");
	/* Then it is the others' turn again. */
	lane_log_release(&the_lane()->log, lane_log_head(&the_lane()->log));
	turn();
	ck_assert_msg(collect_is_done(&up, OTHER), "others go on");
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("collect");
	TCase *tcase = tcase_create("collect");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase,
	    small_frames_of_one_leave_room_for_a_large_one_of_another);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
