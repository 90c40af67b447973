/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_memory - what upstream remembers of its links for a successor
 * (MEMORY.md §8): enough to go on at the very byte over connections that the
 * master has kept. How much was written and read the kernel knows
 * (common/net/tcp_counters.h); what it carried, the journals; what was read is
 * in receive buffers that lie here, too.
 *
 * Words of upstream alone, each stored at once. Nothing of it is believed
 * without the kernel's counters; what does not fit costs the link.
 */
#ifndef COMMON_SHM_LINK_MEMORY_H
#define COMMON_SHM_LINK_MEMORY_H

#include "common/base/base.h"
#include "common/shm/region.h"

#include <stdatomic.h>

/* One link. Positions count the bytes that its server has sent. */
struct link_memory {
	_Alignas(64) _Atomic uint64_t cookie; /* of the socket it serves or
						 negotiates on, without TLS;
						 0: of none */
	/* Positions, with a check of their own. */
	_Atomic uint64_t parsed; /* the effects of all before are in shared
				    memory */
	_Atomic uint64_t origin; /* the position at the buffer's begin */
	_Atomic uint32_t ending; /* our end tag goes out, or has gone */
	_Atomic uint32_t stale;  /* it has proven an old secret */
	_Atomic uint32_t secure; /* it has TLS: no successor goes on with it */
	/* It does not serve yet, and all it was sent is in its buffer. */
	_Atomic uint32_t negotiating;
};

/* Items that go down become visible by three stores, which a successor does
 * again where they were begun. All absolute. */
struct link_intent {
	_Alignas(64) _Atomic uint32_t
	    seal; /* over the rest; 0: there is none */
	_Atomic uint32_t partition;
	_Atomic uint32_t link;
	_Atomic uint64_t head; /* of its down ring */
	_Atomic uint64_t parsed;
};

struct links_memory {
	struct link_memory links[LINKS_MAX];
	struct link_intent intent;
	_Alignas(64) _Atomic uint32_t run_id;
	/* The server is asked about sessions: what was found out is lost with
	 * the process, so that all of them are revalidated anew. */
	_Atomic uint32_t unsettled;
	_Atomic uint32_t configured;        /* it has said all that it offers */
	_Atomic int8_t holders[LANE_COUNT]; /* links; -1: none */
	/* A mass disconnect has begun: some senders have had their errors. */
	_Atomic uint32_t disconnecting;
};

/* Whole; in a process that maps it. */
struct links_memory *links_memory(struct region *region);

/* A link's receive buffer, region_geometry()->receive_bytes of it. */
uint8_t *link_memory_buffer(struct region *region, unsigned link);

/* A position, at once with its check; false when it is none. */
void link_position_set(_Atomic uint64_t *word, uint64_t position);
MUST_CHECK bool link_position_get(const _Atomic uint64_t *word,
    uint64_t *position_out);

/* The intent to publish, after which the link's item is dealt with. */
void link_intent_begin(struct links_memory *memory, uint32_t partition,
    uint64_t head, uint32_t link, uint64_t parsed);
void link_intent_end(struct links_memory *memory, uint32_t link,
    uint64_t parsed);
/* A successor does again what was begun and not ended. False: it is damaged,
 * and nothing is done; whether the item is dealt with is not known. */
MUST_CHECK bool link_intent_finish(struct region *region);

#endif
