/* SPDX-License-Identifier: Apache-2.0 */
/*
 * process - the simulated upstream process: production code above
 * struct platform, which is platform_model.c here; its turns, its deaths, and
 * the master that holds its sockets and starts its successor.
 */
#ifndef TESTS_SIMULATION_PROCESS_H
#define TESTS_SIMULATION_PROCESS_H

#include "common/base/base.h"

struct channel_message;
struct platform;
struct upstream;

/* The one that runs, or NULL. */
extern struct upstream *process_upstream;

void process_begin(void);
/* A turn of its loop. */
void process_turn(void);
/* The same, in which it may be killed. */
void process_last_turn(void);
/* Between two turns. */
void process_kill(void);
/* Starts one if none runs; one that dies soon. */
void process_start(bool dies);

/* --- the master's orders --- */

/* It is to end; true: it has. */
void process_stop(void);
bool process_has_ended(void);
/* The platform's end(). */
void process_end(void);
/* The configuration is another (world.config). */
void process_reload(void);
void process_tell(const struct channel_message *message);

/* --- platform_model.c --- */

extern struct platform platform_model;

/* A process begins: nothing is watched. */
void platform_begin(void);
/* What has come for it, by the calls that the daemon's loop makes. */
void platform_deliver(struct upstream *up);
/* True when there is something that wakes it. */
bool platform_wakes(const struct upstream *up);

#endif
