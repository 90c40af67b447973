/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clientq - what clients still have to get, in blocks of the partition.
 *
 * A queue belongs to one session and lives where upstream can read it after the
 * worker's death (MEMORY.md §7). Entries are whole items with their frame kind.
 * An entry goes when the client's TCP has acknowledged its last byte; an idle
 * client has none and no block.
 *
 *   first .. unsent   written to the socket, not acknowledged by TCP
 *   unsent .. last    still to be written
 *
 * A block names its queue, so that a damaged link leads into no other. A queue
 * that contradicts itself is given up: its client cannot be served any more.
 *
 * Worker's side writes; clientq_each() works from any process that maps the
 * blocks and trusts nothing it reads (bounded steps, checked offsets).
 */
#ifndef COMMON_SHM_CLIENTQ_H
#define COMMON_SHM_CLIENTQ_H

#include "common/base/base.h"

#include <sys/uio.h>

struct region;
struct session_info;

#define CLIENTQ_BLOCK_BYTES 512u

struct clientq_pool; /* the partition's blocks; one for a worker */

struct clientq_pool *clientq_pool_new(struct region *region,
    uint32_t partition);
void clientq_pool_free(struct clientq_pool **pool);
/* Gives back what a burst has touched and is free again; on a tick. */
void clientq_pool_trim(struct clientq_pool *pool);
uint64_t clientq_pool_used_bytes(const struct clientq_pool *pool);

/* Private cursors of one queue; zeroed = empty. */
struct clientq {
	uint32_t unsent_block;  /* header of the entry being written */
	uint16_t unsent_offset; /* within that block */
	bool damaged;           /* and empty; until it is cleared */
	uint32_t unsent_done;   /* bytes of that entry already written */
	uint32_t unsent_bytes;  /* still to be written, all entries */
	uint32_t queued_bytes;  /* all, written or not */
	uint32_t blocks;        /* that it holds: what it really costs */
};

/* Bytes of the partition that the queue takes up, heads and all. */
uint64_t clientq_bytes(const struct clientq *queue);

/*
 * Appends one item (kind: enum frame_kind; FRAME_CONTROL for our own words like
 * headers and features, which are never returned to the server). All or
 * nothing: 0, -ENOSPC when the partition is out of blocks, or -EPROTO when the
 * queue is damaged.
 */
MUST_CHECK int clientq_append(struct clientq_pool *pool,
    struct session_info *info, struct clientq *queue, uint8_t kind,
    const void *bytes, size_t len);

/* Fills up to `max` vectors with unwritten bytes; returns how many. */
int clientq_unsent(struct clientq_pool *pool, struct session_info *info,
    struct clientq *queue, struct iovec *vectors_out, int max);

/* `len` bytes were accepted by the transport; `wire_end` is the transport's
 * produced position after them (transport.h), kept to know when they are
 * acknowledged. */
void clientq_wrote(struct clientq_pool *pool, struct session_info *info,
    struct clientq *queue, size_t len, uint64_t wire_end);

/* Frees entries whose last byte lies at or before wire position `acked`. */
void clientq_acked(struct clientq_pool *pool, struct session_info *info,
    struct clientq *queue, uint64_t acked);

/* Frees everything. */
void clientq_clear(struct clientq_pool *pool, struct session_info *info,
    struct clientq *queue);

/*
 * Calls fn for each entry not yet acknowledged, oldest first. `bytes` may be
 * assembled in a private buffer; valid during the call. Returns 0 or -EPROTO
 * when the blocks contradict themselves (what was sound was reported).
 */
typedef void clientq_each_fn(void *context, uint8_t kind, const uint8_t *bytes,
    size_t len);
MUST_CHECK int clientq_each(struct region *region, uint32_t partition,
    const struct session_info *info, clientq_each_fn *fn, void *context);

/*
 * The same for all queues of a partition, one after the other: *blocks_io, at
 * first clientq_block_count(), is how many blocks are still looked at. Each is
 * of one queue, so that only what goes in circles needs more: -EPROTO.
 */
MUST_CHECK int clientq_each_within(struct region *region, uint32_t partition,
    const struct session_info *info, uint32_t *blocks_io, clientq_each_fn *fn,
    void *context);
uint32_t clientq_block_count(const struct region *region);

#endif
