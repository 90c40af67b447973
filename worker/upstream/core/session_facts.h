/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_facts - what directory and ledger say of a session, and the flags
 * that upstream keeps of it there. Sends and decides nothing.
 */
#ifndef WORKER_UPSTREAM_CORE_SESSION_FACTS_H
#define WORKER_UPSTREAM_CORE_SESSION_FACTS_H

#include "common/shm/ledger.h"
#include "common/shm/streamid.h"
#include "worker/upstream/core/state.h"

#define SESSION_NO_SLOT UINT32_MAX /* a streamid that is none of ours */

struct session {
	uint32_t slot;
	uint32_t generation;
};

#define SESSION_ID_MAX 32

/* Of a request about a session; id_out. No two are the same. */
const char *session_new_id(struct upstream *up, char id_out[SESSION_ID_MAX]);

bool session_is_live(const struct upstream *up, struct session session);
/* True when this generation lives and belongs to this partition. */
bool session_is_of(const struct upstream *up, struct session session,
    uint32_t partition);
/* True and its entry when the ledger has this generation. */
bool session_is_in_ledger(const struct upstream *up, struct session session,
    struct ledger_entry *entry_out);
/* True when neither directory nor ledger has this generation any more. */
bool session_is_over(const struct upstream *up, struct session session);
uint16_t session_flags(const struct upstream *up, struct session session);
void session_set_flag(struct upstream *up, struct session session,
    uint16_t flag, bool on);

#endif
