/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/link/attempt_log.h"

#include <stdio.h>
#include <string.h>

void
attempt_log_end_round(struct attempt_log *log)
{
	int count = __builtin_popcount(log->links);

	if (count > 1)
		log_at(log->level,
		    "further links down for the same reason count=%d %s",
		    count - 1, log->words);
	log->links = 0;
}

void
attempt_log_failure(struct attempt_log *log, unsigned link,
    enum log_level level, const char *words)
{
	uint32_t bit = 1u << link;

	if (log->links == 0 || (log->links & bit) != 0 ||
	    strncmp(log->words, words, sizeof(log->words) - 1) != 0) {
		attempt_log_end_round(log);
		log->level = level;
		snprintf(log->words, sizeof(log->words), "%s", words);
		log_at(level, "link down link=%u %s", link, words);
	}
	log->links |= bit;
}
