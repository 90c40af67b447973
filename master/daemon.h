/* SPDX-License-Identifier: Apache-2.0 */
/*
 * daemon - what the process does at its start for those who start it and for
 * others like it: goes to the background, writes its process id to a file, and
 * keeps its name to itself.
 */
#ifndef MASTER_DAEMON_H
#define MASTER_DAEMON_H

#include "common/base/base.h"

/* --- in the background --- */

/*
 * For an init that starts programs and waits for them (daemon(7), "SysV
 * daemons"): the process that was called returns when the service is ready or
 * has failed, with its exit status.
 *
 * Returns in the daemon only: two forks on, in a session of its own without a
 * terminal, in the root directory, with umask 027. Standard error is still the
 * caller's. 0, or -errno in the calling process.
 */
MUST_CHECK int daemon_enter(void);

/* The caller's process ends with this code; the daemon lets go of its standard
 * descriptors. Nothing when not in the background, or the second time. */
void daemon_release(int code);

/* --- the only one with its pid file --- */

/* Locked as long as the process lives: a file that a killed one left behind is
 * no obstacle, a second instance is. */
struct pid_file {
	int fd; /* -1: none */
	char *path;
};

/* Path: NULL for none; copied, since that of the command line is gone once the
 * process has a title. The lock belongs to the process: not across a
 * fork. 0, or -errno after a line in the log; -EBUSY: another one has it. */
MUST_CHECK int daemon_open_pid_file(struct pid_file *file, const char *path);
/* Removes it. */
void daemon_close_pid_file(struct pid_file *file);

/* --- the only one of its name --- */

/*
 * Whether another manager of this name runs on this machine for the same
 * domain. The server would take the two for one. Known by an abstract unix
 * socket, which goes with its process; in a network namespace of its own, such
 * as a container's, nobody sees it, and upstream notices such a manager by what
 * the server answers (worker/upstream/link/hint.h).
 */

#define DAEMON_NAME_MAX 108

/* The name of that socket, of at most DAEMON_NAME_MAX bytes and the first 0;
 * its length. Pure. */
size_t daemon_name(const char *manager, const char *domain,
    char name_out[DAEMON_NAME_MAX]);

/* A descriptor that keeps the name as ours, or -EADDRINUSE after a line that
 * reports it, or -errno; nothing hinders the start. The owner closes it. */
MUST_CHECK int daemon_open_name(const char *manager, const char *domain);

#endif
