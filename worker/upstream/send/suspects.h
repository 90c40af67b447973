/* SPDX-License-Identifier: Apache-2.0 */
/*
 * suspects - how often the frames of a ring left on a link that died, and what
 * follows from it: pure policy of isolation.h.
 *
 * A ring's frames leave in order, so that those which left n times end where
 * those which left more often have ended already, or later:
 *
 *   tail .. left_end[1] .. left_end[0] .. head
 *     twice or more   once        never
 *
 * Frames that left on two links that died are suspect. They are tried in
 * parts; the more links a frame has cost, the smaller its part, so that it goes
 * alone before it costs too many: SUSPECT_LINKS_MAX at most.
 *
 * Rows lie in pages of the region that only upstream maps, so that a successor
 * goes on with them.
 */
#ifndef WORKER_UPSTREAM_SEND_SUSPECTS_H
#define WORKER_UPSTREAM_SEND_SUSPECTS_H

#include "common/shm/region.h"

#define SUSPECT_DEATHS    2  /* that make a frame suspect */
#define SUSPECT_LINKS_MAX 16 /* that one frame may cost */
#define SUSPECT_COUNTED   15 /* deaths that are told apart */

struct suspect_row {
	/* [n]: end of the frames that left on n + 1 links that died */
	_Atomic uint64_t left_end[SUSPECT_COUNTED];
	/* end of the frame that is never sent again; 0: none is */
	_Atomic uint64_t given_up;
};

_Static_assert(sizeof(struct suspect_row) == SUSPECT_WORDS * 8, "its place");

/* The ring is another worker's. */
void suspects_clear(struct suspect_row *row);

/* What a predecessor wrote: nothing lies behind head. */
void suspects_bound(struct suspect_row *row, uint64_t head);

/* A link died, and frames up to `end` had left on it. */
void suspects_left(struct suspect_row *row, uint64_t end);

/* Links that died with the frame at the cursor. */
unsigned suspects_deaths(const struct suspect_row *row, uint64_t cursor);

/* End of the frames that at least so many links died with; deaths >= 1. */
uint64_t suspects_end(const struct suspect_row *row, unsigned deaths);

/* How many are tried together, of `count` that cost so many links each. */
uint32_t suspects_part(unsigned deaths, uint32_t count);

/* True when one that was tried alone, and has cost so many links by now, is
 * given up. */
bool suspects_is_poison(unsigned deaths);

/* The frame that ends there is never sent again. */
void suspects_give_up(struct suspect_row *row, uint64_t end);
bool suspects_is_given_up(const struct suspect_row *row, uint64_t end);

#endif
