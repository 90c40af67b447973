/* SPDX-License-Identifier: Apache-2.0 */
/* How often frames left on links that died, and how they are tried: rules, then
 * a model of rings and links with poison at random places. */
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/upstream/send/suspects.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct suspect_row *row;

static void
setup(void)
{
	begin_upstream();
	row = up.lanes[0].suspects;
}

START_TEST(what_left_twice_is_what_left_on_both)
{
	suspects_left(row, 100);
	ck_assert_uint_eq(suspects_deaths(row, 0), 1);
	ck_assert_uint_eq(suspects_deaths(row, 99), 1);
	ck_assert_uint_eq(suspects_deaths(row, 100), 0);
	ck_assert_uint_eq(suspects_end(row, SUSPECT_DEATHS), 0);
	suspects_left(row, 60);
	ck_assert_uint_eq(suspects_end(row, 1), 100);
	ck_assert_uint_eq(suspects_end(row, 2), 60);
	suspects_left(row, 200);
	ck_assert_uint_eq(suspects_end(row, 1), 200);
	ck_assert_uint_eq(suspects_end(row, 2), 100);
	ck_assert_uint_eq(suspects_end(row, 3), 60);
	ck_assert_uint_eq(suspects_deaths(row, 59), 3);
	ck_assert_uint_eq(suspects_deaths(row, 60), 2);
}
END_TEST

START_TEST(more_deaths_than_are_told_apart_are_borne)
{
	for (unsigned i = 0; i < 3 * SUSPECT_COUNTED; i++)
		suspects_left(row, 8);
	ck_assert_uint_eq(suspects_deaths(row, 0), SUSPECT_COUNTED);
	ck_assert_uint_eq(suspects_deaths(row, 8), 0);
}
END_TEST

START_TEST(nothing_behind_head_is_believed)
{
	memset(row, 0xEE, sizeof(*row));
	suspects_bound(row, 1000);
	ck_assert_uint_eq(suspects_end(row, 1), 1000);
	ck_assert_uint_eq(suspects_deaths(row, 1000), 0);
}
END_TEST

/* The ring began anew below: its cursors come there once more. */
START_TEST(what_was_given_up_of_a_former_ring_is_not_of_this_one)
{
	suspects_give_up(row, 1000);
	suspects_bound(row, 1000);
	ck_assert_msg(suspects_is_given_up(row, 1000),
	    "what was given up should be known in the ring where it was");
	suspects_bound(row, 992);
	ck_assert_msg(!suspects_is_given_up(row, 1000),
	    "what a former ring gave up should not be given up in this one");
}
END_TEST

START_TEST(half_of_them_is_tried_and_never_none)
{
	ck_assert_uint_eq(suspects_part(2, 0), 1);
	ck_assert_uint_eq(suspects_part(2, 1), 1);
	ck_assert_uint_eq(suspects_part(2, 2), 1);
	ck_assert_uint_eq(suspects_part(2, 7), 4);
	ck_assert_uint_eq(suspects_part(3, 1000), 500);
	for (unsigned deaths = 2; deaths <= SUSPECT_COUNTED; deaths++)
		ck_assert_uint_ge(suspects_part(deaths, 1u << 20), 1);
}
END_TEST

START_TEST(it_goes_alone_before_it_has_cost_too_many)
{
	unsigned deaths = SUSPECT_DEATHS;

	while (suspects_part(deaths, UINT32_MAX) > 1)
		deaths++;
	ck_assert_uint_lt(deaths + 1, SUSPECT_LINKS_MAX);
	ck_assert_uint_lt(deaths, SUSPECT_COUNTED);
	ck_assert_msg(suspects_is_poison(deaths + 1),
	    "one that cost more links than parts can should be poison");
}
END_TEST

START_TEST(two_ends_of_a_server_make_nobody_poison)
{
	ck_assert_msg(!suspects_is_poison(SUSPECT_DEATHS),
	    "links that a server's restart ends should make nobody poison");
	ck_assert_msg(!suspects_is_poison(SUSPECT_DEATHS + 1),
	    "one link more than a restart ends should make nobody poison");
}
END_TEST

