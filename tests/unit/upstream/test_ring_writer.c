/* SPDX-License-Identifier: Apache-2.0 */
/* Frames on their way into a ring that may be full. */
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"
#include "tests/unit/upstream/fixture.h"
#include "worker/upstream/core/ring_writer.h"
#include "worker/upstream/link/link.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAP 3000u

static struct ring_writer *writer;

static void
start(uint32_t piece)
{
	empty_down_ring(piece, CAP);
	writer = &up.partitions[0].down;
}

static int
push(uint32_t number, size_t len)
{
	const struct frame_id id = { .kind = FRAME_MESSAGE, .slot = number };
	static uint8_t bytes[2 * FIXTURE_RING_BYTES];

	memset(bytes, (int)(number & 255), sizeof(bytes));
	return ring_writer_push(writer, &id, NULL, bytes, len);
}

static bool
are_all(const uint8_t *bytes, size_t len, uint32_t number)
{
	if (len == 0)
		return true;
	return bytes[0] == (number & 255) &&
	       memcmp(bytes, bytes + 1, len - 1) == 0;
}

/* Takes one whole item out of the ring; false when there is none. */
static bool
take(uint32_t *number_out, size_t *len_out)
{
	uint64_t cursor = ring_tail(&worker_end);
	struct frame frame;

	*len_out = 0;
	do {
		int got = ring_next(&worker_end, &cursor, &frame);

		ck_assert_int_ge(got, 0);
		if (!got)
			return false;
		ck_assert_msg(are_all(frame.bytes, frame.len, frame.slot),
		    "item %u should hold the bytes that were pushed",
		    frame.slot);
		*number_out = frame.slot;
		*len_out += frame.len;
	} while (frame.flags & FRAME_MORE);
	ring_release(&worker_end, cursor);
	return true;
}

START_TEST(what_a_full_ring_does_not_take_waits_in_order)
{
	uint32_t number, pushed = 0, taken = 0;
	size_t len;

	start(0);
	while (!ring_writer_is_blocked(writer))
		ck_assert_int_eq(push(pushed++, 500), 0);
	ck_assert_uint_eq(ring_writer_room(writer), 0);
	ck_assert_int_eq(push(pushed++, 1), 0); /* fits, but not before */
	while (take(&number, &len)) {
		ck_assert_uint_eq(number, taken++);
		(void)ring_writer_flush(writer);
	}
	ck_assert_uint_eq(taken, pushed);
	ck_assert_msg(!ring_writer_is_blocked(writer),
	    "nothing should wait behind a ring that was emptied");
	ck_assert_uint_gt(ring_writer_room(writer), 0);
}
END_TEST

START_TEST(no_more_waits_than_the_cap_allows)
{
	size_t waiting;
	int error = 0;

	start(0);
	for (uint32_t i = 0; !error; i++)
		error = push(i, 700);
	ck_assert_int_eq(error, -ENOBUFS);
	waiting = writer->waiting_bytes;
	ck_assert_uint_le(waiting, CAP);
	ck_assert_int_eq(push(99, CAP - waiting + 1), -ENOBUFS);
	ck_assert_int_eq(push(99, CAP - waiting), 0);
	ring_writer_clear(writer);
	ck_assert_uint_eq(writer->waiting_bytes, 0);
}
END_TEST

START_TEST(what_never_fits_is_refused_behind_what_waits_too)
{
	for (unsigned piece = 0; piece <= 512; piece += 512) {
		start(piece);
		ck_assert_int_eq(push(1, FIXTURE_RING_BYTES), -EMSGSIZE);
		while (!ring_writer_is_blocked(writer))
			ck_assert_int_eq(push(2, 500), 0);
		ck_assert_int_eq(push(1, FIXTURE_RING_BYTES), -EMSGSIZE);
		ring_writer_clear(writer);
	}
}
END_TEST

START_TEST(a_consumer_that_writes_nonsense_is_told)
{
	start(0);
	atomic_store(worker_end.tail, 1u << 20);
	ck_assert_int_eq(push(1, 10), -EPROTO);
	ck_assert_msg(!ring_writer_is_blocked(writer),
	    "what a broken ring refuses should not wait");
}
END_TEST

/* --- items of links --- */

