/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/send/pump.h"

#include "common/base/breaks.h"
#include "common/process/config.h"
#include "common/shm/journal.h"
#include "common/shm/stats.h"
#include "common/shm/store.h"
#include "worker/upstream/core/platform.h"
#include "worker/upstream/link/link.h"
#include "worker/upstream/send/batch.h"
#include "worker/upstream/send/isolation.h"
#include "worker/upstream/send/lane.h"
#include "worker/upstream/send/span.h"

#include <errno.h>

#define BATCHES_TURN     8
#define UNCOVERED_BYTES  (32 * 1024)
#define UNCOVERED_PIECES 128
#define UNCOVERED_S      0.1

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

/* `len` more bytes of the batch were accepted. */
static void
advance(struct batch *batch, size_t len)
{
	while (batch->next < batch->count) {
		const struct piece *piece = &batch->pieces[batch->next];
		uint32_t left = piece->len - batch->done;

		if (len < left) {
			batch->done += (uint32_t)len;
			return;
		}
		len -= left;
		batch->done = 0;
		batch->next++;
	}
}

static enum io_result
write_batch(struct link *link)
{
	struct iovec vectors[BATCH_PIECES];
	int count = vectors_of(&link->batch, vectors);
	enum io_result result;
	size_t len = 0;

	if (count == 0) {
		advance(&link->batch, 0);
		return IO_OK;
	}
	kill_point("before the write");
	result = link->up->platform->write(link->up->platform, &link->transport,
	    vectors, count, &len);
	kill_point("behind the write");
	if (BREAK(JOURNAL_AFTER_WRITE))
		journal_commit(link->journal);
	if (len) {
		stats_add(STAT_LINK_BYTES_UP, len);
		link->last_sent = upstream_now(link->up);
		advance(&link->batch, len);
	}
	return result;
}

static enum io_result
flush_sealed(struct link *link)
{
	size_t len;

	if (!transport_wants_write(&link->transport))
		return IO_OK;
	kill_point("before the write");
	return link->up->platform->write(link->up->platform, &link->transport,
	    NULL, 0, &len);
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

static void
confirm_lane(struct upstream *up, const struct journal_span *span)
{
	struct lane *lane = &up->lanes[span->lane];
	struct lane_entry entry;
	uint64_t number = MAX(span->from, lane_log_tail(&lane->log));

	lane->in_flight--;
	/* A predecessor may have been killed in the midst of it. */
	if (span->to <= number)
		return;
	for (; number < span->to; number++) {
		if (!lane_read(lane, number, &entry))
			break;
		if (span->len)
			isolation_confirmed(up, &entry);
		if (entry.kind == FRAME_CLOSE)
			up->lane_events->on_ended(up, lane_session(&entry));
		else if (entry.kind == FRAME_LEAVE)
			up->lane_events->on_left(up, lane_session(&entry));
	}
	lane_log_release(&lane->log, span->to);
}

void
pump_confirm(struct link *link, uint64_t covers)
{
	const struct batch *batch = &link->batch;
	uint64_t number = journal_tail(link->journal);
	struct journal_span span;

	covers +=
	    BREAK(CONFIRM_TOO_MUCH) && covers < journal_head(link->journal);
	/* Whatever a server claims: what is not written yet is still needed. */
	if (batch->next < batch->count)
		covers = MIN(covers, batch->pieces[batch->next].number);
	for (; number < covers; number++) {
		if (!span_read(link, number, &span))
			continue;
		if (span.source == JOURNAL_LANE)
			confirm_lane(link->up, &span);
		else if (ring_tail(&link->ctl) < span.to)
			ring_release(&link->ctl, span.to);
	}
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
		if ((up->lanes[lane].in_flight && !BREAK(MOVE_IN_FLIGHT)) ||
		    !link_set_settled(&up->set, lane))
			continue;
		stats_add(STAT_LANE_MOVES, 1);
		lane_wake(up, lane);
	}
}
