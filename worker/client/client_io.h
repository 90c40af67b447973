/* SPDX-License-Identifier: Apache-2.0 */
/*
 * client_io - a client comes, and its socket moves.
 */
#ifndef WORKER_CLIENT_CLIENT_IO_H
#define WORKER_CLIENT_CLIENT_IO_H

#include "common/base/base.h"

struct client_worker;
struct endpoint;

/* Takes the descriptor, which was accepted from `peer`. */
void client_new(struct client_worker *worker, int fd,
    const struct endpoint *peer, bool direct_tls);

#endif
