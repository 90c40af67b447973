/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill_at - upstream kills itself at one of its kill points
 * (common/shm/store.h), in a build with CM_KILL_POINTS; in any other there is
 * nothing of it.
 *
 * The environment's CM_KILL_AT is the path of a file of KILL_AT_BYTES, blanks
 * behind its text. It is mapped when a process begins and looked at when it
 * takes its predecessor's place; while it is blank, nothing happens. What is
 * said before has the point's name. The text is one of:
 *
 *   SEED MOST           which point it is follows from the seed and the
 *                       incarnation, which passes so many points at most
 *   COUNT POINT         a line for an incarnation each, in turn: the COUNT-th
 *   COUNT POINT ...     time that it passes this point
 */
#ifndef WORKER_UPSTREAM_KILL_AT_H
#define WORKER_UPSTREAM_KILL_AT_H

#include <stdint.h>

#define KILL_AT_BYTES 4096

#ifdef CM_KILL_POINTS
/* Within a process that is not confined yet. */
void kill_at_open(void);
void kill_at_begin(uint32_t incarnation);
#else
#define kill_at_open()             ((void)0)
#define kill_at_begin(incarnation) ((void)(incarnation))
#endif

#endif
