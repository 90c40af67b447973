/* SPDX-License-Identifier: Apache-2.0 */
/*
 * flip - frames whose bytes are changed between two texts, as fast as possible,
 * while upstream looks at them: what it checks must be what it sends.
 */
#ifndef TESTS_SUPPORT_REGION_FLIP_H
#define TESTS_SUPPORT_REGION_FLIP_H

#include "tests/support/region/captured.h"

/* Stages frames of a sound message whose head is as long as `bad`. */
void flip_stage(struct captured *captured, const char *bad);

/* Flips the one that upstream takes next, and commits more when all are taken,
 * until standard input ends; then prints how often it did. */
void flip_until_told(struct captured *captured);

#endif
