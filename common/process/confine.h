/* SPDX-License-Identifier: Apache-2.0 */
/*
 * confine - the system calls that a child has left once it is ready
 * (confine.def), enforced by the kernel.
 *
 * Any other ends the process; its panic message names the call, and the master
 * logs them (common/base/panic.h). Opening a file and moving a mapping fail
 * instead where they are not allowed, because libraries try that and go on.
 */
#ifndef COMMON_PROCESS_CONFINE_H
#define COMMON_PROCESS_CONFINE_H

#include "common/process/heritage.h"

/* False in builds with a sanitizer, which needs calls of its own. */
bool confine_is_available(void);

/* For good. After no_new_privs; 0 or -errno. Nothing where it is not available.
 */
MUST_CHECK int confine_process(enum child_role role);

#endif
