/* SPDX-License-Identifier: Apache-2.0 */
/*
 * journal - what was given to a link and is not confirmed (MEMORY.md §8).
 *
 * Before each write upstream appends what the batch will be: its spans, which
 * are entries in a row of a lane, and where on the wire each starts; then the
 * head (release), then the lanes' sent cursors, then the write. Bounded; a full
 * journal stops writing. Spans stay until a barrier behind them was answered.
 *
 * Cursors are never read back from the region, and a span, once it is visible,
 * is never written again, so that a kill leaves it whole; it has a seal: damage
 * there is noticed and never followed. A successor begins with an empty one; of
 * the lanes all that was sent counts as unconfirmed (unconfirmed.h).
 */
#ifndef COMMON_SHM_JOURNAL_H
#define COMMON_SHM_JOURNAL_H

#include "common/base/base.h"

struct region;
struct journal;

#define JOURNAL_SPANS 8192u        /* batches not yet confirmed, at most */
#define JOURNAL_BYTES (512 * 1024) /* cursors and log */

/* What a span is of. */
enum journal_source {
	JOURNAL_LANE, /* entries of a lane's log, by number */
	JOURNAL_CTL,  /* a frame of the link's own ring */
};

struct journal_span {
	uint8_t source; /* enum journal_source */
	uint8_t lane;
	uint16_t reserved;
	uint32_t seal; /* over the rest; the journal's own matter */
	uint32_t len;  /* bytes that it puts on the wire; 0: passed over */
	uint32_t unused;
	uint64_t from; /* numbers of entries, or cursors of the ring */
	uint64_t to;
	uint64_t start; /* wire position of its first byte on this link */
	uint64_t unused_end;
};

/* number: the link's, 0..LINKS_MAX-1. */
struct journal *journal_attach(struct region *region, unsigned number);
void journal_detach(struct journal **journal);

/* A new connection on this link: empties it. */
void journal_restart(struct journal *journal);

/* 0, or -ENOSPC when it is full. Not visible before journal_commit(). */
MUST_CHECK int journal_append(struct journal *journal,
    const struct journal_span *span);
void journal_commit(struct journal *journal);
uint64_t journal_room(const struct journal *journal); /* spans */

/* Reading: spans by absolute number, tail <= number < head. */
uint64_t journal_head(const struct journal *journal);
uint64_t journal_tail(const struct journal *journal);
/* -ENOENT, or -EPROTO when what lies there is not what was written. */
MUST_CHECK int journal_read(const struct journal *journal, uint64_t number,
    struct journal_span *span_out);

/* Everything before `number` is confirmed. */
void journal_release(struct journal *journal, uint64_t number);

/* Gives back what a burst has touched, when everything is confirmed. */
void journal_trim(struct journal *journal);

#endif
