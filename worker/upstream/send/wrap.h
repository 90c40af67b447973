/* SPDX-License-Identifier: Apache-2.0 */
/*
 * wrap - what a worker's frame becomes on the wire.
 *
 * A worker talks to the internet and may have been taken over. What it says is
 * copied first, then checked, and upstream alone writes what stands around it:
 * no streamid, address or request of a worker's own reaches a link. So a worker
 * can speak as its own sessions, in stanzas that are one element each, and
 * anything else costs the worker, not the link.
 */
#ifndef WORKER_UPSTREAM_SEND_WRAP_H
#define WORKER_UPSTREAM_SEND_WRAP_H

#include "worker/upstream/core/state.h"

/* Whose ring a frame is in. */
struct wrap_source {
	uint32_t partition;
	unsigned lane;
};

enum wrap_result {
	WRAP_APPENDED, /* to the lane's log */
	WRAP_DROPPED,  /* its session is over, or nobody can take it: counted */
	WRAP_FULL,     /* the log has no room for it now */
	WRAP_FORGED,   /* no worker of ours would say that */
};

/* marks: enum lane_mark, that its entry begins with. */
MUST_CHECK enum wrap_result wrap_frame(struct upstream *up,
    const struct wrap_source *source, const struct frame *frame, uint8_t marks);

#endif
