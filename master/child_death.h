/* SPDX-License-Identifier: Apache-2.0 */
/*
 * child_death - which children still turn their loops, and what the master logs
 * and does when one was reaped. A SIGSTOP, a busy loop or a call that never
 * returns leaves the heartbeat word where it is.
 */
#ifndef MASTER_CHILD_DEATH_H
#define MASTER_CHILD_DEATH_H

#include "common/base/base.h"

struct child;

/* It serves now, or its deadlines start again. */
void child_watch_begin(struct child *child, double now);
/* True when it stands still for hang.timeout; once. */
bool child_watch_is_lost(struct child *child, double now);

/* It was reaped with this status: its successor, if there is to be one, is due,
 * and siblings have what it leaves. */
void child_bury(struct child *child, int status, double now);

/* --- what waitpid() returned, in words, and whose doing it was; pure --- */

#define CHILD_DEATH_TEXT_MAX 64

/* "exit code=1", "signal=SEGV core=yes". */
const char *child_death_print(int status, char text_out[CHILD_DEATH_TEXT_MAX]);
/* It ended because its configuration cannot work (heritage.h). */
bool child_death_is_final(int status);
/* It ended by itself or by a fault of its own: exit, SEGV, ABRT ... */
bool child_death_is_own_making(int status);

#endif
