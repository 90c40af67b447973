/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/send/collect.h"

#include "common/base/breaks.h"
#include "common/base/log.h"
#include "common/shm/directory.h"
#include "common/shm/stats.h"
#include "worker/upstream/core/damage.h"
#include "worker/upstream/send/lane.h"
#include "worker/upstream/send/wrap.h"

#include <inttypes.h>

#define RING_TURN  (32 * 1024)  /* of one ring in a turn, at most */
#define UNSENT_MAX (256 * 1024) /* of a lane, that more is collected */

/* A ring, and the lane that its frames go to. */
struct source {
	uint32_t partition;
	unsigned lane;
	struct up_ring *up_ring;
};

/* --- what there is --- */

static bool
has_frames(const struct up_ring *up_ring)
{
	return !up_ring->broken &&
	       ring_head(&up_ring->ring) != ring_tail(&up_ring->ring);
}

static void
look_at(struct partition *partition)
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		if (has_frames(&partition->rings[lane]))
			partition->waiting |= (uint16_t)(1u << lane);
}

static void
look(struct upstream *up)
{
	for (uint32_t i = 0; i < up->partition_count; i++) {
		struct partition *partition = &up->partitions[i];
		uint64_t published =
		    atomic_load_explicit(&region_worker_control(up->region, i)
					      ->published,
			memory_order_acquire);

		if (published == partition->published_seen)
			continue;
		partition->published_seen = published;
		look_at(partition);
	}
}

void
collect_look_at_all(struct upstream *up)
{
	for (uint32_t i = 0; i < up->partition_count; i++)
		look_at(&up->partitions[i]);
}

/* --- taking --- */

static void
break_ring(struct upstream *up, const struct source *source)
{
	source->up_ring->broken = true;
	damage_end_worker(up, source->partition);
}

/* The ring has room again. */
static void
give_back(struct upstream *up, const struct source *source, uint64_t to)
{
	uint32_t wants;

	ring_release(&source->up_ring->ring, to);
	atomic_thread_fence(memory_order_seq_cst);
	wants = atomic_load_explicit(&region_worker_control(up->region,
					 source->partition)
					  ->wants_room,
	    memory_order_relaxed);
	if (wants & (1u << source->lane))
		up->partitions[source->partition].ring_doorbell = true;
}

/* Of those before notified_end only dead sessions' were notified. */
static uint8_t
marks_of(const struct upstream *up, const struct up_ring *up_ring,
    const struct frame *frame)
{
	const struct session session = { frame->slot, frame->generation };
	unsigned marks = 0;

	if (frame->cursor < up_ring->abandoned_end)
		marks |= LANE_ABANDONED;
	if (frame->cursor < up_ring->notified_end &&
	    session_flags(up, session) & ROUTE_DEAD)
		marks |= LANE_NOTIFIED;
	return (uint8_t)marks;
}

static void
blame_worker(struct upstream *up, const struct source *source,
    const struct frame *frame)
{
	log_at(LOG_ERROR,
	    "a worker says what no worker may say; it is not sent"
	    " partition=%" PRIu32 " lane=%u kind=\"%s\" bytes=%" PRIu32,
	    source->partition, source->lane,
	    frame_kind_name((enum frame_kind)frame->kind), frame->len);
	stats_add(STAT_FRAMES_FORGED, 1);
	break_ring(up, source);
}

/* Bytes that were taken, at least 1; 0 when there is nothing to take. */
static uint32_t
take_frame(struct upstream *up, const struct source *source)
{
	const struct wrap_source from = { source->partition, source->lane };
	struct ring *ring = &source->up_ring->ring;
	uint64_t tail = ring_tail(ring), cursor = tail;
	struct frame frame;
	int got =
	    source->up_ring->broken ? 0 : ring_next(ring, &cursor, &frame);

	if (got < 0)
		break_ring(up, source);
	if (got == 0 && cursor != tail) /* a pad, perhaps */
		give_back(up, source, cursor);
	if (got <= 0)
		return 0;
	if (BREAK(FREE_BEFORE_APPEND))
		give_back(up, source, frame.next);
	switch (wrap_frame(up, &from, &frame,
	    marks_of(up, source->up_ring, &frame))) {
	case WRAP_FULL:
		up->lanes[source->lane].first = source->partition;
		return 0;
	case WRAP_FORGED:
		blame_worker(up, source, &frame);
		return 0;
	case WRAP_APPENDED:
	case WRAP_DROPPED:
		break;
	}
	give_back(up, source, frame.next);
	return frame.len + 1;
}

