/* SPDX-License-Identifier: Apache-2.0 */
/*
 * control_worker - the process that answers operators and programs: it holds
 * the control socket and HTTP, and only looks. What has to be done the master
 * does (common/process/act.h).
 */
#ifndef WORKER_CONTROL_CONTROL_WORKER_H
#define WORKER_CONTROL_CONTROL_WORKER_H

#include "common/base/base.h"

struct heritage;

/* The entry point of the process. */
NORETURN void control_worker_main(struct heritage *heritage);

#endif
