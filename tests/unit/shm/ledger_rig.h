/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger_rig - a ledger in a state directory of its own, for tests.
 */
#ifndef TESTS_UNIT_SHM_LEDGER_RIG_H
#define TESTS_UNIT_SHM_LEDGER_RIG_H

#include "common/shm/ledger.h"

#define PARTITIONS 4u
#define SLOTS      25u
#define ROWS       (PARTITIONS * SLOTS)

extern struct ledger *ledger;
extern char state[80], path[96]; /* of the directory and of its ledger */

void ledger_rig_setup(void);
void ledger_rig_teardown(void);

/* The next run of the manager. */
void ledger_rig_open_as(const char *name, uint32_t partition_count,
    uint32_t slots);
void ledger_rig_open_again(void); /* "cm1", PARTITIONS, SLOTS */

/* Files of the state directory, but for the ledger; and without them. */
int ledger_rig_count_others(bool remove_them);

/* Of the file. This gives up the lock on it. */
void ledger_rig_read_at(long offset, void *bytes, size_t len);

#endif
