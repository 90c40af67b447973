/* SPDX-License-Identifier: Apache-2.0 */
/*
 * world - one run: upstream, workers, master, kernel and server in one process,
 * in a time of their own, and who of them goes on at each step.
 */
#ifndef TESTS_SIMULATION_WORLD_H
#define TESTS_SIMULATION_WORLD_H

#include "common/base/base.h"

#define PARTITIONS 6u
#define SLOTS      8u /* of each */
#define MANAGER    "cm1"
#define DOMAIN     "example.org"

struct config;
struct region;

struct world {
	double now; /* seconds */
	unsigned step;
	bool is_calm; /* no faults any more, all goes on */
	struct region *region;
	struct config *config; /* in force */
};

extern struct world world;

/* Once for a process. */
void world_init(void);

/* A whole run of so many steps. NULL, or the rule that was broken. */
const char *world_run(uint64_t seed, unsigned steps);

/* Words, few ones mostly. */
const char *world_filling(void);

bool world_server_listens(void);
bool world_session_lives(uint32_t slot, uint32_t generation);

#endif
