/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_worker - entry point of a worker: owns its listeners, its clients, its
 * rings to upstream.
 */
#ifndef WORKER_CLIENT_CLIENT_WORKER_H
#define WORKER_CLIENT_CLIENT_WORKER_H

#include "common/base/base.h"

struct heritage;

NORETURN void client_worker_main(struct heritage *heritage);

#endif
