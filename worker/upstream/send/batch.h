/* SPDX-License-Identifier: Apache-2.0 */
/*
 * batch - what a link writes next: its own ctl frames, then entries of its
 * lanes, a bounded number of bytes of each in turn. Each is judged by
 * unconfirmed.h before; those in a row that go out, and whose bytes lie in one
 * piece, are one span of the link's journal.
 */
#ifndef WORKER_UPSTREAM_SEND_BATCH_H
#define WORKER_UPSTREAM_SEND_BATCH_H

#include "worker/upstream/core/state.h"

/* Replaces link->batch, which must be written; it is empty when nothing may go
 * out now. */
void batch_fill(struct link *link);

#endif
