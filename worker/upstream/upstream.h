/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream - entry point of the one process that holds the links to the server.
 */
#ifndef WORKER_UPSTREAM_UPSTREAM_H
#define WORKER_UPSTREAM_UPSTREAM_H

#include "common/base/base.h"

struct heritage;
struct upstream;

NORETURN void upstream_main(struct heritage *heritage);

/* What it does before it serves, and behind the loop; for tests. The loop and
 * the time are there. `heritage` outlives it, and so does its configuration. */
void upstream_set_up(struct upstream *up, struct heritage *heritage);
void upstream_tear_down(struct upstream *up);

#endif
