/* SPDX-License-Identifier: Apache-2.0 */
/*
 * panic - the fatal path: the message goes to the log and to a buffer that was
 * registered at start (shared memory that outlives the process), then abort.
 */
#ifndef COMMON_BASE_PANIC_H
#define COMMON_BASE_PANIC_H

#include "common/base/base.h"

/* Borrowed until the process ends; NULL: none. Written NUL-terminated. */
void panic_register(char *buffer, size_t cap);

#endif
