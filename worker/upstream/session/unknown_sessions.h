/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unknown_sessions - streamids that are of no session here and were closed on
 * the server a moment ago (PROTOCOL.md §10.6): each is closed once per
 * interval, however much comes for it. A fixed table; the oldest in a bucket
 * makes room. Pure.
 */
#ifndef WORKER_UPSTREAM_SESSION_UNKNOWN_SESSIONS_H
#define WORKER_UPSTREAM_SESSION_UNKNOWN_SESSIONS_H

#include "common/base/base.h"

#define UNKNOWN_SESSIONS_BUCKETS    64
#define UNKNOWN_SESSIONS_PER_BUCKET 4

struct unknown_session {
	uint64_t hash; /* of the streamid */
	double closed_at;
};

struct unknown_sessions {
	struct unknown_session table[UNKNOWN_SESSIONS_BUCKETS]
				    [UNKNOWN_SESSIONS_PER_BUCKET];
	double interval_s;
};

void unknown_sessions_init(struct unknown_sessions *unknown, double interval_s);

/* True when the id is to be closed now; it then counts as closed. */
bool unknown_sessions_is_due(struct unknown_sessions *unknown,
    const char *streamid, double now);

/* An id that can be put into what we render as it is: non-empty, at most 128
 * of [A-Za-z0-9._-]. */
bool unknown_sessions_is_plain_id(const char *streamid);

/* A lane for an id that belongs to no session. */
unsigned unknown_sessions_lane(const char *streamid);

#endif
