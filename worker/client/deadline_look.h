/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deadline_look - what is done when a limit is reached: a client is pinged,
 * probed, kept alive, or closed.
 */
#ifndef WORKER_CLIENT_DEADLINE_LOOK_H
#define WORKER_CLIENT_DEADLINE_LOOK_H

#include "common/base/base.h"

struct client_worker;

/* Once a second. After a pause of the worker itself nobody was silent. */
void deadlines_tick(struct client_worker *worker);
/* The interval of keep-alives has changed. */
void deadlines_begin_keepalive_anew(struct client_worker *worker);

#endif
