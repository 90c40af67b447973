/* SPDX-License-Identifier: Apache-2.0 */
/*
 * steady_clock - the time that the master's deadlines are in. ev_now() is the
 * machine's time of day: when that is set back, a deadline moves away with it.
 */
#ifndef MASTER_STEADY_CLOCK_H
#define MASTER_STEADY_CLOCK_H

/* Seconds since some moment; never goes back, and stands still while the
 * machine is suspended. */
double steady_clock_s(void);

#endif
