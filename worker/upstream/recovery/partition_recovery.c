/* SPDX-License-Identifier: Apache-2.0 */
/*
 * partition_recovery - what dead workers have left.
 */
#include "worker/upstream/recovery/partition_recovery.h"

#include "common/base/log.h"
#include "common/process/config.h"
#include "common/shm/clientq.h"
#include "common/shm/directory.h"
#include "common/shm/stats.h"
#include "common/shm/store.h"
#include "worker/upstream/core/session_words.h"
#include "worker/upstream/recovery/recovery_place.h"
#include "worker/upstream/send/collect.h"
#include "worker/upstream/send/lane.h"
#include "worker/upstream/session/leaving.h"
#include "worker/upstream/session/session.h"

#include <inttypes.h>

#define SLOTS_TURN  256 /* looked at in one step */
#define BLOCKS_TURN 4096
#define FRAMES_TURN 256
#define LEAVES_S    5.0 /* the server is given to confirm the leaves */

/* --- a dead worker --- */

static void
notify_free(struct upstream *up, uint32_t partition)
{
	log_at(LOG_NOTICE, "partition recovered partition=%" PRIu32, partition);
	upstream_send(up, CHANNEL_PARTITION_FREE, partition);
}

void
partition_recovery_begin(struct upstream *up, uint32_t partition)
{
	struct partition *dead = &up->partitions[partition];

	if (dead->phase == PHASE_RECOVERING)
		return;
	if (dead->phase == PHASE_IDLE) { /* it never served */
		notify_free(up, partition);
		return;
	}
	log_at(LOG_NOTICE,
	    "recovering the partition of a dead worker partition=%" PRIu32,
	    partition);
	dead->phase = PHASE_RECOVERING;
	dead->recovery =
	    (struct recovery){ .blocks = clientq_block_count(up->region),
		    .resumed_at = recovery_find_place(up, partition) };
	collect_look_at_all(up);
}

/* The slots of the partition, a bounded number in one step. */
typedef bool slot_fn(struct upstream *up, uint32_t partition,
    struct session session);

/* True when all were done. */
static bool
each_slot(struct upstream *up, uint32_t partition, slot_fn *fn)
{
	struct recovery *recovery = &up->partitions[partition].recovery;
	uint32_t slots = region_geometry(up->region)->slots_per_partition;

	for (unsigned turn = 0; turn < SLOTS_TURN; turn++, recovery->next++) {
		uint32_t slot = partition * slots + recovery->next;
		struct session session = { .slot = slot };

		if (recovery->next == slots)
			return true;
		if (!directory_is_live(up->directory, slot))
			continue;
		session.generation = directory_generation(up->directory, slot);
		if (!fn(up, partition, session))
			return false;
	}
	return false;
}

/* One whose client was available, or has just ceased to be: messages for it may
 * be on their way, and more will be until the server is told. What its worker
 * wrote of it may be anything; at worst a session of its own is unavailable. */
static bool
leave(struct upstream *up, uint32_t partition, struct session session)
{
	struct recovery *recovery = &up->partitions[partition].recovery;
	const struct session_info *info =
	    directory_info(up->directory, session.slot);
	uint16_t flags = session_flags(up, session);

	if (!info || info->generation != session.generation ||
	    info->presence == PRESENCE_NONE || !(flags & ROUTE_CREATED) ||
	    (flags & (ROUTE_CLOSING | ROUTE_DEAD | ROUTE_PAYS)))
		return true;
	if (!lanes_have_room(up))
		return false;
	if (info->presence == PRESENCE_AVAILABLE &&
	    !session_make_unavailable(up, session))
		return false;
	recovery->leavers++;
	return true;
}

/* Behind what a predecessor has returned. */
static void
begin_queues(struct upstream *up, uint32_t partition)
{
	struct recovery *recovery = &up->partitions[partition].recovery;
	uint32_t slots = region_geometry(up->region)->slots_per_partition;
	uint64_t position = recovery->resumed_at & LANE_POSITION_MAX;

	if (recovery->resumed_at >> 62 == LANE_OF_RING)
		recovery->next = slots;
	if (recovery->resumed_at >> 62 != LANE_OF_QUEUE)
		return;
	recovery->next = MIN((uint32_t)(position >> RECOVERY_ITEM_BITS), slots);
	recovery->items_of = partition * slots + recovery->next;
	recovery->items = (uint32_t)(position & RECOVERY_ITEM_MAX);
}

static void
begin_ring(struct partition *dead)
{
	uint64_t tail = ring_tail(&dead->down.ring);
	uint64_t position = dead->recovery.resumed_at & LANE_POSITION_MAX;

	dead->recovery.cursor = tail;
	if (dead->recovery.resumed_at >> 62 == LANE_OF_RING &&
	    position - tail <= ring_head(&dead->down.ring) - tail)
		dead->recovery.cursor = position;
}

