/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/shm/ledger_rig.h"

#include <check.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct ledger *ledger;
char state[80], path[96];

static char folder[64];

void
ledger_rig_open_as(const char *name, uint32_t partition_count, uint32_t slots)
{
	ledger_free(&ledger);
	ck_assert_int_eq(ledger_open(state, &ledger), 0);
	ck_assert_int_eq(ledger_settle(ledger, name, partition_count, slots),
	    0);
}

void
ledger_rig_open_again(void)
{
	ledger_rig_open_as("cm1", PARTITIONS, SLOTS);
}

void
ledger_rig_setup(void)
{
	snprintf(folder, sizeof(folder), "/tmp/test_ledger.XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(folder));
	snprintf(state, sizeof(state), "%s/state", folder);
	snprintf(path, sizeof(path), "%s/ledger", state);
	ledger_rig_open_again();
}

/* Files of the state directory, but for the ledger. */
int
ledger_rig_count_others(bool remove_them)
{
	DIR *directory = opendir(state);
	struct dirent *entry;
	int count = 0;

	while ((entry = readdir(directory)) != NULL) {
		if (entry->d_name[0] == '.' ||
		    strcmp(entry->d_name, "ledger") == 0)
			continue;
		count++;
		if (remove_them &&
		    unlinkat(dirfd(directory), entry->d_name, 0) != 0)
			(void)unlinkat(dirfd(directory), entry->d_name,
			    AT_REMOVEDIR);
	}
	closedir(directory);
	return count;
}

void
ledger_rig_teardown(void)
{
	ledger_free(&ledger);
	(void)ledger_rig_count_others(true);
	(void)unlink(path);
	(void)rmdir(state);
	(void)rmdir(folder);
}

void
ledger_rig_read_at(long offset, void *bytes, size_t len)
{
	FILE *file = fopen(path, "re");

	ck_assert_ptr_nonnull(file);
	ck_assert_int_eq(fseek(file, offset, SEEK_SET), 0);
	ck_assert_uint_eq(fread(bytes, 1, len, file), len);
	ck_assert_int_eq(fclose(file), 0);
}
