/* SPDX-License-Identifier: Apache-2.0 */
/*
 * crew - client workers, as far as upstream meets them: the ends of rings,
 * the slots, the queues of clients that upstream returns when they are dead.
 */
#ifndef TESTS_SIMULATION_CREW_H
#define TESTS_SIMULATION_CREW_H

#include "common/base/base.h"

void crew_begin(void);
void crew_start(unsigned partition);
void crew_kill(unsigned partition);

/* It takes what came down, and its clients say something. */
void crew_step(unsigned partition);
/* The same, in which it may be killed; then true. */
bool crew_step_to_death(unsigned partition);
/* It takes all that came down; nothing new is said. */
void crew_settle(unsigned partition);
/* All its clients are sent away. */
void crew_send_away(unsigned partition);
/* Each of its clients says one thing more. */
void crew_say_last(unsigned partition);
/* Nothing waits in its rings. */
bool crew_is_at_rest(unsigned partition);

#endif
