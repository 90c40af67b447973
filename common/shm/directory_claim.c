/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory_claim - a worker's own slots: claimed for its clients, and kept as
 * it wrote them.
 */
#include "common/shm/directory_parts.h"

#include "common/shm/ledger.h"
#include "common/shm/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A free slot may have an entry that is alive. If it was never used in this
 * run of the manager, that is a ghost session and closed on the server first.
 * Else its process died between the stores of a claim, of which nobody has
 * heard, or of an end: the next generation follows the entry's. */
static bool
is_claimable(const struct directory *directory, uint32_t slot,
    const struct session_slot *shared, uint32_t *last_generation_out)
{
	const struct own_slot *own = directory_own(directory, slot);
	uint32_t generation = own ? own->generation : generation_of(shared);
	struct ledger_entry entry;
	bool alive;

	*last_generation_out = generation;
	if ((own && own->is_taken) ||
	    generation != ended_of(directory_routing(directory, slot)))
		return false;
	if (!directory->ledger)
		return true;
	alive = ledger_is_live(directory->ledger, slot, &entry);
	if (generation == 0 && alive)
		return false;
	if (generation == 0 || alive)
		*last_generation_out = entry.generation;
	return true;
}

static void
draw_nonce(const struct directory *directory, uint32_t slot,
    uint8_t nonce_out[SESSION_NONCE_BYTES])
{
	do {
		directory->random_bytes(nonce_out, SESSION_NONCE_BYTES);
	} while (!streamid_is_routable(directory->name, slot, nonce_out));
}

/* In the order that a claim has. */
static void
write_slot(struct directory *directory, uint32_t slot, const uint8_t *nonce,
    uint32_t generation)
{
	struct session_slot *shared = directory_slot(directory, slot);

	CHECK(shared); /* its own, by directory_own() or a claim */
	memcpy(shared->nonce, nonce, SESSION_NONCE_BYTES);
	if (directory->ledger)
		ledger_claim(directory->ledger, slot, nonce, generation);
	shm_store(&shared->generation, generation, memory_order_release);
}

/* Pages that are never touched cost nothing. */
static void
remember(struct directory *directory, uint32_t slot, const uint8_t *nonce,
    uint32_t generation)
{
	struct own_slot *own;

	if (!directory->own) {
		directory->own = xcalloc(directory->slots, sizeof(*own));
		directory->own_partition = directory_owner(directory, slot);
	}
	if (directory_owner(directory, slot) != directory->own_partition)
		return;
	own = &directory->own[slot % directory->slots];
	memcpy(own->nonce, nonce, SESSION_NONCE_BYTES);
	own->generation = generation;
	own->is_taken = true;
}

static void
take_slot(struct directory *directory, uint32_t slot, uint32_t generation)
{
	uint8_t nonce[SESSION_NONCE_BYTES];
	struct session_info *info = directory_info(directory, slot);

	CHECK(info);
	memset(info, 0, sizeof(*info));
	info->generation = generation;
	draw_nonce(directory, slot, nonce);
	remember(directory, slot, nonce, generation);
	write_slot(directory, slot, nonce, generation);
}

int
directory_claim(struct directory *directory, uint32_t partition,
    uint32_t *slot_out)
{
	struct session_slot *shared;
	uint32_t tried, slot, last;

	for (tried = 0; tried < directory->slots; tried++) {
		slot = partition * directory->slots +
		       (directory->next + tried) % directory->slots;
		shared = directory_slot(directory, slot);
		CHECK(shared);
		if (!is_claimable(directory, slot, shared, &last))
			continue;
		/* Not the same slot again soon: late frames of its former
		 * session find nobody rather than a check to pass. */
		directory->next =
		    (directory->next + tried + 1) % directory->slots;
		/* Generation 0 is nobody's. */
		take_slot(directory, slot, MAX(last + 1, 1u));
		*slot_out = slot;
		return 0;
	}
	return -ENOSPC;
}

static bool
is_as_written(const struct directory *directory, uint32_t slot,
    const struct own_slot *own)
{
	const struct session_slot *shared = directory_slot(directory, slot);
	struct ledger_entry entry;

	CHECK(shared);
	if (generation_of(shared) != own->generation ||
	    memcmp(shared->nonce, own->nonce, SESSION_NONCE_BYTES) != 0)
		return false;
	if (!directory->ledger)
		return true;
	(void)ledger_is_live(directory->ledger, slot, &entry);
	return entry.generation == own->generation &&
	       memcmp(entry.nonce, own->nonce, SESSION_NONCE_BYTES) == 0;
}

bool
directory_restore(struct directory *directory, uint32_t slot)
{
	const struct own_slot *own = directory_own(directory, slot);

	if (!own || is_as_written(directory, slot, own))
		return false;
	write_slot(directory, slot, own->nonce, own->generation);
	return true;
}
