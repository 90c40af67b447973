/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_worker - entry point of a worker: owns its listeners, its clients, its
 * rings to upstream. A process has one; under test it may have several, each
 * with a partition and a loop of its own.
 */
#ifndef WORKER_CLIENT_CLIENT_WORKER_H
#define WORKER_CLIENT_CLIENT_WORKER_H

#include "common/base/base.h"

struct client_worker;
struct ev_loop;
struct heritage;

/* The process is a worker from here on, until its master stops it. */
NORETURN void client_worker_main(struct heritage *heritage);

/* One that serves when its loop runs. Takes the loop; heritage: with the region
 * and the configuration, outlives it. */
struct client_worker *client_worker_new(struct heritage *heritage,
    struct ev_loop *loop);
/* Its clients are dropped without words; with the loop and the channel. */
void client_worker_free(struct client_worker **worker);

#endif
