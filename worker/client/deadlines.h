/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deadlines - time-outs without a timer each: a wheel of one-second buckets. A
 * client lies in the bucket of its nearest limit; activity moves nothing, the
 * limit is looked at again when its bucket comes. Seconds are those of now_s().
 */
#ifndef WORKER_CLIENT_DEADLINES_H
#define WORKER_CLIENT_DEADLINES_H

#include "common/base/base.h"

struct client_worker;
struct client;

#define WHEEL_SECONDS 512 /* power of two */

void deadlines_init(struct client_worker *worker);
/* Looks at the client again when its nearest limit is due. */
void deadline_update(struct client *client);
/* A step of its log-in was answered, by the server or by us: it has more time
 * for the next. */
void deadline_step(struct client *client);
/* Time in which we did not read from it does not count against it. */
void deadline_excuse(struct client *client, uint32_t pause_s);
/* Seconds at which limits are reached, UINT32_MAX: never. Of the incomplete
 * stanza, of the state that it is in, and of silence. */
uint32_t deadline_of_stanza(const struct client *client);
uint32_t deadline_of_state(const struct client *client);
uint32_t deadline_of_silence(const struct client *client);
/* The limit of the incomplete stanza is reached: true, enough of it has come
 * for more time, which begins now. */
bool deadline_stanza_goes_on(struct client *client, uint32_t now);
/* `len` bytes of a stanza have come; `len` more have; it is whole. */
void deadline_stanza_begins(struct client *client, size_t len);
void deadline_stanza_grows(struct client *client, size_t len);
void deadline_stanza_ends(struct client *client);

#endif
