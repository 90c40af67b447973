/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace - what happens in a run: hashed always, so that two runs can be
 * compared; printed when it is asked for.
 */
#ifndef TESTS_SIMULATION_TRACE_H
#define TESTS_SIMULATION_TRACE_H

#include "common/base/base.h"

extern bool trace_is_printed;

void trace_begin(void);
void trace_mix(uint64_t word);
uint64_t trace_hash(void);
void trace_print(const char *format, ...) PRINTF_LIKE(1, 2);

/* value: what tells this event from others of its line. */
#define TRACE(value, ...) \
	do { \
		trace_mix((uint64_t)(value) << 16 ^ __LINE__); \
		if (trace_is_printed) \
			trace_print(__VA_ARGS__); \
	} while (0)

#endif
