/* SPDX-License-Identifier: Apache-2.0 */
/* Which link carries which lane: cases, then random events and invariants. */
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/upstream/link/link_set.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>

static struct link_set *const set = &up.set;

static void
start(unsigned link_count, unsigned joined)
{
	link_set_init(set, link_count);
	for (unsigned link = 0; link < joined; link++)
		link_set_join(set, link);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		(void)link_set_settled(set, lane);
}

static unsigned
load(unsigned link)
{
	return (unsigned)__builtin_popcount(link_set_lanes(set, link));
}

START_TEST(without_a_link_no_lane_is_carried)
{
	start(5, 0);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		ck_assert_int_eq(link_set_carrier(set, lane), LINK_NONE);
	ck_assert_msg(!link_set_retire(set, 0),
	    "a link that never joined should not retire");
}
END_TEST

START_TEST(the_first_link_takes_every_lane)
{
	start(5, 0);
	link_set_join(set, 3);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		ck_assert_int_eq(link_set_carrier(set, lane), 3);
}
END_TEST

START_TEST(all_links_together_share_the_lanes_evenly)
{
	for (unsigned count = 1; count <= LINKS_MAX; count++) {
		start(count, count);
		for (unsigned link = 0; link < count; link++) {
			ck_assert_uint_ge(load(link), LANE_COUNT / count);
			ck_assert_uint_le(load(link),
			    (LANE_COUNT + count - 1) / count);
		}
	}
}
END_TEST

START_TEST(a_lane_that_leaves_is_carried_by_nobody_until_it_is_settled)
{
	start(2, 1);
	link_set_join(set, 1);
	ck_assert_msg(link_set_is_leaving(set, 1),
	    "lane 1 should leave for the link that joined");
	ck_assert_int_eq(link_set_holder(set, 1), 0);
	ck_assert_int_eq(link_set_carrier(set, 1), LINK_NONE);
	ck_assert_msg(link_set_settled(set, 1),
	    "the lane that leaves should move once it is settled");
	ck_assert_int_eq(link_set_carrier(set, 1), 1);
	ck_assert_msg(!link_set_settled(set, 1),
	    "a lane that has moved should have nowhere to go");
}
END_TEST

START_TEST(a_lane_stays_when_its_goal_is_lost)
{
	start(2, 1);
	link_set_join(set, 1);
	link_set_lose(set, 1);
	ck_assert_msg(!link_set_is_leaving(set, 1),
	    "the lane should stay when its goal is lost");
	ck_assert_int_eq(link_set_carrier(set, 1), 0);
}
END_TEST

START_TEST(the_lanes_of_a_dead_link_spread_over_the_others)
{
	start(4, 4);
	link_set_lose(set, 2);
	for (unsigned link = 0; link < 4; link++)
		if (link == 2)
			ck_assert_uint_eq(load(link), 0);
		else
			ck_assert_msg(load(link) == 5 || load(link) == 6,
			    "link %u should carry 5 or 6 lanes, not %u", link,
			    load(link));
	ck_assert_uint_eq(set->leaving, 0);
}
END_TEST

START_TEST(the_last_link_cannot_retire)
{
	start(3, 1);
	ck_assert_msg(!link_set_retire(set, 0),
	    "the last link should not retire");
	ck_assert_msg(!link_set_retire(set, 1),
	    "a link that never joined should not retire");
	ck_assert_int_eq(link_set_carrier(set, 0), 0);
}
END_TEST

START_TEST(a_retired_link_loses_its_lanes_in_order)
{
	start(2, 2);
	ck_assert_msg(link_set_retire(set, 0),
	    "one of two links should be able to retire");
	ck_assert_uint_eq(load(0), 8);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		(void)link_set_settled(set, lane);
	ck_assert_uint_eq(load(0), 0);
	ck_assert_uint_eq(load(1), LANE_COUNT);
	ck_assert_msg(!link_set_retire(set, 1),
	    "the only link left should not retire");
}
END_TEST

/* All that can move has moved. */
static void
settle_all(void)
{
	for (unsigned turn = 0; turn < 2; turn++)
		for (unsigned lane = 0; lane < LANE_COUNT; lane++)
			(void)link_set_settled(set, lane);
}

START_TEST(more_links_take_their_lanes_when_they_join)
{
	start(2, 2);
	link_set_resize(set, 4);
	ck_assert_uint_eq(set->leaving & 0xccccu, 0); /* no home yet */
	settle_all();
	link_set_join(set, 2);
	link_set_join(set, 3);
	settle_all();
	for (unsigned link = 0; link < 4; link++)
		ck_assert_uint_eq(load(link), 4);
}
END_TEST

