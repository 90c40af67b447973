/* SPDX-License-Identifier: Apache-2.0 */
/*
 * act_client - acts on their way to the master and their answers back, by the
 * channel. An act's place in memory stays the same until it is done or
 * forgotten.
 */
#ifndef WORKER_CONTROL_ACT_CLIENT_H
#define WORKER_CONTROL_ACT_CLIENT_H

#include "common/process/act.h"

struct supervised;

struct act_client {
	struct supervised *supervised; /* borrowed */
	struct list pending;
	unsigned count;
	uint32_t ticket; /* the last one */
};

void act_client_init(struct act_client *client, struct supervised *supervised);
/* The answer may be there at once, or come later. */
void act_client_begin(struct act_client *client, struct act *act);
/* Nobody waits for its answer any more. */
void act_client_forget(struct act_client *client, struct act *act);
/* An ACT_DONE; takes its descriptor. */
void act_client_take(struct act_client *client,
    const struct channel_message *message);

#endif
