/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Directory and ledger with a worker that dies while it claims, or an upstream
 * that dies while it ends: no living session is missing in the ledger, none is
 * given out twice, and a successor claims what is free.
 */
#include "common/shm/directory.h"
#include "common/shm/ledger.h"
#include "common/shm/region.h"
#include "tests/crash/crash.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/region/ledger_live.h"
#include "tests/support/region/small_region.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#define SLOTS        16u
#define LEDGER_BYTES (4u * 4096u) /* claims are in the third page */

/* What is certain about a slot's latest generation, noted by the process at
 * work. */
struct note {
	_Atomic uint32_t claimed; /* directory_claim() has returned */
	_Atomic uint32_t ending;  /* directory_end() is about to be called */
};

struct shared {
	struct note notes[SLOTS];
	_Atomic uint64_t steps; /* claims and ends done */
};

static struct shared *shared;
static struct region *region;
static struct ledger *ledger;
static struct directory *directory;
static char folder[64], path[80];
static const void *file; /* the ledger's bytes, for comparing */

/* One that a child can step through quickly. */
static void
random_bytes(void *bytes, size_t len)
{
	uint8_t *to = bytes;

	while (len-- > 0)
		*to++ = (uint8_t)crash_random(256);
}

/* A process knows only of claims of its own. */
static void
begin_directory(void)
{
	directory_free(&directory);
	directory = directory_new(region, ledger, "cm1", random_bytes);
}

static void
open_ledger(void)
{
	CHECK(ledger_open(folder, &ledger) == 0);
	CHECK(ledger_settle(ledger, "cm1", 1, SLOTS) == 0);
	begin_directory();
}

static void
close_ledger(void)
{
	directory_free(&directory);
	ledger_free(&ledger);
}

static void
map_file(void)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	ck_assert_int_ge(fd, 0);
	file = mmap(NULL, LEDGER_BYTES, PROT_READ, MAP_SHARED, fd, 0);
	ck_assert_ptr_ne(file, MAP_FAILED);
	/* Not closed: that would give the record lock of this process up. */
}

static void
claim_one(void)
{
	struct note *note;
	uint32_t slot;
	int error;

	error = directory_claim(directory, 0, &slot);
	if (error) {
		CHECK(error == -ENOSPC);
		return;
	}
	note = &shared->notes[slot];
	/* Never a slot that lives. */
	CHECK(note->claimed == note->ending);
	note->claimed = directory_generation(directory, slot);
	shared->steps++;
}

static void
end_one(uint32_t slot)
{
	struct note *note = &shared->notes[slot];

	if (note->ending == note->claimed)
		return;
	note->ending = note->claimed;
	directory_wipe_info(directory, slot); /* its client has gone */
	directory_end(directory, slot, note->claimed);
	shared->steps++;
}

static void
setup(void)
{

	crash_seed();
	region = small_region(SLOTS, 4096);
	shared = crash_share(sizeof(*shared));
	snprintf(folder, sizeof(folder), "/tmp/crash_directory.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/ledger", folder);
	open_ledger();
	/* A slot that was never used is not the usual case. */
	for (uint32_t i = 0; i < SLOTS; i++)
		claim_one();
	for (uint32_t i = 0; i < SLOTS; i++)
		end_one(i);
	begin_directory();
	shared->steps = 0;
}

static void
teardown(void)
{
	if (ledger)
		close_ledger();
	region_free(&region);
	(void)unlink(path);
	(void)rmdir(folder);
}

/* --- what must hold at every instant --- */

static void
check_slot(uint32_t slot, uint32_t *half_done_io)
{
	uint32_t generation = directory_generation(directory, slot);
	const struct note *note = &shared->notes[slot];
	struct ledger_entry entry;
	bool alive = ledger_is_live(ledger, slot, &entry);
	const struct session_slot *slots =
	    region_section(region, REGION_SLOTS, 0);

	if (directory_is_live(directory, slot)) {
		/* The server may know it: it must not be forgotten. */
		ck_assert_msg(alive,
		    "the ledger should remember slot %u, which is live", slot);
		ck_assert_uint_eq(entry.generation, generation);
		ck_assert_mem_eq(entry.nonce, slots[slot].nonce,
		    sizeof(entry.nonce));
	}
	if (note->claimed != note->ending) {
		ck_assert_msg(directory_is_live(directory, slot),
		    "slot %u was claimed and not ended, and should be live",
		    slot);
		ck_assert_uint_eq(generation, note->claimed);
	}
	if (alive && !directory_is_live(directory, slot)) {
		/* A claim or an end that its process did not live to finish. */
		ck_assert_msg(entry.generation == generation ||
				  entry.generation == generation + 1,
		    "the ledger should be at generation %u of slot %u or one "
		    "ahead, not at %u",
		    generation, slot, entry.generation);
		++*half_done_io;
	}
}

static void
check_all(void *context)
{
	uint32_t half_done = 0, slot;

	(void)context;
	for (slot = 0; slot < SLOTS; slot++)
		check_slot(slot, &half_done);
	ck_assert_uint_le(half_done, 1);
}

