/* SPDX-License-Identifier: Apache-2.0 */
/*
 * leftovers - processes of a former life whose master was killed. They stop by
 * themselves when their channel ends; that is waited for, then they are ended.
 *
 * The ledger only says where to look. Whether a process is ours the live system
 * says: its beginning, its user and its executable.
 */
#ifndef MASTER_LEFTOVERS_H
#define MASTER_LEFTOVERS_H

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
void leftovers_end(struct ledger *ledger, const char *user, double patience_s);

/* When the process began, in the kernel's ticks; 0: there is none. A pid alone
 * may be somebody else's by now. */
uint64_t leftovers_start_ticks(pid_t pid);

#endif