/* The next in turn that has frames for the lane; perhaps the same. */
static uint32_t
next_partition(const struct upstream *up, const struct source *source)
{
	for (uint32_t i = 1; i < up->partition_count; i++) {
		uint32_t number = (source->partition + i) % up->partition_count;
		const struct partition *partition = &up->partitions[number];

		if (partition->waiting & (1u << source->lane) &&
		    has_frames(&partition->rings[source->lane]))
			return number;
	}
	return source->partition;
}

/* Who found a lane full is the first that it has room for: others' small frames
 * would fill again and again what a large one needs. */
static bool
may_take(const struct upstream *up, const struct source *source)
{
	uint32_t first = up->lanes[source->lane].first;

	return first == NO_PARTITION || first == source->partition ||
	       !has_frames(&up->partitions[first].rings[source->lane]);
}

static bool
take_ring(struct upstream *up, const struct source *source)
{
	struct lane *lane = &up->lanes[source->lane];
	uint32_t taken = 0, now;

	if (!may_take(up, source))
		return false;
	lane->first = NO_PARTITION;
	while (taken < RING_TURN && lane_log_unsent(&lane->log) < UNSENT_MAX) {
		now = take_frame(up, source);
		if (!now)
			break;
		taken += now;
	}
	if (taken && lane->first == source->partition)
		lane->first = next_partition(up, source);
	if (!has_frames(source->up_ring))
		up->partitions[source->partition].waiting &=
		    (uint16_t) ~(1u << source->lane);
	return taken > 0;
}

bool
collect(struct upstream *up)
{
	bool moved = false;

	look(up);
	for (uint32_t i = 0; i < up->partition_count; i++) {
		uint32_t number =
		    (up->turn_partition + i) % up->partition_count;
		struct partition *partition = &up->partitions[number];

		for (unsigned lane = 0; partition->waiting && lane < LANE_COUNT;
		     lane++) {
			const struct source source = { number, lane,
				&partition->rings[lane] };

			if (partition->waiting & (1u << lane))
				moved |= take_ring(up, &source);
		}
	}
	up->turn_partition++;
	return moved;
}

/* --- a ring's beginning and end --- */

/* One pass for all workers; of a worker and a lane the newest entry counts. */
void
collect_note_copied(struct upstream *up)
{
	for (unsigned number = 0; number < LANE_COUNT; number++) {
		const struct lane *lane = &up->lanes[number];
		uint64_t at = lane_log_tail(&lane->log);
		struct lane_entry entry;

		for (; lane_read(lane, at, &entry); at++) {
			struct up_ring *up_ring;

			if (entry.partition >= up->partition_count)
				continue; /* upstream's own */
			up_ring =
			    &up->partitions[entry.partition].rings[number];
			up_ring->copied = entry.place;
			up_ring->copied_incarnation = entry.incarnation;
		}
	}
}

/* Where the frames of this worker that are in the lane's log end. */
static uint64_t
copied_to(const struct upstream *up, const struct source *source)
{
	uint32_t incarnation = up->partitions[source->partition].incarnation;

	return source->up_ring->copied_incarnation == incarnation
		   ? source->up_ring->copied
		   : ring_tail(&source->up_ring->ring);
}

bool
collect_take_over(struct upstream *up, uint32_t partition)
{
	bool sound = true;

	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		struct up_ring *up_ring =
		    &up->partitions[partition].rings[lane];
		const struct source source = { partition, lane, up_ring };
		struct ring *ring = &up_ring->ring;
		uint64_t copied;

		up_ring->broken = ring_inherit(ring, RING_CONSUMER) != 0;
		sound = sound && !up_ring->broken;
		if (up_ring->broken)
			continue;
		copied = copied_to(up, &source);
		if (!BREAK(FORGET_CAUSE) &&
		    copied - ring_tail(ring) <=
			ring_head(ring) - ring_tail(ring))
			ring_release(ring, copied);
	}
	look_at(&up->partitions[partition]);
	return sound;
}

bool
collect_is_done(const struct upstream *up, uint32_t partition)
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		if (has_frames(&up->partitions[partition].rings[lane]))
			return false;
	return true;
}

void
collect_forget(struct upstream *up, uint32_t partition)
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		struct up_ring *up_ring =
		    &up->partitions[partition].rings[lane];
		/* What a dead one wrote is taken over only if it can be. */
		uint64_t end = ring_is_sound(&up_ring->ring)
				   ? ring_head(&up_ring->ring)
				   : ring_tail(&up_ring->ring);

		ring_release(&up_ring->ring, end);
		up_ring->abandoned_end = up_ring->notified_end = 0;
		up_ring->broken = true;
	}
	up->partitions[partition].waiting = 0;
}