/* A claim may have been cut short after its slot was written: nobody was told
 * of that session, and upstream ends it as it does all of a dead worker's. */
static void
end_untold(void)
{
	uint32_t slot, generation, count = 0;

	for (slot = 0; slot < SLOTS; slot++) {
		struct note *note = &shared->notes[slot];

		generation = directory_generation(directory, slot);
		if (!directory_is_live(directory, slot)) {
			note->claimed = note->ending = generation;
			continue;
		}
		if (note->claimed == generation && note->ending != generation)
			continue;
		directory_end(directory, slot, generation);
		note->claimed = note->ending = generation;
		count++;
	}
	ck_assert_uint_le(count, 1);
}

/* All that does not live can be claimed, and nothing that lives. */
static void
check_successor(void)
{
	uint32_t slot, live = 0, claimed = 0;

	begin_directory();
	for (slot = 0; slot < SLOTS; slot++)
		live += directory_is_live(directory, slot);
	while (directory_claim(directory, 0, &slot) == 0) {
		struct note *note = &shared->notes[slot];

		ck_assert_uint_eq(note->claimed, note->ending);
		note->claimed = directory_generation(directory, slot);
		claimed++;
	}
	ck_assert_uint_eq(live + claimed, SLOTS);
	for (slot = live = 0; slot < SLOTS; slot++) {
		if (crash_random(2))
			end_one(slot);
		live += directory_is_live(directory, slot);
	}
	ck_assert_uint_eq(ledger_live_count(ledger), live);
	begin_directory();
}

/* --- deaths --- */

static void
work_for_ever(void *context)
{
	const bool *holds = context;

	if (*holds) /* the file of its own, opened anew and locked */
		open_ledger();
	for (;;) {
		if (crash_random(2))
			claim_one();
		else
			end_one(crash_random(SLOTS));
	}
}

/* Until the child has done something, and then somewhere. */
static void
let_live(void)
{
	uint64_t start = crash_now_us(), until, first = shared->steps;

	while (shared->steps == first)
		ck_assert_uint_lt(crash_now_us() - start, 10000000);
	until = crash_now_us() + crash_random(1000);
	while (crash_now_us() < until)
		continue;
}

START_TEST(test_a_process_killed_anywhere_leaves_no_session_unknown)
{
	uint64_t end = crash_now_us() + crash_budget_ms() * 1000;
	bool holds = false;
	unsigned deaths;
	pid_t pid;

	for (deaths = 0; deaths < 5 || crash_now_us() < end; deaths++) {
		(void)crash_random(2); /* each child another sequence */
		pid = crash_start(work_for_ever, &holds);
		let_live();
		crash_kill(pid);
		check_all(NULL);
		end_untold();
		check_successor();
	}
	printf("%u deaths, %llu claims and ends\n", deaths,
	    (unsigned long long)shared->steps);
}
END_TEST

START_TEST(test_the_ledger_of_a_killed_manager_opens_with_all_it_knew)
{
	uint64_t end = crash_now_us() + crash_budget_ms() * 1000;
	bool holds = true;
	unsigned deaths;
	pid_t pid;

	close_ledger();
	for (deaths = 0; deaths < 5 || crash_now_us() < end; deaths++) {
		(void)crash_random(2);
		pid = crash_start(work_for_ever, &holds);
		let_live();
		if (deaths == 0)
			ck_assert_int_eq(ledger_open(folder, &ledger), -EBUSY);
		crash_kill(pid);
		open_ledger(); /* its lock died with it */
		check_all(NULL);
		end_untold();
		check_successor();
		close_ledger();
	}
	printf("%u deaths\n", deaths);
}
END_TEST

/* --- every instruction --- */

static void
work_a_while(void *context)
{
	(void)context;
	for (int i = 0; i < 2000; i++) {
		if (crash_random(2))
			claim_one();
		else
			end_one(crash_random(SLOTS));
	}
}

START_TEST(test_directory_and_ledger_agree_after_every_instruction)
{
	struct step step = {
		.work = work_a_while,
		.look = check_all,
	};

	map_file();
	step.spans[0] = (struct step_span){ file, LEDGER_BYTES };
	step.spans[1] =
	    (struct step_span){ region_section(region, REGION_SLOTS, 0),
		    SLOTS * sizeof(struct session_slot) };
	step.spans[2] =
	    (struct step_span){ region_section(region, REGION_ROUTING, 0),
		    SLOTS * sizeof(struct session_route) };
	step.spans[3] = (struct step_span){ shared, sizeof(*shared) };
	(void)step_through(&step);
	check_all(NULL);
	end_untold();
	check_successor();
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("crash_directory");
	TCase *tcase = tcase_create("crash_directory");

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 0);
	tcase_add_test(tcase,
	    test_a_process_killed_anywhere_leaves_no_session_unknown);
	tcase_add_test(tcase,
	    test_the_ledger_of_a_killed_manager_opens_with_all_it_knew);
	tcase_add_test(tcase,
	    test_directory_and_ledger_agree_after_every_instruction);
	suite_add_tcase(suite, tcase);
	return run_suite(suite);
}
