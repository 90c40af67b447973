/* SPDX-License-Identifier: Apache-2.0 */
/* A ring in private memory: order, pads, chains, restart of a quiet ring. */
#include "tests/support/check/run_suite.h"
#include "tests/unit/shm/ring_rig.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

START_TEST(test_frames_come_out_as_they_went_in)
{
	struct frame_id id = message_id(3);
	struct frame frame;
	uint64_t cursor = 0;
	char text[64];
	int i, len;

	for (i = 0; i < 5000; i++) {
		len = snprintf(text, sizeof(text), "message %d", i);
		ck_assert_int_eq(ring_push(&ring, &id, text, (uint32_t)len), 0);
		ck_assert_int_eq(ring_next(&ring, &cursor, &frame), 1);
		ck_assert_uint_eq(frame.len, (uint32_t)len);
		ck_assert_mem_eq(frame.bytes, text, (size_t)len);
		ck_assert_msg(frame_verify(&frame, 0xABCD),
		    "message %d should carry the seal of its session", i);
		ck_assert_msg(!frame_verify(&frame, 0xABCE),
		    "the seal of message %d should not fit another session", i);
		/* One frame always stays, so the ring never starts anew. */
		ring_release(&ring, frame.cursor);
	}
	ck_assert_int_eq(ring_next(&ring, &cursor, &frame), 0);
}
END_TEST

START_TEST(test_a_quiet_ring_uses_its_first_pages_again)
{
	struct frame_id id = message_id(3);
	struct frame frame;
	uint64_t cursor = 0;
	size_t touched = 0, i;
	char text[100] = { 1 };

	for (i = 0; i < 10000; i++) {
		ck_assert_int_eq(ring_push(&ring, &id, text, 100), 0);
		ck_assert_int_eq(ring_next(&ring, &cursor, &frame), 1);
		ring_release(&ring, frame.next);
	}
	for (i = 0; i < CAPACITY; i++)
		if (data[i])
			touched = i;
	ck_assert_uint_lt(touched, CAPACITY / 2 + 200);
}
END_TEST

/* So many frames come and go one by one. */
static void
pass_by(unsigned frames)
{
	struct frame_id id = message_id(0);
	struct frame frame;
	uint64_t cursor = 0;
	char text[64] = { 1 };

	ring_rig_setup();
	while (frames-- > 0) {
		ck_assert_int_eq(ring_push(&ring, &id, text, sizeof(text)), 0);
		ck_assert_int_eq(ring_next(&ring, &cursor, &frame), 1);
		ring_release(&ring, cursor);
	}
}

/* A consumer that does not run now leaves what is passed over where it is. */
START_TEST(test_an_empty_ring_takes_half_of_itself_wherever_it_stands)
{
	static uint8_t item[CAPACITY / 2 - 5000];
	struct frame_id id = message_id(1);
	char text[64] = { 2 };
	unsigned frames;
	size_t took;

	for (frames = 0; frames < 800; frames += 23) {
		pass_by(frames);
		took = 0;
		while (ring_push(&ring, &id, text, sizeof(text)) == 0)
			took += sizeof(text) + FRAME_HEADER_BYTES;
		ck_assert_uint_ge(took + 100, CAPACITY / 2);
		pass_by(frames);
		ck_assert_int_eq(ring_push(&ring, &id, text, sizeof(text)), 0);
		ck_assert_int_eq(ring_push_chain(&ring, &id, NULL, item,
				     sizeof(item), 4096),
		    0);
	}
}
END_TEST

START_TEST(test_a_full_ring_says_so_and_a_chain_is_all_or_nothing)
{
	struct frame_id id = message_id(1);
	static uint8_t big[CAPACITY];
	struct frame frame;
	uint64_t cursor = 0;
	size_t whole = 0;

	ck_assert_int_eq(ring_push(&ring, &id, big, CAPACITY / 2 + 1),
	    -EMSGSIZE);
	ck_assert_int_eq(ring_push_chain(&ring, &id, NULL, big, CAPACITY, 4096),
	    -EMSGSIZE);
	ck_assert_int_eq(ring_push_chain(&ring, &id, NULL, big, 40000, 4096),
	    0);
	ck_assert_int_eq(ring_push_chain(&ring, &id, NULL, big, 40000, 4096),
	    -ENOSPC);
	while (ring_next(&ring, &cursor, &frame) == 1) {
		whole += frame.len;
		ck_assert_int_eq(frame.flags & FRAME_MORE, whole < 40000);
	}
	ck_assert_uint_eq(whole, 40000);
	ck_assert_uint_eq(cursor, head);
}
END_TEST

