/* SPDX-License-Identifier: Apache-2.0 */
/*
 * orders - what the children are sent besides what belongs to their life: where
 * the log goes, a new configuration, what operators have workers do.
 */
#ifndef MASTER_ORDERS_H
#define MASTER_ORDERS_H

#include "master/children.h"

/* Gives all of them this process's log sink. */
void orders_send_log(struct children *children);
/* Gives each the snapshot for its role. */
void orders_send_config(struct children *children);
/* Gives all of them this process's log level. */
void orders_send_log_level(struct children *children);

/* Has the worker close the client of that slot and generation; reason:
 * enum close_reason. 0, -ESRCH when there is no such worker, or -EAGAIN while
 * it is behind in its reading. */
MUST_CHECK int orders_kill_client(struct children *children, uint32_t partition,
    uint32_t slot, uint32_t generation, unsigned reason);
/* Has the worker send what passes for that client on the descriptor, which
 * stays the caller's. 0, -ESRCH or -EAGAIN as above; the latter also when no
 * descriptor is free. */
MUST_CHECK int orders_trace_client(struct children *children,
    uint32_t partition, uint32_t slot, uint32_t generation, int fd);

#endif
