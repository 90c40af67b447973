/* SPDX-License-Identifier: Apache-2.0 */
/*
 * liveness - whether a process still runs its loop, judged by its heartbeat
 * word in the region (ARCHITECTURE.md).
 *
 * Pure: time is an argument, in seconds of any steady clock. Whose word it is
 * and how often it moves is the caller's matter.
 */
#ifndef MASTER_LIVENESS_H
#define MASTER_LIVENESS_H

#include "common/base/base.h"

struct liveness {
	uint64_t word;
	double since; /* when it was seen moving last */
};

/* It is alive now, whatever the word was before. */
void liveness_start(struct liveness *liveness, uint64_t word, double now);

/* True when the word stands still for so long; once, until it moves again. */
bool liveness_is_lost(struct liveness *liveness, uint64_t word, double now,
    double timeout_s);

#endif
