/* SPDX-License-Identifier: Apache-2.0 */
#include "tests/simulation/trace.h"

#include "tests/simulation/world.h"

#include <stdarg.h>
#include <stdio.h>

bool trace_is_printed;

static uint64_t hash;

void
trace_begin(void)
{
	hash = 0;
}

void
trace_mix(uint64_t word)
{
	hash = (hash ^ word) * 0x9E3779B97F4A7C15u;
	hash ^= hash >> 29;
}

uint64_t
trace_hash(void)
{
	return hash;
}

void
trace_print(const char *format, ...)
{
	va_list arguments;

	printf("%6u %9.3f ", world.step, world.now);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	putchar('\n');
}
