/* SPDX-License-Identifier: Apache-2.0 */
/* Whose cursors count in a ring, and what damage to it does: nothing that makes
 * no sense is taken for a frame. */
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"
#include "tests/unit/shm/ring_rig.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

START_TEST(test_a_new_process_begins_with_cursors_that_it_wrote_itself)
{
	static const uint64_t absurd[] = { 1, 7, 4095, CAPACITY + 8, UINT64_MAX,
		UINT64_MAX - 31, 1ull << 63 };
	struct frame_id id = message_id(1);
	struct ring producer, consumer;
	struct frame frame;
	uint64_t cursor;
	size_t i;

	for (i = 0; i < ARRAY_LEN(absurd) * ARRAY_LEN(absurd); i++) {
		head = absurd[i % ARRAY_LEN(absurd)];
		tail = absurd[i / ARRAY_LEN(absurd)];
		ring_attach(&producer, &head, &sent, &tail, data, CAPACITY);
		ring_attach(&consumer, &head, &sent, &tail, data, CAPACITY);
		ring_begin(&producer, RING_PRODUCER);
		ring_begin(&consumer, RING_CONSUMER);
		ck_assert_msg(ring_is_sound(&producer),
		    "the producer should find a sound ring, case %zu", i);
		ck_assert_msg(ring_is_sound(&consumer),
		    "the consumer should find a sound ring, case %zu", i);
		ck_assert_uint_eq(head, tail);
		ck_assert_uint_eq(head, sent);
		cursor = ring_tail(&consumer);
		ck_assert_int_eq(ring_next(&consumer, &cursor, &frame), 0);
		ck_assert_int_eq(ring_push(&producer, &id, "hello", 5), 0);
		ck_assert_int_eq(ring_next(&consumer, &cursor, &frame), 1);
		ck_assert_mem_eq(frame.bytes, "hello", 5);
	}
}
END_TEST

/* Back below, frames of former rounds would carry their cursors again. */
START_TEST(test_a_new_process_begins_beyond_4_gib_where_the_ring_stands)
{
	uint64_t at = (UINT64_C(3) << 32) + 8;
	struct ring next;

	head = sent = tail = at;
	ring_attach(&next, &head, &sent, &tail, data, CAPACITY);
	ring_begin(&next, RING_PRODUCER);
	ck_assert_uint_eq(head, at);
	ring_begin(&next, RING_CONSUMER);
	ck_assert_uint_eq(tail, at);
}
END_TEST

START_TEST(test_a_successor_takes_over_what_its_predecessor_left)
{
	struct frame_id id = message_id(1);
	struct ring next;
	struct frame frame;
	uint64_t cursor = 0;
	int i;

	for (i = 0; i < 3; i++)
		ck_assert_int_eq(ring_push(&ring, &id, "hello", 5), 0);
	ck_assert_int_eq(ring_next(&ring, &cursor, &frame), 1);
	ring_release(&ring, cursor);
	ck_assert_int_eq(ring_next(&ring, &cursor, &frame), 1);
	ring_set_sent(&ring, cursor);
	ring_attach(&next, &head, &sent, &tail, data, CAPACITY);
	ck_assert_int_eq(ring_inherit(&next, RING_CONSUMER), 0);
	ck_assert_uint_eq(ring_tail(&next), frame.cursor);
	ck_assert_uint_eq(ring_sent(&next), frame.next);
	/* What was sent is unknown: all of it may have been. */
	sent = 3;
	ring_attach(&next, &head, &sent, &tail, data, CAPACITY);
	ck_assert_int_eq(ring_inherit(&next, RING_CONSUMER), 0);
	ck_assert_uint_eq(ring_sent(&next), head);
	ck_assert_uint_eq(sent, head);
	ring_attach(&next, &head, &sent, &tail, data, CAPACITY);
	ck_assert_int_eq(ring_inherit(&next, RING_PRODUCER), 0);
	ck_assert_int_eq(ring_push(&next, &id, "again", 5), 0);
}
END_TEST

START_TEST(test_impossible_cursors_are_not_inherited)
{
	static const uint64_t absurd[] = { 1, 7, CAPACITY + 8, 1ull << 63 };
	struct ring next;
	size_t i;

	for (i = 0; i < 2 * ARRAY_LEN(absurd); i++) {
		head = i % 2 ? absurd[i / 2] : 0;
		tail = i % 2 ? 0 : absurd[i / 2];
		ring_attach(&next, &head, &sent, &tail, data, CAPACITY);
		ck_assert_int_eq(ring_inherit(&next,
				     i % 2 ? RING_PRODUCER : RING_CONSUMER),
		    -EPROTO);
		ck_assert_uint_eq((i % 2 ? head : tail) % 8, 0);
	}
}
END_TEST

