/* SPDX-License-Identifier: Apache-2.0 */
/*
 * breaks - faults on purpose, each of which the simulator has to find
 * (tests/simulation/breaks). In all other builds BREAK() is 0, and nothing of
 * it is left.
 */
#ifndef COMMON_BASE_BREAKS_H
#define COMMON_BASE_BREAKS_H

#ifdef CM_BREAKS
enum break_name {
	BREAK_NONE,
#define BREAK_ROW(symbol, meaning) BREAK_##symbol,
#include "common/base/breaks.def"
#undef BREAK_ROW
};
extern enum break_name breaks_chosen;
#define BREAK(symbol) (breaks_chosen == BREAK_##symbol)
#else
#define BREAK(symbol) 0
#endif

#endif
