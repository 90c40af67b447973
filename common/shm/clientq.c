/* SPDX-License-Identifier: Apache-2.0 */
#include "common/shm/clientq.h"

#include "common/shm/clientq_layout.h"
#include "common/shm/clientq_pool.h"
#include "common/shm/directory.h"

#include <errno.h>
#include <string.h>

uint64_t
clientq_bytes(const struct clientq *queue)
{
	return (uint64_t)queue->blocks * BLOCK_BYTES;
}

static uint32_t
first_of(const struct session_body *body)
{
	return atomic_load_explicit(&body->queue_first, memory_order_relaxed);
}

static uint32_t
last_of(const struct session_body *body)
{
	return atomic_load_explicit(&body->queue_last, memory_order_relaxed);
}

/* --- walking, owner's side (its own data, trusted) --- */

/* Moves over block ends; true when there is a byte. */
static bool
settle(struct clientq_pool *pool, struct clientq_place *place)
{
	const struct clientq_block *block =
	    clientq_block_at(pool, place->block);

	while (place->offset == BLOCK_ROOM && block->next) {
		place->block = block->next;
		place->offset = 0;
		block = clientq_block_at(pool, place->block);
	}
	return place->offset < block->end;
}

/* The run of bytes at `place`, at most `max`. */
static uint32_t
run_at(struct clientq_pool *pool, struct clientq_place *place, uint32_t max,
    uint8_t **bytes_out)
{
	if (!settle(pool, place))
		return 0;
	*bytes_out =
	    clientq_block_at(pool, place->block)->bytes + place->offset;
	return MIN(max, BLOCK_ROOM - place->offset);
}

enum copy { COPY_OUT, COPY_IN };

static void
copy(struct clientq_pool *pool, struct clientq_place *place, void *bytes,
    uint32_t len, enum copy way)
{
	uint8_t *other = bytes, *run;
	uint32_t now;

	while (len > 0) {
		now = run_at(pool, place, len, &run);
		CHECK(now > 0);
		if (way == COPY_OUT)
			memcpy(other, run, now);
		else
			memcpy(run, other, now);
		other += now;
		place->offset += now;
		len -= now;
	}
}

static void
skip(struct clientq_pool *pool, struct clientq_place *place, uint32_t len)
{
	uint8_t *run;
	uint32_t now;

	while (len > 0) {
		now = run_at(pool, place, len, &run);
		CHECK(now > 0);
		place->offset += now;
		len -= now;
	}
}

/* --- appending --- */

static uint32_t
take_block(struct clientq_pool *pool, struct clientq *queue)
{
	queue->blocks++;
	return clientq_block_take(pool);
}

