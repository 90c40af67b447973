/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/link/backoff.h"

double
backoff_delay(double min_s, double max_s, unsigned failures, uint32_t random)
{
	double delay = min_s;

	if (failures == 0)
		return 0;
	while (--failures > 0 && delay < max_s)
		delay *= 2;
	if (delay > max_s)
		delay = max_s;
	return delay * (0.5 + 0.5 * (random / 4294967296.));
}
