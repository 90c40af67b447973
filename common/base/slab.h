/* SPDX-License-Identifier: Apache-2.0 */
/*
 * slab - objects of one size, many of them, that live long among short-lived
 * allocations.
 *
 * They lie side by side in blocks of their own, so that they cost their size
 * and no more, and what a burst allocated and freed around them leaves no holes
 * between them. A block goes back to the system with its last object. Out of
 * memory ends the process, as with xmalloc().
 */
#ifndef COMMON_BASE_SLAB_H
#define COMMON_BASE_SLAB_H

#include "common/base/list.h"

struct slab {
	size_t size;         /* of an object, rounded up */
	struct list partial; /* blocks with room */
	struct list full;
};

/* size: 1..4096 bytes. Objects are aligned to 8. */
void slab_init(struct slab *slab, size_t size);

/* Frees every block; no object may be used any more. */
void slab_destroy(struct slab *slab);

/* Zeroed. */
void *slab_take(struct slab *slab);
void slab_give_back(struct slab *slab, void *object);

#endif
