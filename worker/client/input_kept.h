/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input_kept - what of a client's words was read and is not parsed: few bytes
 * of an incomplete stanza, or what waits for the answer to its log-in, are kept
 * as they came; a longer one keeps its parser.
 */
#ifndef WORKER_CLIENT_INPUT_KEPT_H
#define WORKER_CLIENT_INPUT_KEPT_H

#include "common/process/config.h"
#include "common/xmpp/lexer.h"
#include "worker/client/client_state.h"
#include "worker/client/state.h"

/* The beginning of a stanza, without a parser. */
struct partial {
	struct lexer lexer; /* behind it */
	size_t len;
	uint8_t bytes[];
};

/* Bytes that an element of the client may have now. */
static inline size_t
input_size_limit(const struct client *client)
{
	const struct config_client *config = &worker_of(client)->config->client;

	return client_is_authenticated(client)
		   ? config->stanza_bytes
		   : MIN(config->preauth_bytes, config->stanza_bytes);
}

/* Its next element is the header of a stream. */
static inline bool
input_expects_header(const struct client *client)
{
	return client->state == CLIENT_GREETING ||
	       client->state == CLIENT_RESTARTING;
}

/* It waits for an answer of the server, and what it sends is kept. */
bool input_must_hold(const struct client *client);
/* Copies these bytes behind what is kept. */
void input_keep(struct client *client, const uint8_t *bytes, size_t len);
/* Bytes of what was read and is no whole element yet, or waits for the answer
 * to the log-in. */
size_t input_kept_bytes(const struct client *client);
/* What is kept as bytes. */
void input_forget_partial(struct client *client);
/* A new header is due; what came early is for it. */
void input_restart(struct client *client);
/* All that is kept, and what its header declared. */
void input_forget(struct client *client);

#endif
