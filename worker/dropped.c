/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/dropped.h"

#include "common/base/log.h"
#include "common/shm/frame_kind.h"

#include <string.h>

#define LINES_A_SECOND 5

static bool
is_stanza(uint8_t kind)
{
	return kind == FRAME_PRESENCE || kind == FRAME_MESSAGE ||
	       kind == FRAME_IQ_REQUEST || kind == FRAME_IQ_ANSWER ||
	       kind == FRAME_OTHER || kind == FRAME_BOUNCE;
}

void
dropped_note(enum statistic reason, uint8_t kind, const char *streamid,
    const char *address)
{
	static struct log_limit limits[STAT_COUNT];

	stats_add(reason, 1);
	if (!log_is_on(LOG_INFO) ||
	    !log_limit_pass(&limits[reason], LINES_A_SECOND))
		return;
	log_at(LOG_INFO,
	    "an element is not passed on reason=%s kind=\"%s\" session=\"%s\""
	    " address=%s",
	    stats_name(reason), frame_kind_name((enum frame_kind)kind),
	    log_escape(streamid, strlen(streamid)), address ? address : "-");
}

void
dropped_note_late(uint8_t kind, const char *streamid, const char *address)
{
	if (is_stanza(kind))
		dropped_note(kind == FRAME_MESSAGE ? STAT_LATE_MESSAGES
						   : STAT_LATE_OTHERS,
		    kind, streamid, address);
}
