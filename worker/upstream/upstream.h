/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream - the one process that holds the links to the server: its set-up,
 * what it does when it is woken, on a tick, and at the master's orders.
 * process.c calls all that on the daemon's event loop.
 */
#ifndef WORKER_UPSTREAM_UPSTREAM_H
#define WORKER_UPSTREAM_UPSTREAM_H

#include "common/base/base.h"

#define UPSTREAM_TICK_S 0.1

struct channel_message;
struct config;
struct heritage;
struct platform;
struct upstream;

/* Entry point of the process; process.c. */
NORETURN void upstream_main(struct heritage *heritage);

/* What is done before upstream_attach() (attach.h): nothing of the region is
 * touched, for a predecessor may be alive. *up is all zeroes. Heritage, its
 * configuration and the platform outlive it. */
void upstream_prepare(struct upstream *up, struct heritage *heritage,
    struct platform *platform);
/* Once the master can be written to. */
void upstream_begin(struct upstream *up);
void upstream_tear_down(struct upstream *up);

/* Ahead of everything else whenever it was woken: what time it is. */
void upstream_begin_turn(struct upstream *up);
/* Before it sleeps: moves what there is to move. True when something was; then
 * it is to be called again before sleeping. */
bool upstream_work(struct upstream *up);
/* Each UPSTREAM_TICK_S. */
void upstream_tick(struct upstream *up);
/* From the master; a descriptor in it is closed. */
void upstream_take_message(struct upstream *up,
    const struct channel_message *message);
/* It is in force from here on, and outlives the next. */
void upstream_take_config(struct upstream *up, struct config *config);

#endif
