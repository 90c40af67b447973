/* SPDX-License-Identifier: Apache-2.0 */
/*
 * doorbell - the eventfd that says "look at your rings": sleeping and waking
 * between a worker and upstream without losing a wake-up (MEMORY.md §5).
 *
 * Before the loop blocks, a process sets its asleep flag, fences, looks at
 * everything once more and only then sleeps; it clears the flag when it wakes.
 * A producer publishes, fences, and rings when the other's flag is set.
 */
#ifndef WORKER_DOORBELL_H
#define WORKER_DOORBELL_H

#include "common/base/base.h"

#include <ev.h>
#include <stdatomic.h>

struct doorbell {
	ev_io io;
	ev_prepare prepare;
	ev_check check;
	ev_idle again; /* keeps the loop from blocking when work was found */
	int fd;        /* own eventfd */
	_Atomic uint32_t *asleep; /* own flag */
	/* Handles what is there; true when it did something (it is then called
	 * again before sleeping). */
	bool (*on_work)(void *context);
	void *context;
};

/* Fields fd, asleep, on_work and context are set by the caller. */
void doorbell_start(struct doorbell *doorbell, struct ev_loop *loop);

/* After publishing: rings `fd` if `asleep` is set (seq_cst fence inside). */
void doorbell_ring(_Atomic uint32_t *asleep, int fd);

#endif
