/* SPDX-License-Identifier: Apache-2.0 */
/*
 * deliver - takes what came down, checks whose it is, and hands it to that
 * client (PROTOCOL.md §6.4). What upstream wrote is never trusted: a frame that
 * makes no sense is counted and dropped.
 */
#ifndef WORKER_CLIENT_DELIVER_H
#define WORKER_CLIENT_DELIVER_H

#include "common/base/base.h"

struct client_worker;

/* Takes what came down; true when there was something. */
bool deliver_all(struct client_worker *worker);

#endif
