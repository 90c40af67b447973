/* SPDX-License-Identifier: Apache-2.0 */
/* A lane's log against a naive shadow, as upstream and its successors see it;
 * then damage, of which nothing is ever followed. */
#include "common/shm/lane_log.h"
#include "common/shm/view.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY 65536u
#define LONGEST  20000u
#define SHADOWS  (1u << 16)

static uint8_t *section;
static struct lane_log lane_log;

static void
setup(void)
{
	size_t size = lane_log_bytes_needed(CAPACITY);

	section = aligned_alloc(VIEW_PAGE, size);
	ck_assert_ptr_nonnull(section);
	memset(section, 0, size);
	lane_log_attach(&lane_log, section, CAPACITY);
	ck_assert_int_eq(lane_log_inherit(&lane_log), 0);
}

static void
teardown(void)
{
	free(section);
}

static int
succeed(void)
{
	memset(&lane_log, 0xEE, sizeof(lane_log));
	lane_log_attach(&lane_log, section, CAPACITY);
	return lane_log_inherit(&lane_log);
}

/* --- a model --- */

/* All of an entry follows from its number, but for what is here. */
struct shadow {
	uint32_t len;
	uint8_t marks;
};

static struct shadow shadows[SHADOWS];
static uint64_t head, sent, tail;

static uint8_t
byte_of(uint64_t number, uint32_t i)
{
	return (uint8_t)(number * 31 + i * 7 + i / 256);
}

static struct lane_entry
entry_of(uint64_t number)
{
	return (struct lane_entry){
		.place = number * 8,
		.slot = (uint32_t)number * 3,
		.generation = (uint32_t)number + 1,
		.incarnation = (uint32_t)number / 2,
		.partition = number % 3 ? (uint16_t)number : LANE_OWN,
		.kind = (uint8_t)(number % 20),
	};
}

static void
check_entry(uint64_t number)
{
	const struct shadow *shadow = &shadows[number % SHADOWS];
	struct lane_entry entry, want = entry_of(number);
	const uint8_t *bytes;

	ck_assert_int_eq(lane_log_read(&lane_log, number, &entry), 0);
	ck_assert_uint_eq(entry.number, number);
	ck_assert_uint_eq(entry.place, want.place);
	ck_assert_uint_eq(entry.slot, want.slot);
	ck_assert_uint_eq(entry.generation, want.generation);
	ck_assert_uint_eq(entry.incarnation, want.incarnation);
	ck_assert_uint_eq(entry.partition, want.partition);
	ck_assert_uint_eq(entry.kind, want.kind);
	ck_assert_uint_eq(entry.len, shadow->len);
	ck_assert_uint_eq(entry.marks, shadow->marks);
	bytes = lane_log_bytes(&lane_log, &entry);
	for (uint32_t i = 0; i < entry.len; i++)
		ck_assert_msg(bytes[i] == byte_of(number, i),
		    "byte %u of entry %llu is not as it was written", i,
		    (unsigned long long)number);
}

static uint64_t
shadow_bytes(uint64_t from, uint64_t to)
{
	uint64_t bytes = 0;

	for (uint64_t number = from; number < to; number++)
		bytes += shadows[number % SHADOWS].len;
	return bytes;
}

static void
check_all(void)
{
	struct lane_entry entry;

	ck_assert_uint_eq(lane_log_head(&lane_log), head);
	ck_assert_uint_eq(lane_log_sent(&lane_log), sent);
	ck_assert_uint_eq(lane_log_tail(&lane_log), tail);
	for (uint64_t number = tail; number < head; number++)
		check_entry(number);
	ck_assert_int_eq(lane_log_read(&lane_log, head, &entry), -ENOENT);
	ck_assert_int_eq(lane_log_read(&lane_log, tail - 1, &entry), -ENOENT);
	/* Whatever was left free where the store's end lies between them. */
	ck_assert_uint_eq(lane_log_unsent(&lane_log), shadow_bytes(sent, head));
	ck_assert_uint_eq(lane_log_unconfirmed(&lane_log),
	    shadow_bytes(tail, sent));
}

