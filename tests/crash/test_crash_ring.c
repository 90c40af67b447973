/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A ring whose producer or consumer is killed: the other side sees whole items,
 * each once, in order, none lost; and a successor goes on where it stood.
 */
#include "common/shm/ring.h"
#include "tests/crash/crash.h"
#include "tests/support/check/run_suite.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define CAPACITY 8192u
#define ITEM_MAX 2000u
#define PATIENCE 5000000u /* us until a child must have done something */

/* Numbers of items: the next one not yet known to be published or taken. */
struct notes {
	_Atomic uint64_t published; /* counted after the publication */
	_Atomic uint64_t taken;     /* counted before the release */
	_Atomic uint64_t released;  /* counted after it */
};

struct shared {
	_Alignas(64) _Atomic uint64_t head;
	_Alignas(64) _Atomic uint64_t sent;
	_Alignas(64) _Atomic uint64_t tail;
	_Alignas(64) struct notes notes;
	_Alignas(64) uint8_t data[CAPACITY];
};

static struct shared *shared;
static uint32_t salt;
static uint32_t longest = ITEM_MAX;

static void
setup(void)
{
	crash_seed();
	salt = crash_random(1u << 30);
	shared = crash_share(sizeof(*shared));
}

static void
attach(struct ring *ring)
{
	ring_attach(ring, &shared->head, &shared->sent, &shared->tail,
	    shared->data, CAPACITY);
}

/* --- items: all of one follows from its number --- */

static uint32_t
item_hash(uint64_t number, uint32_t what)
{
	uint64_t hash = (number + 1) * 0x9E3779B97F4A7C15u + salt + what;

	hash ^= hash >> 29;
	hash *= 0xBF58476D1CE4E5B9u;
	return (uint32_t)(hash >> 32);
}

static uint32_t
item_len(uint64_t number)
{
	uint32_t hash = item_hash(number, 0);

	return hash / 4 % (hash % 4 ? longest / 10 : longest);
}

static void
item_fill(uint64_t number, uint8_t *bytes)
{
	uint32_t len = item_len(number), i, seed = item_hash(number, 1);

	for (i = 0; i < len; i++)
		bytes[i] = (uint8_t)(seed + i * 7 + i / 256);
}

static struct frame_id
item_id(uint64_t number)
{
	struct frame_id id = { .kind = FRAME_MESSAGE,
		.slot = (uint32_t)number,
		.generation = (uint32_t)(number >> 32),
		.nonce32 = salt };

	return id;
}

/* By reserve and stage, in pieces; all of them or none become visible. */
static int
push_by_pieces(struct ring *ring, uint64_t number, const uint8_t *bytes)
{
	uint32_t left = item_len(number), now, piece;
	struct frame_id id = item_id(number);
	uint8_t *room;

	piece = longest / 20 + item_hash(number, 2) % (longest / 3);
	do {
		now = MIN(left, piece);
		if (ring_reserve(ring, now, &room)) {
			ring_unstage(ring);
			return -ENOSPC;
		}
		memcpy(room, bytes, now);
		left -= now;
		bytes += now;
		id.flags = left ? FRAME_MORE : 0;
		ring_stage(ring, &id, now);
	} while (left);
	ring_publish(ring);
	return 0;
}

static int
push_bytes(struct ring *ring, uint64_t number, const uint8_t *bytes)
{
	const struct frame_id id = item_id(number);
	uint32_t len = item_len(number);

	if (number % 16 == 0)
		ring_trim(ring);
	if (number % 3 == 0)
		return push_by_pieces(ring, number, bytes);
	if (number % 3 == 1)
		return ring_push_chain(ring, &id, NULL, bytes, len,
		    longest / 4);
	return ring_push(ring, &id, bytes, len);
}

static int
push_item(struct ring *ring, uint64_t number)
{
	uint8_t bytes[ITEM_MAX];

	item_fill(number, bytes);
	return push_bytes(ring, number, bytes);
}

/* Takes one whole item and its number; false when the ring is at its end. An
 * item that is cut, or whose bytes are not its own, is a broken claim. */
