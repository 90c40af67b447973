/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ledger - the small file that remembers which streams the server believes
 * alive (design.md §3, protocol.md §10.4).
 *
 * A mapped file in the state directory: a header (manager name, rows, pid and
 * start time of every process) and 16 bytes per row: nonce, use, ended (low 16
 * bits). Claims are written by workers, ends by upstream. Survives kill -9 of
 * everything; its layout is frozen for ever. A POSIX record lock held by the
 * master keeps a second instance out.
 */
#ifndef COMMON_SHM_LEDGER_H
#define COMMON_SHM_LEDGER_H

#include "common/base/base.h"

#include <sys/types.h>

struct ledger;

/*
 * Opens or makes DIRECTORY/ledger (directory made 0700 if absent). -EBUSY when
 * another instance holds the lock (logged with its pid), -EBADMSG when the file
 * is damaged, -ENOSPC when the disk has no room for all of it: it is taken at
 * once, no later store can fail. A ledger of another name or row count is
 * opened as it is: ledger_matches() says so and its leftovers must be finished
 * first.
 */
MUST_CHECK int ledger_open(const char *directory, const char *name,
    uint32_t row_count, struct ledger **ledger_out);

/* Without a file: private memory, for tests and for state directory "none". */
struct ledger *ledger_new_volatile(const char *name, uint32_t row_count);
void ledger_free(struct ledger **ledger);

bool ledger_matches(const struct ledger *ledger, const char *name,
    uint32_t row_count);
const char *ledger_name(const struct ledger *ledger);
uint32_t ledger_row_count(const struct ledger *ledger);

/* Starts the file anew for this name and size; only when nothing is left. */
MUST_CHECK int ledger_restart(struct ledger *ledger, const char *name,
    uint32_t row_count);

/* Only the name; as long as nothing is left: -EBUSY. Any process that maps it.
 */
MUST_CHECK int ledger_rename(struct ledger *ledger, const char *name);

void ledger_claim(struct ledger *ledger, uint32_t slot, const uint8_t nonce[10],
    uint32_t use);
void ledger_end(struct ledger *ledger, uint32_t slot, uint32_t use);

/* True and the entry when the row is claimed and not ended. */
bool ledger_is_live(const struct ledger *ledger, uint32_t slot,
    uint8_t nonce_out[10], uint32_t *use_out);
uint32_t ledger_live_count(const struct ledger *ledger);

/* Processes of this life, so that a next start can end left-overs. number: 0
 * master, 1 upstream, 2 + index. pid 0 clears. */
void ledger_set_process(struct ledger *ledger, uint32_t number, pid_t pid,
    uint64_t start_ticks);
uint32_t ledger_process_count(const struct ledger *ledger);
void ledger_process(const struct ledger *ledger, uint32_t number,
    pid_t *pid_out, uint64_t *start_ticks_out);

#endif
