/* SPDX-License-Identifier: Apache-2.0 */
/* Client queues against a naive shadow, read from both sides. */
#include "common/shm/clientq.h"
#include "common/shm/directory.h"
#include "common/shm/region.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/check/seed.h"
#include "tests/support/region/small_region.h"

#include <check.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUES  8
#define ENTRIES 256

static struct region *region;
static struct clientq_pool *pool;

struct shadow_entry {
	uint32_t len;
	uint8_t seed;
	uint64_t wire_end; /* 0: not written */
};

struct shadow {
	struct session_info info;
	struct clientq queue;
	struct shadow_entry entries[ENTRIES];
	size_t count;
	uint64_t written, acked;
};

static struct shadow shadows[QUEUES];

static void
setup(void)
{
	struct config config = small_config(64, 4096);

	config.client.output_worker_bytes = 2 << 20;
	region = region_of(&config);
	pool = clientq_pool_new(region, 0);
	memset(shadows, 0, sizeof(shadows));
}

static void
teardown(void)
{
	clientq_pool_free(&pool);
	region_free(&region);
}

static void
fill(uint8_t *bytes, uint32_t len, uint8_t seed)
{
	uint32_t i;

	for (i = 0; i < len; i++)
		bytes[i] = (uint8_t)(seed + i * 7 + i / 256);
}

static void
append(struct shadow *shadow)
{
	static uint8_t bytes[40000];
	uint32_t len =
	    (uint32_t)(random() % 8 ? random() % 300 : random() % 40000) + 1;
	uint8_t seed = (uint8_t)random();
	int error;

	if (shadow->count == ENTRIES)
		return;
	fill(bytes, len, seed);
	error = clientq_append(pool, &shadow->info, &shadow->queue, seed % 9,
	    bytes, len);
	if (error) {
		ck_assert_int_eq(error, -ENOSPC);
		return;
	}
	shadow->entries[shadow->count++] =
	    (struct shadow_entry){ len, seed, 0 };
}

/* The vectors hold the entries from `first` on, whose beginning is written. */
static void
expect_unsent(const struct shadow *shadow, size_t first,
    const struct iovec *vectors, int count, size_t total)
{
	static uint8_t expected[ENTRIES * 40000 / 16];
	uint32_t done = shadow->queue.unsent_done;
	size_t at = 0, i;
	int v;

	for (i = first; at < total; i++) {
		const struct shadow_entry *entry = &shadow->entries[i];

		ck_assert_uint_lt(i, shadow->count);
		ck_assert_uint_lt(at + entry->len, sizeof(expected));
		fill(expected + at, entry->len, entry->seed);
		if (i == first)
			memmove(expected, expected + done, entry->len - done);
		at += entry->len - (i == first ? done : 0);
	}
	for (v = 0, at = 0; v < count; v++) {
		ck_assert_mem_eq(vectors[v].iov_base, expected + at,
		    vectors[v].iov_len);
		at += vectors[v].iov_len;
	}
}

/* done: bytes of the first that were written before. */
static void
note_written(struct shadow *shadow, size_t first, uint32_t done, size_t bytes)
{
	for (size_t i = first; bytes > 0; i++, done = 0) {
		uint32_t left = shadow->entries[i].len - done;

		if (bytes < left)
			break;
		bytes -= left;
		shadow->entries[i].wire_end = shadow->written;
	}
}

/* Writes a random part of what is unsent and compares every byte of it. */
static void
write_some(struct shadow *shadow)
{
	struct iovec vectors[16];
	uint32_t done = shadow->queue.unsent_done;
	size_t total = 0, first = 0, now;
	int count, v;

	count =
	    clientq_unsent(pool, &shadow->info, &shadow->queue, vectors, 16);
	for (v = 0; v < count; v++)
		total += vectors[v].iov_len;
	while (first < shadow->count && shadow->entries[first].wire_end)
		first++;
	if (total == 0) {
		ck_assert_uint_eq(first, shadow->count);
		return;
	}
	expect_unsent(shadow, first, vectors, count, total);
	now = (size_t)random() % total + 1;
	shadow->written += now;
	clientq_wrote(pool, &shadow->info, &shadow->queue, now,
	    shadow->written);
	note_written(shadow, first, done, now);
}

static void
acknowledge(struct shadow *shadow)
{
	size_t gone = 0;

	shadow->acked +=
	    (uint64_t)random() % (shadow->written - shadow->acked + 1);
	clientq_acked(pool, &shadow->info, &shadow->queue, shadow->acked);
	while (gone < shadow->count && shadow->entries[gone].wire_end &&
	       shadow->entries[gone].wire_end <= shadow->acked)
		gone++;
	shadow->count -= gone;
	memmove(shadow->entries, shadow->entries + gone,
	    shadow->count * sizeof(shadow->entries[0]));
}

struct reading {
	struct shadow *shadow;
	size_t at;
};

