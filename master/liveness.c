/* SPDX-License-Identifier: Apache-2.0 */
#include "master/liveness.h"

#include <math.h>

void
liveness_start(struct liveness *liveness, uint64_t word, double now)
{
	*liveness = (struct liveness){ .word = word, .since = now };
}

bool
liveness_is_lost(struct liveness *liveness, uint64_t word, double now,
    double timeout_s)
{
	if (word != liveness->word) {
		liveness_start(liveness, word, now);
		return false;
	}
	if (now - liveness->since < timeout_s)
		return false;
	liveness->since = HUGE_VAL;
	return true;
}
