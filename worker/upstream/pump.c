/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/pump.h"

#include "common/process/config.h"
#include "common/process/heritage.h"
#include "common/shm/directory.h"
#include "common/shm/journal.h"
#include "common/shm/stats.h"
#include "worker/upstream/batch.h"
#include "worker/upstream/damage.h"
#include "worker/upstream/isolation.h"
#include "worker/upstream/link.h"
#include "worker/upstream/session.h"

#include <errno.h>

#define BATCHES_TURN     8
#define UNCOVERED_BYTES  (32 * 1024)
#define UNCOVERED_PIECES 128
#define UNCOVERED_S      0.1

/* --- rings --- */

struct lane_ring *
pump_ring(struct upstream *up, const struct journal_entry *entry)
{
	switch ((enum journal_ring_class)entry->ring_class) {
	case JOURNAL_UP:
		return &up->partitions[entry->source].rings[entry->lane];
	case JOURNAL_OWN:
		return &up->own[entry->lane];
	case JOURNAL_CTL:
		break;
	}
	return &up->links[entry->source].ctl;
}

bool
pump_entry(const struct link *link, uint64_t number,
    struct journal_entry *entry_out)
{
	int error = journal_read(link->journal, number, entry_out);

	if (error == -EPROTO)
		damage_end("a link's journal");
	return error == 0;
}

struct lane_ring *
pump_lane_ring(struct upstream *up, unsigned lane, int partition)
{
	return partition < 0 ? &up->own[lane]
			     : &up->partitions[partition].rings[lane];
}

void
pump_wake_lane(struct upstream *up, unsigned lane, int partition)
{
	if (partition < 0)
		up->own_waiting |= (uint16_t)(1u << lane);
	else
		up->partitions[partition].waiting |= (uint16_t)(1u << lane);
}

void
pump_wake_all(struct upstream *up, unsigned lane)
{
	pump_wake_lane(up, lane, -1);
	for (uint32_t i = 0; i < up->partition_count; i++)
		pump_wake_lane(up, lane, (int)i);
}

static bool
has_unsent(const struct lane_ring *lane_ring)
{
	return !lane_ring->broken &&
	       ring_head(&lane_ring->ring) != ring_sent(&lane_ring->ring);
}

static bool
look_at(struct partition *partition)
{
	bool found = false;

	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		if (partition->waiting & (1u << lane) ||
		    !has_unsent(&partition->rings[lane]))
			continue;
		partition->waiting |= (uint16_t)(1u << lane);
		found = true;
	}
	return found;
}

bool
pump_look(struct upstream *up)
{
	bool found = false;

	for (uint32_t i = 0; i < up->partition_count; i++) {
		struct partition *partition = &up->partitions[i];
		uint64_t published =
		    atomic_load_explicit(&region_worker_control(up->region, i)
					      ->published,
			memory_order_acquire);

		if (published == partition->published_seen)
			continue;
		partition->published_seen = published;
		found |= look_at(partition);
	}
	return found;
}

void
pump_look_at_all(struct upstream *up)
{
	for (uint32_t i = 0; i < up->partition_count; i++)
		(void)look_at(&up->partitions[i]);
}

static bool
is_drained(const struct lane_ring *lane_ring, bool sent_only)
{
	uint64_t head = ring_head(&lane_ring->ring);

	/* Of a broken one nothing more is sent, what was is confirmed. */
	if (lane_ring->broken)
		head = ring_sent(&lane_ring->ring);
	return (sent_only ? ring_sent(&lane_ring->ring)
			  : ring_tail(&lane_ring->ring)) == head;
}

static bool
are_drained(const struct upstream *up, int partition, bool sent_only)
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		if (!is_drained(partition < 0
				    ? &up->own[lane]
				    : &up->partitions[partition].rings[lane],
			sent_only))
			return false;
	return true;
}

bool
pump_is_drained(const struct upstream *up, int partition)
{
	return are_drained(up, partition, false);
}

bool
pump_is_sent(const struct upstream *up, int partition)
{
	return are_drained(up, partition, true);
}

/* --- writing --- */

static int
vectors_of(const struct batch *batch, struct iovec vectors[BATCH_PIECES])
{
	int count = 0;

	for (unsigned i = batch->next; i < batch->count; i++) {
		const struct piece *piece = &batch->pieces[i];
		uint32_t done = i == batch->next ? batch->done : 0;

		if (piece->len == done)
			continue;
		vectors[count].iov_base =
		    (void *)(uintptr_t)(piece->bytes + done);
		vectors[count++].iov_len = piece->len - done;
	}
	return count;
}

/* `len` more bytes of the batch were accepted; the wire stood at `position`
 * before. TLS adds to what is sealed, so an end is at most the true one: what
 * it calls unsent was not sent. */
static void
advance(struct link *link, uint64_t position, size_t len)
{
	struct batch *batch = &link->batch;

	while (batch->next < batch->count) {
		const struct piece *piece = &batch->pieces[batch->next];
		uint32_t left = piece->len - batch->done;

		if (len < left) {
			batch->done += (uint32_t)len;
			return;
		}
		len -= left;
		position += left;
		batch->done = 0;
		batch->next++;
		journal_set_end(link->journal, piece->number, position);
	}
}

