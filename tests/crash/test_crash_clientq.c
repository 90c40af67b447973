/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Client queues of a worker that dies at any instruction: what it had appended
 * and the client had not acknowledged is found by upstream, whole and in order,
 * and nothing else.
 */
#include "common/shm/clientq.h"
#include "common/shm/directory.h"
#include "common/shm/region.h"
#include "tests/crash/crash.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/region/small_region.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define QUEUES      3u
#define QUEUE_BYTES 16384u /* small_region.h: soon full */
#define ITEM_MAX    1300u  /* in up to four blocks */
#define ITEMS       256u   /* kinds of content */

/* Numbers of the items of one queue, noted by the worker. */
struct note {
	_Atomic uint32_t appended; /* clientq_append() has returned */
	_Atomic uint32_t acked;    /* those before may be gone */
};

struct shared {
	struct note notes[QUEUES];
	_Atomic uint64_t steps;
};

/* The worker's own view. */
struct mine {
	struct clientq queue;
	uint32_t first, unsent, next; /* item numbers; unsent: or in part */
	uint64_t ends[ITEMS];         /* bytes before each item's end */
	uint64_t total, written;
};

static struct shared *shared;
static struct region *region;
static struct session_info *infos;
static uint8_t contents[ITEMS][ITEM_MAX];

static uint32_t
item_len(uint32_t number)
{
	uint32_t hash = number * 2654435761u >> 7;

	return sizeof(number) + (hash % 5 ? hash % 90 : hash % (ITEM_MAX - 4));
}

/* The content follows from the number modulo ITEMS, the number is in front. */
static void
fill_contents(void)
{
	for (uint32_t i = 0; i < ITEMS; i++)
		for (uint32_t j = 0; j < ITEM_MAX; j++)
			contents[i][j] = (uint8_t)(i * 31 + j * 7 + j / 256);
}

static void
setup(void)
{

	crash_seed();
	region = small_region(4, 4096);
	infos = region_section(region, REGION_INFO, 0);
	shared = crash_share(sizeof(*shared));
	fill_contents();
}

static void
teardown(void)
{
	region_free(&region);
}

/* --- the worker --- */

static void
append(struct clientq_pool *pool, unsigned which, struct mine *mine)
{
	uint32_t number = mine->next, len = item_len(number);
	uint8_t *bytes = contents[number % ITEMS];

	if (mine->next - mine->first == ITEMS - 1)
		return;
	memcpy(bytes, &number, sizeof(number));
	if (clientq_append(pool, &infos[which], &mine->queue,
		(uint8_t)(1 + number % 9), bytes, len))
		return;
	mine->total += len;
	mine->ends[number % ITEMS] = mine->total;
	mine->next++;
	shared->notes[which].appended = mine->next;
}

static void
write_some(struct clientq_pool *pool, unsigned which, struct mine *mine)
{
	struct iovec vectors[4];
	uint64_t ready = 0, len;
	int count;

	count = clientq_unsent(pool, &infos[which], &mine->queue, vectors, 4);
	for (int i = 0; i < count; i++)
		ready += vectors[i].iov_len;
	if (ready == 0)
		return;
	len = 1 + crash_random((uint32_t)ready);
	mine->written += len;
	clientq_wrote(pool, &infos[which], &mine->queue, len, mine->written);
}

static void
acknowledge(struct clientq_pool *pool, unsigned which, struct mine *mine)
{
	uint32_t first = mine->first;

	while (first < mine->next && mine->ends[first % ITEMS] <= mine->written)
		first++;
	if (first > mine->first && crash_random(2))
		first -= crash_random(first - mine->first);
	if (first == mine->first)
		return;
	mine->first = first;
	shared->notes[which].acked = first;
	clientq_acked(pool, &infos[which], &mine->queue,
	    mine->ends[(first - 1) % ITEMS]);
}

static void
clear(struct clientq_pool *pool, unsigned which, struct mine *mine)
{
	shared->notes[which].acked = mine->next;
	clientq_clear(pool, &infos[which], &mine->queue);
	mine->first = mine->next;
	mine->written = mine->total;
}

