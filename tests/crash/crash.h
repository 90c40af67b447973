/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crash - children that die at any instruction, for tests of shared memory.
 *
 * Two ways. crash_start() and crash_kill() let a child run beside the test and
 * SIGKILL it somewhere. step_through() stops a child after every instruction:
 * what shared memory holds then is what a SIGKILL at that place would leave, so
 * no place is missed. Children use CHECK, never ck_assert.
 */
#ifndef TESTS_CRASH_CRASH_H
#define TESTS_CRASH_CRASH_H

#include "common/base/base.h"

#include <sys/types.h>

/* Prints the seed: CRASH_SEED of the environment, or the time. */
void crash_seed(void);
uint32_t crash_random(uint32_t below);

/* Milliseconds for one test; CRASH_SECONDS of the environment, or two. */
uint64_t crash_budget_ms(void);
uint64_t crash_now_us(void); /* monotonic */

/* The child runs work(context), which does not return before its death. */
pid_t crash_start(void (*work)(void *context), void *context);

/* SIGKILLs it and reaps it; fails the test when it had died by itself. */
void crash_kill(pid_t pid);

/* Memory that parent and children share; zeroed. Never given back. */
void *crash_share(size_t bytes);

#define STEP_SPANS 6

struct step {
	struct step_span {
		const void *at;
		size_t bytes;
	} spans[STEP_SPANS]; /* what is shared; unused ones have no bytes */
	void (*work)(void *context); /* in the child; returns */
	void (*look)(void *context); /* in the parent, at each change of it */
	void *context;
};

/* Until the work or twice the test's time is over. Instructions done, or 0 when
 * this system forbids tracing. Work should be lean: a step is a system call. */
uint64_t step_through(const struct step *step);

#endif
