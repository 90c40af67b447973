/* SPDX-License-Identifier: Apache-2.0 */
/*
 * privilege - what a process gives up once everything that needs root is open:
 * the master all capabilities but those for later forks and reloads, a child
 * also its user, new privileges, and core dumps with keys in them.
 */
#ifndef COMMON_PROCESS_PRIVILEGE_H
#define COMMON_PROCESS_PRIVILEGE_H

#include "common/base/base.h"

/*
 * The master keeps of what it has:
 *
 *   CAP_NET_BIND_SERVICE  ports below 1024 that a reload adds
 *   CAP_SETUID, SETGID    to make later children the configured user
 *   CAP_SYS_CHROOT        to shut them into their folder
 *   CAP_SETPCAP           to empty their bounding set
 *   CAP_KILL              to end children, which are another user's
 *   CAP_DAC_READ_SEARCH   certificates and keys that only others may read
 *
 * Limits of resources need none: they are raised before, and inherited.
 * Nothing else comes back, whatever it executes. 0, or -errno with a log line
 * naming the step.
 */
MUST_CHECK int privilege_restrict_master(void);

/* What a child keeps; NULL: nothing of this kind. */
struct privilege_rest {
	const char *user;           /* NULL: root by name only */
	const char *group;          /* NULL: the user's own */
	const char *root_directory; /* all that it sees of the file system */
	bool core;                  /* dumps of its memory, and tracing */
};

/* Root becomes the user for good. All lose their capabilities and the bounding
 * set, and may gain nothing by executing another program. 0 or -errno with a
 * log line naming the step. */
MUST_CHECK int privilege_drop(const struct privilege_rest *rest);

/* Closes every descriptor not in `keep`; verifies by looking again. */
MUST_CHECK int privilege_close_others(const int *keep, size_t count);

#endif
