/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_memory - what a link leaves for a successor while it serves: how far it
 * is read, where in its buffer, whether it may go on.
 */
#include "worker/upstream/link/link.h"

#include "common/net/transport.h"
#include "common/shm/store.h"

struct link_memory *
link_memory_of(const struct link *link)
{
	return &link->up->memory->links[link->number];
}

uint8_t *
link_room(struct link *link, size_t *room_out)
{
	struct link_memory *memory = link_memory_of(link);
	uint64_t at, parsed;

	/* A quiet link begins at its buffer's first pages again and again. What
	 * was negotiated stays, for a successor to read it once more. */
	if (link->joined && link->done == link->received &&
	    link_position_get(&memory->parsed, &parsed) &&
	    parsed == link->done) {
		link->origin = link->received;
		link_position_set(&memory->origin, link->origin);
	}
	at = (link->received - link->origin) & (link->buffer_bytes - 1);
	*room_out = MIN(link->buffer_bytes - at, (uint64_t)LINK_READ_MAX);
	return link->buffer + at;
}

void
link_note_done(struct link *link)
{
	if (!link->replaying)
		link_position_set(&link_memory_of(link)->parsed, link->done);
}

void
link_forget_received(struct link *link)
{
	struct link_memory *memory = link_memory_of(link);

	shm_store(&memory->cookie, 0, memory_order_seq_cst);
	link->received = link->done = link->origin = 0;
	link->stalled = link->resuming = false;
	link->deferred = FRAMER_MORE;
	link->said = 0;
	shm_store(&memory->ending, false, memory_order_seq_cst);
	shm_store(&memory->stale, false, memory_order_seq_cst);
	shm_store(&memory->negotiating, false, memory_order_seq_cst);
	shm_store(&memory->secure, false, memory_order_seq_cst);
	link_position_set(&memory->parsed, 0);
	link_position_set(&memory->origin, 0);
}

void
link_remember(struct link *link)
{
	/* Under a former name nobody is served: no successor need go on. */
	bool may_go_on =
	    !transport_is_secure(&link->transport) && !link->up->former_name;

	link_remember_secret(link);
	shm_store(&link_memory_of(link)->negotiating, !link->joined,
	    memory_order_seq_cst);
	shm_store(&link_memory_of(link)->secure,
	    transport_is_secure(&link->transport), memory_order_seq_cst);
	shm_store(&link_memory_of(link)->cookie, may_go_on ? link->cookie : 0,
	    memory_order_seq_cst);
}

void
link_remember_over(struct link *link)
{
	shm_store(&link_memory_of(link)->secure, false, memory_order_seq_cst);
	shm_store(&link_memory_of(link)->cookie, 0, memory_order_seq_cst);
}

void
link_remember_tls(struct link *link)
{
	shm_store(&link_memory_of(link)->secure, true, memory_order_seq_cst);
	shm_store(&link_memory_of(link)->cookie, 0, memory_order_seq_cst);
}

void
link_remember_secret(struct link *link)
{
	shm_store(&link_memory_of(link)->stale, link->stale,
	    memory_order_seq_cst);
}

void
link_remember_end(struct link *link)
{
	shm_store(&link_memory_of(link)->ending, true, memory_order_seq_cst);
}

void
links_note_unsettled(struct upstream *up)
{
	shm_store(&up->memory->unsettled, true, memory_order_seq_cst);
}
