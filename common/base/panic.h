/* SPDX-License-Identifier: Apache-2.0 */
/*
 * panic - where the text of a panic goes beside the log. The panics themselves
 * are in base.h: everything may have them.
 */
#ifndef COMMON_BASE_PANIC_H
#define COMMON_BASE_PANIC_H

#include "common/base/base.h"

/* From now on the message of a panic is copied into `buffer`, with a final NUL,
 * right before the process aborts. The memory is the caller's and must outlive
 * the process's last panic. */
void panic_set_message_buffer(char *buffer, size_t cap);

/* Writes a message there without a panic: the process ends in another way. */
void panic_write_message(const char *format, ...) PRINTF_LIKE(1, 2);

#endif
