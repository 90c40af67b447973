/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger - the small file that remembers which streams the server believes
 * alive (MEMORY.md §10, PROTOCOL.md §10.4).
 *
 * A mapped file in the state directory; view.c says who maps what of it. The
 * header and the table of processes are the master's alone. A session takes 16
 * bytes: its claim (nonce and generation, written by the worker) and its end
 * (the low 16 bits of the generation, written by upstream), each in pages that
 * only its writer may write. It survives kill -9 of everything.
 *
 * Rows are numbered: first one for each slot of the directory, then those of
 * earlier runs, which had another manager name, number of slots or layout of
 * the file. These are never claimed again, only ended.
 *
 * A POSIX record lock held by the master keeps a second instance out. Nothing
 * in the file is believed: sizes, names and numbers are copied and checked.
 */
#ifndef COMMON_SHM_LEDGER_H
#define COMMON_SHM_LEDGER_H

#include "common/base/base.h"
#include "common/shm/streamid.h"

#include <sys/types.h>

struct ledger;

/*
 * Opens what there is in DIRECTORY (made 0700 if absent): the processes and
 * sessions of an earlier run, or nothing. A file that cannot be used is set
 * aside under another name, with a warning. 0, -EBUSY when another instance
 * holds it (logged), or -errno; -ENOSPC when the disk has no room for all of
 * it: that is taken at once, no later store can fail.
 */
MUST_CHECK int ledger_open(const char *directory, struct ledger **ledger_out);

/*
 * Makes it the ledger of this name and size, before any fork. What an earlier
 * run left open stays in it. A file that is of this name and size is used as it
 * is; else a new one takes its place in one step, so that no death at any
 * instant forgets a session. 0 or -errno; then the former file is as it was.
 */
MUST_CHECK int ledger_settle(struct ledger *ledger, const char *name,
    uint32_t partition_count, uint32_t slots_per_partition);

/* Without a file: memory, for tests and for state directory "none". */
MUST_CHECK int ledger_new_volatile(const char *name, uint32_t partition_count,
    uint32_t slots_per_partition, struct ledger **ledger_out);
void ledger_free(struct ledger **ledger);

/*
 * Child, after fork: replaces the master's mapping by the child's own pages and
 * closes the descriptors. 0 or -errno. Rows that are not mapped read as ended,
 * and what may not be written is not.
 */
MUST_CHECK int ledger_become_worker(struct ledger *ledger, uint32_t partition);
MUST_CHECK int ledger_become_upstream(struct ledger *ledger);
/* Control: it reaches nothing of it. */
MUST_CHECK int ledger_become_control(struct ledger *ledger);

/* Worker. Row: the slot. */
void ledger_claim(struct ledger *ledger, uint32_t row,
    const uint8_t nonce[SESSION_NONCE_BYTES], uint32_t generation);
/* Upstream. */
void ledger_end(struct ledger *ledger, uint32_t row, uint32_t generation);

struct ledger_entry {
	const char *name; /* of the manager; the ledger's own copy */
	uint32_t slot;    /* in that manager's directory */
	uint32_t generation;
	uint8_t nonce[SESSION_NONCE_BYTES];
};

/* True when the row is claimed and not ended. The generation is set in any
 * case, 0 where there is none to be read. */
bool ledger_is_live(const struct ledger *ledger, uint32_t row,
    struct ledger_entry *entry_out);
uint32_t ledger_row_count(const struct ledger *ledger);
/* All was read once: none of its pages is this process's until it reads there
 * again. Fewer are faster to give back when it dies. */
void ledger_let_go(const struct ledger *ledger);

/* Master. The processes that run, so that the next start can end orphans.
 * number: 0 master, 1 upstream, 2 control, 3 + partition. pid 0 clears. */
void ledger_set_process(struct ledger *ledger, uint32_t number, pid_t pid,
    uint64_t start_ticks);
uint32_t ledger_process_count(const struct ledger *ledger);
void ledger_process(const struct ledger *ledger, uint32_t number,
    pid_t *pid_out, uint64_t *start_ticks_out);

#endif