static void
compare(void *context, uint8_t kind, const uint8_t *bytes, size_t len)
{
	static uint8_t expected[40000];
	struct reading *reading = context;
	struct shadow_entry *entry = &reading->shadow->entries[reading->at++];

	ck_assert_uint_le(reading->at, reading->shadow->count);
	ck_assert_uint_eq(len, entry->len);
	ck_assert_uint_eq(kind, entry->seed % 9);
	fill(expected, entry->len, entry->seed);
	ck_assert_mem_eq(bytes, expected, len);
}

START_TEST(test_an_entry_behind_a_full_block_outlives_that_block)
{
	struct shadow *shadow = &shadows[0];
	static uint8_t item[500 - 16]; /* with its header just one block */
	struct iovec vectors[2];

	ck_assert_int_eq(clientq_append(pool, &shadow->info, &shadow->queue, 1,
			     item, sizeof(item)),
	    0);
	clientq_wrote(pool, &shadow->info, &shadow->queue, sizeof(item), 1);
	ck_assert_int_eq(clientq_append(pool, &shadow->info, &shadow->queue, 1,
			     "next", 4),
	    0);
	clientq_acked(pool, &shadow->info, &shadow->queue, 1);
	ck_assert_int_eq(clientq_append(pool, &shadows[1].info,
			     &shadows[1].queue, 1, item, 1),
	    0); /* takes the freed block */
	ck_assert_int_eq(clientq_unsent(pool, &shadow->info, &shadow->queue,
			     vectors, 2),
	    1);
	ck_assert_mem_eq(vectors[0].iov_base, "next", 4);
}
END_TEST

static uint64_t
bytes_of_all(void)
{
	uint64_t sum = 0;
	int i;

	for (i = 0; i < QUEUES; i++)
		sum += clientq_bytes(&shadows[i].queue);
	return sum;
}

START_TEST(test_random_queues_match_a_shadow)
{
	struct reading reading;
	int i;

	(void)seed_random("test_clientq");
	for (i = 0; i < 20000; i++) {
		struct shadow *shadow = &shadows[random() % QUEUES];

		if (random() % 3 == 0)
			append(shadow);
		else if (random() % 2)
			write_some(shadow);
		else
			acknowledge(shadow);
		if (i % 7)
			continue;
		if (i % 5 == 0)
			clientq_pool_trim(pool);
		ck_assert_uint_eq(bytes_of_all(),
		    clientq_pool_used_bytes(pool));
		reading = (struct reading){ shadow, 0 };
		ck_assert_int_eq(clientq_each(region, 0, &shadow->info, compare,
				     &reading),
		    0);
		ck_assert_uint_eq(reading.at, shadow->count);
	}
	for (i = 0; i < QUEUES; i++)
		clientq_clear(pool, &shadows[i].info, &shadows[i].queue);
	ck_assert_uint_eq(clientq_pool_used_bytes(pool), 0);
}
END_TEST

static void
ignore(void *context, uint8_t kind, const uint8_t *bytes, size_t len)
{
	volatile uint8_t sum = kind;

	(void)context;
	while (len-- > 0)
		sum = (uint8_t)(sum + *bytes++);
}

START_TEST(test_hostile_blocks_end_in_an_error_or_the_end)
{
	uint8_t *blocks = region_section(region, REGION_QUEUE, 0);
	size_t bytes = region_section_bytes(region, REGION_QUEUE);
	struct session_info info = { 0 };
	int i, error;

	(void)seed_random("test_clientq");
	for (i = 0; i < 2000; i++) {
		size_t at = 0;

		for (at = 0; at < 16384; at++)
			blocks[at] =
			    (uint8_t)(random() % 3 ? random() % 4 : random());
		info.queue_first = (uint32_t)random() % 40;
		info.queue_last = (uint32_t)random() % 40;
		error = clientq_each(region, 0, &info, ignore, NULL);
		ck_assert_msg(error == 0 || error == -EPROTO,
		    "a queue of nonsense should be read or refused with "
		    "-EPROTO, not %d",
		    error);
	}
	info.queue_first = (uint32_t)(bytes / 512) + 1;
	ck_assert_int_eq(clientq_each(region, 0, &info, ignore, NULL), -EPROTO);
}
END_TEST

static void
count_item(void *context, uint8_t kind, const uint8_t *bytes, size_t len)
{
	(void)kind;
	(void)bytes;
	(void)len;
	++*(uint32_t *)context;
}

/* One block holds one entry, and leads to itself. */
START_TEST(test_queues_in_circles_cost_no_more_than_the_partition)
{
	static const uint8_t bytes[500 - 16];
	uint32_t *blocks = region_section(region, REGION_QUEUE, 0);
	uint32_t left = clientq_block_count(region), seen = 0;

	for (int i = 0; i < QUEUES; i++) {
		struct session_info *info = &shadows[i].info;

		ck_assert_int_eq(clientq_append(pool, info, &shadows[i].queue,
				     1, bytes, sizeof(bytes)),
		    0);
		blocks[(info->queue_first - 1) * 512 / 4] = info->queue_first;
		info->queue_last = UINT32_MAX;
	}
	for (int i = 0; i < QUEUES; i++)
		ck_assert_int_eq(clientq_each_within(region, 0,
				     &shadows[i].info, &left, count_item,
				     &seen),
		    -EPROTO);
	ck_assert_uint_ge(seen, clientq_block_count(region));
	ck_assert_uint_le(seen, clientq_block_count(region) + QUEUES);
}
END_TEST

