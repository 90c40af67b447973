/* SPDX-License-Identifier: Apache-2.0 */
/* ledger: with any file the daemon starts. What is in it, of either version,
 * can be used at any row, and outlives every opening, under any name and size.
 */
#include "common/shm/directory.h"
#include "common/shm/ledger.h"
#include "tests/support/region/ledger_live.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

static char directory[64], path[80];

static void
remove_directory(void)
{
	char aside[100];
	int number;

	for (number = 1; number <= 8; number++) {
		snprintf(aside, sizeof(aside), "%s.damaged-%d", path, number);
		(void)unlink(aside);
	}
	(void)unlink(path);
	(void)rmdir(directory);
}

static void
make_directory(void)
{
	snprintf(directory, sizeof(directory), "/tmp/fuzz_ledger.XXXXXX");
	CHECK(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/ledger", directory);
	CHECK(atexit(remove_directory) == 0);
}

static void
write_file(const uint8_t *bytes, size_t len)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0);
	CHECK(write(fd, bytes, len) == (ssize_t)len);
	close(fd);
}

static void
look_at_processes(struct ledger *ledger)
{
	uint32_t number;
	uint64_t ticks;
	pid_t pid;

	for (number = 0; number < ledger_process_count(ledger); number++)
		ledger_process(ledger, number, &pid, &ticks);
	ledger_set_process(ledger, number, 1, 1);
}

static uint32_t
look_at_rows(struct ledger *ledger)
{
	uint32_t rows = ledger_row_count(ledger), row, live = 0;
	char streamid[STREAMID_MAX + 1];
	struct ledger_entry entry;

	for (row = 0; row < rows; row++) {
		if (!ledger_is_live(ledger, row, &entry))
			continue;
		live++;
		CHECK(entry.name[0] && strlen(entry.name) <= MANAGER_NAME_MAX);
		CHECK(entry.slot < 1u << 25);
		(void)streamid_print(entry.name, entry.slot, entry.nonce,
		    streamid);
	}
	ledger_claim(ledger, rows, entry.nonce, 1);
	ledger_end(ledger, rows, 1);
	CHECK(!ledger_is_live(ledger, rows, &entry));
	CHECK(ledger_live_count(ledger) == live);
	return live;
}

/* The sessions that are open after one more run. */
static uint32_t
live_once(const char *name, uint32_t partition_count, uint32_t slots)
{
	struct ledger *ledger;
	uint32_t live;

	CHECK(ledger_open(directory, &ledger) == 0);
	look_at_processes(ledger);
	live = look_at_rows(ledger);
	CHECK(ledger_settle(ledger, name, partition_count, slots) == 0);
	look_at_processes(ledger);
	/* Names may be too many. */
	CHECK(look_at_rows(ledger) <= live);
	live = look_at_rows(ledger);
	ledger_free(&ledger);
	return live;
}

static void
end_all(void)
{
	struct ledger_entry entry;
	struct ledger *ledger;
	uint32_t row;

	CHECK(ledger_open(directory, &ledger) == 0);
	for (row = 0; row < ledger_row_count(ledger); row++)
		if (ledger_is_live(ledger, row, &entry))
			ledger_end(ledger, row, entry.generation);
	CHECK(ledger_live_count(ledger) == 0);
	ledger_free(&ledger);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	uint32_t live;

	if (!directory[0])
		make_directory();
	write_file(bytes, len);
	live = live_once("cm1", 1, 4);
	CHECK(live_once("cm1", 1, 4) == live);
	CHECK(live_once("cm1", 3, 8) == live);
	CHECK(live_once("cm2", 3, 8) <= live);
	end_all();
	return 0;
}