struct returning {
	struct upstream *up;
	uint32_t partition;
	struct session session;
	struct recovery *recovery;
	uint32_t seen; /* items of its queue */
	bool full;     /* the rest waits */
};

/* A queue may hold more than its lane has room for. */
static void
return_item(void *context, uint8_t kind, const uint8_t *bytes, size_t len)
{
	struct returning *returning = context;
	const struct session_item item = { kind, bytes, len };

	if (returning->seen++ < returning->recovery->items || returning->full)
		return;
	returning->full = !lanes_have_room(returning->up);
	if (returning->full)
		return;
	returning->recovery->items++;
	recovery_return(returning->up,
	    recovery_place(returning->up, returning->partition, LANE_OF_QUEUE,
		(uint64_t)returning->recovery->next << RECOVERY_ITEM_BITS |
		    MIN(returning->recovery->items, RECOVERY_ITEM_MAX)),
	    returning->session, &item);
}

/* Blocks of a queue that an honest worker may have left: what waits for one
 * client, in items of any size, and the item that was too much. */
static uint32_t
queue_blocks(const struct upstream *up)
{
	return (uint32_t)((up->config->client.output_bytes +
			      up->config->server.item_bytes) /
			  CLIENTQ_BLOCK_BYTES) +
	       1;
}

static bool
return_queue(struct upstream *up, uint32_t partition, struct session session)
{
	struct recovery *recovery = &up->partitions[partition].recovery;
	uint32_t before = MIN(recovery->blocks, queue_blocks(up)),
		 left = before;
	struct returning returning = { up, partition, session, recovery, 0,
		false };
	struct session_words words;
	const struct session_info *info =
	    directory_info(up->directory, session.slot);

	if (!lanes_have_room(up) ||
	    recovery->turn_blocks - recovery->blocks > BLOCKS_TURN)
		return false;
	if (recovery->items_of != session.slot)
		recovery->items = 0;
	recovery->items_of = session.slot;
	if (info && info->generation == session.generation &&
	    clientq_each_within(up->region, partition, info, &left, return_item,
		&returning) != 0 &&
	    !returning.full) {
		stats_add(STAT_QUEUES_DAMAGED, 1);
		session_words(up, session, &words);
		log_limited(LOG_WARNING, 5,
		    "a client's queue is damaged " SESSION_WORDS, words.id,
		    words.address);
	}
	if (returning.full)
		return false;
	recovery->blocks -= before - left;
	return true;
}

/* An item may be a chain of frames: gathered in up->chain. */
static void
return_frame(struct upstream *up, const struct partition *dead,
    const struct frame *frame)
{
	const struct session session = { frame->slot, frame->generation };
	struct session_item item = { .kind = frame->kind };

	buf_append(&up->chain, frame->bytes, frame->len);
	if (frame->flags & FRAME_MORE)
		return;
	item.bytes = buf_bytes(&up->chain);
	item.len = buf_len(&up->chain);
	recovery_return(up,
	    recovery_place(up, dead->down.number, LANE_OF_RING,
		dead->recovery.cursor),
	    session, &item);
	buf_reset(&up->chain);
}

static void
return_one(void *context, const struct frame_id *id, const uint8_t *bytes,
    size_t len)
{
	struct upstream *up = context;
	const struct session session = { id->slot, id->generation };
	const struct session_item item = { id->kind, bytes, len };

	session_return_own(up, session, &item);
}

/* True when nothing waits behind the down ring. */
static bool
return_waiting(struct upstream *up, struct partition *dead)
{
	while (lanes_have_room(up))
		if (!ring_writer_drain_one(&dead->down, return_one, up))
			return true;
	return false;
}

/* True when the down ring is empty. */
static bool
return_ring(struct upstream *up, struct partition *dead)
{
	struct frame frame;

	/* Never left in the midst of a chain: others use up->chain, too. */
	for (unsigned turn = 0; turn < FRAMES_TURN || buf_len(&up->chain);
	     turn++) {
		int got;

		if (!buf_len(&up->chain) && !lanes_have_room(up))
			return false;
		got =
		    ring_next(&dead->down.ring, &dead->recovery.cursor, &frame);
		if (got == 1) {
			return_frame(up, dead, &frame);
			continue;
		}
		if (got < 0) {
			stats_add(STAT_RINGS_DAMAGED, 1);
			log_at(LOG_WARNING, "a down ring is damaged");
			dead->recovery.cursor = ring_head(&dead->down.ring);
		}
		buf_reset(&up->chain);
		return return_waiting(up, dead);
	}
	return false;
}

/* The close of one that the server has; others simply end. One whose close is
 * under way gets a second: what its worker wrote may be anything by now. */
static bool
close_session(struct upstream *up, uint32_t partition, struct session session)
{
	uint16_t flags = session_flags(up, session);

	(void)partition;
	if (!lanes_have_room(up))
		return false;
	if (flags & ROUTE_CREATED)
		return session_close(up, session);
	session_ended(up, session);
	return true;
}

