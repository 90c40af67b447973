/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attempt_log - what the log has of failed attempts, round by round. All links
 * go to the same server, so most often they fail alike: then the first has a
 * line, and the others are counted in one more. A round ends when one of its
 * links fails again, when one fails in other words, or when one comes up.
 */
#ifndef WORKER_UPSTREAM_LINK_ATTEMPT_LOG_H
#define WORKER_UPSTREAM_LINK_ATTEMPT_LOG_H

#include "common/base/log.h"

#define ATTEMPT_WORDS_MAX 384 /* longer ones are cut */

/* Zeroes: no round. */
struct attempt_log {
	enum log_level level;
	uint32_t links; /* that failed in this round, a bit each */
	char words[ATTEMPT_WORDS_MAX];
};

/* link: its number, below 32. words: key=value, without the link. */
void attempt_log_failure(struct attempt_log *log, unsigned link,
    enum log_level level, const char *words);

/* Ends the round: logs how many failed besides the first, if any. */
void attempt_log_end_round(struct attempt_log *log);

#endif
