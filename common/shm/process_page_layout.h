/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process_page_layout - where things lie in a process's row; private to
 * process_page.c, stats.c and region_layout.c.
 *
 * The errors are records, one behind the other, in a ring of bytes:
 *
 *   name of the process | text | struct recent_error_end   ... head
 *
 * What tells a record's length stands at its end, so that a reader begins with
 * the newest and goes back as far as there is something whole. The ring is not
 * divided into rows: a few long texts or many short ones find room.
 */
#ifndef COMMON_SHM_PROCESS_PAGE_LAYOUT_H
#define COMMON_SHM_PROCESS_PAGE_LAYOUT_H

#include "common/shm/process_page.h"
#include "common/shm/region_layout.h"
#include "common/shm/seal.h"

#include <stdatomic.h>

#define PROCESS_PAGE_BYTES     (2 * REGION_PAGE)
#define PROCESS_COUNTERS_BYTES 2048u
#define RECENT_RING_BYTES \
	(PROCESS_PAGE_BYTES - PROCESS_COUNTERS_BYTES - PANIC_MESSAGE_MAX - 8)

struct recent_error_end {
	uint64_t seal; /* recent_error_seal() */
	int64_t time_ms;
	uint32_t pid;
	uint16_t text_len; /* bytes; below LOG_BODY_MAX */
	uint8_t name_len;  /* likewise; below LOG_PROCESS_MAX */
	uint8_t level;
};

#define RECENT_RECORD_MAX \
	(LOG_PROCESS_MAX - 1 + LOG_BODY_MAX - 1 + \
	    sizeof(struct recent_error_end))

struct recent_errors {
	_Atomic uint64_t head; /* bytes ever written; moved last */
	uint8_t ring[RECENT_RING_BYTES];
};

struct process_page {
	uint8_t counters[PROCESS_COUNTERS_BYTES]; /* stats.c */
	char panic_message[PANIC_MESSAGE_MAX];
	struct recent_errors errors;
};

_Static_assert(sizeof(struct recent_error_end) == 24, "no padding");
_Static_assert(sizeof(struct process_page) == PROCESS_PAGE_BYTES, "it fits");
_Static_assert(RECENT_RECORD_MAX *RECENT_ERRORS_ALWAYS <= RECENT_RING_BYTES,
    "the longest find room");

/* Over a record of `len` bytes, in which the seal is 0, that ends at `head`. */
static inline uint64_t
recent_error_seal(const void *record, size_t len, uint64_t head)
{
	return seal_bytes(seal_word(head, len), record, len);
}

#endif
