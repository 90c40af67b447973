/* SPDX-License-Identifier: Apache-2.0 */
/*
 * children_rig - the master's children, two workers and upstream, played by
 * fake_child, and all that they say. No timer runs: what happens without one
 * happens at once, and waits are over when the test moves the clock.
 */
#ifndef TESTS_UNIT_MASTER_CHILDREN_RIG_H
#define TESTS_UNIT_MASTER_CHILDREN_RIG_H

#include "common/process/config.h"
#include "common/shm/ledger.h"
#include "master/child.h"
#include "tests/unit/master/fake_child.h"

#define RIG_PARTITIONS 8u /* SMALL_PARTITIONS of small_region.h */
#define RIG_EVENTS_MAX 1024u
#define RIG_HANG_S     1e6 /* the fake ones move no word */

struct children_rig {
	struct config config;
	struct resources resources;
	struct children *children;
	struct ev_loop *loop;
	double skew_s; /* how far the test is ahead of the clock */
	struct fake_event events[RIG_EVENTS_MAX];
	unsigned event_count;
	struct child *first_ready; /* of the workers */
};
extern struct children_rig rig;
/* Set before the setup: there is a control process, too. */
extern bool rig_listens;

/* A checked fixture; ends all children at the end. */
void rig_setup(void);
void rig_teardown(void);

/* Seconds, with the skew. */
double rig_now(void);

/* Does what is due. */
void rig_tend(void);

/* The end of a turn: does what follows from what it has brought. */
void rig_settle(void);

/* Does it, and waits until all serve. */
void rig_start_all(void);

/* How often a process received this. */
unsigned rig_received(pid_t pid, enum channel_type type, uint32_t partition,
    uint32_t number);

/* How many were born in this role. */
unsigned rig_births(enum child_role role);

/* Lets the world turn until this holds; the test fails when it never does. */
#define UNTIL(condition) \
	do { \
		rig_settle(); \
		while (!(condition)) { \
			ev_run(rig.loop, EVRUN_ONCE); \
			rig_settle(); \
		} \
	} while (0)

#endif
