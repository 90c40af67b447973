/* SPDX-License-Identifier: Apache-2.0 */
/* crew_private - for the files of the workers: crew.c says, crew_leave.c ends,
 * crew_down.c takes what comes down. */
#ifndef TESTS_SIMULATION_CREW_PRIVATE_H
#define TESTS_SIMULATION_CREW_PRIVATE_H

#include "common/shm/clientq.h"
#include "common/shm/region.h"
#include "common/shm/ring.h"
#include "common/shm/server_state.h"
#include "tests/simulation/world.h"

struct client;
struct directory;

struct worker {
	bool is_alive;
	unsigned partition;
	struct directory *directory;
	struct clientq_pool *pool;
	struct ring up[LANE_COUNT];
	struct ring down;
	struct server_state server;
	struct client *clients[SLOTS];
	struct clientq queues[SLOTS];
	bool published;
	uint8_t chain[16384];
	size_t chain_len;
};

/* A frame into its session's ring; false: there is no room. */
bool crew_push(struct worker *worker, const struct client *client, uint8_t kind,
    const void *bytes, size_t len);
void crew_say(struct worker *worker, struct client *client, uint8_t kind);

/* The client leaves: what it did not get goes back, and what comes until
 * `left` does; then its close. */
void crew_leave(struct worker *worker, struct client *client);
void crew_go_on_leaving(struct worker *worker, struct client *client);
/* The same without waiting: the server has ended it. */
void crew_end(struct worker *worker, struct client *client);
void crew_take_left(struct client *client);

/* Its TCP has acknowledged all that waits for it. */
void crew_read_queue(struct worker *worker, struct client *client);
/* One item of the down ring; false: there is none. */
bool crew_take_frame(struct worker *worker);

#endif
