/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring: whatever the other process wrote, neither side leaves the ring, loops
 * or trusts an impossible cursor.
 *
 * Input: head, sent, tail (8 bytes each), capacity, length of a push and the
 * side under test (a byte each), then the ring's bytes.
 */
#include "common/shm/ring.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

#define HEAD_BYTES 27u

struct input {
	uint64_t head, sent, tail;
	uint8_t capacity, push, side;
};

static volatile uint32_t sum;

static void
read_bytes(const uint8_t *bytes, size_t len)
{
	while (len-- > 0)
		sum += *bytes++;
}

/* A frame costs at least its header, so there is a bound on their number. */
static void
consume(const struct ring *ring, uint64_t cursor)
{
	const uint64_t most = ring->capacity / FRAME_HEADER_BYTES + 1;
	struct frame frame;
	uint64_t before = cursor, count = 0;
	int found;

	while ((found = ring_next(ring, &cursor, &frame)) == 1) {
		CHECK(++count <= most);
		/* Differences: a hostile cursor may come round at 2^64. */
		CHECK(frame.cursor - before < ring->capacity);
		CHECK(frame.next - frame.cursor >= FRAME_HEADER_BYTES);
		CHECK(frame.next - before <= ring->capacity);
		CHECK(frame.next == cursor);
		CHECK(frame.bytes >= ring->data + FRAME_HEADER_BYTES);
		CHECK(frame.len <=
		      (size_t)(ring->data + ring->capacity - frame.bytes));
		read_bytes(frame.bytes, frame.len);
		if (frame.flags & FRAME_PARSED)
			read_bytes((const uint8_t *)&frame.fields,
			    sizeof(frame.fields));
		(void)frame_verify(&frame, (uint32_t)count);
		before = cursor;
	}
	CHECK(found == 0 || found == -EPROTO);
	CHECK(found != 0 || cursor == ring_head(ring));
}

/* The producer wrote head itself; the consumer's tail is the hostile part. */
static void
produce(struct ring *ring, uint32_t push)
{
	static const uint8_t item[65536];
	const struct frame_id id = { .kind = FRAME_MESSAGE, .slot = push };
	static const struct frame_fields fields;
	int error;

	for (int i = 0; i < 8; i++) {
		error = i & 1
			    ? ring_push_chain(ring, &id, i & 2 ? &fields : NULL,
				  item, push * 64, 512)
			    : ring_push(ring, &id, item, push * 16);
		CHECK(error == 0 || error == -ENOSPC || error == -EMSGSIZE ||
		      error == -EPROTO);
		CHECK(ring->staged == ring_head(ring));
		CHECK(ring_room(ring) <= ring->capacity);
	}
	ring_trim(ring);
}

int
LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	_Atomic uint64_t head, sent, tail;
	struct input in;
	struct ring ring;
	uint64_t capacity;
	uint8_t *data;

	if (len < HEAD_BYTES)
		return 0;
	memcpy(&in, bytes, HEAD_BYTES);
	capacity = 4096u << (in.capacity & 1);
	data = aligned_alloc(8, capacity);
	CHECK(data);
	memset(data, 0, capacity);
	memcpy(data, bytes + HEAD_BYTES, MIN(len - HEAD_BYTES, capacity));
	head = in.side & 1 ? in.head & ~7ull : in.head;
	sent = in.sent;
	tail = in.tail;
	ring_attach(&ring, &head, &sent, &tail, data, capacity);
	if (in.side & 1) {
		produce(&ring, in.push);
	} else {
		consume(&ring, ring_tail(&ring));
		consume(&ring, ring_sent(&ring));
	}
	free(data);
	return 0;
}
