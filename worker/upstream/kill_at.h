/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_at - upstream kills itself at one of its kill points
 * (common/shm/store.h), in a build with CM_KILL_POINTS; in any other there is
 * nothing of it.
 *
 * The environment's CM_KILL_AT is the path of a file of KILL_AT_BYTES, blanks
 * behind two numbers: a seed, and how many points an incarnation passes at
 * most. It is mapped when a process begins and looked at when it takes its
 * predecessor's place; while it is blank, nothing happens. Which point it is
 * follows from the seed and the incarnation. What is said before has its name.
 */
#ifndef WORKER_UPSTREAM_KILL_AT_H
#define WORKER_UPSTREAM_KILL_AT_H

#include <stdint.h>

#define KILL_AT_BYTES 64

#ifdef CM_KILL_POINTS
/* Within a process that is not confined yet. */
void kill_at_open(void);
void kill_at_begin(uint32_t incarnation);
#else
#define kill_at_open()             ((void)0)
#define kill_at_begin(incarnation) ((void)(incarnation))
#endif

#endif
