/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/unit/shm/ring_rig.h"

#include <string.h>

_Atomic uint64_t head, sent, tail;
uint8_t data[CAPACITY] __attribute__((aligned(8)));
struct ring ring;

void
ring_rig_setup(void)
{
	head = sent = tail = 0;
	memset(data, 0, sizeof(data));
	ring_attach(&ring, &head, &sent, &tail, data, CAPACITY);
}

struct frame_id
message_id(uint32_t slot)
{
	struct frame_id id = { .kind = FRAME_MESSAGE,
		.slot = slot,
		.generation = 7,
		.nonce32 = 0xABCD };

	return id;
}
