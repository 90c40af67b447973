/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker - a child's life, the same for every role: reset signals, own process
 * group, close what heritage does not list, take the region's own sections,
 * drop rights, make the loop, report ready, run, end.
 */
#ifndef WORKER_WORKER_H
#define WORKER_WORKER_H

#include "common/base/base.h"

#include <ev.h>

struct heritage;
struct supervised;

/* First part: everything up to the loop. Aborts the child on failure. */
struct ev_loop *worker_begin(struct heritage *heritage);

/* Last part: only the calls of confine.def are left. Before READY. */
void worker_confine(const struct heritage *heritage);

/* A standby becomes what it stood by for: its name, its counters. */
void worker_take_place(struct heritage *heritage);

/* The configuration cannot work: logs why and ends, not to be started again. */
NORETURN void worker_refuse_config(const char *why);

/* Moves this child's heartbeat word once a second while the loop turns, and
 * reports when nobody takes its log lines any more. */
void worker_start_heartbeat(struct supervised *supervised,
    _Atomic uint64_t *heartbeat_word);

#endif