/* An item is one byte, its client's own, repeated. */
static void
only_own(const struct iovec *vectors, int count, unsigned which)
{
	static uint8_t expected[3000];

	memset(expected, (int)(0xA0 + which), sizeof(expected));
	for (int v = 0; v < count; v++)
		ck_assert_mem_eq(vectors[v].iov_base, expected,
		    vectors[v].iov_len);
}

static void
use_queue(unsigned which)
{
	struct shadow *shadow = &shadows[which];
	static uint8_t item[3000];
	struct iovec vectors[16];
	size_t total = 0;
	int count;

	memset(item, (int)(0xA0 + which), sizeof(item));
	if (random() % 2)
		(void)!clientq_append(pool, &shadow->info, &shadow->queue, 1,
		    item, (size_t)random() % sizeof(item) + 1);
	count =
	    clientq_unsent(pool, &shadow->info, &shadow->queue, vectors, 16);
	only_own(vectors, count, which);
	for (int v = 0; v < count; v++)
		total += vectors[v].iov_len;
	shadow->written += total;
	clientq_wrote(pool, &shadow->info, &shadow->queue, total,
	    shadow->written);
	if (random() % 2)
		clientq_acked(pool, &shadow->info, &shadow->queue,
		    shadow->written);
	if (shadow->queue.damaged || random() % 50 == 0)
		clientq_clear(pool, &shadow->info, &shadow->queue);
}

/* Where blocks are linked and entries begin: what is damaged is given up, and
 * no byte of another client's is ever sent. */
START_TEST(test_no_flipped_bit_leads_into_the_queue_of_another)
{
	uint8_t *blocks = region_section(region, REGION_QUEUE, 0);

	(void)seed_random("test_clientq");
	for (int i = 0; i < 20000; i++) {
		unsigned which = (unsigned)random() % QUEUES;
		_Atomic uint32_t *end = random() % 2
					    ? &shadows[which].info.queue_first
					    : &shadows[which].info.queue_last;

		if (random() % 8 == 0)
			blocks[(random() % 100) * 512 + random() % 12] ^=
			    (uint8_t)(1u << random() % 8);
		if (random() % 32 == 0)
			*end ^= 1u << random() % 10;
		use_queue(which);
		if (i % 500)
			continue;
		/* What damage took away comes back with a new pool only. */
		clientq_pool_free(&pool);
		memset(shadows, 0, sizeof(shadows));
		pool = clientq_pool_new(region, 0);
	}
}
END_TEST

START_TEST(test_a_burst_leaves_no_memory_behind)
{
	static uint8_t item[1000];
	struct shadow *shadow = &shadows[0];
	uint64_t before = region_occupied_bytes(region);

	while (clientq_append(pool, &shadow->info, &shadow->queue, 1, item,
		   sizeof(item)) == 0)
		;
	clientq_pool_trim(pool);
	ck_assert_uint_gt(region_occupied_bytes(region), before + 900000);
	clientq_clear(pool, &shadow->info, &shadow->queue);
	clientq_pool_trim(pool);
	ck_assert_uint_le(region_occupied_bytes(region), before + 65536);
}
END_TEST

START_TEST(test_a_burst_leaves_no_memory_behind_though_others_wait)
{
	static uint8_t item[1000];
	struct shadow *burst = &shadows[0], *other = &shadows[1];
	uint64_t before = region_occupied_bytes(region);
	int i;

	while (clientq_append(pool, &burst->info, &burst->queue, 1, item,
		   sizeof(item)) == 0)
		/* one that stays lies between and one behind */
		if (clientq_pool_used_bytes(pool) % 262144 == 0)
			append(other);
	append(other);
	clientq_clear(pool, &burst->info, &burst->queue);
	for (i = 0; i < 2; i++) /* no longer than a tick */
		clientq_pool_trim(pool);
	ck_assert_uint_le(region_occupied_bytes(region), before + 262144);
	/* what was given back can be used again */
	for (i = 0; i < 1500; i++)
		ck_assert_int_eq(clientq_append(pool, &burst->info,
				     &burst->queue, 1, item, sizeof(item)),
		    0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("clientq");
	TCase *tcase = tcase_create("clientq");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_add_test(tcase,
	    test_an_entry_behind_a_full_block_outlives_that_block);
	tcase_add_test(tcase, test_random_queues_match_a_shadow);
	tcase_add_test(tcase,
	    test_no_flipped_bit_leads_into_the_queue_of_another);
	tcase_add_test(tcase, test_hostile_blocks_end_in_an_error_or_the_end);
	tcase_add_test(tcase,
	    test_queues_in_circles_cost_no_more_than_the_partition);
	tcase_add_test(tcase, test_a_burst_leaves_no_memory_behind);
	tcase_add_test(tcase,
	    test_a_burst_leaves_no_memory_behind_though_others_wait);
	tcase_set_timeout(tcase, 30);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
