/* SPDX-License-Identifier: Apache-2.0 */
/*
 * former_life - sessions that the ledger remembers and nobody has any more.
 */
#include "worker/upstream/former_life.h"

#include "common/base/log.h"
#include "common/process/config.h"
#include "common/process/heritage.h"
#include "common/shm/directory.h"
#include "common/shm/ledger.h"
#include "worker/upstream/link.h"
#include "worker/upstream/session.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

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

/* Of no session of this life. A row behind those of the directory never is. */
static bool
is_leftover(const struct upstream *up, uint32_t row, uint32_t generation)
{
	return row >= directory_slot_count(up->directory) ||
	       directory_generation(up->directory, row) != generation;
}

/* True and what the ledger says when nobody has that row, but the server. */
static bool
read_leftover(const struct upstream *up, uint32_t row,
    struct ledger_entry *entry_out)
{
	return ledger_is_live(up->heritage->ledger, row, entry_out) &&
	       is_leftover(up, row, entry_out->generation);
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
		if (!read_leftover(up, row, &entry))
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
note_leftovers(struct upstream *up, const char *name, uint32_t room)
{
	uint32_t row, rows = row_count(up);
	struct ledger_entry entry;

	free(up->leftovers);
	up->leftovers = xcalloc(room + 1, sizeof(*up->leftovers));
	up->leftover_count = up->leftover_next = 0;
	for (row = 0; row < rows && up->leftover_count < room; row++)
		if (read_leftover(up, row, &entry) &&
		    strcmp(entry.name, name) == 0)
			up->leftovers[up->leftover_count++] =
			    (struct leftover){ row, entry.generation };
}

void
former_life_begin(struct upstream *up)
{
	const char *name;
	uint32_t count;

	name = choose_name(up, &count);
	note_leftovers(up, name, count);
	if (up->leftover_count)
		log_at(LOG_NOTICE,
		    "sessions of a former life are open on the server"
		    " count=%" PRIu32,
		    up->leftover_count);
	if (strcmp(name, own_name(up)) == 0)
		return;
	up->former_name = xstrdup(name);
	up->names.manager = up->former_name;
	log_at(LOG_NOTICE,
	    "they belong to a former manager name, which the links carry first "
	    "name=%s",
	    up->former_name);
}

/* True when one was closed. */
static bool
close_leftover(struct upstream *up, const struct leftover *leftover)
{
	const struct session session = { leftover->row, leftover->generation };
	char streamid[STREAMID_MAX + 1];
	struct ledger_entry entry;

	if (!read_leftover(up, leftover->row, &entry) ||
	    entry.generation != leftover->generation)
		return true;
	streamid_print(entry.name, entry.slot, entry.nonce, streamid);
	return session_close_id(up, streamid, leftover->row % LANE_COUNT,
	    session);
}

bool
former_life_step(struct upstream *up)
{
	bool moved = false;

	while (up->set.joined && up->leftover_next < up->leftover_count &&
	       !outbox_is_blocked(&up->own_out[up->leftovers[up->leftover_next]
						   .row %
					       LANE_COUNT]) &&
	       close_leftover(up, &up->leftovers[up->leftover_next])) {
		moved = true;
		if (++up->leftover_next == up->leftover_count)
			log_at(LOG_NOTICE, "closing them count=%" PRIu32,
			    up->leftover_count);
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

	if (up->leftover_next < up->leftover_count)
		return false;
	for (i = 0; i < up->leftover_count; i++)
		if (read_leftover(up, up->leftovers[i].row, &entry) &&
		    entry.generation == up->leftovers[i].generation)
			return false;
	return true;
}

/* The next former name, or our own. */
static void
take_next_name(struct upstream *up)
{
	log_at(LOG_NOTICE, "the former name is finished name=%s",
	    up->former_name);
	former_life_end(up);
	up->names.manager = own_name(up);
	former_life_begin(up);
}

void
former_life_tick(struct upstream *up)
{
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

bool
former_life_lasts(const struct upstream *up)
{
	return up->former_name != NULL;
}

void
former_life_end(struct upstream *up)
{
	free(up->former_name);
	up->former_name = NULL;
	up->former_links_end = false;
}
