/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pulse - whether a process still turns its loop, told by its heartbeat word in
 * the region (ARCHITECTURE.md).
 *
 * Pure: time is an argument, in seconds of any steady clock. Whose word it is
 * and how often it moves is the caller's matter.
 */
#ifndef MASTER_PULSE_H
#define MASTER_PULSE_H

#include "common/base/base.h"

struct pulse {
	uint64_t word;
	double since; /* when it was seen moving last */
};

/* It lives now, whatever the word was before. */
void pulse_start(struct pulse *pulse, uint64_t word, double now);

/* True when the word stands still for so long; once, until it moves again. */
bool pulse_is_lost(struct pulse *pulse, uint64_t word, double now,
    double timeout_s);

#endif