static void
work(struct clientq_pool *pool, struct mine *mine)
{
	unsigned which = crash_random(QUEUES), what = crash_random(64);

	mine += which;
	if (what < 26)
		append(pool, which, mine);
	else if (what < 42)
		write_some(pool, which, mine);
	else if (what < 62)
		acknowledge(pool, which, mine);
	else
		clear(pool, which, mine);
	shared->steps++;
}

static void
work_for_ever(void *context)
{
	static struct mine mine[QUEUES];
	struct clientq_pool *pool = clientq_pool_new(region, 0);

	(void)context;
	for (;;)
		work(pool, mine);
}

/* With the state that the parent had when it began. */
struct stepped {
	struct clientq_pool *pool;
	struct mine mine[QUEUES];
};

static void
work_a_while(void *context)
{
	struct stepped *stepped = context;

	for (int i = 0; i < 3000; i++)
		work(stepped->pool, stepped->mine);
}

/* --- upstream --- */

struct reading {
	uint32_t count, first, next;
};

static void
read_entry(void *context, uint8_t kind, const uint8_t *bytes, size_t len)
{
	struct reading *reading = context;
	uint32_t number;

	ck_assert_uint_ge(len, sizeof(number));
	memcpy(&number, bytes, sizeof(number));
	if (reading->count++ == 0)
		reading->first = reading->next = number;
	ck_assert_uint_eq(number, reading->next);
	ck_assert_uint_eq(kind, 1 + number % 9);
	ck_assert_uint_eq(len, item_len(number));
	ck_assert_mem_eq(bytes + sizeof(number),
	    contents[number % ITEMS] + sizeof(number), len - sizeof(number));
	reading->next++;
}

static void
look_at_queues(void *context)
{
	(void)context;
	for (unsigned i = 0; i < QUEUES; i++) {
		const struct note *note = &shared->notes[i];
		struct reading reading = { 0, 0, 0 };

		ck_assert_int_eq(clientq_each(region, 0, &infos[i], read_entry,
				     &reading),
		    0);
		if (reading.count == 0) {
			ck_assert_uint_eq(note->acked, note->appended);
			continue;
		}
		/* One more may be in before its append has returned. */
		ck_assert_uint_ge(reading.next, note->appended);
		ck_assert_uint_le(reading.next, note->appended + 1);
		ck_assert_uint_le(reading.first, note->acked);
	}
}

START_TEST(test_a_worker_killed_anywhere_leaves_sound_queues)
{
	uint64_t end = crash_now_us() + crash_budget_ms() * 1000, start, until;
	unsigned deaths;
	pid_t pid;

	for (deaths = 0; deaths < 5 || crash_now_us() < end; deaths++) {
		memset(shared, 0, sizeof(*shared));
		memset(infos, 0, QUEUES * sizeof(*infos));
		(void)crash_random(2); /* each child another sequence */
		pid = crash_start(work_for_ever, NULL);
		start = crash_now_us();
		while (shared->steps == 0)
			ck_assert_uint_lt(crash_now_us() - start, 10000000);
		until = crash_now_us() + crash_random(2000);
		while (crash_now_us() < until)
			continue;
		crash_kill(pid);
		look_at_queues(NULL);
	}
	printf("%u deaths\n", deaths);
}
END_TEST

START_TEST(test_queues_are_sound_after_every_instruction)
{
	static struct stepped stepped;
	const struct step step = {
		.spans = { { region_section(region, REGION_QUEUE, 0),
			       QUEUE_BYTES },
		    { infos, QUEUES * sizeof(*infos) },
		    { shared, sizeof(*shared) } },
		.work = work_a_while,
		.look = look_at_queues,
		.context = &stepped,
	};

	stepped.pool = clientq_pool_new(region, 0);
	/* Blocks that were used hold what must not be taken for entries. */
	for (int i = 0; i < 2000; i++)
		work(stepped.pool, stepped.mine);
	look_at_queues(NULL);
	(void)step_through(&step);
	clientq_pool_free(&stepped.pool);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("crash_clientq");
	TCase *tcase = tcase_create("crash_clientq");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 0);
	tcase_add_test(tcase,
	    test_a_worker_killed_anywhere_leaves_sound_queues);
	tcase_add_test(tcase, test_queues_are_sound_after_every_instruction);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
