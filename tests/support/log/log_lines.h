/* SPDX-License-Identifier: Apache-2.0 */
/* What a unit test makes the log say, for counting. */
#ifndef TESTS_SUPPORT_LOG_LOG_LINES_H
#define TESTS_SUPPORT_LOG_LOG_LINES_H

#include "common/base/log.h"

#include <stdint.h>

/* From here on standard error, and with it the log, goes to a file without a
 * name. */
void log_lines_begin(enum log_level level);
void log_lines_end(void);

/* Counts the lines that have this; "" are all. */
unsigned log_lines_with(const char *text);
/* Adds up the numbers that stand right behind this. */
uint64_t log_lines_sum(const char *text);

#endif
