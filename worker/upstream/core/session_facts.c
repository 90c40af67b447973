/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/core/session_facts.h"

#include "common/process/heritage.h"
#include "common/shm/directory.h"

#include <inttypes.h>
#include <stdio.h>

bool
session_is_live(const struct upstream *up, struct session session)
{
	return session.slot < directory_slot_count(up->directory) &&
	       directory_generation(up->directory, session.slot) ==
		   session.generation &&
	       directory_is_live(up->directory, session.slot);
}

bool
session_is_of(const struct upstream *up, struct session session,
    uint32_t partition)
{
	return session_is_live(up, session) &&
	       directory_owner(up->directory, session.slot) == partition;
}

bool
session_is_in_ledger(const struct upstream *up, struct session session,
    struct ledger_entry *entry_out)
{
	const struct ledger *ledger = up->heritage->ledger;

	return ledger && session.slot != SESSION_NO_SLOT &&
	       ledger_is_live(ledger, session.slot, entry_out) &&
	       entry_out->generation == session.generation;
}

bool
session_is_over(const struct upstream *up, struct session session)
{
	struct ledger_entry entry;

	return !session_is_live(up, session) &&
	       !session_is_in_ledger(up, session, &entry);
}

uint16_t
session_flags(const struct upstream *up, struct session session)
{
	return session_is_live(up, session)
		   ? directory_flags(up->directory, session.slot)
		   : 0;
}

void
session_set_flag(struct upstream *up, struct session session, uint16_t flag,
    bool on)
{
	uint16_t flags;

	if (!session_is_live(up, session))
		return;
	flags = directory_flags(up->directory, session.slot);
	flags = (uint16_t)(on ? flags | flag : flags & ~flag);
	directory_set_flags(up->directory, session.slot, flags);
}

const char *
session_new_id(struct upstream *up, char id_out[SESSION_ID_MAX])
{
	snprintf(id_out, SESSION_ID_MAX, "%08" PRIx32 "-%" PRIu64, up->run_id,
	    up->next_id++);
	return id_out;
}
