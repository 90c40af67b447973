/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver - c-ares on the event loop; what resolver.c and resolve.c share,
 * private to both.
 */
#ifndef WORKER_UPSTREAM_LINK_RESOLVER_H
#define WORKER_UPSTREAM_LINK_RESOLVER_H

#include "common/base/list.h"
#include "worker/upstream/link/resolve.h"

#include <ares.h>
#include <ev.h>

#define RESOLVER_SOCKETS_MAX 16

struct watched {
	ev_io io;
	struct resolver *resolver;
	bool used;
};

struct resolver {
	struct ev_loop *loop;
	const struct config *config;
	ares_channel channel;
	struct watched sockets[RESOLVER_SOCKETS_MAX];
	ev_timer timer;
	struct list queries;
	uint64_t next_number;
};

/* To be called after each query. */
void resolver_rearm(struct resolver *resolver);

/* resolve.c: none of the callbacks is called. */
void resolve_cancel_all(struct resolver *resolver);

#endif
