/* SPDX-License-Identifier: Apache-2.0 */
/*
 * worker_pool - how many workers serve: one more, one fewer, out of service and
 * back; which partition of the region is whose, which upstream is notified of;
 * and who accepts on which listening socket (listeners.h). A worker that is
 * drained accepts no more, keeps its clients and ends when the last has gone.
 */
#ifndef MASTER_WORKER_POOL_H
#define MASTER_WORKER_POOL_H

#include "common/process/channel.h"
#include "master/listeners.h"

struct child;
struct children;

unsigned worker_pool_wanted(const struct children *children);
/* Workers that are drained, or were stopped before they served, and are still
 * there. */
unsigned worker_pool_draining(const struct children *children);
/* True from worker_pool_drain_all(), or the end of its delay, to
 * worker_pool_undrain_all(). */
bool worker_pool_is_closed(const struct children *children);
/* The same from its call on: load balancers are to send nobody. */
bool worker_pool_is_leaving(const struct children *children);

/* So many from now on: those that are being drained come back first, the last
 * are drained and wait for their clients. -ERANGE: 1 to workers.max. */
MUST_CHECK int worker_pool_want(struct children *children, unsigned count,
    double now);
/*
 * One less: this worker accepts no more, closes its clients within the window
 * (seconds; 0: waits for them) and ends. Again: another window. -ESRCH: no such
 * worker; -EBUSY: it is the only one.
 */
MUST_CHECK int worker_pool_drain(struct children *children, uint32_t partition,
    unsigned window_s);
/* It serves again, one more. -ESRCH; -EBUSY: all are drained; -ERANGE: there
 * are workers.max already. */
MUST_CHECK int worker_pool_undrain(struct children *children,
    uint32_t partition);
/* All, and the listening sockets are closed; both when the delay is over, if
 * none of them is drained yet. Again: another window, and no later. */
void worker_pool_drain_all(struct children *children, double now,
    double delay_s, unsigned window_s);
/* When the delay is over; HUGE_VAL: none is under way. */
double worker_pool_closes_at(const struct children *children);
/* Ends it if it is over. */
void worker_pool_close_due(struct children *children, double now);
/* The sockets are opened again, all of the configuration serve. -errno and why
 * when they cannot be had. */
MUST_CHECK int worker_pool_undrain_all(struct children *children, double now,
    char why_out[LISTENERS_WHY_MAX]);
/* The listeners changed: those who accept are notified. */
void worker_pool_share_listeners(struct children *children);
/* Those whose address is wanted no more, when they are due. */
void worker_pool_close_listeners(struct children *children, double now);

/* --- partitions of the region --- */

/* A partition and an incarnation for the child to be started; false when none
 * is free, with a line in the log. Upstream and control need none. */
MUST_CHECK bool worker_pool_claim(struct child *child);
/* The child was not started. */
void worker_pool_give_back(struct child *child);
/* One is free; a worker that waits for one may start. */
void worker_pool_have_partition(struct children *children);
/* Upstream reports that it has recovered this one. */
void worker_pool_on_partition_free(struct children *children,
    uint32_t partition);
/* Notifies upstream of a partition. */
void worker_pool_notify_upstream(struct children *children,
    enum channel_type type, uint32_t partition);
/* A new upstream is sent what its predecessor knew. */
void worker_pool_brief_upstream(struct children *children);
/* True when sessions may live there. */
bool worker_pool_partition_is_used(const struct children *children,
    uint32_t partition);

/* The worker has died: its siblings have its listeners, upstream or the next
 * worker its partition. */
void worker_pool_inherit(struct child *child);

/* As many as are wanted wait to be started. */
void worker_pool_start(struct children *children, double now);

#endif
