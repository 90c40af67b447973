/* SPDX-License-Identifier: Apache-2.0 */
/*
 * heap - memory that the simulated upstream process allocates: thrown away as a
 * whole at its death. malloc() and its sisters lead here, by the linker's
 * --wrap, as long as upstream's code runs.
 */
#ifndef TESTS_SIMULATION_HEAP_H
#define TESTS_SIMULATION_HEAP_H

#include "common/base/base.h"

/* What is allocated from here on is upstream's, or is not; what was before. */
bool heap_set_upstreams(bool on);
/* The process is gone. */
void heap_drop(void);

#endif