START_TEST(fewer_links_leave_none_to_those_that_retire)
{
	struct link_set before, settled;
	unsigned moved = 0;

	start(5, 5);
	before = *set;
	link_set_resize(set, 2);
	ck_assert_msg(link_set_retire(set, 2),
	    "link 2 of 5 should be able to retire");
	ck_assert_msg(link_set_retire(set, 3),
	    "link 3 of 5 should be able to retire");
	ck_assert_msg(link_set_retire(set, 4),
	    "link 4 of 5 should be able to retire");
	settle_all();
	ck_assert_uint_eq(load(0), 8);
	ck_assert_uint_eq(load(1), 8);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		moved += link_set_holder(set, lane) !=
			 link_set_holder(&before, lane);
	ck_assert_uint_eq(moved, 12);
	settled = *set;
	for (unsigned link = 2; link < 5; link++)
		link_set_lose(set, link);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		ck_assert_msg(link_set_holder(set, lane) ==
				  link_set_holder(&settled, lane),
		    "lane %u moved twice", lane);
}
END_TEST

START_TEST(a_lane_that_leaves_stays_when_its_home_moves_back)
{
	start(3, 3);
	link_set_resize(set, 2);
	ck_assert_msg(link_set_is_leaving(set, 2),
	    "lane 2 should leave a link that is too many");
	link_set_resize(set, 3);
	ck_assert_uint_eq(set->leaving, 0);
}
END_TEST

/* --- a predecessor's --- */

/* A new process; its predecessor had lane n on holders[n]. */
static void
take_over(unsigned link_count, uint32_t joined,
    const int8_t holders[LANE_COUNT])
{
	link_set_init(set, link_count);
	link_set_take_over(set, joined, 0, holders);
}

/* Of links that are all up, each lane at home but for those given. */
static void
at_home(unsigned link_count, int8_t holders_out[LANE_COUNT])
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		holders_out[lane] = (int8_t)(lane % link_count);
}

START_TEST(a_successor_has_every_lane_where_it_was)
{
	int8_t holders[LANE_COUNT];

	at_home(4, holders);
	take_over(4, 0xf, holders);
	ck_assert_uint_eq(set->leaving, 0);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		ck_assert_int_eq(link_set_carrier(set, lane), holders[lane]);
	ck_assert_msg(link_set_retire(set, 3),
	    "a link that was taken over should be able to retire");
}
END_TEST

START_TEST(a_successors_lanes_leave_for_homes_that_are_up)
{
	int8_t holders[LANE_COUNT];

	at_home(4, holders);
	holders[6] = 1;
	take_over(4, 0xf, holders);
	ck_assert_int_eq(link_set_holder(set, 6), 1);
	ck_assert_msg(link_set_is_leaving(set, 6),
	    "lane 6 should leave for link 2");
	ck_assert_uint_eq(set->leaving, 1u << 6);
	ck_assert_msg(link_set_settled(set, 6),
	    "the lane that leaves should move once it is settled");
	ck_assert_int_eq(link_set_carrier(set, 6), 2);
}
END_TEST

START_TEST(a_successors_lanes_stay_where_they_are_while_homes_are_away)
{
	int8_t holders[LANE_COUNT];

	start(3, 3);
	link_set_lose(set, 2);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		holders[lane] = (int8_t)link_set_holder(set, lane);
	take_over(3, 0x3, holders);
	ck_assert_uint_eq(set->leaving, 0);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		ck_assert_int_eq(link_set_carrier(set, lane), holders[lane]);
	link_set_join(set, 2);
	settle_all();
	ck_assert_uint_eq(load(2), 5);
}
END_TEST

START_TEST(the_lanes_of_links_that_do_not_go_on_are_spread_at_once)
{
	int8_t holders[LANE_COUNT];

	at_home(4, holders);
	take_over(4, 0xb, holders);
	ck_assert_uint_eq(set->leaving, 0);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		ck_assert_msg(lane % 4 == 2 ||
				  link_set_carrier(set, lane) == holders[lane],
		    "lane %u should stay on link %d", lane, holders[lane]);
	for (unsigned link = 0; link < 4; link++)
		ck_assert_msg(link == 2 ? load(link) == 0
					: load(link) == 5 || load(link) == 6,
		    "link %u should not carry %u lanes", link, load(link));
	take_over(4, 0, holders);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		ck_assert_int_eq(link_set_holder(set, lane), LINK_NONE);
}
END_TEST

START_TEST(holders_that_cannot_be_are_none)
{
	static const int8_t absurd[] = { -1, -2, INT8_MIN, LINKS_MAX, 31, 32,
		33, INT8_MAX };
	int8_t holders[LANE_COUNT];

	for (size_t i = 0; i < ARRAY_LEN(absurd); i++) {
		at_home(4, holders);
		holders[6] = absurd[i];
		take_over(4, 0xf, holders);
		ck_assert_int_eq(link_set_carrier(set, 6), 2);
		ck_assert_uint_eq(set->leaving, 0);
	}
}
END_TEST

/* --- model --- */

static void
check_invariants(uint32_t joined)
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		int holder = link_set_holder(set, lane);
		int carrier = link_set_carrier(set, lane);

		if (!joined) {
			ck_assert_int_eq(holder, LINK_NONE);
			ck_assert_msg(!link_set_is_leaving(set, lane),
			    "lane %u should not leave where no link has joined",
			    lane);
			continue;
		}
		ck_assert_int_ne(holder, LINK_NONE);
		ck_assert_msg(joined & 1u << holder,
		    "lane %u should be held by a link that has joined, not by "
		    "%d",
		    lane, holder);
		ck_assert_int_eq(carrier,
		    link_set_is_leaving(set, lane) ? LINK_NONE : holder);
	}
}

