/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a worker has in common with upstream: it begins with cursors that it
 * wrote itself, writes them anew when they are damaged, and ends when what
 * upstream wrote into the down ring makes no sense for longer than upstream
 * needs to put it right (MEMORY.md §11). It does the same with what both
 * publish of a session: its slots are kept as it wrote them, and a client whom
 * upstream takes for gone is notified.
 */
#include "worker/client/shared.h"

#include "common/base/log.h"
#include "common/net/endpoint.h"
#include "common/process/heritage.h"
#include "common/shm/directory.h"
#include "common/shm/region.h"
#include "common/shm/ring.h"
#include "common/shm/stats.h"
#include "common/shm/streamid.h"
#include "common/xmpp/close.h"
#include "worker/client/client.h"
#include "worker/client/client_state.h"
#include "worker/client/state.h"

/* Upstream looks at its cursors ten times a second, a successor at once. */
#define PATIENCE_S 3u

/* Each session is looked at once in so many ticks. */
#define LOOK_TICKS 4u
#define LOOK_MIN   256u

/* Upstream looks at these words only after READY, so that it never sees what a
 * predecessor left in them. */
void
shared_begin(struct client_worker *worker, uint32_t partition,
    uint32_t incarnation)
{
	struct worker_control *control =
	    region_worker_control(worker->region, partition);
	unsigned lane;

	worker->control = control;
	worker->upstream = region_upstream_control(worker->region);
	worker->pair = region_pair_control(worker->region, partition);
	region_down_ring(worker->region, partition, &worker->down);
	ring_begin(&worker->down, RING_CONSUMER);
	for (lane = 0; lane < LANE_COUNT; lane++) {
		region_up_ring(worker->region, partition, lane,
		    &worker->up[lane]);
		ring_begin(&worker->up[lane], RING_PRODUCER);
	}
	atomic_store(&control->asleep, 0);
	atomic_store(&control->wants_room, 0);
	atomic_store(&control->incarnation, incarnation);
}

static void
restore(struct client_worker *worker)
{
	bool differed = ring_restore(&worker->down);
	unsigned lane;

	for (lane = 0; lane < LANE_COUNT; lane++)
		differed |= ring_restore(&worker->up[lane]);
	if (!differed)
		return;
	stats_add(STAT_CURSORS_RESTORED, 1);
	log_limited(LOG_ERROR, 1,
	    "cursors of own rings were damaged in shared memory;"
	    " they are written anew");
}

/* --- sessions --- */

/* What upstream's part of a session never holds while its client is there; but
 * one that the server has just forgotten is notified of it in a moment. */
static bool
is_cut_off(const struct client *client)
{
	struct client_worker *worker = worker_of(client);
	uint16_t flags = directory_flags(worker->directory, client->slot);

	if (!directory_is_live(worker->directory, client->slot) ||
	    (flags & (ROUTE_CLOSING | ROUTE_PAYS)))
		return true;
	if (!client_is_authenticated(client))
		return false;
	return (flags & (ROUTE_DEAD | ROUTE_CREATED)) != ROUTE_CREATED;
}

static void
end_cut_off(struct client *client)
{
	struct client_worker *worker = worker_of(client);
	char streamid[STREAMID_MAX + 1], address[ENDPOINT_TEXT_MAX];

	/* What upstream sent of its loss may itself have been lost. */
	if (directory_flags(worker->directory, client->slot) & ROUTE_DEAD) {
		client_close(client, CLOSE_NOT_FOUND);
		return;
	}
	stats_add(STAT_SESSIONS_DAMAGED, 1);
	directory_streamid(worker->directory, client->slot, streamid);
	log_limited(LOG_ERROR, 1,
	    "a session's shared memory is damaged session=%s "
	    "address=%s",
	    streamid, client_peer_text(client, address));
	client_close(client, CLOSE_INTERNAL);
}

static void
look_at_client(struct client *client)
{
	if (client->state == CLIENT_CLOSING || !is_cut_off(client)) {
		client->flags &= (uint16_t)~CLIENT_CUT_OFF;
	} else if (!(client->flags & CLIENT_CUT_OFF)) {
		client->flags |= CLIENT_CUT_OFF;
	} else {
		end_cut_off(client);
	}
}

static void
look_at_sessions(struct client_worker *worker)
{
	uint32_t slots = region_geometry(worker->region)->slots_per_partition;
	uint32_t count = MIN(slots, MAX(slots / LOOK_TICKS, LOOK_MIN));
	uint32_t first = worker->heritage->partition * slots;
	bool differed = false;

	while (count-- > 0) {
		uint32_t number = worker->look_next++ % slots;

		differed |=
		    directory_restore(worker->directory, first + number);
		if (worker->by_slot[number])
			look_at_client(worker->by_slot[number]);
	}
	if (!differed)
		return;
	stats_add(STAT_CURSORS_RESTORED, 1);
	log_limited(LOG_ERROR, 1, "own session slots were damaged; restored");
}

void
shared_note_down(struct client_worker *worker, bool sound)
{
	if (sound) {
		worker->damaged_since_s = 0;
	} else if (worker->damaged_since_s == 0) {
		worker->damaged_since_s = now_s();
		log_limited(LOG_WARNING, 1,
		    "the down ring is damaged; this worker ends"
		    " if it stays so for %u s",
		    PATIENCE_S);
	}
}

bool
shared_tick(struct client_worker *worker)
{
	restore(worker);
	look_at_sessions(worker);
	if (worker->damaged || worker->damaged_since_s == 0 ||
	    now_s() - worker->damaged_since_s < PATIENCE_S)
		return true;
	stats_add(STAT_RINGS_DAMAGED, 1);
	worker->damaged = true;
	return false;
}
