/* SPDX-License-Identifier: Apache-2.0 */
/*
 * log_target - opens what log.target names, at the start, for log rotation, and
 * when syslog or the journal was restarted. Children get the descriptor from
 * their birth or over the channel; they open nothing.
 */
#ifndef MASTER_LOG_TARGET_H
#define MASTER_LOG_TARGET_H

#include "common/base/base.h"

struct config;

/*
 * Makes it this process's sink. Target auto means: the journal when standard
 * error is its (sd-daemon(3), JOURNAL_STREAM), syslog when this process is in
 * the background, else standard error. 0, or -errno after a line in the log so
 * far, which stays.
 */
MUST_CHECK int log_target_open(const struct config *config, bool background);

/* The same at the start: while syslog or the journal is not there, the log goes
 * to standard error and counts as lost (log.h); this is logged. */
MUST_CHECK int log_target_begin(const struct config *config, bool background);

/* Whether it is there again: the same without a word when it is not. */
MUST_CHECK int log_target_retry(const struct config *config, bool background);

/* What to do when that target cannot be opened; target: enum
 * config_log_target, error: -errno. Pure. */
const char *log_target_advice(int target, int error);

#endif
