/* SPDX-License-Identifier: Apache-2.0 */
/*
 * privilege - what a child gives up: user, capabilities, new privileges,
 * core dumps of keys. Called after everything that needs root is open.
 */
#ifndef COMMON_PROCESS_PRIVILEGE_H
#define COMMON_PROCESS_PRIVILEGE_H

#include "common/base/base.h"

/* Root becomes `user` for good; with NULL it stays root. Others lose their
 * capabilities. All: no new privileges, no core, no tracing. 0 or -errno with a
 * log line naming the step. */
MUST_CHECK int privilege_drop(const char *user);

/* Closes every descriptor not in `keep`; verifies by looking again. */
MUST_CHECK int privilege_close_others(const int *keep, size_t count);

#endif
