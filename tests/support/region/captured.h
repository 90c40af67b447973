/* SPDX-License-Identifier: Apache-2.0 */
/*
 * captured - the shared memory of a running daemon, as who has taken over one
 * of its workers would use it: the region is mapped through the master's
 * descriptor, and a session of that worker's and one of another's are found.
 */
#ifndef TESTS_SUPPORT_REGION_CAPTURED_H
#define TESTS_SUPPORT_REGION_CAPTURED_H

#include "common/shm/region_layout.h"
#include "common/shm/ring.h"
#include "common/shm/streamid.h"

/* As tests/system/lib/daemon.py names it. */
#define CAPTURED_MANAGER "cm"

struct captured {
	struct region region;
	uint32_t partition;
	struct frame_id own;    /* of a session of that partition; no kind */
	struct frame_id victim; /* of another's */
	char own_streamid[STREAMID_MAX + 1];
	char victim_streamid[STREAMID_MAX + 1];
	struct ring ring; /* that the own session's frames go to */
};

/* Ends the program when there is no such thing. master: its process id. */
void captured_open(struct captured *captured, const char *master,
    uint32_t partition);

/* Has upstream look at the rings. */
void captured_count(struct captured *captured);

/* Says what is wrong, and ends the program. */
NORETURN void captured_fail(const char *what);

#endif
