/* SPDX-License-Identifier: Apache-2.0 */
/*
 * session - what upstream does about one session: gives it items, returns what
 * it cannot have to the server, closes it and notes its end.
 */
#ifndef WORKER_UPSTREAM_SESSION_SESSION_H
#define WORKER_UPSTREAM_SESSION_SESSION_H

#include "worker/upstream/core/session_facts.h"

struct session_item {
	uint8_t kind; /* enum frame_kind, as on the way down */
	const uint8_t *bytes;
	size_t len;
};

/* Down to the worker that has it, or back to the server when that is gone. */
void session_deliver(struct upstream *up, struct session session,
    const struct session_item *item);

/* An item for it was too big: that costs the session, not the link. */
void session_too_big(struct upstream *up, struct session session);

/* The server answers that it knows no such session. */
void session_not_found(struct upstream *up, struct session session);

/* What cannot be delivered, back to the server: a message as `failed`, a
 * request answered with an error, the rest dropped (PROTOCOL.md §10.6). */
void session_return_own(struct upstream *up, struct session session,
    const struct session_item *item);

/* An error to the sender of a stanza that was to go up. */
void session_bounce(struct upstream *up, struct session session,
    const uint8_t *stanza, size_t len);
/* A SASL step that may or may not have arrived (DELIVERY.md §3). */
void session_fail_auth(struct upstream *up, struct session session);

/* A frame of this kind from the session will never be sent, because the server
 * ends its links at it. The session ends with policy-violation, and what else
 * it has sent stays here; when the frame was its close, or the create without
 * which the server does not know it, no further word goes to the server. */
void session_given_up(struct upstream *up, struct session session,
    uint8_t kind);

/* Unavailable presence in its client's name, in the lane. False when there is
 * no room now. */
bool session_make_unavailable(struct upstream *up, struct session session);
/* The same of a `close`. */
bool session_close(struct upstream *up, struct session session);
/* The same for an id that belongs to no session here. */
bool session_close_id(struct upstream *up, const char *streamid, unsigned lane,
    struct session session);

/* The server has sent something to it, so it has the session; counted once. */
void session_answered(struct upstream *up, struct session session);

/* Its close is answered, or was covered by an answered barrier. One that was
 * never created on the server ends uncounted. */
void session_ended(struct upstream *up, struct session session);

/* Something came for a streamid that we do not know. */
void session_close_unknown(struct upstream *up, const char *streamid,
    const struct session_item *item);

#endif
