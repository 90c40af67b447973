/* SPDX-License-Identifier: Apache-2.0 */
#include "common/process/config_region.h"

#include "common/process/config.h"

/* Bytes; those that an operator has no reason to set. */
#define OWN_RING_BYTES   (4u << 20)
#define CTL_RING_BYTES   (256u << 10)
#define RECEIVE_BYTES    (1u << 20)
#define SEALED_BYTES     (64u << 10)
#define ARENA_SLOT_BYTES 128u
#define ARENA_BYTES_MIN  (64u << 10)
#define OWN_WORDS_BYTES  (16u << 10) /* a client's features and errors */
#define ITEM_GROWTH      3u /* of an item: escaped text, heads of entries */

/* What may be appended to a queue before the workers' limit is looked at. */
static uint64_t
queue_reserve(const struct config *config)
{
	return ITEM_GROWTH * (uint64_t)config->server.item_bytes +
	       OWN_WORDS_BYTES;
}

void
config_region_geometry(const struct config *config,
    struct region_geometry *geometry_out)
{
	uint64_t arena =
	    (uint64_t)config->sessions_per_worker * ARENA_SLOT_BYTES;

	*geometry_out = (struct region_geometry){
		.partition_count = 3 * config->worker_max + 8,
		.slots_per_partition = config->sessions_per_worker,
		.up_ring_bytes = config->up_ring_bytes,
		.down_ring_bytes = config->down_ring_bytes,
		.own_ring_bytes = OWN_RING_BYTES,
		.ctl_ring_bytes = CTL_RING_BYTES,
		.queue_bytes =
		    config->client.output_worker_bytes + queue_reserve(config),
		.arena_bytes = MAX(arena, (uint64_t)ARENA_BYTES_MIN),
		.receive_bytes = RECEIVE_BYTES,
		.sealed_bytes = SEALED_BYTES,
	};
}
