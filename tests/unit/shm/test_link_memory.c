/* SPDX-License-Identifier: Apache-2.0 */
/* What a successor of upstream does with an intent, sound or damaged. */
#include "common/shm/link_memory.h"

#include "common/shm/ring.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/region/smallest_region.h"

#include <check.h>

#define PARTITION 2u
#define LINK      3u
#define PIECE     100u

static struct links_memory *memory;
static struct ring down;
static uint64_t first;        /* behind what is published */
static uint64_t middle, last; /* within and behind what is staged */

/* One item is published; another, of three frames, is staged, and the process
 * is killed. */
static void
setup(void)
{
	const struct frame_id id = { .kind = FRAME_MESSAGE };
	static const uint8_t bytes[3 * PIECE];

	smallest_region_begin();
	memory = links_memory(region);
	region_down_ring(region, PARTITION, &down);
	ck_assert_int_eq(ring_push(&down, &id, bytes, 10), 0);
	first = down.staged;
	ck_assert_int_eq(ring_stage_chain(&down, &id, NULL, bytes,
			     sizeof(bytes), PIECE),
	    0);
	last = down.staged;
	middle = first + (last - first) / 3;
	link_position_set(&memory->links[LINK].parsed, 500);
	link_intent_begin(memory, PARTITION, last, LINK, 700);
}

static void
expect(uint64_t head, uint64_t parsed)
{
	uint64_t position;

	ck_assert_uint_eq(memory->intent.seal, 0);
	ck_assert_uint_eq(*down.head, head);
	ck_assert_msg(link_position_get(&memory->links[LINK].parsed, &position),
	    "the position should be sound");
	ck_assert_uint_eq(position, parsed);
	ck_assert_msg(ring_is_sound(&down), "the ring should be sound");
}

START_TEST(what_was_begun_is_done_and_only_once)
{
	ck_assert_msg(link_intent_finish(region), "it should be possible");
	expect(last, 700);
	link_position_set(&memory->links[LINK].parsed, 900);
	ck_assert_msg(link_intent_finish(region), "nothing is to be done");
	expect(last, 900);
}
END_TEST

START_TEST(what_was_published_already_is_dealt_with)
{
	ring_publish(&down);
	ck_assert_msg(link_intent_finish(region), "it should be possible");
	expect(last, 700);
}
END_TEST

START_TEST(a_head_where_no_item_ends_is_not_believed)
{
	const uint64_t heads[] = { 0, first - 8, first + 1, first + 8, middle,
		last - 8, last + 8, first + down.capacity + 8, UINT64_MAX };

	link_intent_begin(memory, PARTITION, heads[_i], LINK, 700);
	ck_assert_msg(!link_intent_finish(region), "head %ju is none",
	    (uintmax_t)heads[_i]);
	expect(first, 500);
}
END_TEST

START_TEST(items_that_are_not_whole_are_not_published)
{
	down.data[middle + 40] ^= 1;
	ck_assert_msg(!link_intent_finish(region), "the item is damaged");
	expect(first, 500);
}
END_TEST

START_TEST(a_partition_that_is_none_has_no_ring)
{
	link_intent_begin(memory, SMALL_PARTITIONS, last, LINK, 700);
	ck_assert_msg(!link_intent_finish(region), "there are fewer");
	expect(first, 500);
}
END_TEST

START_TEST(a_link_that_is_none_has_no_word)
{
	link_intent_begin(memory, PARTITION, last, LINKS_MAX, 700);
	ck_assert_msg(!link_intent_finish(region), "there are fewer");
	expect(first, 500);
}
END_TEST

START_TEST(words_that_are_damaged_are_not_followed)
{
	_Atomic uint32_t *const words[] = { &memory->intent.partition,
		&memory->intent.link };
	_Atomic uint64_t *const positions[] = { &memory->intent.head,
		&memory->intent.parsed };

	if (_i < 2)
		*words[_i] ^= 1;
	else
		*positions[_i - 2] ^= 8;
	ck_assert_msg(!link_intent_finish(region), "word %d is damaged", _i);
	expect(first, 500);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("link_memory");
	TCase *tcase = tcase_create("link_memory");

	tcase_add_checked_fixture(tcase, setup, smallest_region_end);
	tcase_add_test(tcase, what_was_begun_is_done_and_only_once);
	tcase_add_test(tcase, what_was_published_already_is_dealt_with);
	tcase_add_loop_test(tcase, a_head_where_no_item_ends_is_not_believed, 0,
	    9);
	tcase_add_test(tcase, items_that_are_not_whole_are_not_published);
	tcase_add_test(tcase, a_partition_that_is_none_has_no_ring);
	tcase_add_test(tcase, a_link_that_is_none_has_no_word);
	tcase_add_loop_test(tcase, words_that_are_damaged_are_not_followed, 0,
	    4);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