START_TEST(test_a_chain_without_bytes_is_one_frame)
{
	struct frame_id id = message_id(1);
	struct frame frame;
	uint64_t cursor = 0;

	ck_assert_int_eq(ring_push_chain(&ring, &id, NULL, NULL, 0, 4096), 0);
	ck_assert_int_eq(ring_next(&ring, &cursor, &frame), 1);
	ck_assert_uint_eq(frame.len, 0);
	ck_assert_int_eq(frame.flags & FRAME_MORE, 0);
	ck_assert_int_eq(ring_next(&ring, &cursor, &frame), 0);
}
END_TEST

static const struct frame_fields some_fields = {
	.id = { 3, 4 },
	.from = { FRAME_NOWHERE, 0 },
	.jid = { 5, UINT32_MAX },
	.type = 200,
	.marks = 255,
};

START_TEST(test_what_is_parsed_comes_with_the_first_frame_and_its_bytes_alone)
{
	struct frame_id id = message_id(1);
	struct frame frame;
	uint64_t cursor = 0;
	char got[512];
	size_t len = 0;

	ck_assert_int_eq(ring_push_chain(&ring, &id, &some_fields, "0123456789",
			     10, 40),
	    0);
	ck_assert_int_eq(ring_push_chain(&ring, &id, &some_fields, NULL, 0, 32),
	    0);
	ck_assert_int_eq(ring_next(&ring, &cursor, &frame), 1);
	ck_assert_int_eq(frame.flags, FRAME_PARSED | FRAME_MORE);
	ck_assert_mem_eq(&frame.fields, &some_fields, sizeof(some_fields));
	ck_assert_msg(frame_verify(&frame, 0xABCD),
	    "the first frame should carry the seal of its session");
	memcpy(got, frame.bytes, frame.len);
	len = frame.len;
	ck_assert_int_eq(ring_next(&ring, &cursor, &frame), 1);
	ck_assert_int_eq(frame.flags, 0);
	ck_assert_msg(frame_verify(&frame, 0xABCD),
	    "the second frame should carry the seal of its session");
	memcpy(got + len, frame.bytes, frame.len);
	ck_assert_uint_eq(len + frame.len, 10);
	ck_assert_mem_eq(got, "0123456789", 10);
	ck_assert_int_eq(ring_next(&ring, &cursor, &frame), 1);
	ck_assert_int_eq(frame.flags, FRAME_PARSED);
	ck_assert_uint_eq(frame.len, 0);
	ck_assert_int_eq(ring_next(&ring, &cursor, &frame), 0);
}
END_TEST

START_TEST(test_a_frame_too_short_for_what_is_parsed_is_a_format_error)
{
	struct frame_id id = message_id(1);
	uint64_t cursor = 0;
	struct frame frame;

	id.flags = FRAME_PARSED;
	ck_assert_int_eq(ring_push(&ring, &id, &some_fields, 32), 0);
	ck_assert_int_eq(ring_push(&ring, &id, &some_fields, 31), 0);
	ck_assert_int_eq(ring_next(&ring, &cursor, &frame), 1);
	ck_assert_uint_eq(frame.len, 0);
	ck_assert_mem_eq(&frame.fields, &some_fields, sizeof(some_fields));
	ck_assert_int_eq(ring_next(&ring, &cursor, &frame), -EPROTO);
}
END_TEST

START_TEST(test_an_impossible_head_or_length_is_a_format_error)
{
	struct frame_id id = message_id(1);
	struct frame frame;
	uint64_t cursor = 0;

	head = CAPACITY + 8;
	ck_assert_int_eq(ring_next(&ring, &cursor, &frame), -EPROTO);
	head = 0;
	ck_assert_int_eq(ring_push(&ring, &id, "x", 1), 0);
	memset(data, 0xFF, 4);
	cursor = 0;
	ck_assert_int_eq(ring_next(&ring, &cursor, &frame), -EPROTO);
	tail = 1u << 30;
	ck_assert_int_eq(ring_push(&ring, &id, "x", 1), -EPROTO);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ring");
	TCase *tcase = tcase_create("ring");

	tcase_add_checked_fixture(tcase, ring_rig_setup, NULL);
	tcase_add_test(tcase, test_frames_come_out_as_they_went_in);
	tcase_add_test(tcase, test_a_chain_without_bytes_is_one_frame);
	tcase_add_test(tcase,
	    test_what_is_parsed_comes_with_the_first_frame_and_its_bytes_alone);
	tcase_add_test(tcase,
	    test_a_frame_too_short_for_what_is_parsed_is_a_format_error);
	tcase_add_test(tcase, test_a_quiet_ring_uses_its_first_pages_again);
	tcase_add_test(tcase,
	    test_an_empty_ring_takes_half_of_itself_wherever_it_stands);
	tcase_add_test(tcase,
	    test_a_full_ring_says_so_and_a_chain_is_all_or_nothing);
	tcase_add_test(tcase,
	    test_an_impossible_head_or_length_is_a_format_error);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
