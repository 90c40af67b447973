/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steady_clock - the time that deadlines, intervals and ages are in, in every
 * process: CLOCK_MONOTONIC, which is one and the same for all of them, so that
 * it may stand in shared memory. The time of day, which ev_now() and time()
 * tell, is set by people and by NTP: it is for people only, in what they read.
 */
#ifndef COMMON_BASE_STEADY_CLOCK_H
#define COMMON_BASE_STEADY_CLOCK_H

#include <stdint.h>

/* Seconds since some moment; never goes back, and stands still while the
 * machine is suspended. */
double steady_clock_s(void);

/* The same in whole seconds, cheaper and late by a few milliseconds. */
uint32_t steady_clock_coarse_s(void);

/* Whole seconds from `then_s` to `now_s`; 0 for what lies ahead. */
uint32_t steady_clock_age_s(uint32_t then_s, uint32_t now_s);

#endif
