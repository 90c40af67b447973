/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What processes share, with threads in their place, so that ThreadSanitizer
 * sees both sides: a ring with the doorbells of worker/doorbell.h, and the
 * server's state with its writer and readers.
 */
#include "common/shm/region.h"
#include "common/shm/ring.h"
#include "common/shm/server_state.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/region/small_region.h"
#include "worker/doorbell.h"

#include <check.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define CAPACITY 4096u /* often full */
#define ITEMS    60000u
#define STATES   20000u
#define PAIRS    2000u
#define LOST_MS  60000 /* a doorbell that takes longer was not rung */

static struct region *region;

static void
setup(void)
{
	region = small_region(1, CAPACITY);
}

static void
teardown(void)
{
	region_free(&region);
}

/* One side of the ring: asleep flag and doorbell. */
struct side {
	_Atomic uint32_t asleep;
	int doorbell;
	unsigned waits;
};

static struct side producer, consumer;
static _Atomic uint32_t wants_room;

static void
open_side(struct side *side)
{
	memset(side, 0, sizeof(*side));
	side->doorbell = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	ck_assert_int_ge(side->doorbell, 0);
}

/* Sleeps until the doorbell rings; `asleep` was set before. */
static void
wait_for_doorbell(struct side *side)
{
	struct pollfd poll_for = { .fd = side->doorbell, .events = POLLIN };
	uint64_t count;

	CHECK(poll(&poll_for, 1, LOST_MS) == 1);
	CHECK(read(side->doorbell, &count, sizeof(count)) == sizeof(count));
	side->asleep = 0;
	side->waits++;
}

static void
go_to_sleep(struct side *side)
{
	atomic_store_explicit(&side->asleep, 1, memory_order_relaxed);
	atomic_thread_fence(memory_order_seq_cst);
}

/* --- the ring --- */

static int
push(struct ring *ring, uint32_t number)
{
	const struct frame_id id = { .kind = FRAME_MESSAGE, .slot = number };
	uint32_t words[100], len = number % 100, i;

	for (i = 0; i < len; i++)
		words[i] = number + i;
	return ring_push_chain(ring, &id, NULL, words, len * sizeof(*words),
	    160);
}

static void *
produce(void *context)
{
	struct ring ring;
	uint32_t number = 0;

	region_up_ring(region, 0, 0, &ring);
	while (number < ITEMS) {
		if (push(&ring, number) == 0) {
			number++;
			doorbell_ring(&consumer.asleep, consumer.doorbell);
			continue;
		}
		atomic_store(&wants_room, 1);
		go_to_sleep(&producer);
		if (push(&ring, number) == 0) { /* the second look */
			number++;
			producer.asleep = 0;
			doorbell_ring(&consumer.asleep, consumer.doorbell);
		} else {
			wait_for_doorbell(&producer);
		}
		atomic_store(&wants_room, 0);
	}
	return context;
}

/* Takes what there is; the number of the next item. */
static uint32_t
take(struct ring *ring, uint64_t *cursor_io, uint32_t number)
{
	uint32_t words[100], at = 0, i;
	struct frame frame;
	int found;

	while ((found = ring_next(ring, cursor_io, &frame)) == 1) {
		CHECK(frame.slot == number && frame_verify(&frame, 0));
		CHECK(at + frame.len <= sizeof(words));
		memcpy((uint8_t *)words + at, frame.bytes, frame.len);
		at += frame.len;
		if (frame.flags & FRAME_MORE)
			continue;
		CHECK(at == number % 100 * sizeof(*words));
		for (i = 0; i < number % 100; i++)
			CHECK(words[i] == number + i);
		number++;
		at = 0;
	}
	CHECK(found == 0 && at == 0);
	ring_release(ring, *cursor_io);
	return number;
}