START_TEST(test_own_cursors_are_never_read_back)
{
	struct frame_id id = message_id(1);
	struct ring producer, consumer;
	struct frame frame;
	uint64_t cursor = 0, before;

	ring_attach(&producer, &head, &sent, &tail, data, CAPACITY);
	ring_attach(&consumer, &head, &sent, &tail, data, CAPACITY);
	ring_begin(&producer, RING_PRODUCER);
	ring_begin(&consumer, RING_CONSUMER);
	ck_assert_int_eq(ring_push(&producer, &id, "hello", 5), 0);
	ck_assert_int_eq(ring_next(&consumer, &cursor, &frame), 1);
	ring_set_sent(&consumer, cursor);
	before = head;
	head = 1ull << 50;
	ck_assert_int_eq(ring_next(&consumer, &cursor, &frame), -EPROTO);
	ck_assert_msg(ring_restore(&producer),
	    "the producer should find its damaged cursor and write it anew");
	ck_assert_uint_eq(head, before);
	ck_assert_msg(!ring_restore(&producer),
	    "a producer whose cursor is right should have nothing to restore");
	ck_assert_int_eq(ring_next(&consumer, &cursor, &frame), 0);
	sent = tail = UINT64_MAX;
	ck_assert_uint_eq(ring_sent(&consumer), before);
	ck_assert_uint_eq(ring_tail(&consumer), 0);
	ck_assert_int_eq(ring_push(&producer, &id, "hello", 5), -EPROTO);
	ck_assert_msg(ring_restore(&consumer),
	    "the consumer should find its damaged cursors and write them anew");
	ck_assert_uint_eq(sent, before);
	ck_assert_uint_eq(tail, 0);
	head = 3;
	ck_assert_int_eq(ring_push(&producer, &id, "hello", 5), 0);
	ck_assert_uint_eq(head, 2 * before);
}
END_TEST

START_TEST(test_a_frame_of_a_former_round_is_none)
{
	struct frame_id id = message_id(1);
	static uint8_t bytes[2000];
	struct frame frame;
	uint64_t cursor = 0;
	int i;

	for (i = 0; i < 100; i++) {
		ck_assert_int_eq(ring_push(&ring, &id, bytes, sizeof(bytes)),
		    0);
		while (ring_next(&ring, &cursor, &frame) == 1)
			ring_release(&ring, frame.cursor);
	}
	/* A head that is too far, by a whole number of frames. */
	head += 2032;
	ck_assert_int_eq(ring_next(&ring, &cursor, &frame), -EPROTO);
}
END_TEST

static bool
is_filled(const uint8_t *bytes, uint32_t len, uint32_t number)
{
	while (len-- > 0)
		if (*bytes++ != (uint8_t)number)
			return false;
	return true;
}

/* Frames that carry their number; taken until nothing more comes. */
static void
take_all(uint64_t *cursor_io, uint32_t *next_io, struct ring *consumer)
{
	struct frame frame;
	int got;

	while ((got = ring_next(consumer, cursor_io, &frame)) == 1) {
		ck_assert_uint_eq(frame.slot, *next_io);
		ck_assert_msg(frame_verify(&frame, 0xABCD),
		    "frame %u should carry the seal of its session",
		    frame.slot);
		ck_assert_msg(is_filled(frame.bytes, frame.len, frame.slot),
		    "frame %u should hold the bytes that were pushed",
		    frame.slot);
		++*next_io;
		if (random() % 2)
			ring_release(consumer, frame.cursor);
	}
	ck_assert_int_le(got, 0);
}

static void
flip_a_bit_of_a_cursor(void)
{
	_Atomic uint64_t *words[] = { &head, &sent, &tail };

	*words[random() % 3] ^= 1ull << random() % 64;
}

/* Of the next one, or of one soon behind it. */
static void
flip_a_bit_of_a_frame(uint64_t cursor)
{
	data[(cursor + (uint64_t)random() % 120) % CAPACITY] ^=
	    (uint8_t)(1u << random() % 8);
}

/* A bit of a cursor or of a frame: never a frame that is not the next
 * one; of cursors nothing stays. */
START_TEST(test_no_flipped_bit_makes_a_frame)
{
	static uint8_t bytes[500];
	struct ring producer, consumer;
	uint32_t pushed = 0, taken = 0;
	uint64_t cursor, start;
	int turn;

	(void)seed_random("test_ring_damage");
	ring_attach(&producer, &head, &sent, &tail, data, CAPACITY);
	ring_attach(&consumer, &head, &sent, &tail, data, CAPACITY);
	ring_begin(&producer, RING_PRODUCER);
	ring_begin(&consumer, RING_CONSUMER);
	cursor = ring_tail(&consumer);
	for (turn = 0; turn < 20000; turn++) {
		struct frame_id id = message_id(pushed);
		uint32_t len = (uint32_t)(random() % (int)sizeof(bytes));

		memset(bytes, (int)(pushed & 255), len);
		if (random() % 2 && ring_push(&producer, &id, bytes, len) == 0)
			pushed++;
		if (random() % 8 == 0)
			flip_a_bit_of_a_cursor();
		start = ring_head(&producer);
		if (random() % 8 == 0 && cursor != start)
			flip_a_bit_of_a_frame(cursor);
		take_all(&cursor, &taken, &consumer);
		(void)ring_restore(&producer);
		(void)ring_restore(&consumer);
		ck_assert_msg(ring_is_sound(&consumer),
		    "no damage should remain when both ends have restored "
		    "theirs");
		take_all(&cursor, &taken, &consumer);
		if (cursor != start) { /* a frame is damaged: given up */
			cursor = start;
			taken = pushed;
		}
		if (random() % 2)
			ring_release(&consumer, cursor);
	}
	ck_assert_uint_gt(taken, 2000);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ring damage");
	TCase *tcase = tcase_create("ring damage");

	tcase_add_checked_fixture(tcase, ring_rig_setup, NULL);
	tcase_add_test(tcase,
	    test_a_new_process_begins_with_cursors_that_it_wrote_itself);
	tcase_add_test(tcase,
	    test_a_successor_takes_over_what_its_predecessor_left);
	tcase_add_test(tcase,
	    test_a_new_process_begins_beyond_4_gib_where_the_ring_stands);
	tcase_add_test(tcase, test_impossible_cursors_are_not_inherited);
	tcase_add_test(tcase, test_own_cursors_are_never_read_back);
	tcase_add_test(tcase, test_a_frame_of_a_former_round_is_none);
	tcase_add_test(tcase, test_no_flipped_bit_makes_a_frame);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
