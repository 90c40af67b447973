/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input - what clients send: from sockets (input_read.c) through parsers
 * (input.c) to elements, which filter.c and negotiate.c take, or to the end of
 * the stream (input_end.c).
 */
#ifndef WORKER_CLIENT_INPUT_H
#define WORKER_CLIENT_INPUT_H

#include "common/xmpp/framer.h"

struct client_worker;
struct client;

#define CLIENT_READ_BYTES 16384
/* Below this an incomplete stanza is kept as bytes, without a parser. */
#define PARTIAL_MAX 512u
/* Of a worker: what was read last, and before it what was kept. */
#define INPUT_ROOM_BYTES (PARTIAL_MAX + CLIENT_READ_BYTES)

/* --- input_read.c --- */

void input_readable(struct client *client);
/* Handles what was left when the client was blocked. */
void input_continue(struct client *client);
/* Hands what has come and was not looked at to unread_take(), with at most so
 * many bytes of what the socket holds; how many those were. */
size_t input_read_rest(struct client *client, size_t limit);

/* --- input.c --- */

/* A new header is due; what came early is for it. */
void input_restart(struct client *client);
void input_forget(struct client *client);
/* Bytes of what was read and is no whole element yet, or waits for the answer
 * to the log-in. */
size_t input_kept_bytes(const struct client *client);
/* Bytes that an element of the client may have now. */
size_t input_size_limit(const struct client *client);

/* --- input_end.c --- */

/* Ends the stream for the parser's error at the next bytes. */
void input_end(struct client *client, enum framer_result result);

/* --- between them --- */

/* Room for CLIENT_READ_BYTES, and before it for what was kept of the client's
 * earlier words. */
uint8_t *input_room(struct client_worker *worker);
/* What came, and lies in that room: parsed, or kept until it can be. */
void input_take(struct client *client, uint8_t *bytes, size_t len);
/* Goes on with what was parsed or kept before. */
void input_take_kept(struct client *client);
/* Bytes that may be read now: nothing is read that can neither be used nor
 * kept. */
size_t input_read_limit(const struct client *client);
/* It waits for an answer of the server, and what it sends is kept. */
bool input_must_hold(const struct client *client);
/* Of what was taken, and will be until the end: elements go to unread_take().
 * False: there can be none, or what follows is none. */
bool input_begin_rest(struct client *client);
bool input_rest_goes_on(struct client_worker *worker);

#endif
