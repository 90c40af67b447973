/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resume_rig - a successor of upstream and the link that its predecessor has
 * left. The predecessor is a child that is killed; the test is the server, the
 * master and a worker.
 */
#ifndef TESTS_UNIT_UPSTREAM_RESUME_RIG_H
#define TESTS_UNIT_UPSTREAM_RESUME_RIG_H

#include "tests/unit/upstream/fixture.h"

#define RESUME_LINK    2u
#define RESUME_ATTEMPT 7u

extern struct link *const resume_link; /* of this process */
extern struct region *resume_region;
/* Ends of one connection: the server's, and ours as the master keeps it. */
extern int resume_server, resume_kept;
extern struct heritage_link resume_left[RESUME_LINK + 1];
/* Of a session there is. */
extern char resume_streamid[STREAMID_MAX + 1];
extern uint32_t resume_slot;

/* What each test begins and ends with. */
void resume_setup(void);
void resume_teardown(void);

/* A worker has partition 0. */
void resume_join_worker(void);

typedef void resume_work_fn(void);

/* The first process, whose link serves, or a successor of it; it does this and
 * is killed. */
void resume_live_and_die(bool first, resume_work_fn *work);

/* The first process, whose link does not serve yet. */
void resume_live_and_negotiate(resume_work_fn *work);

/* The test's own process is the successor. */
void resume_succeed(void);

/* The link serves, and the lanes are on it. */
bool resume_goes_on(void);

/* Bytes of what the server sent, as the link's memory has it. */
uint64_t resume_parsed(void);

#endif
