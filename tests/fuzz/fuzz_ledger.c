/* SPDX-License-Identifier: Apache-2.0 */
/* ledger: any file is opened, or refused as damaged; and one that was opened
 * can be used at any row, closed, and opened again with the same entries. */
#include "common/shm/directory.h"
#include "common/shm/ledger.h"

#include <errno.h>
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
use_rows(struct ledger *ledger)
{
	uint32_t rows = ledger_row_count(ledger), use, number, live;
	uint8_t nonce[SESSION_NONCE_BYTES] = { 1, 2, 3 };
	uint64_t ticks;
	pid_t pid;

	CHECK(rows >= 1);
	CHECK(strlen(ledger_name(ledger)) <= MANAGER_NAME_MAX);
	CHECK(ledger_matches(ledger, ledger_name(ledger), rows));
	live = ledger_live_count(ledger);
	CHECK(live <= rows);
	for (number = 0; number < ledger_process_count(ledger); number++)
		ledger_process(ledger, number, &pid, &ticks);
	ledger_set_process(ledger, number, 1, 1);
	ledger_claim(ledger, rows, nonce, 1);
	ledger_end(ledger, rows, 1);
	CHECK(!ledger_is_live(ledger, rows, nonce, &use));
	CHECK(ledger_live_count(ledger) == live);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	struct ledger *ledger;
	uint32_t live;
	int error;

	if (!directory[0])
		make_directory();
	write_file(bytes, len);
	error = ledger_open(directory, "cm1", 4, &ledger);
	CHECK(error == 0 || error == -EBADMSG);
	if (error)
		return 0;
	use_rows(ledger);
	live = ledger_live_count(ledger);
	ledger_free(&ledger);
	CHECK(ledger_open(directory, "cm1", 4, &ledger) == 0);
	CHECK(ledger_live_count(ledger) == live);
	error = ledger_restart(ledger, "cm2", 8);
	CHECK(error == (live ? -EBUSY : 0));
	CHECK(error || ledger_matches(ledger, "cm2", 8));
	ledger_free(&ledger);
	return 0;
}
