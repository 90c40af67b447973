/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fake_child - children that behave as a test says, in place of workers and
 * upstream, and report on a pipe what happens to them.
 */
#ifndef TESTS_UNIT_MASTER_FAKE_CHILD_H
#define TESTS_UNIT_MASTER_FAKE_CHILD_H

#include "common/process/channel.h"
#include "common/process/heritage.h"

#include <sys/types.h>

enum fake_way {
	FAKE_SERVE,
	FAKE_DIE_EARLY, /* before it is ready, code 3 */
	FAKE_DIE_READY, /* right after, by a fault of its own */
	FAKE_HANG,      /* never ready */
	FAKE_DEAF,      /* ready, heeds no STOP */
	FAKE_STALL,     /* ready while the master is stopped, until too late */
	FAKE_HANG_UP,   /* ready, closes its channel, lives on */
	FAKE_MISFIT,    /* cannot work as configured */
	FAKE_PANIC,     /* ready, then aborts with a panic message */
	FAKE_BABBLE,    /* ready, then speaks no language */
};

/* How those behave that are born from now on. */
struct fake_ways {
	enum fake_way worker, upstream, control;
	double stall_s;
	bool frees_partitions; /* upstream, at once when a worker is gone */
};
extern struct fake_ways fake_ways;

enum fake_deed {
	FAKE_BORN,
	FAKE_INHERITED,
	FAKE_READY,
	FAKE_RECEIVED,
	FAKE_ENDS
};

struct fake_event {
	enum child_role role;
	pid_t pid;
	uint32_t partition; /* its own */
	enum fake_deed deed;
	struct channel_message message; /* what it received, or the link */
	uint16_t port;                  /* of the descriptor that came along */
};

/* A pipe of struct fake_event, whole ones. */
extern int fake_events[2];

void fake_child_main(struct heritage *heritage);

#endif
