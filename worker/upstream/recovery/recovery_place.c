/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/recovery/recovery_place.h"

#include "common/shm/seal.h"
#include "common/shm/store.h"
#include "worker/upstream/send/lane.h"
#include "worker/upstream/session/session.h"

#define NUMBER_MASK (0x3fffull << LANE_POSITION_BITS)

/* In the shared word a check stands where the partition's number was. */
static uint64_t
with_check(uint64_t place)
{
	uint64_t bare = place & ~NUMBER_MASK;

	return bare | (seal_word(0, bare) & NUMBER_MASK);
}

struct origin
recovery_place(const struct upstream *up, uint32_t partition,
    enum lane_cause cause, uint64_t position)
{
	return (struct origin){ lane_place(cause, partition, position),
		up->partitions[partition].incarnation };
}

/* An item goes back: the entry names it, then the cursor moves behind it. */
void
recovery_return(struct upstream *up, struct origin origin,
    struct session session, const struct session_item *item)
{
	uint32_t partition =
	    (uint32_t)((origin.place & NUMBER_MASK) >> LANE_POSITION_BITS);

	up->origin = origin;
	session_return_own(up, session, item);
	up->origin = (struct origin){ 0 };
	shm_store(&region_pair_control(up->region, partition)->recovered,
	    with_check(origin.place), memory_order_release);
}

/* A predecessor may have been killed between the two. 0: at the begin. */
uint64_t
recovery_find_place(struct upstream *up, uint32_t partition)
{
	uint64_t word =
	    atomic_load(&region_pair_control(up->region, partition)->recovered);
	struct origin low = recovery_place(up, partition, LANE_OF_QUEUE, 0);
	uint64_t queue_end =
	    lane_place(LANE_OF_QUEUE, partition, LANE_POSITION_MAX);
	uint64_t ring_end =
	    lane_place(LANE_OF_RING, partition, LANE_POSITION_MAX);
	uint64_t reached = 0, logged;
	unsigned count;

	if (word == with_check(word) && word >> 62)
		reached = (word & ~NUMBER_MASK) | (low.place & NUMBER_MASK);
	logged = lanes_find_origin(up, low, queue_end, &count);
	reached = MAX(reached, logged);
	low = recovery_place(up, partition, LANE_OF_RING, 0);
	logged = lanes_find_origin(up, low, ring_end, &count);
	return MAX(reached, logged);
}
