/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal - a link's batch log in the region (MEMORY.md §7).
 *
 * Batch log: before each writev upstream appends what the batch will be: the
 * stream position at which it starts and its entries (ring, from, to); then the
 * head (release), then the write, then the rings' sent cursors. Bounded; a full
 * log stops writing. Entries stay until a barrier behind them was answered.
 *
 * Cursors are never read back from the region, and an entry has a seal: damage
 * there is noticed and never followed. A successor begins with an empty log; of
 * the rings all that was sent counts as unconfirmed (unconfirmed.h).
 */
#ifndef COMMON_SHM_JOURNAL_H
#define COMMON_SHM_JOURNAL_H

#include "common/base/base.h"

struct region;
struct journal;

#define JOURNAL_ENTRIES 8192u        /* batches not yet confirmed, at most */
#define JOURNAL_BYTES   (512 * 1024) /* cursors and log */

/* Names any ring that carries frames up. */
enum journal_ring_class { JOURNAL_UP, JOURNAL_OWN, JOURNAL_CTL };

struct journal_entry {
	uint8_t ring_class;
	uint8_t lane;
	uint16_t source; /* partition, 0 own; the link's number for ctl */
	uint32_t seal;   /* over the rest; the journal's own matter */
	uint32_t len;    /* bytes that it puts on the wire; 0: passed over */
	uint8_t kind;    /* enum frame_kind, as it was when it was taken */
	uint8_t reserved[3];
	uint64_t from; /* ring cursors */
	uint64_t to;
	uint64_t start; /* wire position of its first byte on this link */
	uint64_t end;   /* wire position behind its last byte; on a TLS link,
			   where records add to it, at most that */
};

/* number: the link's, 0..LINKS_MAX-1. */
struct journal *journal_attach(struct region *region, unsigned number);
void journal_detach(struct journal **journal);

/* A new connection on this link: empties the log. */
void journal_restart(struct journal *journal);

/* 0, or -ENOSPC when the log is full. Not visible before journal_commit(). */
MUST_CHECK int journal_append(struct journal *journal,
    const struct journal_entry *entry);
void journal_commit(struct journal *journal);
uint64_t journal_room(const struct journal *journal); /* entries */

/* Reading: entries by absolute number, tail <= number < head. */
uint64_t journal_head(const struct journal *journal);
uint64_t journal_tail(const struct journal *journal);
/* -ENOENT, or -EPROTO when what lies there is not what was written. */
MUST_CHECK int journal_read(const struct journal *journal, uint64_t number,
    struct journal_entry *entry_out);

/* Writes `end` of an entry, once it is known. */
void journal_set_end(struct journal *journal, uint64_t number, uint64_t end);

/* Everything before `number` is confirmed. */
void journal_release(struct journal *journal, uint64_t number);

/* Gives back what a burst has touched, when everything is confirmed. */
void journal_trim(struct journal *journal);

#endif