static bool
take_item(const struct ring *ring, uint64_t *cursor_io, uint64_t *number_out)
{
	uint8_t expected[ITEM_MAX];
	uint64_t number = 0;
	struct frame frame;
	uint32_t at = 0;
	int found;

	do {
		found = ring_next(ring, cursor_io, &frame);
		CHECK(found >= 0 && (found == 1 || at == 0));
		if (found == 0)
			return false;
		if (at == 0) {
			number = (uint64_t)frame.generation << 32 | frame.slot;
			item_fill(number, expected);
		}
		CHECK(frame_verify(&frame, salt));
		CHECK(frame.kind == FRAME_MESSAGE);
		CHECK(((uint64_t)frame.generation << 32 | frame.slot) ==
		      number);
		CHECK(frame.len <= item_len(number) - at);
		CHECK(memcmp(frame.bytes, expected + at, frame.len) == 0);
		at += frame.len;
	} while (frame.flags & FRAME_MORE);
	CHECK(at == item_len(number));
	*number_out = number;
	return true;
}

static void
check_cursors(void)
{
	uint64_t head = shared->head, sent = shared->sent, tail = shared->tail;

	ck_assert_msg(tail <= sent && sent <= head && head - tail <= CAPACITY,
	    "the cursors should be in order: tail %ju, sent %ju, head %ju",
	    (uintmax_t)tail, (uintmax_t)sent, (uintmax_t)head);
	ck_assert_uint_eq((head | sent | tail) % 8, 0);
}

/* What waits: the numbers first .. next-1, in order and without a gap. */
struct waiting {
	uint64_t count, first, next;
};

static struct waiting
check_waiting(void)
{
	struct waiting waiting = { 0, 0, 0 };
	struct ring ring;
	uint64_t cursor = shared->tail, number;

	attach(&ring);
	while (take_item(&ring, &cursor, &number)) {
		if (waiting.count++ == 0)
			waiting.first = waiting.next = number;
		ck_assert_uint_eq(number, waiting.next);
		waiting.next++;
	}
	return waiting;
}

/* --- a dying producer --- */

static void
produce_for_ever(void *context)
{
	uint64_t number = shared->notes.published;
	struct ring ring;

	(void)context;
	attach(&ring);
	for (;;) {
		if (push_item(&ring, number))
			continue; /* full: the parent makes room */
		number++;
		shared->notes.published = number;
	}
}

/* Takes until `deadline`, or to the end with none; the next number. */
static uint64_t
consume_until(uint64_t next, uint64_t deadline)
{
	uint64_t number, cursor = shared->tail;
	struct ring ring;

	attach(&ring);
	for (;;) {
		if (take_item(&ring, &cursor, &number)) {
			ck_assert_uint_eq(number, next);
			next++;
			ring_release(&ring, cursor);
		} else if (!deadline) {
			return next;
		}
		if (deadline && crash_now_us() >= deadline)
			return next;
	}
}

START_TEST(test_a_producer_killed_anywhere_leaves_whole_items_in_order)
{
	uint64_t end = crash_now_us() + crash_budget_ms() * 1000, next = 0;
	unsigned deaths;

	for (deaths = 0; deaths < 5 || crash_now_us() < end; deaths++) {
		uint64_t first = next, start = crash_now_us();
		pid_t pid = crash_start(produce_for_ever, NULL);

		while (next == first && crash_now_us() - start < PATIENCE)
			next = consume_until(next, crash_now_us() + 1);
		next = consume_until(next, crash_now_us() + crash_random(1500));
		crash_kill(pid);
		check_cursors();
		next = consume_until(next, 0);
		ck_assert_uint_gt(next, first);
		/* One may have been published and not yet counted. */
		ck_assert_uint_ge(next, shared->notes.published);
		ck_assert_uint_le(next, shared->notes.published + 1);
		shared->notes.published = next;
	}
	printf("%u deaths, %llu items\n", deaths, (unsigned long long)next);
}
END_TEST

/* --- a dying consumer --- */

static void
consume_for_ever(void *context)
{
	uint64_t cursor = shared->tail, number, next = 0, count = 0;
	struct ring ring;

	(void)context;
	attach(&ring);
	for (;;) {
		if (!take_item(&ring, &cursor, &number))
			continue;
		/* At a start anew some may have been taken before. */
		CHECK(count == 0 ? number >= shared->notes.released &&
				       number <= shared->notes.taken
				 : number == next);
		next = number + 1;
		if (next > shared->notes.taken)
			shared->notes.taken = next;
		ring_set_sent(&ring, cursor);
		if (count++ % 3)
			continue; /* several are released at once */
		ring_release(&ring, cursor);
		shared->notes.released = next;
	}
}

