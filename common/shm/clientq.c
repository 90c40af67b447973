/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/clientq.h"

#include "common/shm/clientq_layout.h"
#include "common/shm/clientq_pool.h"
#include "common/shm/directory.h"
#include "common/shm/store.h"

#include <errno.h>
#include <string.h>

uint64_t
clientq_bytes(const struct clientq *queue)
{
	return (uint64_t)queue->blocks * BLOCK_BYTES;
}

static uint32_t
first_of(const struct session_info *info)
{
	return atomic_load_explicit(&info->queue_first, memory_order_relaxed);
}

static uint32_t
last_of(const struct session_info *info)
{
	return atomic_load_explicit(&info->queue_last, memory_order_relaxed);
}

/* --- freeing blocks --- */

/* Everything before `at` is gone; at.block 0: everything. What a damaged link
 * leads away from stays where it is. */
static void
cut_front(struct clientq_pool *pool, struct session_info *info,
    struct clientq *queue, struct clientq_place at)
{
	uint32_t owner = clientq_owner(pool->infos, info);
	uint32_t number = first_of(info), next;
	struct clientq_block *block;

	if (at.block)
		pool->blocks[at.block - 1].first = (uint16_t)at.offset;
	shm_store(&info->queue_first, at.block, memory_order_release);
	if (!at.block)
		shm_store(&info->queue_last, 0, memory_order_relaxed);
	while (number != at.block &&
	       (block = clientq_block_at(pool, owner, number)) != NULL) {
		next = block->next;
		clientq_block_give_back(pool, number);
		queue->blocks--;
		number = next;
	}
}

void
clientq_clear(struct clientq_pool *pool, struct session_info *info,
    struct clientq *queue)
{
	cut_front(pool, info, queue, (struct clientq_place){ 0, 0 });
	memset(queue, 0, sizeof(*queue));
}

static void
give_up(struct clientq_pool *pool, struct session_info *info,
    struct clientq *queue)
{
	clientq_clear(pool, info, queue);
	queue->damaged = true;
}

/* --- walking, owner's side --- */

/* Moves over block ends; 1 when there is a byte, 0, or -EPROTO. */
static int
settle(struct clientq_pool *pool, uint32_t owner, struct clientq_place *place)
{
	const struct clientq_block *block =
	    clientq_block_at(pool, owner, place->block);

	while (block && place->offset == BLOCK_ROOM && block->next) {
		place->block = block->next;
		place->offset = 0;
		block = clientq_block_at(pool, owner, place->block);
	}
	if (!block || place->offset > BLOCK_ROOM)
		return -EPROTO;
	return place->offset < block->end;
}

/* The run of bytes at `place`, at most `max`; 0: there is none. */
static uint32_t
run_at(struct clientq_pool *pool, uint32_t owner, struct clientq_place *place,
    uint32_t max, uint8_t **bytes_out)
{
	if (settle(pool, owner, place) <= 0)
		return 0;
	*bytes_out = pool->blocks[place->block - 1].bytes + place->offset;
	return MIN(max, BLOCK_ROOM - place->offset);
}

enum copy { COPY_OUT, COPY_IN, COPY_NOT };

/* Moves on by `len`; false when the queue has not so many bytes. */
static bool
copy(struct clientq_pool *pool, uint32_t owner, struct clientq_place *place,
    void *bytes, uint32_t len, enum copy way)
{
	uint8_t *other = bytes, *run;
	uint32_t now;

	while (len > 0) {
		now = run_at(pool, owner, place, len, &run);
		if (now == 0)
			return false;
		if (way == COPY_OUT)
			memcpy(other, run, now);
		else if (way == COPY_IN)
			memcpy(run, other, now);
		if (way != COPY_NOT)
			other += now;
		place->offset += now;
		len -= now;
	}
	return true;
}

static bool
skip(struct clientq_pool *pool, uint32_t owner, struct clientq_place *place,
    uint32_t len)
{
	return copy(pool, owner, place, NULL, len, COPY_NOT);
}

/* An entry's header, of at most `most` bytes behind it. */
static bool
copy_entry(struct clientq_pool *pool, uint32_t owner,
    struct clientq_place *place, uint64_t most, struct clientq_entry *entry_out)
{
	return copy(pool, owner, place, entry_out, sizeof(*entry_out),
		   COPY_OUT) &&
	       entry_out->len > 0 && entry_out->len <= most;
}