/* Writes behind the end; nothing of it counts yet. */
static struct clientq_place
put(struct clientq_pool *pool, struct clientq *queue, struct clientq_place at,
    const void *bytes, uint32_t len)
{
	const uint8_t *from = bytes;
	struct clientq_block *block;
	uint32_t now;

	while (len > 0) {
		block = clientq_block_at(pool, at.block);
		if (at.offset == BLOCK_ROOM) {
			/* In the last block this shows a part of an entry:
			 * its header must be there. */
			atomic_thread_fence(memory_order_release);
			block->end = BLOCK_ROOM;
			block->next = take_block(pool, queue);
			at.block = block->next;
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

int
clientq_append(struct clientq_pool *pool, struct session_body *body,
    struct clientq *queue, uint8_t kind, const void *bytes, size_t len)
{
	struct clientq_entry entry = { .kind = kind, .wire_end = UNWRITTEN };
	struct clientq_place at, end, unsent;
	bool empty = first_of(body) == 0;

	if (len == 0)
		return 0;
	if (len > ENTRY_MAX || !clientq_pool_has_room(pool,
				   (len + sizeof(entry)) / BLOCK_ROOM + 2))
		return -ENOSPC;
	entry.len = (uint32_t)len;
	at.block = empty ? take_block(pool, queue) : last_of(body);
	at.offset = clientq_block_at(pool, at.block)->end;
	end = put(pool, queue, at, &entry, sizeof(entry));
	end = put(pool, queue, end, bytes, entry.len);
	if (queue->unsent_bytes == 0) {
		/* Never at the end of a block: that one may be freed. */
		unsent = at;
		settle(pool, &unsent);
		queue->unsent_block = unsent.block;
		queue->unsent_offset = unsent.offset;
		queue->unsent_done = 0;
	}
	queue->unsent_bytes += entry.len;
	queue->queued_bytes += entry.len;
	atomic_thread_fence(memory_order_release);
	clientq_block_at(pool, end.block)->end = (uint16_t)end.offset;
	atomic_store_explicit(&body->queue_last, end.block,
	    memory_order_release);
	if (empty)
		atomic_store_explicit(&body->queue_first, at.block,
		    memory_order_release);
	return 0;
}

/* --- writing out --- */

int
clientq_unsent(struct clientq_pool *pool, const struct clientq *queue,
    struct iovec *vectors_out, int max)
{
	struct clientq_place at = { queue->unsent_block, queue->unsent_offset };
	uint32_t left = queue->unsent_bytes, done = queue->unsent_done, now;
	struct clientq_entry entry;
	uint8_t *run;
	int count = 0;

	while (left > 0 && count < max) {
		copy(pool, &at, &entry, sizeof(entry), COPY_OUT);
		skip(pool, &at, done);
		entry.len -= done;
		left -= entry.len;
		done = 0;
		while (entry.len > 0 && count < max) {
			now = run_at(pool, &at, entry.len, &run);
			CHECK(now > 0);
			vectors_out[count].iov_base = run;
			vectors_out[count++].iov_len = now;
			at.offset += now;
			entry.len -= now;
		}
	}
	return count;
}

void
clientq_wrote(struct clientq_pool *pool, struct session_body *body,
    struct clientq *queue, size_t len, uint64_t wire_end)
{
	struct clientq_place at, header;
	struct clientq_entry entry;
	uint32_t now;

	(void)body;
	CHECK(len <= queue->unsent_bytes);
	while (len > 0) {
		header.block = queue->unsent_block;
		header.offset = queue->unsent_offset;
		at = header;
		copy(pool, &at, &entry, sizeof(entry), COPY_OUT);
		now = (uint32_t)MIN(len, entry.len - queue->unsent_done);
		queue->unsent_done += now;
		queue->unsent_bytes -= now;
		len -= now;
		if (queue->unsent_done < entry.len)
			return;
		entry.wire_end = wire_end;
		copy(pool, &header, &entry, sizeof(entry), COPY_IN);
		skip(pool, &at, entry.len);
		settle(pool, &at);
		queue->unsent_block = at.block;
		queue->unsent_offset = at.offset;
		queue->unsent_done = 0;
	}
}

/* --- freeing --- */

/* Everything before `at` is gone; at.block 0: everything. */
static void
cut_front(struct clientq_pool *pool, struct session_body *body,
    struct clientq *queue, struct clientq_place at)
{
	uint32_t block = first_of(body), next;

	if (at.block)
		clientq_block_at(pool, at.block)->first = (uint16_t)at.offset;
	atomic_store_explicit(&body->queue_first, at.block,
	    memory_order_release);
	if (!at.block)
		atomic_store_explicit(&body->queue_last, 0,
		    memory_order_relaxed);
	while (block && block != at.block) {
		next = clientq_block_at(pool, block)->next;
		clientq_block_give_back(pool, block);
		queue->blocks--;
		block = next;
	}
}

void
clientq_acked(struct clientq_pool *pool, struct session_body *body,
    struct clientq *queue, uint64_t acked)
{
	struct clientq_place at, end;
	struct clientq_entry entry;
	uint32_t left = queue->queued_bytes;

	if (first_of(body) == 0)
		return;
	at.block = first_of(body);
	at.offset = clientq_block_at(pool, at.block)->first;
	while (left > queue->unsent_bytes) {
		end = at;
		copy(pool, &end, &entry, sizeof(entry), COPY_OUT);
		if (entry.wire_end == UNWRITTEN || entry.wire_end > acked)
			break;
		skip(pool, &end, entry.len);
		left -= entry.len;
		if (left == 0) {
			clientq_clear(pool, body, queue);
			return;
		}
		settle(pool, &end);
		at = end;
	}
	queue->queued_bytes = left;
	cut_front(pool, body, queue, at);
}

void
clientq_clear(struct clientq_pool *pool, struct session_body *body,
    struct clientq *queue)
{
	cut_front(pool, body, queue, (struct clientq_place){ 0, 0 });
	memset(queue, 0, sizeof(*queue));
}
