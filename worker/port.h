/* SPDX-License-Identifier: Apache-2.0 */
/*
 * port - doorbells as events: sleeping and waking between a worker and
 * upstream without losing a wake-up (MEMORY.md §4).
 *
 * Before the loop blocks, a process sets its asleep flag, fences, looks at
 * everything once more and only then sleeps; it clears the flag when it wakes.
 * A producer publishes, fences, and rings when the other's flag is set.
 */
#ifndef WORKER_PORT_H
#define WORKER_PORT_H

#include "common/base/base.h"

#include <ev.h>
#include <stdatomic.h>

struct port {
	ev_io bell_io;
	ev_prepare prepare;
	ev_check check;
	ev_idle again; /* keeps the loop from blocking when work was found */
	struct ev_loop *loop;
	int bell;                 /* own eventfd */
	_Atomic uint32_t *asleep; /* own flag */
	/* Handles what is there; true when it did something (it is then asked
	 * again before sleeping). */
	bool (*on_work)(void *context);
	void *context;
};

/* Fields own bell, asleep, on_work and context are set by the caller. */
void port_start(struct port *port, struct ev_loop *loop);

/* After publishing: rings `bell` if `asleep` is set (seq_cst fence inside). */
void port_ring(_Atomic uint32_t *asleep, int bell);

#endif
