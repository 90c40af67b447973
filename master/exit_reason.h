/* SPDX-License-Identifier: Apache-2.0 */
/*
 * exit_reason - what waitpid() returns, in words, and whose doing it was.
 */
#ifndef MASTER_EXIT_REASON_H
#define MASTER_EXIT_REASON_H

#include "common/base/base.h"

#define EXIT_REASON_MAX 64

/* "exit code=1", "signal=SEGV core=yes". */
const char *exit_reason_print(int status, char text_out[EXIT_REASON_MAX]);
/* It ended because its configuration cannot work (heritage.h). */
bool exit_reason_is_final(int status);
/* It ended by itself or by a fault of its own: exit, SEGV, ABRT ... */
bool exit_reason_is_own_making(int status);

#endif
