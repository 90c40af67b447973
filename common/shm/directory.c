/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/directory.h"

#include "common/shm/arena.h"
#include "common/shm/ledger.h"
#include "common/shm/region.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct session_slot) == 16, "part of the layout");
_Static_assert(sizeof(struct session_route) == 8, "part of the layout");
_Static_assert(sizeof(struct session_info) == 80,
    "every session has one; tests/system/lib/region.py knows it");

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

struct directory *
directory_new(struct region *region, struct ledger *ledger, const char *name,
    void (*random_bytes)(void *bytes, size_t len))
{
	struct directory *directory = xcalloc(1, sizeof(*directory));

	directory->region = region;
	directory->ledger = ledger;
	directory->random_bytes = random_bytes;
	directory->slots = region_geometry(region)->slots_per_partition;
	directory->partitions = region_geometry(region)->partition_count;
	CHECK(strlen(name) <= MANAGER_NAME_MAX);
	memcpy(directory->name, name, strlen(name) + 1);
	return directory;
}

void
directory_free(struct directory **directory)
{
	if (*directory)
		arena_free(&(*directory)->arena);
	if (*directory)
		free((*directory)->own);
	free(*directory);
	*directory = NULL;
}

/* --- parts --- */

uint32_t
directory_slot_count(const struct directory *directory)
{
	return directory->slots * directory->partitions;
}

static uint32_t
home(const struct directory *directory, uint32_t slot)
{
	return slot / directory->slots;
}

/* NULL when this process does not map it. */
static struct session_slot *
slot_of(const struct directory *directory, uint32_t slot)
{
	struct session_slot *slots = region_section(directory->region,
	    REGION_SLOTS, home(directory, slot));

	return slots ? &slots[slot % directory->slots] : NULL;
}

static struct session_route *
routing_of(const struct directory *directory, uint32_t slot)
{
	struct session_route *routing = region_section(directory->region,
	    REGION_ROUTING, home(directory, slot));

	return routing ? &routing[slot % directory->slots] : NULL;
}

/* NULL: a slot of another's, or one that was never claimed here. */
static struct own_slot *
own_of(const struct directory *directory, uint32_t slot)
{
	struct own_slot *own;

	if (!directory->own ||
	    home(directory, slot) != directory->own_partition)
		return NULL;
	own = &directory->own[slot % directory->slots];
	return own->generation ? own : NULL;
}

static uint32_t
generation_of(const struct session_slot *shared)
{
	return atomic_load_explicit(&shared->generation, memory_order_acquire);
}

static uint32_t
ended_of(const struct session_route *routing)
{
	return atomic_load_explicit(&routing->ended, memory_order_acquire);
}

/* --- streamids --- */

size_t
directory_streamid(const struct directory *directory, uint32_t slot,
    char streamid_out[STREAMID_MAX + 1])
{
	const struct session_slot *shared = slot_of(directory, slot);
	const struct own_slot *own = own_of(directory, slot);

	CHECK(shared);
	return streamid_print(directory->name, slot,
	    own ? own->nonce : shared->nonce, streamid_out);
}

int
directory_named_slot(const struct directory *directory, const char *text,
    size_t len, uint32_t *slot_out)
{
	if (streamid_slot(text, len, directory->name, slot_out) != 0 ||
	    *slot_out >= directory_slot_count(directory))
		return -ENOENT;
	return 0;
}

int
directory_find(const struct directory *directory, const char *streamid,
    size_t len, uint32_t *slot_out, uint32_t *generation_out)
{
	const struct session_route *routing;
	const struct session_slot *shared;
	uint32_t slot, generation;

	if (directory_named_slot(directory, streamid, len, &slot) != 0)
		return -ENOENT;
	shared = slot_of(directory, slot);
	routing = routing_of(directory, slot);
	if (!shared || !routing)
		return -ENOENT;
	generation = generation_of(shared);
	if (generation == ended_of(routing) ||
	    !streamid_has_nonce(streamid, len, shared->nonce) ||
	    generation != generation_of(shared))
		return -ENOENT;
	*slot_out = slot;
	*generation_out = generation;
	return 0;
}

/* --- claiming and ending --- */

/* A free slot may have an entry that is alive. If it was never used in this
 * run of the manager, that is a ghost session and closed on the server first.
 * Else its process died between the stores of a claim, of which nobody has
 * heard, or of an end: the next generation follows the entry's. */
static bool
is_claimable(const struct directory *directory, uint32_t slot,
    const struct session_slot *shared, uint32_t *last_generation_out)
{
	const struct own_slot *own = own_of(directory, slot);
	uint32_t generation = own ? own->generation : generation_of(shared);
	struct ledger_entry entry;
	bool alive;

	*last_generation_out = generation;
	if ((own && own->is_taken) ||
	    generation != ended_of(routing_of(directory, slot)))
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
	struct session_slot *shared = slot_of(directory, slot);

	CHECK(shared); /* its own, by own_of() or a claim */
	memcpy(shared->nonce, nonce, SESSION_NONCE_BYTES);
	shared->lane = (uint8_t)(slot % LANE_COUNT);
	if (directory->ledger)
		ledger_claim(directory->ledger, slot, nonce, generation);
	atomic_store_explicit(&shared->generation, generation,
	    memory_order_release);
}

