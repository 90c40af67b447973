/* SPDX-License-Identifier: Apache-2.0 */
#include "master/steady_clock.h"

#include <time.h>

double
steady_clock_s(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}
