/* SPDX-License-Identifier: Apache-2.0 */
#include "common/base/steady_clock.h"

#include <time.h>

double
steady_clock_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

uint32_t
steady_clock_coarse_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &now);
	return (uint32_t)now.tv_sec;
}

uint32_t
steady_clock_age_s(uint32_t then_s, uint32_t now_s)
{
	return then_s < now_s ? now_s - then_s : 0;
}