/* --- appending --- */

static uint32_t
take_block(struct clientq_pool *pool, struct clientq *queue, uint32_t owner)
{
	queue->blocks++;
	return clientq_block_take(pool, owner);
}

/* Writes behind the end; nothing of it counts yet. */
static struct clientq_place
put(struct clientq_pool *pool, struct clientq *queue, uint32_t owner,
    struct clientq_place at, const void *bytes, uint32_t len)
{
	const uint8_t *from = bytes;
	struct clientq_block *block;
	uint32_t now;

	while (len > 0) {
		block = &pool->blocks[at.block - 1];
		if (at.offset == BLOCK_ROOM) {
			/* In the last block this shows a part of an entry:
			 * its header must be there. */
			atomic_thread_fence(memory_order_release);
			block->end = BLOCK_ROOM;
			at.block = take_block(pool, queue, owner);
			block->next = at.block;
			at.offset = 0;
			continue;
		}
		now = MIN(len, BLOCK_ROOM - at.offset);
		memcpy(block->bytes + at.offset, from, now);
		from += now;
		at.offset += now;
		len -= now;
	}
	return at;
}

/* Where the next entry goes; false when the queue has no sound end. */
static bool
end_of(struct clientq_pool *pool, const struct session_info *info,
    struct clientq *queue, uint32_t owner, struct clientq_place *at_out)
{
	const struct clientq_block *last;

	if (queue->damaged)
		return false;
	if (queue->queued_bytes == 0) {
		at_out->block = take_block(pool, queue, owner);
		at_out->offset = 0;
		return true;
	}
	at_out->block = last_of(info);
	last = clientq_block_at(pool, owner, at_out->block);
	if (!last || last->next)
		return false;
	at_out->offset = last->end;
	return true;
}

/* The entry at `at` is the next to be written. Never at the end of a block:
 * that one may be freed. */
static void
begin_unsent(struct clientq_pool *pool, struct clientq *queue, uint32_t owner,
    struct clientq_place at)
{
	(void)settle(pool, owner, &at);
	queue->unsent_block = at.block;
	queue->unsent_offset = (uint16_t)at.offset;
	queue->unsent_done = 0;
}

int
clientq_append(struct clientq_pool *pool, struct session_info *info,
    struct clientq *queue, uint8_t kind, const void *bytes, size_t len)
{
	struct clientq_entry entry = { .wire_end = UNWRITTEN };
	uint32_t owner = clientq_owner(pool->infos, info);
	struct clientq_place at, end;
	bool empty = queue->queued_bytes == 0;

	if (len == 0)
		return 0;
	if (len > ENTRY_MAX || !clientq_pool_has_room(pool,
				   (len + sizeof(entry)) / BLOCK_ROOM + 2))
		return -ENOSPC;
	if (!end_of(pool, info, queue, owner, &at)) {
		give_up(pool, info, queue);
		return -EPROTO;
	}
	entry.len = (uint32_t)len;
	entry.kind_and_seal = clientq_seal(kind, bytes, entry.len);
	end = put(pool, queue, owner, at, &entry, sizeof(entry));
	end = put(pool, queue, owner, end, bytes, entry.len);
	if (queue->unsent_bytes == 0)
		begin_unsent(pool, queue, owner, at);
	queue->unsent_bytes += entry.len;
	queue->queued_bytes += entry.len;
	atomic_thread_fence(memory_order_release);
	pool->blocks[end.block - 1].end = (uint16_t)end.offset;
	shm_store(&info->queue_last, end.block, memory_order_release);
	if (empty)
		shm_store(&info->queue_first, at.block, memory_order_release);
	return 0;
}

/* --- writing out --- */

/* How many, or -EPROTO. */
static int
gather(struct clientq_pool *pool, uint32_t owner, const struct clientq *queue,
    struct iovec *vectors_out, int max)
{
	struct clientq_place at = { queue->unsent_block, queue->unsent_offset };
	uint32_t left = queue->unsent_bytes, done = queue->unsent_done, now;
	struct clientq_entry entry;
	uint8_t *run;
	int count = 0;