static uint64_t
parsed_of(unsigned link)
{
	uint64_t position;

	ck_assert_msg(link_position_get(&up.memory->links[link].parsed,
			  &position),
	    "the position of link %u should have its check", link);
	return position;
}

/* One that ends at this position of its link's stream. */
static int
push_of(unsigned link, uint64_t parsed, size_t len)
{
	const struct ring_writer_cause cause = { up.memory, link, parsed };
	const struct frame_id id = { .kind = FRAME_MESSAGE, .slot = 7 };
	static uint8_t bytes[FIXTURE_RING_BYTES];

	memset(bytes, 7, sizeof(bytes));
	return ring_writer_push_of(writer, &cause, &id, NULL, bytes, len);
}

START_TEST(a_links_item_is_dealt_with_once_it_is_in_the_ring)
{
	const struct link_intent *intent = &up.memory->intent;
	uint32_t number;
	size_t len;

	start(512);
	writer->number = 5;
	ck_assert_int_eq(push_of(3, 1234, 1500), 0);
	ck_assert_uint_eq(parsed_of(3), 1234);
	ck_assert_uint_eq(parsed_of(2), 0);
	ck_assert_uint_eq(intent->seal, 0);
	ck_assert_uint_eq(intent->partition, 5);
	ck_assert_uint_eq(intent->link, 3);
	ck_assert_uint_eq(intent->head, ring_head(&worker_end));
	ck_assert_msg(take(&number, &len), "the item should be in the ring");
	ck_assert_uint_eq(len, 1500);
}
END_TEST

START_TEST(a_links_item_that_finds_no_room_stays_with_its_link)
{
	uint64_t parsed = 0;
	uint32_t number;
	size_t len;

	start(512);
	while (push_of(3, parsed + 1, 900) == 0)
		parsed++;
	ck_assert_uint_gt(parsed, 1);
	ck_assert_int_eq(push_of(3, parsed + 1, 900), -EAGAIN);
	ck_assert_uint_eq(writer->waiting_bytes, 0);
	ck_assert_uint_eq(parsed_of(3), parsed);
	ck_assert_msg(!ring_writer_flush(writer), "nothing should move");
	ck_assert_msg(ring_writer_is_blocked(writer), "nothing was taken");
	ck_assert_msg(take(&number, &len), "the first should be in the ring");
	(void)ring_writer_flush(writer);
	ck_assert_msg(!ring_writer_is_blocked(writer), "there is room");
	ck_assert_int_eq(push_of(3, parsed + 1, 900), 0);
	ck_assert_uint_eq(parsed_of(3), parsed + 1);
}
END_TEST

START_TEST(a_links_item_does_not_overtake_what_waits)
{
	uint32_t number;
	size_t len;

	start(512);
	while (!ring_writer_is_blocked(writer))
		ck_assert_int_eq(push(1, 900), 0);
	ck_assert_int_eq(push_of(4, 77, 1), -EAGAIN); /* it would fit */
	ck_assert_uint_eq(parsed_of(4), 0);
	while (take(&number, &len))
		;
	ck_assert_msg(ring_writer_flush(writer), "there should be room");
	ck_assert_msg(!ring_writer_is_blocked(writer), "nothing waits");
	ck_assert_int_eq(push_of(4, 77, 1), 0);
	ck_assert_uint_eq(parsed_of(4), 77);
}
END_TEST

START_TEST(a_links_item_that_is_refused_leaves_no_intent)
{
	start(512);
	ck_assert_int_eq(push_of(3, 9, FIXTURE_RING_BYTES), -EMSGSIZE);
	ck_assert_uint_eq(parsed_of(3), 0);
	ck_assert_uint_eq(up.memory->intent.seal, 0);
	ck_assert_uint_eq(ring_head(&worker_end), 0);
}
END_TEST

static void
count_item(void *context, const struct frame_id *id, const uint8_t *bytes,
    size_t len)
{
	uint32_t *next = context;

	ck_assert_uint_eq(id->slot, (*next)++);
	ck_assert_msg(are_all(bytes, len, id->slot),
	    "item %u should hold the bytes that were pushed", id->slot);
}

