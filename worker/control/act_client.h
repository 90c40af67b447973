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
	struct acts acts;              /* what handlers have done */
	struct list pending;
	unsigned count;
	uint32_t ticket; /* the last one */
};

void act_client_init(struct act_client *client, struct supervised *supervised);
/* An ACT_DONE; takes its descriptor. */
void act_client_take(struct act_client *client,
    const struct channel_message *message);

#endif
