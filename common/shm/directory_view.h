/* SPDX-License-Identifier: Apache-2.0 */
/*
 * directory_view - a session as a process sees it that owns nothing of it:
 * control, for those who ask. Its worker writes on meanwhile, or was killed in
 * the midst of it, so nothing that is read is trusted.
 */
#ifndef COMMON_SHM_DIRECTORY_VIEW_H
#define COMMON_SHM_DIRECTORY_VIEW_H

#include "common/shm/directory.h"

#define SESSION_JID_MAX 3072 /* with the final NUL */

struct session_view {
	uint32_t slot, generation;
	uint16_t owner; /* partition */
	uint8_t lane;
	uint8_t phase;            /* enum session_phase */
	uint8_t transport;        /* enum session_transport bits */
	uint8_t peer_address[16]; /* IPv4 as mapped */
	uint16_t peer_port;
	uint32_t since_s, active_s; /* steady_clock.h */
	uint64_t bytes_up, bytes_down;
	uint32_t stanzas_up, stanzas_down;
	char jid[SESSION_JID_MAX]; /* "": not bound */
};

/* False when the slot has no living session, or its info is another's. */
MUST_CHECK bool directory_view(struct directory *directory,
    struct region *region, uint32_t slot, struct session_view *view_out);
const char *session_phase_name(enum session_phase phase);

#endif
