/* SPDX-License-Identifier: Apache-2.0 */
/*
 * kill - upstream's code runs here, and dies here: before any atomic store
 * (kill_points.h), at any beginning of a basic block of it or of common/shm,
 * which the compiler marks by a call (-fsanitize-coverage=trace-pc), before and
 * after any call of the platform, and wherever it ends itself.
 */
#ifndef TESTS_SIMULATION_KILL_H
#define TESTS_SIMULATION_KILL_H

#include "common/base/base.h"

typedef void kill_work_fn(void);

enum kill_end {
	KILL_NONE, /* it went to its end */
	KILL_KILLED,
	KILL_EXITED, /* by itself */
};

/* How many of each it survives; 0: all. */
struct kill_plan {
	uint32_t blocks;
	uint32_t stores;
};

/* Runs it, on upstream's heap or as a worker. */
enum kill_end kill_run(kill_work_fn *work, const struct kill_plan *plan);
enum kill_end kill_run_worker(kill_work_fn *work, const struct kill_plan *plan);
/* Ends what runs, as a call of the platform that does not come back. */
void kill_at_call(void);
/* From within: so many more. */
void kill_arm(const struct kill_plan *plan);
/* What ran last had so many. */
struct kill_plan kill_counts(void);
/* Code of _exit(). */
int kill_exit_code(void);

#endif
