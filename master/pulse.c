/* SPDX-License-Identifier: Apache-2.0 */
#include "master/pulse.h"

#include <math.h>

void
pulse_start(struct pulse *pulse, uint64_t word, double now)
{
	*pulse = (struct pulse){ .word = word, .since = now };
}

bool
pulse_is_lost(struct pulse *pulse, uint64_t word, double now, double timeout_s)
{
	if (word != pulse->word) {
		pulse_start(pulse, word, now);
		return false;
	}
	if (now - pulse->since < timeout_s)
		return false;
	pulse->since = HUGE_VAL;
	return true;
}