static uint64_t
produce_until(uint64_t number, uint64_t deadline)
{
	struct ring ring;

	attach(&ring);
	do {
		if (push_item(&ring, number) == 0)
			number++;
	} while (crash_now_us() < deadline);
	return number;
}

START_TEST(test_a_consumer_killed_anywhere_loses_nothing)
{
	uint64_t end = crash_now_us() + crash_budget_ms() * 1000, next = 0;
	struct waiting waiting;
	unsigned deaths;

	for (deaths = 0; deaths < 5 || crash_now_us() < end; deaths++) {
		uint64_t first = shared->notes.taken, start = crash_now_us();
		pid_t pid = crash_start(consume_for_ever, NULL);

		while (shared->notes.taken == first &&
		       crash_now_us() - start < PATIENCE)
			next = produce_until(next, crash_now_us() + 1);
		ck_assert_uint_gt(shared->notes.taken, first);
		next = produce_until(next, crash_now_us() + crash_random(1500));
		crash_kill(pid);
		check_cursors();
		waiting = check_waiting();
		if (!waiting.count)
			waiting.first = waiting.next = next;
		ck_assert_uint_eq(waiting.next, next);
		ck_assert_uint_ge(waiting.first, shared->notes.released);
		ck_assert_uint_le(waiting.first, shared->notes.taken);
		shared->notes.released = waiting.first;
	}
	printf("%u deaths, %llu items\n", deaths, (unsigned long long)next);
}
END_TEST

/* --- every instruction --- */

#define STEPPED_ITEMS 2000u
#define STEPPED_MAX   400u

static uint8_t stepped[STEPPED_ITEMS][STEPPED_MAX];

static void
push_and_take(void *context)
{
	uint64_t number = 0, cursor = shared->tail;
	struct frame frame;
	struct ring ring;

	(void)context;
	attach(&ring);
	while (number < STEPPED_ITEMS) {
		while (number < STEPPED_ITEMS && number * 7 % 5 != 4 &&
		       push_bytes(&ring, number, stepped[number]) == 0)
			number++;
		for (unsigned i = 0; i < number % 11; i++) {
			do {
				if (ring_next(&ring, &cursor, &frame) != 1)
					break;
			} while (frame.flags & FRAME_MORE);
			if (i % 2)
				ring_set_sent(&ring, cursor);
		}
		ring_release(&ring, cursor);
		if (number < STEPPED_ITEMS &&
		    push_bytes(&ring, number, stepped[number]) == 0)
			number++;
	}
}

static void
look_at_ring(void *context)
{
	struct waiting *last = context, now;

	check_cursors();
	now = check_waiting();
	if (!now.count)
		now.first = now.next = last->next;
	/* One store publishes one item; a release may free several. */
	ck_assert_uint_ge(now.next, last->next);
	ck_assert_uint_le(now.next, last->next + 1);
	ck_assert_uint_ge(now.first, last->first);
	*last = now;
}

START_TEST(test_a_ring_is_sound_after_every_instruction)
{
	struct waiting last = { 0, 0, 0 };
	const struct step step = {
		.spans = { { shared, sizeof(*shared) } },
		.work = push_and_take,
		.look = look_at_ring,
		.context = &last,
	};

	longest = STEPPED_MAX;
	for (uint64_t i = 0; i < STEPPED_ITEMS; i++)
		item_fill(i, stepped[i]);
	/* Not far from the end, where it comes round. */
	shared->head = shared->sent = shared->tail =
	    CAPACITY - 8 * (1 + crash_random(200));
	if (step_through(&step))
		printf("%llu items\n", (unsigned long long)last.next);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("crash_ring");
	TCase *tcase = tcase_create("crash_ring");

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_set_timeout(tcase, 0);
	tcase_add_test(tcase,
	    test_a_producer_killed_anywhere_leaves_whole_items_in_order);
	tcase_add_test(tcase, test_a_consumer_killed_anywhere_loses_nothing);
	tcase_add_test(tcase, test_a_ring_is_sound_after_every_instruction);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
