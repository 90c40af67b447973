/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/receive/down.h"

#include "common/shm/region.h"
#include "common/shm/store.h"
#include "worker/upstream/link/link.h"

/* About five seconds of ticks. A worker that the processor is withheld from is
 * not hung; the server gives up on a link that is not read for thirty. */
#define HUNG_TICKS 50

static void
request_room(struct upstream *up, uint32_t partition, bool on)
{
	shm_store(&region_pair_control(up->region, partition)->wants_room, on,
	    memory_order_seq_cst);
}

void
down_flush(struct upstream *up)
{
	bool blocked = false;

	for (uint32_t i = 0; i < up->partition_count; i++) {
		struct partition *partition = &up->partitions[i];

		if (!ring_writer_is_blocked(&partition->down))
			continue;
		/* Asked before the last look, so that no answer is missed. */
		request_room(up, i, true);
		if (ring_writer_flush(&partition->down))
			partition->ring_doorbell = true;
		if (!ring_writer_is_blocked(&partition->down))
			request_room(up, i, false);
		else if (partition->phase != PHASE_RECOVERING)
			blocked = true;
	}
	if (up->blocked && !blocked)
		for (unsigned i = 0; i < up->link_count; i++)
			link_want_read(&up->links[i], true);
	up->blocked = blocked;
}

void
down_watch(struct upstream *up)
{
	for (uint32_t i = 0; i < up->partition_count; i++) {
		struct partition *partition = &up->partitions[i];

		if (partition->phase == PHASE_SERVING &&
		    ring_writer_stands_still(&partition->down, HUNG_TICKS))
			upstream_send(up, CHANNEL_WORKER_HUNG, i);
	}
}