/* Pages that are never touched cost nothing. */
static void
remember(struct directory *directory, uint32_t slot, const uint8_t *nonce,
    uint32_t generation)
{
	struct own_slot *own;

	if (!directory->own) {
		directory->own = xcalloc(directory->slots, sizeof(*own));
		directory->own_partition = home(directory, slot);
	}
	if (home(directory, slot) != directory->own_partition)
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
		shared = slot_of(directory, slot);
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

void
directory_end(struct directory *directory, uint32_t slot, uint32_t generation)
{
	struct session_route *routing;
	const struct session_slot *shared;

	if (slot >= directory_slot_count(directory))
		return;
	shared = slot_of(directory, slot);
	routing = routing_of(directory, slot);
	if (!shared || !routing || generation_of(shared) != generation ||
	    ended_of(routing) == generation)
		return;
	atomic_store_explicit(&routing->flags, 0, memory_order_relaxed);
	/* In this order what lives here is alive in the ledger, too, whenever
	 * the process dies. A next claim in between is not hurt: its
	 * generation is another. */
	atomic_store_explicit(&routing->ended, generation,
	    memory_order_release);
	if (directory->ledger)
		ledger_end(directory->ledger, slot, generation);
}

int
directory_check(const struct directory *directory, uint32_t slot,
    uint32_t generation, uint32_t *nonce32_out, uint8_t *lane_out)
{
	const struct session_slot *shared;
	const struct own_slot *own;

	if (slot >= directory_slot_count(directory))
		return -ERANGE;
	shared = slot_of(directory, slot);
	if (!shared)
		return -ERANGE;
	own = own_of(directory, slot);
	if ((own ? own->generation : generation_of(shared)) != generation ||
	    ended_of(routing_of(directory, slot)) == generation)
		return -ENOENT;
	memcpy(nonce32_out, own ? own->nonce : shared->nonce,
	    sizeof(*nonce32_out));
	*lane_out = (uint8_t)(slot % LANE_COUNT);
	return 0;
}

static bool
is_as_written(const struct directory *directory, uint32_t slot,
    const struct own_slot *own)
{
	const struct session_slot *shared = slot_of(directory, slot);
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
	const struct own_slot *own = own_of(directory, slot);

	if (!own || is_as_written(directory, slot, own))
		return false;
	write_slot(directory, slot, own->nonce, own->generation);
	return true;
}

/* --- facts --- */

uint32_t
directory_generation(const struct directory *directory, uint32_t slot)
{
	const struct session_slot *shared = slot_of(directory, slot);
	const struct own_slot *own = own_of(directory, slot);

	if (own)
		return own->generation;
	return shared ? generation_of(shared) : 0;
}

bool
directory_is_live(const struct directory *directory, uint32_t slot)
{
	const struct session_slot *shared = slot_of(directory, slot);
	const struct session_route *routing = routing_of(directory, slot);

	return shared && routing && generation_of(shared) != ended_of(routing);
}

uint16_t
directory_owner(const struct directory *directory, uint32_t slot)
{
	return (uint16_t)home(directory, slot);
}

uint16_t
directory_flags(const struct directory *directory, uint32_t slot)
{
	return atomic_load_explicit(&routing_of(directory, slot)->flags,
	    memory_order_relaxed);
}

void
directory_set_flags(struct directory *directory, uint32_t slot, uint16_t flags)
{
	atomic_store_explicit(&routing_of(directory, slot)->flags, flags,
	    memory_order_relaxed);
}

void
directory_each_live(struct directory *directory, int partition,
    directory_each_fn *fn, void *context)
{
	uint32_t slot, count = directory_slot_count(directory);

	for (slot = 0; slot < count; slot++) {
		if (!directory_is_live(directory, slot))
			continue;
		if (partition < 0 ||
		    directory_owner(directory, slot) == partition)
			fn(context, slot,
			    directory_generation(directory, slot));
	}
}

/* --- session info --- */

struct session_info *
directory_info(struct directory *directory, uint32_t slot)
{
	struct session_info *infos = region_section(directory->region,
	    REGION_INFO, home(directory, slot));

	return infos ? &infos[slot % directory->slots] : NULL;
}

static struct arena *
arena_of(struct directory *directory, uint32_t slot)
{
	if (!directory->arena)
		directory->arena =
		    arena_new(region_section(directory->region, REGION_ARENA,
				  home(directory, slot)),
			region_section_bytes(directory->region, REGION_ARENA));
	return directory->arena;
}

static void
drop_jid(struct directory *directory, struct session_info *info, uint32_t slot)
{
	if (info->jid_offset)
		arena_give_back(arena_of(directory, slot), info->jid_offset,
		    info->jid_len);
	info->jid_offset = 0;
	info->jid_len = 0;
}

int
directory_set_jid(struct directory *directory, uint32_t slot, const char *jid,
    size_t len)
{
	struct session_info *info = directory_info(directory, slot);
	uint32_t offset;

	CHECK(info && len > 0 && len <= UINT16_MAX);
	drop_jid(directory, info, slot);
	offset = arena_take(arena_of(directory, slot), jid, (uint32_t)len);
	if (!offset)
		return -ENOSPC;
	info->jid_len = (uint16_t)len;
	info->jid_offset = offset;
	return 0;
}

const char *
directory_jid(struct directory *directory, uint32_t slot, size_t *len_out)
{
	struct session_info *info = directory_info(directory, slot);
	const char *jid;
	uint16_t len;

	*len_out = 0;
	if (!info || !info->jid_offset)
		return NULL;
	len = info->jid_len;
	if (len >= SESSION_JID_MAX) /* damaged */
		return NULL;
	jid = arena_at(arena_of(directory, slot), info->jid_offset, len);
	if (jid)
		*len_out = len;
	return jid;
}

void
directory_wipe_info(struct directory *directory, uint32_t slot)
{
	struct session_info *info = directory_info(directory, slot);
	struct own_slot *own = own_of(directory, slot);

	CHECK(info);
	drop_jid(directory, info, slot);
	memset(info, 0, sizeof(*info));
	if (own)
		own->is_taken = false;
}
