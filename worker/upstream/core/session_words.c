/* SPDX-License-Identifier: Apache-2.0 */
#include "worker/upstream/core/session_words.h"

#include "common/shm/directory.h"
#include "worker/dropped.h"

#include <string.h>

/* Its worker writes there, and wipes it when it lets the session go. */
static void
find_address(const struct upstream *up, struct session session,
    char address_out[ENDPOINT_TEXT_MAX])
{
	const struct session_info *info =
	    directory_info(up->directory, session.slot);
	struct session_info copy;
	struct endpoint peer;

	memcpy(address_out, "-", 2);
	if (!info)
		return;
	memcpy(&copy, info, sizeof(copy));
	if (copy.generation != session.generation)
		return;
	endpoint_from_bytes(copy.peer_address, copy.peer_port, &peer);
	(void)endpoint_print(&peer, address_out);
}

void
session_words(const struct upstream *up, struct session session,
    struct session_words *words_out)
{
	struct ledger_entry entry;

	*words_out = (struct session_words){ "-", "-" };
	if (session_is_live(up, session)) {
		directory_streamid(up->directory, session.slot, words_out->id);
		find_address(up, session, words_out->address);
	} else if (session_is_in_ledger(up, session, &entry)) {
		streamid_print(entry.name, entry.slot, entry.nonce,
		    words_out->id);
	}
}

void
session_note_dropped(const struct upstream *up, struct session session,
    enum statistic reason, uint8_t kind)
{
	struct session_words words;

	session_words(up, session, &words);
	dropped_note(reason, kind, words.id, words.address);
}

void
session_note_late(const struct upstream *up, struct session session,
    uint8_t kind)
{
	struct session_words words;

	session_words(up, session, &words);
	dropped_note_late(kind, words.id, words.address);
}
