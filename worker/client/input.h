/* SPDX-License-Identifier: Apache-2.0 */
/*
 * input - bytes from a client become elements, which filter.h and negotiate.h
 * take, or are kept until they can (input_kept.h).
 */
#ifndef WORKER_CLIENT_INPUT_H
#define WORKER_CLIENT_INPUT_H

#include "common/base/base.h"

struct client;
struct client_worker;

#define CLIENT_READ_BYTES 16384
/* Below this an incomplete stanza is kept as bytes, without a parser. */
#define PARTIAL_MAX 512u
/* Of a worker: what was read last, and before it what was kept. */
#define INPUT_ROOM_BYTES (PARTIAL_MAX + CLIENT_READ_BYTES)

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
/* Of what was taken, and will be until the end: elements go to unread_take().
 * False: there can be none, or what follows is none. */
bool input_begin_rest(struct client *client);
bool input_rest_goes_on(struct client_worker *worker);

#endif
