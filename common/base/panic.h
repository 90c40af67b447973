/* SPDX-License-Identifier: Apache-2.0 */
/*
 * panic - where the text of a panic goes beside the log. The panics themselves
 * are in base.h: everything may have them.
 */
#ifndef COMMON_BASE_PANIC_H
#define COMMON_BASE_PANIC_H

#include "common/base/base.h"

/* A copy is left there, NUL at its end, right before the process aborts. The
 * memory stays the caller's and must stay there for ever. */
void panic_leave_text(char *text, size_t cap);

/* Leaves words there without a panic. */
void panic_last_words(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
