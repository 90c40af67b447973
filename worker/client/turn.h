/* SPDX-License-Identifier: Apache-2.0 */
/*
 * turn - what a worker does at the end of each turn of its loop, and on ticks,
 * for all who wait in its lists: those that have something to write (dirty),
 * those whose words are not acknowledged (unacked), those that wait for room in
 * a ring (blocked). Each may be closed, or freed, on the way.
 */
#ifndef WORKER_CLIENT_TURN_H
#define WORKER_CLIENT_TURN_H

#include "common/base/base.h"

struct client_worker;

/* Writes what clients are to get; whoever is due to have something written
 * meanwhile has the next turn. */
void turn_flush(struct client_worker *worker);
/* Frees what clients have acknowledged. */
void turn_collect(struct client_worker *worker);
/* Moves backlogs into rings that have room again; true when clients can go
 * on. */
bool turn_drain(struct client_worker *worker);

#endif
