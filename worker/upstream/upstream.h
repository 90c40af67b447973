/* SPDX-License-Identifier: Apache-2.0 */
/*
 * upstream - entry point of the one process that holds the links to the server.
 */
#ifndef WORKER_UPSTREAM_UPSTREAM_H
#define WORKER_UPSTREAM_UPSTREAM_H

#include "common/base/base.h"

struct heritage;

NORETURN void upstream_main(struct heritage *heritage);

#endif
