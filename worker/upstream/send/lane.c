/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/send/lane.h"

#include "common/base/log.h"
#include "common/shm/stats.h"
#include "worker/upstream/core/damage.h"
#include "worker/upstream/send/suspects.h"

#include <errno.h>
#include <string.h>

void
lanes_take_over(struct upstream *up)
{
	struct suspect_row *rows =
	    region_section(up->region, REGION_SUSPECTS, 0);

	for (unsigned number = 0; number < LANE_COUNT; number++) {
		struct lane *lane = &up->lanes[number];

		region_lane_log(up->region, number, &lane->log);
		lane->suspects = &rows[number];
		lane->first = NO_PARTITION;
		if (lane_log_inherit(&lane->log) == 0)
			continue;
		suspects_clear(lane->suspects);
		log_at(LOG_ERROR,
		    "a lane's log was damaged; it is emptied lane=%u", number);
		stats_add(STAT_RINGS_DAMAGED, 1);
	}
}

bool
lane_read(const struct lane *lane, uint64_t number,
    struct lane_entry *entry_out)
{
	int error = lane_log_read(&lane->log, number, entry_out);

	if (error == -EPROTO)
		damage_end("a lane's log");
	return error == 0;
}

void
lane_check(const struct lane *lane, const struct lane_entry *entry)
{
	if (!lane_log_is_whole(&lane->log, entry))
		damage_end("a lane's log");
}

void
lane_mark(struct lane *lane, uint64_t number, enum lane_mark mark)
{
	if (!lane_log_mark(&lane->log, number, mark))
		damage_end("a lane's log");
}

struct session
lane_session(const struct lane_entry *entry)
{
	return (struct session){ entry->slot, entry->generation };
}

bool
lane_is_of_owner(const struct upstream *up, const struct lane_entry *entry)
{
	return entry->partition != LANE_OWN &&
	       session_is_of(up, lane_session(entry), entry->partition);
}

/* Killed before the item counted as dealt with, whose second turn this is. */
static bool
was_said(struct upstream *up)
{
	for (unsigned i = 0; i < up->link_count; i++) {
		struct link *link = &up->links[i];

		if (link->said && link->attempt == up->origin.incarnation &&
		    up->origin.place ==
			lane_place(LANE_OF_LINK, i, link->said_end)) {
			link->said--;
			return true;
		}
	}
	return false;
}

bool
lane_say(struct upstream *up, unsigned number, enum frame_kind kind,
    struct session session)
{
	const struct lane_entry entry = {
		.slot = session.slot,
		.generation = session.generation,
		.place = up->origin.place,
		.incarnation = up->origin.incarnation,
		.partition = LANE_OWN,
		.kind = (uint8_t)kind,
	};
	size_t len = buf_len(&up->scratch);
	uint8_t *room;

	if (up->scratch.failed || len > FRAME_BYTES_MAX)
		return false;
	if (was_said(up))
		return true;
	room = lane_log_reserve(&up->lanes[number].log, (uint32_t)len, 0);
	if (!room)
		return false;
	memcpy(room, buf_bytes(&up->scratch), len);
	lane_log_append(&up->lanes[number].log, &entry, (uint32_t)len);
	lane_wake(up, number);
	return true;
}

uint64_t
lanes_find_origin(const struct upstream *up, struct origin low, uint64_t high,
    unsigned *count_out)
{
	struct lane_entry entry;
	uint64_t last = 0;

	*count_out = 0;
	for (unsigned lane = 0; lane < LANE_COUNT; lane++) {
		uint64_t number = lane_log_tail(&up->lanes[lane].log);

		for (; lane_read(&up->lanes[lane], number, &entry); number++) {
			if (entry.partition != LANE_OWN ||
			    entry.incarnation != low.incarnation ||
			    entry.place < MAX(low.place, last) ||
			    entry.place > high)
				continue;
			*count_out = entry.place == last ? *count_out + 1 : 1;
			last = entry.place;
		}
	}
	return last;
}

bool
lane_has_room(struct lane *lane)
{
	return lane_log_reserve(&lane->log, FRAME_BYTES_MAX, 0) != NULL;
}

bool
lanes_have_room(struct upstream *up)
{
	for (unsigned number = 0; number < LANE_COUNT; number++)
		if (!lane_has_room(&up->lanes[number]))
			return false;
	return true;
}

void
lane_wake(struct upstream *up, unsigned number)
{
	up->lanes[number].waits = true;
}

bool
lanes_are_drained(const struct upstream *up)
{
	for (unsigned number = 0; number < LANE_COUNT; number++) {
		const struct lane_log *log = &up->lanes[number].log;

		if (lane_log_tail(log) != lane_log_head(log))
			return false;
	}
	return true;
}

bool
lane_is_held(const struct upstream *up, unsigned number)
{
	return up->revalidations[number].active;
}