START_TEST(one_is_given_up_and_no_other)
{
	ck_assert_msg(!suspects_is_given_up(row, 8),
	    "nothing should be given up yet");
	suspects_give_up(row, 8);
	ck_assert_msg(suspects_is_given_up(row, 8),
	    "the one that was given up should be known");
	ck_assert_msg(!suspects_is_given_up(row, 16),
	    "the one behind it should not be given up");
	suspects_clear(row);
	ck_assert_msg(!suspects_is_given_up(row, 8),
	    "clearing should forget what was given up");
}
END_TEST

/* --- model --- */

#define RINGS      24
#define FRAMES_MAX 1000 /* of a ring */

/* A frame is eight bytes of its ring. */
static struct model_ring {
	struct suspect_row row;
	uint32_t frames, tail, sent;
	bool poison[FRAMES_MAX];
	uint8_t cost[FRAMES_MAX]; /* links */
} rings[RINGS];

static unsigned poisons, given_up, trials, deaths_of_trials;

static void
lay_out(void)
{
	memset(rings, 0, sizeof(rings));
	poisons = given_up = trials = deaths_of_trials = 0;
	for (unsigned i = 0; i < RINGS; i++)
		rings[i].frames = (uint32_t)random() %
				  (random() % 4 ? 40u : (unsigned)FRAMES_MAX);
	for (unsigned left = 1 + (unsigned)random() % 6; left > 0; left--) {
		struct model_ring *ring = &rings[random() % RINGS];
		uint32_t at = (uint32_t)random() % FRAMES_MAX;

		if (at < ring->frames && !ring->poison[at]) {
			ring->poison[at] = true;
			poisons++;
		}
	}
}

static void
link_died(void)
{
	for (unsigned i = 0; i < RINGS; i++) {
		struct model_ring *ring = &rings[i];

		for (uint32_t at = ring->tail; at < ring->sent; at++)
			if (++ring->cost[at] > SUSPECT_LINKS_MAX)
				ck_abort_msg("one has cost too many links");
		if (ring->sent > ring->tail)
			suspects_left(&ring->row, 8ull * ring->sent);
		for (uint32_t at = ring->tail; at < ring->sent; at += 7)
			ck_assert_uint_eq(suspects_deaths(&ring->row,
					      8ull * at),
			    ring->cost[at]);
		ring->sent = ring->tail;
	}
}

/* The server restarts, or poison is at work and nobody knows yet. */
static void
lose_everything(void)
{
	for (unsigned i = 0; i < RINGS; i++)
		rings[i].sent =
		    rings[i].tail +
		    (uint32_t)random() % (rings[i].frames - rings[i].tail + 1);
	link_died();
}

/* Of those that cost the most: how many, and what. */
static uint32_t
count_worst(unsigned *deaths_out)
{
	uint32_t count = 0;

	*deaths_out = 0;
	for (unsigned i = 0; i < RINGS; i++)
		if (rings[i].tail < rings[i].frames)
			*deaths_out =
			    MAX(*deaths_out, suspects_deaths(&rings[i].row,
						 8ull * rings[i].tail));
	for (unsigned i = 0; *deaths_out && i < RINGS; i++) {
		uint64_t end = suspects_end(&rings[i].row, *deaths_out) / 8;

		count += (uint32_t)(MAX(end, rings[i].tail) - rings[i].tail);
	}
	return count;
}

/* Sends a part; true when the server ends the link. It may have read only the
 * beginning of what had left, or end for reasons of its own. */