static enum io_result
write_batch(struct link *link)
{
	struct iovec vectors[BATCH_PIECES];
	int count = vectors_of(&link->batch, vectors);
	uint64_t position = transport_produced(&link->transport);
	enum io_result result;
	size_t len = 0;

	if (count == 0) {
		advance(link, position, 0);
		return IO_OK;
	}
	result = transport_write(&link->transport, vectors, count, &len);
	if (len) {
		stats_add(STAT_LINK_BYTES_UP, len);
		link->last_sent = upstream_now(link->up);
		advance(link, position, len);
	}
	return result;
}

static enum io_result
flush_sealed(struct link *link)
{
	size_t len;

	if (!transport_wants_write(&link->transport))
		return IO_OK;
	return transport_write(&link->transport, NULL, 0, &len);
}

static enum io_result
pump(struct link *link, bool *moved_out)
{
	enum io_result result = flush_sealed(link);

	for (int i = 0; i < BATCHES_TURN && result == IO_OK; i++) {
		if (link->batch.next == link->batch.count) {
			batch_fill(link);
			if (link->batch.count == 0)
				return IO_OK;
		}
		*moved_out = true;
		result = write_batch(link);
	}
	return result;
}

bool
pump_link(struct link *link)
{
	enum io_result result;
	bool moved = false;

	if (!link_can_write(link))
		return false;
	result = pump(link, &moved);
	if (result == IO_FAILED || result == IO_EOF) {
		link_write_failed(link);
		return true;
	}
	link_want_write(link,
	    result == IO_AGAIN || transport_wants_write(&link->transport));
	if (result == IO_AGAIN)
		return false;
	return moved;
}

/* --- confirmation --- */

void
pump_wake_producer(struct upstream *up, uint32_t partition, unsigned lane)
{
	uint32_t wants;

	atomic_thread_fence(memory_order_seq_cst);
	wants =
	    atomic_load_explicit(&region_worker_control(up->region, partition)
				      ->wants_room,
		memory_order_relaxed);
	if (wants & (1u << lane))
		up->partitions[partition].ring_doorbell = true;
}

/* Its frame is read again: the producer may have changed it since, so it is
 * believed about the producer's own sessions only. */
static void
confirm_close(struct upstream *up, const struct journal_entry *entry)
{
	uint64_t cursor = entry->from;
	struct session session;
	struct frame frame;

	if (ring_next(&pump_ring(up, entry)->ring, &cursor, &frame) != 1 ||
	    frame.kind != FRAME_CLOSE)
		return;
	session = (struct session){ frame.slot, frame.generation };
	if (entry->ring_class == JOURNAL_OWN ||
	    session_is_of(up, session, entry->source))
		session_ended(up, session);
}

static void
confirm_entry(struct upstream *up, const struct journal_entry *entry)
{
	if (entry->ring_class != JOURNAL_CTL) {
		up->in_flight[entry->lane]--;
		isolation_confirmed(up, entry);
		if (entry->kind == FRAME_CLOSE)
			confirm_close(up, entry);
	}
	ring_release(&pump_ring(up, entry)->ring, entry->to);
	if (entry->ring_class == JOURNAL_UP)
		pump_wake_producer(up, entry->source, entry->lane);
}

void
pump_confirm(struct link *link, uint64_t covers)
{
	const struct batch *batch = &link->batch;
	uint64_t number = journal_tail(link->journal);
	struct journal_entry entry;

	/* Whatever a server claims: what is not written yet is still needed. */
	if (batch->next < batch->count)
		covers = MIN(covers, batch->pieces[batch->next].number);
	for (; number < covers; number++)
		if (pump_entry(link, number, &entry))
			confirm_entry(link->up, &entry);
	journal_release(link->journal, covers);
	pump_settle_lanes(link->up);
}

void
pump_send_barrier_if_due(struct link *link)
{
	struct upstream *up = link->up;
	double now = upstream_now(up);
	bool leaving = isolation_has(link);

	if (link->state != LINK_SERVING)
		return;
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		if (link_set_is_leaving(&up->set, lane) &&
		    link_set_holder(&up->set, lane) == (int)link->number)
			leaving = true;
	if (link->uncovered_entries == 0 &&
	    now - link->barriers.last_query_s < up->config->server.barrier_s)
		return;
	if (link->uncovered_entries && !leaving &&
	    link->uncovered_bytes < UNCOVERED_BYTES &&
	    link->uncovered_entries < UNCOVERED_PIECES &&
	    now - link->uncovered_since < UNCOVERED_S)
		return;
	if (!link_send_barrier(link))
		return;
	link->uncovered_bytes = 0;
	link->uncovered_entries = 0;
	link->uncovered_since = 0;
}

void
pump_settle_lanes(struct upstream *up)
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		if (up->in_flight[lane] || !link_set_settled(&up->set, lane))
			continue;
		stats_add(STAT_LANE_MOVES, 1);
		pump_wake_all(up, lane);
	}
}