static void
consume(void)
{
	uint32_t number = 0, before;
	struct ring ring;
	uint64_t cursor;

	region_up_ring(region, 0, 0, &ring);
	cursor = ring_tail(&ring);
	while (number < ITEMS) {
		before = number;
		number = take(&ring, &cursor, number);
		if (number == before) {
			go_to_sleep(&consumer);
			number = take(&ring, &cursor, number);
			if (number == before)
				wait_for_doorbell(&consumer);
			consumer.asleep = 0;
		}
		atomic_thread_fence(memory_order_seq_cst);
		if (atomic_load_explicit(&wants_room, memory_order_relaxed))
			doorbell_ring(&producer.asleep, producer.doorbell);
	}
}

START_TEST(test_a_ring_with_doorbells_passes_all_and_no_wake_up_is_lost)
{
	pthread_t thread;

	open_side(&producer);
	open_side(&consumer);
	ck_assert_int_eq(pthread_create(&thread, NULL, produce, NULL), 0);
	consume();
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	printf("%u items, waits: producer %u, consumer %u\n", ITEMS,
	    producer.waits, consumer.waits);
	close(producer.doorbell);
	close(consumer.doorbell);
}
END_TEST

/* --- the server's state --- */

static void *
publish(void *context)
{
	static struct server_state state = { .domain_count = 1 };

	for (uint32_t version = 1; version <= STATES; version++) {
		state.version = state.disconnect_epoch = version;
		memset(state.offers[0].mechanisms, (int)('a' + version % 26),
		    SERVER_MECHANISMS_MAX - 1);
		server_state_publish(region, &state);
	}
	return context;
}

START_TEST(test_readers_of_the_state_never_see_half_of_one)
{
	static struct server_state state;
	uint32_t last = 0, seen = 0;
	pthread_t thread;

	ck_assert_int_eq(pthread_create(&thread, NULL, publish, NULL), 0);
	while (last < STATES) {
		if (!server_state_read(region, &state))
			continue;
		CHECK(state.version > last && state.version <= STATES);
		last = state.version;
		seen++;
		CHECK(state.disconnect_epoch == last);
		for (size_t i = 0; i < SERVER_MECHANISMS_MAX - 1; i++)
			CHECK(state.offers[0].mechanisms[i] ==
			      (char)('a' + last % 26));
	}
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	printf("%u of %u states seen\n", seen, STATES);
}
END_TEST

static _Atomic uint32_t read_version;

/* Of two states that follow each other closely the first has many domains, and
 * what a reader has of it when the second comes is nothing. */
static void *
publish_pairs(void *context)
{
	static struct server_state state;

	memset(&state.offers[1], 'x',
	    sizeof(state.offers) - sizeof(*state.offers));
	while (state.version < PAIRS * 2) {
		state.version++;
		state.domain_count = SERVER_DOMAINS_MAX;
		server_state_publish(region, &state);
		state.version++;
		state.domain_count = 1;
		server_state_publish(region, &state);
		while (atomic_load(&read_version) < state.version)
			sched_yield();
	}
	return context;
}

START_TEST(test_what_a_state_has_no_domain_for_is_empty)
{
	static const struct server_offer none;
	static struct server_state state;
	pthread_t thread;

	atomic_store(&read_version, 0);
	ck_assert_int_eq(pthread_create(&thread, NULL, publish_pairs, NULL), 0);
	while (state.version < PAIRS * 2) {
		if (!server_state_read(region, &state))
			continue;
		for (uint32_t i = state.domain_count; i < SERVER_DOMAINS_MAX;
		     i++)
			CHECK(memcmp(&state.offers[i], &none, sizeof(none)) ==
			      0);
		atomic_store(&read_version, state.version);
	}
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("threads");
	TCase *tcase = tcase_create("threads");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 0);
	tcase_add_test(tcase,
	    test_a_ring_with_doorbells_passes_all_and_no_wake_up_is_lost);
	tcase_add_test(tcase, test_readers_of_the_state_never_see_half_of_one);
	tcase_add_test(tcase, test_what_a_state_has_no_domain_for_is_empty);
	suite_add_tcase(suite, tcase);
	return run_suite_forking(suite, CK_NOFORK); /* for the sanitizer */
}
