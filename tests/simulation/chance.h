/* SPDX-License-Identifier: Apache-2.0 */
/* chance - all choices of a run, from one seed. */
#ifndef TESTS_SIMULATION_CHANCE_H
#define TESTS_SIMULATION_CHANCE_H

#include "common/base/base.h"

void chance_begin(uint64_t seed);
uint64_t chance_next(void);
/* 0 .. bound - 1; bound >= 1. */
uint32_t chance_below(uint32_t bound);
/* first .. last. */
uint32_t chance_between(uint32_t first, uint32_t last);
/* 0 .. most, small ones more often. */
uint64_t chance_up_to(uint64_t most);
bool chance_one_in(uint32_t count);
void chance_bytes(void *bytes, size_t len);

#endif