static void
append(void)
{
	uint32_t len = (uint32_t)random() % (random() % 8 ? 300 : LONGEST);
	uint64_t keep = random() % 2 ? CAPACITY / 2 : 0;
	struct lane_entry entry = entry_of(head);
	uint8_t *room = lane_log_reserve(&lane_log, len, keep);
	uint32_t shorter = random() % 4 ? len : len / 2;

	if (!room) {
		/* It has a reason: little room, where a piece of the end may
		 * be lost, or many entries. */
		ck_assert_msg(head != tail, "an empty one takes anything");
		ck_assert_msg(shadow_bytes(tail, head) + keep + len + LONGEST >
				      CAPACITY ||
				  head - tail > LANE_ENTRIES / 2,
		    "there should be room for %u bytes", len);
		return;
	}
	for (uint32_t i = 0; i < shorter; i++)
		room[i] = byte_of(head, i);
	entry.marks = (uint8_t)(random() % 2 ? LANE_ABANDONED : 0);
	lane_log_append(&lane_log, &entry, shorter);
	shadows[head % SHADOWS] = (struct shadow){ shorter, entry.marks };
	head++;
	ck_assert_msg(head == tail + 1 ||
			  shadow_bytes(tail, head) + keep <= CAPACITY,
	    "what is kept should be free");
}

static uint64_t
between(uint64_t from, uint64_t to)
{
	return from + (uint64_t)random() % (to - from + 1);
}

static void
step(void)
{
	uint64_t number;

	switch (random() % 8) {
	case 0:
	case 1:
	case 2:
		append();
		break;
	case 3:
		sent = between(sent, head);
		lane_log_set_sent(&lane_log, sent);
		break;
	case 4:
		tail = between(tail, sent);
		lane_log_release(&lane_log, tail);
		break;
	case 5:
		if (head == tail)
			return;
		number = between(tail, head - 1);
		ck_assert_msg(lane_log_mark(&lane_log, number, LANE_IN_DOUBT),
		    "its marks should be sound");
		shadows[number % SHADOWS].marks |= LANE_IN_DOUBT;
		break;
	case 6: /* a link dies, or upstream */
		if (random() % 4)
			return;
		sent = tail;
		lane_log_set_sent(&lane_log, sent);
		break;
	default:
		if (random() % 8 == 0)
			ck_assert_int_eq(succeed(), 0);
		else
			lane_log_trim(&lane_log);
	}
}

START_TEST(it_is_as_a_naive_shadow_says)
{
	(void)seed_random("lane_log");
	head = sent = tail = 0;
	for (int i = 0; i < 6000; i++) {
		step();
		if (i % 64 == 0)
			check_all();
	}
	check_all();
}
END_TEST

START_TEST(many_small_entries_fill_it_too)
{
	struct lane_entry entry = { .kind = 1 };
	unsigned count = 0, kept;

	while (lane_log_reserve(&lane_log, 0, 1)) {
		lane_log_append(&lane_log, &entry, 0);
		count++;
	}
	kept = LANE_ENTRIES - count;
	ck_assert_uint_gt(kept, 0);
	while (lane_log_reserve(&lane_log, 0, 0)) {
		lane_log_append(&lane_log, &entry, 0);
		count++;
	}
	ck_assert_uint_eq(count, LANE_ENTRIES);
	lane_log_release(&lane_log, count);
	ck_assert_ptr_nonnull(lane_log_reserve(&lane_log, CAPACITY, 1));
}
END_TEST

START_TEST(unsent_bytes_are_those_behind_what_was_sent)
{
	struct lane_entry entry = { .kind = 1 };

	for (uint32_t len = 100; len <= 400; len += 100) {
		ck_assert_ptr_nonnull(lane_log_reserve(&lane_log, len, 0));
		lane_log_append(&lane_log, &entry, len);
	}
	ck_assert_uint_eq(lane_log_unsent(&lane_log), 1000);
	lane_log_set_sent(&lane_log, 2);
	ck_assert_uint_eq(lane_log_unsent(&lane_log), 700);
	ck_assert_uint_eq(lane_log_unconfirmed(&lane_log), 300);
	lane_log_release(&lane_log, 4);
	ck_assert_uint_eq(lane_log_unsent(&lane_log), 0);
}
END_TEST

