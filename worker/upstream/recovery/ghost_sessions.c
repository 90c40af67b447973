/* SPDX-License-Identifier: Apache-2.0 */
/*
 * ghost_sessions - sessions that the ledger remembers and nobody has any more.
 */
#include "worker/upstream/recovery/ghost_sessions.h"

#include "common/base/log.h"
#include "common/process/config.h"
#include "common/process/heritage.h"
#include "common/shm/directory.h"
#include "common/shm/ledger.h"
#include "worker/upstream/link/link.h"
#include "worker/upstream/send/lane.h"
#include "worker/upstream/session/session.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define ROWS_A_TICK 8192u

static const char *
own_name(const struct upstream *up)
{
	return up->heritage->config->server.manager_name;
}

/* None where there is no ledger. */
static uint32_t
row_count(const struct upstream *up)
{
	const struct ledger *ledger = up->heritage->ledger;

	return ledger ? ledger_row_count(ledger) : 0;
}

/* Of no session of this run. A row behind those of the directory never is. */
static bool
is_ghost(const struct upstream *up, uint32_t row, uint32_t generation)
{
	return row >= directory_slot_count(up->directory) ||
	       directory_generation(up->directory, row) != generation;
}

/* True and what the ledger says when nobody has that row, but the server. */
static bool
read_ghost(const struct upstream *up, uint32_t row,
    struct ledger_entry *entry_out)
{
	return ledger_is_live(up->heritage->ledger, row, entry_out) &&
	       is_ghost(up, row, entry_out->generation);
}

/* The name that the links carry first: another than ours, if one has sessions.
 * All former names have their turn before our own. */
static const char *
choose_name(const struct upstream *up, uint32_t *count_out)
{
	uint32_t row, rows = row_count(up);
	const char *name = own_name(up);
	struct ledger_entry entry;

	*count_out = 0;
	for (row = 0; row < rows; row++) {
		if (!read_ghost(up, row, &entry))
			continue;
		++*count_out;
		if (strcmp(name, own_name(up)) == 0)
			name = entry.name;
	}
	return name;
}

/* Notes those of the name; there are no more than `room`, unless a worker
 * claims at this moment. */
static void
note_ghosts(struct upstream *up, const char *name, uint32_t room)
{
	uint32_t row, rows = row_count(up);
	struct ledger_entry entry;

	free(up->ghosts);
	up->ghosts = xcalloc(room + 1, sizeof(*up->ghosts));
	up->ghost_count = up->ghost_next = 0;
	for (row = 0; row < rows && up->ghost_count < room; row++)
		if (read_ghost(up, row, &entry) &&
		    strcmp(entry.name, name) == 0)
			up->ghosts[up->ghost_count++] =
			    (struct ghost){ row, entry.generation };
}

/* Those of our own name in the next rows: where links go on, no other name has
 * any (links_remember()). */
static void
note_next(struct upstream *up)
{
	uint32_t rows = row_count(up);
	uint32_t end = MIN(rows, up->ghost_row + ROWS_A_TICK);
	struct ledger_entry entry;

	for (; up->ghost_row < end; up->ghost_row++) {
		if (!read_ghost(up, up->ghost_row, &entry) ||
		    strcmp(entry.name, own_name(up)) != 0)
			continue;
		up->ghosts = xrealloc(up->ghosts,
		    (up->ghost_count + 1) * sizeof(*up->ghosts));
		up->ghosts[up->ghost_count++] =
		    (struct ghost){ up->ghost_row, entry.generation };
	}
	up->ghosts_unread = up->ghost_row < rows;
	if (rows && !up->ghosts_unread)
		ledger_let_go(up->heritage->ledger);
}

static void
read_all(struct upstream *up)
{
	const char *name;
	uint32_t count;

	name = choose_name(up, &count);
	note_ghosts(up, name, count);
	if (up->ghost_count)
		log_at(LOG_NOTICE,
		    "ghost sessions of an earlier run are open on the"
		    " server count=%" PRIu32,
		    up->ghost_count);
	if (strcmp(name, own_name(up)) == 0)
		return;
	up->former_name = xstrdup(name);
	up->names.manager = up->former_name;
	log_at(LOG_NOTICE,
	    "connecting under the former manager name first, to close"
	    " its ghost sessions name=%s",
	    up->former_name);
}

void
ghost_sessions_begin(struct upstream *up, bool resumed)
{
	up->ghosts_unread = resumed;
	if (!resumed)
		read_all(up);
}

/* True when one was closed. */
static bool
close_ghost(struct upstream *up, const struct ghost *ghost)
{
	const struct session session = { ghost->row, ghost->generation };
	char streamid[STREAMID_MAX + 1];
	struct ledger_entry entry;

	if (!read_ghost(up, ghost->row, &entry) ||
	    entry.generation != ghost->generation)
		return true;
	streamid_print(entry.name, entry.slot, entry.nonce, streamid);
	return session_close_id(up, streamid, ghost->row % LANE_COUNT, session);
}

/* One is left, and its lane has room. */
static bool
can_close_next(struct upstream *up)
{
	uint32_t lane;

	if (!up->set.joined || up->ghosts_unread ||
	    up->ghost_next >= up->ghost_count)
		return false;
	lane = up->ghosts[up->ghost_next].row % LANE_COUNT;
	return lane_has_room(&up->lanes[lane]);
}

bool
ghost_sessions_step(struct upstream *up)
{
	bool moved = false;

	while (can_close_next(up) &&
	       close_ghost(up, &up->ghosts[up->ghost_next])) {
		moved = true;
		if (++up->ghost_next == up->ghost_count)
			log_at(LOG_NOTICE,
			    "closing ghost sessions count=%" PRIu32,
			    up->ghost_count);
	}
	return moved;
}

/* --- another name --- */

static bool
all_links_rest(const struct upstream *up)
{
	for (unsigned i = 0; i < up->link_count; i++)
		if (up->links[i].state != LINK_WAITING)
			return false;
	return true;
}

static bool
all_are_closed(const struct upstream *up)
{
	struct ledger_entry entry;
	uint32_t i;

	if (up->ghost_next < up->ghost_count)
		return false;
	for (i = 0; i < up->ghost_count; i++)
		if (read_ghost(up, up->ghosts[i].row, &entry) &&
		    entry.generation == up->ghosts[i].generation)
			return false;
	return true;
}

/* The next former name, or our own. */
static void
take_next_name(struct upstream *up)
{
	log_at(LOG_NOTICE,
	    "all ghost sessions of a former manager name are closed"
	    " name=%s",
	    up->former_name);
	ghost_sessions_end(up);
	up->names.manager = own_name(up);
	read_all(up);
}

void
ghost_sessions_tick(struct upstream *up)
{
	if (up->ghosts_unread)
		note_next(up);
	if (!up->former_name || !all_are_closed(up))
		return;
	if (all_links_rest(up)) {
		take_next_name(up);
		return;
	}
	if (up->former_links_end)
		return;
	up->former_links_end = true;
	for (unsigned i = 0; i < up->link_count; i++)
		if (up->links[i].state != LINK_WAITING)
			link_end(&up->links[i]);
}

void
ghost_sessions_end(struct upstream *up)
{
	free(up->former_name);
	up->former_name = NULL;
	up->former_links_end = false;
}