	while (left > 0 && count < max) {
		if (!copy_entry(pool, owner, &at, (uint64_t)left + done,
			&entry) ||
		    entry.len < done || !skip(pool, owner, &at, done))
			return -EPROTO;
		entry.len -= done;
		left -= entry.len;
		done = 0;
		while (entry.len > 0 && count < max) {
			now = run_at(pool, owner, &at, entry.len, &run);
			if (now == 0)
				return -EPROTO;
			vectors_out[count].iov_base = run;
			vectors_out[count++].iov_len = now;
			at.offset += now;
			entry.len -= now;
		}
	}
	return count;
}

int
clientq_unsent(struct clientq_pool *pool, struct session_info *info,
    struct clientq *queue, struct iovec *vectors_out, int max)
{
	int count = gather(pool, clientq_owner(pool->infos, info), queue,
	    vectors_out, max);

	if (count >= 0)
		return count;
	give_up(pool, info, queue);
	return 0;
}

/* The entry at the front of what is unsent was written to its end. */
static bool
finish_entry(struct clientq_pool *pool, uint32_t owner, struct clientq *queue,
    struct clientq_entry *entry, uint64_t wire_end)
{
	struct clientq_place at = { queue->unsent_block, queue->unsent_offset };

	entry->wire_end = wire_end;
	if (!copy(pool, owner, &at, entry, sizeof(*entry), COPY_IN) ||
	    !skip(pool, owner, &at, entry->len))
		return false;
	begin_unsent(pool, queue, owner, at);
	return true;
}

/* False when the queue is damaged. */
static bool
note_written(struct clientq_pool *pool, uint32_t owner, struct clientq *queue,
    size_t len, uint64_t wire_end)
{
	struct clientq_place at;
	struct clientq_entry entry;
	uint32_t now;

	while (len > 0) {
		at.block = queue->unsent_block;
		at.offset = queue->unsent_offset;
		if (!copy_entry(pool, owner, &at,
			(uint64_t)queue->unsent_bytes + queue->unsent_done,
			&entry) ||
		    entry.len <= queue->unsent_done)
			return false;
		now = (uint32_t)MIN(len, entry.len - queue->unsent_done);
		queue->unsent_done += now;
		queue->unsent_bytes -= now;
		len -= now;
		if (queue->unsent_done == entry.len &&
		    !finish_entry(pool, owner, queue, &entry, wire_end))
			return false;
	}
	return true;
}

void
clientq_wrote(struct clientq_pool *pool, struct session_info *info,
    struct clientq *queue, size_t len, uint64_t wire_end)
{
	CHECK(len <= queue->unsent_bytes);
	if (!note_written(pool, clientq_owner(pool->infos, info), queue, len,
		wire_end))
		give_up(pool, info, queue);
}

/* --- freeing --- */

/* Passes over what is acknowledged; false when the queue is damaged. */
static bool
pass_acked(struct clientq_pool *pool, uint32_t owner,
    const struct clientq *queue, uint64_t acked, struct clientq_place *at_io,
    uint32_t *left_io)
{
	struct clientq_place end;
	struct clientq_entry entry;

	while (*left_io > queue->unsent_bytes) {
		end = *at_io;
		if (!copy_entry(pool, owner, &end, *left_io, &entry))
			return false;
		if (entry.wire_end == UNWRITTEN || entry.wire_end > acked)
			break;
		if (!skip(pool, owner, &end, entry.len))
			return false;
		*left_io -= entry.len;
		if (*left_io > 0 && settle(pool, owner, &end) < 0)
			return false;
		*at_io = end;
	}
	return *left_io >= queue->unsent_bytes;
}

void
clientq_acked(struct clientq_pool *pool, struct session_info *info,
    struct clientq *queue, uint64_t acked)
{
	uint32_t owner = clientq_owner(pool->infos, info);
	const struct clientq_block *first;
	struct clientq_place at;
	uint32_t left = queue->queued_bytes;

	if (left == 0)
		return;
	at.block = first_of(info);
	first = clientq_block_at(pool, owner, at.block);
	at.offset = first ? first->first : 0;
	if (!first || !pass_acked(pool, owner, queue, acked, &at, &left)) {
		give_up(pool, info, queue);
	} else if (left == 0) {
		clientq_clear(pool, info, queue);
	} else {
		queue->queued_bytes = left;
		cut_front(pool, info, queue, at);
	}
}