static bool
send_part(unsigned deaths, uint32_t part, struct model_ring **last_out,
    uint32_t *sent_out)
{
	bool dies = false;

	*sent_out = 0;
	for (unsigned i = 0; i < RINGS; i++)
		while (rings[i].sent < rings[i].frames && *sent_out < part &&
		       suspects_deaths(&rings[i].row, 8ull * rings[i].sent) ==
			   deaths) {
			dies = dies || rings[i].poison[rings[i].sent];
			*last_out = &rings[i];
			rings[i].sent++;
			++*sent_out;
			/* Confirmed before the link dies, now and then. */
			if (!dies && random() % 8 == 0) {
				for (unsigned k = 0; k <= i; k++)
					rings[k].tail = rings[k].sent;
			}
		}
	*sent_out = 0;
	for (unsigned i = 0; i < RINGS; i++)
		*sent_out += rings[i].sent - rings[i].tail;
	return dies;
}

/* False when nothing is suspect any more. */
static bool
one_trial(void)
{
	struct model_ring *last = NULL;
	unsigned deaths;
	uint32_t sent, count = count_worst(&deaths);

	if (deaths < SUSPECT_DEATHS)
		return false;
	trials++;
	if (!send_part(deaths, suspects_part(deaths, count), &last, &sent)) {
		for (unsigned i = 0; i < RINGS; i++)
			rings[i].tail = rings[i].sent;
		return true;
	}
	deaths_of_trials++;
	link_died();
	if (sent == 1 && suspects_is_poison(suspects_deaths(&last->row,
			     8ull * last->tail))) {
		ck_assert_msg(last->poison[last->tail],
		    "only what is poison should be given up");
		suspects_give_up(&last->row, 8ull * last->tail + 8);
		given_up++;
		last->sent = ++last->tail;
	}
	return true;
}

START_TEST(poison_is_found_wherever_it_is_and_nothing_else_is)
{
	unsigned suspect = 0;

	(void)seed_random("test_suspects");
	lay_out();
	lose_everything();
	lose_everything();
	for (unsigned i = 0; i < RINGS; i++)
		for (uint32_t at = 0; at < rings[i].frames; at++)
			suspect += rings[i].poison[at] &&
				   rings[i].cost[at] >= SUSPECT_DEATHS;
	while (one_trial())
		ck_assert_uint_lt(trials, 2000);
	ck_assert_uint_eq(given_up, suspect);
	ck_assert_uint_le(deaths_of_trials,
	    suspect * (SUSPECT_LINKS_MAX - SUSPECT_DEATHS));
}
END_TEST

START_TEST(without_poison_many_are_cleared_by_few_questions)
{
	lay_out();
	for (unsigned i = 0; i < RINGS; i++)
		memset(rings[i].poison, 0, sizeof(rings[i].poison));
	for (unsigned i = 0; i < 2; i++) {
		for (unsigned k = 0; k < RINGS; k++)
			rings[k].sent = rings[k].frames;
		link_died();
	}
	while (one_trial())
		;
	ck_assert_uint_eq(given_up, 0);
	ck_assert_uint_eq(deaths_of_trials, 0);
	ck_assert_uint_le(trials, 12 + RINGS * FRAMES_MAX / 4096);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("suspects");
	TCase *tcase = tcase_create("suspects");

	tcase_add_checked_fixture(tcase, setup, finish_upstream);
	tcase_add_test(tcase, what_left_twice_is_what_left_on_both);
	tcase_add_test(tcase, more_deaths_than_are_told_apart_are_borne);
	tcase_add_test(tcase, nothing_behind_head_is_believed);
	tcase_add_test(tcase,
	    what_was_given_up_of_a_former_ring_is_not_of_this_one);
	tcase_add_test(tcase, half_of_them_is_tried_and_never_none);
	tcase_add_test(tcase, it_goes_alone_before_it_has_cost_too_many);
	tcase_add_test(tcase, two_ends_of_a_server_make_nobody_poison);
	tcase_add_test(tcase, one_is_given_up_and_no_other);
	tcase_add_loop_test(tcase,
	    poison_is_found_wherever_it_is_and_nothing_else_is, 0, 20);
	tcase_add_test(tcase, without_poison_many_are_cleared_by_few_questions);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
