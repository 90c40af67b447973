/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/dropped.h"

#include "common/base/frame_kind.h"
#include "common/base/log.h"

#include <string.h>

#define LINES_A_SECOND 5

void
dropped_note(enum statistic reason, uint8_t kind, const char *streamid)
{
	static struct log_limit limits[STAT_COUNT];

	stats_add(reason, 1);
	if (!log_is_on(LOG_INFO) ||
	    !log_limit_pass(&limits[reason], LINES_A_SECOND))
		return;
	log_at(LOG_INFO,
	    "a stanza goes no further reason=%s kind=%s session=%s",
	    stats_name(reason), frame_kind_name((enum frame_kind)kind),
	    log_escape(streamid, strlen(streamid)));
}
