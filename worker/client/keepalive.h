/* SPDX-License-Identifier: Apache-2.0 */
/*
 * keepalive - what is sent to a client that is bound and quiet, so that a
 * router which translates addresses (NAT) does not forget its connection: a
 * blank between two stanzas, or a ping (XEP-0199). Its TCP acknowledges either,
 * which is traffic in the direction that such routers look at.
 *
 * Quiet is who has neither sent nor got anything. Clients that came in the same
 * second are not sent to in the same one: each waits for an interval that is up
 * to a quarter shorter, another one each time.
 */
#ifndef WORKER_CLIENT_KEEPALIVE_H
#define WORKER_CLIENT_KEEPALIVE_H

#include "common/base/base.h"

struct client;

/* Seconds of silence, from three quarters of the interval to all of it, 1 at
 * least. salt: any number; the same gives the same. */
uint32_t keepalive_wait_s(double interval_s, uint32_t salt);

/* Second at which something is to be sent; UINT32_MAX: never. */
uint32_t keepalive_due(const struct client *client);
void keepalive_send(struct client *client);

/* The interval has changed: one that has been quiet for longer than it is sent
 * to within the next one. None is due at once, however many are late. */
void keepalive_spread(struct client *client, uint32_t now);

/* Asks a quiet client for a sign of life. */
void keepalive_ping(struct client *client);

/* True, once, for the id of an answer to the last of these. */
bool keepalive_is_answer(struct client *client, const char *id);

#endif
