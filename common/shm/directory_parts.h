/* SPDX-License-Identifier: Apache-2.0 */
/* directory_parts - what a directory consists of. Private to directory*.c. */
#ifndef COMMON_SHM_DIRECTORY_PARTS_H
#define COMMON_SHM_DIRECTORY_PARTS_H

#include "common/shm/directory.h"

/* What a worker wrote into a slot, where nobody else can. */
struct own_slot {
	uint32_t generation; /* 0: it has not claimed this one yet */
	uint8_t nonce[SESSION_NONCE_BYTES];
	bool is_taken; /* by a client that is still there */
};

struct directory {
	struct region *region;
	struct ledger *ledger;
	void (*random_bytes)(void *bytes, size_t len);
	struct arena *arena; /* of the own partition; made with the first JID */
	uint32_t slots;      /* per partition, a power of two */
	uint32_t partitions;
	struct own_slot *own; /* of the own partition, since the first claim */
	uint32_t own_partition;
	uint32_t next; /* where the next claim starts to look */
	char name[MANAGER_NAME_MAX + 1];
};

/* NULL when this process does not map it. */
struct session_slot *directory_slot(const struct directory *directory,
    uint32_t slot);
struct session_route *directory_routing(const struct directory *directory,
    uint32_t slot);
/* NULL: a slot of another's, or one that was never claimed here. */
struct own_slot *directory_own(const struct directory *directory,
    uint32_t slot);

static inline uint32_t
generation_of(const struct session_slot *shared)
{
	return atomic_load_explicit(&shared->generation, memory_order_acquire);
}

static inline uint32_t
ended_of(const struct session_route *routing)
{
	return atomic_load_explicit(&routing->ended, memory_order_acquire);
}

#endif