/* --- damage --- */

static void
fill(unsigned count)
{
	for (unsigned i = 0; i < count; i++) {
		struct lane_entry entry = entry_of(i);

		ck_assert_ptr_nonnull(lane_log_reserve(&lane_log, 100, 0));
		lane_log_append(&lane_log, &entry, 100);
	}
}

START_TEST(own_cursors_are_put_right_and_absurd_ones_not_inherited)
{
	static const uint64_t absurd[] = { 1, 7, 200000, UINT64_MAX,
		UINT64_MAX - 3, 1ull << 63 };
	struct lane_cursors *cursors = (struct lane_cursors *)section;

	for (size_t i = 0; i < ARRAY_LEN(absurd); i++) {
		lane_log_reset(&lane_log);
		fill(50);
		ck_assert_msg(!lane_log_restore(&lane_log),
		    "nothing is damaged");
		cursors->head = absurd[i];
		cursors->tail = absurd[ARRAY_LEN(absurd) - 1 - i];
		ck_assert_msg(lane_log_restore(&lane_log),
		    "damage should be noticed");
		ck_assert_uint_eq(cursors->head, 50);
		ck_assert_uint_eq(cursors->tail, 0);
		cursors->sent = absurd[i] + 100;
		ck_assert_int_eq(succeed(), 0);
		/* Not known: all may have been. */
		ck_assert_uint_eq(lane_log_sent(&lane_log), 50);
		cursors->head = absurd[i] + 60;
		ck_assert_int_eq(succeed(), -EPROTO);
		ck_assert_uint_eq(lane_log_head(&lane_log), 0);
	}
}
END_TEST

START_TEST(an_entry_with_any_bit_flipped_is_none)
{
	uint8_t *record = section + VIEW_PAGE + 3 * 64;
	struct lane_entry entry;

	fill(10);
	/* Behind the marks nothing means anything. */
	for (unsigned bit = 0; bit < 8 * (48 + 4 + 4 + 2); bit++) {
		if (bit / 8 >= 52 && bit / 8 < 56)
			continue; /* of the bytes */
		record[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_msg(lane_log_read(&lane_log, 3, &entry) == -EPROTO,
		    "bit %u was not missed", bit);
		record[bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_int_eq(lane_log_read(&lane_log, 3, &entry), 0);
	}
	record[56] ^= 1;
	ck_assert_msg(!lane_log_mark(&lane_log, 3, LANE_RESOLVED),
	    "damage should be noticed");
	ck_assert_int_eq(succeed(), -EPROTO);
}
END_TEST

START_TEST(a_byte_of_an_entry_with_any_bit_flipped_is_noticed)
{
	uint8_t *bytes = section + lane_log_bytes_needed(CAPACITY) - CAPACITY;
	struct lane_entry entry;

	fill(10);
	ck_assert_int_eq(lane_log_read(&lane_log, 3, &entry), 0);
	for (unsigned bit = 0; bit < 8 * 100; bit++) {
		bytes[300 + bit / 8] ^= (uint8_t)(1 << bit % 8);
		ck_assert_msg(!lane_log_is_whole(&lane_log, &entry),
		    "bit %u was not missed", bit);
		bytes[300 + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	ck_assert_msg(lane_log_is_whole(&lane_log, &entry),
	    "nothing is damaged");
	bytes[350] ^= 1;
	ck_assert_int_eq(succeed(), -EPROTO);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("lane_log");
	TCase *tcase = tcase_create("lane_log");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, it_is_as_a_naive_shadow_says);
	tcase_add_test(tcase, many_small_entries_fill_it_too);
	tcase_add_test(tcase, unsent_bytes_are_those_behind_what_was_sent);
	tcase_add_test(tcase,
	    own_cursors_are_put_right_and_absurd_ones_not_inherited);
	tcase_add_test(tcase, an_entry_with_any_bit_flipped_is_none);
	tcase_add_test(tcase,
	    a_byte_of_an_entry_with_any_bit_flipped_is_noticed);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
