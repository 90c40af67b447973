/* SPDX-License-Identifier: Apache-2.0 */
/*
 * platform_loop - the platform of the daemon: libev, the kernel's sockets,
 * c-ares, the channel to the master. process.c begins and ends it.
 */
#ifndef WORKER_UPSTREAM_PLATFORM_LOOP_H
#define WORKER_UPSTREAM_PLATFORM_LOOP_H

#include "common/process/heritage.h"
#include "common/shm/region.h"
#include "worker/doorbell.h"
#include "worker/supervised.h"
#include "worker/upstream/core/platform.h"

struct config;
struct link;
struct resolve_query;
struct resolver;
struct upstream;

/* Of one link. */
struct loop_link {
	struct link *link;
	ev_io read_io;
	ev_io write_io;
	struct resolve_query *query; /* NULL: none is under way */
};

struct platform_loop {
	struct platform platform;
	struct upstream *up;
	struct heritage *heritage;
	struct ev_loop *loop;
	struct resolver *resolver;
	struct loop_link links[LINKS_MAX];
	struct doorbell doorbell;
	struct supervised supervised;
	ev_timer tick;
	ev_check turn;
	struct heritage_link left[LINKS_MAX]; /* to a standby */
};

/* Before upstream_prepare(); `loop` is borrowed. */
void platform_loop_init(struct platform_loop *self, struct ev_loop *loop,
    struct upstream *up, struct heritage *heritage);
/* Behind upstream_tear_down(). */
void platform_loop_destroy(struct platform_loop *self);

#endif
