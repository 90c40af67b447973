/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ring_bench FRAMES BYTES: so many frames of so many bytes through one ring,
 * pushed, read, verified and released. Measured from outside; see
 * tests/bench/instructions.
 */
#include "common/shm/ring.h"

#include <stdlib.h>
#include <string.h>

#define CAPACITY (1u << 20)
/* Frames in the ring before the consumer has its turn. */
#define BATCH 16u
#define NONCE 0x12345678u

static uint64_t
take_all(struct ring *ring)
{
	uint64_t cursor = ring_tail(ring), seen = 0;
	struct frame frame;

	while (ring_next(ring, &cursor, &frame) == 1) {
		CHECK(frame_verify(&frame, NONCE));
		seen++;
	}
	ring_set_sent(ring, cursor);
	ring_release(ring, cursor);
	return seen;
}

int
main(int argc, char **argv)
{
	static _Atomic uint64_t head, sent, tail;
	static uint8_t bytes[FRAME_BYTES_MAX];
	const struct frame_id id = { .kind = FRAME_MESSAGE,
		.slot = 7,
		.generation = 1,
		.nonce32 = NONCE };
	struct ring ring;
	uint64_t seen = 0, count, i;
	uint32_t len;

	CHECK(argc == 3);
	count = strtoull(argv[1], NULL, 10);
	len = (uint32_t)MIN(strtoul(argv[2], NULL, 10), CAPACITY / 64);
	memset(bytes, 'x', sizeof(bytes));
	ring_attach(&ring, &head, &sent, &tail, xcalloc(1, CAPACITY), CAPACITY);
	for (i = 0; i < count; i++) {
		CHECK(ring_push(&ring, &id, bytes, len) == 0);
		if (i % BATCH == BATCH - 1)
			seen += take_all(&ring);
	}
	seen += take_all(&ring);
	CHECK(seen == count);
	free(ring.data);
	return 0;
}
