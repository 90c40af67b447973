/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/directory_parts.h"

#include "common/shm/arena.h"
#include "common/shm/ledger.h"
#include "common/shm/region.h"
#include "common/shm/store.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

_Static_assert(sizeof(struct session_slot) == 16, "part of the layout");
_Static_assert(sizeof(struct session_route) == 8, "part of the layout");
_Static_assert(sizeof(struct session_info) == 80,
    "every session has one; tests/system/lib/region.py knows it");

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

struct session_slot *
directory_slot(const struct directory *directory, uint32_t slot)
{
	struct session_slot *slots = region_section(directory->region,
	    REGION_SLOTS, home(directory, slot));

	return slots ? &slots[slot % directory->slots] : NULL;
}

struct session_route *
directory_routing(const struct directory *directory, uint32_t slot)
{
	struct session_route *routing = region_section(directory->region,
	    REGION_ROUTING, home(directory, slot));

	return routing ? &routing[slot % directory->slots] : NULL;
}

struct own_slot *
directory_own(const struct directory *directory, uint32_t slot)
{
	struct own_slot *own;

	if (!directory->own ||
	    home(directory, slot) != directory->own_partition)
		return NULL;
	own = &directory->own[slot % directory->slots];
	return own->generation ? own : NULL;
}

/* --- streamids --- */

size_t
directory_streamid(const struct directory *directory, uint32_t slot,
    char streamid_out[STREAMID_MAX + 1])
{
	const struct session_slot *shared = directory_slot(directory, slot);
	const struct own_slot *own = directory_own(directory, slot);

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
	shared = directory_slot(directory, slot);
	routing = directory_routing(directory, slot);
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

/* --- ending and checking --- */

void
directory_end(struct directory *directory, uint32_t slot, uint32_t generation)
{
	struct session_route *routing;
	const struct session_slot *shared;

	if (slot >= directory_slot_count(directory))
		return;
	shared = directory_slot(directory, slot);
	routing = directory_routing(directory, slot);
	if (!shared || !routing || generation_of(shared) != generation ||
	    ended_of(routing) == generation)
		return;
	/* In this order what lives here is alive in the ledger, too, whenever
	 * the process dies. A next claim in between is not hurt: its
	 * generation is another, and the flags are none of its. */
	shm_store(&routing->ended, generation, memory_order_release);
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
	shared = directory_slot(directory, slot);
	if (!shared)
		return -ERANGE;
	own = directory_own(directory, slot);
	if ((own ? own->generation : generation_of(shared)) != generation ||
	    ended_of(directory_routing(directory, slot)) == generation)
		return -ENOENT;
	memcpy(nonce32_out, own ? own->nonce : shared->nonce,
	    sizeof(*nonce32_out));
	*lane_out = (uint8_t)(slot % LANE_COUNT);
	return 0;
}

/* --- facts --- */

uint32_t
directory_generation(const struct directory *directory, uint32_t slot)
{
	const struct session_slot *shared = directory_slot(directory, slot);
	const struct own_slot *own = directory_own(directory, slot);

	if (own)
		return own->generation;
	return shared ? generation_of(shared) : 0;
}

bool
directory_is_live(const struct directory *directory, uint32_t slot)
{
	const struct session_slot *shared = directory_slot(directory, slot);
	const struct session_route *routing =
	    directory_routing(directory, slot);

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
	uint32_t word =
	    atomic_load_explicit(&directory_routing(directory, slot)->flags,
		memory_order_relaxed);

	if (word >> 16 != (uint16_t)directory_generation(directory, slot) ||
	    !directory_is_live(directory, slot))
		return 0;
	return (uint16_t)word;
}

void
directory_set_flags(struct directory *directory, uint32_t slot, uint16_t flags)
{
	uint32_t whose = (uint16_t)directory_generation(directory, slot);

	shm_store(&directory_routing(directory, slot)->flags,
	    whose << 16 | flags, memory_order_relaxed);
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
	struct own_slot *own = directory_own(directory, slot);

	CHECK(info);
	drop_jid(directory, info, slot);
	memset(info, 0, sizeof(*info));
	if (own)
		own->is_taken = false;
}

/* --- for who owns nothing of it --- */

static void
copy_jid(const struct directory *directory, uint32_t slot,
    const struct session_info *info, char jid_out[SESSION_JID_MAX])
{
	const char *arena = region_section(directory->region, REGION_ARENA,
	    home(directory, slot));
	uint64_t bytes = region_section_bytes(directory->region, REGION_ARENA);
	size_t len = MIN((size_t)info->jid_len, SESSION_JID_MAX - 1u);

	jid_out[0] = '\0';
	if (!arena || info->jid_offset == 0 || info->jid_offset > bytes ||
	    len > bytes - info->jid_offset)
		return;
	memcpy(jid_out, arena + info->jid_offset, len);
	jid_out[len] = '\0';
}

bool
directory_view(struct directory *directory, uint32_t slot,
    struct session_view *view_out)
{
	const struct session_info *shared = directory_info(directory, slot);
	struct session_info info;

	if (!shared || !directory_is_live(directory, slot))
		return false;
	memcpy(&info, shared, sizeof(info));
	copy_jid(directory, slot, &info, view_out->jid);
	/* The client went, and its name with it, while we looked. */
	if (info.jid_offset != shared->jid_offset)
		view_out->jid[0] = '\0';
	view_out->slot = slot;
	view_out->generation = directory_generation(directory, slot);
	view_out->owner = directory_owner(directory, slot);
	view_out->lane = (uint8_t)(slot % LANE_COUNT);
	view_out->phase = info.phase;
	view_out->transport = info.transport;
	memcpy(view_out->peer_address, info.peer_address,
	    sizeof(view_out->peer_address));
	view_out->peer_port = info.peer_port;
	view_out->since_s = info.since_s;
	view_out->active_s = info.active_s;
	view_out->bytes_up = info.bytes_up;
	view_out->bytes_down = info.bytes_down;
	view_out->stanzas_up = info.stanzas_up;
	view_out->stanzas_down = info.stanzas_down;
	return info.generation == view_out->generation;
}

const char *
session_phase_name(enum session_phase phase)
{
	static const char *const names[] = {
		[SESSION_OPENING] = "opening",
		[SESSION_NEGOTIATING] = "negotiating",
		[SESSION_AUTHENTICATED] = "authenticated",
		[SESSION_BOUND] = "bound",
		[SESSION_CLOSING] = "closing",
	};

	return (size_t)phase < ARRAY_LEN(names) ? names[phase] : "unknown";
}
