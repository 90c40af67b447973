/* SPDX-License-Identifier: Apache-2.0 */
/*
 * arena - short strings packed into one section of a partition.
 *
 * Pieces are whole units of 16 bytes; what is given back is used again by the
 * next string of the same or a smaller size. Offsets are from the section's
 * start, 0 is none. Which piece is free is known to the owning process alone.
 */
#ifndef COMMON_SHM_ARENA_H
#define COMMON_SHM_ARENA_H

#include "common/base/base.h"

struct arena;

/* Borrows the section; starts empty whatever it holds. */
struct arena *arena_new(void *section, uint64_t bytes);
void arena_free(struct arena **arena);

/* Copies `len` (1..65535) bytes in; 0 when there is no room. */
uint32_t arena_take(struct arena *arena, const void *bytes, uint32_t len);

/* len as it was taken; the bytes are wiped. Does nothing for a piece that
 * cannot be. */
void arena_give_back(struct arena *arena, uint32_t offset, uint32_t len);
/* NULL when no such piece was ever taken: both numbers may be damaged. */
const char *arena_at(const struct arena *arena, uint32_t offset, uint32_t len);

#endif
