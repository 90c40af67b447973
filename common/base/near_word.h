/* SPDX-License-Identifier: Apache-2.0 */
/*
 * near_word - which of some words somebody may have meant who wrote another.
 * Pure.
 */
#ifndef COMMON_BASE_NEAR_WORD_H
#define COMMON_BASE_NEAR_WORD_H

#include "common/base/base.h"

/* How many characters must be put in, left out or replaced to make one of the
 * other (Levenshtein), over at most 100 bytes of each; what is beyond in either
 * counts as different. */
size_t near_word_distance(const char *a, const char *b);

/* True when so few are different that it may be a slip: one in three, and two
 * of a short word; or when it is the beginning. */
bool near_word_is_slip(const char *written, const char *meant);

#endif
