/* SPDX-License-Identifier: Apache-2.0 */
/*
 * strangers - streamids that we do not know and that were closed on the server
 * a moment ago (PROTOCOL.md §10.6): each is closed once per interval, however
 * much comes for it. A fixed table; the oldest in a bucket makes room. Pure.
 */
#ifndef WORKER_UPSTREAM_STRANGERS_H
#define WORKER_UPSTREAM_STRANGERS_H

#include "common/base/base.h"

#define STRANGERS_BUCKETS    64
#define STRANGERS_PER_BUCKET 4

struct stranger {
	uint64_t hash; /* of the streamid */
	double closed_at;
};

struct strangers {
	struct stranger table[STRANGERS_BUCKETS][STRANGERS_PER_BUCKET];
	double interval_s;
};

void strangers_init(struct strangers *strangers, double interval_s);

/* True when the id is to be closed now; it then counts as closed. */
bool strangers_is_due(struct strangers *strangers, const char *streamid,
    double now);

/* An id that can be put into what we render as it is: non-empty, at most 128
 * of [A-Za-z0-9._-]. */
bool strangers_is_plain_id(const char *streamid);

/* A lane for an id that belongs to no session. */
unsigned strangers_lane(const char *streamid);

#endif
