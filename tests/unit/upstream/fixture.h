/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fixture - the one upstream that the tests of worker/upstream work on: as its
 * process has it after set-up, on a small region, with no link connected yet.
 *
 * A test takes the part it is about by name (`up.set`, `up.hints`, ...) and
 * begins with begin_upstream(), itself or by tcase_add_checked_fixture(), and
 * ends with finish_upstream().
 */
#ifndef TESTS_UNIT_UPSTREAM_FIXTURE_H
#define TESTS_UNIT_UPSTREAM_FIXTURE_H

#include "common/process/heritage.h"
#include "worker/upstream/platform_loop.h"
#include "worker/upstream/session/session.h"

#define FIXTURE_LINKS      8u
#define FIXTURE_RING_BYTES 4096u /* of each worker's rings */
#define FIXTURE_ITEM_BYTES 65536u
#define FIXTURE_SESSIONS   8u /* of a partition */

extern struct upstream up;
/* What it runs on: an event loop that turns only where a test says so. */
extern struct platform_loop ground;
/* What the worker of partition 0 has: the reading end of its down ring. */
extern struct ring worker_end;

/* A session that the worker of partition 0 has claimed, which serves from
 * begin_session() on. */
extern struct session session;

/* What is logged from LOG_WARNING on is counted, log_lines.h. */
void begin_upstream(void);
void finish_upstream(void);

/* begin_upstream() in two, for tests of what a predecessor leaves: the region,
 * and the process on it, which gets these links. A child that begins, too, and
 * is killed, is one. */
struct region *begin_region(void);
void begin_process(const struct heritage_link *links, unsigned link_count);
void want_links(unsigned count); /* of the next process */
/* The master's end of the process's channel, which the test plays and frees. */
struct channel *begin_supervision(void);
void begin_session(void);
void finish_session(void);
/* A frame of the session in its lane's ring. */
void worker_says(uint8_t kind, const void *bytes, size_t len);

/* An empty down ring of partition 0, whose writer cuts items into pieces of
 * so many bytes (0: none) and lets at most `cap` bytes wait. */
void empty_down_ring(uint32_t piece, size_t cap);

#endif
