/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Items of links go down and are dealt with in one, wherever upstream is
 * killed: once its successor has done again what was begun, exactly those are
 * in the rings that lie before the position up to which their link is parsed.
 */
#include "common/shm/link_memory.h"
#include "common/shm/ring.h"
#include "common/shm/view.h"
#include "tests/crash/crash.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/region/small_region.h"

#include <check.h>
#include <stdio.h>
#include <string.h>

#define LINKS      3u
#define PARTITIONS 2u /* that items go to; each in turn, of every link */
#define RING_BYTES 8192u
#define PIECE      200u
#define LONGEST    700u
#define ITEM_BYTES 1000u    /* on the link */
#define PATIENCE   5000000u /* us until a child must have done something */

static struct region *region;
static struct links_memory *memory;
/* Of each link: the numbers before it were taken out of that partition's ring,
 * each once. */
static uint64_t taken[LINKS][PARTITIONS];
static uint32_t longest = LONGEST;

static void
setup(void)
{
	crash_seed();
	region = small_region(1, RING_BYTES);
	memory = links_memory(region);
	for (unsigned link = 0; link < LINKS; link++)
		for (unsigned i = 0; i < PARTITIONS; i++)
			taken[link][i] = i;
}

static void
teardown(void)
{
	region_free(&region);
}

/* --- items: all of one follows from its link and its number --- */

static uint32_t
len_of(unsigned link, uint64_t number)
{
	uint64_t hash = (number * LINKS + link + 1) * 0x9E3779B97F4A7C15u;

	return (uint32_t)(hash >> 33) % longest;
}

/* How many of the link's are dealt with. */
static uint64_t
parsed_of(unsigned link)
{
	uint64_t parsed;

	ck_assert_msg(link_position_get(&memory->links[link].parsed, &parsed),
	    "the position should be sound");
	ck_assert_uint_eq(parsed % ITEM_BYTES, 0);
	return parsed / ITEM_BYTES;
}

/* As ring_writer.c does it; false when there is no room. */
static bool
pass_down(struct ring *ring, unsigned link, uint64_t number)
{
	const struct frame_id id = { .kind = FRAME_MESSAGE,
		.slot = link,
		.generation = (uint32_t)number };
	uint8_t bytes[LONGEST];

	memset(bytes, (int)(number & 255), sizeof(bytes));
	if (ring_stage_chain(ring, &id, NULL, bytes, len_of(link, number),
		PIECE) != 0)
		return false;
	link_intent_begin(memory, number % PARTITIONS, ring->staged, link,
	    (number + 1) * ITEM_BYTES);
	ring_publish(ring);
	link_intent_end(memory, link, (number + 1) * ITEM_BYTES);
	return true;
}

/* One whole item, the next of its link for this partition; false when there is
 * none. */
static bool
take(const struct ring *ring, unsigned partition, uint64_t *cursor_io,
    uint64_t next[LINKS][PARTITIONS])
{
	struct frame frame;
	uint32_t len = 0;

	do {
		int found = ring_next(ring, cursor_io, &frame);

		ck_assert_int_ge(found, 0);
		if (!found) {
			ck_assert_uint_eq(len, 0);
			return false;
		}
		ck_assert_uint_lt(frame.slot, LINKS);
		ck_assert_uint_eq(frame.generation,
		    next[frame.slot][partition]);
		len += frame.len;
	} while (frame.flags & FRAME_MORE);
	ck_assert_uint_eq(len, len_of(frame.slot, frame.generation));
	next[frame.slot][partition] += PARTITIONS;
	return true;
}

/* All items of a link that are parsed are there, and no others. */
static void
check_parsed(uint64_t next[LINKS][PARTITIONS])
{
	for (unsigned link = 0; link < LINKS; link++)
		for (unsigned i = 0; i < PARTITIONS; i++) {
			uint64_t parsed = parsed_of(link);

			ck_assert_uint_ge(next[link][i], parsed);
			ck_assert_uint_lt(next[link][i], parsed + PARTITIONS);
		}
}

/* --- at a random place --- */

static void
work_for_ever(void *context)
{
	struct ring rings[PARTITIONS];
	uint64_t next[LINKS];

	(void)context;
	for (unsigned i = 0; i < PARTITIONS; i++) {
		region_down_ring(region, i, &rings[i]);
		CHECK(ring_inherit(&rings[i], RING_PRODUCER) == 0);
	}
	for (unsigned link = 0; link < LINKS; link++) {
		CHECK(link_position_get(&memory->links[link].parsed,
		    &next[link]));
		next[link] /= ITEM_BYTES;
	}
	for (unsigned link = 0;; link = (link + 1) % LINKS)
		if (pass_down(&rings[next[link] % PARTITIONS], link,
			next[link]))
			next[link]++;
}