START_TEST(draining_shows_each_item_that_waits_once)
{
	uint32_t next, pushed = 0, first;

	start(0);
	while (!ring_writer_is_blocked(writer))
		ck_assert_int_eq(push(pushed++, 500), 0);
	ck_assert_int_eq(push(pushed++, 300), 0);
	first = next = pushed - 2;
	while (ring_writer_drain_one(writer, count_item, &next))
		ck_assert_uint_le(next, first + 2);
	ck_assert_uint_eq(next, first + 2);
	ck_assert_msg(!ring_writer_is_blocked(writer),
	    "nothing should wait after draining");
	ck_assert_uint_eq(writer->waiting_bytes, 0);
}
END_TEST

/* Looks until it is said to stand still; 0: it is not, within `most`. */
static unsigned
looks_until_still(unsigned most)
{
	for (unsigned looks = 1; looks <= most; looks++)
		if (ring_writer_stands_still(writer, 50))
			return looks;
	return 0;
}

START_TEST(nothing_stands_still_but_what_waits_and_is_not_taken)
{
	uint32_t number, pushed = 0;
	size_t len;

	start(0);
	ck_assert_uint_eq(looks_until_still(200), 0);
	while (!ring_writer_is_blocked(writer)) {
		ck_assert_uint_eq(looks_until_still(200), 0);
		ck_assert_int_eq(push(pushed++, 500), 0);
	}
	/* Slow is not hung, whether or not what is taken is room enough. */
	for (unsigned i = 0; i < 4; i++) {
		ck_assert_uint_eq(looks_until_still(50), 0);
		ck_assert_msg(take(&number, &len),
		    "the full ring should have an item to take");
	}
	ck_assert_uint_eq(looks_until_still(200), 51);
	ck_assert_uint_eq(looks_until_still(200), 51);
	(void)ring_writer_flush(writer);
	ck_assert_uint_eq(looks_until_still(200), 0);
}
END_TEST

static void
play(uint32_t piece, size_t len_max)
{
	static size_t lens[512];
	uint32_t pushed = 0, taken = 0, number;
	size_t len;

	start(piece);
	for (unsigned i = 0; i < 4000; i++) {
		switch (random() % 3) {
		case 0:
			len = (size_t)random() % len_max;
			if (push(pushed, len) == 0)
				lens[pushed++ % 512] = len;
			break;
		case 1:
			(void)ring_writer_flush(writer);
			break;
		default:
			if (!take(&number, &len))
				break;
			ck_assert_uint_eq(number, taken);
			ck_assert_uint_eq(len, lens[taken++ % 512]);
			break;
		}
		ck_assert_uint_le(writer->waiting_bytes, CAP);
	}
	do
		(void)ring_writer_flush(writer);
	while (take(&number, &len) && number == taken++);
	ck_assert_uint_eq(taken, pushed);
}

START_TEST(items_arrive_whole_in_order_and_once_whatever_happens)
{
	(void)seed_random("test_ring_writer");
	for (unsigned round = 0; round < 20; round++) {
		play(0, 1000);
		play(256, 2000);
	}
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ring_writer");
	TCase *tcase = tcase_create("ring_writer");

	tcase_add_checked_fixture(tcase, begin_upstream, finish_upstream);
	tcase_add_test(tcase, what_a_full_ring_does_not_take_waits_in_order);
	tcase_add_test(tcase, no_more_waits_than_the_cap_allows);
	tcase_add_test(tcase, what_never_fits_is_refused_behind_what_waits_too);
	tcase_add_test(tcase, a_consumer_that_writes_nonsense_is_told);
	tcase_add_test(tcase,
	    a_links_item_is_dealt_with_once_it_is_in_the_ring);
	tcase_add_test(tcase,
	    a_links_item_that_finds_no_room_stays_with_its_link);
	tcase_add_test(tcase, a_links_item_does_not_overtake_what_waits);
	tcase_add_test(tcase, a_links_item_that_is_refused_leaves_no_intent);
	tcase_add_test(tcase, draining_shows_each_item_that_waits_once);
	tcase_add_test(tcase,
	    nothing_stands_still_but_what_waits_and_is_not_taken);
	tcase_add_test(tcase,
	    items_arrive_whole_in_order_and_once_whatever_happens);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
