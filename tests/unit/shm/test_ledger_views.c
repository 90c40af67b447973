/* SPDX-License-Identifier: Apache-2.0 */
/* What each process reaches of the ledger after the fork. */
#include "common/shm/ledger.h"
#include "common/shm/ledger_layout.h"
#include "tests/support/check/run_suite.h"
#include "tests/support/region/ledger_live.h"
#include "tests/unit/shm/reach.h"

#include <check.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#define PARTITIONS 3u
#define SLOTS      500u

static struct ledger *ledger;
static char folder[64], path[96];

/* With sessions of an earlier run in it, so that it has all of its parts. */
static void
setup(void)
{
	const uint8_t nonce[SESSION_NONCE_BYTES] = { 7 };

	snprintf(folder, sizeof(folder), "/tmp/test_ledger_views.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(path, sizeof(path), "%s/ledger", folder);
	ck_assert_int_eq(ledger_open(folder, &ledger), 0);
	ck_assert_int_eq(ledger_settle(ledger, "cm1", 1, 16), 0);
	ledger_claim(ledger, 3, nonce, 1);
	ledger_free(&ledger);
	ck_assert_int_eq(ledger_open(folder, &ledger), 0);
	ck_assert_int_eq(ledger_settle(ledger, "cm2", PARTITIONS, SLOTS), 0);
}

static void
teardown(void)
{
	ledger_free(&ledger);
	(void)unlink(path);
	(void)rmdir(folder);
}

static void
setup_volatile(void)
{
	snprintf(path, sizeof(path), "memfd:cmanager-ledger");
	ck_assert_int_eq(ledger_new_volatile("cm2", PARTITIONS, SLOTS, &ledger),
	    0);
}

static void
teardown_volatile(void)
{
	ledger_free(&ledger);
}

/* --- what a process can do with a page --- */

/* Not even when it tries: a mapping for reading stays one. */
static enum view_access
reach(uint8_t *page)
{
	if (!reach_can_read(page))
		return VIEW_NOTHING;
	if (reach_can_write(page))
		return VIEW_WRITE;
	if (mprotect(page, VIEW_PAGE, PROT_READ | PROT_WRITE) == 0)
		return VIEW_WRITE;
	return VIEW_READ;
}

/* --- what it may do --- */

enum who { MASTER, WORKER_1, UPSTREAM, CONTROL };

/* Said here once more, and not taken from the table that is tested. */
static enum view_access
allowed(enum who who, enum view_area area, uint64_t number)
{
	if (who == MASTER)
		return VIEW_WRITE;
	if (who == CONTROL)
		return VIEW_NOTHING;
	if (who == UPSTREAM)
		return area == LEDGER_ENDS || area == LEDGER_FORMER_ENDS
			   ? VIEW_WRITE
		       : area == LEDGER_CLAIMS || area == LEDGER_FORMER
			   ? VIEW_READ
			   : VIEW_NOTHING;
	if (number != 1)
		return VIEW_NOTHING;
	return area == LEDGER_CLAIMS ? VIEW_WRITE
	       : area == LEDGER_ENDS ? VIEW_READ
				     : VIEW_NOTHING;
}

/* The number of pages that are not as they should be. */
static int
count_wrong(enum who who)
{
	uint64_t number, at;
	int area, wrong = 0;

	for (area = LEDGER_HEADER; area < VIEW_AREA_COUNT; area++) {
		const struct view_span *span =
		    &ledger->spans[LEDGER_PART_OF(area)];

		for (number = 0; number < span->count; number++)
			for (at = 0; at < span->part; at += VIEW_PAGE)
				wrong +=
				    reach(ledger->base + span->offset +
					  number * span->part + at) !=
				    allowed(who, (enum view_area)area, number);
	}
	return wrong;
}

/* Pages of the file in /proc/self/maps. */
static uint64_t
count_mapped(void)
{
	FILE *file = fopen("/proc/self/maps", "r");
	uint64_t from, to, pages = 0;
	char line[512];

	while (fgets(line, sizeof(line), file))
		if (strstr(line, path) &&
		    sscanf(line, "%" SCNx64 "-%" SCNx64, &from, &to) == 2)
			pages += (to - from) / VIEW_PAGE;
	fclose(file);
	return pages;
}

static int
be(enum who who)
{
	if (who == WORKER_1 && ledger_become_worker(ledger, 1) != 0)
		return 1;
	if (who == UPSTREAM && ledger_become_upstream(ledger) != 0)
		return 1;
	if (who == CONTROL && ledger_become_control(ledger) != 0)
		return 1;
	if (reach_has_open(path) != (who == MASTER))
		return 2;
	if (count_wrong(who) != 0)
		return 3;
	/* 500 slots: 7,000 bytes of claims, 1,000 of ends. */
	if (who == WORKER_1 && count_mapped() != 2 + 1)
		return 4;
	return 0;
}

static int
in_child(int (*inside)(enum who who), enum who who)
{
	int status;
	pid_t pid = fork();

	ck_assert_int_ge(pid, 0);
	if (pid == 0) {
		reach_begin();
		_exit(inside(who));
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_msg(WIFEXITED(status),
	    "the child should have left by itself, status %d", status);
	return WEXITSTATUS(status);
}

START_TEST(test_each_process_reaches_its_own_pages_only)
{
	ck_assert_int_eq(in_child(be, MASTER), 0);
	ck_assert_int_eq(in_child(be, WORKER_1), 0);
	ck_assert_int_eq(in_child(be, UPSTREAM), 0);
	ck_assert_int_eq(in_child(be, CONTROL), 0);
	ck_assert_int_eq(ledger_become_worker(ledger, PARTITIONS), -EINVAL);
}
END_TEST

/* --- what comes of it --- */

static int
claim_everywhere(enum who who)
{
	const uint8_t nonce[SESSION_NONCE_BYTES] = { 1, 2, 3 };
	uint32_t row, rows = ledger_row_count(ledger);
	struct ledger_entry entry;

	(void)who;
	if (ledger_become_worker(ledger, 1) != 0)
		return 1;
	for (row = 0; row < rows + 2; row++) {
		ledger_claim(ledger, row, nonce, 5);
		ledger_end(ledger, row, 9);
	}
	ledger_set_process(ledger, 2, 1, 1);
	if (!ledger_is_live(ledger, SLOTS + 7, &entry) || entry.generation != 5)
		return 2;
	return ledger_live_count(ledger) == SLOTS ? 0 : 3;
}

static int
end_everywhere(enum who who)
{
	const uint8_t nonce[SESSION_NONCE_BYTES] = { 4 };
	uint32_t row, rows = ledger_row_count(ledger);
	struct ledger_entry entry;

	(void)who;
	if (ledger_become_upstream(ledger) != 0)
		return 1;
	for (row = 0; row < rows + 2; row++) {
		ledger_claim(ledger, row, nonce, 6);
		if (ledger_is_live(ledger, row, &entry))
			ledger_end(ledger, row, entry.generation);
	}
	ledger_set_process(ledger, 2, 1, 1);
	return ledger_live_count(ledger) == 0 ? 0 : 2;
}

START_TEST(test_a_worker_claims_its_own_rows_and_upstream_ends_them)
{
	uint32_t former = ledger_live_count(ledger);
	uint64_t ticks;
	pid_t pid;

	ck_assert_int_eq(in_child(claim_everywhere, WORKER_1), 0);
	ck_assert_uint_eq(ledger_live_count(ledger), SLOTS + former);
	ck_assert_int_eq(in_child(end_everywhere, UPSTREAM), 0);
	ck_assert_uint_eq(ledger_live_count(ledger), 0);
	ledger_process(ledger, 2, &pid, &ticks);
	ck_assert_int_eq(pid, 0);
}
END_TEST

int
main(void)
{
	Suite *suite = suite_create("ledger_views");
	TCase *file = tcase_create("file"), *none = tcase_create("volatile");

	tcase_add_checked_fixture(file, setup, teardown);
	tcase_add_checked_fixture(none, setup_volatile, teardown_volatile);
	tcase_add_test(file, test_each_process_reaches_its_own_pages_only);
	tcase_add_test(file,
	    test_a_worker_claims_its_own_rows_and_upstream_ends_them);
	tcase_add_test(none, test_each_process_reaches_its_own_pages_only);
	tcase_add_test(none,
	    test_a_worker_claims_its_own_rows_and_upstream_ends_them);
	suite_add_tcase(suite, file);
	suite_add_tcase(suite, none);
	return run_suite(suite);
}
