/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pidfile - a file with the master's process id, locked as long as it lives: a
 * file that a killed one left behind is no obstacle, a second instance is.
 */
#ifndef MASTER_PIDFILE_H
#define MASTER_PIDFILE_H

#include "common/base/base.h"

struct pidfile {
	int fd; /* -1: none */
	char *path;
};

/* Path: NULL for none; copied, since that of the command line is gone once the
 * process has a title. The lock belongs to the process: not across a
 * fork. 0, or -errno after a line in the log; -EBUSY: another one has it. */
MUST_CHECK int pidfile_open(struct pidfile *file, const char *path);
/* Removes it. */
void pidfile_close(struct pidfile *file);

#endif