static void
take_all(void)
{
	struct ring ring;
	uint64_t cursor;

	for (unsigned i = 0; i < PARTITIONS; i++) {
		region_down_ring(region, i, &ring);
		cursor = ring_tail(&ring);
		while (take(&ring, i, &cursor, taken))
			ring_release(&ring, cursor);
	}
}

START_TEST(whoever_is_killed_anywhere_leaves_each_item_once)
{
	uint64_t end = crash_now_us() + crash_budget_ms() * 1000;
	unsigned deaths, open = 0;

	for (deaths = 0; deaths < 5 || crash_now_us() < end; deaths++) {
		uint64_t first = taken[0][0], start = crash_now_us();
		pid_t pid = crash_start(work_for_ever, NULL);

		while (taken[0][0] == first &&
		       crash_now_us() - start < PATIENCE)
			take_all();
		start = crash_now_us() + crash_random(1500);
		while (crash_now_us() < start)
			take_all();
		crash_kill(pid);
		open += memory->intent.seal != 0;
		ck_assert_msg(link_intent_finish(region),
		    "what was begun should be possible");
		ck_assert_uint_eq(memory->intent.seal, 0);
		take_all();
		check_parsed(taken);
		ck_assert_uint_gt(taken[0][0], first);
	}
	printf("%u deaths, %u in between, %llu items of a link\n", deaths, open,
	    (unsigned long long)taken[0][0]);
}
END_TEST

/* --- at every instruction --- */

#define STEPPED_ITEMS   30u
#define STEPPED_LONGEST 300u

static _Atomic uint64_t *heads[PARTITIONS];

static void
work(void *context)
{
	struct ring rings[PARTITIONS];

	(void)context;
	for (unsigned i = 0; i < PARTITIONS; i++)
		region_down_ring(region, i, &rings[i]);
	for (unsigned i = 0; i < STEPPED_ITEMS; i++)
		CHECK(pass_down(&rings[i / LINKS % PARTITIONS], i % LINKS,
		    i / LINKS));
}

/* A stopped writer goes on as if nobody had been there. */
static void
look(void *context)
{
	struct links_memory before = *memory;
	uint64_t next[LINKS][PARTITIONS], cursor, head[PARTITIONS];
	unsigned *open = context;
	struct ring ring;

	memcpy(next, taken, sizeof(next));
	for (unsigned i = 0; i < PARTITIONS; i++)
		head[i] = *heads[i];
	*open += before.intent.seal != 0;
	ck_assert_msg(link_intent_finish(region),
	    "what was begun should be possible");
	for (unsigned i = 0; i < PARTITIONS; i++) {
		region_down_ring(region, i, &ring);
		cursor = ring_tail(&ring);
		while (take(&ring, i, &cursor, next))
			;
	}
	check_parsed(next);
	*memory = before;
	for (unsigned i = 0; i < PARTITIONS; i++)
		*heads[i] = head[i];
}

START_TEST(after_each_instruction_each_item_is_found_once)
{
	unsigned open = 0;
	struct step step = {
		.spans = { { memory, sizeof(*memory) } },
		.work = work,
		.look = look,
		.context = &open,
	};

	longest = STEPPED_LONGEST;
	for (unsigned i = 0; i < PARTITIONS; i++) {
		struct ring ring;

		region_down_ring(region, i, &ring);
		/* Not far from the end, where it comes round. */
		*ring.head = *ring.sent = *ring.tail =
		    RING_BYTES - 8 * (1 + crash_random(200));
		heads[i] = ring.head;
		step.spans[1 + i] =
		    (struct step_span){ (const void *)(uintptr_t)ring.head,
			    sizeof(*ring.head) };
	}
	if (!step_through(&step))
		return;
	printf("%u changes in between\n", open);
	/* Behind begin, behind the head, behind parsed; on a slow machine the
	 * time may be over before the last item. */
	if (parsed_of(LINKS - 1) == STEPPED_ITEMS / LINKS)
		ck_assert_uint_eq(open, 3 * STEPPED_ITEMS);
	else
		ck_assert_uint_ge(open, 3 * LINKS);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("crash_link_memory");
	TCase *tcase = tcase_create("link_memory");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, whoever_is_killed_anywhere_leaves_each_item_once);
	tcase_add_test(tcase, after_each_instruction_each_item_is_found_once);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
