/* SPDX-License-Identifier: Apache-2.0 */
/*
 * link_talk - what upstream itself says on a link: by its ctl ring.
 */
#include "worker/upstream/link/link.h"

#include "common/shm/stats.h"

#define CTL_SPARE 1024 /* bytes that a barrier needs, amply */

bool
link_send(struct link *link, enum frame_kind kind)
{
	const struct buf *text = &link->up->scratch;
	struct frame_id id = { .kind = (uint8_t)kind };

	if (link->replaying) /* it was sent then */
		return true;
	return !text->failed && ring_writer_push(&link->ctl_out, &id, NULL,
				    buf_bytes(text), buf_len(text)) == 0;
}

void
link_send_if_room(struct link *link)
{
	size_t need = buf_len(&link->up->scratch) + 2 * CTL_SPARE;

	/* Only a barrier's answer makes room, so barriers have precedence. */
	if (ring_writer_room(&link->ctl_out) < need ||
	    !link_send(link, FRAME_CONTROL)) {
		stats_add(STAT_ANSWERS_OMITTED, 1);
		log_limited(LOG_INFO, 1,
		    "an answer to the server is omitted, its link is full "
		    "link=%u",
		    link->number);
	}
}

typedef int barrier_query_fn(struct barrier_table *table, double now,
    char id_out[BARRIER_ID_MAX]);

static uint64_t
send_barrier(struct link *link, barrier_query_fn *query)
{
	struct upstream *up = link->up;
	uint64_t serial = link->barriers.next_serial;
	char id[BARRIER_ID_MAX];

	if (ring_writer_room(&link->ctl_out) < CTL_SPARE ||
	    query(&link->barriers, upstream_now(up), id) != 0)
		return 0;
	link->barrier_changes = up->link_changes;
	buf_reset(&up->scratch);
	multiplex_render_barrier(&up->scratch, &up->names, id);
	if (!link_send(link, FRAME_BARRIER))
		link_fail(link, LOG_WARNING, "cannot send a barrier");
	return serial;
}

uint64_t
link_send_barrier(struct link *link)
{
	return send_barrier(link, barrier_query);
}

uint64_t
link_resend_barrier(struct link *link)
{
	return send_barrier(link, barrier_query_again);
}
