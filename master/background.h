/* SPDX-License-Identifier: Apache-2.0 */
/*
 * background - a daemon for an init that starts programs and waits for them
 * (daemon(7), "SysV daemons"): the process that was called returns when the
 * service is ready or has failed, with its exit status.
 */
#ifndef MASTER_BACKGROUND_H
#define MASTER_BACKGROUND_H

#include "common/base/base.h"

/*
 * Returns in the daemon only: two forks on, in a session of its own without a
 * terminal, in the root directory, with umask 027. Standard error is still the
 * caller's. 0, or -errno in the calling process.
 */
MUST_CHECK int background_enter(void);

/* The caller's process ends with this code; the daemon lets go of its standard
 * descriptors. Nothing when not in the background, or the second time. */
void background_release(int code);

#endif