static bool
has_sessions(const struct upstream *up, uint32_t partition)
{
	uint32_t slots = region_geometry(up->region)->slots_per_partition;

	for (uint32_t i = 0; i < slots; i++)
		if (directory_is_live(up->directory, partition * slots + i))
			return true;
	return false;
}

static void
next_stage(struct partition *dead, enum recovery_stage stage)
{
	dead->recovery.stage = stage;
	dead->recovery.next = 0;
}

/* Of every lane what it holds now is waited for. */
static void
note_heads(const struct upstream *up, uint64_t heads[LANE_COUNT])
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		heads[lane] = lane_log_head(&up->lanes[lane].log);
}

/* True when all of it is behind the cursor of its lane. */
static bool
are_past(const struct upstream *up, const uint64_t heads[LANE_COUNT],
    uint64_t (*cursor)(const struct lane_log *log))
{
	for (unsigned lane = 0; lane < LANE_COUNT; lane++)
		if (cursor(&up->lanes[lane].log) < heads[lane])
			return false;
	return true;
}

/* True when nothing more comes for those that have left, or it is waited for no
 * longer. A tick looks again. */
static bool
have_left(const struct upstream *up, struct recovery *recovery)
{
	double now = upstream_now(up);

	if (recovery->leavers == 0 || now - recovery->leaves_at >= LEAVES_S)
		return true;
	if (recovery->left_at <= 0 &&
	    are_past(up, recovery->leaves, lane_log_tail))
		recovery->left_at = now;
	return recovery->left_at > 0 && !up->blocked &&
	       now - recovery->left_at >= LEAVING_SETTLE_S;
}

/* True when all that the worker left is confirmed, and its partition free. */
static bool
confirm(struct upstream *up, uint32_t partition)
{
	struct partition *dead = &up->partitions[partition];

	if (!are_past(up, dead->recovery.heads, lane_log_tail))
		return false;
	if (has_sessions(up, partition)) {
		/* Every close has been answered: these slots were changed
		 * in the meantime. */
		next_stage(dead, RECOVERY_CLOSES);
		return false;
	}
	dead->phase = PHASE_IDLE;
	collect_forget(up, partition);
	/* None of its sessions is left that anything could go back for. */
	shm_store(&region_pair_control(up->region, partition)->recovered, 0,
	    memory_order_release);
	notify_free(up, partition);
	return true;
}

/* True when it went on. */
static bool
step(struct upstream *up, uint32_t partition)
{
	struct partition *dead = &up->partitions[partition];

	switch (dead->recovery.stage) {
	case RECOVERY_COLLECT:
		if (!collect_is_done(up, partition))
			return false;
		next_stage(dead, RECOVERY_LEAVES);
		return true;
	case RECOVERY_LEAVES:
		if (!each_slot(up, partition, leave))
			return lanes_have_room(up);
		note_heads(up, dead->recovery.leaves);
		dead->recovery.leaves_at = upstream_now(up);
		next_stage(dead, RECOVERY_QUEUES);
		begin_queues(up, partition);
		return true;
	case RECOVERY_QUEUES:
		dead->recovery.turn_blocks = dead->recovery.blocks;
		if (!each_slot(up, partition, return_queue))
			return lanes_have_room(up);
		begin_ring(dead);
		next_stage(dead, RECOVERY_RING);
		return true;
	case RECOVERY_RING:
		if (!return_ring(up, dead))
			return lanes_have_room(up);
		next_stage(dead, RECOVERY_LEFT);
		return true;
	case RECOVERY_LEFT:
		if (!have_left(up, &dead->recovery))
			return false;
		note_heads(up, dead->recovery.heads);
		next_stage(dead, RECOVERY_WAITING);
		return true;
	case RECOVERY_WAITING:
		/* A session whose create waits here would simply end, and what
		 * it said would go to a server that does not know it. */
		if (!are_past(up, dead->recovery.heads, lane_log_sent))
			return false;
		next_stage(dead, RECOVERY_CLOSES);
		return true;
	case RECOVERY_CLOSES:
		/* A link has died, and creates wait again. */
		if (!are_past(up, dead->recovery.heads, lane_log_sent)) {
			next_stage(dead, RECOVERY_WAITING);
			return false;
		}
		if (!each_slot(up, partition, close_session))
			return lanes_have_room(up);
		note_heads(up, dead->recovery.heads);
		next_stage(dead, RECOVERY_CONFIRM);
		return true;
	case RECOVERY_CONFIRM:
		return confirm(up, partition);
	}
	return false;
}

bool
partition_recovery_step(struct upstream *up)
{
	bool moved = false;

	for (uint32_t i = 0; i < up->partition_count; i++)
		if (up->partitions[i].phase == PHASE_RECOVERING && step(up, i))
			moved = true;
	return moved;
}
