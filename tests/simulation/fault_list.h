/* SPDX-License-Identifier: Apache-2.0 */
/*
 * fault_list - what a run does to upstream and its links, one fault a line, as
 * the daemon can have it done to itself (worker/upstream/kill_at.h) and the
 * matrix of kills does (tests/system/test_kill_matrix.py):
 *
 *   kill COUNT POINT    upstream, the COUNT-th time that it passes this point
 *   reset BYTES         a link, which had carried so many bytes up
 */
#ifndef TESTS_SIMULATION_FAULT_LIST_H
#define TESTS_SIMULATION_FAULT_LIST_H

#include "common/base/base.h"

/* Lines go to standard output; else nothing is noted. */
void fault_list_print(void);

/* Whether upstream runs: its points are counted, nobody else's. */
void fault_list_count(bool is_upstream);
/* It is dead: in the midst of its work, behind the point that it passed last,
 * or between two turns, which is no fault of the list. */
void fault_list_killed(bool in_work);
void fault_list_reset(uint64_t bytes);

#endif
