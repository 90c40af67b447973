/* SPDX-License-Identifier: Apache-2.0 */
/*
 * unknown_sessions - streamids closed on the server a moment ago.
 */
#include "worker/upstream/session/unknown_sessions.h"

#include "common/shm/region.h"

#include <string.h>

void
unknown_sessions_init(struct unknown_sessions *unknown, double interval_s)
{
	*unknown = (struct unknown_sessions){ .interval_s = interval_s };
}

/* FNV-1a; never 0, which means an empty place. */
static uint64_t
hash_of(const char *text)
{
	uint64_t hash = 0xcbf29ce484222325u;

	for (; *text; text++)
		hash = (hash ^ (uint8_t)*text) * 0x100000001b3u;
	return hash ? hash : 1;
}

bool
unknown_sessions_is_due(struct unknown_sessions *unknown, const char *streamid,
    double now)
{
	uint64_t hash = hash_of(streamid);
	struct unknown_session *bucket =
	    unknown->table[hash % UNKNOWN_SESSIONS_BUCKETS];
	struct unknown_session *oldest = &bucket[0];

	for (unsigned i = 0; i < UNKNOWN_SESSIONS_PER_BUCKET; i++) {
		if (bucket[i].hash == hash) {
			if (now - bucket[i].closed_at < unknown->interval_s)
				return false;
			oldest = &bucket[i];
			break;
		}
		if (bucket[i].closed_at < oldest->closed_at)
			oldest = &bucket[i];
	}
	*oldest = (struct unknown_session){ .hash = hash, .closed_at = now };
	return true;
}

bool
unknown_sessions_is_plain_id(const char *streamid)
{
	size_t len = strspn(streamid,
	    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
	    "0123456789._-");

	return len >= 1 && len <= 128 && streamid[len] == '\0';
}

unsigned
unknown_sessions_lane(const char *streamid)
{
	return (unsigned)(hash_of(streamid) >> 32) % LANE_COUNT;
}
