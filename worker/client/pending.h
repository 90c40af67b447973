/* SPDX-License-Identifier: Apache-2.0 */
/*
 * pending - requests of a client that the server itself has to answer and has
 * not, and whether the server still knows the session.
 *
 * A request is the server's when it has no address, the server's own, or that
 * of the client's own account; before that is known, one of any account counts
 * until it is. Kept by a digest of its id, while it has no answer, and at most
 * so many of a client: beyond that the oldest is forgotten.
 * A client without any costs nothing.
 *
 * What hints that the server no longer knows the session is followed by a probe
 * of it (PROTOCOL.md §10.9): the answer, if there is one, ends the stream.
 */
#ifndef WORKER_CLIENT_PENDING_H
#define WORKER_CLIENT_PENDING_H

#include "common/base/base.h"

struct client;
struct parsed;

#define PENDING_MAX 16u

enum pending_hint {
	PENDING_UNAVAILABLE, /* the session was reported to have gone */
	PENDING_PACKET_ERROR,
};

/* An iq request goes up; `to` as prepared, NULL for none, and its canonical
 * text. True: pending_due() is another. */
MUST_CHECK bool pending_add_request(struct client *client, const char *to,
    const uint8_t *bytes, size_t len);
/* An iq that came down, or an error of ours, of any stanza. */
void pending_answered(struct client *client, const struct parsed *answer);
/* The client has an address from now on. */
void pending_jid_known(struct client *client);
unsigned pending_count(const struct client *client);

/* The session may be gone. True as above. */
MUST_CHECK bool pending_hint(struct client *client, enum pending_hint hint);
/* A presence that came down: it hints so when it is the session's own and says
 * unavailable. True as above. */
MUST_CHECK bool pending_note_presence(struct client *client,
    const struct parsed *presence);

/* Second at which pending_look() has something to do; UINT32_MAX: never. */
uint32_t pending_due(const struct client *client);
void pending_look(struct client *client, uint32_t now);
/* So long nobody could be answered. */
void pending_excuse(struct client *client, uint32_t pause_s);
/* All of it. */
void pending_forget(struct client *client);

#endif
