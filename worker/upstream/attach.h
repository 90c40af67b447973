/* SPDX-License-Identifier: Apache-2.0 */
/*
 * attach - upstream takes what its predecessor has left: lanes, links and the
 * server's state. All that needs nothing of the region is done before, by a
 * standby long before (upstream.c).
 */
#ifndef WORKER_UPSTREAM_ATTACH_H
#define WORKER_UPSTREAM_ATTACH_H

#include "worker/upstream/core/state.h"

/* No other upstream process is alive. */
void upstream_attach(struct upstream *up);

#endif
