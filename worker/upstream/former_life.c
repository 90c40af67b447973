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
#include "common/shm/streamid.h"
#include "worker/upstream/link.h"
#include "worker/upstream/session.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static bool
is_leftover(const struct upstream *up, uint32_t slot, uint32_t use)
{
	return slot >= directory_slot_count(up->directory) ||
	       directory_use(up->directory, slot) != use;
}

static bool
is_of_this_name(const struct upstream *up)
{
	return strcmp(ledger_name(up->heritage->ledger),
		   up->config->server.manager_name) == 0;
}

void
former_life_begin(struct upstream *up)
{
	const struct ledger *ledger = up->heritage->ledger;
	uint8_t nonce[SESSION_NONCE_BYTES];
	uint32_t rows = ledger ? ledger_row_count(ledger) : 0, use;

	up->leftovers = xcalloc(ledger ? ledger_live_count(ledger) + 1 : 1,
	    sizeof(*up->leftovers));
	for (uint32_t slot = 0, room = ledger ? ledger_live_count(ledger) : 0;
	     slot < rows && up->leftover_count < room; slot++)
		if (ledger_is_live(ledger, slot, nonce, &use) &&
		    is_leftover(up, slot, use))
			up->leftovers[up->leftover_count++] =
			    (struct leftover){ slot, use };
	if (up->leftover_count)
		log_at(LOG_NOTICE,
		    "sessions of a former life are open on the server"
		    " count=%" PRIu32,
		    up->leftover_count);
	if (up->leftover_count && !is_of_this_name(up)) {
		up->former_name = xstrdup(ledger_name(ledger));
		up->names.manager = up->former_name;
		log_at(LOG_NOTICE,
		    "they are of another name; it goes first"
		    " name=%s",
		    up->former_name);
	}
}

/* True when one was closed. */
static bool
close_leftover(struct upstream *up, const struct leftover *leftover)
{
	const struct ledger *ledger = up->heritage->ledger;
	const struct session session = { leftover->slot, leftover->use };
	char streamid[STREAMID_MAX + 1];
	uint8_t nonce[SESSION_NONCE_BYTES];
	uint32_t use;

	if (!ledger_is_live(ledger, leftover->slot, nonce, &use) ||
	    use != leftover->use ||
	    !is_leftover(up, leftover->slot, leftover->use))
		return true;
	streamid_print(ledger_name(ledger), leftover->slot, nonce, streamid);
	return session_close_id(up, streamid, leftover->slot % LANE_COUNT,
	    session);
}

bool
former_life_step(struct upstream *up)
{
	bool moved = false;

	while (up->set.joined && up->leftover_next < up->leftover_count &&
	       !outbox_is_blocked(&up->own_out[up->leftovers[up->leftover_next]
						   .slot %
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

static void
take_own_name(struct upstream *up)
{
	struct ledger *ledger = up->heritage->ledger;

	CHECK(ledger_rename(ledger, up->config->server.manager_name) == 0);
	up->names.manager = up->heritage->config->server.manager_name;
	log_at(LOG_NOTICE, "the former name is finished name=%s",
	    up->names.manager);
	former_life_end(up);
}

void
former_life_tick(struct upstream *up)
{
	if (!up->former_name || up->leftover_next < up->leftover_count ||
	    ledger_live_count(up->heritage->ledger) > 0)
		return;
	if (all_links_rest(up)) {
		take_own_name(up);
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
