/* SPDX-License-Identifier: Apache-2.0 */
/*
 * supervised - the child's end of the channel: the master's messages become
 * callbacks, but for what every child does alike (where its log goes).
 * End-of-file means the master died: on_stop is called.
 */
#ifndef WORKER_SUPERVISED_H
#define WORKER_SUPERVISED_H

#include "common/process/channel.h"

#include <ev.h>

struct config;

struct supervised {
	struct channel *channel;
	ev_io read_io;
	ev_io write_io;
	struct ev_loop *loop;
	/* May be called again; must be harmless then. */
	void (*on_stop)(void *context);
	/* A new configuration is in force. That of the start stays valid, one
	 * taken in between is freed. The callee may wipe the secrets in it. */
	void (*on_config)(void *context, struct config *config);
	void (*on_message)(void *context,
	    const struct channel_message *message);
	void *context;
	struct config *taken; /* owned; NULL: that of the birth */
};

/* Callbacks and context are set by the caller before. */
void supervised_start(struct supervised *supervised, struct ev_loop *loop,
    int channel_fd);
void supervised_send(struct supervised *supervised,
    const struct channel_message *message);
/* 0, or -errno of channel_send(): it was not sent. */
MUST_CHECK int supervised_try_send(struct supervised *supervised,
    const struct channel_message *message);
/* Sends what is queued, blocking at most a second; before the process ends. */
void supervised_flush(struct supervised *supervised);

#endif
