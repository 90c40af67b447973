/* SPDX-License-Identifier: Apache-2.0 */
/*
 * resolver - c-ares on the event loop; what resolver.c and resolve.c share,
 * private to both.
 */
#ifndef WORKER_UPSTREAM_RESOLVE_RESOLVER_H
#define WORKER_UPSTREAM_RESOLVE_RESOLVER_H

#include "common/base/list.h"
#include "worker/upstream/resolve/resolve.h"

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

/* When no query is left. */
void resolver_close(struct resolver *resolver);

#endif
