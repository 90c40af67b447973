/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/send/span.h"

#include "common/shm/journal.h"
#include "worker/upstream/core/damage.h"
#include "worker/upstream/send/lane.h"

#include <errno.h>

bool
span_read(const struct link *link, uint64_t number,
    struct journal_span *span_out)
{
	int error = journal_read(link->journal, number, span_out);

	if (error == -EPROTO)
		damage_end("a link's journal");
	return error == 0;
}

static bool
lane_piece(struct lane *lane, const struct journal_span *span,
    const uint8_t **bytes_out)
{
	struct lane_entry entry;
	uint64_t len = 0;

	for (uint64_t number = span->from; span->len && number < span->to;
	     number++) {
		if (!lane_read(lane, number, &entry))
			return false;
		if (number == span->from)
			*bytes_out = lane_log_bytes(&lane->log, &entry);
		else if (lane_log_bytes(&lane->log, &entry) != *bytes_out + len)
			return false;
		len += entry.len;
	}
	return len == span->len;
}

bool
span_piece(struct link *link, const struct journal_span *span,
    struct piece *piece_out)
{
	uint64_t cursor = span->from;
	struct frame frame;

	*piece_out = (struct piece){ .len = span->len };
	if (span->source == JOURNAL_LANE)
		return lane_piece(&link->up->lanes[span->lane], span,
		    &piece_out->bytes);
	if (ring_next(&link->ctl, &cursor, &frame) != 1 || cursor != span->to ||
	    frame.len != span->len)
		return false;
	if (ring_sent(&link->ctl) < span->to)
		ring_set_sent(&link->ctl, span->to);
	piece_out->bytes = frame.bytes;
	return true;
}
