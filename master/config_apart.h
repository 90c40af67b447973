/* SPDX-License-Identifier: Apache-2.0 */
/*
 * config_apart - the configuration, read in a process of its own. That process
 * ends with everything it has touched: the file's text, the parser's buffers,
 * GnuTLS's copies of keys, all that free() leaves behind. So the master, and
 * every child that is forked from it, has never had a secret in its memory.
 * What a password opens is opened there: a worker is given certificate and key
 * as they come out, never the password nor the files.
 *
 * The master keeps what it may know, decoded, and a sealed snapshot for each
 * role, which it passes on and never maps; one more, with all, it keeps for the
 * process that reads the configuration the next time.
 */
#ifndef MASTER_CONFIG_APART_H
#define MASTER_CONFIG_APART_H

#include "common/process/config.h"
#include "master/reload.h"

struct config_apart {
	struct config *config; /* the master's extract; NULL: empty */
	int snapshots[CONFIG_READER_COUNT]; /* -1: none, as of the master */
	char *warnings; /* lines of config_load(), of the first reading only;
			   else NULL */
};

/* As config_load(); 0, or -errno and the problems are on standard error. No
 * child of this process may be waited for by the system (SIGCHLD ignored). */
MUST_CHECK int config_apart_load(const char *path,
    struct config_apart *apart_out);
/* The file of what is in force, which these snapshots have, again; what needs a
 * restart stays as it is now. 0, or -errno, for which the report has the
 * reasons; it is the caller's to free. */
MUST_CHECK int config_apart_reload(const int snapshots[CONFIG_READER_COUNT],
    struct config_apart *apart_out, struct reload_report *report_out);
/* An empty one too. */
void config_apart_close(struct config_apart *apart);

#endif
