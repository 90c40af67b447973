/* SPDX-License-Identifier: Apache-2.0 */
/*
 * trace - what is told of a watched client, to whoever reads the other end of a
 * descriptor (common/process/trace_record.h). Who reads slowly loses some and
 * is told how many; the client never waits. All but trace_begin() is for
 * clients with CLIENT_TRACED.
 */
#ifndef WORKER_CLIENT_TRACE_H
#define WORKER_CLIENT_TRACE_H

#include "common/base/base.h"
#include "common/process/trace_record.h"
#include "common/xmpp/close.h"

#include <ev.h>

struct client_worker;
struct client;
struct element;

#define WATCHERS_MAX 16

/* Unused when it has neither client nor end reason. */
struct watcher {
	struct client *client;
	const char *end_reason; /* still to be sent; the client is gone */
	int fd;
	uint32_t lost;
	ev_io io; /* its data: the worker */
};

/* Takes the descriptor; client: NULL when it has gone meanwhile. */
void trace_begin(struct client_worker *worker, struct client *client, int fd);
/* Shows it, secrets masked; canonical XML. */
void trace_element(const struct client *client, enum trace_what what,
    const void *bytes, size_t len);
void trace_header(const struct client *client, const struct element *header);
/* The client ends; after this nothing is shown of it. */
void trace_end(const struct client *client, enum close_reason reason);

#endif
