/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orphans - processes that have outlived a former master, which was killed.
 * They stop by themselves when their channel ends; the master waits for that,
 * and kills those that do not stop.
 *
 * The ledger only says where to look. Whether a process is ours is decided from
 * what the kernel says of it: its start time, its user and its executable.
 */
#ifndef MASTER_ORPHANS_H
#define MASTER_ORPHANS_H

#include "common/base/base.h"

#include <sys/types.h>

struct ledger;

/*
 * Blocks until all in the ledger's table are gone; clears the table. Those
 * still there after `patience_s` are killed, if they run our executable (or
 * what lay at its path before an upgrade) as the master's user or as `user`
 * (NULL: there is none). Others are left alone, with a line in the log; one
 * whose executable cannot be read is waited for, and then left alone.
 */
void orphans_end(struct ledger *ledger, const char *user, double patience_s);

/* When the process started, in the kernel's ticks; 0: there is none. A pid
 * alone may be another process's by now. */
uint64_t orphans_start_ticks(pid_t pid);

#endif