/* Its process is killed; some links go on, with lanes where they were but for
 * one of which nonsense is remembered. */
static void
random_successor(uint32_t *joined)
{
	unsigned damaged = (unsigned)random() % LANE_COUNT;
	int8_t holders[LANE_COUNT];

	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		holders[lane] = (int8_t)link_set_holder(set, lane);
	holders[damaged] = (int8_t)random();
	*joined &= (uint32_t)random();
	take_over(set->link_count, *joined, holders);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		if (lane != damaged && holders[lane] != LINK_NONE &&
		    *joined & 1u << holders[lane])
			ck_assert_int_eq(link_set_holder(set, lane),
			    holders[lane]);
}

static void
random_event(uint32_t *joined)
{
	unsigned link = (unsigned)random() % LINKS_MAX;
	unsigned lane = (unsigned)random() % LANE_COUNT;
	int before = link_set_holder(set, lane);
	bool leaving = link_set_is_leaving(set, lane);

	switch (random() % 6) {
	case 0:
		link_set_join(set, link);
		*joined |= 1u << link;
		break;
	case 1:
		link_set_lose(set, link);
		*joined &= ~(1u << link);
		break;
	case 2:
		(void)link_set_retire(set, link);
		break;
	case 3:
		link_set_resize(set, 1 + (unsigned)random() % LINKS_MAX);
		break;
	case 4:
		random_successor(joined);
		break;
	default:
		ck_assert_int_eq(link_set_settled(set, lane), leaving);
		ck_assert_msg(!link_set_is_leaving(set, lane),
		    "lane %u should not leave any more once it is settled",
		    lane);
		ck_assert_msg(leaving || link_set_holder(set, lane) == before,
		    "lane %u did not leave and should stay on link %d", lane,
		    before);
		break;
	}
}

/* With all links up and all moves done, every lane is at home. */
static void
check_return(void)
{
	for (unsigned link = 0; link < set->link_count; link++)
		link_set_join(set, link);
	settle_all();
	ck_assert_uint_eq(set->leaving, 0);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		ck_assert_int_eq(link_set_holder(set, lane),
		    (int)(lane % set->link_count));
}

START_TEST(every_lane_has_one_joined_link_whatever_happens)
{
	(void)seed_random("test_link_set");
	for (unsigned round = 0; round < 300; round++) {
		uint32_t joined = 0;

		link_set_init(set, 1 + (unsigned)random() % LINKS_MAX);
		for (unsigned i = 0; i < 60; i++) {
			random_event(&joined);
			check_invariants(joined);
		}
		check_return();
	}
}
END_TEST

START_TEST(a_successor_moves_only_the_lanes_whose_home_is_up)
{
	int8_t holders[LANE_COUNT];

	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		holders[lane] = 2;
	start(3, 0);
	link_set_take_over(set, 1u << 1 | 1u << 2, 0, holders);
	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		ck_assert_int_eq(link_set_holder(set, lane), 2);
		ck_assert_int_eq(link_set_is_leaving(set, lane), lane % 3 == 1);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("link_set");
	TCase *tcase = tcase_create("link_set");

	tcase_add_checked_fixture(tcase, begin_upstream, finish_upstream);
	tcase_add_test(tcase, without_a_link_no_lane_is_carried);
	tcase_add_test(tcase, the_first_link_takes_every_lane);
	tcase_add_test(tcase, all_links_together_share_the_lanes_evenly);
	tcase_add_test(tcase,
	    a_lane_that_leaves_is_carried_by_nobody_until_it_is_settled);
	tcase_add_test(tcase, a_lane_stays_when_its_goal_is_lost);
	tcase_add_test(tcase, the_lanes_of_a_dead_link_spread_over_the_others);
	tcase_add_test(tcase, the_last_link_cannot_retire);
	tcase_add_test(tcase, a_retired_link_loses_its_lanes_in_order);
	tcase_add_test(tcase, more_links_take_their_lanes_when_they_join);
	tcase_add_test(tcase, fewer_links_leave_none_to_those_that_retire);
	tcase_add_test(tcase,
	    a_lane_that_leaves_stays_when_its_home_moves_back);
	tcase_add_test(tcase, a_successor_has_every_lane_where_it_was);
	tcase_add_test(tcase, a_successors_lanes_leave_for_homes_that_are_up);
	tcase_add_test(tcase,
	    a_successors_lanes_stay_where_they_are_while_homes_are_away);
	tcase_add_test(tcase,
	    the_lanes_of_links_that_do_not_go_on_are_spread_at_once);
	tcase_add_test(tcase, holders_that_cannot_be_are_none);
	tcase_add_test(tcase, every_lane_has_one_joined_link_whatever_happens);
	tcase_add_test(tcase,
	    a_successor_moves_only_the_lanes_whose_home_is_up);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
