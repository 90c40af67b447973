/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lane_log - all that goes up in one lane, in order (MEMORY.md §4).
 *
 *   tail .. sent   given to a link, and no barrier has confirmed it
 *   sent .. head   waiting for a link
 *
 * Upstream alone maps it: it copies a worker's frame here once and gives the
 * worker its ring back. So nobody changes what was checked, and a successor of
 * upstream finds what its predecessor had accepted. The order of a lane is that
 * of its log, whoever has said what, and whatever dies.
 *
 * Two stores, both used round and round: entries, by a number that only grows,
 * and the bytes that they put on the wire. Those of an entry lie in one piece;
 * those of entries in a row do, unless the end of the store lies between them.
 *
 * An append is one store of `head`. Own cursors are never read back, and an
 * entry and its bytes have a seal each: damage is noticed, never followed.
 */
#ifndef COMMON_SHM_LANE_LOG_H
#define COMMON_SHM_LANE_LOG_H

#include "common/base/base.h"

#include <stdatomic.h>

#define LANE_ENTRIES 16384u

/* Whose words an entry has when they are upstream's own. */
#define LANE_OWN UINT16_MAX

/* What is noted of an entry while it waits, and outlives upstream. */
enum lane_mark {
	LANE_IN_DOUBT = 1,  /* it may have reached the server already */
	LANE_RESOLVED = 2,  /* in doubt or dead, and its sender was notified */
	LANE_ABANDONED = 4, /* its sender was sent away meanwhile */
	LANE_NOTIFIED = 8,  /* its session is dead, its sender notified */
};

/* What upstream's own words were said because of, and up to where: the end of a
 * link's item, or of what a dead worker has left. A place of a partition only
 * grows while that is recovered. */
enum lane_cause {
	LANE_UNCAUSED,
	LANE_OF_LINK,  /* position in its stream; incarnation: its attempt */
	LANE_OF_QUEUE, /* slot of the partition, and number of the item */
	LANE_OF_RING,  /* cursor of its down ring */
};

#define LANE_POSITION_BITS 48
#define LANE_POSITION_MAX  ((1ull << LANE_POSITION_BITS) - 1)

/* number: of the link or partition. */
static inline uint64_t
lane_place(enum lane_cause cause, uint32_t number, uint64_t position)
{
	return (uint64_t)cause << 62 |
	       (uint64_t)(number & 0x3fff) << LANE_POSITION_BITS |
	       (position & LANE_POSITION_MAX);
}

struct lane_entry {
	uint64_t number;
	uint64_t at;    /* of its first byte, a cursor of the store of bytes */
	uint64_t place; /* behind its frame, in the ring it came from; of
			 * upstream's own words lane_place() */
	uint32_t len;   /* bytes on the wire; 0: it is none of theirs */
	uint32_t slot;
	uint32_t generation;
	uint32_t incarnation; /* of the worker that said it, or that has died */
	uint16_t partition;   /* that worker's, or LANE_OWN */
	uint8_t kind;         /* enum frame_kind */
	uint8_t marks; /* enum lane_mark; as they were when it was read */
};

struct lane_record;

/* The cursors' page. */
struct lane_cursors {
	_Alignas(64) _Atomic uint64_t head;
	_Alignas(64) _Atomic uint64_t sent;
	_Alignas(64) _Atomic uint64_t tail;
};

/* A handle: private to the process, points into shared memory. Filled by
 * region_lane_log(). */
struct lane_log {
	struct lane_cursors *shared;
	struct lane_record *records;
	uint8_t *bytes;
	uint64_t capacity; /* bytes, power of two */
	uint64_t head, sent, tail;
	uint64_t byte_head; /* behind the newest entry's bytes */
	uint64_t byte_tail; /* before the oldest one's */
	uint64_t reserved;  /* the place that was given last */
	uint64_t touched;   /* what may have pages: of the bytes */
	uint64_t trimmed;   /* ... of the entries, from this number on */
	uint64_t used;      /* of the bytes, lately: lane_log_trim() */
	uint64_t head_then; /* at the last lane_log_trim() */
};

/* Bytes that a log takes in the region. */
uint64_t lane_log_bytes_needed(uint64_t capacity);

/* section: lane_log_bytes_needed(capacity) of it, page-aligned. */
void lane_log_attach(struct lane_log *log, void *section, uint64_t capacity);

/* A new process takes over what its predecessor left. -EPROTO: it made no
 * sense, and the log is empty now. */
MUST_CHECK int lane_log_inherit(struct lane_log *log);

/* Empties it. */
void lane_log_reset(struct lane_log *log);

/* Writes the cursors anew where the shared copy differs; true when one did. For
 * a tick. */
bool lane_log_restore(struct lane_log *log);

/* --- appending --- */

/* Room for one entry of `len` bytes, of which `keep` more bytes, and a share of
 * the entries, stay free: where its bytes go, or NULL. What was reserved before
 * and not appended is forgotten. An empty log takes up to its capacity. */
uint8_t *lane_log_reserve(struct lane_log *log, uint32_t len, uint64_t keep);

/* Appends an entry with the first `len` of the bytes reserved last; its number,
 * `at` and `len` are filled in. One store makes it visible to a successor. */
void lane_log_append(struct lane_log *log, const struct lane_entry *entry,
    uint32_t len);

/* --- reading --- */

uint64_t lane_log_head(const struct lane_log *log);
uint64_t lane_log_sent(const struct lane_log *log);
uint64_t lane_log_tail(const struct lane_log *log);

/* tail <= number < head, else -ENOENT. -EPROTO when what lies there is not what
 * was written. */
MUST_CHECK int lane_log_read(const struct lane_log *log, uint64_t number,
    struct lane_entry *entry_out);

/* An entry's bytes; valid until it is released. */
const uint8_t *lane_log_bytes(const struct lane_log *log,
    const struct lane_entry *entry);

/* True while they are as they were appended. */
bool lane_log_is_whole(const struct lane_log *log,
    const struct lane_entry *entry);

/* Bytes from `sent` to head, and from tail to `sent`. */
uint64_t lane_log_unsent(const struct lane_log *log);
uint64_t lane_log_unconfirmed(const struct lane_log *log);

/* --- what becomes of entries --- */

/* Adds a mark; false when the entry's marks are damaged. */
bool lane_log_mark(struct lane_log *log, uint64_t number, enum lane_mark mark);

/* Moves sent: forward, or back to tail after a link's death. */
void lane_log_set_sent(struct lane_log *log, uint64_t number);

/* Frees everything before `number`; sent is dragged along if it is behind. */
void lane_log_release(struct lane_log *log, uint64_t number);

/* For a tick. When the log is empty, gives back what a burst has touched, a
 * share at each call: bursts follow one another, and each would pay for the
 * pages once more, which costs as much as all else that is done with a stanza.
 */
void lane_log_trim(struct lane_log *log);

#endif
