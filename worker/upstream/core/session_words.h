/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session_words - what lines of the log call a session: its streamid, also of
 * an earlier run, and the address that its client was accepted with.
 */
#ifndef WORKER_UPSTREAM_CORE_SESSION_WORDS_H
#define WORKER_UPSTREAM_CORE_SESSION_WORDS_H

#include "common/net/endpoint.h"
#include "common/shm/stats.h"
#include "common/shm/streamid.h"
#include "worker/upstream/core/session_facts.h"

/* For two %s; unknown is "-". */
#define SESSION_WORDS "session=%s address=%s"

struct session_words {
	char id[STREAMID_MAX + 1];
	char address[ENDPOINT_TEXT_MAX];
};

void session_words(const struct upstream *up, struct session session,
    struct session_words *words_out);

/* dropped_note() and dropped_note_late() with these words. */
void session_note_dropped(const struct upstream *up, struct session session,
    enum statistic reason, uint8_t kind);
void session_note_late(const struct upstream *up, struct session session,
    uint8_t kind);

#endif
